//! Names of recordings: `*` and `?` within a name, `**` over folders, `{date}` for a date, `{time}` for a time.
//!
//! What the wildcards stood for is kept, since it tells which near file belongs to which far file.

use std::collections::{BTreeMap, BTreeSet};

use super::template::{Piece, Template};

/// A pattern with its places filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob {
    tokens: Vec<Token>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Char(char),
    /// `?`
    One,
    /// `*`
    Some,
    /// `**`, or `**/` with the slash.
    Deep,
    /// `{date}`
    Date,
    /// `{time}`
    Time,
}

impl Glob {
    /// The pattern of `template` with its places filled in from `values`; a place without a value fits any text
    /// without a slash.
    pub(crate) fn new(template: &Template, values: &BTreeMap<&'static str, String>) -> Self {
        let mut tokens = Vec::new();
        for piece in template.pieces() {
            match piece {
                Piece::Text(text) => wild(text, &mut tokens),
                Piece::Place("date") => tokens.push(Token::Date),
                Piece::Place("time") => tokens.push(Token::Time),
                Piece::Place(name) => match values.get(name) {
                    Some(value) => tokens.extend(value.chars().map(Token::Char)),
                    None => tokens.push(Token::Some),
                },
            }
        }
        Self { tokens }
    }

    /// A pattern without places.
    pub(crate) fn plain(pattern: &str) -> Self {
        let mut tokens = Vec::new();
        wild(pattern, &mut tokens);
        Self { tokens }
    }

    /// Whether nothing but one name fits.
    pub(crate) fn is_plain(&self) -> bool {
        self.tokens.iter().all(|token| matches!(token, Token::Char(_)))
    }

    /// Whether `path`, which is relative and has `/` between its parts, fits.
    pub(crate) fn fits(&self, path: &str) -> bool {
        self.captures(path).is_some()
    }

    /// What the wildcards stand for in `path`, which is relative and has `/` between its parts; `None` where it does
    /// not fit.
    pub(crate) fn captures(&self, path: &str) -> Option<Vec<String>> {
        let path: Vec<char> = path.chars().collect();
        let mut fit = Fit::default();
        fit.fits(&self.tokens, &path).then(|| {
            fit.captures.reverse();
            fit.captures
        })
    }
}

fn wild(text: &str, tokens: &mut Vec<Token>) {
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.next_if_eq(&'*').is_some() => {
                chars.next_if_eq(&'/');
                tokens.push(Token::Deep);
            }
            '*' => tokens.push(Token::Some),
            '?' => tokens.push(Token::One),
            c => tokens.push(Token::Char(c)),
        }
    }
}

/// One attempt to fit a pattern to a path.
#[derive(Default)]
struct Fit {
    /// What the wildcards stood for, last first.
    captures: Vec<String>,
    /// What is left of pattern and path where they are known not to fit: keeps the time polynomial.
    hopeless: BTreeSet<(usize, usize)>,
}

impl Fit {
    fn fits(&mut self, tokens: &[Token], path: &[char]) -> bool {
        let Some((token, rest)) = tokens.split_first() else { return path.is_empty() };
        if self.hopeless.contains(&(tokens.len(), path.len())) {
            return false;
        }
        let fit = match token {
            Token::Char(c) => path.first() == Some(c) && self.fits(rest, &path[1..]),
            Token::One => path.first().is_some_and(|c| *c != '/') && self.fits(rest, &path[1..]),
            Token::Date => {
                let date = |length: &usize| path.get(..*length).is_some_and(is_date);
                [10, 8].into_iter().filter(date).any(|length| self.fits(rest, &path[length..]))
            }
            Token::Time => {
                let time = |length: &usize| path.get(..*length).is_some_and(is_time);
                [8, 6].into_iter().filter(time).any(|length| self.fits(rest, &path[length..]))
            }
            Token::Some => {
                let most = path.iter().position(|c| *c == '/').unwrap_or(path.len());
                (0..=most).rev().any(|taken| self.take(rest, path, taken))
            }
            Token::Deep => {
                // Nothing, or whole folders; at the end of a pattern anything.
                let whole = |taken: &usize| *taken == 0 || rest.is_empty() || path[*taken - 1] == '/';
                (0..=path.len()).rev().filter(whole).any(|taken| self.take(rest, path, taken))
            }
        };
        if !fit {
            self.hopeless.insert((tokens.len(), path.len()));
        }
        fit
    }

    fn take(&mut self, rest: &[Token], path: &[char], taken: usize) -> bool {
        let fit = self.fits(rest, &path[taken..]);
        if fit {
            self.captures.push(path[..taken].iter().collect());
        }
        fit
    }
}

/// `2026-05-31` or `20260531`.
fn is_date(text: &[char]) -> bool {
    let dashes = text.len() == 10;
    text.iter().enumerate().all(|(at, c)| if dashes && (at == 4 || at == 7) { *c == '-' } else { c.is_ascii_digit() })
}

/// `10:15:00`, `10-15-00`, `10_15_00` or `101500`.
fn is_time(text: &[char]) -> bool {
    let parted = text.len() == 8;
    let fits = |(at, c): (usize, &char)| match parted && (at == 2 || at == 5) {
        true => matches!(c, ':' | '-' | '_') && text[2] == text[5],
        false => c.is_ascii_digit(),
    };
    text.iter().enumerate().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, path: &str, expected: Option<&[&str]>) {
        let template = Template::parse(pattern, &["refci", "date", "time", "call_id"]).unwrap();
        let values = BTreeMap::from([("refci", "77*".to_owned())]);
        let got = Glob::new(&template, &values).captures(path);
        let expected = expected.map(|all| all.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
        assert_eq!(got, expected, "{pattern} on {path}");
    }

    #[test]
    fn wildcards_stay_within_a_name_and_double_ones_do_not() {
        check("*.wav", "a.wav", Some(&["a"]));
        check("*.wav", "b/a.wav", None);
        check("**/*.wav", "a.wav", Some(&["", "a"]));
        check("**/*.wav", "b/c/a.wav", Some(&["b/c/", "a"]));
        check("x/**", "x/b/c", Some(&["b/c"]));
        check("?.wav", "ab.wav", None);
        check("**/a.wav", "ba.wav", None);
    }

    #[test]
    fn what_is_filled_in_is_no_wildcard_and_what_is_not_fits_all() {
        check("{refci}.wav", "77*.wav", Some(&[]));
        check("{refci}.wav", "77x.wav", None);
        check("{call_id}-near.wav", "abc@192.0.2.1-near.wav", Some(&["abc@192.0.2.1"]));
    }

    #[test]
    fn a_pattern_of_many_wildcards_takes_no_time() {
        check(&"*a".repeat(40), &"a".repeat(39).repeat(5).replace("a", "b"), None);
        check(&format!("{}c", "*a".repeat(30)), &"a".repeat(250), None);
    }

    #[test]
    fn a_date_is_a_date() {
        check("{date}/a", "2026-05-31/a", Some(&[]));
        check("{date}/a", "20260531/a", Some(&[]));
        check("{date}/a", "2026-5-31/a", None);
    }

    #[test]
    fn a_time_is_a_time() {
        for time in ["101500", "10-15-00", "10:15:00", "10_15_00"] {
            check("{time}.wav", &format!("{time}.wav"), Some(&[]));
        }
        for other in ["10-15:00", "10-15", "1015", "1015000"] {
            check("{time}.wav", &format!("{other}.wav"), None);
        }
    }
}
