//! `a=crypto` lines (RFC 4568): how SDP carries the keys of SRTP.

use std::fmt;

use zeroize::Zeroizing;

use crate::srtp::{Context, KeyError, MasterKey, Suite};

/// One `a=crypto` attribute:
/// `<tag> <suite> inline:<key||salt>[|<lifetime>][|<mki>:<length>][;inline:...] [<session parameter> ...]`.
///
/// There is no `Display`, so that keys reach a log only where somebody asks for [`Self::to_attribute`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crypto {
    /// The number by which an answer names the chosen line.
    pub tag: u32,
    /// The suite, also when it is none of ours.
    pub suite: SuiteName,
    /// One key, or several with identifiers.
    pub keys: Vec<InlineKey>,
    /// Session parameters as they stand, such as `WSH=128` (RFC 4568 §6.3).
    pub session: Vec<String>,
}

impl Crypto {
    /// A line with one key, without lifetime, MKI and session parameters: what CUCM and its phones write.
    pub fn new(tag: u32, key: MasterKey) -> Self {
        Self { tag, suite: SuiteName::Known(key.suite()), keys: vec![InlineKey::new(key)], session: Vec::new() }
    }

    /// Reads the value of the attribute, that is what follows `a=crypto:`.
    pub fn parse(value: &str) -> Result<Self, SdesError> {
        if value.len() > LONGEST_VALUE {
            return Err(SdesError::TooLong { got: value.len() });
        }
        let mut words = value.split_ascii_whitespace();
        let tag = parse_tag(words.next().ok_or(SdesError::Missing("tag"))?)?;
        let suite = SuiteName::parse(words.next().ok_or(SdesError::Missing("suite"))?);
        let keys = words.next().ok_or(SdesError::Missing("key"))?;
        let keys = keys.split(';').take(MOST_KEYS + 1).map(|key| InlineKey::parse(&suite, key));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        if keys.len() > MOST_KEYS {
            return Err(SdesError::TooMany("keys"));
        }
        let session: Vec<String> = words.take(MOST_PARAMETERS + 1).map(String::from).collect();
        if session.len() > MOST_PARAMETERS {
            return Err(SdesError::TooMany("session parameters"));
        }
        Ok(Self { tag, suite, keys, session })
    }

    /// The value of the attribute with its keys in clear: for the SDP itself, never for a log.
    pub fn to_attribute(&self) -> String {
        let keys: Vec<String> = self.keys.iter().map(InlineKey::to_parameter).collect();
        let mut text = format!("{} {} {}", self.tag, self.suite, keys.join(";"));
        for parameter in &self.session {
            text.push(' ');
            text.push_str(parameter);
        }
        text
    }

    /// The suite, where it is one of ours.
    pub fn known_suite(&self) -> Option<Suite> {
        match self.suite {
            SuiteName::Known(suite) => Some(suite),
            SuiteName::Unknown(_) => None,
        }
    }

    /// The first key, where the suite is one of ours.
    pub fn master_key(&self) -> Option<&MasterKey> {
        self.keys.first()?.key.as_ref()
    }

    /// A context for the direction in which the writer of this line sends: with its keys, identifiers, lifetimes and
    /// session parameters. A parameter that asks for something we cannot do is an error (RFC 4568 §6.3.7).
    pub fn context(&self) -> Result<Context, SdesError> {
        let suite = self.known_suite().ok_or(SdesError::UnknownSuite)?;
        let (first, further) = self.keys.split_first().ok_or(SdesError::Missing("key"))?;
        let mut context = Context::new(suite, first.key.as_ref().ok_or(SdesError::Missing("key"))?)?;
        if let Some(mki) = first.mki {
            context = context.with_mki(&mki.to_bytes())?;
        }
        for key in further {
            let mki = key.mki.ok_or(SdesError::Key(KeyError::MkiClash))?.to_bytes();
            context = context.with_further_key(&mki, key.key.as_ref().ok_or(SdesError::Missing("key"))?)?;
        }
        // One lifetime for all: the shortest, so that no key is used for longer than its owner allows.
        if let Some(packets) = self.keys.iter().filter_map(|key| key.lifetime).map(Lifetime::packets).min() {
            context = context.with_lifetime(packets);
        }
        self.session.iter().try_fold(context, |context, parameter| apply(context, parameter))
    }
}

/// A crypto suite by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SuiteName {
    /// One that we can do.
    Known(Suite),
    /// Any other, as it stands.
    Unknown(String),
}

impl SuiteName {
    fn parse(name: &str) -> Self {
        Suite::parse(name).map_or_else(|| Self::Unknown(name.into()), Self::Known)
    }
}

