//! What each scenario ended in when it was last run, from run to run, so that those that failed can be run again.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::outcome::{RunOutcome, ScenarioOutcome, Verdict};

/// The version of the file's form.
const SCHEMA: &str = "mixedmode-last-run-v1";

/// The latest verdicts, by recorder and file. A run of some scenarios leaves those of the others as they were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Last {
    schema: String,
    recorders: BTreeMap<String, BTreeMap<String, Verdict>>,
}

/// Why the latest verdicts cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum LastError {
    /// The file cannot be read.
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    /// It is something else.
    #[error("it is not what a run leaves ({0}); expected a file of `{SCHEMA}`")]
    Foreign(String),
}

impl Default for Last {
    fn default() -> Self {
        Self { schema: SCHEMA.to_owned(), recorders: BTreeMap::new() }
    }
}

impl Last {
    /// Reads what earlier runs left.
    ///
    /// # Errors
    /// [`LastError`], also where no run has left anything yet.
    pub fn read(file: &Path) -> Result<Self, LastError> {
        let last: Self =
            serde_json::from_slice(&std::fs::read(file)?).map_err(|error| LastError::Foreign(error.to_string()))?;
        if last.schema == SCHEMA { Ok(last) } else { Err(LastError::Foreign(format!("its form is `{}`", last.schema))) }
    }

    /// The files that did not pass when they were last run against `recorder`; one that was not run to its end is among them.
    #[must_use]
    pub fn failed(&self, recorder: &str) -> Vec<String> {
        let known = self.recorders.get(recorder).into_iter().flatten();
        let failed = known.filter(|(_, verdict)| !matches!(verdict, Verdict::Pass | Verdict::Skipped));
        failed.map(|(file, _)| file.clone()).collect()
    }

    /// Notes what came of a run; of a file that was run several times the worst.
    pub fn note(&mut self, run: &RunOutcome) {
        let known = self.recorders.entry(run.recorder.clone()).or_default();
        let mut latest: BTreeMap<&str, Verdict> = BTreeMap::new();
        for ScenarioOutcome { file, verdict, .. } in &run.scenarios {
            let worst = latest.entry(file).or_insert(*verdict);
            *worst = (*worst).max(*verdict);
        }
        known.extend(latest.into_iter().map(|(file, verdict)| (file.to_owned(), verdict)));
    }

    /// Notes what came of a run in `file`, whose folder is made where it is missing. What cannot be read there is
    /// replaced: it is of no use to anybody.
    ///
    /// # Errors
    /// The file or its folder cannot be written.
    pub fn leave(run: &RunOutcome, file: &Path) -> io::Result<()> {
        let mut last = Self::read(file).unwrap_or_default();
        last.note(run);
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        std::fs::create_dir_all(folder)?;
        // Two runs at once leave one of theirs, never half of each.
        let mut made = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer_pretty(&mut made, &last)?;
        made.persist(file)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::item;
    use super::*;
    use crate::outcome::SCHEMA as OUTCOME;
    use crate::run::not_run;

    fn run(recorder: &str, ended: &[(&str, Verdict)]) -> RunOutcome {
        let scenario = |(file, verdict): &(&str, Verdict)| not_run(&item(file, ""), *verdict, String::new());
        RunOutcome {
            schema: OUTCOME.into(),
            network: "os".into(),
            seed: 1,
            recorder: recorder.into(),
            scenarios: ended.iter().map(scenario).collect(),
        }
    }

    use Verdict::{Finding, Flaky, NotRun, Pass, Skipped};

    #[test]
    fn a_run_changes_only_what_it_ran_of_the_recorder_it_ran() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/last.json");
        let all = [("a", Pass), ("b", Finding), ("c", Flaky), ("d", Skipped), ("e", NotRun)];
        Last::leave(&run("mine", &all), &file).unwrap();
        assert_eq!(Last::read(&file).unwrap().failed("mine"), ["b", "c", "e"]);
        Last::leave(&run("mine", &[("b", Pass), ("a", Finding)]), &file).unwrap();
        Last::leave(&run("other", &[("c", Pass)]), &file).unwrap();
        let last = Last::read(&file).unwrap();
        assert_eq!((last.failed("mine"), last.failed("other")), (vec!["a".into(), "c".into(), "e".into()], vec![]));
        assert_eq!(last.failed("nobody"), Vec::<String>::new());
    }

    #[test]
    fn of_a_file_that_was_run_several_times_the_worst_counts() {
        let mut last = Last::default();
        last.note(&run("mine", &[("a", Finding), ("a", Pass)]));
        assert_eq!(last.failed("mine"), ["a"]);
    }

    #[test]
    fn what_is_no_such_file_is_told_and_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("last.json");
        assert!(matches!(Last::read(&file), Err(LastError::Unreadable(_))));
        for foreign in ["{", r#"{"schema":"x","recorders":{}}"#] {
            std::fs::write(&file, foreign).unwrap();
            assert!(matches!(Last::read(&file), Err(LastError::Foreign(_))));
        }
        Last::leave(&run("mine", &[("a", Finding)]), &file).unwrap();
        assert_eq!(Last::read(&file).unwrap().failed("mine"), ["a"]);
        std::fs::write(folder.path().join("plain"), "").unwrap();
        assert!(Last::leave(&run("mine", &[]), &folder.path().join("plain/last.json")).is_err());
    }
}
