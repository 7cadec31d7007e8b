//! `scenarios/README.md` is made from the scenario files: what each shows, after which of Cisco's call flows, and which rows of
//! `docs/field.md` it provokes.
//!
//! `UPDATE=1 cargo test -p tests --test scenarios` writes it anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use libtest_mimic::{Failed, Trial};

const FIELD: &str = "docs/field.md";
const FLOWS: &str = "docs/flows.md";
/// The rows of [`FLOWS`]: what Cisco's document has a flow of, and what other documents add.
const EVENTS: &[&str] = &[
    "Basic call",
    "Both parties are recorded",
    "The near end holds and resumes",
    "The far end holds and resumes",
    "A call is resumed on another device of a shared line",
    "The far end transfers: with a consultation, blind, to one who forwards",
    "The far end is transferred inside a remote cluster",
    "A remote PBX transfers to a local phone: hairpin, then path replacement",
    "The far end is transferred across a DMS gateway",
    "The near end transfers with a consultation",
    "The near end transfers blind",
    "The near end makes a conference",
    "The far end makes a conference",
    "The far end makes a conference in a remote cluster",
    "A conference drops to two, is joined, left, held, transferred, parked or redirected",
    "Park and retrieve",
    "Shared line",
    "Barge by the built-in bridge",
    "cBarge",
    "Call forward, pickup, redirect",
    "Extension Mobility",
    "Single Number Reach: send to mobile, desk pickup",
    "Call through a gateway, or over an inter-cluster trunk",
    "Gateway preferred: basic call",
    "Gateway preferred: phone to phone, both recorded",
    "Gateway preferred: selective recording",
    "Gateway preferred: inter-cluster call",
    "Gateway preferred: hold and resume",
    "Gateway preferred: far end is transferred",
    "Gateway preferred: conference",
    "Gateway preferred: secure call",
    "Selective recording by the user or an application",
    "Recording tone",
    "Several nodes, and one that fails",
];
const README: &str = "scenarios/README.md";

/// What the first comment of a scenario file says.
struct Entry {
    file: String,
    title: String,
    flow: Option<String>,
    rows: Vec<String>,
}

/// The file is up to date, and names no row that is not there.
pub(crate) fn trials() -> impl Iterator<Item = Trial> {
    [
        Trial::test("scenarios/README.md says what the files say", readme_is_up_to_date),
        Trial::test("every scenario begins with a comment and names rows of docs/field.md", names_what_is_there),
        Trial::test("every row of docs/field.md is provoked, or says why not", every_row_is_provoked),
        Trial::test(
            "docs/flows.md has a scenario for every flow, and every scenario of one",
            every_flow_has_its_scenario,
        ),
    ]
    .into_iter()
}

fn readme_is_up_to_date() -> Result<(), Failed> {
    let made = readme(&entries()?, &field()?);
    let path = tests::root().join(README);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &made)?;
    }
    if std::fs::read_to_string(&path).unwrap_or_default() == made {
        return Ok(());
    }
    Err(format!("{README} differs from what the files say; `UPDATE=1 cargo test -p tests --test scenarios` writes it")
        .into())
}

fn names_what_is_there() -> Result<(), Failed> {
    let known = field()?;
    for entry in entries()? {
        if let Some(row) = entry.rows.iter().find(|row| !known.contains_key(*row)) {
            return Err(format!("{} names row {row}, which {FIELD} does not have", entry.file).into());
        }
    }
    Ok(())
}

fn every_row_is_provoked() -> Result<(), Failed> {
    let text = std::fs::read_to_string(tests::root().join(FIELD))?;
    let (_, excused) = text.split_once("## Not provoked").ok_or("no section on rows that are not provoked")?;
    let provoked: Vec<String> = entries()?.into_iter().flat_map(|entry| entry.rows).collect();
    let is_missed = |row: &String| !provoked.contains(row) && !excused.contains(&format!("| {row} |"));
    let missed: Vec<String> = field()?.into_keys().filter(is_missed).collect();
    if missed.is_empty() { Ok(()) } else { Err(format!("no scenario provokes {}", missed.join(", ")).into()) }
}

