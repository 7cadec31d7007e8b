//! `docs/scenario.md` tells of every key and word that the reader knows, and of no other.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use trust::rule::Refusal;

use super::parse;

const DOCS: &str = include_str!("../../../../docs/scenario.md");
/// The texts of everything that reads a part of a scenario.
static READERS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/file");
    let inside = |name: &str| std::fs::read_dir(folder.join(name)).unwrap().map(|entry| entry.unwrap().path());
    let files = inside("steps").chain(inside("read")).chain(
        ["read.rs", "outside.rs", "dialect.rs", "forward.rs", "signalling.rs", "trunks.rs"]
            .map(|file| folder.join(file)),
    );
    files.map(|file| std::fs::read_to_string(file).unwrap()).collect()
});

/// The reader's own text without its tests.
fn sources() -> impl Iterator<Item = &'static str> {
    READERS.iter().filter_map(|source| source.split("#[cfg(test)]").next())
}

/// What stands in quotes behind each `before`.
fn quoted(before: &'static str) -> impl Iterator<Item = &'static str> {
    sources().flat_map(move |source| source.split(before).skip(1)).filter_map(|rest| rest.split('"').next())
}

/// The keys that the reader asks for, and the verbs of the steps.
fn keys() -> BTreeSet<&'static str> {
    let asked = [".optional(\"", ".required(\"", ".or(\"", ".maybe(\""];
    asked.into_iter().flat_map(quoted).chain(super::steps::words()).collect()
}

/// The words among which a value is chosen: the first halves of pairs such as `("TLS", Transport::Tls)`.
fn words() -> BTreeSet<&'static str> {
    [" (\"", "[(\""].into_iter().flat_map(quoted).collect()
}

#[test]
fn every_key_and_every_word_is_documented() {
    let (keys, words) = (keys(), words());
    assert!(keys.len() > 55 && words.len() > 40, "{keys:?} {words:?}");
    for known in keys.iter().chain(&words).chain(&Refusal::RULES) {
        assert!(DOCS.contains(&format!("`{known}`")), "docs/scenario.md does not tell of `{known}`");
    }
}

#[test]
fn nothing_is_documented_that_is_no_key() {
    let keys = keys();
    for row in DOCS.lines().filter(|line| line.starts_with("| `")) {
        let key = row.split('`').nth(1).unwrap_or_default();
        assert!(keys.contains(key), "docs/scenario.md tells of `{key}`, which is no key");
    }
}

#[test]
fn every_example_in_the_documentation_is_a_scenario() {
    let examples: Vec<&str> = DOCS.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!examples.is_empty());
    for text in examples {
        let wrong = |wrong: Vec<super::Diagnostic>| wrong.iter().map(|d| d.render("example", text)).collect::<String>();
        assert!(parse(text).map_err(wrong).is_ok(), "{}", parse(text).map_err(wrong).unwrap_err());
    }
}
