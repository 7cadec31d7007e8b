//! Taking a mapping apart, key by key, so that every mistake in it is told and nothing in it is passed over.

use std::time::Duration;

use super::diagnostic::{Diagnostic, Place, nearest};
use super::shape::{Ask, note};
use super::tree::{Key, Node, Value};

/// The keys of one mapping, taken one after the other; what is left at [`Fields::finish`] was not known.
pub(crate) struct Fields<'a> {
    what: &'static str,
    place: Place,
    is_mapping: bool,
    entries: &'a [(Key, Node)],
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// The keys of `node`, which is `what` in messages ("a phone"). A node that is no mapping is told and has no keys.
    pub(crate) fn of(node: &'a Node, what: &'static str, wrong: &mut Vec<Diagnostic>) -> Self {
        note(node.place, || Ask::Mapping(what));
        let (is_mapping, entries): (bool, &[(Key, Node)]) = match &node.value {
            Value::Mapping(entries) => (true, entries),
            _ => {
                let message = format!("got {}, expected {what} as `key: value` pairs", kind(node));
                wrong.push(Diagnostic::new(node.place, message));
                (false, &[])
            }
        };
        Self { what, place: node.place, is_mapping, entries, known: Vec::new() }
    }

    /// The value of `key`, if it stands there.
    pub(crate) fn optional(&mut self, key: &'static str) -> Option<&'a Node> {
        note(self.place, || Ask::Key(key, false));
        self.find(key)
    }

    fn find(&mut self, key: &'static str) -> Option<&'a Node> {
        self.known.push(key);
        self.entries.iter().find(|(name, _)| name.name == key).map(|(_, node)| node)
    }

    /// The value of `key`; its absence is told.
    pub(crate) fn required(&mut self, key: &'static str, wrong: &mut Vec<Diagnostic>) -> Option<&'a Node> {
        note(self.place, || Ask::Key(key, true));
        let found = self.find(key);
        if found.is_none() && self.is_mapping {
            wrong.push(Diagnostic::new(self.place, format!("{} needs `{key}`", self.what)));
        }
        found
    }

    /// The value of `key` through `read`, or `default` where it is absent or wrong.
    pub(crate) fn or<T>(
        &mut self,
        key: &'static str,
        default: T,
        wrong: &mut Vec<Diagnostic>,
        read: impl FnOnce(&Node) -> Result<T, Diagnostic>,
    ) -> T {
        match self.optional(key).map(read) {
            Some(Ok(value)) => value,
            Some(Err(diagnostic)) => {
                wrong.push(diagnostic);
                default
            }
            None => default,
        }
    }

    /// The value of `key` through `read`; absent is `None`.
    pub(crate) fn maybe<T>(
        &mut self,
        key: &'static str,
        wrong: &mut Vec<Diagnostic>,
        read: impl FnOnce(&Node) -> Result<T, Diagnostic>,
    ) -> Option<T> {
        self.or(key, None, wrong, |node| read(node).map(Some))
    }

    /// Tells every key that nobody asked for.
    pub(crate) fn finish(self, wrong: &mut Vec<Diagnostic>) {
        for (key, _) in self.entries {
            if !self.known.contains(&key.name.as_str()) {
                wrong.push(unknown(&format!("unknown key `{}` in {}", key.name, self.what), key, &self.known));
            }
        }
    }
}

/// A word that is not one of `known`, with the nearest of them, or all.
pub(crate) fn unknown(message: &str, key: &Key, known: &[&str]) -> Diagnostic {
    let help = match nearest(&key.name, known) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("expected one of: {}", known.join(", ")),
    };
    Diagnostic::new(key.place, message).help(help)
}

/// Text.
pub(crate) fn text(node: &Node) -> Result<String, Diagnostic> {
    note(node.place, || Ask::Text);
    match &node.value {
        Value::Scalar { text, .. } if !text.trim().is_empty() => Ok(text.clone()),
        Value::Scalar { .. } => Err(Diagnostic::new(node.place, "got nothing, expected text")),
        _ => Err(Diagnostic::new(node.place, format!("got {}, expected text", kind(node)))),
    }
}

/// `true` or `false`.
pub(crate) fn flag(node: &Node) -> Result<bool, Diagnostic> {
    note(node.place, || Ask::Flag);
    match text(node)?.as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(Diagnostic::new(node.place, format!("got `{other}`, expected `true` or `false`"))),
    }
}

/// A whole number between `low` and `high`.
pub(crate) fn number(node: &Node, low: u64, high: u64) -> Result<u64, Diagnostic> {
    note(node.place, || Ask::Number(low, high));
    let word = text(node)?;
    let wrong = || Diagnostic::new(node.place, format!("got `{word}`, expected a whole number from {low} to {high}"));
    let value: u64 = word.parse().map_err(|_| wrong())?;
    if (low..=high).contains(&value) { Ok(value) } else { Err(wrong()) }
}

