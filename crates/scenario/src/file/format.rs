//! One way to write scenario files: indentation, spaces within braces, phones below each other. Comments stay where they are, and what
//! a file says stays the same: a layout that would change it is not taken.

use std::iter::Peekable;

use super::diagnostic::Diagnostic;
use super::tree::{self, Node, Value};

/// Columns of a level.
const STEP: usize = 2;

/// The text of a scenario file in the usual layout. The result formatted again is itself.
///
/// # Errors
/// Every mistake, where the text is not the YAML of a scenario. Whether the scenario makes sense is not looked at.
pub fn format(text: &str) -> Result<String, Vec<Diagnostic>> {
    let meant = tree::parse(text)?;
    let unchanged = |text: &String| tree::parse(text).is_ok_and(|tree| same(&tree, &meant));
    // Each layer only where it leaves the meaning alone: what is beyond us stays as its author wrote it.
    let mut best = text.to_owned();
    for layer in [tidied, indented, spaced, aligned] {
        let next = layer(&best);
        if unchanged(&next) {
            best = next;
        }
    }
    Ok(best)
}

/// Whether two trees say the same, wherever it stands.
fn same(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Value::Scalar { .. }, Value::Scalar { .. }) => a.value == b.value,
        (Value::Sequence(a), Value::Sequence(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Mapping(a), Value::Mapping(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((key, a), (other, b))| key.name == other.name && same(a, b))
        }
        _ => false,
    }
}

/// What a line is to the layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Blank,
    Comment,
    /// A key, an item, a value.
    Content,
    /// Begins within brackets that were opened above.
    InFlow,
    /// Begins within quotes or a block of text: not ours.
    InText,
}

/// Where a scan of the text stands: what is open at the end of a line.
#[derive(Default)]
struct Open {
    depth: usize,
    quote: Option<char>,
    /// A block of text belongs to a line of this indentation.
    block: Option<usize>,
}

/// A character with what it is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Plain,
    /// Outside of quotes in brackets, brackets included.
    Flow,
    Quoted,
    Comment,
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// Each line with its kind, and each of its characters with what it is part of.
fn lines(text: &str) -> Vec<(&str, Kind, Vec<Part>)> {
    let mut open = Open::default();
    text.lines().map(|line| read_line(line, &mut open)).collect()
}

fn read_line<'a>(line: &'a str, open: &mut Open) -> (&'a str, Kind, Vec<Part>) {
    let begin = line.trim_start();
    if let Some(owner) = open.block {
        if begin.is_empty() || indentation(line) > owner {
            return (line, Kind::InText, vec![Part::Quoted; line.chars().count()]);
        }
        open.block = None;
    }
    let kind = match (open.quote, open.depth) {
        (Some(_), _) => Kind::InText,
        (None, 1..) => Kind::InFlow,
        _ if begin.is_empty() => Kind::Blank,
        _ if begin.starts_with('#') => Kind::Comment,
        _ => Kind::Content,
    };
    let parts = parts(line, open);
    let content = line.chars().zip(&parts).filter(|(_, part)| **part != Part::Comment);
    let content: String = content.map(|(c, _)| c).collect();
    let last = content.trim_end().rsplit([' ', '\t']).next().unwrap_or_default();
    let is_block = |word: &str| word.starts_with(['|', '>']) && word[1..].chars().all(|c| "+-123456789".contains(c));
    if kind == Kind::Content && is_block(last) && open.depth == 0 {
        open.block = Some(indentation(line));
    }
    (line, kind, parts)
}

/// What each character of a line is part of; leaves open what the line leaves open.
fn parts(line: &str, open: &mut Open) -> Vec<Part> {
    let mut parts = Vec::new();
    // Whether a value may begin here: brackets and quotes within a plain text are part of it.
    let mut fresh = true;
    let mut before = ' ';
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied().unwrap_or(' ');
        let mut part = if open.depth > 0 { Part::Flow } else { Part::Plain };
        match (open.quote, c) {
            (Some('"'), '\\') => {
                parts.push(Part::Quoted);
                before = chars.next().unwrap_or(' ');
                parts.push(Part::Quoted);
                continue;
            }
            (Some(quote), _) => {
                part = Part::Quoted;
                if c == quote && quote == '\'' && next == '\'' {
                    parts.push(Part::Quoted);
                    chars.next();
                } else if c == quote {
                    open.quote = None;
                }
            }
            (None, '"' | '\'') if fresh => (open.quote, part) = (Some(c), Part::Quoted),
            (None, '#') if before.is_whitespace() => {
                parts.resize(line.chars().count(), Part::Comment);
                return parts;
            }
            (None, '{' | '[') if fresh || open.depth > 0 => (open.depth, part) = (open.depth + 1, Part::Flow),
            (None, '}' | ']') if open.depth > 0 => open.depth -= 1,
            _ => {}
        }
        let separates = open.quote.is_none()
            && (c == ' ' && fresh
                || matches!(c, ':' | '-') && next == ' '
                || open.depth > 0 && matches!(c, '{' | '[' | ','));
        fresh = separates || c == ' ' && matches!(before, ':' | '-') && fresh;
        before = c;
        parts.push(part);
    }
    parts
}

