//! A random walk over calls: from a seed a legal scenario, as the text of a scenario file. Its verbs are listed in `verbs`.
//!
//! Which verbs are legal in each moment is asked of the calls on paper ([`crate::file`]'s own check of a file's order), and each step is
//! read by the reader of scenario files. So the walk knows no rule of its own, and a verb is one line in `verbs`.

mod cluster;
mod dice;
mod verbs;

use std::fmt::Write as _;

use phone::PhoneState;

use crate::file::Scenario;
use crate::file::paper::Paper;
use crate::file::steps;
use dice::Dice;

/// The fewest and the most steps before everybody hangs up.
const STEPS: (u64, u64) = (8, 30);
/// How often a step is looked for that can be taken now. Where none is, somebody has parked a call and nobody can
/// say whether it is back.
const TRIES: usize = 1000;

/// Behind this what is parked is certainly back where it came from.
const BEYOND_DOUBT: &str = "wait: 1m";
/// So many steps are taken back where nobody gets home.
const TAKEN_BACK: usize = 5;
/// For so long every recording lasts.
const HEARD: &str = "talk: 200ms";
/// Behind each of these a recorder has ended what a dead node left: nobody refreshed its sessions. Behind one nobody may be able to say where
/// phones are registered.
const LOST: [&str; 2] = ["wait: 100s", "wait: 4m"];
/// After how many of them those who go home wait.
const PATIENCE: usize = 50;

/// The scenario of a seed, as a file. The same seed gives the same text in every run of one version of this program.
#[must_use]
pub fn scenario(seed: u64) -> String {
    let mut dice = Dice::new(seed);
    let head = cluster::head(seed, &mut dice);
    let mut walk = Walk::begin(&head, &mut dice);
    for _ in 0..dice.between(STEPS.0, STEPS.1) {
        let step = (0..TRIES).find_map(|_| walk.take(&verbs::any(&walk.names, &mut dice)));
        let step = step.or_else(|| walk.take(BEYOND_DOUBT));
        walk.go(step);
    }
    walk.go_home(&mut dice);
    if walk.has_failed() {
        let patience = LOST.iter().find_map(|wait| walk.take(wait));
        walk.steps.extend(patience);
    }
    let mut text = head;
    for step in &walk.steps {
        // Writing to a String never fails.
        let _ = writeln!(text, "  - {step}");
    }
    text += &expectations(&walk);
    text
}

/// What differs from a plain pass.
fn expectations(walk: &Walk) -> String {
    let mut wanted = String::new();
    if walk.paper.begun() == 0 {
        // A scenario in which nothing is to be recorded has to say so.
        wanted += "  recordings: 0\n";
    }
    if walk.scenario.phones.iter().all(|phone| !phone.encrypted) {
        wanted += "  media: RTP\n";
    }
    if wanted.is_empty() { wanted } else { format!("expect:\n{wanted}") }
}

/// A scenario that grows.
struct Walk {
    scenario: Scenario,
    paper: Paper,
    names: Vec<String>,
    steps: Vec<String>,
    /// How many recordings have something to compare.
    heard: usize,
    /// What it was before each of its steps.
    before: Vec<Moment>,
}

/// A walk as it was: where the calls were, how many steps there were, and how many recordings had something to compare.
type Moment = (Paper, usize, usize);

impl Walk {
    /// A recorded phone is called and talks, so that there is something to compare whatever follows.
    fn begin(head: &str, dice: &mut Dice) -> Self {
        let (one, other) = (cluster::RECORDED, cluster::NAMES[1]);
        let (from, to) = if dice.one_in(2) { (one, other) } else { (other, one) };
        let opening = [format!("call: {{ from: {from}, to: {to} }}"), format!("answer: {to}"), "talk: 2s".to_owned()];
        let scenario = cluster::parse(head);
        let names = scenario.everybody().map(|party| party.name.clone()).collect();
        let mut walk =
            Self { paper: Paper::of(&scenario), scenario, names, steps: Vec::new(), heard: 0, before: Vec::new() };
        for step in opening {
            let step = walk.take(&step);
            walk.go(step);
        }
        walk
    }

