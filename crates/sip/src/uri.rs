//! URIs: request targets, and what stands in From, To, Contact.

use std::fmt;
use std::str::FromStr;

use crate::header::HeaderError;
use crate::params::Params;
use crate::text::digits;

/// A URI taken apart; the parts are kept in the spelling they came in.
///
/// `sip:` and `sips:` follow RFC 3261 §19.1. For `tel:` the number is `user` and `host` is empty. For any other scheme
/// `host` holds all that follows the colon up to the first `;` or `?` (`urn:x-cisco-remotecc:callinfo` has the host
/// `x-cisco-remotecc:callinfo`), and there is neither user nor port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uri {
    /// The scheme without its colon, as spelled.
    pub scheme: String,
    /// What stands before `@` (with a password, if one is there), percent escapes kept.
    pub user: Option<String>,
    /// The host; IPv6 keeps its brackets.
    pub host: String,
    /// The port, if written.
    pub port: Option<u16>,
    /// URI parameters: CUCM's `x-nearend`, `x-refci`, `x-farenddevice` and the rest live here.
    pub params: Params,
    /// What follows `?`, without it.
    pub headers: Option<String>,
}

impl Uri {
    /// Whether the scheme is `sip` or `sips`.
    pub fn is_sip(&self) -> bool {
        self.scheme.eq_ignore_ascii_case("sip") || self.is_secure()
    }

    /// Whether the scheme is `sips`.
    pub fn is_secure(&self) -> bool {
        self.scheme.eq_ignore_ascii_case("sips")
    }

    /// The host without the brackets of an IPv6 address, to be read as an address.
    pub fn host_unbracketed(&self) -> &str {
        self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&self.host)
    }
}

impl FromStr for Uri {
    type Err = HeaderError;

