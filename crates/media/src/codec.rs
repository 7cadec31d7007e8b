//! The codecs that are spoken and decoded here, all with an RTP clock of 8000 Hz and one byte a tick.

use serde::{Deserialize, Serialize};

use crate::g711::{self, Law};
use crate::g722;

/// Ticks of the RTP timestamp a second, and bytes of payload a second.
pub const CLOCK: u32 = 8000;

/// A codec of voice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Codec {
    /// G.711 mu-law, `PCMU`.
    #[serde(rename = "mu")]
    Pcmu,
    /// G.711 A-law, `PCMA`.
    #[serde(rename = "a")]
    Pcma,
    /// G.722 at 64 kbit/s, 16 kHz.
    #[serde(rename = "g722")]
    G722,
}

impl From<Law> for Codec {
    fn from(law: Law) -> Self {
        match law {
            Law::Mu => Self::Pcmu,
            Law::A => Self::Pcma,
        }
    }
}

impl Codec {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pcmu, Self::Pcma, Self::G722];

    /// Its law, where it is G.711.
    pub fn law(self) -> Option<Law> {
        match self {
            Self::Pcmu => Some(Law::Mu),
            Self::Pcma => Some(Law::A),
            Self::G722 => None,
        }
    }

    /// The static RTP payload type (RFC 3551 §6).
    pub fn payload_type(self) -> u8 {
        self.law().map_or(g722::PAYLOAD_TYPE, Law::payload_type)
    }

    /// The codec of a static payload type.
    pub fn of_payload_type(payload_type: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.payload_type() == payload_type)
    }

    /// The encoding name in SDP (RFC 3551 §4.5).
    pub fn encoding(self) -> &'static str {
        self.law().map_or("G722", Law::encoding)
    }

    /// Samples a second of its sound.
    pub fn rate(self) -> u32 {
        match self {
            Self::G722 => g722::RATE,
            Self::Pcmu | Self::Pcma => CLOCK,
        }
    }

    /// Samples of a byte of payload, which is a tick of the clock.
    pub fn samples_per_byte(self) -> usize {
        (self.rate() / CLOCK) as usize
    }
}

/// Codes a voice of 8 kHz.
#[derive(Clone, Debug)]
pub struct Encoder {
    codec: Codec,
    wide: Option<Box<(g722::Encoder, Widener)>>,
}

impl Encoder {
    /// An encoder that has coded nothing yet.
    pub fn new(codec: Codec) -> Self {
        let wide = (codec == Codec::G722).then(Box::default);
        Self { codec, wide }
    }

    /// The codec.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Codes `samples` of 8 kHz into as many bytes at the front of `bytes`, which is as long.
    pub fn encode(&mut self, samples: &[i16], bytes: &mut [u8]) {
        match (self.codec.law(), &mut self.wide) {
            (Some(law), _) => drop(g711::encode_into(law, samples, bytes)),
            (None, Some(wide)) => {
                let (encoder, widener) = wide.as_mut();
                for (sample, byte) in samples.iter().zip(bytes) {
                    *byte = encoder.encode_pair(widener.widen(*sample));
                }
            }
            (None, None) => {}
        }
    }
}

/// Brings 8 kHz to 16 kHz: each sample behind the middle between it and the one before. What that leaves above 4 kHz is wanted: a
/// recording that lost the upper band differs.
#[derive(Clone, Copy, Debug, Default)]
struct Widener {
    last: i16,
}

impl Widener {
    fn widen(&mut self, sample: i16) -> [i16; 2] {
        let middle = ((i32::from(self.last) + i32::from(sample)) / 2) as i16;
        self.last = sample;
        [middle, sample]
    }
}

/// Decodes payloads of one codec, in their order.
#[derive(Clone, Debug)]
pub struct Decoder {
    codec: Codec,
    wide: Option<Box<g722::Decoder>>,
}

impl Decoder {
    /// A decoder that has heard nothing yet.
    pub fn new(codec: Codec) -> Self {
        Self { codec, wide: (codec == Codec::G722).then(Box::default) }
    }

    /// The codec.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Appends what `payload` sounds like, at the codec's own rate.
    pub fn decode(&mut self, payload: &[u8], samples: &mut Vec<i16>) {
        match (self.codec.law(), &mut self.wide) {
            (Some(law), _) => samples.extend(payload.iter().map(|&code| g711::decode(law, code))),
            (None, Some(wide)) => wide.decode(payload, samples),
            (None, None) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_types_and_names_are_those_of_the_profile() {
        let table: Vec<(u8, &str, u32)> =
            Codec::ALL.iter().map(|codec| (codec.payload_type(), codec.encoding(), codec.rate())).collect();
        assert_eq!(table, [(0, "PCMU", 8000), (8, "PCMA", 8000), (9, "G722", 16_000)]);
        for codec in Codec::ALL {
            assert_eq!(Codec::of_payload_type(codec.payload_type()), Some(codec));
        }
        assert_eq!(Codec::of_payload_type(18), None);
    }

    #[test]
    fn every_codec_gives_a_byte_a_sample_and_sounds_like_what_was_said() {
        let said: Vec<i16> = (0..1600).map(|n| (6000.0 * (f64::from(n) * 0.4).sin()) as i16).collect();
        for codec in Codec::ALL {
            let (mut encoder, mut decoder) = (Encoder::new(codec), Decoder::new(codec));
            let mut heard = Vec::new();
            for frame in said.chunks(160) {
                let mut bytes = [0; 160];
                encoder.encode(frame, &mut bytes);
                decoder.decode(&bytes, &mut heard);
            }
            let wide = codec.samples_per_byte();
            assert_eq!(heard.len(), said.len() * wide);
            // G.722 delays by 22 samples, and its second sample of a pair is ours.
            let at = |n: usize| if wide == 2 { heard[2 * n + 1 + 22] } else { heard[n] };
            let error: f64 = (400..1500).map(|n| (f64::from(at(n)) - f64::from(said[n])).powi(2)).sum();
            let power: f64 = said[400..1500].iter().map(|&sample| f64::from(sample).powi(2)).sum();
            assert!(error < power / 50.0, "{codec:?}: {error} of {power}");
        }
    }

    #[test]
    fn the_ledger_keeps_its_names() {
        let names = Codec::ALL.map(|codec| serde_json::to_string(&codec).unwrap());
        assert_eq!(names, ["\"mu\"", "\"a\"", "\"g722\""]);
    }
}
