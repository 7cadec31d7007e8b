//! What is wrong with a file, where, and what would be right.

use std::fmt::Write as _;

/// A place in a file: 1-based line and column, and how many characters the thing covers on that line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Characters covered, at least 1.
    pub length: usize,
}

impl Place {
    /// The first character of a file.
    pub const START: Self = Self { line: 1, column: 1, length: 1 };
}

/// One mistake in a file of the user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where.
    pub place: Place,
    /// What is wrong: what was found, what was expected.
    pub message: String,
    /// What would be right, where that can be told.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A mistake at `place`.
    pub fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into(), help: None }
    }

    /// The same with what would be right.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The mistake as a user sees it: message, place, the line with a caret, and the way out.
    ///
    /// ```text
    /// error: unknown key `secruity`
    ///   --> call.yaml:4:5
    ///    |
    ///  4 |     secruity: encrypted
    ///    |     ^^^^^^^^ did you mean `security`?
    /// ```
    #[must_use]
    pub fn render(&self, file: &str, text: &str) -> String {
        let Place { line, column, length } = self.place;
        let mut out = format!("error: {}\n", self.message);
        let gutter = line.to_string().len();
        let _ = writeln!(out, "{:gutter$}--> {file}:{line}:{column}", "");
        if let Some(source) = text.lines().nth(line - 1) {
            // A tab is one column here, and no file may steer the terminal.
            let shown: String = source.chars().map(|c| if c.is_control() { ' ' } else { c }).take(160).collect();
            let carets = "^".repeat(length.min(shown.chars().count().saturating_sub(column - 1)).max(1));
            let help = self.help.as_deref().unwrap_or_default();
            let _ = writeln!(out, "{:gutter$} |", "");
            let _ = writeln!(out, "{line} | {shown}");
            let under = format!("{:gutter$} | {:indent$}{carets} {help}", "", "", indent = column - 1);
            let _ = writeln!(out, "{}", under.trim_end());
        } else if let Some(help) = &self.help {
            let _ = writeln!(out, "{:gutter$} = {help}", "");
        }
        out
    }
}

/// The word of `known` that `word` most likely meant: at most two letters away and at most half of the word. A short word with other
/// digits means something else: `12.5` is no slip of the pen for `11.5`.
#[must_use]
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|candidate| (distance(word, candidate), *candidate))
        .filter(|(away, candidate)| *away <= 2 && away * 2 <= candidate.len())
        .filter(|(_, candidate)| candidate.len() >= LONG || digits(word) == digits(candidate))
        .min_by_key(|(away, _)| *away)
        .map(|(_, candidate)| candidate)
}

fn digits(word: &str) -> Vec<char> {
    word.chars().filter(char::is_ascii_digit).collect()
}

/// From so many letters on a word is known by its letters, whatever digits are in it.
const LONG: usize = 8;

/// Levenshtein distance over characters; inputs are short words.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate().take(64) {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let cost = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_shown_with_its_line_a_caret_and_the_way_out() {
        let text = "scenario: x\nphones:\n  a:\n    secruity: encrypted\n";
        let place = Place { line: 4, column: 5, length: 8 };
        let shown =
            Diagnostic::new(place, "unknown key `secruity`").help("did you mean `security`?").render("call.yaml", text);
        let expected = "error: unknown key `secruity`\n --> call.yaml:4:5\n  |\n4 |     secruity: encrypted\n  |     ^^^^^^^^ did you mean `security`?\n";
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_near_miss_is_offered_and_a_far_one_is_not() {
        assert_eq!(nearest("secruity", &["line", "security"]), Some("security"));
        assert_eq!(nearest("tlak", &["talk", "call"]), Some("talk"));
        assert_eq!(nearest("zzz", &["talk", "call"]), None);
        assert_eq!(nearest("12.5", &["11.5", "14"]), None);
        assert_eq!(nearest("G711", &["PCMU", "G729"]), None);
    }

    #[test]
    fn a_place_past_the_end_of_the_text_still_renders() {
        let place = Place { line: 99, column: 7, length: 3 };
        assert!(Diagnostic::new(place, "gone").help("x").render("f", "a").contains("f:99:7"));
    }
}
