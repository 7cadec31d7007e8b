//! Reading and writing WAV files.
//!
//! The reader is made for files of somebody else's recorder, finished or not: it reads what is there, allocates only
//! for what is there, and names every [`Defect`] of the container instead of stopping at the first. Only a file from
//! which no sample can be had is an error. The writer is made for a recorder that may die at any time: after each
//! [`Writer::update_header`] the file on disk is a whole WAV file.
//!
//! ```text
//! RIFF <size> WAVE            RF64 with sizes of 64 bits in a ds64 chunk (EBU Tech 3306)
//!   fmt  <size> tag channels rate bytes/s block bits [extension]
//!   fact <size> frames        only beside a law or float
//!   data <size> samples [pad byte when odd]
//! ```
//! Layout: Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0", chapter 3.

mod read;
mod write;

use std::fmt;
use std::ops::Range;

use serde::Serialize;

pub use read::{MAX_CHANNELS, WavError, read};
pub use write::{WriteError, Writer};

/// How samples are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Linear, 8 bits, unsigned.
    Pcm8,
    /// Linear, 16 bits.
    Pcm16,
    /// Linear, 24 bits.
    Pcm24,
    /// Linear, 32 bits.
    Pcm32,
    /// IEEE 754, 32 bits, full scale is 1.0.
    Float32,
    /// IEEE 754, 64 bits, full scale is 1.0.
    Float64,
    /// G.711 A-law.
    ALaw,
    /// G.711 mu-law.
    MuLaw,
}

impl Encoding {
    /// Bytes of one sample.
    pub fn bytes(self) -> usize {
        match self {
            Self::Pcm8 | Self::ALaw | Self::MuLaw => 1,
            Self::Pcm16 => 2,
            Self::Pcm24 => 3,
            Self::Pcm32 | Self::Float32 => 4,
            Self::Float64 => 8,
        }
    }

    /// The format tag in a `fmt ` chunk (RFC 2361).
    pub fn tag(self) -> u16 {
        match self {
            Self::Pcm8 | Self::Pcm16 | Self::Pcm24 | Self::Pcm32 => 1,
            Self::Float32 | Self::Float64 => 3,
            Self::ALaw => 6,
            Self::MuLaw => 7,
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pcm8 => "8 bit PCM",
            Self::Pcm16 => "16 bit PCM",
            Self::Pcm24 => "24 bit PCM",
            Self::Pcm32 => "32 bit PCM",
            Self::Float32 => "32 bit float",
            Self::Float64 => "64 bit float",
            Self::ALaw => "A-law",
            Self::MuLaw => "mu-law",
        })
    }
}

/// What a WAV file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wav {
    /// Frames a second, as the header says.
    pub rate: u32,
    /// Channels, as the header says; `samples` has as many entries.
    pub channels: u16,
    /// How the samples are stored.
    pub encoding: Encoding,
    /// The samples by channel, all channels equally long. Wider samples than 16 bits lose their low bits, narrower ones
    /// and floats are brought to the scale of 16 bits.
    pub samples: Vec<Vec<i16>>,
    /// Where the audio lies in the file, in bytes.
    pub data: Range<usize>,
    /// Everything that is wrong with the container, in the order in which it was met.
    pub defects: Vec<Defect>,
    /// Whether the writer had finished the file: its sizes are set and all it declares is there.
    pub finished: bool,
}

impl Wav {
    /// Samples in a channel.
    pub fn frames(&self) -> usize {
        self.samples.first().map_or(0, Vec::len)
    }
}

/// Something wrong with the container of a WAV file that can be read all the same. `chunk` is the chunk's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "defect")]
pub enum Defect {
    /// A size still has the value a writer puts there before it knows better: 0 or 0xFFFFFFFF.
    Unfinalised {
        /// The chunk whose size it is.
        chunk: String,
        /// The size it says.
        declared: u64,
        /// The bytes that are there.
        present: u64,
    },
    /// The chunk is longer than the file.
    Truncated {
        /// The chunk.
        chunk: String,
        /// The size it says.
        declared: u64,
        /// The bytes that are there.
        present: u64,
    },
    /// The RIFF size is smaller than the file: a reader that believes it stops too early.
    SizeTooSmall {
        /// The size it says.
        declared: u64,
        /// The bytes that are there.
        present: u64,
    },
    /// A chunk of odd size has no pad byte.
    MissingPad {
        /// The chunk.
        chunk: String,
    },
    /// Bytes behind the last chunk that are no chunk.
    TrailingBytes {
        /// How many.
        count: u64,
    },
    /// The audio ends within a frame.
    PartialFrame {
        /// Bytes of the frame that are there.
        bytes: u64,
    },
    /// The block size is not channels times sample size.
    BlockAlign {
        /// The value it says.
        declared: u16,
        /// The value that fits the rest of the format.
        expected: u16,
    },
    /// The byte rate is not rate times block size.
    ByteRate {
        /// The value it says.
        declared: u32,
        /// The value that fits the rest of the format.
        expected: u32,
    },
    /// The frame count of the `fact` chunk is not that of the audio.
    FactCount {
        /// The count it says.
        declared: u64,
        /// The frames that are there.
        present: u64,
    },
    /// A chunk that may be there only once is there again; the first one counts.
    Repeated {
        /// The chunk.
        chunk: String,
    },
    /// The audio comes before the format.
    DataBeforeFormat,
    /// The file is RF64 although its sizes would fit into RIFF.
    NeedlessRf64,
    /// An RF64 file has no `ds64` chunk.
    MissingDs64,
}

impl Defect {
    /// Whether it shows that the writer never finished the file, or that its end is missing.
    pub fn is_unfinished(&self) -> bool {
        matches!(self, Self::Unfinalised { .. } | Self::Truncated { .. })
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfinalised { chunk, declared, present } => {
                write!(f, "the size of {chunk} was never set: it says {declared}, {present} bytes are there")
            }
            Self::Truncated { chunk, declared, present } => {
                write!(f, "{chunk} is cut short: it says {declared} bytes, {present} are there")
            }
            Self::SizeTooSmall { declared, present } => {
                write!(f, "the RIFF size says {declared} bytes, {present} are there")
            }
            Self::MissingPad { chunk } => write!(f, "{chunk} has an odd size and no pad byte"),
            Self::TrailingBytes { count } => {
                write!(f, "behind the last chunk there are bytes that are no chunk: {count}")
            }
            Self::PartialFrame { bytes } => write!(f, "the audio ends within a frame, {bytes} bytes into it"),
            Self::BlockAlign { declared, expected } => write!(f, "block size is {declared}, expected {expected}"),
            Self::ByteRate { declared, expected } => write!(f, "byte rate is {declared}, expected {expected}"),
            Self::FactCount { declared, present } => {
                write!(f, "the fact chunk says {declared} frames, {present} are there")
            }
            Self::Repeated { chunk } => write!(f, "{chunk} is there more than once"),
            Self::DataBeforeFormat => f.write_str("the audio comes before the format"),
            Self::NeedlessRf64 => f.write_str("RF64 although the sizes would fit into RIFF"),
            Self::MissingDs64 => f.write_str("RF64 without its ds64 chunk"),
        }
    }
}
