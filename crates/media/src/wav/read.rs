//! The reader: walks the chunks, names what is wrong with them, converts the samples.

use std::ops::Range;

use super::{Defect, Encoding, Wav};
use crate::g711::{self, Law};

/// The most channels a file may have; more is taken for a damaged header.
pub const MAX_CHANNELS: u16 = 64;

/// Why no sample can be had from a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WavError {
    /// There is no byte.
    #[error("the file is empty")]
    Empty,
    /// It ends within the first header.
    #[error("got a file of {got} bytes, expected at least the 12 of a RIFF header")]
    TooShort {
        /// Its length.
        got: usize,
    },
    /// It is no RIFF file.
    #[error("got a file that starts with {found}, expected RIFF or RF64")]
    NotRiff {
        /// Its first four bytes, escaped.
        found: String,
    },
    /// It is a RIFF file of another kind.
    #[error("got a RIFF file of the form {found}, expected WAVE")]
    NotWave {
        /// Its form, escaped.
        found: String,
    },
    /// There is no `fmt ` chunk.
    #[error("the file has no format chunk")]
    NoFormat,
    /// The `fmt ` chunk ends too early.
    #[error("got a format chunk of {got} bytes, expected at least {expected}")]
    ShortFormat {
        /// Its length.
        got: usize,
        /// The length it needs.
        expected: usize,
    },
    /// The samples are coded in a way this reader does not know.
    #[error("got format tag {tag:#06x} with {bits} bits, expected PCM, float, A-law or mu-law")]
    Unsupported {
        /// The format tag.
        tag: u16,
        /// Bits a sample.
        bits: u16,
    },
    /// The channel count cannot be right.
    #[error("got {got} channels, expected 1 to {MAX_CHANNELS}")]
    Channels {
        /// The count.
        got: u16,
    },
    /// The sampling rate is nought.
    #[error("the sampling rate is 0")]
    ZeroRate,
    /// There is no `data` chunk.
    #[error("the file has no data chunk")]
    NoData,
}

/// Reads a WAV file that is wholly in memory.
///
/// Whatever is there is read, even where sizes are missing, wrong or longer than the file; [`Wav::defects`] then says
/// so. Memory is taken for the samples that are there, never for what a header declares.
pub fn read(bytes: &[u8]) -> Result<Wav, WavError> {
    let rf64 = magic(bytes)?;
    let chunks = Walk::new(bytes, rf64).run()?;
    let format = chunks.format.ok_or(WavError::NoFormat)?;
    let data = chunks.data.ok_or(WavError::NoData)?;
    let mut defects = chunks.defects;

    let frame = format.encoding.bytes() * usize::from(format.channels);
    let partial = data.len() % frame;
    if partial > 0 {
        defects.push(Defect::PartialFrame { bytes: partial as u64 });
    }
    let data = data.start..data.end - partial;
    let frames = (data.len() / frame) as u64;
    if let Some(declared) = chunks.fact.filter(|&declared| declared != frames) {
        defects.push(Defect::FactCount { declared, present: frames });
    }
    Ok(Wav {
        rate: format.rate,
        channels: format.channels,
        encoding: format.encoding,
        samples: convert(&bytes[data.clone()], format.encoding, usize::from(format.channels)),
        data,
        finished: !defects.iter().any(Defect::is_unfinished),
        defects,
    })
}

/// Checks the first twelve bytes; true if the file is RF64.
fn magic(bytes: &[u8]) -> Result<bool, WavError> {
    if bytes.is_empty() {
        return Err(WavError::Empty);
    }
    let (Some(riff), Some(form)) = (bytes.get(..4), bytes.get(8..12)) else {
        return Err(WavError::TooShort { got: bytes.len() });
    };
    if riff != b"RIFF" && riff != b"RF64" {
        return Err(WavError::NotRiff { found: riff.escape_ascii().to_string() });
    }
    if form != b"WAVE" {
        return Err(WavError::NotWave { found: form.escape_ascii().to_string() });
    }
    Ok(riff == b"RF64")
}

/// What the `fmt ` chunk says.
struct Format {
    encoding: Encoding,
    channels: u16,
    rate: u32,
}

/// The walk over the chunks and what it found.
struct Walk<'a> {
    bytes: &'a [u8],
    rf64: bool,
    /// RIFF and data size of the `ds64` chunk.
    ds64: Option<(u64, u64)>,
    format: Option<Format>,
    data: Option<Range<usize>>,
    fact: Option<u64>,
    defects: Vec<Defect>,
}

