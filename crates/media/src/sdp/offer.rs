//! Offer and answer (RFC 3264, RFC 4568 §7): what both sides can do, and whether an answer fits its offer.

use super::{Audio, Direction, Format, Profile};
use crate::sdes::Crypto;
use crate::srtp::Suite;

/// What an answerer chooses from an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pick {
    /// The voice format, with the offer's payload type.
    pub format: Format,
    /// The format of key presses, where both sides have it.
    pub telephone_event: Option<Format>,
    /// The offer's line for SRTP; an answer repeats its tag and suite with a key of its own. `None` for plain RTP.
    pub crypto: Option<Crypto>,
    /// The answerer's direction.
    pub direction: Direction,
}

/// Chooses the first format and, for `RTP/SAVP`, the first suite of the offer that is also ours: the order is the
/// offerer's. To choose by our own order, take [`common_formats`] and [`common_suites`] and sort.
pub fn pick(offer: &Audio, formats: &[Format], suites: &[Suite]) -> Result<Pick, PickError> {
    if offer.port == 0 {
        return Err(PickError::Refused);
    }
    let common = common_formats(&offer.formats, formats);
    let format = common.iter().find(|format| !format.is_telephone_event()).cloned();
    let crypto = match offer.profile {
        Profile::Avp => None,
        Profile::Savp => Some(common_suites(&offer.crypto, suites).first().copied().ok_or(PickError::NoSuite)?.clone()),
    };
    Ok(Pick {
        format: format.ok_or(PickError::NoFormat)?,
        telephone_event: common.into_iter().find(Format::is_telephone_event),
        crypto,
        direction: offer.direction.reversed(),
    })
}

/// The formats of `first` that `second` has too, in the order and with the payload types of `first`.
pub fn common_formats(first: &[Format], second: &[Format]) -> Vec<Format> {
    first.iter().filter(|format| second.iter().any(|other| other.is_same_codec(format))).cloned().collect()
}

/// The lines of `offered` whose suite is one of ours, in the order of the offer. A line with a session parameter that we
/// cannot do, or with keys that cannot stand together, must not be chosen (RFC 4568 §6.3.7).
pub fn common_suites<'a>(offered: &'a [Crypto], ours: &[Suite]) -> Vec<&'a Crypto> {
    let ours = |crypto: &&Crypto| crypto.known_suite().is_some_and(|suite| ours.contains(&suite));
    offered.iter().filter(ours).filter(|crypto| crypto.context().is_ok()).collect()
}

/// Checks that an answer keeps to its offer: the profile, a subset of the formats, a direction the offer allows, and
/// for SRTP exactly one line with a tag of the offer and that tag's suite (RFC 4568 §7.1.2).
pub fn check_answer(offer: &Audio, answer: &Audio) -> Result<(), AnswerError> {
    if answer.port == 0 {
        return Err(AnswerError::Refused);
    }
    if answer.profile != offer.profile {
        return Err(AnswerError::Profile { got: answer.profile.name(), expected: offer.profile.name() });
    }
    let (sends, receives) = (answer.direction.sends(), answer.direction.receives());
    if (sends && !offer.direction.receives()) || (receives && !offer.direction.sends()) {
        return Err(AnswerError::Direction { got: answer.direction.name(), offered: offer.direction.name() });
    }
    let foreign =
        |format: &&Format| !format.is_telephone_event() && !offer.formats.iter().any(|o| o.is_same_codec(format));
    if let Some(format) = answer.formats.iter().find(foreign) {
        return Err(AnswerError::Format { encoding: format.encoding.clone(), clock: format.clock });
    }
    if answer.formats.iter().all(Format::is_telephone_event) {
        return Err(AnswerError::NoFormat);
    }
    match offer.profile {
        Profile::Avp => Ok(()),
        Profile::Savp => check_crypto(offer, answer),
    }
}

fn check_crypto(offer: &Audio, answer: &Audio) -> Result<(), AnswerError> {
    let [chosen] = answer.crypto.as_slice() else {
        return Err(AnswerError::CryptoCount { got: answer.crypto.len() });
    };
    match offer.crypto.iter().find(|crypto| crypto.tag == chosen.tag) {
        None => Err(AnswerError::CryptoTag { got: chosen.tag }),
        Some(offered) if offered.suite == chosen.suite => Ok(()),
        Some(offered) => Err(AnswerError::CryptoSuite {
            tag: chosen.tag,
            got: chosen.suite.to_string(),
            expected: offered.suite.to_string(),
        }),
    }
}

/// Why nothing can be chosen from an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PickError {
    /// The offer's port is zero.
    #[error("got port 0 for the audio stream, expected an open port")]
    Refused,
    /// No voice format is common.
    #[error("got no audio format that is also ours")]
    NoFormat,
    /// `RTP/SAVP` without a suite of ours.
    #[error("got no crypto suite that is also ours")]
    NoSuite,
}

/// Why an answer does not fit its offer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The answer's port is zero.
    #[error("got port 0 in the answer: the audio stream is refused")]
    Refused,
    /// The transport changed.
    #[error("got profile {got} in the answer, expected {expected} as offered")]
    Profile {
        /// The answer's profile.
        got: &'static str,
        /// The offer's profile.
        expected: &'static str,
    },
    /// The answer sends or receives where the offer does not allow it.
    #[error("got direction {got} in the answer to {offered}")]
    Direction {
        /// The answer's direction.
        got: &'static str,
        /// The offer's direction.
        offered: &'static str,
    },
    /// A format that was not offered.
    #[error("got format {encoding}/{clock} in the answer, which was not offered")]
    Format {
        /// The encoding's name.
        encoding: String,
        /// Its clock in Hz.
        clock: u32,
    },
    /// No voice format at all.
    #[error("got no audio format in the answer")]
    NoFormat,
    /// None or several `a=crypto` lines.
    #[error("got {got} crypto attributes in the answer, expected 1")]
    CryptoCount {
        /// Lines that are there.
        got: usize,
    },
    /// A tag that was not offered.
    #[error("got crypto tag {got} in the answer, which was not offered")]
    CryptoTag {
        /// The answer's tag.
        got: u32,
    },
    /// Another suite under an offered tag.
    #[error("got suite {got} under crypto tag {tag} in the answer, expected {expected}")]
    CryptoSuite {
        /// The tag.
        tag: u32,
        /// The answer's suite.
        got: String,
        /// The offer's suite under this tag.
        expected: String,
    },
}