impl fmt::Display for SuiteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Known(suite) => suite.name(),
            Self::Unknown(name) => name,
        })
    }
}

/// One `inline:` key parameter (RFC 4568 §6.1).
#[derive(Clone, PartialEq, Eq)]
pub struct InlineKey {
    /// The key; `None` where the suite is unknown and the text could not be cut into key and salt.
    pub key: Option<MasterKey>,
    /// How many packets the key may protect.
    pub lifetime: Option<Lifetime>,
    /// The identifier that packets carry.
    pub mki: Option<Mki>,
    /// The text of a key of an unknown suite, kept to be written again.
    opaque: Zeroizing<String>,
}

impl InlineKey {
    /// A key without lifetime and identifier.
    pub fn new(key: MasterKey) -> Self {
        Self { key: Some(key), lifetime: None, mki: None, opaque: Zeroizing::default() }
    }

    fn parse(suite: &SuiteName, parameter: &str) -> Result<Self, SdesError> {
        let (method, info) = parameter.split_once(':').ok_or(SdesError::Method)?;
        if !method.eq_ignore_ascii_case("inline") {
            return Err(SdesError::Method);
        }
        let mut parts = info.split('|');
        let text = parts.next().unwrap_or_default();
        let mut inline = Self { key: None, lifetime: None, mki: None, opaque: Zeroizing::default() };
        match suite {
            SuiteName::Known(suite) => inline.key = Some(MasterKey::from_inline(*suite, text)?),
            SuiteName::Unknown(_) => inline.opaque = Zeroizing::new(text.into()),
        }
        for part in parts {
            match part.split_once(':') {
                Some(_) if inline.mki.is_some() => return Err(SdesError::Mki),
                Some((value, length)) => inline.mki = Some(Mki::parse(value, length)?),
                None if inline.lifetime.is_some() || inline.mki.is_some() => return Err(SdesError::Lifetime),
                None => inline.lifetime = Some(Lifetime::parse(part)?),
            }
        }
        Ok(inline)
    }

    fn to_parameter(&self) -> String {
        let key = self.key.as_ref().map(|key| Zeroizing::new(key.to_inline()));
        let lifetime = self.lifetime.map(|lifetime| format!("|{lifetime}")).unwrap_or_default();
        let mki = self.mki.map(|mki| format!("|{}:{}", mki.value, mki.len)).unwrap_or_default();
        format!("inline:{}{lifetime}{mki}", key.as_ref().unwrap_or(&self.opaque).as_str())
    }
}

impl fmt::Debug for InlineKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InlineKey(redacted, lifetime {:?}, mki {:?})", self.lifetime, self.mki)
    }
}

/// How many packets a key may protect, as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// `2^n`, n at most 48.
    PowerOfTwo(u8),
    /// A plain number of packets, 1 to 2^48.
    Packets(u64),
}

impl Lifetime {
    /// The number of packets.
    pub fn packets(self) -> u64 {
        match self {
            Self::PowerOfTwo(exponent) => 1 << exponent.min(48),
            Self::Packets(packets) => packets,
        }
    }

    fn parse(text: &str) -> Result<Self, SdesError> {
        let lifetime = match text.strip_prefix("2^") {
            Some(exponent) => digits(exponent).filter(|&e| e <= 48).map(|e| Self::PowerOfTwo(e as u8)),
            None => digits(text).filter(|packets| (1..=1 << 48).contains(packets)).map(Self::Packets),
        };
        lifetime.ok_or(SdesError::Lifetime)
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PowerOfTwo(exponent) => write!(f, "2^{exponent}"),
            Self::Packets(packets) => write!(f, "{packets}"),
        }
    }
}

/// A master key identifier: a number and in how many bytes packets carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mki {
    /// The number.
    pub value: u64,
    /// Bytes in the packet, 1 to 128.
    pub len: u8,
}

impl Mki {
    /// The bytes in the packet: the number, most significant byte first.
    pub fn to_bytes(self) -> Vec<u8> {
        let len = usize::from(self.len);
        let value = self.value.to_be_bytes();
        let mut bytes = vec![0; len.saturating_sub(8)];
        bytes.extend_from_slice(&value[8usize.saturating_sub(len)..]);
        bytes
    }

    fn parse(value: &str, len: &str) -> Result<Self, SdesError> {
        let value = digits(value).ok_or(SdesError::Mki)?;
        let len = digits(len).filter(|len| (1..=128).contains(len)).ok_or(SdesError::Mki)? as u8;
        match len >= 8 || value >> (8 * len) == 0 {
            true => Ok(Self { value, len }),
            false => Err(SdesError::Mki),
        }
    }
}

