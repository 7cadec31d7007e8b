//! Every key of a scenario as a chapter of the documentation.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::words::Words;
use crate::file::shape::{Ask, Form, Mapping};

const HEAD: &str = "# Every key of a scenario\n
Made from the reader of scenario files and from the tables of [scenario.md](scenario.md), which tells more; `mixedmode schema scenario` says
the same to editors. A key in **bold** must be there.\n";

/// The chapter, in Markdown: a table for each mapping, in the order in which they are met.
#[must_use]
pub fn keys() -> String {
    let mut out = HEAD.to_owned();
    let form = super::scenario_form();
    tables(&form, &super::words::of_scenarios(), &mut BTreeSet::new(), &mut out);
    out
}

fn tables(form: &Form, words: &Words, seen: &mut BTreeSet<&'static str>, out: &mut String) {
    if let Some(mapping) = &form.mapping {
        if !mapping.what.is_empty() && seen.insert(mapping.what) {
            table(mapping, words, out);
        }
        for (.., form) in &mapping.keys {
            tables(form, words, seen, out);
        }
    }
    for form in form.names.iter().chain(&form.items) {
        tables(form, words, seen, out);
    }
}

fn table(mapping: &Mapping, words: &Words, out: &mut String) {
    let _ = write!(out, "\n## {}\n\n", sentence(mapping.what));
    if mapping.one {
        out.push_str("Exactly one of these.\n\n");
    }
    out.push_str("| key | takes | is |\n|---|---|---|\n");
    for (key, needed, form) in &mapping.keys {
        let key_shown = if *needed { format!("**`{key}`**") } else { format!("`{key}`") };
        let told = words.of(mapping.what, key).map(|told| told.is.clone()).unwrap_or_default();
        // Links are to headings of the other chapter.
        let told = told.replace("](#", "](scenario.md#");
        let _ = writeln!(out, "| {key_shown} | {} | {told} |", takes(form));
    }
}

/// What may stand there, in words.
pub(super) fn takes(form: &Form) -> String {
    let mut any: Vec<String> = form.scalars.iter().filter_map(scalar).collect();
    any.extend(form.mapping.as_ref().map(|mapping| match mapping.what {
        "" => {
            let keys: Vec<&str> = mapping.keys.iter().map(|(key, ..)| *key).collect();
            format!("`{{ {}: … }}`", keys.join(": …, "))
        }
        what => format!("[{what}](#{})", anchor(what)),
    }));
    any.extend(form.names.as_ref().map(|values| format!("by name: {}", takes(values))));
    let is_told = |items: &Form| items.scalars == form.scalars && !any.is_empty();
    if let Some(items) = &form.items {
        any.push(if is_told(items) { "a list of such".to_owned() } else { format!("a list of {}", takes(items)) });
    }
    any.join(", or ")
}

fn scalar(ask: &Ask) -> Option<String> {
    Some(match ask {
        Ask::Text => "text".to_owned(),
        Ask::Flag => "`true`, `false`".to_owned(),
        Ask::Number(low, high) => format!("{low} to {high}"),
        Ask::Share => "a share such as `2%`".to_owned(),
        Ask::Duration => "a duration such as `10s`".to_owned(),
        Ask::Word(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        _ => return None,
    })
}

fn sentence(what: &str) -> String {
    let mut chars = what.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

fn anchor(what: &str) -> String {
    what.to_lowercase().replace(' ', "-").replace('\'', "")
}
