//! For whom results are shown; whether verdicts are coloured, and how.

use std::ffi::OsStr;

use clap::ValueEnum;
use scenario::outcome::{ScenarioOutcome, Verdict};

use crate::progress::Style;
use crate::trying::Shown;

/// Who looks at what the program prints.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Desk {
    /// Whether this is the program itself, whose signals are its own, or a part of another.
    pub(crate) is_program: bool,
    /// Whether its output goes to a terminal.
    pub(crate) is_terminal: bool,
}

impl Desk {
    /// How results are shown there.
    pub(crate) fn style(self, shown: Shown) -> Style {
        let no_color = std::env::var_os("NO_COLOR");
        Style { quiet: shown.quiet, colour: shown.color.wanted(self.is_terminal, no_color.as_deref()) }
    }
}

/// `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless the variable `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Colour {
    /// Whether to colour what goes to a terminal or not, with this value of `NO_COLOR` (no-color.org: set and not empty).
    pub(crate) fn wanted(self, is_terminal: bool, no_color: Option<&OsStr>) -> bool {
        match self {
            Self::Auto => is_terminal && no_color.is_none_or(OsStr::is_empty),
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// What is told of a scenario, with the verdict that it begins with in its colour.
pub(crate) fn painted(ended: &ScenarioOutcome) -> String {
    let text = report::terminal::scenario(ended);
    // The verdict stands alone in the room before the name of the file.
    let (verdict, rest) = match text.find(ended.file.as_str()) {
        Some(at) if at > 0 => text.split_at(text[..at].trim_end().len()),
        _ => return text,
    };
    format!("\x1b[{}m{verdict}\x1b[0m{rest}", code(ended.verdict))
}

/// Bold, and green, red, yellow or dim (ECMA-48 §8.3.117).
const fn code(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "1;32",
        Verdict::Finding | Verdict::SetupError => "1;31",
        Verdict::Flaky | Verdict::Inconclusive => "1;33",
        Verdict::Skipped | Verdict::NotRun => "2",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_and_for_who_asks() {
        let (none, empty, set) = (None, Some(OsStr::new("")), Some(OsStr::new("1")));
        for (colour, terminal, no_color, wanted) in [
            (Colour::Auto, true, none, true),
            (Colour::Auto, true, empty, true),
            (Colour::Auto, true, set, false),
            (Colour::Auto, false, none, false),
            (Colour::Always, false, set, true),
            (Colour::Never, true, none, false),
        ] {
            assert_eq!(colour.wanted(terminal, no_color), wanted, "{colour:?} {terminal} {no_color:?}");
        }
    }
}
