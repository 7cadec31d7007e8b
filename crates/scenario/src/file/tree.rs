//! YAML text → a tree in which every value knows where it stands.
//!
//! The tree is the strict subset that scenario files use: one document of mappings, sequences and scalars. Anchors,
//! aliases, tags, merge keys and duplicate keys are refused, since each of them makes a file say something else than
//! what a reader sees. The parser's events are used instead of serde because serde stops at the first mistake, and an
//! author wants to see all of them.

use std::collections::BTreeMap;

use granit_parser::{Event, Parser, ScalarStyle, Span};

use super::diagnostic::{Diagnostic, Place};

/// A file larger than this many bytes is refused before it is parsed: scenario files are a few kilobytes.
pub const MAX_FILE: usize = 1 << 20;
/// Nesting deeper than this is refused.
const MAX_DEPTH: usize = 24;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// Where the value begins, and how many characters of that line it covers.
    pub(crate) place: Place,
    /// What it is.
    pub(crate) value: Value,
}

/// What a [`Node`] holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Text as written, after unquoting; `quoted` tells `"14"` from `14`.
    Scalar {
        /// The text.
        text: String,
        /// Whether it stood in quotes.
        quoted: bool,
    },
    /// `- a` or `[a, b]`.
    Sequence(Vec<Node>),
    /// `key: value`, in the order of the file.
    Mapping(Vec<(Key, Node)>),
}

/// A key of a mapping and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// The key.
    pub(crate) name: String,
    /// Where it stands.
    pub(crate) place: Place,
}

/// Reads `text` into a tree; every structural mistake found is a [`Diagnostic`].
///
/// # Errors
/// At least one diagnostic when the text is not one document of the strict subset.
pub(crate) fn parse(text: &str) -> Result<Node, Vec<Diagnostic>> {
    if text.len() > MAX_FILE {
        let message = format!("the file has {} bytes, expected at most {MAX_FILE}", text.len());
        return Err(vec![Diagnostic::new(Place::START, message)]);
    }
    let mut reader = Reader::default();
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => reader.on_event(&event, span),
            Err(error) => {
                let mark = error.marker();
                let place = Place { line: mark.line(), column: mark.col() + 1, length: 1 };
                let broken = reader.broken(place, &error.info(), text);
                reader.wrong.push(broken);
                break;
            }
        }
    }
    reader.finish()
}

#[derive(Default)]
struct Reader {
    open: Vec<Open>,
    root: Option<Node>,
    documents: usize,
    wrong: Vec<Diagnostic>,
    /// How many collections deeper than the limit are open; their content is skipped.
    skipped: usize,
}

enum Open {
    Sequence { place: Place, items: Vec<Node> },
    Mapping { place: Place, entries: Vec<(Key, Node)>, key: Option<Key>, seen: BTreeMap<String, usize> },
}

impl Reader {
    fn on_event(&mut self, event: &Event<'_>, span: Span) {
        let place = place(span);
        match event {
            Event::DocumentStart(..) => self.on_document(place),
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_extras(*anchor, tag.is_some(), place);
                let quoted = !matches!(style, ScalarStyle::Plain);
                // The parser writes `~` where nothing stands at all.
                let is_absent = !quoted && span.start.index() == span.end.index();
                let text = if is_absent { String::new() } else { text.to_string() };
                self.on_value(Node { place, value: Value::Scalar { text, quoted } });
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_extras(*anchor, tag.is_some(), place);
                self.on_open(Open::Sequence { place, items: Vec::new() }, place);
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_extras(*anchor, tag.is_some(), place);
                let open = Open::Mapping { place, entries: Vec::new(), key: None, seen: BTreeMap::new() };
                self.on_open(open, place);
            }
            Event::SequenceEnd | Event::MappingEnd => self.on_close(span),
            Event::Alias(_) => {
                self.wrong.push(Diagnostic::new(place, "aliases (`*name`) are not allowed: write the value out"));
                self.on_value(Node { place, value: Value::Scalar { text: String::new(), quoted: true } });
            }
            _ => {}
        }
    }

    fn on_document(&mut self, place: Place) {
        self.documents += 1;
        if self.documents > 1 {
            self.wrong.push(Diagnostic::new(place, "a file holds one scenario: a second document begins here"));
        }
    }

    fn refuse_extras(&mut self, anchor: usize, tagged: bool, place: Place) {
        if anchor != 0 {
            self.wrong.push(Diagnostic::new(place, "anchors (`&name`) are not allowed: write the value out"));
        }
        if tagged {
            self.wrong.push(Diagnostic::new(place, "tags (`!name`) are not allowed"));
        }
    }

    fn on_open(&mut self, open: Open, place: Place) {
        if self.open.len() >= MAX_DEPTH {
            if self.skipped == 0 {
                self.wrong.push(Diagnostic::new(place, format!("nested deeper than {MAX_DEPTH} levels")));
            }
            self.skipped += 1;
        } else {
            self.open.push(open);
        }
    }

    fn on_close(&mut self, end: Span) {
        if self.skipped > 0 {
            self.skipped -= 1;
            return;
        }
        let node = match self.open.pop() {
            Some(Open::Sequence { place, items }) => Node { place: up_to(place, end), value: Value::Sequence(items) },
            Some(Open::Mapping { place, entries, .. }) => {
                // Without braces a mapping begins at its first key, and that is what is shown of it.
                let first = entries.first().map(|(key, _)| key.place);
                let begins = first.filter(|first| (first.line, first.column) == (place.line, place.column));
                Node { place: begins.unwrap_or_else(|| up_to(place, end)), value: Value::Mapping(entries) }
            }
            None => return,
        };
        self.on_value(node);
    }

    fn on_value(&mut self, node: Node) {
        if self.skipped > 0 {
            return;
        }
        match self.open.last_mut() {
            None if self.documents <= 1 => self.root = Some(node),
            None => {}
            Some(Open::Sequence { items, .. }) => items.push(node),
            Some(Open::Mapping { entries, key, seen, .. }) => match key.take() {
                None => *key = Some(as_key(node, seen, &mut self.wrong)),
                Some(name) => entries.push((name, node)),
            },
        }
    }

    /// What the parser stumbled over, and what that mostly comes from.
    fn broken(&self, place: Place, why: &str, text: &str) -> Diagnostic {
        let line = text.lines().nth(place.line - 1).unwrap_or_default();
        let diagnostic = Diagnostic::new(place, format!("this is not YAML: {why}"));
        match self.open.last() {
            _ if why.contains("tab") => diagnostic.help("indent with spaces"),
            _ if line.contains(":{") || line.contains(":[") => diagnostic.help("a space is needed behind the colon"),
            Some(Open::Mapping { place, .. }) if why.contains("flow mapping") => {
                diagnostic.help(format!("the `{{` in line {} is not closed, or a comma is missing", place.line))
            }
            Some(Open::Sequence { place, .. }) if why.contains("flow sequence") => {
                diagnostic.help(format!("the `[` in line {} is not closed, or a comma is missing", place.line))
            }
            _ if why.contains("block") => diagnostic.help("indent it like the lines it belongs with"),
            _ => diagnostic,
        }
    }

    fn finish(mut self) -> Result<Node, Vec<Diagnostic>> {
        match self.root {
            Some(root) if self.wrong.is_empty() => Ok(root),
            None if self.wrong.is_empty() => {
                let nothing = Diagnostic::new(Place::START, "the file is empty, expected a scenario");
                self.wrong.push(nothing.help("it begins with `scenario: <what it shows>`"));
                Err(self.wrong)
            }
            _ => Err(self.wrong),
        }
    }
}

