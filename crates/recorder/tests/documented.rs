//! `docs/recorder.md` names every key of `recorder.toml` with its default, and no other.

use std::collections::BTreeMap;

use recorder::Config;

/// The rows of the table of keys: key and default, as a TOML value.
#[expect(clippy::unwrap_used, reason = "a table that is not there ends the test")]
fn told() -> BTreeMap<String, String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/recorder.md");
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | `"));
    rows.map(|(key, rest)| (key.to_owned(), rest.split_once("` |").unwrap().0.to_owned())).collect()
}

#[test]
fn every_key_and_its_default_are_documented() {
    let told = told();
    let known: toml::Table = toml::to_string(&Config::default()).unwrap().parse().unwrap();
    let keys = |of: Vec<&String>| of.into_iter().cloned().collect::<Vec<_>>();
    assert_eq!(keys(told.keys().collect()), keys(known.keys().collect()));
    for key in known.keys() {
        let set = Config::parse(&format!("{key} = {}", told[key])).unwrap();
        assert_eq!(toml::to_string(&set).unwrap().parse::<toml::Table>().unwrap(), known, "the default of {key}");
    }
}

#[test]
fn the_example_is_read() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/recorder.md");
    let text = std::fs::read_to_string(path).unwrap();
    let example = text.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let config = Config::parse(example).unwrap();
    assert_eq!((config.user.as_str(), config.sip_servers.len()), ("7878", 1));
}
