//! Who took part in a recording, and when, as `recording.json` has it, against what CUCM told.

use media::ledger::Leg;
use recorder::metadata::{Participant, Recording, Side, unix_us};

use super::or_nothing;
use super::told::{name_of, parameters, tells};
use crate::kept::{Hampering, Party, Session};
use crate::outcome::Finding;

/// How far what a recorder noted may lie from when CUCM said it: a message may be sent twice, and a machine be busy.
const TOLERANCE_US: i64 = 2_000_000;

/// Someone who took part, from and until when in microseconds since 1970, where the run's start is known.
struct Expected<'a> {
    side: Side,
    party: &'a Party,
    from: Option<i64>,
    until: Option<i64>,
}

/// Compares the participants with the From parameters of the INVITEs and UPDATEs.
pub(super) fn compare(told: &Session, written: &Recording, findings: &mut Vec<Finding>) {
    let expected = expected(told);
    let words =
        |side: Side, device: &str, number: &str| format!("{} {number} at {}", side.name(), device.to_ascii_uppercase());
    // What CUCM kept to itself nobody can write.
    let number = |one: &Expected<'_>| {
        let name = if one.side == Side::Near { "x-nearendaddr" } else { "x-farendaddr" };
        if tells(told, name) { one.party.number.clone() } else { "nowhere".to_owned() }
    };
    let are: Vec<String> = expected.iter().map(|one| words(one.side, &one.party.device, &number(one))).collect();
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "nowhere".to_owned());
    let of = |one: &Participant| words(one.side, &text(&one.party.device), &text(&one.party.address));
    let say: Vec<String> = written.participants.iter().map(of).collect();
    if are != say {
        return findings.push(wrong(are.join(", "), say.join(", ")));
    }
    if let Some(from) = told.near_leg.told.as_ref().and_then(|told| told.header("From")) {
        let first = |side| written.participants.iter().find(|one| one.side == side).map(|one| &one.party);
        let near = (name_of(from), false);
        let far = (None, parameters(from).iter().any(|parameter| parameter.name == "isfocus"));
        for (side, told) in [(Side::Near, near), (Side::Far, far)] {
            let Some(noted) = first(side).map(|party| (party.name.clone(), party.conference)) else { continue };
            if noted != told {
                let words = |(name, conference): (Option<String>, bool)| {
                    let name = name.as_ref().map_or_else(|| "no name".to_owned(), |name| format!("name {name:?}"));
                    format!("{} {name}, conference {conference}", side.name())
                };
                findings.push(wrong(words(told), words(noted)));
            }
        }
    }
    later(written, findings);
    for one in &written.participants {
        let name = if one.side == Side::Near { "x-nearendclusterid" } else { "x-farendclusterid" };
        let told = Some(&told.cluster_id).filter(|_| tells(told, name));
        if one.party.cluster_id.as_ref() != told {
            let words = |cluster: Option<&String>| format!("{} of cluster {}", one.side.name(), or_nothing(cluster));
            findings.push(wrong(words(told), words(one.party.cluster_id.as_ref())));
        }
    }
    for (expected, one) in expected.iter().zip(&written.participants) {
        let who = words(expected.side, &expected.party.device, &expected.party.number);
        let times = [("since", expected.from, Some(&one.from)), ("until", expected.until, one.until.as_ref())];
        for (what, told, noted) in times {
            let Some(noted) = noted.and_then(|text| unix_us(text)) else {
                findings.push(wrong(format!("{who}: {what} when"), "no time".to_owned()));
                continue;
            };
            if let Some(off) = told.map(|told| noted - told).filter(|off| off.abs() > TOLERANCE_US) {
                let found = format!("{:+.3} s from it", off as f64 / 1e6);
                findings.push(wrong(format!("{who}: {what} when CUCM said so"), found));
            }
        }
    }
    fits_together(written, findings);
}

/// Who came later has no name, which CUCM tells of the recorded party alone, and is a conference where the change says so.
fn later(written: &Recording, findings: &mut Vec<Finding>) {
    let changes = written.leg(Side::Near).map_or(&[][..], |leg| &leg.changes);
    let later: Vec<&Participant> = written.participants.iter().skip(2).collect();
    for (at, one) in later.iter().enumerate() {
        let change = changes.get(at).filter(|_| changes.len() == later.len());
        let told = change.map(|change| change.parameters.iter().any(|parameter| parameter.name == "isfocus"));
        if one.party.name.is_some() || told.is_some_and(|told| told != one.party.conference) {
            let conference = told.map_or_else(String::new, |told| format!(", conference {told}"));
            let found = format!("{:?}, conference {}", one.party.name, one.party.conference);
            findings.push(wrong(format!("no name{conference}, as the change says"), found));
        }
    }
}

fn expected(told: &Session) -> Vec<Expected<'_>> {
    let wall = |us: Option<u64>| Some(told.run_unix_us?.saturating_add_unsigned(us?));
    let begun = wall([&told.near_leg, &told.far_leg].into_iter().filter_map(|leg| leg.invited_us).min());
    // Where one leg alone stood, the other one may have lasted longer for the recorder, waiting for its INVITE to come again.
    let is_late = told.only.is_some() || Leg::ALL.into_iter().any(|leg| told.is_hampered(leg, Hampering::LateBye));
    let ended = wall(told.ended_us.filter(|_| !is_late));
    let mut list = vec![
        Expected { side: Side::Near, party: &told.near, from: begun, until: ended },
        Expected { side: Side::Far, party: &told.far, from: begun, until: ended },
    ];
    for update in &told.updates {
        let Some(last) = list.last_mut().filter(|last| *last.party != update.far) else { continue };
        let at = wall(Some(update.at_us));
        last.until = at;
        list.push(Expected { side: Side::Far, party: &update.far, from: at, until: ended });
    }
    list
}

/// Each side is taken from the beginning to the end, by one after the other.
fn fits_together(written: &Recording, findings: &mut Vec<Finding>) {
    let started = written.first_invited(None);
    let ended = written.legs.iter().filter_map(|leg| leg.ended.as_ref()).filter(|ended| unix_us(ended).is_some()).max();
    for side in Side::BOTH {
        let here: Vec<&Participant> = written.participants.iter().filter(|one| one.side == side).collect();
        let begins = here.first().is_none_or(|first| started == Some(&first.from));
        let ends = here.last().is_none_or(|last| last.until.as_ref() == ended);
        let follows = here.windows(2).all(|pair| pair[0].until.as_ref() == Some(&pair[1].from));
        if !(begins && ends && follows) {
            let expected = format!("one {} party after the other, from the first INVITE to the last BYE", side.name());
            let times: Vec<String> =
                here.iter().map(|one| format!("{} to {}", one.from, or_nothing(one.until.as_ref()))).collect();
            findings.push(wrong(expected, times.join(", ")));
        }
    }
}

fn wrong(expected: String, found: String) -> Finding {
    Finding::new("wrong-participants", expected, found)
}