fn as_key(node: Node, seen: &mut BTreeMap<String, usize>, wrong: &mut Vec<Diagnostic>) -> Key {
    let place = node.place;
    let Value::Scalar { text: name, .. } = node.value else {
        wrong.push(Diagnostic::new(place, "a key must be text"));
        return Key { name: String::new(), place };
    };
    if name == "<<" {
        wrong.push(Diagnostic::new(place, "merge keys (`<<`) are not allowed: write the values out"));
    }
    if let Some(first) = seen.insert(name.clone(), place.line) {
        wrong.push(Diagnostic::new(place, format!("`{name}` stands twice, first in line {first}")));
    }
    Key { name, place }
}

/// From `place` to the end of a collection in brackets, as far as it stands on one line.
fn up_to(place: Place, end: Span) -> Place {
    let is_same_line = end.end.line() == place.line;
    let length = if is_same_line { (end.end.col() + 1).saturating_sub(place.column) } else { place.length };
    Place { length: length.max(1), ..place }
}

fn place(span: Span) -> Place {
    let (start, end) = (span.start, span.end);
    let length = if start.line() == end.line() { end.col().saturating_sub(start.col()) } else { 1 };
    Place { line: start.line().max(1), column: start.col() + 1, length: length.max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(text: &str) -> Vec<String> {
        parse(text).unwrap_err().into_iter().map(|d| format!("{}: {}", d.place.line, d.message)).collect()
    }

    #[test]
    fn every_value_knows_its_line_and_column() {
        let root = parse("a: 1\nb:\n  - \"14\"\n").unwrap();
        let Value::Mapping(entries) = &root.value else { panic!("expected a mapping") };
        let Value::Sequence(items) = &entries[1].1.value else { panic!("expected a sequence") };
        assert_eq!(items[0].place, Place { line: 3, column: 5, length: 4 });
        assert_eq!(items[0].value, Value::Scalar { text: "14".into(), quoted: true });
    }

    #[test]
    fn what_would_hide_meaning_is_refused_and_every_mistake_is_told() {
        let wrong = messages("a: &x 1\nb: *x\na: 2\nc: !int 3\n");
        assert_eq!(wrong.len(), 4, "{wrong:?}");
        assert!(wrong[2].contains("`a` stands twice, first in line 1"), "{wrong:?}");
    }

    #[test]
    fn an_empty_file_a_second_document_and_broken_text_are_each_one_message() {
        assert_eq!(messages("").len(), 1);
        assert!(messages("a: 1\n---\nb: 2\n")[0].contains("second document"));
        assert!(messages("a: [1, 2\n")[0].contains("not YAML"));
        assert!(messages("a:\n\t- tab\n")[0].starts_with("2:"));
    }

    #[test]
    fn absurd_nesting_and_size_are_refused_without_recursion() {
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        assert!(messages(&deep).iter().any(|m| m.contains("deeper") || m.contains("not YAML")));
        assert!(messages(&"# long\n".repeat(200_000))[0].contains("bytes"));
    }
}
