//! Audio files of every kind that recorders write, as WAV files: the judge reads those alone.
//!
//! | file | read as |
//! |---|---|
//! | WAV, RF64 | it is: what is wrong with its container is for the judge |
//! | FLAC | sample for sample |
//! | MP3, Ogg/Vorbis, M4A (AAC) | decoded; samples are no longer those that were said. The delay of an AAC encoder is left in |
//! | raw samples | as somebody tells ([`Raw`]); nothing in the bytes says how |
//! | Ogg/Opus, AMR, anything else | refused, with what to do |

mod decode;
mod raw;

use std::borrow::Cow;
use std::io::Cursor;

use ::verify::Content;
use media::wav::{Encoding, WriteError, Writer};

pub use raw::{Raw, UnknownRaw};

/// Why a file gives no audio.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SoundError {
    /// A codec that is known and not decoded here.
    #[error("{what} is not decoded here: convert it first, with `ffmpeg -i FILE {to}`")]
    Codec {
        /// Container and codec.
        what: &'static str,
        /// The rest of the command.
        to: &'static str,
    },
    /// A known container whose content cannot be read.
    #[error("{what} cannot be decoded: {why}")]
    Broken {
        /// The container.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// It decodes to more than a WAV file holds.
    #[error("{what} holds more audio than is judged: at most {most} bytes of 16 bit samples")]
    TooLong {
        /// The container.
        what: &'static str,
        /// The most bytes.
        most: u64,
    },
}

/// The most bytes of samples that are decoded: nine hours of two channels at 8 kHz, as of WAV files.
const MOST: u64 = 1 << 30;

/// The containers that are told by their first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Flac,
    Mp3,
    Ogg,
    Mp4,
    Amr,
}

impl Kind {
    fn of(bytes: &[u8]) -> Option<Self> {
        Some(match bytes {
            [b'f', b'L', b'a', b'C', ..] => Self::Flac,
            [b'O', b'g', b'g', b'S', ..] => Self::Ogg,
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => Self::Mp4,
            [b'#', b'!', b'A', b'M', b'R', ..] => Self::Amr,
            [b'I', b'D', b'3', ..] => Self::Mp3,
            // A frame's header: eleven bits set, a layer, no reserved bit rate or sampling rate (ISO/IEC 11172-3 §2.4.2.3).
            [0xFF, second, third, ..]
                if second & 0xE0 == 0xE0 && second & 0x06 == 0x02 && third & 0xF0 != 0xF0 && third & 0x0C != 0x0C =>
            {
                Self::Mp3
            }
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Flac => "a FLAC file",
            Self::Mp3 => "an MP3 file",
            Self::Ogg => "an Ogg file",
            Self::Mp4 => "an M4A file",
            Self::Amr => "an AMR file",
        }
    }
}

/// The bytes of an audio file as those of a WAV file, which may have any defect where it is one already or is nothing known. `raw` says
/// what a file is of which nothing else does.
///
/// # Errors
/// Why a known container gives no audio, and what to do.
pub fn as_wav<'a>(bytes: impl Into<Cow<'a, [u8]>>, raw: Option<Raw>) -> Result<Cow<'a, [u8]>, SoundError> {
    let bytes = bytes.into();
    let is_wav = bytes.starts_with(b"RIFF") || bytes.starts_with(b"RF64");
    match (Kind::of(&bytes), raw) {
        _ if is_wav => Ok(bytes),
        // What starts like a frame of MP3 may be samples, where somebody says that it is.
        (None | Some(Kind::Mp3), Some(raw)) if !bytes.starts_with(b"ID3") => raw.to_wav(&bytes).map(Cow::Owned),
        (None, _) => Ok(bytes),
        (Some(Kind::Amr), _) => Err(SoundError::Codec { what: "AMR", to: "out.wav" }),
        (Some(kind), _) => decode::decode(kind, bytes.into_owned()).map(Cow::Owned),
    }
}

/// What the judge is given of a file.
pub(crate) fn content(bytes: Vec<u8>, raw: Option<Raw>) -> Content<'static> {
    match as_wav(bytes, raw) {
        Ok(wav) => Content::Wav(wav),
        Err(why) => Content::Unreadable(why.to_string()),
    }
}

/// A WAV file of 16 bits.
fn wav(kind: &'static str, rate: u32, channels: u16, samples: &[i16]) -> Result<Vec<u8>, SoundError> {
    let broken = |error: WriteError| SoundError::Broken { what: kind, why: error.to_string() };
    let mut wav = Writer::new(Cursor::new(Vec::new()), rate, channels, Encoding::Pcm16).map_err(broken)?;
    wav.write(samples).map_err(broken)?;
    Ok(wav.finish().map_err(broken)?.into_inner())
}

#[cfg(test)]
mod tests;
