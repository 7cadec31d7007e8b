//! Text with places to fill in: `{folder}/recorder.toml`.

use std::collections::BTreeMap;

use crate::file::diagnostic::nearest;

/// Text with places to fill in. `{{` stands for `{`; braces around anything but a word stand for themselves, so that
/// JSON can be written down as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

/// A part of a [`Template`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Text that stands for itself.
    Text(String),
    /// The name of what is filled in.
    Place(&'static str),
}

/// What the places of a run are filled in with.
pub(crate) type Values = BTreeMap<&'static str, String>;

/// A `{word}` that is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unknown {
    /// What is wrong.
    pub(crate) message: String,
    /// What would be right.
    pub(crate) help: String,
}

impl Template {
    /// Reads a template whose places may be `known`.
    pub(crate) fn parse(text: &str, known: &[&'static str]) -> Result<Self, Unknown> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            plain.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('{') {
                plain.push('{');
                rest = after;
                continue;
            }
            let end = rest.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
            match end {
                Some(end) if end > 0 && rest[end..].starts_with('}') => {
                    let name = known.iter().find(|name| **name == &rest[..end]);
                    let name = *name.ok_or_else(|| unknown(&rest[..end], known))?;
                    if !plain.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    }
                    pieces.push(Piece::Place(name));
                    rest = &rest[end + 1..];
                }
                _ => plain.push('{'),
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self { pieces })
    }

    /// Text without places.
    #[cfg(test)]
    pub(crate) fn plain(text: &str) -> Self {
        Self { pieces: vec![Piece::Text(text.to_owned())] }
    }

    /// The text with all places filled in; a place without a value stays empty.
    pub(crate) fn fill(&self, values: &Values) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Place(name) => values.get(name).cloned().unwrap_or_default(),
        };
        self.pieces.iter().map(piece).collect()
    }

    /// Its parts in order.
    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Whether this place is in it.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Place(place) if *place == name))
    }
}

/// As it was written, which is how it is called in findings.
impl std::fmt::Display for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.pieces.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(text),
            Piece::Place(name) => write!(f, "{{{name}}}"),
        })
    }
}

fn unknown(name: &str, known: &[&str]) -> Unknown {
    let help = match nearest(name, known) {
        Some(word) => format!("did you mean `{{{word}}}`?"),
        None => {
            let known: Vec<String> = known.iter().map(|word| format!("{{{word}}}")).collect();
            format!("expected one of: {} (`{{{{` stands for a brace)", known.join(", "))
        }
    };
    Unknown { message: format!("`{{{name}}}` stands for nothing here"), help }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> String {
        let values = Values::from([("folder", "/run/1".to_owned()), ("port", "5061".to_owned())]);
        Template::parse(text, &["folder", "port"]).unwrap().fill(&values)
    }

    #[test]
    fn places_are_filled_in_and_other_braces_stay() {
        assert_eq!(filled("{folder}/a:{port}"), "/run/1/a:5061");
        assert_eq!(filled(r#"{ "port": {port}, "a": {} }"#), r#"{ "port": 5061, "a": {} }"#);
        assert_eq!(filled("{{folder} {"), "{folder} {");
        assert_eq!(filled(""), "");
    }

    #[test]
    fn an_unknown_place_is_answered_with_the_nearest_or_all() {
        let wrong = |text| Template::parse(text, &["folder", "port"]).unwrap_err();
        assert_eq!(wrong("x{foldr}").help, "did you mean `{folder}`?");
        assert!(wrong("{zebra}").help.contains("{folder}, {port}"));
        assert!(wrong("{zebra}").message.contains("`{zebra}`"));
    }
}
