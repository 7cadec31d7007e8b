//! Samples without a container.

use std::fmt;
use std::str::FromStr;

use media::g711::{self, Law};

use super::{SoundError, wav};

/// How the samples of a file are stored that has nothing but samples: `mulaw`, `pcm16:16000`, `alaw:8000:2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw {
    encoding: Encoding,
    /// In Hz.
    rate: u32,
    /// Interleaved.
    channels: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Law(Law),
    /// 16 bits, low byte first.
    Little,
    /// 16 bits, high byte first, as L16 (RFC 3551 §4.5.11) and SPHERE files.
    Big,
}

const ENCODINGS: [(&str, Encoding); 4] = [
    ("mulaw", Encoding::Law(Law::Mu)),
    ("alaw", Encoding::Law(Law::A)),
    ("pcm16", Encoding::Little),
    ("pcm16be", Encoding::Big),
];

/// What was said of raw samples is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "got `{got}`, expected mulaw, alaw, pcm16 or pcm16be, then `:` and the rate in Hz, then `:` and the number of channels (8000 and 1 unless told)"
)]
pub struct UnknownRaw {
    got: String,
}

impl FromStr for Raw {
    type Err = UnknownRaw;

    fn from_str(text: &str) -> Result<Self, UnknownRaw> {
        read(text).ok_or_else(|| UnknownRaw { got: text.to_owned() })
    }
}

fn read(text: &str) -> Option<Raw> {
    let mut parts = text.split(':');
    let name = parts.next()?;
    let (_, encoding) = ENCODINGS.into_iter().find(|(known, _)| *known == name)?;
    let rate = parts.next().map_or(Some(8000), |rate| rate.parse().ok())?;
    let channels = parts.next().map_or(Some(1), |channels| channels.parse().ok())?;
    let fits = parts.next().is_none() && (1000..=384_000).contains(&rate) && (1..=64).contains(&channels);
    fits.then_some(Raw { encoding, rate, channels })
}

impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = ENCODINGS.into_iter().find(|(_, known)| *known == self.encoding).map_or("?", |(name, _)| name);
        write!(f, "{name}:{}:{}", self.rate, self.channels)
    }
}

impl Raw {
    /// The samples as a WAV file; what is behind the last whole frame is left out.
    pub(super) fn to_wav(self, bytes: &[u8]) -> Result<Vec<u8>, SoundError> {
        let words = |join: fn([u8; 2]) -> i16| bytes.as_chunks().0.iter().map(|&pair| join(pair)).collect();
        let mut samples: Vec<i16> = match self.encoding {
            Encoding::Law(law) => g711::decode_all(law, bytes),
            Encoding::Little => words(i16::from_le_bytes),
            Encoding::Big => words(i16::from_be_bytes),
        };
        samples.truncate(samples.len() - samples.len() % usize::from(self.channels));
        wav("a file of raw samples", self.rate, self.channels, &samples)
    }
}
