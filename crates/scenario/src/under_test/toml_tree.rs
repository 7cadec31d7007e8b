//! TOML text → the tree that scenario files are read into, so that one set of readers and messages serves both.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::file::MAX_FILE;
use crate::file::diagnostic::{Diagnostic, Place};
use crate::file::tree::{Key, Node, Value};

/// Reads `text` into a tree.
///
/// # Errors
/// At least one diagnostic when the text is no TOML; the parser goes on after a mistake and tells the next.
pub(crate) fn parse(text: &str) -> Result<Node, Vec<Diagnostic>> {
    if text.len() > MAX_FILE {
        let message = format!("the file has {} bytes, expected at most {MAX_FILE}", text.len());
        return Err(vec![Diagnostic::new(Place::START, message)]);
    }
    let places = Places::of(text);
    let (root, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(places.table(root.span(), root.get_ref()));
    }
    let told = |error: &toml::de::Error| {
        let place = error.span().map_or(Place::START, |span| places.place(span));
        Diagnostic::new(place, format!("this is not TOML: {}", error.message()))
    };
    Err(errors.iter().map(told).collect())
}

/// Where each line of a text begins.
struct Places<'a> {
    text: &'a str,
    lines: Vec<usize>,
}

impl<'a> Places<'a> {
    fn of(text: &'a str) -> Self {
        let after = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { text, lines: std::iter::once(0).chain(after).collect() }
    }

    fn place(&self, span: Range<usize>) -> Place {
        let start = span.start.min(self.text.len());
        let line = self.lines.partition_point(|begin| *begin <= start);
        let begin = self.lines[line - 1];
        let end = self.lines.get(line).map_or(self.text.len(), |next| next - 1).clamp(start, span.end.max(start));
        let chars = |range: Range<usize>| self.text.get(range).map_or(0, |part| part.chars().count());
        Place { line, column: chars(begin..start) + 1, length: chars(start..end).max(1) }
    }

    fn table(&self, span: Range<usize>, table: &DeTable<'_>) -> Node {
        let entry = |(key, value): (&Spanned<toml::de::DeString<'_>>, &Spanned<DeValue<'_>>)| {
            let key = Key { name: key.get_ref().to_string(), place: self.place(key.span()) };
            (key, self.value(value))
        };
        Node { place: self.place(span), value: Value::Mapping(table.iter().map(entry).collect()) }
    }

    fn value(&self, value: &Spanned<DeValue<'_>>) -> Node {
        let scalar = |text: String, quoted| Value::Scalar { text, quoted };
        let place = self.place(value.span());
        let value = match value.get_ref() {
            DeValue::String(text) => scalar(text.to_string(), true),
            DeValue::Integer(number) => scalar(number.to_string(), false),
            DeValue::Float(number) => scalar(number.to_string(), false),
            DeValue::Boolean(flag) => scalar(flag.to_string(), false),
            DeValue::Datetime(moment) => scalar(moment.to_string(), false),
            DeValue::Array(items) => Value::Sequence(items.iter().map(|item| self.value(item)).collect()),
            DeValue::Table(table) => return self.table(value.span(), table),
        };
        Node { place, value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find<'a>(node: &'a Node, path: &[&str]) -> &'a Node {
        let Some((first, rest)) = path.split_first() else { return node };
        let Value::Mapping(entries) = &node.value else { panic!("expected a table") };
        find(&entries.iter().find(|(key, _)| key.name == *first).unwrap().1, rest)
    }

    #[test]
    fn every_value_knows_its_line_and_column() {
        let text = "[a.b]\nport = 5061 # secure\n\"n\u{e4}me\" = 1\n";
        let root = parse(text).unwrap();
        let port = find(&root, &["a", "b", "port"]);
        assert_eq!(port.place, Place { line: 2, column: 8, length: 4 });
        assert_eq!(port.value, Value::Scalar { text: "5061".into(), quoted: false });
        let bad = parse("a 1\nb = 2\nc = = 3\n").unwrap_err();
        assert_eq!(bad[0].place.line, 1, "{bad:?}");
    }

    #[test]
    fn every_mistake_of_syntax_is_told_with_its_line() {
        let wrong = parse("a = 1\na = 2\nb = [1\n").unwrap_err();
        assert!(wrong.len() >= 2, "{wrong:?}");
        assert!(wrong.iter().any(|d| d.place.line == 2), "{wrong:?}");
    }
}
