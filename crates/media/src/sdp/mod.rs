//! SDP (RFC 8866) as CUCM, phones and recorders use it: one voice stream, its keys, and who sends.
//!
//! The bytes are kept as they came, since rewriting an SDP loses things (the order of attributes, unknown lines);
//! [`Sdp::audio`] is the view that a call needs, [`pick`] and [`check_answer`] are offer/answer (RFC 3264).

mod audio;
mod error;
mod offer;
mod redact;

pub use audio::{Audio, Direction, Format, Origin, Profile};
pub use error::SdpError;
pub use offer::{AnswerError, Pick, PickError, check_answer, common_formats, common_suites, pick};
pub use redact::redact;

use std::fmt;

/// A session description: its bytes and what they say.
#[derive(Clone, PartialEq, Eq)]
pub struct Sdp {
    /// The bytes as they came.
    pub raw: Vec<u8>,
    session: sdp_types::Session,
}

impl Sdp {
    /// Reads a description of at most 64 KiB. Text that is not UTF-8 (a session name in Latin-1, say) reads with
    /// replacement characters; [`Self::raw`] keeps it.
    pub fn parse(bytes: &[u8]) -> Result<Self, SdpError> {
        if bytes.len() > LONGEST {
            return Err(SdpError::TooLong { got: bytes.len(), expected: LONGEST });
        }
        let text = String::from_utf8_lossy(bytes);
        let session =
            sdp_types::Session::parse(text.as_bytes()).map_err(|error| SdpError::Syntax(error.to_string()))?;
        Ok(Self { raw: bytes.to_vec(), session })
    }

    /// The voice stream: the first `m=audio` that is not refused by port 0, else the first one.
    pub fn audio(&self) -> Result<Audio, SdpError> {
        let voice = self.voice().ok_or(SdpError::NoAudio)?;
        Audio::read(&self.session, &self.session.medias[voice])
    }

    /// What an answer that takes the voice stream alone says of the others.
    pub fn refusals(&self) -> Refusals {
        let medias = &self.session.medias;
        let voice = self.voice().unwrap_or(medias.len());
        let refused = |medias: &[sdp_types::Media]| {
            medias.iter().map(|media| format!("m={} 0 {} {}\r\n", media.media, media.proto, media.fmt)).collect()
        };
        Refusals { before: refused(&medias[..voice]), behind: refused(medias.get(voice + 1..).unwrap_or_default()) }
    }

    /// Which medium is the voice stream.
    fn voice(&self) -> Option<usize> {
        let medias = &self.session.medias;
        let is_open = |media: &sdp_types::Media| media.media == "audio" && media.port != 0;
        medias.iter().position(is_open).or_else(|| medias.iter().position(|media| media.media == "audio"))
    }

    /// How many `m=` lines there are.
    pub fn media_count(&self) -> usize {
        self.session.medias.len()
    }

    /// The text with every key replaced, fit for a log.
    pub fn redacted(&self) -> String {
        redact(&self.raw)
    }
}

/// `m=` lines with port 0, each with its line end: an answer has a line for each of the offer, in the offer's order, and
/// refuses by port 0 what it does not take (RFC 3264 §6).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Refusals {
    /// Those that stand before the voice stream.
    pub before: String,
    /// Those that stand behind it.
    pub behind: String,
}

impl fmt::Debug for Sdp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sdp({} bytes, {} media)", self.raw.len(), self.media_count())
    }
}

/// Far above any real offer, far below what a stream may make us hold.
const LONGEST: usize = 64 * 1024;
