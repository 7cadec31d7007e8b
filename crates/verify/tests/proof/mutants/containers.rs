//! Damage to files.

use media::g711::Law;
use media::wav::Encoding;
use verify::Rule;

use super::{Mutant, bytes, coded, mutant, stereo};
use crate::rig::{Layout, wav};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant("empty file", Rule::EmptyFile, &[], |case| bytes(case, |_| Vec::new())),
    mutant("header without audio", Rule::EmptyFile, &[], |case| {
        bytes(case, |file| {
            let channels = u16::from(file[22]);
            wav(channels, &[])
        });
    }),
    mutant("not a WAV file", Rule::UnreadableFile, &[], |case| bytes(case, |_| b"OggS and so on".to_vec())),
    mutant("header never finished", Rule::UnfinishedHeader, &[], |case| {
        bytes(case, |mut file| {
            file[4..8].fill(0);
            file[40..44].fill(0);
            file
        });
    }),
    mutant("streamed header", Rule::UnfinishedHeader, &[], |case| {
        bytes(case, |mut file| {
            file[4..8].fill(0xFF);
            file[40..44].fill(0xFF);
            file
        });
    }),
    mutant("file cut short", Rule::TruncatedFile, &[Rule::WrongHeader, Rule::EndClipped], |case| {
        bytes(case, |mut file| {
            file.truncate(file.len() - 9000);
            file
        });
    }),
    mutant("header of another length", Rule::WrongHeader, &[Rule::EndClipped], |case| {
        bytes(case, |mut file| {
            let length = u32::from_le_bytes([file[40], file[41], file[42], file[43]]) - 6400;
            file[40..44].copy_from_slice(&length.to_le_bytes());
            file
        });
    }),
    mutant("header of twice the rate", Rule::WrongRate, &[Rule::WrongHeader], |case| {
        bytes(case, |mut file| {
            file[24..28].copy_from_slice(&16000u32.to_le_bytes());
            file
        });
    }),
    mutant("every sample stored twice", Rule::WrongRate, &[], |case| {
        for leg in &mut case.audio[0] {
            *leg = leg.iter().flat_map(|&sample| [sample, sample]).collect();
        }
    }),
    mutant("mono labelled stereo", Rule::WrongChannelCount, &[Rule::WrongHeader], |case| {
        case.layout = Layout::Mono;
        case.record();
        bytes(case, |mut file| {
            file[22] = 2;
            file[32] = 4;
            file[28..32].copy_from_slice(&32000u32.to_le_bytes());
            file
        });
    }),
    mutant("stereo labelled mono", Rule::WrongChannelCount, &[Rule::WrongHeader], |case| {
        stereo(case);
        bytes(case, |mut file| {
            file[22] = 1;
            file[32] = 2;
            file[28..32].copy_from_slice(&16000u32.to_le_bytes());
            file
        });
    }),
    mutant("bytes swapped", Rule::WrongEncoding, &[], |case| {
        bytes(case, |mut file| {
            file[44..].chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1));
            file
        });
    }),
    mutant("samples shifted by one byte", Rule::WrongEncoding, &[Rule::EndClipped], |case| {
        bytes(case, |mut file| {
            file[44..].rotate_right(1);
            file
        });
    }),
    mutant(
        "a byte missing half way",
        Rule::WrongEncoding,
        &[
            Rule::TruncatedFile,
            Rule::WrongHeader,
            Rule::SampleSlip,
            Rule::NoiseAudio,
            Rule::EndClipped,
            Rule::LostFrames,
            Rule::UnknownAudio,
        ],
        |case| {
            bytes(case, |mut file| {
                file.remove(44 + 4 * 12345);
                file
            });
        },
    ),
    mutant("law bytes labelled as 16 bit PCM", Rule::WrongEncoding, &[], |case| {
        let encoding = if case.law == Law::Mu { Encoding::MuLaw } else { Encoding::ALaw };
        coded(case, encoding);
        bytes(case, |file| {
            let data = file[58..].to_vec();
            let words: Vec<i16> = data.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
            let channels = u16::from(file[22]);
            let whole = words.len() - words.len() % usize::from(channels);
            wav(channels, &words[..whole])
        });
    }),
    mutant("mu-law labelled A-law or the reverse", Rule::WrongEncoding, &[], |case| {
        let (encoding, tag) = if case.law == Law::Mu { (Encoding::MuLaw, 6) } else { (Encoding::ALaw, 7) };
        coded(case, encoding);
        for file in case.files.iter_mut().flat_map(|files| &mut files[0]) {
            file[20] = tag;
        }
    }),
];
