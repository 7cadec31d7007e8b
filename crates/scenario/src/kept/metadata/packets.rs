//! The packets of a leg as `recording.json` counts them, against the rows of the ledger and what became of them.

use media::ledger::{Fate, Leg, Nature, Row, Stream};
use recorder::metadata::{self, Packets, Recording};

use super::{differs, side};
use crate::kept::{Hampering, Session};
use crate::outcome::Finding;

/// Compares the streams' sources, SSRCs and payload types, and every count. Strangers, which belong to other sessions, count where they
/// came into a port of this one.
pub(super) fn compare(
    session: &Session,
    (streams, strangers): (&[&Stream], &[&Stream]),
    written: &Recording,
    findings: &mut Vec<Finding>,
) {
    for leg in session.legs() {
        let Some(written) = written.leg(side(leg)) else { continue };
        let fed: Vec<&Stream> = streams.iter().copied().filter(|stream| stream.leg() == Some(leg)).collect();
        let is_here = |stranger: &&Stream| fed.iter().any(|own| own.destination == stranger.destination);
        let strangers: Vec<&Stream> = strangers.iter().copied().filter(is_here).collect();
        one(session, leg, (&fed, &strangers), written, findings);
    }
}

/// The streams of a leg, and those of others into its port.
type Came<'a> = (&'a [&'a Stream], &'a [&'a Stream]);

fn one(session: &Session, leg: Leg, came: Came<'_>, written: &metadata::Leg, findings: &mut Vec<Finding>) {
    let (fed, _) = came;
    let genuine = |stream: &&&Stream| stream.rows.iter().any(|row| is_genuine(row) && row.arrived_us().is_some());
    let heard: Vec<&Stream> = fed.iter().filter(genuine).copied().collect();
    let is_answered = !session.is_hampered(leg, Hampering::NoAck);
    let list = |values: Vec<String>| Some(values.join(", "));
    let sorted = |mut values: Vec<String>| {
        values.sort();
        values.dedup();
        values
    };
    // What is written names each once.
    let in_order = |mut values: Vec<String>| {
        values.sort();
        values
    };
    // The codec may change; what is noted is the one that was agreed on last, whether anything was sent in it or not.
    let last = heard
        .iter()
        .filter_map(|s| s.rows.iter().rfind(|row| is_genuine(row) && is_audio(row)))
        .max_by_key(|row| row.sent_us);
    let agreed = written.payload_type.filter(|written| static_type(&session.leg(leg).codec) == Some(*written));
    let types = last.into_iter().map(|row| agreed.unwrap_or(row.payload_type));
    let rows = [
        (
            "SSRC",
            list(sorted(heard.iter().map(|stream| stream.ssrc.to_string()).collect())),
            list(in_order(written.ssrcs.iter().map(u32::to_string).collect())),
        ),
        (
            "source",
            list(sorted(heard.iter().map(|stream| stream.source.to_string()).collect())),
            list(in_order(written.sources.clone())),
        ),
        (
            "payload type",
            list(sorted(types.filter(|_| is_answered).map(|kind| kind.to_string()).collect())),
            list(written.payload_type.iter().map(u8::to_string).collect()),
        ),
    ];
    // Where nothing came, what was agreed on stands alone.
    let is_known = |what: &str| what != "payload type" || !heard.is_empty();
    let rows = rows.into_iter().filter(|(what, ..)| is_known(what));
    findings.extend(rows.filter_map(|(what, told, written)| differs(what, told, written, Some(leg))));
    counts(session, leg, came, written, findings);
}

/// Every count lies between what had arrived when CUCM ended the session and all that ever did, and together they
/// are what was received.
fn counts(
    session: &Session,
    leg: Leg,
    (fed, strangers): Came<'_>,
    written: &metadata::Leg,
    findings: &mut Vec<Finding>,
) {
    let packets = &written.packets;
    let until = session.heard_until().unwrap_or(0);
    let arrivals = |keep: fn(&Row) -> bool| {
        let rows = || fed.iter().flat_map(|stream| &stream.rows).filter(|row| keep(row));
        let sure: u64 = rows().filter(|row| row.arrived_us().is_some_and(|at| at <= until)).map(copies).sum();
        (sure, rows().map(copies).sum::<u64>())
    };
    // What others send is here from the opening of the port on, at the latest from the ACK.
    let foreign = |is_meant: &dyn Fn(&Stream) -> bool| {
        let rows = || strangers.iter().filter(|stream| is_meant(stream)).flat_map(|stream| &stream.rows);
        let sure = session.started_us..=until;
        let is_sure = |row: &&Row| row.arrived_us().is_some_and(|at| sure.contains(&at));
        (rows().filter(is_sure).map(copies).sum::<u64>(), rows().map(copies).sum::<u64>())
    };
    let with = |own: (u64, u64), others: (u64, u64)| (own.0 + others.0, own.1 + others.1);
    let is_sealed = written.suite.is_some();
    let again = || {
        let rows = fed.iter().flat_map(|stream| &stream.rows);
        rows.filter(|row| matches!(row.fate, Fate::Duplicated { .. })).count() as u64
    };
    let rows = [
        ("received", packets.received, with(arrivals(|_| true), foreign(&|_| true)), again()),
        ("of keys and noise", packets.other_payload, arrivals(|row| is_genuine(row) && !is_audio(row)), again()),
        (
            "plain",
            packets.plain,
            with(arrivals(|row| row.nature == Nature::Plain), foreign(&|s| is_sealed && s.suite.is_none())),
            0,
        ),
        (
            "duplicate or replayed",
            packets.duplicate + packets.replayed,
            arrivals(|r| r.nature == Nature::Replayed),
            again(),
        ),
        ("foreign", packets.foreign, foreign(&|_| !is_sealed), 0),
        // Neither phones nor gateways send any.
        ("of RTCP", packets.rtcp, (0, 0), 0),
        (
            "auth_failed",
            packets.auth_failed,
            with(
                arrivals(|row| matches!(row.nature, Nature::Forged | Nature::BadTag | Nature::WrongKey)),
                foreign(&|stream| is_sealed && stream.suite.is_some()),
            ),
            again(),
        ),
    ];
    let slack = |sure: u64, again: u64| sure.saturating_sub(again);
    for (what, got, (sure, all), again) in rows {
        let most = if what.starts_with("duplicate") { all + again } else { all };
        if !(slack(sure, again)..=most).contains(&got) {
            findings.push(wrong(leg, format!("{} to {most} packets {what}", slack(sure, again)), got));
        }
    }
    let Packets { stored, duplicate, auth_failed, replayed, plain, foreign, malformed, .. } = *packets;
    let kinds = [stored, duplicate, auth_failed, replayed, plain, foreign, malformed];
    let sum = kinds.into_iter().chain([packets.early_overflow, packets.other_payload, packets.not_stored]).sum::<u64>();
    if sum != packets.received {
        findings.push(wrong(leg, format!("{sum} packets received, the sum of all kinds"), packets.received));
    }
}

/// The payload type that stands for a codec without being agreed on (RFC 3551 §6).
fn static_type(codec: &str) -> Option<u8> {
    match codec {
        "PCMU" => Some(0),
        "PCMA" => Some(8),
        "G722" => Some(9),
        _ => None,
    }
}

fn is_genuine(row: &Row) -> bool {
    row.nature == Nature::Genuine
}

/// Whether a packet is voice; telephone events and comfort noise are not (RFC 3551 §6).
pub(super) fn is_audio(row: &Row) -> bool {
    row.codec().is_some()
}

/// How often a packet arrived.
fn copies(row: &Row) -> u64 {
    match row.fate {
        Fate::Delivered { .. } | Fate::Delayed { .. } => 1,
        Fate::Duplicated { .. } => 2,
        Fate::Dropped | Fate::NotSent => 0,
    }
}

fn wrong(leg: Leg, expected: String, got: u64) -> Finding {
    let mut finding = Finding::new("wrong-metadata", expected, got.to_string());
    finding.leg = Some(leg.name().to_owned());
    finding
}