impl<'a> Walk<'a> {
    fn new(bytes: &'a [u8], rf64: bool) -> Self {
        Self { bytes, rf64, ds64: None, format: None, data: None, fact: None, defects: Vec::new() }
    }

    fn run(mut self) -> Result<Self, WavError> {
        let mut at = 12;
        while let Some(head) = self.bytes.get(at..at + 8) {
            let id = [head[0], head[1], head[2], head[3]];
            if !is_id(id) && self.data.is_some() {
                break;
            }
            let declared = u64::from(u32_at(head, 4));
            let body = at + 8;
            let size = self.size_of(id, declared, body);
            let content = body..body + size;
            self.take(id, content.clone())?;
            at = self.next_chunk(id, content);
        }
        if at < self.bytes.len() {
            self.defects.push(Defect::TrailingBytes { count: (self.bytes.len() - at) as u64 });
        }
        self.check_riff_size();
        Ok(self)
    }

    /// How many bytes of a chunk's body are there, and what is wrong with the size it declares.
    fn size_of(&mut self, id: [u8; 4], declared: u64, body: usize) -> usize {
        let present = self.bytes.len() - body;
        let declared = match (id, self.ds64) {
            (_, Some((_, data))) if &id == b"data" && declared == UNKNOWN => data,
            _ => declared,
        };
        let unset = declared == UNKNOWN || (declared == 0 && !self.chunk_at(body));
        if &id == b"data" && unset && (present > 0 || declared == UNKNOWN || self.riff_size() == 0) {
            self.defects.push(Defect::Unfinalised { chunk: "data".into(), declared, present: present as u64 });
            return present;
        }
        match usize::try_from(declared) {
            Ok(size) if size <= present => size,
            _ => {
                self.defects.push(Defect::Truncated { chunk: name(id), declared, present: present as u64 });
                present
            }
        }
    }

    fn take(&mut self, id: [u8; 4], content: Range<usize>) -> Result<(), WavError> {
        let body = &self.bytes[content.clone()];
        match &id {
            b"fmt " if self.format.is_some() => self.defects.push(Defect::Repeated { chunk: "fmt ".into() }),
            b"fmt " => {
                if self.data.is_some() {
                    self.defects.push(Defect::DataBeforeFormat);
                }
                self.format = Some(self.format(body)?);
            }
            b"data" if self.data.is_some() => self.defects.push(Defect::Repeated { chunk: "data".into() }),
            b"data" => self.data = Some(content),
            b"fact" if body.len() >= 4 => self.fact = Some(u64::from(u32_at(body, 0))),
            b"ds64" if self.rf64 && body.len() >= 24 => self.ds64 = Some((u64_at(body, 0), u64_at(body, 8))),
            _ => {}
        }
        Ok(())
    }

    /// Where the chunk behind `content` starts, whether or not the pad byte of an odd chunk is there.
    fn next_chunk(&mut self, id: [u8; 4], content: Range<usize>) -> usize {
        if content.len().is_multiple_of(2) {
            return content.end;
        }
        let padded = content.end + 1;
        let end_of_file = content.end == self.bytes.len();
        let unpadded_fits = self.chunk_at(content.end) && !self.chunk_at(padded);
        let cut = self.defects.iter().any(Defect::is_unfinished);
        if (end_of_file && !cut) || unpadded_fits {
            self.defects.push(Defect::MissingPad { chunk: name(id) });
        }
        if end_of_file || unpadded_fits { content.end } else { padded }
    }

    /// Whether a chunk's head could stand at `at`.
    fn chunk_at(&self, at: usize) -> bool {
        self.bytes.get(at..at + 8).is_some_and(|head| is_id([head[0], head[1], head[2], head[3]]))
    }

    fn riff_size(&self) -> u64 {
        u64::from(u32_at(self.bytes, 4))
    }

    fn check_riff_size(&mut self) {
        let present = self.bytes.len() as u64 - 8;
        let declared = match (self.rf64, self.ds64) {
            (true, Some((riff, data))) => {
                if data < UNKNOWN && riff < UNKNOWN {
                    self.defects.push(Defect::NeedlessRf64);
                }
                riff
            }
            (true, None) => {
                self.defects.push(Defect::MissingDs64);
                return;
            }
            (false, _) => self.riff_size(),
        };
        let chunk = "RIFF".to_owned();
        if declared == 0 || declared == UNKNOWN {
            self.defects.push(Defect::Unfinalised { chunk, declared, present });
        } else if declared > present {
            // A missing pad byte at the end is named already.
            let pad = self.defects.iter().any(|defect| matches!(defect, Defect::MissingPad { .. }));
            if declared > present + u64::from(pad) {
                self.defects.push(Defect::Truncated { chunk, declared, present });
            }
        } else if declared < present {
            self.defects.push(Defect::SizeTooSmall { declared, present });
        }
    }

