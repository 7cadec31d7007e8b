//! The writer: appends frames, and brings the header up to date whenever it is asked to.

use std::io::{self, Seek, SeekFrom, Write};

use super::Encoding;
use crate::g711::{self, Law};

/// Why a WAV file could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The sink failed.
    #[error("cannot write the WAV file: {0}")]
    Io(#[from] io::Error),
    /// The sizes of a RIFF file have 32 bits. Nothing of the call's samples was written.
    #[error("got {got} bytes of audio, expected at most {MAX_DATA}: a WAV file cannot be longer")]
    TooLong {
        /// The length it would have had.
        got: u64,
    },
    /// The samples do not make whole frames.
    #[error("got {got} samples, expected a multiple of {channels} channels")]
    PartialFrame {
        /// Samples given.
        got: usize,
        /// Channels of the file.
        channels: u16,
    },
    /// This writer does not write such files.
    #[error(
        "got {channels} channels at {rate} Hz of {encoding}, expected 1 to 64 channels of 16 bit PCM, A-law or mu-law"
    )]
    Unsupported {
        /// The channels asked for.
        channels: u16,
        /// The rate asked for.
        rate: u32,
        /// The encoding asked for.
        encoding: Encoding,
    },
}

/// The longest audio of one file in bytes: the RIFF size counts the header and a pad byte too.
const MAX_DATA: u64 = 0xFFFF_FFFF - LONGEST_HEADER;

const LONGEST_HEADER: u64 = 60;

/// Writes 16 bit PCM, A-law or mu-law.
///
/// The sizes in the header are those of the last [`update_header`](Self::update_header) or
/// [`finish`](Self::finish); what was written behind them is found by a reader that knows to look for it.
#[derive(Debug)]
pub struct Writer<W> {
    sink: W,
    encoding: Encoding,
    channels: u16,
    /// Bytes of audio written.
    length: u64,
    buffer: Vec<u8>,
}

impl<W: Write + Seek> Writer<W> {
    /// Starts a file at the sink's beginning: writes a header that says "no audio".
    pub fn new(mut sink: W, rate: u32, channels: u16, encoding: Encoding) -> Result<Self, WriteError> {
        let writable = matches!(encoding, Encoding::Pcm16 | Encoding::ALaw | Encoding::MuLaw);
        if !writable || rate == 0 || channels == 0 || channels > super::MAX_CHANNELS {
            return Err(WriteError::Unsupported { channels, rate, encoding });
        }
        sink.seek(SeekFrom::Start(0))?;
        sink.write_all(&header(rate, channels, encoding))?;
        Ok(Self { sink, encoding, channels, length: 0, buffer: Vec::new() })
    }

    /// Appends whole frames of interleaved samples; the laws are encoded here.
    pub fn write(&mut self, samples: &[i16]) -> Result<(), WriteError> {
        if !samples.len().is_multiple_of(usize::from(self.channels)) {
            return Err(WriteError::PartialFrame { got: samples.len(), channels: self.channels });
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        match self.encoding {
            Encoding::ALaw => buffer.extend(samples.iter().map(|&sample| g711::encode(Law::A, sample))),
            Encoding::MuLaw => buffer.extend(samples.iter().map(|&sample| g711::encode(Law::Mu, sample))),
            _ => buffer.extend(samples.iter().flat_map(|sample| sample.to_le_bytes())),
        }
        let written = self.write_bytes(&buffer);
        self.buffer = buffer;
        written
    }

    /// How many frames were written.
    pub fn frames(&self) -> u64 {
        self.length / (self.encoding.bytes() as u64 * u64::from(self.channels))
    }

    /// Makes the file whole as it stands: sets its sizes, adds a pad byte if one is due, flushes the sink. Writing
    /// goes on behind the last sample.
    pub fn update_header(&mut self) -> Result<(), WriteError> {
        let pad = self.length % 2;
        if pad == 1 {
            self.sink.write_all(&[0])?;
        }
        let start = self.data_start();
        let total = start + self.length + pad;
        self.patch(4, (total - 8) as u32)?;
        self.patch(start - 4, self.length as u32)?;
        if self.encoding != Encoding::Pcm16 {
            self.patch(start - 12, self.frames() as u32)?;
        }
        self.sink.seek(SeekFrom::Start(start + self.length))?;
        self.sink.flush()?;
        Ok(())
    }

    /// Finishes the file and gives the sink back.
    pub fn finish(mut self) -> Result<W, WriteError> {
        self.update_header()?;
        Ok(self.sink)
    }

    fn write_bytes(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        let length = self.length + bytes.len() as u64;
        if length > MAX_DATA {
            return Err(WriteError::TooLong { got: length });
        }
        self.sink.write_all(bytes)?;
        self.length = length;
        Ok(())
    }

    fn data_start(&self) -> u64 {
        if self.encoding == Encoding::Pcm16 { 44 } else { 58 }
    }

    fn patch(&mut self, at: u64, value: u32) -> Result<(), WriteError> {
        self.sink.seek(SeekFrom::Start(at))?;
        self.sink.write_all(&value.to_le_bytes())?;
        Ok(())
    }
}

/// The header of a file without audio. What is not PCM needs the extension size and a `fact` chunk.
fn header(rate: u32, channels: u16, encoding: Encoding) -> Vec<u8> {
    let pcm = encoding == Encoding::Pcm16;
    let block = encoding.bytes() as u16 * channels;
    let mut bytes = Vec::with_capacity(58);
    bytes.extend(b"RIFF");
    bytes.extend(if pcm { 36u32 } else { 50 }.to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(if pcm { 16u32 } else { 18 }.to_le_bytes());
    bytes.extend(encoding.tag().to_le_bytes());
    bytes.extend(channels.to_le_bytes());
    bytes.extend(rate.to_le_bytes());
    bytes.extend(rate.saturating_mul(u32::from(block)).to_le_bytes());
    bytes.extend(block.to_le_bytes());
    bytes.extend((8 * encoding.bytes() as u16).to_le_bytes());
    if !pcm {
        bytes.extend([0; 2]);
        bytes.extend(b"fact\x04\0\0\0\0\0\0\0");
    }
    bytes.extend(b"data\0\0\0\0");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_32_bits_of_audio_are_refused_and_nothing_is_written() {
        let sink = io::Cursor::new(Vec::new());
        let mut writer = Writer::new(sink, 8000, 1, Encoding::Pcm16).unwrap();
        writer.length = MAX_DATA - 1;
        let error = writer.write(&[1]).unwrap_err();
        assert!(matches!(error, WriteError::TooLong { got } if got == MAX_DATA + 1));
        assert_eq!(writer.sink.get_ref().len(), 44);
    }

    #[test]
    fn a_failing_disk_is_an_error_and_the_length_stays_true() {
        let mut space = [0; 50];
        let mut writer = Writer::new(io::Cursor::new(&mut space[..]), 8000, 1, Encoding::Pcm16).unwrap();
        assert!(matches!(writer.write(&[1; 100]), Err(WriteError::Io(_))));
        assert_eq!(writer.frames(), 0);
    }
}
