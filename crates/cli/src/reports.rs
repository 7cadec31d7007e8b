//! The files that tell of a run: which are asked for, whether they can be written, and writing them.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use scenario::outcome::RunOutcome;

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
}

/// A report as text.
type Written = fn(&RunOutcome) -> io::Result<String>;

impl Reports {
    /// Whether one of them draws what is otherwise not collected.
    pub(crate) const fn draw_evidence(&self) -> bool {
        self.report_bundle.is_some() || self.report_html.is_some()
    }

    fn all(&self) -> impl Iterator<Item = (&Path, Written)> {
        let all: [(&Option<PathBuf>, Written); 3] = [
            (&self.report_json, |run| Ok(report::json(run)?)),
            (&self.report_bundle, |run| Ok(report::bundle(run)?)),
            (&self.report_html, |run| Ok(report::html(run)?)),
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
    pub(crate) fn write(&self, outcome: &RunOutcome, err: &mut impl Write) -> io::Result<bool> {
        let mut all = true;
        for (file, written) in self.all() {
            if let Err(error) = written(outcome).and_then(|text| std::fs::write(file, text)) {
                writeln!(err, "error: cannot write {}: {error}", file.display())?;
                all = false;
            }
        }
        Ok(all)
    }
}

/// Opens a file for writing, and leaves things as they were.
fn try_to_open(file: &Path) -> io::Result<()> {
    let was_there = file.exists();
    OpenOptions::new().append(true).create(true).open(file)?;
    if was_there { Ok(()) } else { std::fs::remove_file(file) }
}
