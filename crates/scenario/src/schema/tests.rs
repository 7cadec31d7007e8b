//! The schemas take what the readers take, and refuse what they refuse for its form.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value, json};

use crate::file::tree::{self, Node};
use crate::file::{load, parse};
use crate::outcome::RunOutcome;

/// A schema that can be asked.
struct Judge {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Judge {
    fn of(mut schema: Value) -> Self {
        // It is not looked for anywhere: what it says of itself is a name.
        schema.as_object_mut().unwrap().remove("$id");
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("schema.json", schema).unwrap();
        let index = compiler.compile("schema.json", &mut schemas).unwrap();
        Self { schemas, index }
    }

    fn complaint(&self, value: &Value) -> Option<String> {
        self.schemas.validate(value, self.index).err().map(|error| error.to_string())
    }
}

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![top().join(folder)];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// A tree as an editor sees it: plain words that YAML's core schema takes for numbers, flags and nothing are such.
fn seen(node: &Node) -> Value {
    match &node.value {
        tree::Value::Scalar { text, quoted: true } => json!(text),
        tree::Value::Scalar { text, quoted: false } => match text.as_str() {
            "" | "~" | "null" => Value::Null,
            "true" => json!(true),
            "false" => json!(false),
            text => text.parse::<serde_json::Number>().map_or_else(|_| json!(text), Value::Number),
        },
        tree::Value::Sequence(items) => items.iter().map(seen).collect(),
        tree::Value::Mapping(entries) => {
            Value::Object(entries.iter().map(|(key, node)| (key.name.clone(), seen(node))).collect())
        }
    }
}

fn yaml(text: &str) -> Option<Value> {
    tree::parse(text).ok().map(|root| seen(&root))
}

#[test]
fn every_scenario_and_every_example_of_the_documentation_is_taken() {
    let judge = Judge::of(super::scenario());
    let scenarios = files("scenarios", "yaml").into_iter().chain(files("crates/cli/templates", "yaml"));
    let mut count = 0;
    for file in scenarios {
        let text = std::fs::read_to_string(&file).unwrap();
        let complaint = judge.complaint(&yaml(&text).unwrap());
        assert_eq!(complaint, None, "{}", file.display());
        count += 1;
    }
    assert!(count > 300, "{count} scenarios");
    for file in files("docs", "md") {
        let text = std::fs::read_to_string(&file).unwrap();
        let examples = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
        for example in examples.filter(|example| parse(example).is_ok()) {
            assert_eq!(judge.complaint(&yaml(example).unwrap()), None, "{}: {example}", file.display());
        }
    }
}

/// What is told of a file for its form alone; all else (who is called how, what can happen in which order, which keys need each other) only
/// `check` can tell.
const OF_FORM: [&str; 12] = [
    "unknown key",
    " needs `",
    "unknown value",
    "expected a whole number",
    "expected a duration",
    "expected a share",
    "expected `true` or `false`",
    "unknown step",
    "a step is one verb",
    "as `key: value` pairs",
    "expected text",
    "expected at least one value",
];

#[test]
fn what_check_refuses_for_its_form_the_schema_refuses_too() {
    let judge = Judge::of(super::scenario());
    // That of a disturbance which lacks a key that only its kind needs, and the fault that needs its number.
    let by_kind = ["a disturbance that does this needs", "`lose-every` needs a number"];
    let mut refused = 0;
    for file in files("tests/broken", "yaml") {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        let Some(value) = yaml(&text) else { continue };
        let wrong = load(&file).unwrap_err().diagnostics;
        let of_form = wrong.iter().find(|d| {
            OF_FORM.iter().any(|form| d.message.contains(form)) && !by_kind.iter().any(|kind| d.message.contains(kind))
        });
        match (judge.complaint(&value), of_form) {
            (None, Some(told)) => panic!("{} is taken, and check says: {}", file.display(), told.message),
            (Some(_), _) => refused += 1,
            (None, None) => {}
        }
    }
    assert!(refused > 30, "{refused} refused");
}

#[test]
fn every_profile_of_the_tree_is_taken_and_a_broken_one_is_not() {
    let judge = Judge::of(super::config());
    let read = |text: &str| crate::under_test::tree_of(text).map(|root| seen(&root)).unwrap();
    let profiles: Vec<PathBuf> = ["examples", "crates/cli/templates"]
        .into_iter()
        .flat_map(|folder| files(folder, "toml"))
        .filter(|file| file.ends_with("mixedmode.toml"))
        .collect();
    assert!(profiles.len() > 5, "{profiles:?}");
    for file in profiles {
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(judge.complaint(&read(&text)), None, "{}", file.display());
    }
    let docs = std::fs::read_to_string(top().join("docs/recorders.md")).unwrap();
    for example in docs.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
        assert_eq!(judge.complaint(&read(example)), None, "{example}");
    }
    let whole =
        "[recorders.mine]\nlistens = { tcp = 5060 }\nstart = { command = [\"x\"] }\nrecordings = { stereo = \"*\" }\n";
    assert_eq!(judge.complaint(&read(whole)), None);
    for (from, to) in [
        ("listens", "listen"),
        ("5060", "70000"),
        ("5060", "\"tcp\""),
        ("[\"x\"]", "\"x\""),
        ("{ stereo", "{ left = \"middle\", stereo"),
        ("recordings = { stereo = \"*\" }\n", ""),
    ] {
        assert!(judge.complaint(&read(&whole.replace(from, to))).is_some(), "{to} is taken");
    }
}

