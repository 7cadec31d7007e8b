//! The files that tell of a run: which are asked for, whether they can be written, and writing them.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use clap::Args;
use report::Ndjson;
use scenario::outcome::{RunOutcome, ScenarioOutcome};

/// Files that tell of the outcome, any at once.
#[derive(Debug, Args)]
#[command(next_help_heading = "Reports")]
pub(crate) struct Reports {
    /// Write the outcome as JSON.
    #[arg(long, value_name = "FILE")]
    report_json: Option<PathBuf>,
    /// Write the outcome with all its evidence (messages, pictures, clips of audio) as one file, to make other reports of.
    #[arg(long, value_name = "FILE")]
    report_bundle: Option<PathBuf>,
    /// Write the outcome with all its evidence as one HTML file, which needs no other and no network.
    #[arg(long, value_name = "FILE")]
    report_html: Option<PathBuf>,
    /// Write the outcome as JUnit XML: a finding is a failure, what could not be set up or decided an error.
    #[arg(long, value_name = "FILE")]
    report_junit: Option<PathBuf>,
    /// Write the outcome in the Test Anything Protocol.
    #[arg(long, value_name = "FILE")]
    report_tap: Option<PathBuf>,
    /// Write the findings about security as SARIF.
    #[arg(long, value_name = "FILE")]
    report_sarif: Option<PathBuf>,
    /// Print annotations for GitHub Actions, and add a summary to the file that GITHUB_STEP_SUMMARY names.
    #[arg(long)]
    report_github: bool,
}

/// The variable in which GitHub Actions names the file for the summary of a job's step.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// A report as text.
type Written = fn(&RunOutcome) -> io::Result<String>;

impl Reports {
    /// Whether one of them draws what is otherwise not collected.
    pub(crate) const fn draw_evidence(&self) -> bool {
        self.report_bundle.is_some() || self.report_html.is_some()
    }

    /// Whether none is asked for.
    pub(crate) fn is_empty(&self) -> bool {
        self.all().next().is_none() && !self.report_github
    }

    fn all(&self) -> impl Iterator<Item = (&Path, Written)> {
        let all: [(&Option<PathBuf>, Written); 6] = [
            (&self.report_json, |run| Ok(report::json(run)?)),
            (&self.report_bundle, |run| Ok(report::bundle(run)?)),
            (&self.report_html, |run| Ok(report::html(run)?)),
            (&self.report_junit, |run| report::junit(run).map_err(io::Error::other)),
            (&self.report_tap, |run| Ok(report::tap(run))),
            (&self.report_sarif, |run| Ok(report::sarif(run)?)),
        ];
        all.into_iter().filter_map(|(file, written)| Some((file.as_deref()?, written)))
    }

    /// Says of every file that cannot be written that it cannot, before hours have been spent on what it should tell.
    /// Whether all can be.
    pub(crate) fn can_be_written(&self, err: &mut impl Write) -> io::Result<bool> {
        let mut all = true;
        for (file, _) in self.all() {
            if let Err(error) = try_to_open(file) {
                writeln!(err, "error: cannot write {}: {error}; nothing was begun", file.display())?;
                all = false;
            }
        }
        Ok(all)
    }

    /// Writes them all; one that cannot be written keeps none of the others from it. Whether all were written.
    pub(crate) fn write(&self, outcome: &RunOutcome, out: &mut impl Write, err: &mut impl Write) -> io::Result<bool> {
        let mut all = true;
        for (file, written) in self.all() {
            if let Err(error) = written(outcome).and_then(|text| std::fs::write(file, text)) {
                writeln!(err, "error: cannot write {}: {error}", file.display())?;
                all = false;
            }
        }
        if self.report_github {
            let shown = write!(out, "{}", report::annotations(outcome));
            if let Err(error) = add_summary(outcome) {
                writeln!(err, "error: cannot write the file that {STEP_SUMMARY} names: {error}")?;
                all = false;
            }
            shown?;
        }
        Ok(all)
    }
}

/// Adds to what earlier commands of the step may have written.
fn add_summary(outcome: &RunOutcome) -> io::Result<()> {
    let Some(file) = std::env::var_os(STEP_SUMMARY) else { return Ok(()) };
    let mut file = OpenOptions::new().append(true).create(true).open(file)?;
    file.write_all(report::step_summary(outcome).as_bytes())
}

/// Opens a file for writing, and leaves things as they were.
fn try_to_open(file: &Path) -> io::Result<()> {
    let was_there = file.exists();
    OpenOptions::new().append(true).create(true).open(file)?;
    if was_there { Ok(()) } else { std::fs::remove_file(file) }
}

/// The events of a run, written to a file as they happen.
pub(crate) struct Events {
    path: PathBuf,
    file: Mutex<io::Result<File>>,
}

impl Events {
    /// Begins the file anew; the error names it.
    pub(crate) fn create(path: &Path) -> Result<Self, String> {
        let file = File::create(path).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        Ok(Self { path: path.to_owned(), file: Mutex::new(Ok(file)) })
    }

    pub(crate) fn ended(&self, outcome: &ScenarioOutcome) {
        self.write(&Ndjson::ScenarioEnded { outcome });
    }

    /// Writes an event; after one that could not be written there are no more.
    pub(crate) fn write(&self, event: &Ndjson<'_>) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(open) = &mut *file {
            let written = event.line().map_err(io::Error::from).and_then(|line| open.write_all(line.as_bytes()));
            if let Err(error) = written {
                *file = Err(error);
            }
        }
    }

    /// Whether all was written; says so where it was not.
    pub(crate) fn finish(self, err: &mut impl Write) -> io::Result<bool> {
        match self.file.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Ok(_) => Ok(true),
            Err(error) => {
                writeln!(err, "error: cannot write {}: {error}", self.path.display())?;
                Ok(false)
            }
        }
    }
}
