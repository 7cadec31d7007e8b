//! What every name means that a run can print: findings, refusals, why CUCM gave a recording up, verdicts, exit codes. One table
//! serves `mixedmode explain` and the line in reports that says what to fix.

mod audio;
mod calls;
mod ended;
mod files;
mod given_up;
mod refusals;
#[cfg(test)]
mod tests;
mod written;

use crate::outcome::Finding;

/// What kind of name it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Something that is wrong with the recorder under test.
    Finding,
    /// Why a TLS connection was refused, or came to nothing.
    Refusal,
    /// Why CUCM gave a recording up.
    GivenUp,
    /// What a scenario ended in.
    Verdict,
    /// What the program ended with.
    ExitCode,
}

impl Kind {
    /// The kind in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Finding => "finding",
            Self::Refusal => "refusal of a connection",
            Self::GivenUp => "reason why CUCM gave a recording up",
            Self::Verdict => "verdict",
            Self::ExitCode => "exit code",
        }
    }
}

/// What is to be known about a name.
#[derive(Clone, Copy, Debug)]
pub struct Advice {
    /// The name, as it is printed.
    pub name: &'static str,
    /// What it means.
    pub means: &'static str,
    /// What usually causes it.
    pub causes: &'static str,
    /// What to look at.
    pub look: &'static str,
    /// What to do, in one line that can stand beneath a finding.
    pub fix: &'static str,
    /// Where the rule comes from: an RFC, a document's title, or a chapter of this documentation.
    pub source: &'static str,
}

/// All that is known, by kind.
const TABLES: [(Kind, &[Advice]); 8] = [
    (Kind::Finding, audio::TABLE),
    (Kind::Finding, files::TABLE),
    (Kind::Finding, written::TABLE),
    (Kind::Finding, calls::TABLE),
    (Kind::Refusal, refusals::TABLE),
    (Kind::GivenUp, given_up::TABLE),
    (Kind::Verdict, ended::VERDICTS),
    (Kind::ExitCode, ended::EXIT_CODES),
];

/// Everything that can be explained, with its kind.
pub fn all() -> impl Iterator<Item = (Kind, &'static Advice)> {
    TABLES.into_iter().flat_map(|(kind, table)| table.iter().map(move |advice| (kind, advice)))
}

/// What is known about `name`; a name may be of several kinds.
pub fn about(name: &str) -> impl Iterator<Item = (Kind, &'static Advice)> {
    all().filter(move |(_, advice)| advice.name == name)
}

/// The line that stands beneath a finding of this rule.
#[must_use]
pub fn fix(rule: &str) -> Option<&'static str> {
    all().find(|(kind, advice)| *kind == Kind::Finding && advice.name == rule).map(|(_, advice)| advice.fix)
}

/// The same for a finding: of a recording that CUCM gave up, what its reason in brackets says.
#[must_use]
pub fn fix_of(finding: &Finding) -> Option<&'static str> {
    let why = reason_of(finding);
    let of_reason = all().find(|(kind, advice)| *kind == Kind::GivenUp && Some(advice.name) == why);
    of_reason.map(|(_, advice)| advice.fix).or_else(|| fix(&finding.rule))
}

/// Why CUCM gave a recording up, by the word in brackets that such a finding ends with.
#[must_use]
pub fn reason_of(finding: &Finding) -> Option<&str> {
    let told = finding.found.strip_suffix(')').filter(|_| finding.rule == "recording-failed")?;
    told.rsplit_once('(').map(|(_, why)| why)
}

/// The name nearest to `word`, where one is near.
#[must_use]
pub fn nearest(word: &str) -> Option<&'static str> {
    let names: Vec<&'static str> = all().map(|(_, advice)| advice.name).collect();
    crate::file::diagnostic::nearest(word, &names).and_then(|near| names.into_iter().find(|name| *name == near))
}