#[test]
fn every_outcome_is_taken() {
    let judge = Judge::of(super::outcome());
    let finding = crate::outcome::Finding::new("leak", "nothing", "a port").at_line(3);
    let mut run = RunOutcome {
        schema: crate::outcome::SCHEMA.to_owned(),
        network: "os".to_owned(),
        seed: u64::MAX,
        recorder: "mine".to_owned(),
        scenarios: Vec::new(),
    };
    assert_eq!(judge.complaint(&serde_json::to_value(&run).unwrap()), None);
    let text = json!({
        "file": "a.yaml", "title": "A call", "verdict": "not-run", "reason": null, "findings": [finding], "story": [],
        "channels": [], "frames_compared": 1, "lateness": {}, "duration_ms": 2,
        "earlier": [{ "number": 1, "verdict": "flaky", "reason": "late", "findings": [] }],
    });
    run.scenarios.push(serde_json::from_value(text).unwrap());
    let mut whole = serde_json::to_value(&run).unwrap();
    assert_eq!(judge.complaint(&whole), None);
    whole["scenarios"][0]["verdict"] = json!("fine");
    assert!(judge.complaint(&whole).is_some());
}

#[test]
fn every_key_is_described() {
    for (name, schema) in [("scenario", super::scenario()), ("config", super::config())] {
        let mut bare = Vec::new();
        undescribed(&schema, name, &mut bare);
        assert!(bare.is_empty(), "the tables of the documentation do not tell of {}", bare.join(", "));
    }
}

fn undescribed(schema: &Value, at: &str, bare: &mut Vec<String>) {
    // `files` of a start, `ready` and `listens` are told of in the row of the key that they stand under.
    let told_above = [
        "a-file",
        "when-a-recorder-is-ready",
        "what-a-recorder-listens-on",
        "mixedmode.toml",
        "where-a-secret-is",
        "the-authentication",
        "what-shows-that-a-recording-is-complete",
        "what-a-file-holds",
    ];
    match schema {
        Value::Object(object) => {
            let is_told = told_above.iter().any(|name| at.ends_with(name)) || at == "config";
            for (key, property) in object.get("properties").and_then(Value::as_object).into_iter().flatten() {
                if property.get("description").is_none() && !is_told && key != "lose-every" {
                    bare.push(format!("{at}: {key}"));
                }
            }
            object.iter().for_each(|(key, value)| undescribed(value, &format!("{at}/{key}"), bare));
        }
        Value::Array(items) => items.iter().for_each(|value| undescribed(value, at, bare)),
        _ => {}
    }
}

#[test]
fn the_reference_is_what_the_reader_reads() {
    let file = top().join("docs/keys.md");
    let text = super::keys();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let stands = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(stands == text, "docs/keys.md is not what the reader reads; UPDATE=1 writes it anew");
}

const ASSUMED: &str = "# What is real and what is assumed about CUCM\n
Of what is real: phones fetch their CTL file over TFTP, verify it, and register over TLS with certificates of their own; calls, recording
INVITEs, SDP, SDES keys, SRTP and RTCP are made by the same code on real sockets and on the simulated network. Forms of messages, identifiers
and parameters follow Cisco's published traces; [flows.md](flows.md) has Cisco's call flows by event, each with its scenarios.\n
Not real: no phone's screen, no video, no CTI, no database replication; a node is a part of one program. What a recorder cannot tell from
a CUCM's outside is left out.\n
What Cisco's texts and traces leave open is a switch of the cluster's [dialect](scenario.md#dialect), so that a scenario can set it the other way: a
recorder must survive both. *Inferred* means that no trace and no document shows it. This table is made from `cucm::config::Dialect`.\n
| switch | takes | what is open, and its source |\n|---|---|---|\n";

/// The fields of `Dialect` with what is said of each.
fn switches() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(top().join("crates/cucm/src/config/dialect.rs")).unwrap();
    let body = text.split("pub struct Dialect {\n").nth(1).unwrap().split("\n}").next().unwrap();
    let (mut said, mut fields) = (Vec::new(), Vec::new());
    for line in body.lines().map(str::trim) {
        if let Some(doc) = line.strip_prefix("/// ") {
            said.push(doc);
        } else if let Some((name, _)) = line.strip_prefix("pub ").and_then(|field| field.split_once(':')) {
            fields.push((name.to_owned(), std::mem::take(&mut said).join(" ").replace('|', "\\|")));
        }
    }
    fields
}

#[test]
fn the_assumptions_are_those_of_the_dialect() {
    let form = super::scenario_form();
    let of = |mapping: &crate::file::shape::Form, key: &str| {
        let keys = &mapping.mapping.as_ref().unwrap().keys;
        keys.iter().find(|(name, ..)| *name == key).unwrap().2.clone()
    };
    let dialect = of(&of(&form, "cluster"), "dialect").mapping.unwrap();
    let plain = |key: &str| key.to_lowercase().replace(['-', ' '], "_");
    let mut text = ASSUMED.to_owned();
    for (field, said) in switches() {
        let Some((key, _, takes)) = dialect.keys.iter().find(|(key, ..)| plain(key) == field) else {
            // Releases set it, and a scenario chooses its release.
            let _ = writeln!(text, "| (by release) | | {said} |");
            continue;
        };
        let _ = writeln!(text, "| `{key}` | {} | {said} |", super::reference::takes(takes));
    }
    for (key, ..) in &dialect.keys {
        assert!(text.contains(&format!("| `{key}` |")), "no field of Dialect is for `{key}`");
    }
    let file = top().join("docs/cucm.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let stands = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(stands == text, "docs/cucm.md does not tell of the dialect as it is; UPDATE=1 writes it anew");
}
