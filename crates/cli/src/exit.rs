//! What a run means to whoever started it.

use scenario::outcome::{RunOutcome, Verdict};

/// Exit codes. Of several that apply to a run, the first in this order is returned: 1, 2, 3, 4, 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Every scenario passed.
    Pass = 0,
    /// The command line makes no sense, or names nothing to run.
    Usage = 1,
    /// A scenario file, or another file given, is wrong or cannot be read; nothing was run.
    BadFile = 2,
    /// A port, a certificate, a process: a scenario could not be run.
    Setup = 3,
    /// The recorder under test is wrong, or only sometimes right.
    Finding = 4,
    /// The harness was too slow to tell, what was to be tested did not happen, the run was ended, or every scenario
    /// was skipped.
    Inconclusive = 5,
}

impl Exit {
    /// The exit code for a whole run.
    #[must_use]
    pub fn of(outcome: &RunOutcome) -> Self {
        Self::of_verdict(outcome.verdict())
    }

    /// The exit code for the verdict on a whole run.
    pub(crate) const fn of_verdict(verdict: Option<Verdict>) -> Self {
        match verdict {
            None => Self::Usage,
            Some(Verdict::Pass) => Self::Pass,
            Some(Verdict::Inconclusive | Verdict::NotRun | Verdict::Skipped) => Self::Inconclusive,
            Some(Verdict::Finding | Verdict::Flaky) => Self::Finding,
            Some(Verdict::SetupError) => Self::Setup,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
