//! `scenarios/README.md` is made from the scenario files: what each shows, after which of Cisco's call flows, and which rows of
//! `docs/field.md` it provokes.
//!
//! `UPDATE=1 cargo test -p tests --test scenarios` writes it anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use libtest_mimic::{Failed, Trial};

const FIELD: &str = "docs/field.md";
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
