//! `mixedmode signal`: what phones say, as a file.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use media::signal::{RATE, UnknownSignal, Voice};
use media::wav::{Encoding, WriteError, Writer};
use scenario::file::Says;

use crate::exit::Exit;

/// Samples in a frame of 20 ms, each of which gets a name.
const FRAME: usize = 160;

/// `mixedmode signal`.
#[derive(Debug, Args)]
#[command(after_long_help = SIGNALS)]
pub(crate) struct Signal {
    /// The WAV file, which is replaced if it is there.
    file: PathBuf,
    /// Which signal; see below.
    #[arg(required = true, allow_negative_numbers = true)]
    signal: Vec<String>,
    /// How long it is.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=43_200))]
    seconds: u32,
    /// What its frames are named by: equal identities say the same.
    #[arg(long, default_value_t = 1)]
    identity: u64,
    /// How its samples are stored.
    #[arg(long, value_enum, default_value_t = Stored::Pcm16)]
    encoding: Stored,
}

const SIGNALS: &str = "\
Signals:
  speech [0|1|FILE]                the bundled speakers, or a WAV file, 8 kHz mono, in a loop
  code [leg 0-3] [20ms|40ms|60ms]  two tones a symbol, of which any three say when they were said
  chirps                           100 ms from 300 to 3400 Hz, once a second
  tone [Hz [dB]]                   a sine; 1000 Hz at -20 dB of full scale unless told
  steps                            1 kHz that falls by 6 dB every half second
  square                           500 Hz at full scale
  noise                            what names the frames, alone
  silence                          digital silence
  codes PCMU|PCMA                  all 256 codes of a law

All but silence and codes bear the faint dither that names each frame of 20 ms.";

/// How samples are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Stored {
    /// Linear, 16 bits.
    Pcm16,
    /// G.711 mu-law.
    Mulaw,
    /// G.711 A-law.
    Alaw,
}

impl From<Stored> for Encoding {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Pcm16 => Self::Pcm16,
            Stored::Mulaw => Self::MuLaw,
            Stored::Alaw => Self::ALaw,
        }
    }
}

pub(crate) fn signal(args: &Signal, out: &mut impl Write, err: &mut impl Write) -> io::Result<Exit> {
    let says = match says(&args.signal) {
        Ok(says) => says,
        Err(wrong) => {
            writeln!(err, "error: {wrong}, speech [0|1|FILE]")?;
            return Ok(Exit::Usage);
        }
    };
    let voice = match scenario::run::voice(&says, args.identity) {
        Ok(voice) => voice,
        Err(why) => {
            writeln!(err, "error: {why}")?;
            return Ok(Exit::BadFile);
        }
    };
    if let Err(why) = store(args, voice) {
        writeln!(err, "error: cannot write {}: {why}", args.file.display())?;
        return Ok(Exit::Setup);
    }
    writeln!(out, "written to {}: {} s of {}", args.file.display(), args.seconds, args.signal.join(" "))?;
    Ok(Exit::Pass)
}

fn says(words: &[String]) -> Result<Says, UnknownSignal> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["speech"] => Ok(Says::Speaker(0)),
        ["speech", "0"] => Ok(Says::Speaker(0)),
        ["speech", "1"] => Ok(Says::Speaker(1)),
        ["speech", file] => Ok(Says::File(file.into())),
        words => words.join(" ").parse().map(|signal| Says::Signal(signal, 0)),
    }
}

fn store(args: &Signal, mut voice: Voice) -> Result<(), WriteError> {
    let file = File::create(&args.file).map_err(WriteError::Io)?;
    let mut wav = Writer::new(BufWriter::new(file), RATE, 1, args.encoding.into())?;
    let mut frame = [0; FRAME];
    for _ in 0..args.seconds * RATE / FRAME as u32 {
        voice.next_frame(&mut frame);
        wav.write(&frame)?;
    }
    wav.finish()?.flush().map_err(WriteError::Io)
}