/// No blanks at the ends of lines, no two empty lines, none at either end.
fn tidied(text: &str) -> String {
    let mut out: Vec<&str> = Vec::new();
    let text = text.trim_start_matches('\u{feff}');
    for (line, kind, _) in lines(text) {
        let line = if kind == Kind::InText { line.trim_end_matches('\r') } else { line.trim_end() };
        if kind != Kind::Blank || out.last().is_some_and(|last| !last.is_empty()) {
            out.push(line);
        }
    }
    while out.last().is_some_and(|last| last.trim().is_empty()) {
        out.pop();
    }
    out.join("\n") + "\n"
}

/// A level of a file: its column as written and as it will be, and whether it is of items.
#[derive(Clone, Copy)]
struct Level {
    was: usize,
    is: usize,
    items: bool,
}

/// Every level two columns deeper than the one that it belongs to.
fn indented(text: &str) -> String {
    let all = lines(text);
    let mut levels: Vec<Level> = Vec::new();
    let mut out: Vec<String> = vec![String::new(); all.len()];
    let mut shifts = vec![(0, 0); all.len()];
    for (number, (line, kind, _)) in all.iter().enumerate() {
        match kind {
            Kind::Content => {
                let was = indentation(line);
                out[number] = indent(line.trim_start(), was, &mut levels);
                shifts[number] = (was, indentation(&out[number]));
            }
            Kind::InFlow => {
                let (was, is) = number.checked_sub(1).map_or((0, 0), |before| shifts[before]);
                shifts[number] = (was, is);
                out[number] = moved(line, was, is);
            }
            Kind::InText => out[number] = (*line).to_owned(),
            Kind::Blank | Kind::Comment => {}
        }
    }
    // A comment stands with what follows it, unless it was written as the end of what is before it.
    let content = |number: &usize| all[*number].1 == Kind::Content;
    for (number, (line, _, _)) in all.iter().enumerate().filter(|(_, (_, kind, _))| *kind == Kind::Comment) {
        let own = indentation(line);
        let before = (0..number).rev().find(content);
        let after = (number + 1..all.len()).find(content);
        let with = match (before, after) {
            (Some(before), Some(after)) if shifts[after].0 != own && shifts[before].0 == own => Some(before),
            (Some(before), None) if own > 0 => Some(before),
            (_, after) => after,
        };
        let column = with.map_or(0, |with| shifts[with].1);
        out[number] = format!("{}{}", " ".repeat(column), line.trim_start());
    }
    out.join("\n") + "\n"
}

/// A line within brackets, moved with the line that opened them.
fn moved(line: &str, was: usize, is: usize) -> String {
    let column = (indentation(line) + is).saturating_sub(was);
    format!("{}{}", " ".repeat(column), line.trim_start())
}

/// A line of content at the column of its level; opens and closes levels.
fn indent(body: &str, was: usize, levels: &mut Vec<Level>) -> String {
    let items = body == "-" || body.starts_with("- ");
    while levels.last().is_some_and(|level| level.was > was || level.was == was && level.items && !items) {
        levels.pop();
    }
    let is = match levels.last() {
        Some(level) if level.was == was && level.items == items => level.is,
        level => {
            let is = level.map_or(0, |level| level.is + STEP);
            levels.push(Level { was, is, items });
            is
        }
    };
    let spaces = " ".repeat(is);
    let Some(rest) = body.strip_prefix("- ") else { return format!("{spaces}{body}") };
    // What follows a dash is a level of its own.
    let inner = rest.trim_start();
    let column = was + body.len() - inner.len();
    let inner = indent(inner, column, levels);
    format!("{spaces}- {}", inner.trim_start())
}

