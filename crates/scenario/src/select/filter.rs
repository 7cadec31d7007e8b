//! Filter expressions: `tag(hold) and not (name(long-*) or field(A6))`.
//!
//! ```text
//! any    = all *("or" all)
//! all    = one *("and" one)
//! one    = "not" one / "(" any ")" / test "(" value ")"
//! test   = "name" / "folder" / "tag" / "field"
//! ```
//!
//! A value goes up to the next `)`; in quotes, single or double, it may hold one.

use super::labels::Labels;
use crate::file::diagnostic::{Diagnostic, Place, nearest};
use crate::run::Item;
use crate::under_test::Glob;

/// A filter that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    text: String,
    root: Expression,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Expression {
    Any(Vec<Self>),
    All(Vec<Self>),
    Not(Box<Self>),
    Name(Glob),
    Folder(Glob),
    Tag(Glob),
    Field(String),
}

/// What can be asked of a scenario.
const TESTS: [&str; 4] = ["name", "folder", "tag", "field"];
/// More parentheses and `not` than this within each other are refused.
const DEEPEST: usize = 64;
/// A longer expression, in bytes, is refused.
const LONGEST: usize = 10_000;
/// What stands before the place of a mistake.
const CALLED: &str = "--filter";

impl Filter {
    /// Reads an expression.
    ///
    /// # Errors
    /// The first mistake, as shown to whoever wrote it: what was expected, and a caret under the place.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("error: the filter has {} bytes, expected at most {LONGEST}\n", text.len()));
        }
        let shown: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let mut parser = Parser { text: shown.chars().collect(), at: 0, depth: 0 };
        let root = parser.whole().map_err(|mistake| mistake.render(CALLED, &shown))?;
        Ok(Self { text: shown.trim().to_owned(), root })
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it fits a scenario.
    #[must_use]
    pub fn fits(&self, item: &Item) -> bool {
        let path: Vec<&str> = item.file.split(['/', '\\']).filter(|part| !matches!(*part, "" | ".")).collect();
        let (name, folders) = path.split_last().map_or(("", &path[..]), |(name, folders)| (*name, folders));
        self.root.fits(&Described { name, folders, labels: Labels::of(&item.scenario) })
    }
}

/// A scenario as a filter sees it.
struct Described<'a> {
    name: &'a str,
    folders: &'a [&'a str],
    labels: Labels,
}

impl Expression {
    fn fits(&self, item: &Described<'_>) -> bool {
        match self {
            Self::Any(inner) => inner.iter().any(|one| one.fits(item)),
            Self::All(inner) => inner.iter().all(|one| one.fits(item)),
            Self::Not(inner) => !inner.fits(item),
            Self::Name(glob) => {
                let stem = item.name.strip_suffix(".yaml").unwrap_or(item.name);
                glob.fits(stem) || glob.fits(item.name)
            }
            Self::Folder(glob) => {
                let from = 0..item.folders.len();
                from.flat_map(|from| (from..item.folders.len()).map(move |to| (from, to)))
                    .any(|(from, to)| glob.fits(&item.folders[from..=to].join("/")))
            }
            Self::Tag(glob) => item.labels.tags.iter().any(|tag| glob.fits(tag)),
            Self::Field(row) => item.labels.rows.iter().any(|other| other.eq_ignore_ascii_case(row)),
        }
    }
}

struct Parser {
    text: Vec<char>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn whole(&mut self) -> Result<Expression, Diagnostic> {
        let root = self.any()?;
        self.space();
        match self.text.get(self.at) {
            None => Ok(root),
            Some(')') => Err(self.here(1, "got `)`, but no `(` is open")),
            Some(_) => {
                let word = self.word();
                let length = word.chars().count().max(1);
                Err(self.here(length, "expected `and`, `or` or the end"))
            }
        }
    }

    fn any(&mut self) -> Result<Expression, Diagnostic> {
        let mut all = vec![self.all()?];
        while self.took("or") {
            all.push(self.all()?);
        }
        Ok(alone(all, Expression::Any))
    }

