//! Every name that can be printed is explained, and nothing else is.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use trust::rule::Refusal;

use super::*;

/// The texts of a crate's own code, tests and this table apart.
fn code(name: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(name).join("src")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() && !["advice", "tests"].contains(&stem.as_str()) {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") && stem != "tests" {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()));
            }
        }
    }
    found
}

/// The kebab-case words in quotes behind each `before` in a crate.
fn quoted(name: &str, before: &str) -> BTreeSet<String> {
    let of = |text: &str| -> Vec<String> {
        let words =
            text.split(before).skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
        words.map(str::to_owned).collect()
    };
    // What CUCM calls the happenings of a call is no failure of anybody's.
    let told = |path: &Path| !path.ends_with("engine/rules.rs");
    code(name).iter().filter(|(path, _)| told(path)).flat_map(|(_, text)| of(text)).collect()
}

fn is_known(kind: Kind, name: &str) -> bool {
    all().any(|(of, advice)| of == kind && advice.name == name)
}

#[test]
fn every_rule_that_the_product_can_print_is_explained() {
    let verified = verify::Rule::ALL.iter().map(|rule| rule.code().to_owned());
    let told = quoted("scenario", "Finding::new(");
    assert!(told.len() > 30, "{told:?}");
    // Rules that are chosen before the finding is made.
    let chosen = code("scenario").into_iter().flat_map(|(_, text)| {
        let words: Vec<String> = text.split('"').skip(1).step_by(2).map(str::to_owned).collect();
        words
    });
    let chosen = chosen.filter(|word| {
        let is_rule = ["wrong-", "missing-", "untrue-", "unexpected-"].iter().any(|begin| word.starts_with(begin));
        is_rule && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
    });
    for rule in verified.chain(told).chain(chosen) {
        assert!(is_known(Kind::Finding, &rule), "`{rule}` is not explained");
    }
    let refused = Refusal::RULES.iter().map(|rule| (*rule).to_owned());
    let by_recorder = quoted("recorder", "Refused { peer, rule:").into_iter().chain(quoted("recorder", "rule:"));
    for rule in refused.chain(by_recorder).chain(["tls-version".into(), "tls".into(), "tls-timeout".into()]) {
        assert!(is_known(Kind::Refusal, &rule), "`{rule}` is not explained");
    }
    let given_up = quoted("cucm", "failure(").into_iter().chain(quoted("cucm", "failed("));
    for rule in given_up {
        assert!(is_known(Kind::GivenUp, &rule), "`{rule}` is not explained");
    }
}

#[test]
fn every_verdict_is_explained() {
    use crate::outcome::Verdict::{Finding, Flaky, Inconclusive, NotRun, Pass, SetupError, Skipped};
    for verdict in [Finding, Flaky, Inconclusive, NotRun, Pass, SetupError, Skipped] {
        let name = serde_json::to_value(verdict).unwrap();
        assert!(is_known(Kind::Verdict, name.as_str().unwrap()), "{name} is not explained");
    }
}

#[test]
fn nothing_is_explained_that_nobody_says() {
    let sources: String = ["verify", "scenario", "cucm", "recorder", "trust", "wire"]
        .into_iter()
        .flat_map(code)
        .map(|(_, text)| text)
        .collect();
    for (kind, advice) in all().filter(|(kind, _)| !matches!(kind, Kind::Verdict | Kind::ExitCode)) {
        assert!(sources.contains(&format!("\"{}\"", advice.name)), "nobody says the {} `{}`", kind.name(), advice.name);
    }
}

#[test]
fn no_name_of_a_kind_is_explained_twice() {
    let mut seen = BTreeSet::new();
    for (kind, advice) in all() {
        assert!(seen.insert((kind, advice.name)), "{} `{}` stands twice", kind.name(), advice.name);
    }
}

#[test]
fn every_text_is_there_and_what_to_fix_fits_a_line() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (_, advice) in all() {
        let name = advice.name;
        for text in [advice.means, advice.causes, advice.look, advice.fix, advice.source] {
            assert!(!text.is_empty() && !text.contains('\n') && !text.ends_with('.'), "{name}: {text}");
        }
        assert!(advice.fix.chars().count() <= 160, "{name}: {} characters", advice.fix.chars().count());
        for source in advice.source.split("; ").filter(|source| source.starts_with("docs/")) {
            assert!(docs.join(source).exists(), "{name}: {source} is not there");
        }
    }
}

#[test]
fn a_name_with_a_typing_error_is_found() {
    assert_eq!(nearest("lost-frame"), Some("lost-frames"));
    assert_eq!(nearest("swaped-legs"), Some("swapped-legs"));
    assert_eq!(nearest("what"), None);
}
