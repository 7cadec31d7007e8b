//! `mixedmode walk`.

use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Instant;

use scenario::outcome::Verdict;
use scenario::run::{Item, Live, Network, Options, Tries};
use scenario::under_test::UnderTest;

use crate::args::Walk;
use crate::exit::Exit;
use crate::progress::{Screen, Style};

pub(crate) fn walk(args: &Walk, out: &mut (impl Write + Send), err: &mut (impl Write + Send)) -> io::Result<Exit> {
    if args.print {
        for seed in args.seeds.clone() {
            write!(out, "{}", scenario::walk::scenario(seed))?;
        }
        return Ok(Exit::Pass);
    }
    let (items, unreadable) = items(args.seeds.clone(), scenario::walk::scenario);
    for mistakes in &unreadable {
        writeln!(err, "{mistakes}")?;
    }
    let seeds: Vec<u64> = items.iter().map(|(seed, _)| *seed).collect();
    let items: Vec<Item> = items.into_iter().map(|(_, item)| item).collect();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let options = Options {
        network: Network::Simulated,
        seed: 1,
        jobs: args.jobs.map_or(cores, usize::from),
        pcapng: None,
        keep: None,
        under_test: UnderTest::Bundled,
        bystander: None,
        evidence: false,
        tries: Tries::default(),
    };
    let (began, live) = (Instant::now(), Arc::<Live>::default());
    let screen = Screen::new(out, Style::default(), &live, items.len());
    let outcome = screen.during(|| scenario::run::run(items, &options, &live, |ended| screen.show(ended)));
    drop(screen);
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            writeln!(err, "error: {error}")?;
            return Ok(Exit::Setup);
        }
    };
    let failed = seeds.into_iter().zip(&outcome.scenarios).filter(|(_, ended)| ended.verdict != Verdict::Pass);
    for (seed, _) in failed {
        writeln!(out, "\n# {}: save it under this name to replay it\n{}", name(seed), scenario::walk::scenario(seed))?;
    }
    write!(out, "{}", report::terminal::summary(&outcome, began.elapsed()))?;
    Ok(match Exit::of(&outcome) {
        Exit::Pass if !unreadable.is_empty() => Exit::BadFile,
        exit => exit,
    })
}

/// The scenarios of these seeds; of those whose file cannot be read, the mistakes. The others are run all the same.
fn items(seeds: RangeInclusive<u64>, text_of: impl Fn(u64) -> String) -> (Vec<(u64, Item)>, Vec<String>) {
    let (mut items, mut unreadable) = (Vec::new(), Vec::new());
    for seed in seeds {
        let (file, text) = (name(seed), text_of(seed));
        match scenario::file::parse(&text) {
            Ok(scenario) => items.push((seed, Item { file, scenario })),
            Err(wrong) => unreadable.push(wrong.iter().map(|mistake| mistake.render(&file, &text)).collect()),
        }
    }
    (items, unreadable)
}

/// The file of a seed: tags and keys are drawn from its name too.
fn name(seed: u64) -> String {
    format!("walk-{seed}.yaml")
}

/// `7`, or `1..100` with both ends.
pub(crate) fn seeds(text: &str) -> Result<RangeInclusive<u64>, String> {
    let expected = || format!("got {text:?}, expected a seed or a range such as 1..100");
    let number = |text: &str| text.parse::<u64>().map_err(|_| expected());
    let (first, last) = match text.split_once("..") {
        Some((first, last)) => (number(first)?, number(last.trim_start_matches('='))?),
        None => (number(text)?, number(text)?),
    };
    match last.checked_sub(first) {
        Some(span) if span < MOST => Ok(first..=last),
        Some(_) => Err(format!("got {text:?}, expected at most {MOST} seeds")),
        None => Err(expected()),
    }
}

/// The most seeds of one run: all outcomes are held until its end.
const MOST: u64 = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_whose_file_cannot_be_read_keeps_no_other_one_from_its_run() {
        let text = |seed| if seed == 2 { "scenario: x".to_owned() } else { scenario::walk::scenario(seed) };
        let (items, unreadable) = items(1..=3, text);
        assert_eq!(items.iter().map(|(seed, _)| *seed).collect::<Vec<_>>(), [1, 3]);
        assert!(matches!(unreadable.as_slice(), [mistake] if mistake.contains("walk-2.yaml")), "{unreadable:?}");
    }

    #[test]
    fn seeds_are_one_or_a_range_with_both_ends() {
        assert_eq!(seeds("7"), Ok(7..=7));
        assert_eq!(seeds("1..100"), Ok(1..=100));
        assert_eq!(seeds("1..=3"), Ok(1..=3));
        for wrong in ["", "a", "3..1", "1..", "1..100001", "-1"] {
            assert!(seeds(wrong).is_err(), "{wrong}");
        }
    }
}
