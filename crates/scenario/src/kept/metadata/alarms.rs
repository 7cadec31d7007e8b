//! The alarms in `recording.json`, against what was alarming: a leg without media for long, a recording without its second
//! leg for long, many packets that fail authentication.

use media::ledger::{Leg, Nature, Row, Stream};
use recorder::metadata::{self, Recording, Trouble, unix_us};

use super::side;
use crate::kept::Session;
use crate::outcome::Finding;

/// How much nearer to its threshold something may be and be called alarming or not: looks at the clock are made now and
/// then, and a busy machine is late.
const SLACK_US: i64 = 500_000;

/// How often something must, and may, be alarming.
struct Bounds {
    least: usize,
    most: usize,
}

/// Compares the alarms of a recorder with the thresholds that it went by.
pub(super) fn compare(told: &Session, streams: &[&Stream], written: &Recording, findings: &mut Vec<Finding>) {
    let limits = written.thresholds;
    for leg in told.legs() {
        let Some(at) = written.leg(side(leg)) else { continue };
        let silences = told.run_unix_us.map(|wall| silences(wall, leg, streams, at, limits.no_media_ms));
        check(written, Trouble::NoMedia, leg, silences, findings);
        let failed = at.packets.auth_failed;
        // Those of the very end may come when nobody looks any more.
        let failures = Bounds {
            least: usize::from(failed >= limits.auth_failures.saturating_mul(2)),
            most: usize::from(failed >= limits.auth_failures),
        };
        check(written, Trouble::AuthenticationFailures, leg, Some(failures), findings);
    }
    let begun = unix_us(&written.started);
    for leg in Leg::ALL {
        let came = written
            .first_invited(Some(side(leg)))
            .and_then(|invited| unix_us(invited))
            .or_else(|| written.ended.as_deref().and_then(unix_us));
        let late = begun.zip(came).map(|(begun, came)| came - begun);
        let bounds = late.map(|late| Bounds {
            least: usize::from(late > micros(limits.one_leg_ms) + SLACK_US),
            most: usize::from(late > micros(limits.one_leg_ms) - SLACK_US),
        });
        check(written, Trouble::OneLeg, leg, bounds, findings);
    }
}

/// How often a leg was without genuine packets for so long, while its dialog stood.
fn silences(wall: i64, leg: Leg, streams: &[&Stream], at: &metadata::Leg, threshold_ms: u64) -> Bounds {
    let (Some(from), Some(until)) = (unix_us(&at.invited), at.ended.as_deref().and_then(unix_us)) else {
        return Bounds { least: 0, most: usize::MAX };
    };
    let genuine = |row: &&Row| row.nature == Nature::Genuine;
    let rows = streams.iter().filter(|stream| stream.leg() == Some(leg)).flat_map(|stream| &stream.rows);
    let mut heard: Vec<i64> =
        rows.filter(genuine).filter_map(Row::arrived_us).map(|us| wall.saturating_add_unsigned(us)).collect();
    heard.retain(|us| (from..until).contains(us));
    heard.extend([from, until]);
    heard.sort_unstable();
    let longer = |than: i64| heard.windows(2).filter(|pair| pair[1] - pair[0] > than).count();
    // A leg that nobody ended is over with its last packet; the silence behind it was alarming.
    let behind = usize::from(at.ended_by.as_deref().is_some_and(|by| by != "peer"));
    Bounds { least: longer(micros(threshold_ms) + SLACK_US), most: longer(micros(threshold_ms) - SLACK_US) + behind }
}

fn check(written: &Recording, trouble: Trouble, leg: Leg, bounds: Option<Bounds>, findings: &mut Vec<Finding>) {
    let Some(Bounds { least, most }) = bounds else { return };
    let is_it = |alarm: &&metadata::Alarm| alarm.trouble == trouble && alarm.side == Some(side(leg));
    let got = written.alarms.iter().filter(is_it).count();
    let rule = match got {
        got if got < least => "missing-alarm",
        got if got > most => "untrue-alarm",
        _ => return,
    };
    let expected = if got < least { least } else { most };
    let mut finding = Finding::new(rule, format!("{expected} alarms {trouble}"), format!("{got} alarms {trouble}"));
    finding.leg = Some(leg.name().to_owned());
    findings.push(finding);
}

/// Sides and times of all alarms: one side, while the recording ran.
pub(super) fn in_form(written: &Recording, findings: &mut Vec<Finding>) {
    let (from, until) = (unix_us(&written.started), written.ended.as_deref().and_then(unix_us));
    for alarm in &written.alarms {
        let at = unix_us(&alarm.at);
        // Who was silent to the end is over with its last packet, and the alarm came later.
        let late = written.flags.iter().any(|flag| flag == "no-bye");
        let within = at >= from && (late || at <= until.map(|until| until + SLACK_US));
        if !(alarm.side.is_some() && at.is_some() && within) {
            let found = format!("{} on {:?} at {}", alarm.trouble, alarm.side, alarm.at);
            findings.push(Finding::new("untrue-alarm", "an alarm of the recorder's, while it recorded", found));
        }
    }
}

fn micros(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(1000)
}