/// A share such as `2%` or `0.5%`, as a fraction of one.
pub(crate) fn share(node: &Node) -> Result<f64, Diagnostic> {
    note(node.place, || Ask::Share);
    let word = text(node)?;
    let wrong = || Diagnostic::new(node.place, format!("got `{word}`, expected a share such as `2%`"));
    let value: f64 = word.strip_suffix('%').and_then(|n| n.trim().parse().ok()).ok_or_else(wrong)?;
    if (0.0..=100.0).contains(&value) { Ok(value / 100.0) } else { Err(wrong()) }
}

/// The longest duration a scenario may name: a day.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// A duration such as `250ms`, `10s`, `5m` or `1h`, at most a day.
pub(crate) fn duration(node: &Node) -> Result<Duration, Diagnostic> {
    note(node.place, || Ask::Duration);
    let word = text(node)?;
    let wrong = || {
        let message = format!("got `{word}`, expected a duration of at most a day");
        Diagnostic::new(node.place, message).help("such as `250ms`, `10s`, `5m` or `1h`")
    };
    span(&word).ok_or_else(wrong)
}

/// A duration as it is written; nothing where it is none, or longer than a day.
pub(crate) fn span(word: &str) -> Option<Duration> {
    let (count, unit) = word.split_at(word.find(|c: char| !c.is_ascii_digit() && c != '.')?);
    let count: f64 = count.parse().ok()?;
    let seconds = match unit.trim() {
        "ms" => count / 1000.0,
        "s" => count,
        "m" | "min" => count * 60.0,
        "h" => count * 3600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok().filter(|d| *d <= LONGEST)
}

/// One of a few words, each with what it stands for.
pub(crate) fn one_of<T: Clone>(node: &Node, words: &[(&str, T)]) -> Result<T, Diagnostic> {
    note(node.place, || Ask::Word(words.iter().map(|(word, _)| (*word).to_owned()).collect()));
    let word = text(node)?;
    if let Some((_, value)) = words.iter().find(|(name, _)| *name == word) {
        return Ok(value.clone());
    }
    let known: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
    let key = Key { name: word.clone(), place: node.place };
    Err(unknown(&format!("unknown value `{word}`"), &key, &known))
}

/// A list, or a single value standing for a list of one; each item through `read`.
pub(crate) fn list<T>(node: &Node, mut read: impl FnMut(&Node) -> Result<T, Diagnostic>) -> Result<Vec<T>, Diagnostic> {
    note(node.place, || Ask::List);
    match &node.value {
        Value::Sequence(items) if items.is_empty() => {
            Err(Diagnostic::new(node.place, "got an empty list, expected at least one value"))
        }
        Value::Sequence(items) => items.iter().map(read).collect(),
        _ => Ok(vec![read(node)?]),
    }
}

/// What a node is, in words.
pub(crate) fn kind(node: &Node) -> &'static str {
    match &node.value {
        Value::Scalar { text, .. } if text.is_empty() => "nothing",
        Value::Scalar { .. } => "a single value",
        Value::Sequence(items) if items.is_empty() => "an empty list",
        Value::Sequence(_) => "a list",
        Value::Mapping(_) => "`key: value` pairs",
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::parse;
    use super::*;

    fn value(text: &str) -> Node {
        let root = parse(&format!("x: {text}")).unwrap();
        let Value::Mapping(mut entries) = root.value else { panic!("expected a mapping") };
        entries.remove(0).1
    }

    #[test]
    fn durations_need_a_unit_and_end_at_a_day() {
        assert_eq!(duration(&value("250ms")).unwrap(), Duration::from_millis(250));
        assert_eq!(duration(&value("1.5s")).unwrap(), Duration::from_millis(1500));
        assert_eq!(duration(&value("1h")).unwrap(), Duration::from_secs(3600));
        for bad in ["10", "s", "-1s", "25h", "1e9s", "10 parsecs", "9999999999999999999999s"] {
            assert!(duration(&value(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn shares_need_a_percent_sign() {
        assert!((share(&value("2%")).unwrap() - 0.02).abs() < 1e-12);
        assert!(share(&value("0.02")).is_err());
        assert!(share(&value("101%")).is_err());
    }

    #[test]
    fn an_unknown_word_is_answered_with_the_nearest_or_all() {
        let words = [("encrypted", 1), ("non-secure", 2)];
        assert_eq!(one_of(&value("encrypted"), &words).unwrap(), 1);
        assert_eq!(one_of(&value("encryptd"), &words).unwrap_err().help.unwrap(), "did you mean `encrypted`?");
        let help = one_of(&value("tls"), &words).unwrap_err().help.unwrap();
        assert_eq!(help, "expected one of: encrypted, non-secure");
    }

    #[test]
    fn keys_nobody_asked_for_are_told() {
        let root = parse("line: 1\nlin: 2\n").unwrap();
        let mut wrong = Vec::new();
        let mut fields = Fields::of(&root, "a phone", &mut wrong);
        assert!(fields.optional("line").is_some());
        fields.finish(&mut wrong);
        assert_eq!(wrong.len(), 1);
        assert_eq!(wrong[0].place.line, 2);
    }
}
