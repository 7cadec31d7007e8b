//! The times in `recording.json`: in order, and those of the run.

use media::ledger::{Leg, Nature, Stream};
use recorder::metadata::{self, Recording, unix_us};

use super::{hangs_up, or_nothing, side};
use crate::kept::{Hampering, Session};
use crate::outcome::Finding;

/// How far what a recorder saw may lie from what was sent: a busy machine is late.
const TOLERANCE_US: i64 = 2_000_000;

/// Compares all times with each other, and with those of the run where its start is known.
pub(super) fn compare(session: &Session, streams: &[&Stream], written: &Recording, findings: &mut Vec<Finding>) {
    for at in &written.legs {
        let times = [
            ("invited", Some(&at.invited)),
            ("answered", at.answered.as_ref()),
            ("acknowledged", at.acknowledged.as_ref()),
            ("ended", at.ended.as_ref()),
        ];
        in_order(at, &times, findings);
        in_order(at, &[("first_packet", at.first_packet.as_ref()), ("last_packet", at.last_packet.as_ref())], findings);
    }
    let first = written.first_invited(None);
    let last = written.legs.iter().filter_map(|leg| leg.ended.as_ref()).max();
    for (what, expected, got) in [("started", first, Some(&written.started)), ("ended", last, written.ended.as_ref())] {
        if expected != got {
            findings.push(wrong(
                what,
                format!("{}, of the legs", or_nothing(expected)),
                or_nothing(got).to_owned(),
                None,
            ));
        }
    }
    let Some(run) = session.run_unix_us else { return };
    for leg in session.legs() {
        let Some(at) = written.leg(side(leg)) else { continue };
        let is_late = |by| session.is_hampered(leg, by);
        let arrived = |stream: &&&Stream| stream.leg() == Some(leg);
        let genuine = streams.iter().filter(arrived).flat_map(|s| &s.rows).filter(|row| row.nature == Nature::Genuine);
        let arrivals = genuine.filter_map(media::ledger::Row::arrived_us);
        let is_lost = session.lost_us.is_some();
        let until = session.ended_us.unwrap_or(u64::MAX);
        let arrivals: Vec<u64> = arrivals.filter(|at| *at <= until).collect();
        let rows = [
            (
                "acknowledged",
                Some(session.started_us).filter(|_| !is_late(Hampering::LateAck)),
                at.acknowledged.as_ref(),
            ),
            (
                "ended",
                session
                    .ended_us
                    .filter(|_| !is_late(Hampering::LateBye) && !is_late(Hampering::EarlyBye))
                    // What nobody ended is over with its last packet.
                    .or_else(|| {
                        arrivals
                            .iter()
                            .max()
                            .copied()
                            .filter(|_| is_lost && !hangs_up(session, at) && !is_late(Hampering::EarlyBye))
                    }),
                at.ended.as_ref(),
            ),
            ("first_packet", arrivals.iter().min().copied(), at.first_packet.as_ref()),
            ("last_packet", arrivals.iter().max().copied(), at.last_packet.as_ref()),
        ];
        for (what, told, got) in rows {
            let (Some(told), Some(got)) = (told, got.and_then(|text| unix_us(text))) else { continue };
            let told = run.saturating_add_unsigned(told);
            // While the other leg had to be invited again, this one stood already.
            let stood = what == "acknowledged" && got < told && !written.attempts.is_empty();
            if !stood && got.abs_diff(told) > TOLERANCE_US as u64 {
                let late = (got - told) as f64 / 1e6;
                findings.push(wrong(
                    what,
                    "the time of the run".to_owned(),
                    format!("{late:+.3} s from it"),
                    Some(leg),
                ));
            }
        }
    }
}

/// Each time is one, and none lies before the one in front of it.
fn in_order(leg: &metadata::Leg, times: &[(&str, Option<&String>)], findings: &mut Vec<Finding>) {
    let mut before: Option<(&str, i64)> = None;
    for (what, text) in times {
        let Some(text) = text else { continue };
        let Some(at) = unix_us(text) else {
            findings.push(wrong(what, "an RFC 3339 time".to_owned(), format!("{text:?}"), None));
            continue;
        };
        if let Some((earlier, then)) = before.filter(|(_, then)| *then > at) {
            let found = format!("{:.3} s before it, leg {}", (then - at) as f64 / 1e6, leg.side.name());
            findings.push(wrong(what, format!("not before {earlier}"), found, None));
        }
        before = Some((what, at));
    }
}

fn wrong(what: &str, expected: String, found: String, leg: Option<Leg>) -> Finding {
    let mut finding = Finding::new("wrong-metadata", format!("{what}: {expected}"), format!("{what}: {found}"));
    finding.leg = leg.map(|leg| leg.name().to_owned());
    finding
}
