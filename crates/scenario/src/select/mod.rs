//! Which scenarios of those that were named a run is about.

mod filter;
mod labels;
mod last;
mod shard;
mod watch;

pub use filter::Filter;
pub use labels::Labels;
pub use last::{Last, LastError};
pub use shard::Shard;
pub use watch::watch;

use serde::Serialize;

use crate::run::Item;

/// What is asked of the scenarios that were named; all of it must hold.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// What they must be called, lie in, be tagged with or provoke.
    pub filter: Option<Filter>,
    /// Those that did not pass when they were last run, by file.
    pub failed: Option<Vec<String>>,
    /// A share of them.
    pub shard: Option<Shard>,
}

/// Why nothing is left to run. This is never a pass: a slip in an expression would otherwise hide every failure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NothingLeft {
    /// The filter fits none.
    #[error("the filter `{filter}` fits none of {of} scenarios; `mixedmode list --json` shows their names and tags")]
    Filter {
        /// As it was written.
        filter: String,
        /// How many there were.
        of: usize,
    },
    /// None of them failed.
    #[error("none of {of} scenarios failed when it was last run: there is nothing to run again")]
    LastFailed {
        /// How many there were.
        of: usize,
    },
    /// Others run all of them.
    #[error("shard {shard} has none of {of} scenarios: all belong to other shards, so fewer are enough")]
    Shard {
        /// Which shard.
        shard: Shard,
        /// How many there were.
        of: usize,
    },
}

impl Selection {
    /// The scenarios that it is about, in their order.
    ///
    /// # Errors
    /// The part of the selection that left none.
    pub fn of(&self, mut items: Vec<Item>) -> Result<Vec<Item>, NothingLeft> {
        if let Some(filter) = &self.filter {
            let of = items.len();
            items.retain(|item| filter.fits(item));
            some(items.len(), || NothingLeft::Filter { filter: filter.text().to_owned(), of })?;
        }
        if let Some(failed) = &self.failed {
            let of = items.len();
            items.retain(|item| failed.contains(&item.file));
            some(items.len(), || NothingLeft::LastFailed { of })?;
        }
        if let Some(shard) = self.shard {
            let of = items.len();
            items.retain(|item| shard.has(&item.file));
            some(items.len(), || NothingLeft::Shard { shard, of })?;
        }
        Ok(items)
    }
}

fn some(left: usize, nothing: impl FnOnce() -> NothingLeft) -> Result<(), NothingLeft> {
    if left == 0 { Err(nothing()) } else { Ok(()) }
}

/// What `mixedmode list --json` shows of a scenario.
#[derive(Serialize)]
struct Listed<'a> {
    file: &'a str,
    title: &'a str,
    #[serde(flatten)]
    labels: Labels,
}

/// What there is, as JSON: file, title and labels of each.
///
/// # Errors
/// None that is known: nothing of it has no form in JSON.
pub fn listed(items: &[Item]) -> serde_json::Result<String> {
    let all = items.iter().map(|Item { file, scenario }| Listed {
        file,
        title: &scenario.title,
        labels: Labels::of(scenario),
    });
    serde_json::to_string_pretty(&all.collect::<Vec<_>>())
}

/// All items `times` over: the whole run again and again, not each item in a row, so that what one leaves behind meets
/// the others.
#[must_use]
pub fn repeat(items: Vec<Item>, times: usize) -> Vec<Item> {
    let len = items.len().saturating_mul(times);
    items.into_iter().cycle().take(len).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The plain call under another name, with `head` before it.
    pub(crate) fn item(file: &str, head: &str) -> Item {
        let text = format!("{head}{}", include_str!("../../../../scenarios/plain-call.yaml"));
        Item { file: file.to_owned(), scenario: crate::file::parse(&text).unwrap() }
    }

    fn files(items: &[Item]) -> Vec<&str> {
        items.iter().map(|item| item.file.as_str()).collect()
    }

    fn three() -> Vec<Item> {
        ["a.yaml", "b.yaml", "hold/c.yaml"].map(|file| item(file, "")).into()
    }

    #[test]
    fn what_leaves_nothing_is_told_and_nothing_else_is_lost() {
        let all = Selection::default().of(three()).unwrap();
        assert_eq!(files(&all), ["a.yaml", "b.yaml", "hold/c.yaml"]);
        let filter = Some(Filter::parse("folder(hold)").unwrap());
        let held = Selection { filter: filter.clone(), ..Selection::default() };
        assert_eq!(files(&held.of(three()).unwrap()), ["hold/c.yaml"]);
        let none = Selection { filter: Some(Filter::parse("name(x)").unwrap()), ..Selection::default() };
        assert_eq!(none.of(three()).unwrap_err(), NothingLeft::Filter { filter: "name(x)".into(), of: 3 });
        let failed = |file: &str| Selection { failed: Some(vec![file.to_owned()]), filter: None, shard: None };
        assert_eq!(files(&failed("b.yaml").of(three()).unwrap()), ["b.yaml"]);
        assert_eq!(failed("gone.yaml").of(three()).unwrap_err(), NothingLeft::LastFailed { of: 3 });
        let both = Selection { filter, ..failed("b.yaml") };
        assert_eq!(both.of(three()).unwrap_err(), NothingLeft::LastFailed { of: 1 });
        let one = vec![item("a.yaml", "")];
        let empty = (1..=9).map(|index| Selection { shard: Shard::new(index, 9), ..Selection::default() });
        assert_eq!(empty.filter(|shard| shard.of(one.clone()).is_err()).count(), 8);
    }

    #[test]
    fn a_repeated_run_is_the_whole_run_again() {
        let again = repeat(three(), 2);
        assert_eq!(files(&again), ["a.yaml", "b.yaml", "hold/c.yaml", "a.yaml", "b.yaml", "hold/c.yaml"]);
    }
}
