//! Where in a JSON value something stands: `$.items[*].id`.

use serde_json::Value;

/// A path into JSON: names, indices and `[*]`, of what RFC 9535 has. Filters, slices and descendants are left to the adapter `exec`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPath {
    text: String,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// `.name` or `['name']`
    Name(String),
    /// `[0]`
    At(usize),
    /// `[*]`
    All,
}

impl JsonPath {
    /// The value itself: `$`.
    pub(super) fn root() -> Self {
        Self { text: "$".to_owned(), steps: Vec::new() }
    }

    /// Reads a path.
    ///
    /// # Errors
    /// What it is, and what was expected.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("got `{text}`, {what}");
        let mut rest = text.strip_prefix('$').ok_or_else(|| wrong("expected a path that begins with `$`"))?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = step(rest)
                .ok_or_else(|| wrong(&format!("where `{rest}` is neither `.name`, `['name']`, `[0]` nor `[*]`")))?;
            steps.push(step);
            rest = after;
        }
        Ok(Self { text: text.to_owned(), steps })
    }

    /// All values that stand there; nothing where none does.
    pub(super) fn find<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        self.steps.iter().fold(vec![value], |found, step| {
            let mut next = Vec::new();
            for value in found {
                match (step, value) {
                    (Step::Name(name), Value::Object(object)) => next.extend(object.get(name)),
                    (Step::At(at), Value::Array(items)) => next.extend(items.get(*at)),
                    (Step::All, Value::Array(items)) => next.extend(items),
                    (Step::All, Value::Object(object)) => next.extend(object.values()),
                    _ => {}
                }
            }
            next
        })
    }

    /// The first value that stands there, as text.
    pub(super) fn word(&self, value: &Value) -> Option<String> {
        self.find(value).into_iter().find_map(word)
    }
}

/// As it was written.
impl std::fmt::Display for JsonPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// One step at the beginning of `rest`, and what is behind it.
fn step(rest: &str) -> Option<(Step, &str)> {
    if let Some(rest) = rest.strip_prefix('.') {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let name = &rest[..end];
        let fine = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
        let step = if name == "*" { Step::All } else { Step::Name(name.to_owned()) };
        return (fine || name == "*").then_some((step, &rest[end..]));
    }
    let rest = rest.strip_prefix('[')?;
    if let Some(rest) = rest.strip_prefix("*]") {
        return Some((Step::All, rest));
    }
    for quote in ['\'', '"'] {
        if let Some(quoted) = rest.strip_prefix(quote) {
            let (name, after) = quoted.split_once(quote)?;
            return Some((Step::Name(name.to_owned()), after.strip_prefix(']')?));
        }
    }
    let (at, after) = rest.split_once(']')?;
    Some((Step::At(at.parse().ok()?), after))
}

/// A value that is text, a number or a flag, as it would be written.
pub(super) fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_leads_through_names_indices_and_all_of_a_list() {
        let value = json!({ "items": [{ "id": 7, "a b": "x" }, { "id": "8" }, { "none": null }], "n": { "x": true } });
        let words = |path: &str| -> Vec<String> {
            JsonPath::parse(path).unwrap().find(&value).into_iter().filter_map(word).collect()
        };
        assert_eq!(words("$.items[*].id"), ["7", "8"]);
        assert_eq!(words("$.items[1].id"), ["8"]);
        assert_eq!(words("$['items'][0][\"a b\"]"), ["x"]);
        assert_eq!(words("$.n.*"), ["true"]);
        assert_eq!(JsonPath::root().find(&value), [&value]);
        for nothing in ["$.items[2].none", "$.items[9].id", "$.items.id", "$.n[0]", "$.items"] {
            assert!(words(nothing).is_empty(), "{nothing}");
        }
    }

    #[test]
    fn what_is_no_path_is_told_with_the_part_that_is_wrong() {
        for (text, part) in [
            ("items", "begins with `$`"),
            ("$.", "`.`"),
            ("$items", "`items`"),
            ("$.a[x]", "`[x]`"),
            ("$.a[-1]", "`[-1]`"),
            ("$..a", "`..a`"),
            ("$.a['b]", "`['b]`"),
            ("$.a[?(@.b)]", "`[?(@.b)]`"),
        ] {
            let why = JsonPath::parse(text).unwrap_err();
            assert!(why.contains(part), "{text}: {why}");
        }
    }
}
