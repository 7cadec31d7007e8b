//! `"Name" <uri>;params`: From, To, Contact, Route, identities (RFC 3261 §20.10).

use std::fmt;
use std::str::FromStr;

use crate::header::HeaderError;
use crate::params::Params;
use crate::text::{find_unquoted, is_quoted, is_token, split_outside, unquote};
use crate::uri::Uri;

/// An address with its display name and header parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameAddr {
    /// The display name without quotes and escapes; `None` if there is none.
    pub display: Option<String>,
    /// The URI. Its own parameters are those between the angle brackets.
    pub uri: Uri,
    /// The parameters after `>` (or, without brackets, all of them): `tag`, `expires`, `isFocus`, `party`...
    pub params: Params,
}

impl NameAddr {
    /// The `tag` parameter.
    pub fn tag(&self) -> Option<&str> {
        self.params.get("tag")
    }
}

impl FromStr for NameAddr {
    type Err = HeaderError;

    fn from_str(text: &str) -> Result<Self, HeaderError> {
        let parts = Parts::cut(text)?;
        let display = match parts.display.trim() {
            "" => None,
            name if is_quoted(name) => Some(unquote(name)),
            name => Some(name.to_owned()),
        };
        Ok(Self { display, uri: parts.uri.parse()?, params: Params::read(parts.params) })
    }
}

impl fmt::Display for NameAddr {
    /// Always with angle brackets; a display name always quoted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(display) = &self.display {
            write!(f, "\"{}\" ", display.replace('\\', "\\\\").replace('"', "\\\""))?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

/// The three parts of an address as they are written.
pub(crate) struct Parts<'a> {
    pub(crate) display: &'a str,
    pub(crate) uri: &'a str,
    /// From the first `;` on.
    pub(crate) params: &'a str,
}

impl<'a> Parts<'a> {
    pub(crate) fn cut(text: &'a str) -> Result<Self, HeaderError> {
        let bad = |why| HeaderError::Address { text: text.to_owned(), why };
        let Some(open) = find_unquoted(text, b'<') else {
            // RFC 3261 §20.10: without brackets, all parameters belong to the header.
            let text = text.trim();
            let (uri, params) = text.split_at(text.find(';').unwrap_or(text.len()));
            if uri.contains(',') || uri.contains('?') {
                return Err(bad("a URI with a comma or question mark must stand in angle brackets"));
            }
            return Ok(Self { display: "", uri: uri.trim_end(), params });
        };
        let display = text[..open].trim();
        if !display.is_empty() && !is_quoted(display) && !display.split_whitespace().all(|w| is_token(w.as_bytes())) {
            return Err(bad("the display name is neither a quoted string nor words"));
        }
        let close = open + text[open..].find('>').ok_or_else(|| bad("no closing angle bracket"))?;
        let params = text[close + 1..].trim();
        if !params.is_empty() && !params.starts_with(';') {
            return Err(bad("something other than parameters follows the closing angle bracket"));
        }
        Ok(Self { display, uri: &text[open + 1..close], params })
    }
}

/// The value without its `tag` parameter, all else verbatim, and the tag.
pub(crate) fn without_tag(value: &str) -> Result<(String, Option<String>), HeaderError> {
    let parts = Parts::cut(value)?;
    let head = &value[..value.len() - parts.params.len() - (value.len() - value.trim_end().len())];
    let mut kept = head.trim_end().to_owned();
    let mut tag = None;
    for piece in split_outside(parts.params.trim_start_matches(';'), b';') {
        let one = Params::read(piece);
        match one.get("tag") {
            Some(found) if tag.is_none() => tag = Some(found.to_owned()),
            _ if piece.trim().is_empty() => {}
            _ => {
                kept.push(';');
                kept.push_str(piece);
            }
        }
    }
    Ok((kept, tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> NameAddr {
        text.parse().unwrap()
    }

    #[test]
    fn uri_parameters_and_header_parameters_are_kept_apart() {
        let from = read(r#""SJ User 2" <sip:1001@10.48.38.5;x-nearend;x-refci=1>;tag=104958~e650-1"#);
        assert_eq!(from.display.as_deref(), Some("SJ User 2"));
        assert!(from.uri.params.has("x-nearend"));
        assert_eq!(from.tag(), Some("104958~e650-1"));
        let bare = read("sip:a@b;x-nearend;tag=1");
        assert!(bare.uri.params.is_empty());
        assert_eq!((bare.params.has("x-nearend"), bare.tag()), (true, Some("1")));
    }

    #[test]
    fn feature_parameters_with_a_quoted_value_are_read() {
        let contact = read(r#"<sip:1001@h:5060>;isFocus;+u.sip!devicename.ccm.cisco.com="SEP6C416A369525""#);
        assert!(contact.params.has("isfocus"));
        assert_eq!(contact.params.get("+u.sip!devicename.ccm.cisco.com"), Some("SEP6C416A369525"));
    }

    #[test]
    fn display_names_are_quoted_strings_or_words() {
        assert_eq!(read(r#""A \"q\" \\" <sip:a@b>"#).display.as_deref(), Some(r#"A "q" \"#));
        assert_eq!(read("+1234567890 <sip:a@b>").display.as_deref(), Some("+1234567890"));
        assert_eq!(read("caller<sip:a@b>").display.as_deref(), Some("caller"));
        assert!("Bell, Alexander <sip:a@b>".parse::<NameAddr>().is_err());
        assert!("\"Mr. J. User <sip:a@b>".parse::<NameAddr>().is_err());
        assert!("\"W, T\" < sip:t.watson@example.org >".parse::<NameAddr>().is_err(), "RFC 4475 3.1.2.14");
        assert!("<sip:a@b> x;tag=1".parse::<NameAddr>().is_err());
        assert!("<sip:a@b;tag=1".parse::<NameAddr>().is_err());
    }

    #[test]
    fn taking_the_tag_away_leaves_the_rest_to_the_letter() {
        let (rest, tag) = without_tag(r#""A  B" <sip:1@h;tag=no>;x= 1 ; TAG = abc;y"#).unwrap();
        assert_eq!((rest.as_str(), tag.as_deref()), (r#""A  B" <sip:1@h;tag=no>;x= 1 ;y"#, Some("abc")));
        assert_eq!(without_tag("sip:a@b;tag=1").unwrap(), ("sip:a@b".to_owned(), Some("1".to_owned())));
        assert_eq!(without_tag("<sip:a@b> ").unwrap(), ("<sip:a@b>".to_owned(), None));
    }
}
