//! Collects what a report draws of a scenario ([`Evidence`]), after it was played.

mod channels;
mod columns;
mod messages;
mod notes;
mod picture;
mod recordings;
mod rows;

use std::time::UNIX_EPOCH;

use media::ledger::Stream;
use verify::ChannelTrace;
use wire::{Clock, Packet};

use super::addresses::Addresses;
use super::journal::{Journal, since};
use super::play::Played;
use super::{Network, Options};
use crate::evidence::Evidence;
use crate::file::Scenario;
use crate::kept::Session;
use crate::outcome::Finding;
use crate::under_test::{DEFAULT_FILE, UnderTest};
use columns::Columns;

/// Where and when a scenario was played, and what its tap kept.
pub(super) struct Scene<'a> {
    /// The scenario file, as it was named.
    pub(super) file: &'a str,
    pub(super) scenario: &'a Scenario,
    pub(super) options: &'a Options,
    pub(super) addresses: Addresses,
    pub(super) clock: &'a Clock,
    pub(super) journal: &'a Journal,
    pub(super) packets: Vec<Packet>,
}

impl Scene<'_> {
    /// All that can be told without the ledger and the recordings: of a scenario that came to nothing, too.
    pub(super) fn ladder(self) -> Evidence {
        let began_us = self.journal.began_us();
        let steps = self.journal.steps(self.scenario);
        let columns = Columns::of(&self);
        let at_us = |packet: &Packet| since(self.clock.since_epoch_us(packet.at), began_us);
        let (messages, columns) = messages::all(&self.packets, columns, &steps, at_us);
        let last = messages.last().map_or(0, |message| message.at_us);
        let ended_us = steps.iter().filter_map(|step| step.ended_us).max().unwrap_or(last).max(last);
        Evidence {
            source: self.scenario.text.to_string(),
            replay: replay(self.file, self.options),
            seed: self.options.seed,
            began_unix_us: self.began_unix_us(began_us),
            ended_us,
            columns,
            steps,
            messages,
            ..Evidence::default()
        }
    }

    /// The same, to be completed when the scenario has been judged.
    pub(super) fn draft(self) -> Draft {
        let began_us = self.journal.began_us();
        Draft { evidence: Box::new(self.ladder()), began_us }
    }

    fn began_unix_us(&self, began_us: u64) -> Option<i64> {
        let began = self.clock.wall_at(self.clock.epoch() + std::time::Duration::from_micros(began_us));
        let since = began.duration_since(UNIX_EPOCH).ok().filter(|_| self.options.network == Network::Os);
        since.and_then(|since| i64::try_from(since.as_micros()).ok())
    }
}

/// Evidence without media.
pub(super) struct Draft {
    evidence: Box<Evidence>,
    /// When the scenario began, in microseconds since the start of the run.
    began_us: u64,
}

impl Draft {
    /// Adds media, recordings and what the findings say about messages.
    pub(super) fn complete(
        self,
        (scenario, played, sessions): (&Scenario, &Played, &[Session]),
        traces: &[ChannelTrace],
        findings: &[Finding],
    ) -> Box<Evidence> {
        let Self { mut evidence, began_us } = self;
        evidence.ended_us = evidence.ended_us.max(i64::try_from(played.duration_ms * 1000).unwrap_or(i64::MAX));
        recordings::recordings(&mut evidence, sessions, began_us);
        evidence.rows = rows::rows(&evidence, (scenario, played, sessions), began_us);
        evidence.quality = rows::quality(&played.ledger.streams, sessions);
        let (channels, left_out) = channels::channels(traces, &played.ledger.streams, findings, began_us);
        (evidence.channels, evidence.left_out) = (channels, left_out);
        notes::note(&mut evidence, findings);
        evidence
    }
}

/// What can be drawn of recordings that were judged against a kept ledger: no message, no step, but all of the audio.
pub(crate) fn of_ledger(
    (streams, sessions): (&[Stream], &[Session]),
    traces: &[ChannelTrace],
    findings: &[Finding],
) -> Evidence {
    let first = streams.iter().filter_map(|stream| stream.rows.first()).map(|row| row.sent_us);
    let began_us = first.chain(sessions.iter().map(|session| session.started_us)).min().unwrap_or_default();
    let mut evidence = Evidence::default();
    recordings::recordings(&mut evidence, sessions, began_us);
    evidence.rows = rows::of_ledger(streams, sessions, began_us);
    let ends = evidence.rows.iter().flat_map(|row| &row.spans).map(|span| span.until_us);
    evidence.ended_us = ends.chain(evidence.recordings.iter().filter_map(|one| one.ended_us)).max().unwrap_or_default();
    evidence.quality = rows::quality(streams, sessions);
    (evidence.channels, evidence.left_out) = channels::channels(traces, streams, findings, began_us);
    evidence
}

/// The command line that runs the scenario again.
fn replay(file: &str, options: &Options) -> String {
    let recorder = match &options.under_test {
        UnderTest::Bundled => String::new(),
        UnderTest::External(profile) => {
            let file = profile.file.display().to_string();
            let config = if file == DEFAULT_FILE { String::new() } else { format!(" --config {}", quoted(&file)) };
            format!(" --recorder {}{config}", quoted(&profile.name))
        }
    };
    let (file, network, seed) = (quoted(file), options.network.name(), options.seed);
    format!("mixedmode run {file} --network {network} --seed {seed}{recorder}")
}

/// A word of a shell's command line.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_replay_names_recorder_and_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("of this.toml");
        let text = "[recorders.mine]\nlistens = { tcp = 5060 }\nstart = { command = [\"true\"] }\n\
                    recordings = { stereo = \"*.wav\" }\n";
        std::fs::write(&file, text).unwrap();
        let under_test = crate::under_test::load(&file, "mine").unwrap();
        let options = |under_test| Options {
            network: Network::Os,
            seed: 7,
            jobs: 1,
            pcapng: None,
            keep: None,
            under_test,
            bystander: None,
            evidence: false,
            tries: crate::run::Tries::default(),
        };
        let command = replay("a.yaml", &options(under_test));
        let expected =
            format!("mixedmode run a.yaml --network os --seed 7 --recorder mine --config '{}'", file.display());
        assert_eq!(command, expected);
        let usual = "mixedmode run a.yaml --network os --seed 7";
        assert_eq!(replay("a.yaml", &options(UnderTest::Bundled)), usual);
    }

    #[test]
    fn a_shell_reads_a_quoted_word_as_it_was() {
        assert_eq!(quoted("scenarios/plain-call.yaml"), "scenarios/plain-call.yaml");
        assert_eq!(quoted("my file.yaml"), "'my file.yaml'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
