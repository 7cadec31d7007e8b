//! What a REFER asks for (RFC 3515), and which call it names (RFC 3891).

use sip::{Message, NameAddr};

/// Where a call is to be transferred.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A number that is to be called.
    Number(String),
    /// The other end of a call of the transferrer's.
    Call(Replaced),
}

/// The dialog of `Replaces`, as the transferrer knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Replaced {
    pub(super) call_id: String,
    /// Two tags in either order: `to-tag` is that of whoever gets the INVITE in RFC 3891, which here is CUCM.
    pub(super) tags: [String; 2],
}

impl Replaced {
    pub(super) fn is_of(&self, local_tag: &str, remote_tag: &str) -> bool {
        let [first, second] = &self.tags;
        (first == local_tag && second == remote_tag) || (first == remote_tag && second == local_tag)
    }
}

/// Reads `Refer-To`.
pub(super) fn target_of(refer: &Message) -> Result<Target, String> {
    let all = refer.header_all("Refer-To");
    let mut values = all.iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err("got no Refer-To or several, expected one".to_owned());
    };
    let target: NameAddr = value.parse().map_err(|error| format!("cannot use Refer-To: {error}"))?;
    let replaces = target.uri.headers.as_deref().and_then(|headers| {
        headers.split('&').find_map(|header| {
            let (name, value) = header.split_once('=')?;
            name.eq_ignore_ascii_case("Replaces").then_some(value)
        })
    });
    match replaces {
        Some(value) => replaced(&unescaped(value)).map(Target::Call),
        None => match target.uri.user {
            Some(user) => Ok(Target::Number(unescaped(&user))),
            None => Err("got a Refer-To without a number, expected one".to_owned()),
        },
    }
}

/// The dialog that an INVITE is to replace; `None` where it replaces none (RFC 3891 §3).
pub(super) fn replaced_by(invite: &Message) -> Option<Result<Replaced, String>> {
    invite.header("Replaces").map(|value| replaced(&value))
}

/// The dialog that an INVITE is to join, named in the same way (RFC 3911 §4).
pub(super) fn joined_by(invite: &Message) -> Option<Result<Replaced, String>> {
    invite.header("Join").map(|value| replaced(&value))
}

fn replaced(value: &str) -> Result<Replaced, String> {
    let mut parts = value.split(';').map(str::trim);
    let call_id = parts.next().unwrap_or_default().to_owned();
    let (mut to, mut from) = (None, None);
    for part in parts {
        match part.split_once('=') {
            Some((name, tag)) if name.eq_ignore_ascii_case("to-tag") => to = Some(tag.to_owned()),
            Some((name, tag)) if name.eq_ignore_ascii_case("from-tag") => from = Some(tag.to_owned()),
            _ => {}
        }
    }
    match (to, from) {
        (Some(to), Some(from)) if !call_id.is_empty() => Ok(Replaced { call_id, tags: [to, from] }),
        _ => Err(format!("got Replaces {value:?}, expected a Call-ID, to-tag and from-tag")),
    }
}

/// Percent escapes resolved; what is no escape stays (RFC 3261 §19.1.2).
fn unescaped(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = (byte == b'%').then(|| bytes.get(at + 1..at + 3)).flatten();
        let escaped =
            hex.and_then(|hex| std::str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.push(escaped.unwrap_or(byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use sip::Builder;

    use super::*;

    fn read(value: &str) -> Result<Target, String> {
        target_of(&Builder::request("REFER", "sip:10.48.38.5").header("Refer-To", value).finish())
    }

    #[test]
    fn a_number_is_a_blind_transfer() {
        assert_eq!(read("<sip:10003@192.168.80.100>"), Ok(Target::Number("10003".to_owned())));
        assert_eq!(read("sip:%2B49@192.168.80.100;user=phone"), Ok(Target::Number("+49".to_owned())));
    }

    #[test]
    fn replaces_names_the_call_with_the_target() {
        let call = Replaced { call_id: "a1-b2@10.0.0.1".to_owned(), tags: ["7~x-9".to_owned(), "ph".to_owned()] };
        let value = "<sip:1002@10.48.38.5?Replaces=a1-b2%4010.0.0.1%3Bto-tag%3D7~x-9%3Bfrom-tag%3Dph>";
        assert_eq!(read(value), Ok(Target::Call(call.clone())));
        let value = "<sip:1002@10.48.38.5?Require=replaces&replaces=a1-b2%4010.0.0.1%3bto-tag%3d7~x-9%3bfrom-tag%3dph>";
        assert_eq!(read(value), Ok(Target::Call(call.clone())));
        assert!(call.is_of("7~x-9", "ph") && call.is_of("ph", "7~x-9"));
        assert!(!call.is_of("7~x-9", "other"));
    }

    #[test]
    fn what_names_nothing_is_refused_with_what_was_wrong() {
        for (value, words) in [
            ("<sip:10.48.38.5>", "without a number"),
            ("<sip:1002@10.48.38.5?Replaces=a1>", "expected a Call-ID"),
            ("<sip:1002@10.48.38.5?Replaces=a1%3Bto-tag%3D7>", "expected a Call-ID"),
            ("%%%", "cannot use Refer-To"),
        ] {
            assert!(read(value).unwrap_err().contains(words), "{value}: {:?}", read(value));
        }
        let none = Builder::request("REFER", "sip:10.48.38.5").finish();
        assert!(target_of(&none).unwrap_err().contains("no Refer-To"));
    }

    #[test]
    fn half_an_escape_is_text() {
        assert_eq!(unescaped("a%4"), "a%4");
        assert_eq!(unescaped("%zz%41"), "%zzA");
        assert_eq!(unescaped("%é"), "%é");
    }
}