    /// Reads a URI as written in a request line or between angle brackets.
    fn from_str(text: &str) -> Result<Self, HeaderError> {
        let bad = |why| HeaderError::Uri { text: text.to_owned(), why };
        if text.bytes().any(|b| b.is_ascii_whitespace() || b == b'<' || b == b'>' || b == b'"') {
            return Err(bad("a URI holds no white space, quote or angle bracket"));
        }
        let (scheme, rest) = text.split_once(':').ok_or_else(|| bad("no scheme before `:`"))?;
        if !is_scheme(scheme) {
            return Err(bad("the scheme is not a letter followed by letters, digits, `+`, `-`, `.`"));
        }
        if scheme.eq_ignore_ascii_case("sip") || scheme.eq_ignore_ascii_case("sips") {
            return read_sip(scheme, rest).map_err(bad);
        }
        let (path, params, headers) = cut(rest);
        let is_tel = scheme.eq_ignore_ascii_case("tel");
        Ok(Self {
            scheme: scheme.to_owned(),
            user: is_tel.then(|| path.to_owned()),
            host: if is_tel { String::new() } else { path.to_owned() },
            port: None,
            params,
            headers,
        })
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.scheme)?;
        match &self.user {
            Some(user) if self.host.is_empty() => write!(f, "{user}")?,
            Some(user) => write!(f, "{user}@{}", self.host)?,
            None => write!(f, "{}", self.host)?,
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        for (name, value) in self.params.iter() {
            match value {
                None => write!(f, ";{name}")?,
                Some(value) => write!(f, ";{name}={value}")?,
            }
        }
        match &self.headers {
            Some(headers) => write!(f, "?{headers}"),
            None => Ok(()),
        }
    }
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`, with white space allowed around the colon as in Via.
pub(crate) fn read_host_port(text: &str) -> Result<(String, Option<u16>), &'static str> {
    let text = text.trim();
    let (host, port) = match text.strip_prefix('[') {
        Some(inner) => {
            let end = inner.find(']').ok_or("an IPv6 address has no closing bracket")?;
            if inner[..end].parse::<std::net::Ipv6Addr>().is_err() {
                return Err("what stands in brackets is no IPv6 address");
            }
            text.split_at(end + 2)
        }
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let host = host.trim_end();
    if host.is_empty() {
        return Err("the host is empty");
    }
    if !host.starts_with('[') && !host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)) {
        return Err("the host holds a character that no host name has");
    }
    match port.trim_start().strip_prefix(':') {
        None if port.trim().is_empty() => Ok((host.to_owned(), None)),
        None => Err("something other than a port follows the host"),
        Some(port) => {
            let port = digits(port.trim()).ok_or("the port is not a number up to 65535")?;
            Ok((host.to_owned(), Some(port)))
        }
    }
}

fn read_sip(scheme: &str, rest: &str) -> Result<Uri, &'static str> {
    // The user part may hold `;`, `?` and `/`, the rest no `@`: the first one ends the user.
    let (user, rest) = match rest.split_once('@') {
        Some((user, rest)) => (Some(user), rest),
        None => (None, rest),
    };
    if user == Some("") {
        return Err("nothing stands before `@`");
    }
    let (place, params, headers) = cut(rest);
    let (host, port) = read_host_port(place)?;
    Ok(Uri { scheme: scheme.to_owned(), user: user.map(str::to_owned), host, port, params, headers })
}

fn cut(rest: &str) -> (&str, Params, Option<String>) {
    let (rest, headers) = match rest.split_once('?') {
        Some((rest, headers)) => (rest, Some(headers.to_owned())),
        None => (rest, None),
    };
    match rest.split_once(';') {
        Some((path, params)) => (path, Params::read(params), headers),
        None => (rest, Params::default(), headers),
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recording_invites_uri_keeps_every_parameter_in_order() {
        let text = "sip:1001@10.48.38.5;x-nearend;x-refci=19301625;x-nearenddevice=SEP6C416A369525;x-farendaddr=+1000";
        let uri: Uri = text.parse().unwrap();
        assert_eq!((uri.user.as_deref(), uri.host.as_str(), uri.port), (Some("1001"), "10.48.38.5", None));
        assert!(uri.params.has("x-nearend"));
        assert_eq!(uri.params.get("x-refci"), Some("19301625"));
        assert_eq!(uri.params.get("X-FarEndAddr"), Some("+1000"));
        assert_eq!(uri.to_string(), text);
    }

    #[test]
    fn spellings_survive_reading_and_writing() {
        for text in [
            "sip:[2001:db8::1]:5061;transport=tls",
            "sips:a%40b:secret@example.com:5061;lr?Replaces=x%40y&Reason=z",
            "tel:+15550100;phone-context=example.com",
            "urn:x-cisco-remotecc:callinfo",
            "cid:3e94126b@host.example",
            "sip:rr$n=cvp@10.106.97.135:5060;transport=tcp;lr",
            "sip:user;par=u%40example.net@example.com",
            "sip:a@b;transport=",
        ] {
            assert_eq!(text.parse::<Uri>().unwrap().to_string(), text);
        }
        let v6: Uri = "sip:[2001:db8::1]".parse().unwrap();
        assert_eq!(v6.host_unbracketed(), "2001:db8::1");
        let tel: Uri = "tel:+15550100".parse().unwrap();
        assert_eq!((tel.user.as_deref(), tel.host.as_str()), (Some("+15550100"), ""));
    }

    #[test]
    fn what_is_no_uri_is_refused_with_the_reason() {
        for text in [
            "",
            "1001",
            "sip:",
            "sip:@host",
            "sip:a@",
            "sip:a@b:70000",
            "sip:a@b:x",
            "sip:a@[::1",
            "sip:a@[zz]",
            "sip:a@b c",
            "<sip:a@b>",
            "1sip:a@b",
            "sip:a@b:+1",
            "sip:a@b@c",
        ] {
            assert!(text.parse::<Uri>().is_err(), "{text:?}");
        }
    }
}
