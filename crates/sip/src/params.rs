//! Parameters after `;`, of URIs and of header values.

use std::fmt;

use crate::text::{is_quoted, split_outside, unquote};

/// Parameters in the order written, names and values in the case written.
///
/// A value that was a quoted string is held without its quotes and escapes; percent escapes stay as they are.
/// `None` is a parameter without `=` (`;x-nearend`), `Some("")` one with nothing behind it (`;transport=`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params(pub Vec<(String, Option<String>)>);

impl Params {
    /// The value of the first parameter of that name; `Some("")` for a parameter without a value. Case-insensitive.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.find(name).map(|(_, value)| value.as_deref().unwrap_or_default())
    }

    /// Whether a parameter of that name is there, with or without a value. Case-insensitive.
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Name and value of each parameter, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_deref()))
    }

    /// Number of parameters.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn find(&self, name: &str) -> Option<&(String, Option<String>)> {
        self.0.iter().find(|(have, _)| have.eq_ignore_ascii_case(name))
    }

    /// Reads `;a;b=c; d= "e"`, with or without the first semicolon. White space around `;` and `=` is no part of
    /// names and values (CUCM writes `; security= Encrypted`). Empty parameters are skipped.
    pub(crate) fn read(text: &str) -> Self {
        let pieces = split_outside(text, b';');
        Self(pieces.into_iter().map(str::trim).filter(|piece| !piece.is_empty()).map(read_one).collect())
    }
}

impl fmt::Display for Params {
    /// Writes `;name=value` for each; a value that is not a token or host goes out quoted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.0 {
            match value {
                None => write!(f, ";{name}")?,
                Some(value) if needs_quotes(value) => {
                    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
                    write!(f, ";{name}=\"{escaped}\"")?;
                }
                Some(value) => write!(f, ";{name}={value}")?,
            }
        }
        Ok(())
    }
}

fn read_one(piece: &str) -> (String, Option<String>) {
    match piece.split_once('=') {
        None => (piece.to_owned(), None),
        Some((name, value)) => {
            let value = value.trim();
            let value = if is_quoted(value) { unquote(value) } else { value.to_owned() };
            (name.trim_end().to_owned(), Some(value))
        }
    }
}

fn needs_quotes(value: &str) -> bool {
    value.bytes().any(|b| b.is_ascii_whitespace() || matches!(b, b'"' | b';' | b',' | b'<' | b'>' | b'='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cisco_spacing_valueless_and_quoted_parameters_are_read() {
        let params = Params::read(r#"; security= Encrypted; isVoip; gci = 1-2029;method="NOTIFY;Event=x";t="#);
        assert_eq!(params.get("SECURITY"), Some("Encrypted"));
        assert!(params.has("isvoip"));
        assert_eq!(params.iter().nth(1), Some(("isVoip", None)));
        assert_eq!(params.get("gci"), Some("1-2029"));
        assert_eq!(params.get("method"), Some("NOTIFY;Event=x"));
        assert_eq!(params.iter().last(), Some(("t", Some(""))));
        assert_eq!(params.get("absent"), None);
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        let params = Params::read(r#";a;b=c;d="x \"y\" z";e=urn:uuid:1"#);
        assert_eq!(params.to_string(), r#";a;b=c;d="x \"y\" z";e=urn:uuid:1"#);
        assert_eq!(Params::read(&params.to_string()), params);
    }
}
