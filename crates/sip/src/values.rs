//! Values of the smaller standard headers: CSeq, Session-Expires, Reason, Join.

use std::fmt;
use std::str::FromStr;

use crate::header::HeaderError;
use crate::params::Params;
use crate::text::{digits, is_token};

/// CSeq (RFC 3261 §20.16).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CSeq {
    /// The sequence number, below 2^31 (RFC 3261 §8.1.1.5).
    pub number: u32,
    /// The method, as spelled.
    pub method: String,
}

impl FromStr for CSeq {
    type Err = HeaderError;

    fn from_str(text: &str) -> Result<Self, HeaderError> {
        let expected = "a number below 2^31 and a method";
        let bad = || HeaderError::Malformed { name: "CSeq", value: text.to_owned(), expected };
        let (number, method) = text.trim().split_once(|c: char| c.is_ascii_whitespace()).ok_or_else(bad)?;
        let method = method.trim();
        let number = digits(number).filter(|number| *number < 1 << 31).ok_or_else(bad)?;
        if !is_token(method.as_bytes()) {
            return Err(bad());
        }
        Ok(Self { number, method: method.to_owned() })
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}

/// Who refreshes a session (RFC 4028 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresher {
    /// The side that sent the request.
    Uac,
    /// The side that answered it.
    Uas,
}

/// Session-Expires (RFC 4028 §4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionExpires {
    /// The interval in seconds.
    pub seconds: u32,
    /// The `refresher` parameter; CUCM's INVITE has none, its answers have.
    pub refresher: Option<Refresher>,
}

impl FromStr for SessionExpires {
    type Err = HeaderError;

    fn from_str(text: &str) -> Result<Self, HeaderError> {
        let expected = "seconds, perhaps with `;refresher=uac` or `;refresher=uas`";
        let bad = || HeaderError::Malformed { name: "Session-Expires", value: text.to_owned(), expected };
        let (seconds, params) = text.split_once(';').unwrap_or((text, ""));
        let refresher = match Params::read(params).get("refresher") {
            None => None,
            Some(who) if who.eq_ignore_ascii_case("uac") => Some(Refresher::Uac),
            Some(who) if who.eq_ignore_ascii_case("uas") => Some(Refresher::Uas),
            Some(_) => return Err(bad()),
        };
        Ok(Self { seconds: digits(seconds.trim()).ok_or_else(bad)?, refresher })
    }
}

/// One Reason entry, `Q.850;cause=16;text="..."` (RFC 3326 §2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// `SIP`, `Q.850`, `preemption`.
    pub protocol: String,
    /// The `cause` parameter.
    pub cause: Option<u32>,
    /// The `text` parameter, without quotes.
    pub text: Option<String>,
    /// All parameters.
    pub params: Params,
}

impl FromStr for Reason {
    type Err = HeaderError;

    fn from_str(text: &str) -> Result<Self, HeaderError> {
        let expected = "a protocol and parameters, `Q.850;cause=16`";
        let bad = || HeaderError::Malformed { name: "Reason", value: text.to_owned(), expected };
        let (protocol, params) = text.split_once(';').unwrap_or((text, ""));
        let params = Params::read(params);
        let cause = params.get("cause").map(|cause| digits(cause).ok_or_else(bad)).transpose()?;
        if !is_token(protocol.trim().as_bytes()) {
            return Err(bad());
        }
        let words = params.get("text").map(str::to_owned);
        Ok(Self { protocol: protocol.trim().to_owned(), cause, text: words, params })
    }
}

/// Join and Replaces: the dialog they point to (RFC 3911 §7.1, RFC 3891 §6.1).
///
/// The tags are named from the view of whoever receives the header: `to_tag` is that party's local tag.
/// CUCM's invitation to the built-in bridge has them the other way round: `from-tag` is the phone's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// The Call-ID of the dialog.
    pub call_id: String,
    /// The `from-tag` parameter.
    pub from_tag: String,
    /// The `to-tag` parameter.
    pub to_tag: String,
}

impl FromStr for Join {
    type Err = HeaderError;

    fn from_str(text: &str) -> Result<Self, HeaderError> {
        let (call_id, params) = text.split_once(';').unwrap_or((text, ""));
        let params = Params::read(params);
        let call_id = call_id.trim();
        match (params.get("from-tag"), params.get("to-tag")) {
            (Some(from), Some(to)) if !call_id.is_empty() && !from.is_empty() && !to.is_empty() => {
                Ok(Self { call_id: call_id.to_owned(), from_tag: from.to_owned(), to_tag: to.to_owned() })
            }
            _ => Err(HeaderError::Malformed {
                name: "Join",
                value: text.to_owned(),
                expected: "a Call-ID with `;from-tag=` and `;to-tag=`",
            }),
        }
    }
}

impl fmt::Display for Join {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};from-tag={};to-tag={}", self.call_id, self.from_tag, self.to_tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cseq_numbers_stay_below_two_to_the_31() {
        assert_eq!("2147483647  BYE".parse::<CSeq>().unwrap(), CSeq { number: 0x7fff_ffff, method: "BYE".into() });
        assert_eq!("0009 INVITE".parse::<CSeq>().unwrap().to_string(), "9 INVITE");
        for bad in ["2147483648 BYE", "36893488147419103232 REGISTER", "BYE", "1", "-1 BYE", "1 B YE", ""] {
            assert!(bad.parse::<CSeq>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn session_timers_are_read() {
        let timer: SessionExpires = " 1800 ; refresher=UAS".parse().unwrap();
        assert_eq!((timer.seconds, timer.refresher), (1800, Some(Refresher::Uas)));
        assert_eq!("1800".parse::<SessionExpires>().unwrap().refresher, None);
        assert!("1800;refresher=me".parse::<SessionExpires>().is_err());
        assert!("half an hour".parse::<SessionExpires>().is_err());
    }

    #[test]
    fn reasons_and_joins_are_read() {
        let reason: Reason = r#"Q.850 ;cause=47;text="no route; sorry""#.parse().unwrap();
        assert_eq!((reason.protocol.as_str(), reason.cause), ("Q.850", Some(47)));
        assert_eq!(reason.text.as_deref(), Some("no route; sorry"));
        assert!("Q.850;cause=x".parse::<Reason>().is_err());
        let text = "34241a00-d6514bed-327f-526300e@10.48.38.5;from-tag=6c41;to-tag=104952~e650";
        let join: Join = text.parse().unwrap();
        assert_eq!(
            (join.from_tag.as_str(), join.to_tag.as_str(), join.to_string()),
            ("6c41", "104952~e650", text.into())
        );
        assert!("a@b;from-tag=1".parse::<Join>().is_err());
    }
}
