//! What a recorder's own store says about a recording, where a profile tells how to read it, against what CUCM told and did.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use media::ledger::Leg;
use serde_json::Value;
use verify::PauseTime;

use super::path::{JsonPath, word};
use super::template::Template;
use crate::kept::Session;
use crate::outcome::Finding;

/// What can be read of a recording, by the key of the profile.
pub(super) const FACTS: [(&str, Fact); 12] = [
    ("refci", Fact::Refci),
    ("farend_refci", Fact::FarendRefci),
    ("call_id", Fact::CallId),
    ("near", Fact::Near),
    ("far", Fact::Far),
    ("near_device", Fact::NearDevice),
    ("far_device", Fact::FarDevice),
    ("cluster", Fact::Cluster),
    ("started", Fact::Started),
    ("ended", Fact::Ended),
    ("seconds", Fact::Seconds),
    ("milliseconds", Fact::Milliseconds),
];

/// Something that a recorder may have written down about a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// `x-refci`.
    Refci,
    /// `x-farendrefci`.
    FarendRefci,
    /// The Call-ID of a leg.
    CallId,
    /// The number of the recorded party.
    Near,
    /// The number of the other party.
    Far,
    /// The recorded party's device.
    NearDevice,
    /// The other party's device.
    FarDevice,
    /// The cluster.
    Cluster,
    /// When it began.
    Started,
    /// When it was over.
    Ended,
    /// How long it lasted, in seconds.
    Seconds,
    /// How long it lasted, in milliseconds.
    Milliseconds,
}

impl Fact {
    fn name(self) -> &'static str {
        FACTS.iter().find(|(_, fact)| *fact == self).map_or("", |(name, _)| name)
    }
}

/// How times are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Times {
    /// `2026-05-31T10:15:00.5Z`, with any offset (RFC 3339).
    #[default]
    Rfc3339,
    /// `2026-05-31 10:15:00`, in UTC.
    Utc,
    /// Seconds since 1970.
    Unix,
    /// Milliseconds since 1970.
    UnixMs,
}

/// Where in what a recorder says of a recording each fact stands.
#[derive(Clone, Debug)]
pub struct Metadata {
    /// The facts and their places.
    pub facts: Vec<(Fact, JsonPath)>,
    /// How times are written.
    pub times: Times,
    /// By how much times may differ.
    pub within: Duration,
    /// The JSON file of a recording, by its name; `None` where the adapter has it from elsewhere.
    pub file: Option<Template>,
}

impl Metadata {
    /// What is compared, in words.
    pub(crate) fn names(&self) -> String {
        self.facts.iter().map(|(fact, _)| fact.name()).collect::<Vec<_>>().join(", ")
    }
}

/// What a recorder says of one recording, and how to read it.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    metadata: Metadata,
    value: Value,
}

impl Said {
    pub(super) const fn new(metadata: Metadata, value: Value) -> Self {
        Self { metadata, value }
    }

    /// What is wrong with it as a description of this recording.
    pub(crate) fn compare(&self, told: &Session, findings: &mut Vec<Finding>) {
        for (fact, path) in &self.metadata.facts {
            let found = path.find(&self.value);
            let truth = Truth::of(*fact, told, &self.metadata);
            let Some(truth) = truth else { continue };
            let wrong = if found.is_empty() {
                Some("nothing".to_owned())
            } else {
                found.into_iter().find_map(|value| truth.contradicted(value, self.metadata.times))
            };
            if let Some(got) = wrong {
                let expected = format!("{} {} at `{path}`", fact.name(), truth.shown());
                findings.push(Finding::new("wrong-metadata", expected, got));
            }
        }
    }
}

/// What is true of a fact.
enum Truth {
    /// One of these words.
    Words(Vec<String>),
    /// From one wall time to another, in microseconds since 1970.
    Time(i64, i64),
    /// From one length to another, in microseconds, written in units of so many.
    Length(i64, i64, f64),
}

impl Truth {
    /// `None` where nobody knows.
    fn of(fact: Fact, told: &Session, metadata: &Metadata) -> Option<Self> {
        let fars = || std::iter::once(&told.far).chain(told.updates.iter().map(|update| &update.far));
        let words = match fact {
            Fact::Refci => vec![told.refci.to_string()],
            Fact::FarendRefci => {
                let later = told.updates.iter().map(|update| update.farendrefci);
                std::iter::once(told.farendrefci).chain(later).map(|refci| refci.to_string()).collect()
            }
            Fact::CallId => Leg::ALL.iter().flat_map(|leg| told.call_ids(*leg)).map(str::to_owned).collect(),
            Fact::Near => vec![told.near.number.clone()],
            Fact::Far => fars().map(|far| far.number.clone()).collect(),
            Fact::NearDevice => vec![told.near.device.clone()],
            Fact::FarDevice => fars().map(|far| far.device.clone()).collect(),
            Fact::Cluster => vec![told.cluster_id.clone()],
            Fact::Started | Fact::Ended | Fact::Seconds | Fact::Milliseconds => {
                return Self::of_time(fact, told, metadata.within);
            }
        };
        Some(Self::Words(words))
    }

