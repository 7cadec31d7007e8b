//! Findings in words.

use media::ledger::{Leg, Nature};

use crate::finding::{Finding, Packets, Rule, Span};

/// Samples as seconds.
pub(crate) fn seconds(samples: i64) -> f64 {
    round(samples as f64 / 8000.0, 4)
}

/// Samples as milliseconds.
pub(crate) fn milliseconds(samples: i64) -> f64 {
    samples as f64 / 8.0
}

pub(crate) fn round(value: f64, digits: i32) -> f64 {
    let scale = 10f64.powi(digits);
    let rounded = (value * scale).round() / scale;
    if rounded == 0.0 { 0.0 } else { rounded }
}

/// A stretch of samples as a span.
pub(crate) fn span(start: i64, end: i64) -> Span {
    Span { start_s: seconds(start.max(0)), end_s: seconds(end.max(0)) }
}

/// `from 3.20 s to 5.20 s`.
pub(crate) fn from_to(span: Span) -> String {
    format!("from {:.2} s to {:.2} s", span.start_s, span.end_s)
}

/// `1 frame`, `2 frames`.
pub(crate) fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// `packet 7`, `packets 7 to 9`.
pub(crate) fn packets(packets: Option<Packets>) -> String {
    match packets {
        None => "no packet".to_owned(),
        Some(Packets { first, last, count: 1 }) if first == last => format!("packet {first}"),
        Some(Packets { first, last, count }) => format!("{count} packets ({first} to {last})"),
    }
}

/// The rule that audio of such a packet breaks, and what the packet was.
pub(crate) fn stray(nature: Nature) -> (Rule, &'static str) {
    match nature {
        Nature::Replayed => (Rule::ReplayedAudio, "replayed packets"),
        Nature::Forged => (Rule::ForgedAudio, "forged packets"),
        Nature::Plain => (Rule::PlainAudio, "unencrypted packets"),
        Nature::BadTag => (Rule::UnauthenticatedAudio, "packets with a wrong authentication tag"),
        Nature::WrongKey => (Rule::WrongKeyAudio, "packets sealed with a wrong key"),
        Nature::Genuine => (Rule::RepeatedFrames, "genuine packets"),
    }
}

/// Where a finding is made; completes findings with it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    pub(crate) recording: String,
    pub(crate) file: Option<String>,
    pub(crate) channel: Option<u16>,
    pub(crate) leg: Option<Leg>,
}

impl Place {
    pub(crate) fn finding(&self, rule: Rule, expected: impl Into<String>, found: impl Into<String>) -> Finding {
        Finding {
            rule: rule.code(),
            severity: rule.severity(),
            expected: expected.into(),
            found: found.into(),
            recording: self.recording.clone(),
            file: self.file.clone(),
            channel: self.channel,
            leg: self.leg,
            at: None,
            packets: None,
        }
    }
}

impl Finding {
    pub(crate) fn at(mut self, span: Span) -> Self {
        self.at = Some(span);
        self
    }

    pub(crate) fn packets(mut self, packets: Option<Packets>) -> Self {
        self.packets = packets;
        self
    }
}
