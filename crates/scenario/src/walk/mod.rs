//! A random walk over calls: from a seed a legal scenario, as the text of a scenario file. Its verbs are listed in `verbs`.
//!
//! Which verbs are legal in each moment is asked of the calls on paper ([`crate::file`]'s own check of a file's order), and each step is
//! read by the reader of scenario files. So the walk knows no rule of its own, and a verb is one line in `verbs`.

mod cluster;
mod dice;
mod verbs;

use std::fmt::Write as _;

use crate::file::Scenario;
use crate::file::paper::Paper;
use crate::file::steps;
use dice::Dice;

/// The fewest and the most steps before everybody hangs up.
const STEPS: (u64, u64) = (8, 30);
/// How often a step is looked for that can be taken now. The verbs that are always legal make it certain that one is found.
const TRIES: usize = 1000;

/// The scenario of a seed, as a file. The same seed gives the same text in every run of one version of this program.
#[must_use]
pub fn scenario(seed: u64) -> String {
    let mut dice = Dice::new(seed);
    let head = cluster::head(seed, &mut dice);
    let mut walk = Walk::begin(&head, &mut dice);
    for _ in 0..dice.between(STEPS.0, STEPS.1) {
        let step = (0..TRIES).find_map(|_| walk.take(&verbs::any(&walk.names, &mut dice)));
        walk.steps.extend(step);
    }
    walk.go_home(&mut dice);
    let mut text = head;
    for step in &walk.steps {
        // Writing to a String never fails.
        let _ = writeln!(text, "  - {step}");
    }
    if walk.paper.begun() == 0 {
        // A scenario in which nothing is to be recorded has to say so.
        text += "expect:\n  recordings: 0\n";
    }
    text
}

/// A scenario that grows.
struct Walk {
    scenario: Scenario,
    paper: Paper,
    names: Vec<String>,
    steps: Vec<String>,
}

impl Walk {
    /// A recorded phone is called and talks, so that there is something to compare whatever follows.
    fn begin(head: &str, dice: &mut Dice) -> Self {
        let (one, other) = (cluster::RECORDED, cluster::NAMES[1]);
        let (from, to) = if dice.one_in(2) { (one, other) } else { (other, one) };
        let opening = [format!("call: {{ from: {from}, to: {to} }}"), format!("answer: {to}"), "talk: 2s".to_owned()];
        let scenario = cluster::parse(head);
        let names = scenario.phones.iter().map(|phone| phone.name.clone()).collect();
        let mut walk = Self { paper: Paper::of(&scenario), scenario, names, steps: Vec::new() };
        for step in opening {
            let step = walk.take(&step);
            walk.steps.extend(step);
        }
        walk
    }

    /// Takes a step on paper, if it can be taken now; its text.
    fn take(&mut self, step: &str) -> Option<String> {
        let action = steps::read_one(step, &self.scenario)?;
        // A step that is refused may have moved half of the paper.
        let mut paper = self.paper.clone();
        paper.take(&action).ok()?;
        self.paper = paper;
        Some(step.to_owned())
    }

    /// Everybody hangs up; what nobody can hang up is taken up first.
    fn go_home(&mut self, dice: &mut Dice) {
        for _ in 0..TRIES {
            if self.paper.calls() == 0 {
                return;
            }
            let hung_up = self.names.clone().iter().find_map(|name| self.take(&format!("hang up: {name}")));
            let step = hung_up.or_else(|| self.take(&verbs::any(&self.names, dice)));
            self.steps.extend(step);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file;

    #[test]
    fn every_seed_gives_a_scenario_that_can_be_read() {
        for seed in 1..=300 {
            let text = scenario(seed);
            let read =
                file::parse(&text).map_err(|wrong| wrong.iter().map(|d| d.render("walk", &text)).collect::<String>());
            assert!(read.is_ok(), "seed {seed}: {}", read.unwrap_err());
            assert_eq!(text, scenario(seed), "seed {seed} says something else the second time");
        }
    }

    #[test]
    fn every_verb_is_walked() {
        let texts: Vec<String> = (1..=900).map(scenario).collect();
        for word in verbs::words() {
            assert!(texts.iter().any(|text| text.contains(&format!("  - {word}:"))), "no walk has the verb `{word}`");
        }
    }
}