    /// Takes a step on paper, if it can be taken now, or several, one a line; their text as items of a list.
    fn take(&mut self, steps: &str) -> Option<String> {
        // What a recorder does to dialogs of which CUCM knows nothing any more is another scenario.
        if steps.starts_with("recorder ") && self.has_failed() {
            return None;
        }
        // A step that is refused may have moved half of the paper.
        let mut paper = self.paper.clone();
        for step in steps.lines() {
            paper.take(&steps::read_one(step, &self.scenario)?).ok()?;
        }
        let before = std::mem::replace(&mut self.paper, paper);
        self.before.push((before, self.steps.len(), self.heard));
        Some(steps.replace('\n', "\n  - "))
    }

    /// Whether a node has died.
    fn has_failed(&self) -> bool {
        self.steps.iter().any(|step| step.contains("fail node"))
    }

    /// A step that was taken stands in the file. Behind one by which a recording begins is a talk: where nothing was said, nothing can be
    /// compared.
    fn go(&mut self, step: Option<String>) {
        self.steps.extend(step);
        if self.paper.begun() > self.heard {
            self.heard = self.paper.begun();
            let talk = self.take(HEARD);
            self.steps.extend(talk);
        }
    }

    /// Everybody hangs up. Where there is no way home, as from a call that is about to be forwarded to nobody, the last steps are taken back.
    fn go_home(&mut self, dice: &mut Dice) {
        let mut behind = self.before.len();
        while !self.try_to_go_home(dice) {
            behind = behind.saturating_sub(TAKEN_BACK);
            if behind == 0 {
                return;
            }
            (self.paper, _, self.heard) = self.before[behind].clone();
            self.steps.truncate(self.before[behind].1);
            self.before.truncate(behind);
        }
    }

    /// What nobody can hang up is taken up first.
    fn try_to_go_home(&mut self, dice: &mut Dice) -> bool {
        for turn in 1..=TRIES {
            if self.paper.calls() == 0 {
                return true;
            }
            let step = self.way_home().or_else(|| self.take(&verbs::any(&self.names, dice)));
            // While nobody can say where a call is, all that can be done is to wait.
            let step = step.or_else(|| turn.is_multiple_of(PATIENCE).then(|| self.take(BEYOND_DOUBT))?);
            self.go(step);
        }
        self.paper.calls() == 0
    }

    /// Whoever talks hangs up. What rings is answered first: declined, a call that was parked would come back for ever.
    fn way_home(&mut self) -> Option<String> {
        let names = self.names.clone();
        let rings = |paper: &Paper, who: usize| paper.shown(who) == PhoneState::Ringing;
        let talkers: Vec<&String> =
            (0..).zip(&names).filter(|(who, _)| !rings(&self.paper, *who)).map(|(_, name)| name).collect();
        let hung_up = talkers.into_iter().find_map(|name| self.take(&format!("hang up: {name}")));
        let answered = hung_up.or_else(|| names.iter().find_map(|name| self.take(&format!("answer: {name}"))));
        answered.or_else(|| names.iter().find_map(|name| self.take(&format!("hang up: {name}"))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file;

    #[test]
    fn every_seed_gives_a_scenario_that_can_be_read() {
        for seed in 1..=40 {
            let text = scenario(seed);
            let read =
                file::parse(&text).map_err(|wrong| wrong.iter().map(|d| d.render("walk", &text)).collect::<String>());
            assert!(read.is_ok(), "seed {seed}: {}", read.unwrap_err());
            assert_eq!(text, scenario(seed), "seed {seed} says something else the second time");
        }
    }

    /// Verbs that no walk has, each with the reason.
    const LEFT_OUT: [(&str, &str); 1] =
        [("hook", "what a recorder forgets when it is restarted in a call is the recorder's own")];

    #[test]
    fn every_verb_of_a_scenario_file_is_walked_or_left_out_for_a_reason() {
        let mut missing: Vec<&str> = steps::words();
        missing.retain(|word| LEFT_OUT.iter().all(|(other, _)| other != word));
        for seed in 1..=1000 {
            let text = scenario(seed);
            let walked = |word: &str| text.contains(&format!("  - {word}:"));
            assert!(!LEFT_OUT.iter().any(|(word, _)| walked(word)), "seed {seed} has a verb that is left out");
            missing.retain(|word| !walked(word));
            if missing.is_empty() {
                break;
            }
        }
        assert!(missing.is_empty(), "no walk has {missing:?}: give each a line in `walk/verbs.rs`");
        let known = steps::words();
        assert!(verbs::words().chain(LEFT_OUT.map(|(word, _)| word)).all(|word| known.contains(&word)));
    }
}