    fn format(&mut self, body: &[u8]) -> Result<Format, WavError> {
        if body.len() < 16 {
            return Err(WavError::ShortFormat { got: body.len(), expected: 16 });
        }
        let channels = u16_at(body, 2);
        let rate = u32_at(body, 4);
        let bits = u16_at(body, 14);
        let tag = match u16_at(body, 0) {
            EXTENSIBLE if body.len() < 26 => {
                return Err(WavError::ShortFormat { got: body.len(), expected: 26 });
            }
            // The sub-format's GUID starts with the tag it stands for.
            EXTENSIBLE => u16_at(body, 24),
            tag => tag,
        };
        if channels == 0 || channels > MAX_CHANNELS {
            return Err(WavError::Channels { got: channels });
        }
        if rate == 0 {
            return Err(WavError::ZeroRate);
        }
        let encoding = encoding(tag, bits).ok_or(WavError::Unsupported { tag, bits })?;
        self.check_block(body, encoding, channels, rate);
        Ok(Format { encoding, channels, rate })
    }

    fn check_block(&mut self, body: &[u8], encoding: Encoding, channels: u16, rate: u32) {
        let block = encoding.bytes() as u16 * channels;
        let declared = u16_at(body, 12);
        if declared != block {
            self.defects.push(Defect::BlockAlign { declared, expected: block });
        }
        let expected = rate.saturating_mul(u32::from(block));
        let declared = u32_at(body, 8);
        if declared != expected {
            self.defects.push(Defect::ByteRate { declared, expected });
        }
    }
}

fn encoding(tag: u16, bits: u16) -> Option<Encoding> {
    Some(match (tag, bits) {
        (1, 8) => Encoding::Pcm8,
        (1, 16) => Encoding::Pcm16,
        (1, 24) => Encoding::Pcm24,
        (1, 32) => Encoding::Pcm32,
        (3, 32) => Encoding::Float32,
        (3, 64) => Encoding::Float64,
        (6, 8) => Encoding::ALaw,
        (7, 8) => Encoding::MuLaw,
        _ => return None,
    })
}

/// Separates whole frames into channels.
fn convert(data: &[u8], encoding: Encoding, channels: usize) -> Vec<Vec<i16>> {
    match encoding {
        Encoding::Pcm8 => split(data, channels, |[a]| (i16::from(a) - 128) << 8),
        Encoding::Pcm16 => split(data, channels, i16::from_le_bytes),
        Encoding::Pcm24 => split(data, channels, |[_, b, c]| i16::from_le_bytes([b, c])),
        Encoding::Pcm32 => split(data, channels, |[_, _, c, d]| i16::from_le_bytes([c, d])),
        Encoding::Float32 => split(data, channels, |bytes| from_float(f64::from(f32::from_le_bytes(bytes)))),
        Encoding::Float64 => split(data, channels, |bytes| from_float(f64::from_le_bytes(bytes))),
        Encoding::ALaw => split(data, channels, |[code]| g711::decode(Law::A, code)),
        Encoding::MuLaw => split(data, channels, |[code]| g711::decode(Law::Mu, code)),
    }
}

/// The samples of each channel, of `N` bytes each.
fn split<const N: usize>(data: &[u8], channels: usize, sample: impl Fn([u8; N]) -> i16) -> Vec<Vec<i16>> {
    let (samples, _) = data.as_chunks::<N>();
    let of = |channel: usize| samples.iter().skip(channel).step_by(channels).map(|&bytes| sample(bytes)).collect();
    match channels {
        1 => vec![samples.iter().map(|&bytes| sample(bytes)).collect()],
        _ => (0..channels).map(of).collect(),
    }
}

/// A float at full scale 1.0 as a sample; what is no number is silence.
fn from_float(value: f64) -> i16 {
    (value * 32_768.0).round() as i16
}

/// The size a writer sets while it does not know better, and RF64's sign for "see ds64".
const UNKNOWN: u64 = 0xFFFF_FFFF;

/// The format tag of WAVE_FORMAT_EXTENSIBLE.
const EXTENSIBLE: u16 = 0xFFFE;

fn is_id(id: [u8; 4]) -> bool {
    id.iter().all(|byte| (0x20..0x7F).contains(byte)) && id[0] != b' '
}

fn name(id: [u8; 4]) -> String {
    id.escape_ascii().to_string()
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}
