//! What the end-to-end tests share: finding scenario files and running one.

use std::path::{Path, PathBuf};

use scenario::outcome::{RunOutcome, ScenarioOutcome};
use scenario::run::{Item, Network, Options, Tries};
use scenario::under_test::UnderTest;

/// The top of the repository.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every `*.yaml` below `scenarios/` that is a scenario to pass: sorted, and named as a user names it.
#[must_use]
pub fn scenario_files() -> Vec<String> {
    let mut found = files_in("scenarios", "yaml");
    for folder in folders_in("scenarios") {
        found.extend(files_in(&folder, "yaml"));
    }
    found.sort();
    found
}

/// The folders in `folder`, by their path from the top of the repository.
fn folders_in(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join(folder)).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.path().is_dir());
    folders.filter_map(|entry| Some(format!("{folder}/{}", entry.file_name().to_str()?))).collect()
}

/// The files of `folder` with this ending, by their path from the top of the repository.
#[must_use]
pub fn files_in(folder: &str, ending: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join(folder)).map(|entries| entries.flatten().collect()).unwrap_or_default();
    let entries: Vec<std::fs::DirEntry> = entries;
    let paths = entries.iter().map(std::fs::DirEntry::path).filter(|p| p.extension().is_some_and(|e| e == ending));
    let mut names: Vec<String> = paths.filter_map(|p| Some(format!("{folder}/{}", p.file_name()?.to_str()?))).collect();
    names.sort();
    names
}

/// The options of a plain run.
#[must_use]
pub fn options(network: Network, seed: u64) -> Options {
    Options {
        network,
        seed,
        jobs: 1,
        pcapng: None,
        keep: None,
        under_test: UnderTest::Bundled,
        bystander: None,
        evidence: false,
        tries: Tries::default(),
    }
}

/// Runs scenarios from files, named from the top of the repository.
///
/// # Errors
/// What is wrong with a file, or why the run could not begin.
pub fn run(files: &[&str], options: &Options) -> Result<RunOutcome, String> {
    let items = files.iter().map(|file| {
        let scenario = scenario::file::load(&root().join(file)).map_err(|broken| broken.render())?;
        Ok(Item { file: (*file).to_owned(), scenario })
    });
    let items = items.collect::<Result<Vec<_>, String>>()?;
    scenario::run::run(items, options, &Default::default(), |_| ()).map_err(|e| e.to_string())
}

/// Runs a scenario from its text.
///
/// # Errors
/// As [`run`].
pub fn run_text(file: &str, text: &str, options: &Options) -> Result<ScenarioOutcome, String> {
    let scenario = scenario::file::parse(text)
        .map_err(|wrong| wrong.iter().map(|mistake| mistake.render(file, text)).collect::<Vec<_>>().join("\n"))?;
    let outcome =
        scenario::run::run(vec![Item { file: file.to_owned(), scenario }], options, &Default::default(), |_| ());
    outcome.map_err(|e| e.to_string())?.scenarios.pop().ok_or_else(|| "no outcome".to_owned())
}

/// Runs one scenario.
///
/// # Errors
/// As [`run`].
pub fn run_one(file: &str, options: &Options) -> Result<ScenarioOutcome, String> {
    run(&[file], options)?.scenarios.pop().ok_or_else(|| "no outcome".to_owned())
}
