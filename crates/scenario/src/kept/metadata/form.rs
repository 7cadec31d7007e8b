//! `recording.json` by itself: what it may say at all.

use std::collections::BTreeSet;

use recorder::metadata::{FILE_NAME, Recording, Status};
use serde_json::Value;

use super::{differs, or_nothing};
use crate::outcome::Finding;

/// Words in [`Recording::flags`].
const FLAGS: [&str; 13] = [
    "leg-unknown",
    "leg-again",
    "duplicate",
    "no-media-answer",
    "no-bye",
    "timestamp-jump",
    "timestamp-absurd",
    "sender-stalled",
    "journal-torn",
    "journal-damaged",
    "journal-broken",
    "codec-without-decoder",
    "recovered",
];

/// Keys that no version knows, and whatever looks like key material. The values are never repeated.
pub(in crate::kept) fn unknown(text: &str, written: &Recording) -> Vec<Finding> {
    let (Ok(read), Ok(known)) = (serde_json::from_str(text), serde_json::to_value(written)) else { return Vec::new() };
    let mut found = Vec::new();
    walk(&read, Some(&known), "", &mut found);
    found
}

fn walk(read: &Value, known: Option<&Value>, place: &str, found: &mut Vec<Finding>) {
    match read {
        Value::Object(fields) => {
            for (name, value) in fields {
                let place = format!("{place}/{name}");
                let known = known.and_then(|known| known.get(name));
                if known.is_none() {
                    found.push(Finding::new(
                        "wrong-metadata",
                        format!("fields that {FILE_NAME} has"),
                        format!("{place:?}"),
                    ));
                }
                walk(value, known, &place, found);
            }
        }
        Value::Array(values) => {
            for (at, value) in values.iter().enumerate() {
                walk(value, known.and_then(|known| known.get(at)), &format!("{place}/{at}"), found);
            }
        }
        Value::String(text) if text.to_ascii_lowercase().contains("inline:") => {
            let found_at = format!("what looks like an SRTP key at {place:?}");
            found.push(Finding::new("wrong-metadata", format!("no keys in {FILE_NAME}"), found_at));
        }
        _ => {}
    }
}

/// The name of the folder, the status, its reason and the flags.
pub(super) fn consistent(folder: &str, written: &Recording, findings: &mut Vec<Finding>) {
    findings.extend(differs("id", Some(folder.to_owned()), Some(written.id.clone()), None));
    let stored = |leg: &&recorder::metadata::Leg| leg.packets.stored > 0;
    let heard = written.legs.iter().filter(stored).count();
    let fits = match written.status {
        Status::Complete => heard >= 2 && written.reason.is_none(),
        Status::OneLeg => heard == 1 && written.reason.is_some(),
        Status::Failed => true,
        Status::Recovered => written.flags.iter().any(|flag| flag == "recovered"),
    };
    if !fits {
        let found = {
            let reason = or_nothing(written.reason.as_ref());
            format!("status {:?} with {heard} legs that have packets, reason {reason}", written.status)
        };
        findings.push(Finding::new("wrong-metadata", "a status that fits the legs", found));
    }
    let calls: BTreeSet<&str> = written.legs.iter().map(|leg| leg.call_id.as_str()).collect();
    if calls.len() < written.legs.len() {
        findings.push(Finding::new("wrong-metadata", "each dialog once", "a dialog twice"));
    }
    for file in written.files.iter().filter(|file| !["near", "far", "stereo"].contains(&file.content.as_str())) {
        findings.push(Finding::new("wrong-metadata", "files of near, far or stereo", format!("{:?}", file.content)));
    }
    for flag in written.flags.iter().filter(|flag| !FLAGS.contains(&flag.as_str())) {
        findings.push(Finding::new("wrong-metadata", "a flag of the recorder's", format!("flag {flag:?}")));
    }
}