/// `{ a: 1, b: [2, 3] }`, and one space behind a colon.
fn spaced(text: &str) -> String {
    let spaced = |(line, kind, parts): (&str, Kind, Vec<Part>)| match kind {
        Kind::Content | Kind::InFlow => space(line, &parts),
        Kind::Blank | Kind::Comment | Kind::InText => line.to_owned(),
    };
    lines(text).into_iter().map(spaced).collect::<Vec<_>>().join("\n") + "\n"
}

fn space(line: &str, parts: &[Part]) -> String {
    let begin = indentation(line);
    let mut out = " ".repeat(begin);
    let mut chars = line.chars().zip(parts).skip(begin).peekable();
    let mut is_key = true;
    while let Some((c, part)) = chars.next() {
        let flow = *part == Part::Flow;
        match c {
            '{' if flow => {
                out.push('{');
                skip(&mut chars);
                if chars.peek().is_some_and(|(c, _)| *c != '}') {
                    out.push(' ');
                }
            }
            '[' if flow => {
                out.push('[');
                skip(&mut chars);
            }
            '}' if flow => {
                trim(&mut out, begin);
                if !out.ends_with('{') && out.len() > begin {
                    out.push(' ');
                }
                out.push('}');
            }
            ']' if flow => {
                trim(&mut out, begin);
                out.push(']');
            }
            ',' if flow => {
                trim(&mut out, begin);
                out.push(',');
                skip(&mut chars);
                if chars.peek().is_some() {
                    out.push(' ');
                }
            }
            ':' if (flow || is_key && *part == Part::Plain) && chars.peek().is_some_and(|(c, _)| *c == ' ') => {
                is_key = false;
                out.push(':');
                skip(&mut chars);
                if chars.peek().is_some() {
                    out.push(' ');
                }
            }
            _ => out.push(c),
        }
    }
    out
}

/// Passes over blanks.
fn skip<'a>(chars: &mut Peekable<impl Iterator<Item = (char, &'a Part)>>) {
    while chars.next_if(|(c, part)| *c == ' ' && matches!(part, Part::Flow | Part::Plain)).is_some() {}
}

/// Takes the blanks off the end, but not the indentation.
fn trim(out: &mut String, begin: usize) {
    while out.len() > begin && out.ends_with(' ') {
        out.pop();
    }
}

/// The values of neighbours below each other, where all of them are in braces.
fn aligned(text: &str) -> String {
    let all = lines(text);
    let mut out: Vec<String> = all.iter().map(|(line, ..)| (*line).to_owned()).collect();
    let mut at = 0;
    while at < all.len() {
        let Some((column, _)) = in_braces(&all[at]) else {
            at += 1;
            continue;
        };
        let with = |line: &(&str, Kind, Vec<Part>)| in_braces(line).filter(|(own, _)| *own == column);
        let lengths: Vec<usize> = all[at..].iter().map_while(with).map(|(_, length)| length).collect();
        // A neighbour of another kind keeps them as they are.
        let next = all.get(at + lengths.len()).filter(|(_, kind, _)| *kind == Kind::Content);
        let is_alone = next.is_none_or(|(line, ..)| indentation(line) != column);
        let before = at.checked_sub(1).map(|before| &all[before]).filter(|(_, kind, _)| *kind == Kind::Content);
        let begins = before.is_none_or(|(line, ..)| indentation(line) != column);
        let longest = lengths.iter().max().copied().unwrap_or(0);
        if column > 0 && is_alone && begins {
            for (number, length) in lengths.iter().enumerate() {
                let line = &all[at + number].0;
                let (key, value) = line.split_at(column + length);
                out[at + number] = format!("{key}{}{}", " ".repeat(longest - length + 1), value.trim_start());
            }
        }
        at += lengths.len().max(1);
    }
    out.join("\n") + "\n"
}

/// The column of a line `key: { … }` and the length of its key with the colon.
fn in_braces((line, kind, _): &(&str, Kind, Vec<Part>)) -> Option<(usize, usize)> {
    let (column, body) = (indentation(line), line.trim_start());
    let colon = body.find(": ")?;
    let is_fit = *kind == Kind::Content && !body.starts_with("- ") && !body.starts_with(['"', '\'']);
    (is_fit && body[colon + 1..].trim_start().starts_with('{')).then_some((column, colon + 1))
}

#[cfg(test)]
mod tests;
