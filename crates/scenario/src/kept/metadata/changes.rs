//! What became of a dialog while it stood: what later requests of CUCM told, and that it stood and ended at all.

use media::ledger::Leg;
use recorder::metadata::{self, Change, Recording, Status, unix_us};

use super::told::parameters;
use super::{or_nothing, side};
use crate::kept::{Session, Update};
use crate::outcome::Finding;

/// How far what a recorder noted may lie from when CUCM said it: a message may be sent twice, and a machine be busy.
const TOLERANCE_US: i64 = 2_000_000;

/// Compares the changes of each leg with the far ends that CUCM told. What was meddled with on its way is not judged.
pub(super) fn compare(told: &Session, written: &Recording, findings: &mut Vec<Finding>) {
    if told.only.is_some() || !told.hampered.is_empty() {
        return;
    }
    for leg in Leg::ALL {
        let Some(written_leg) = written.leg(side(leg)) else { continue };
        stood(leg, told, written, written_leg, findings);
        let from = told.leg(leg).told.as_ref().and_then(|told| told.header("From"));
        let Some(from) = from else { continue };
        // What says the same again changes nothing.
        let same = |one: &Update, other: &Update| (one.farendrefci, &one.far) == (other.farendrefci, &other.far);
        let first = Update { at_us: told.started_us, farendrefci: told.farendrefci, far: told.far.clone() };
        let mut updates: Vec<&Update> = std::iter::once(&first).chain(&told.updates).collect();
        updates.dedup_by(|one, other| same(one, other));
        updates.remove(0);
        if written_leg.changes.len() != updates.len() {
            let expected = format!("{} changes, as CUCM told", updates.len());
            findings.push(wrong(leg, expected, format!("{} changes", written_leg.changes.len())));
            continue;
        }
        for (update, change) in updates.into_iter().zip(&written_leg.changes) {
            one(leg, told.run_unix_us, (from, update), change, findings);
        }
    }
}

/// Both dialogs stood, and are over.
fn stood(leg: Leg, told: &Session, written: &Recording, at: &metadata::Leg, findings: &mut Vec<Finding>) {
    let is_over = (told.ended_us.is_some() || told.lost_us.is_some()) && written.status != Status::Recovered;
    let times =
        [("answered", &at.answered, true), ("acknowledged", &at.acknowledged, true), ("ended", &at.ended, is_over)];
    for (what, at, must) in times {
        if must && at.is_none() {
            findings.push(wrong(leg, format!("a time at which it was {what}"), "nothing".to_owned()));
        }
    }
}

fn one(
    leg: Leg,
    run_unix_us: Option<i64>,
    (from, update): (&str, &Update),
    change: &Change,
    findings: &mut Vec<Finding>,
) {
    if !["INVITE", "UPDATE"].contains(&change.method.as_str()) {
        findings.push(wrong(leg, "a change by INVITE or UPDATE".to_owned(), change.method.clone()));
    }
    let at = run_unix_us.map(|run| run.saturating_add_unsigned(update.at_us));
    let is_then = |told: i64| unix_us(&change.at).is_some_and(|at| (at - told).abs() <= TOLERANCE_US);
    if !at.is_none_or(is_then) {
        findings.push(wrong(leg, "a change when CUCM told it".to_owned(), change.at.clone()));
    }
    let farendrefci = update.farendrefci.to_string();
    let mut expected: Vec<(String, Option<String>)> =
        parameters(from).into_iter().map(|parameter| (parameter.name, parameter.value)).collect();
    for (name, value) in &mut expected {
        match name.as_str() {
            "x-farendrefci" => *value = Some(farendrefci.clone()),
            "x-farenddevice" => *value = Some(update.far.device.clone()),
            "x-farendaddr" => *value = Some(update.far.number.clone()),
            _ => {}
        }
    }
    let noted = change.parameters.iter().map(|parameter| (parameter.name.clone(), parameter.value.clone()));
    // Releases up to 10.5 write devices in small letters; what is a conference may become one or be none any more.
    let words = |all: &[(String, Option<String>)]| {
        let kept = all.iter().filter(|(name, _)| name != "isfocus");
        let one = |(name, value): &(String, Option<String>)| match name.as_str() {
            "x-farenddevice" | "x-nearenddevice" => format!("{name}={}", or_nothing(value.as_ref()).to_uppercase()),
            _ => format!("{name}={}", or_nothing(value.as_ref())),
        };
        kept.map(one).collect::<Vec<_>>().join(";")
    };
    let noted: Vec<(String, Option<String>)> = noted.collect();
    let (expected, noted) = (words(&expected), words(&noted));
    if expected != noted {
        findings.push(wrong(leg, format!("a change to {expected}"), noted));
    }
}

fn wrong(leg: Leg, expected: String, found: String) -> Finding {
    let mut finding = Finding::new("wrong-metadata", expected, found);
    finding.leg = Some(leg.name().to_owned());
    finding
}
