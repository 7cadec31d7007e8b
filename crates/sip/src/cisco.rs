//! Headers of Cisco's own: Call-Info as CUCM writes it, Cisco-Guid, Session-ID.

use std::fmt;
use std::str::FromStr;

use crate::header::HeaderError;
use crate::name_addr::Parts;
use crate::params::Params;
use crate::text::digits;
use crate::uri::Uri;

/// One Call-Info entry: `<uri>;params` (RFC 3261 §20.9).
///
/// CUCM puts what a phone should show behind `<urn:x-cisco-remotecc:callinfo>`, with a space after `=`
/// (`; security= Encrypted; orientation= to; gci= 1-2029; isVoip`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallInfo {
    /// The URI between the angle brackets.
    pub uri: Uri,
    /// What follows them.
    pub params: Params,
}

impl CallInfo {
    /// Whether this entry is `urn:x-cisco-remotecc:callinfo`.
    pub fn is_cisco(&self) -> bool {
        self.uri.scheme.eq_ignore_ascii_case("urn") && self.uri.host.eq_ignore_ascii_case("x-cisco-remotecc:callinfo")
    }

    /// `security`: `Unknown`, `NotAuthenticated`, `Authenticated`, `Encrypted`.
    pub fn security(&self) -> Option<&str> {
        self.params.get("security")
    }

    /// `orientation`: `from` or `to`.
    pub fn orientation(&self) -> Option<&str> {
        self.params.get("orientation")
    }

    /// `gci`: the global call identifier, `1-2029`.
    pub fn gci(&self) -> Option<&str> {
        self.params.get("gci")
    }

    /// `call-instance`.
    pub fn call_instance(&self) -> Option<u32> {
        self.params.get("call-instance").and_then(digits)
    }

    /// `record-invoker`: `auto` or `user`, on the invitations to the built-in bridge.
    pub fn record_invoker(&self) -> Option<&str> {
        self.params.get("record-invoker")
    }

    /// Whether `isVoip` is there.
    pub fn is_voip(&self) -> bool {
        self.params.has("isVoip")
    }
}

impl FromStr for CallInfo {
    type Err = HeaderError;

    fn from_str(text: &str) -> Result<Self, HeaderError> {
        let parts = Parts::cut(text)?;
        Ok(Self { uri: parts.uri.parse()?, params: Params::read(parts.params) })
    }
}

/// Cisco-Guid: 128 bits as four decimal words, `0894781184-0000065536-0000000022-0086388750`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CiscoGuid(pub [u32; 4]);

impl CiscoGuid {
    /// The 32 upper-case hexadecimal digits in which `x-farendguid` and Cisco-Gucid show the same value.
    pub fn to_hex(&self) -> String {
        self.0.iter().map(|word| format!("{word:08X}")).collect()
    }
}

impl fmt::Display for CiscoGuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.0;
        write!(f, "{a:010}-{b:010}-{c:010}-{d:010}")
    }
}

impl FromStr for CiscoGuid {
    type Err = HeaderError;

    fn from_str(text: &str) -> Result<Self, HeaderError> {
        let words: Option<Vec<u32>> = text.trim().split('-').map(digits).collect();
        words.and_then(|words| <[u32; 4]>::try_from(words).ok()).map(Self).ok_or_else(|| HeaderError::Malformed {
            name: "Cisco-Guid",
            value: text.to_owned(),
            expected: "four decimal words of 32 bits joined by `-`",
        })
    }
}

/// Session-ID: the UUID of the sender and, as far as known, of the other end (RFC 7989 §5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionId {
    /// 32 hexadecimal digits, as spelled.
    pub local: String,
    /// The `remote` parameter, 32 hexadecimal digits; zeros while the other end is unknown.
    pub remote: Option<String>,
}

impl SessionId {
    /// What stands for an unknown end.
    pub const NIL: &'static str = "00000000000000000000000000000000";
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.remote {
            Some(remote) => write!(f, "{};remote={remote}", self.local),
            None => write!(f, "{}", self.local),
        }
    }
}

impl FromStr for SessionId {
    type Err = HeaderError;

    fn from_str(text: &str) -> Result<Self, HeaderError> {
        let (local, params) = text.split_once(';').unwrap_or((text, ""));
        let remote = Params::read(params).get("remote").map(str::to_owned);
        let is_uuid = |id: &str| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_uuid(local.trim()) || !remote.as_deref().is_none_or(is_uuid) {
            let expected = "32 hexadecimal digits, and as many after `;remote=`";
            return Err(HeaderError::Malformed { name: "Session-ID", value: text.to_owned(), expected });
        }
        Ok(Self { local: local.trim().to_owned(), remote })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn call_info_with_ciscos_spacing_is_read() {
        let text = "<urn:x-cisco-remotecc:callinfo>; security= NotAuthenticated; orientation= to; gci= 1-2029; isVoip; \
            call-instance= 1";
        let info: CallInfo = text.parse().unwrap();
        assert!(info.is_cisco() && info.is_voip());
        assert_eq!((info.security(), info.orientation()), (Some("NotAuthenticated"), Some("to")));
        assert_eq!((info.gci(), info.call_instance()), (Some("1-2029"), Some(1)));
        let info: CallInfo = "<urn:x-cisco-remotecc:callinfo>; isVoip; record-invoker=auto".parse().unwrap();
        assert_eq!(info.record_invoker(), Some("auto"));
    }

    #[test]
    fn the_guid_in_decimal_and_in_hexadecimal_is_one_value() {
        let text = "1766213308-0488837607-2832368234-3409041498";
        let guid: CiscoGuid = text.parse().unwrap();
        assert_eq!(guid.to_string(), text);
        assert_eq!(guid.to_hex(), "694646BC1D2311E7A8D2826ACB31D85A");
        let small: CiscoGuid = "0894781184-0000065536-0000000022-0086388750".parse().unwrap();
        assert_eq!(small.to_hex(), "3555470000010000000000160526300E");
        for bad in ["1-2-3", "1-2-3-4-5", "1-2-3-4294967296", "a-b-c-d", ""] {
            assert!(bad.parse::<CiscoGuid>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn session_ids_have_32_digits() {
        let text = format!("0848153900105000a0006c416a369525;remote={}", SessionId::NIL);
        let id: SessionId = text.parse().unwrap();
        assert_eq!((id.remote.as_deref(), id.to_string()), (Some(SessionId::NIL), text));
        for bad in ["", "0848", "0848153900105000a0006c416a369525;remote=1", "g848153900105000a0006c416a369525"] {
            assert!(bad.parse::<SessionId>().is_err(), "{bad:?}");
        }
    }
}
