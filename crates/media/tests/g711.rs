//! G.711 against an independent formulation: decision values from the tables of ITU-T G.711 instead of G.191's
//! shifting loops, over every sample and every code.

use media::g711::{Law, decode, decode_all, encode, encode_all};

/// The lower decision values of the 128 quantising intervals of one sign, in the scale G.191 works in: 14 bits for
/// mu-law (G.711 table 2a), 12 bits of magnitude for A-law (table 1a).
fn decision_values(law: Law) -> Vec<i32> {
    let mut values = Vec::new();
    let mut value = 0;
    match law {
        // Sixteen intervals a segment; the first is half as wide because zero lies in its middle.
        Law::Mu => {
            for segment in 0..8 {
                for _ in 0..16 {
                    values.push(value);
                    value += if value == 0 { 1 } else { 2 << segment };
                }
            }
        }
        // The first two segments have the same step.
        Law::A => {
            for segment in 0..8 {
                for _ in 0..16 {
                    values.push(value);
                    value += 1 << i32::max(segment - 1, 0);
                }
            }
        }
    }
    values
}

fn interval(law: Law, decisions: &[i32], sample: i16) -> usize {
    let magnitude = if sample < 0 { -1 - i32::from(sample) } else { i32::from(sample) };
    let scaled = match law {
        Law::Mu => magnitude / 4,
        Law::A => magnitude / 16,
    };
    decisions.iter().filter(|&&value| value <= scaled).count() - 1
}

fn expected_code(law: Law, interval: usize, negative: bool) -> u8 {
    let interval = interval as u8;
    match law {
        Law::Mu => 0xFF - interval - if negative { 0x80 } else { 0 },
        Law::A => (interval + if negative { 0 } else { 0x80 }) ^ 0x55,
    }
}

#[test]
fn every_sample_encodes_as_the_decision_values_of_g711_say() {
    for law in Law::ALL {
        let decisions = decision_values(law);
        assert_eq!(decisions.len(), 128);
        for sample in i16::MIN..=i16::MAX {
            let want = expected_code(law, interval(law, &decisions, sample), sample < 0);
            assert_eq!(encode(law, sample), want, "{law:?} of {sample}");
        }
    }
}

#[test]
fn every_code_decodes_to_the_middle_of_its_interval() {
    for law in Law::ALL {
        let decisions = decision_values(law);
        let scale = match law {
            Law::Mu => 4,
            Law::A => 16,
        };
        for index in 0..128 {
            let low = decisions[index];
            let high = decisions.get(index + 1).copied().unwrap_or(match law {
                Law::Mu => 8159,
                Law::A => 2048,
            });
            // Mu-law's first interval reaches as far below zero as above.
            let low = if law == Law::Mu && index == 0 { -high } else { low };
            let middle = (low + high) * scale / 2;
            for negative in [false, true] {
                let code = expected_code(law, index, negative);
                let want = if negative { -middle } else { middle };
                assert_eq!(i32::from(decode(law, code)), want, "{law:?} code {code:#04x}");
            }
        }
    }
}

#[test]
fn decoding_and_encoding_again_keeps_every_code_but_the_negative_zero() {
    for law in Law::ALL {
        let codes: Vec<u8> = (0..=255).collect();
        let again = encode_all(law, &decode_all(law, &codes));
        for (code, again) in codes.iter().zip(again) {
            let want = if law == Law::Mu && *code == 0x7F { 0xFF } else { *code };
            assert_eq!(again, want, "{law:?} code {code:#04x}");
        }
    }
}

#[test]
fn the_extremes_are_those_of_the_tables() {
    assert_eq!(decode(Law::Mu, 0x80), 32124);
    assert_eq!(decode(Law::Mu, 0x00), -32124);
    assert_eq!(decode(Law::A, 0xAA), 32256);
    assert_eq!(decode(Law::A, 0x2A), -32256);
    assert_eq!(decode(Law::A, 0xD5), 8);
    assert_eq!(encode(Law::Mu, i16::MIN), 0x00);
    assert_eq!(encode(Law::A, i16::MAX), 0xAA);
}