    /// It began at some time between the first INVITE and both dialogs being up.
    fn of_time(fact: Fact, told: &Session, within: Duration) -> Option<Self> {
        let within = i64::try_from(within.as_micros()).ok()?;
        let us = |us: u64| i64::try_from(us).ok();
        let invited = [&told.near_leg, &told.far_leg].into_iter().filter_map(|leg| leg.invited_us).min();
        let (up, first) = (us(told.started_us)?, us(invited.unwrap_or(told.started_us).min(told.started_us))?);
        let ended = told.ended_us.and_then(us);
        match fact {
            Fact::Started => {
                let run = told.run_unix_us?;
                Some(Self::Time(run + first - within, run + up + within))
            }
            Fact::Ended => {
                let at = told.run_unix_us? + ended?;
                Some(Self::Time(at - within, at + within))
            }
            _ => {
                let unit = if fact == Fact::Seconds { 1e6 } else { 1e3 };
                let ended = ended?;
                let closed = told.later.iter().map(|later| later.pause).filter(|pause| pause.time == PauseTime::Closed);
                let closed = us(closed.map(|pause| pause.until_us.saturating_sub(pause.from_us)).sum())?;
                Some(Self::Length((ended - closed - up - within).max(0), ended - closed - first + within, unit))
            }
        }
    }

    /// What `value` is, where it is not that.
    fn contradicted(&self, value: &Value, times: Times) -> Option<String> {
        let Some(word) = word(value) else { return Some(format!("`{value}`")) };
        let is_true = match self {
            Self::Words(words) => words.contains(&word),
            Self::Time(from, to) => match time(&word, times) {
                Ok(at) => (*from..=*to).contains(&at),
                Err(why) => return Some(why),
            },
            Self::Length(from, to, unit) => match word.trim().parse::<f64>() {
                Ok(length) => (*from as f64..=*to as f64).contains(&(length * unit)),
                Err(_) => return Some(format!("`{word}`, which is no number")),
            },
        };
        (!is_true).then(|| format!("`{word}`"))
    }

    fn shown(&self) -> String {
        match self {
            Self::Words(words) => {
                let mut words = words.clone();
                words.dedup();
                words.join(" or ")
            }
            Self::Time(from, to) => {
                let at = |us: i64| Timestamp::from_microsecond(us).map(|at| format!("{at:.3}")).unwrap_or_default();
                format!("from {} to {}", at(*from), at(*to))
            }
            Self::Length(from, to, unit) => {
                format!("from {:.3} to {:.3}", *from as f64 / unit, *to as f64 / unit)
            }
        }
    }
}