    fn all(&mut self) -> Result<Expression, Diagnostic> {
        let mut all = vec![self.one()?];
        while self.took("and") {
            all.push(self.one()?);
        }
        Ok(alone(all, Expression::All))
    }

    fn one(&mut self) -> Result<Expression, Diagnostic> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.here(1, format!("more than {DEEPEST} parentheses and `not` within each other")));
        }
        let one = if self.took("not") {
            self.one().map(|inner| Expression::Not(Box::new(inner)))
        } else if self.text.get(self.at) == Some(&'(') {
            self.parenthesis()
        } else {
            self.test()
        };
        self.depth -= 1;
        one
    }

    fn parenthesis(&mut self) -> Result<Expression, Diagnostic> {
        let opened = self.at;
        self.at += 1;
        let inner = self.any()?;
        self.space();
        if self.text.get(self.at) != Some(&')') {
            return Err(mistake(opened, 1, "this `(` is not closed"));
        }
        self.at += 1;
        Ok(inner)
    }

    fn test(&mut self) -> Result<Expression, Diagnostic> {
        self.space();
        let (begins, word) = (self.at, self.word());
        let length = word.chars().count();
        if word.is_empty() {
            return Err(self.here(1, "expected a test").help("such as `name(hold-*)`, `tag(slow)` or `not …`"));
        }
        if !TESTS.contains(&word.as_str()) {
            let help = nearest(&word, &TESTS).map_or_else(
                || format!("expected one of: {}", TESTS.join(", ")),
                |test| format!("did you mean `{test}`?"),
            );
            return Err(mistake(begins, length, format!("unknown test `{word}`")).help(help));
        }
        self.at += length;
        self.space();
        if self.text.get(self.at) != Some(&'(') {
            return Err(mistake(begins, length, format!("`{word}` needs a value")).help(format!("such as `{word}(…)`")));
        }
        let value = self.value()?;
        Ok(match word.as_str() {
            "name" => Expression::Name(Glob::plain(&value)),
            "folder" => Expression::Folder(Glob::plain(value.trim_matches('/'))),
            "tag" => Expression::Tag(Glob::plain(&value)),
            _ => Expression::Field(value),
        })
    }

    /// What stands between parentheses, the first of which is next.
    fn value(&mut self) -> Result<String, Diagnostic> {
        let opened = self.at;
        self.at += 1;
        self.space();
        let quote = self.text.get(self.at).copied().filter(|c| matches!(c, '"' | '\''));
        let begins = self.at + usize::from(quote.is_some());
        let end = quote.unwrap_or(')');
        let rest = self.text.get(begins..).unwrap_or_default();
        let Some(length) = rest.iter().position(|c| *c == end) else {
            return Err(match quote {
                Some(_) => mistake(self.at, 1, "this quote is not closed"),
                None => mistake(opened, 1, "this `(` is not closed"),
            });
        };
        let value: String = rest[..length].iter().collect();
        self.at = begins + length;
        if quote.is_some() {
            self.at += 1;
            self.space();
        }
        if self.text.get(self.at) != Some(&')') {
            return Err(mistake(opened, 1, "this `(` is not closed"));
        }
        self.at += 1;
        let value = value.trim().to_owned();
        if value.is_empty() {
            Err(mistake(opened, self.at - opened, "got nothing, expected a value"))
        } else {
            Ok(value)
        }
    }

    /// Takes `word` if it is the next one.
    fn took(&mut self, word: &str) -> bool {
        self.space();
        // `not(…)` is one, a test that is called so is none.
        let is_next = self.word() == word;
        if is_next {
            self.at += word.len();
            self.space();
        }
        is_next
    }

    /// The word that is next, untaken.
    fn word(&self) -> String {
        let rest = self.text.get(self.at..).unwrap_or_default();
        rest.iter().take_while(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
    }

    fn space(&mut self) {
        while self.text.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
    }

    fn here(&self, length: usize, message: impl Into<String>) -> Diagnostic {
        mistake(self.at, length, message)
    }
}

fn mistake(at: usize, length: usize, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Place { line: 1, column: at + 1, length: length.max(1) }, message)
}

