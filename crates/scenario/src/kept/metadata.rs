//! What the recorder wrote about a recording must be what CUCM told it.

use media::ledger::Leg;
use recorder::metadata::{Recording, Side};

use super::Session;
use crate::outcome::Finding;

/// Compares everything that CUCM told with what is written.
pub(crate) fn compare(told: &Session, written: &Recording, findings: &mut Vec<Finding>) {
    let text = |value: &str| Some(value.to_owned());
    let rows = [
        ("x-refci", text(&told.refci.to_string()), written.refci.clone()),
        ("x-farendrefci", text(&told.farendrefci.to_string()), written.farend_refci.clone()),
        ("x-nearendclusterid", text(&told.cluster_id), written.cluster_id.clone()),
        ("x-nearendaddr", text(&told.near.number), written.near.address.clone()),
        ("x-farendaddr", text(&told.far.number), written.far.address.clone()),
        ("x-nearenddevice", text(&told.near.device), written.near.device.clone()),
        ("x-farenddevice", text(&told.far.device), written.far.device.clone()),
    ];
    findings.extend(rows.into_iter().filter_map(|(what, told, written)| differs(what, told, written, None)));
    for leg in Leg::ALL {
        let (told, written) = (told.leg(leg), written.leg(side(leg)));
        let suite = told.suite.map(|suite| suite.name().to_owned());
        let rows = [
            ("Call-ID", text(&told.recorder_call_id), written.map(|leg| leg.call_id.clone())),
            ("codec", text(&told.codec), written.and_then(|leg| leg.codec.clone())),
            ("SRTP suite", suite, written.and_then(|leg| leg.suite.clone())),
        ];
        findings.extend(rows.into_iter().filter_map(|(what, told, written)| differs(what, told, written, Some(leg))));
    }
}

/// Compares the length that is written of a file with the one it has.
pub(crate) fn compare_length(written: &Recording, file: &str, samples: u64) -> Option<Finding> {
    let says = written.files.iter().find(|written| written.name == file)?.samples.to_string();
    let mut finding = differs("samples", Some(samples.to_string()), Some(says), None)?;
    finding.file = Some(file.to_owned());
    Some(finding)
}

const fn side(leg: Leg) -> Side {
    match leg {
        Leg::Near => Side::Near,
        Leg::Far => Side::Far,
    }
}

fn differs(what: &str, told: Option<String>, written: Option<String>, leg: Option<Leg>) -> Option<Finding> {
    if told == written {
        return None;
    }
    let words = |value: Option<String>| format!("{what} {}", value.unwrap_or_else(|| "absent".to_owned()));
    let mut finding = Finding::new("wrong-metadata", words(told), words(written));
    finding.leg = leg.map(|leg| leg.name().to_owned());
    Some(finding)
}