/// A time as it is written, in microseconds since 1970.
fn time(word: &str, times: Times) -> Result<i64, String> {
    let word = word.trim();
    let no = |what: &str| format!("`{word}`, which is no {what}");
    let number = |unit: f64| word.parse::<f64>().ok().filter(|n| n.is_finite()).map(|n| (n * unit).round() as i64);
    match times {
        Times::Rfc3339 => {
            let at: Timestamp = word.parse().map_err(|_| no("time with an offset (RFC 3339)"))?;
            Ok(at.as_microsecond())
        }
        Times::Utc => {
            let at: DateTime = word.parse().map_err(|_| no("date and time"))?;
            let at = at.to_zoned(TimeZone::UTC).map_err(|_| no("date and time"))?;
            Ok(at.timestamp().as_microsecond())
        }
        Times::Unix => number(1e6).ok_or_else(|| no("number of seconds")),
        Times::UnixMs => number(1e3).ok_or_else(|| no("number of milliseconds")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::dir::tests::session;
    use super::*;
    use crate::kept::{Party, Update};

    /// A recording of 2026-01-01T00:00:02Z to 00:00:12Z, whose first INVITE was half a second earlier.
    fn told() -> Session {
        let mut told = session(7, "2000", "1000");
        (told.run_unix_us, told.started_us, told.ended_us) = (Some(1_767_225_600_000_000), 2_000_000, Some(12_000_000));
        told.near_leg.invited_us = Some(1_500_000);
        told
    }

    /// What is wrong with a fact that stands at `$.it`.
    fn wrong(fact: &str, times: Times, value: &Value, told: &Session) -> Vec<String> {
        let fact = FACTS.iter().find(|(name, _)| *name == fact).unwrap().1;
        let facts = vec![(fact, JsonPath::parse("$.it").unwrap())];
        let metadata = Metadata { facts, times, within: Duration::from_secs(1), file: None };
        let mut findings = Vec::new();
        Said::new(metadata, json!({ "it": value })).compare(told, &mut findings);
        findings.iter().map(|f| format!("{}: {}; {}", f.rule, f.expected, f.found)).collect()
    }

    #[track_caller]
    fn check(fact: &str, times: Times, fine: &[Value], wrong_ones: &[Value]) {
        for value in fine {
            assert_eq!(wrong(fact, times, value, &told()), Vec::<String>::new(), "{fact} {value}");
        }
        for value in wrong_ones {
            let found = wrong(fact, times, value, &told());
            assert!(found.len() == 1 && found[0].starts_with("wrong-metadata: "), "{fact} {value}: {found:?}");
        }
    }

    #[test]
    fn words_are_those_that_cucm_told() {
        let times = Times::Rfc3339;
        check("refci", times, &[json!(7), json!("7")], &[json!(8), json!(null), json!([7])]);
        check("farend_refci", times, &[json!(8)], &[json!(7)]);
        check("near", times, &[json!("2000")], &[json!("1000"), json!("")]);
        check("far", times, &[json!("1000")], &[json!("2000")]);
        check("far_device", times, &[json!("SEP1000")], &[json!("SEP2000")]);
        check("call_id", times, &[json!("n-7@192.0.2.5"), json!("f-7@192.0.2.5")], &[json!("n-8@192.0.2.5")]);
        let found = wrong("near", times, &json!("1000"), &told());
        assert_eq!(found, ["wrong-metadata: near 2000 at `$.it`; `1000`"]);
    }

    #[test]
    fn times_are_those_of_the_recording() {
        check(
            "started",
            Times::Rfc3339,
            &[json!("2026-01-01T00:00:01.5Z"), json!("2026-01-01T01:00:02+01:00"), json!("2026-01-01T00:00:00.6Z")],
            &[json!("2026-01-01T00:00:03.1Z"), json!("2026-01-01T00:00:00.4Z"), json!("2026-01-01 00:00:02"), json!(2)],
        );
        check("ended", Times::Utc, &[json!("2026-01-01 00:00:12.9")], &[json!("2026-01-01 01:00:12"), json!("x")]);
        check("ended", Times::Unix, &[json!(1_767_225_612), json!("1767225612.5")], &[json!(1_767_225_614)]);
        check("ended", Times::UnixMs, &[json!(1_767_225_612_000_i64)], &[json!(1_767_225_612), json!("soon")]);
        check("seconds", Times::Unix, &[json!(10), json!(10.5), json!("9.1")], &[json!(8.9), json!(11.6), json!("x")]);
        check("milliseconds", Times::Unix, &[json!(10_000)], &[json!(10)]);
    }

    #[test]
    fn what_nobody_knows_is_not_held_against_a_recorder_and_what_is_not_there_is() {
        let open = Session { ended_us: None, ..told() };
        assert!(wrong("ended", Times::Unix, &json!(1), &open).is_empty());
        let metadata = Metadata {
            facts: vec![(Fact::Near, JsonPath::parse("$.other").unwrap())],
            times: Times::Unix,
            within: Duration::ZERO,
            file: None,
        };
        let mut findings = Vec::new();
        Said::new(metadata, json!({ "it": 1 })).compare(&told(), &mut findings);
        assert_eq!(findings[0].found, "nothing");
    }

    #[test]
    fn a_far_end_that_changed_may_be_told_as_it_was_or_as_it_became() {
        let far = Party { device: "SEP3000".to_owned(), number: "3000".to_owned() };
        let changed = Session { updates: vec![Update { at_us: 0, farendrefci: 9, far }], ..told() };
        assert!(wrong("far", Times::Unix, &json!("3000"), &changed).is_empty());
        assert!(wrong("far", Times::Unix, &json!("1000"), &changed).is_empty());
        assert!(wrong("farend_refci", Times::Unix, &json!(9), &changed).is_empty());
        let neither = wrong("far", Times::Unix, &json!("4000"), &changed);
        assert_eq!(neither, ["wrong-metadata: far 1000 or 3000 at `$.it`; `4000`"]);
    }
}