/// Why an `a=crypto` line cannot be read or used. No variant holds any of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SdesError {
    /// More text than any real line has.
    #[error("got a crypto attribute of {got} bytes, expected at most {LONGEST_VALUE}")]
    TooLong {
        /// Bytes of the value.
        got: usize,
    },
    /// A part is not there.
    #[error("got a crypto attribute without {0}")]
    Missing(&'static str),
    /// The tag is no number of one to nine digits.
    #[error("got a crypto tag that is not a number of 1 to 9 digits")]
    Tag,
    /// A key method other than `inline`.
    #[error("got a key method other than inline")]
    Method,
    /// The key does not fit its suite.
    #[error("bad crypto key: {0}")]
    Key(#[from] KeyError),
    /// The lifetime is no number, zero, or more than 2^48.
    #[error("got a key lifetime that is not within 1 and 2^48")]
    Lifetime,
    /// The identifier is no number, or does not fit its length, or the length is not within 1 and 128.
    #[error("got a master key identifier that is not a number of 1 to 128 bytes")]
    Mki,
    /// More of something than a real line has.
    #[error("got too many {0} in a crypto attribute")]
    TooMany(&'static str),
    /// The suite is none of ours, so there is no context for it.
    #[error("got a crypto suite that is not supported")]
    UnknownSuite,
    /// A session parameter asks for what we cannot do.
    #[error("got a session parameter that is not supported")]
    Parameter,
}

/// Applies one session parameter (RFC 4568 §6.3).
fn apply(context: Context, parameter: &str) -> Result<Context, SdesError> {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    match (name.to_ascii_uppercase().as_str(), digits(value)) {
        ("WSH", Some(window @ 64..)) => Ok(context.with_window(window.clamp(128, 32_768) as usize)),
        ("KDR", Some(0)) => Ok(context),
        ("UNENCRYPTED_SRTCP", _) => Ok(context.with_unencrypted_rtcp()),
        // A leading minus marks an extension that may be ignored.
        (name, _) if name.starts_with('-') => Ok(context),
        _ => Err(SdesError::Parameter),
    }
}

fn parse_tag(text: &str) -> Result<u32, SdesError> {
    match (1..=9).contains(&text.len()) {
        true => digits(text).map(|tag| tag as u32).ok_or(SdesError::Tag),
        false => Err(SdesError::Tag),
    }
}

/// A number of digits alone: no sign, which `u64::from_str` would take.
fn digits(text: &str) -> Option<u64> {
    match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse().ok(),
        false => None,
    }
}

/// Longer than sixteen keys of 256 bits with everything that may stand beside them.
const LONGEST_VALUE: usize = 4096;
const MOST_KEYS: usize = 16;
const MOST_PARAMETERS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "MTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5QUJjZGVm";

    #[test]
    fn the_lines_of_the_rfc_read_and_write_back() {
        // RFC 4568 §9.1, §6.1, §5.1; the key is the one of its examples.
        for line in [
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:32"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4;inline:{KEY}|2^20|2:4 KDR=0 WSH=256"),
            format!("2 AES_CM_128_HMAC_SHA1_32 inline:{KEY}|1048576"),
            format!("3 F8_128_HMAC_SHA1_80 inline:{KEY}|1:4 FEC_ORDER=FEC_SRTP"),
        ] {
            assert_eq!(Crypto::parse(&line).unwrap().to_attribute(), line);
        }
    }

    #[test]
    fn every_part_lands_in_its_field() {
        let line = format!(" 7\taes_cm_128_hmac_sha1_80  inline:{KEY}|2^31|258:2 WSH=128 ");
        let crypto = Crypto::parse(&line).unwrap();
        assert_eq!((crypto.tag, crypto.known_suite()), (7, Some(Suite::AesCm128HmacSha1_80)));
        assert_eq!(crypto.master_key().unwrap().as_bytes(), b"123456789ABCDE0123456789ABcdef");
        assert_eq!(crypto.keys[0].lifetime.map(Lifetime::packets), Some(1 << 31));
        assert_eq!(crypto.keys[0].mki.map(Mki::to_bytes), Some(vec![1, 2]));
        assert_eq!(crypto.session, ["WSH=128"]);
        assert_eq!(Mki { value: 5, len: 10 }.to_bytes(), [0, 0, 0, 0, 0, 0, 0, 0, 0, 5]);
    }

    #[test]
    fn hostile_values_are_refused_with_the_part_that_is_wrong() {
        let with = |end: &str| Crypto::parse(&format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}{end}")).unwrap_err();
        for end in ["|2^49", "|2^99", "|0", "|+5", "|2^", "|", "|2^20|2^20", "|1:4|2^20", "|99999999999999999999"] {
            assert_eq!(with(end), SdesError::Lifetime, "{end}");
        }
        for end in ["|1:0", "|1:129", "|256:1", "|x:4", "|1:", "|1:4|2:4", "|18446744073709551616:9"] {
            assert_eq!(with(end), SdesError::Mki, "{end}");
        }
        let parse = |line: &str| Crypto::parse(line).unwrap_err();
        for tag in ["4294967296", "+1", "-1", "x", "1234567890"] {
            assert_eq!(parse(&format!("{tag} AES_CM_128_HMAC_SHA1_80 inline:{KEY}")), SdesError::Tag);
        }
        assert_eq!(parse(""), SdesError::Missing("tag"));
        assert_eq!(parse("1"), SdesError::Missing("suite"));
        assert_eq!(parse("1 AES_CM_128_HMAC_SHA1_80"), SdesError::Missing("key"));
        assert_eq!(parse("1 AES_CM_128_HMAC_SHA1_80 uri:x"), SdesError::Method);
        assert!(parse("1 AES_CM_128_HMAC_SHA1_80 inline:AAAA").to_string().contains("expected 30"));
        assert_eq!(parse(&"1".repeat(5000)), SdesError::TooLong { got: 5000 });
        let keys = vec!["inline:x"; 17].join(";");
        assert_eq!(parse(&format!("1 UNKNOWN {keys}")), SdesError::TooMany("keys"));
        let parameters = "WSH=64 ".repeat(17);
        assert_eq!(parse(&format!("1 UNKNOWN inline:x {parameters}")), SdesError::TooMany("session parameters"));
    }

    #[test]
    fn debug_shows_neither_known_nor_unknown_keys() {
        for suite in ["AES_CM_128_HMAC_SHA1_80", "F8_128_HMAC_SHA1_80"] {
            let crypto = Crypto::parse(&format!("1 {suite} inline:{KEY}|2^20")).unwrap();
            assert!(!format!("{crypto:?}").contains("MTIz"));
        }
    }

    #[test]
    fn a_context_takes_over_lifetime_mki_and_session_parameters() {
        let line = format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2|1:4 WSH=64 UNENCRYPTED_SRTCP -new=1");
        let mut context = Crypto::parse(&line).unwrap().context().unwrap();
        let mut buf = [0x80; 200];
        assert_eq!(context.protect(&mut buf, 20), Ok(20 + 4 + 10));
        assert_eq!(buf[20..24], [0, 0, 0, 1]);
        buf[3] += 1;
        assert_eq!(context.protect(&mut buf, 20), Ok(34));
        buf[3] += 1;
        assert_eq!(context.protect(&mut buf, 20), Err(crate::srtp::SrtpError::KeyExhausted));
        let mut rtcp = [0x80; 100];
        assert_eq!(context.protect_rtcp(&mut rtcp, 20), Ok(20 + 4 + 4 + 10));
        assert_eq!(rtcp[20..24], [0, 0, 0, 1], "the E bit is clear");
    }

    #[test]
    fn of_several_lifetimes_the_shortest_holds() {
        let line = format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|9|1:1;inline:{KEY}|1|2:1");
        let mut context = Crypto::parse(&line).unwrap().context().unwrap();
        let mut buf = [0x80; 100];
        assert_eq!(context.protect(&mut buf, 20), Ok(31));
        buf[3] += 1;
        assert_eq!(context.protect(&mut buf, 20), Err(crate::srtp::SrtpError::KeyExhausted));
    }

    #[test]
    fn what_we_cannot_do_makes_no_context() {
        for parameter in ["KDR=1", "UNENCRYPTED_SRTP", "UNAUTHENTICATED_SRTP", "FEC_ORDER=FEC_SRTP", "WSH=63", "new"] {
            let line = format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} {parameter}");
            assert_eq!(Crypto::parse(&line).unwrap().context().unwrap_err(), SdesError::Parameter);
        }
        let unknown = Crypto::parse(&format!("1 F8_128_HMAC_SHA1_80 inline:{KEY}")).unwrap();
        assert_eq!(unknown.context().unwrap_err(), SdesError::UnknownSuite);
        let two = Crypto::parse(&format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY};inline:{KEY}")).unwrap();
        assert_eq!(two.context().unwrap_err(), SdesError::Key(KeyError::MkiClash));
    }
}
