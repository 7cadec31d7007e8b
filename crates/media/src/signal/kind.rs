//! What the signals are called, in scenario files and on the command line.

use std::fmt;
use std::str::FromStr;

use super::Voice;
use super::code::{Code, LEGS, Length};
use crate::g711::Law;

/// A signal that needs no file, as it is named: `code leg 2 60ms`, `tone 1000 -20`, `codes PCMA`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// `code`, with `leg 0` to `leg 3` and `20ms`, `40ms` or `60ms` where they are not to be chosen: the [`code`](super::code) signal.
    Code {
        /// Whose tones; without it, of whoever speaks.
        leg: Option<u8>,
        /// How long a symbol is.
        length: Length,
    },
    /// `chirps`: 100 ms from 300 to 3400 Hz at the start of every second.
    Chirps,
    /// `tone` with its frequency in Hz and its level in dB of full scale, 1000 and -20 unless told.
    Tone {
        /// In Hz.
        hertz: u16,
        /// In dB of full scale.
        dbfs: i8,
    },
    /// `steps`: a tone of 1 kHz that falls by 6 dB every half second.
    Steps,
    /// `square`: 500 Hz at full scale.
    Square,
    /// `noise`: the dither that names frames, alone.
    Noise,
    /// `silence`: digital silence, which says nothing about where it belongs.
    Silence,
    /// `codes` with PCMU or PCMA: all 256 codes of a law.
    Codes(Law),
}

/// What was named is no signal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("got the signal `{got}`, expected one of: {}", Signal::FORMS.join(", "))]
pub struct UnknownSignal {
    got: String,
}

impl Signal {
    /// How each is written; what stands in brackets may be left out.
    pub const FORMS: [&'static str; 8] = [
        "code [leg 0-3] [20ms|40ms|60ms]",
        "chirps",
        "tone [Hz [dB]]",
        "steps",
        "square",
        "noise",
        "silence",
        "codes PCMU|PCMA",
    ];

    /// The voice that says it, for the speaker of this number, whom `identity` tells from every other one of the run.
    ///
    /// All but silence and the 256 codes bear the dither that names frames, so that an exact path is judged frame by frame.
    pub fn voice(self, speaker: usize, identity: u64) -> Voice {
        match self {
            Self::Code { leg, length } => {
                let leg = leg.unwrap_or_else(|| (speaker % usize::from(LEGS)) as u8);
                Voice::code(Code::of(leg, length, identity)).named(identity)
            }
            Self::Chirps => Voice::chirps().named(identity),
            Self::Tone { hertz, dbfs } => Voice::tone(hertz.into(), dbfs.into()).named(identity),
            Self::Steps => Voice::steps().named(identity),
            Self::Square => Voice::square().named(identity),
            Self::Noise => Voice::silence().named(identity),
            Self::Silence => Voice::silence(),
            Self::Codes(law) => Voice::codes(law, identity),
        }
    }
}

impl FromStr for Signal {
    type Err = UnknownSignal;

    fn from_str(text: &str) -> Result<Self, UnknownSignal> {
        let words: Vec<&str> = text.split_whitespace().collect();
        read(&words).ok_or_else(|| UnknownSignal { got: text.to_owned() })
    }
}

fn read(words: &[&str]) -> Option<Signal> {
    Some(match words {
        ["code", rest @ ..] => code(rest)?,
        ["chirps"] => Signal::Chirps,
        ["tone"] => Signal::Tone { hertz: 1000, dbfs: -20 },
        ["tone", hertz] => Signal::Tone { hertz: hertz_of(hertz)?, dbfs: -20 },
        ["tone", hertz, dbfs] => Signal::Tone { hertz: hertz_of(hertz)?, dbfs: dbfs_of(dbfs)? },
        ["steps"] => Signal::Steps,
        ["square"] => Signal::Square,
        ["noise"] => Signal::Noise,
        ["silence"] => Signal::Silence,
        ["codes", law] => Signal::Codes(Law::ALL.into_iter().find(|known| known.encoding() == *law)?),
        _ => return None,
    })
}

fn code(words: &[&str]) -> Option<Signal> {
    let (leg, rest) = match words {
        ["leg", leg, rest @ ..] => (Some(leg.parse().ok().filter(|leg| *leg < LEGS)?), rest),
        rest => (None, rest),
    };
    let length = match rest {
        [] => Length::Ms40,
        [length] => Length::ALL.into_iter().find(|known| format!("{}ms", known.ms()) == *length)?,
        _ => return None,
    };
    Some(Signal::Code { leg, length })
}

/// A frequency that 8 kHz can carry.
fn hertz_of(text: &str) -> Option<u16> {
    text.parse().ok().filter(|hertz| (1..=3999).contains(hertz))
}

/// A level down to where a 16 bit sample is nought.
fn dbfs_of(text: &str) -> Option<i8> {
    text.parse().ok().filter(|dbfs| (-90..=0).contains(dbfs))
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code { leg: Some(leg), length } => write!(f, "code leg {leg} {}ms", length.ms()),
            Self::Code { leg: None, length } => write!(f, "code {}ms", length.ms()),
            Self::Chirps => f.write_str("chirps"),
            Self::Tone { hertz, dbfs } => write!(f, "tone {hertz} {dbfs}"),
            Self::Steps => f.write_str("steps"),
            Self::Square => f.write_str("square"),
            Self::Noise => f.write_str("noise"),
            Self::Silence => f.write_str("silence"),
            Self::Codes(law) => write!(f, "codes {}", law.encoding()),
        }
    }
}