fn alone(mut all: Vec<Expression>, several: impl FnOnce(Vec<Expression>) -> Expression) -> Expression {
    if all.len() == 1 { all.remove(0) } else { several(all) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::item;
    use super::*;

    fn fits(filter: &str) -> bool {
        let head = "# Shows something.\n# Field: A6, D52\ntags: [slow, hold-music]\n";
        Filter::parse(filter).unwrap().fits(&item("./scenarios/refused/forged-tag.yaml", head))
    }

    #[test]
    fn each_test_looks_where_it_says() {
        for yes in [
            "name(forged-tag)",
            "name(forged-tag.yaml)",
            "name(forged-*)",
            "name(*)",
            "name(forged?tag)",
            "name('forged-tag')",
            "folder(refused)",
            "folder(scenarios)",
            "folder(scenarios/refused)",
            "folder(ref*)",
            "folder(**)",
            "folder( refused/ )",
            "tag(slow)",
            "tag(hold-*)",
            "field(A6)",
            "field(d52)",
            "tag(\"slow\")",
            " tag ( slow ) ",
        ] {
            assert!(fits(yes), "{yes}");
        }
        for no in [
            "name(forged)",
            "name(refused)",
            "name(scenarios*)",
            "folder(forged-tag)",
            "folder(forged*)",
            "tag(Slow)",
            "tag(hold)",
            "tag(A6)",
            "field(A)",
            "field(D5)",
            "field(*)",
        ] {
            assert!(!fits(no), "{no}");
        }
    }

    #[test]
    fn not_binds_before_and_and_before_or() {
        for (filter, holds) in [
            ("not tag(slow)", false),
            ("not not tag(slow)", true),
            ("not(tag(slow))", false),
            ("tag(slow) and field(Z9)", false),
            ("tag(slow) or field(Z9) and field(Z9)", true),
            ("(tag(slow) or field(Z9)) and field(Z9)", false),
            ("not tag(x) and tag(slow)", true),
            ("not (tag(x) or tag(slow))", false),
            ("tag(x) or tag(y) or tag(slow)", true),
        ] {
            assert_eq!(fits(filter), holds, "{filter}");
        }
    }

    #[test]
    fn a_mistake_is_shown_with_a_caret_under_it() {
        let shown = Filter::parse("tag(slow) and nam(x)").unwrap_err();
        let expected = "error: unknown test `nam`\n --> --filter:1:15\n  |\n1 | tag(slow) and nam(x)\n  |               ^^^ did you mean `name`?\n";
        assert_eq!(shown, expected);
        for (wrong, place, says) in [
            ("", "1:1", "expected a test"),
            ("tag", "1:1", "`tag` needs a value"),
            ("tag(", "1:4", "not closed"),
            ("tag()", "1:4", "got nothing"),
            ("tag('a)", "1:5", "quote is not closed"),
            ("tag('a'b)", "1:4", "not closed"),
            ("(tag(a)", "1:1", "not closed"),
            ("tag(a))", "1:7", "no `(` is open"),
            ("tag(a) tag(b)", "1:8", "expected `and`"),
            ("tag(a) and", "1:11", "expected a test"),
            ("not", "1:4", "expected a test"),
            ("é(x)", "1:1", "unknown test `é`"),
            ("tag(a) | tag(b)", "1:8", "expected `and`"),
        ] {
            let shown = Filter::parse(wrong).unwrap_err();
            assert!(shown.contains(&format!("--filter:{place}\n")) && shown.contains(says), "{wrong}: {shown}");
        }
    }

    #[test]
    fn no_expression_overflows_or_panics() {
        for deep in ["(".repeat(2000), "not ".repeat(2000)] {
            assert!(Filter::parse(&deep).unwrap_err().contains("more than 64"));
        }
        assert!(Filter::parse(&format!("name({})", "*?".repeat(5000))).unwrap_err().contains("at most 10000"));
        let spice: Vec<char> = "()'\" notagndr*?é\u{0}\n".chars().collect();
        let mut state = 7_usize;
        for _ in 0..20_000 {
            let mut text = String::from("tag(");
            for _ in 0..12 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                text.push(spice[(state >> 33) % spice.len()]);
            }
            let _ = Filter::parse(&text);
        }
    }
}