/// A row of `docs/flows.md` without a file, a file that is not there or names no flow, and a flow that is in no row are mistakes.
fn every_flow_has_its_scenario() -> Result<(), Failed> {
    let text = std::fs::read_to_string(tests::root().join(FLOWS))?;
    let (told, excused) = text.split_once("## Not provoked").ok_or("no section on flows that are not provoked")?;
    let events = |part: &str| -> Vec<Vec<String>> {
        let cells = |line: &str| {
            Some(line.strip_prefix("| ")?.trim_end_matches(" |").split(" | ").map(str::to_owned).collect())
        };
        part.lines().filter_map(cells).filter(|row: &Vec<String>| row[0] != "event").collect()
    };
    let linked = |row: &[String]| -> Vec<String> {
        let links = row.get(2).map(String::as_str).unwrap_or_default().split("](../").skip(1);
        links.filter_map(|link| Some(link.split_once(')')?.0.to_owned())).collect()
    };
    let of_flows: Vec<String> = entries()?.into_iter().filter(|one| one.flow.is_some()).map(|one| one.file).collect();
    let rows = events(told);
    let mut wrong: Vec<String> = Vec::new();
    for row in &rows {
        let files = linked(row);
        wrong.extend(files.is_empty().then(|| format!("{:?} has no scenario", row[0])));
        let is_none = |file: &&String| !of_flows.contains(file);
        wrong.extend(
            files.iter().filter(is_none).map(|file| format!("{file} of {:?} is no scenario of a flow", row[0])),
        );
    }
    let known: Vec<String> = rows.iter().flat_map(|row| linked(row)).collect();
    wrong.extend(of_flows.iter().filter(|file| !known.contains(file)).map(|file| format!("{file} is in no row")));
    wrong.extend(events(excused).iter().filter(|row| row.len() != 2).map(|row| format!("{:?} has no reason", row[0])));
    let known_events = EVENTS.iter().filter(|event| !rows.iter().any(|row| row[0] == **event));
    wrong.extend(known_events.map(|event| format!("there is no row {event:?}")));
    if wrong.is_empty() { Ok(()) } else { Err(format!("{FLOWS}: {}", wrong.join("; ")).into()) }
}

fn entries() -> Result<Vec<Entry>, Failed> {
    tests::scenario_files().into_iter().map(entry).collect()
}

fn entry(file: String) -> Result<Entry, Failed> {
    let text = std::fs::read_to_string(tests::root().join(&file))?;
    let title = text.lines().find_map(|line| line.strip_prefix("scenario: "));
    let title = title.ok_or_else(|| format!("{file} has no title"))?.trim_matches('"').to_owned();
    let comment: Vec<&str> = text.lines().map_while(|line| line.strip_prefix('#')).map(str::trim).collect();
    if comment.is_empty() {
        return Err(format!("{file} does not begin with a comment that says what it shows").into());
    }
    let named = |key: &str| comment.iter().find_map(|line| line.strip_prefix(key)).map(|value| value.trim().to_owned());
    let rows = named("Field:").unwrap_or_default();
    let rows = rows.split(',').map(|row| row.trim().to_owned()).filter(|row| !row.is_empty()).collect();
    Ok(Entry { title, flow: named("Flow:"), rows, file })
}

/// What is seen, by row.
fn field() -> Result<BTreeMap<String, String>, Failed> {
    let text = std::fs::read_to_string(tests::root().join(FIELD))?;
    let told = text.lines().take_while(|line| *line != "## Not provoked");
    let rows = told.filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let (row, seen) = (cells.next()?, cells.next()?);
        row.starts_with(|c: char| c.is_ascii_uppercase()).then(|| (row.to_owned(), seen.to_owned()))
    });
    Ok(rows.collect())
}

fn readme(entries: &[Entry], field: &BTreeMap<String, String>) -> String {
    let mut made = String::from(INTRODUCTION);
    let mut folder = "";
    for entry in entries {
        let (its_folder, name) = entry.file.rsplit_once('/').unwrap_or(("", &entry.file));
        if its_folder != folder {
            folder = its_folder;
            let _ = write!(made, "\n## {folder}\n\n| file | shows | Cisco's flow | field |\n|---|---|---|---|\n");
        }
        let flow = entry.flow.as_deref().unwrap_or_default();
        let link = entry.file.strip_prefix("scenarios/").unwrap_or(&entry.file);
        let _ = writeln!(made, "| [{name}]({link}) | {} | {flow} | {} |", entry.title, entry.rows.join(", "));
    }
    made += "\n## By what breaks\n\n| row | what is seen | provoked by |\n|---|---|---|\n";
    let mut rows: Vec<(&String, &String)> = field.iter().collect();
    rows.sort_by_key(|(row, _)| (row.chars().next(), row[1..].parse::<u32>().unwrap_or(u32::MAX)));
    for (row, seen) in rows {
        let by = entries.iter().filter(|entry| entry.rows.contains(row));
        let by: Vec<&str> = by.map(|entry| entry.file.strip_prefix("scenarios/").unwrap_or(&entry.file)).collect();
        let _ = writeln!(made, "| {row} | {seen} | {} |", by.join(", "));
    }
    made
}

const INTRODUCTION: &str = "# Scenarios

Made from the files by `UPDATE=1 cargo test -p tests --test scenarios`; a test holds it. Flows are named after Cisco's *Call Recording
Examples for Network-Based and Phone-Based Recording*, rows after [docs/field.md](../docs/field.md).
";
