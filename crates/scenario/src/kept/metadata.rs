//! What the recorder wrote about a recording must be what CUCM told it.

mod alarms;
mod calls;
mod changes;
mod form;
mod journal;
mod packets;
mod participants;
mod times;
mod told;

use std::collections::BTreeMap;
use std::path::Path;

use media::ledger::{Leg, Stream, StreamKind};
use recorder::metadata::{FILE_NAME, Recording, Side, Status};
use verify::{Rule, Verdict};

pub(crate) use calls::compare as compare_calls;
pub(super) use form::unknown;

use super::{Hampering, Session};
use crate::outcome::Finding;

/// Compares everything that CUCM told with what is written.
pub(crate) fn compare(told: &Session, written: &Recording, findings: &mut Vec<Finding>) {
    let text = |value: &str| Some(value.to_owned());
    // Releases up to 10.5 write devices in small letters.
    let device = |name: Option<&str>| name.map(str::to_ascii_uppercase);
    // What CUCM kept to itself nobody can write.
    let as_told = |name, is: &str| text(is).filter(|_| told::tells(told, name));
    let rows = [
        ("x-refci", text(&told.refci.to_string()), written.refci.clone()),
        ("x-farendrefci", text(&told.farendrefci.to_string()), written.farend_refci.clone()),
        ("x-nearendclusterid", as_told("x-nearendclusterid", &told.cluster_id), written.cluster_id.clone()),
        ("x-nearendaddr", as_told("x-nearendaddr", &told.near.number), written.near.address.clone()),
        ("x-farendaddr", as_told("x-farendaddr", &told.far.number), written.far.address.clone()),
        ("x-nearenddevice", device(Some(&told.near.device)), device(written.near.device.as_deref())),
        ("x-farenddevice", device(Some(&told.far.device)), device(written.far.device.as_deref())),
    ];
    findings.extend(rows.into_iter().filter_map(|(what, told, written)| differs(what, told, written, None)));
    let session = told;
    for leg in session.legs() {
        let (told, written) = (session.leg(leg), written.leg(side(leg)));
        // What CUCM answered stands in the ACK.
        let is_answered = !session.is_hampered(leg, Hampering::NoAck);
        let suite = told.suite.filter(|_| is_answered).map(|suite| suite.name().to_owned());
        let rows = [
            ("Call-ID", text(&told.recorder_call_id), written.map(|leg| leg.call_id.clone())),
            ("codec", text(&told.codec).filter(|_| is_answered), written.and_then(|leg| leg.codec.clone())),
            ("SRTP suite", suite, written.and_then(|leg| leg.suite.clone())),
        ];
        findings.extend(rows.into_iter().filter_map(|(what, told, written)| differs(what, told, written, Some(leg))));
    }
}

/// Compares dialogs, packets, times and journal with what CUCM told and what was sent.
pub(crate) fn against_run(
    told: &Session,
    streams: &[Stream],
    folder: &Path,
    written: &Recording,
    findings: &mut Vec<Finding>,
) {
    let fed = |stream: &&Stream| {
        told.legs().any(|leg| stream.kind == StreamKind::Bridge(leg) && stream.dialog == told.leg(leg).bridge_call_id)
    };
    let (streams, strangers): (Vec<&Stream>, Vec<&Stream>) = streams.iter().partition(fed);
    told::compare(told, written, findings);
    changes::compare(told, written, findings);
    packets::compare(told, (&streams, &strangers), written, findings);
    times::compare(told, &streams, written, findings);
    journal::compare(folder, told, &streams, written, findings);
    participants::compare(told, written, findings);
    alarms::compare(told, &streams, written, findings);
    ends(told, written, findings);
}

/// Who ended the session, and by which word.
fn ends(told: &Session, written: &Recording, findings: &mut Vec<Finding>) {
    if told.lost_us.is_some() {
        return ends_unsaid(told, written, findings);
    }
    let Some(by_recorder) = told.ended_by_recorder else { return };
    // Of a leg that never stood CUCM's BYE says nothing.
    let stood = |written: &&recorder::metadata::Leg| told.legs().any(|leg| side(leg) == written.side);
    for leg in written.legs.iter().filter(stood) {
        let by_peer = leg.ended_by.as_deref() == Some("peer");
        let reason = leg.end_reason.as_deref().is_some_and(|reason| reason.starts_with("Q.850;cause="));
        let hung_up = told.is_hampered(ledger_leg(leg.side), Hampering::HungUp);
        if !(by_recorder || hung_up || by_peer && reason) {
            let found = format!(
                "ended_by {} with {}, leg {}",
                or_nothing(leg.ended_by.as_ref()),
                or_nothing(leg.end_reason.as_ref()),
                leg.side.name()
            );
            findings.push(Finding::new("wrong-end", "ended_by peer with the cause of CUCM's BYE", found));
        }
        let reason = leg.end_reason.clone().unwrap_or_default();
        let cause = reason.strip_prefix("Q.850;cause=").and_then(|cause| cause.split(';').next()?.trim().parse().ok());
        if by_peer && cause.is_some() && told.end_cause.is_some_and(|told| cause != Some(told)) {
            let expected = format!("Q.850;cause={}", told.end_cause.unwrap_or_default());
            findings.push(Finding::new("wrong-end", expected, format!("{reason}, leg {}", leg.side.name())));
        }
    }
    if by_recorder && written.legs.iter().all(|leg| leg.ended_by.as_deref() == Some("peer")) {
        findings.push(Finding::new("wrong-end", "a leg that the recorder ended", "ended_by peer on both"));
    }
}

/// A field as it is written; `nothing` where it is not.
fn or_nothing(field: Option<&String>) -> &str {
    field.map_or("nothing", String::as_str)
}

/// A recording whose node died: the recorder has to find out itself that it is over, and to say so, unless it hangs up before.
fn ends_unsaid(told: &Session, written: &Recording, findings: &mut Vec<Finding>) {
    const BY_ITSELF: [&str; 2] = ["inactivity", "session-timer"];
    let early = |leg: &recorder::metadata::Leg| {
        told.is_hampered(ledger_leg(leg.side), Hampering::EarlyBye) && leg.ended_by.as_deref() == Some("peer")
    };
    let (over, rest): (Vec<_>, Vec<_>) = written.legs.iter().partition(|leg| hangs_up(told, leg) || early(leg));
    if !over.is_empty() && rest.is_empty() {
        return;
    }
    for leg in rest {
        if !leg.ended_by.as_deref().is_some_and(|by| BY_ITSELF.contains(&by)) {
            let found = format!("ended_by {}, leg {}", or_nothing(leg.ended_by.as_ref()), leg.side.name());
            findings.push(Finding::new("wrong-end", "ended_by inactivity or session-timer: no BYE came", found));
        }
    }
    if !written.flags.iter().any(|flag| flag == "no-bye") {
        let found = format!("flags {}", written.flags.join(", "));
        findings.push(Finding::new("wrong-end", "the flag no-bye", found));
    }
}

/// Whether the recorder was told to hang up, and says of this leg that it did.
fn hangs_up(told: &Session, written: &recorder::metadata::Leg) -> bool {
    told.is_hampered(ledger_leg(written.side), Hampering::HungUp) && written.ended_by.as_deref() == Some("recorder")
}

/// What is written must fit together: a failed recording has no audio, and the stereo file is as long as the recording.
pub(crate) fn fits_together(folder: &Path, written: &Recording, findings: &mut Vec<Finding>) {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    form::consistent(&name.unwrap_or_default(), written, findings);
    alarms::in_form(written, findings);
    for leg in &written.legs {
        let file = written.files.iter().find(|file| file.content == leg.side.name());
        let samples = file.map(|file| file.samples.to_string());
        let says = Some(leg.samples.to_string());
        findings.extend(samples.and_then(|samples| differs("samples of the leg", Some(samples), says, None)));
    }
    if written.status == Status::Failed && !written.files.is_empty() {
        findings.push(Finding::new("wrong-metadata", "a status of a recording with audio", "status failed"));
    }
    let stereo = written.files.iter().find(|file| file.content == "stereo");
    let lasts =
        stereo.filter(|file| file.rate > 0).map(|file| file.samples.saturating_mul(1000) / u64::from(file.rate));
    let says = Some(written.duration_ms.to_string());
    findings.extend(lasts.and_then(|lasts| differs("duration_ms", Some(lasts.to_string()), says, None)));
}

/// Compares the length that is written of a file with the one it has. Where what is written fits together, the file
/// was changed after it was written, else what is written was.
pub(crate) fn compare_length(written: &Recording, file: &str, samples: u64) -> Option<Finding> {
    let listed = written.files.iter().find(|listed| listed.name == file).filter(|listed| listed.samples != samples)?;
    let channels = if listed.content == "stereo" { 2 } else { 1 };
    let audio = listed.samples.saturating_mul(2 * channels);
    let fits = listed.bytes.checked_sub(audio).is_some_and(|header| header <= LONGEST_HEADER);
    let (expected, found) = (format!("{} samples, as {FILE_NAME} says", listed.samples), format!("{samples} samples"));
    let (rule, found) = match (fits, samples < listed.samples) {
        (true, true) => (Rule::EndClipped.code(), format!("{found}: the end of the file is cut off")),
        (true, false) => (Rule::WrongDuration.code(), format!("{found}: the file is longer than it was written")),
        (false, _) => ("wrong-metadata", found),
    };
    Some(in_file(Finding::new(rule, expected, found), file))
}

/// Compares size and rate that are written of a file with those it has.
pub(crate) fn compare_container(
    written: &Recording,
    file: &str,
    bytes: Option<u64>,
    rate: Option<u32>,
) -> Vec<Finding> {
    let Some(listed) = written.files.iter().find(|listed| listed.name == file) else { return Vec::new() };
    let rows = [("bytes", bytes, listed.bytes), ("rate", rate.map(u64::from), u64::from(listed.rate))];
    let differ = rows.into_iter().filter_map(|(what, is, says)| {
        differs(what, Some(is?.to_string()), Some(says.to_string()), None).map(|finding| in_file(finding, file))
    });
    differ.collect()
}

/// Compares where the legs lie in the stereo file with what is written about it. A misalignment that is smaller than
/// what the network may cause is seen only so.
///
/// `sound` are the files in which nothing is wrong, with their lengths: only such a leg file says where the leg begins.
pub(crate) fn compare_offsets(
    written: &Recording,
    verdict: &Verdict,
    label: &str,
    sound: &BTreeMap<&str, u64>,
) -> Option<Finding> {
    let stereo = written.stereo?;
    let listed = |content: &str| written.files.iter().find(|file| file.content == content);
    let file = listed("stereo").map(|file| file.name.as_str()).filter(|file| sound.contains_key(file))?;
    let whole = |leg: Leg| {
        let listed = listed(leg.name()).filter(|listed| sound.get(&*listed.name) == Some(&listed.samples));
        listed.map(|listed| listed.name.as_str())
    };
    let offset = |file: &str, leg: Leg| {
        let mut channels = verdict.channels.iter().filter(|channel| channel.recording == label && channel.file == file);
        channels.find(|channel| channel.leg == Some(leg)).and_then(|channel| channel.offset_samples)
    };
    // How much later each leg is than it says, in samples of 8 kHz, as the verifier counts.
    let wide = listed("stereo").map_or(1, |file| u64::from(file.rate / 8000).max(1));
    let late = |leg: Leg, says: u64| Some(offset(file, leg)? - offset(whole(leg)?, leg)? - (says / wide) as i64);
    let (near, far) = (late(Leg::Near, stereo.near_offset)?, late(Leg::Far, stereo.far_offset)?);
    if (near, far) == (0, 0) {
        return None;
    }
    let says =
        format!("near after {} and far after {} samples, as {FILE_NAME} says", stereo.near_offset, stereo.far_offset);
    let found = format!("near is {near} and far {far} samples later");
    let by_file = verdict.recordings.iter().find(|figures| figures.label == label)?.alignment_ms.get(file)?;
    let by_words = by_file - (far - near) as f64 / 8.0;
    let rule = match near == far {
        true => Rule::WrongDuration.code(),
        false if by_words.abs() <= by_file.abs() => Rule::MisalignedLegs.code(),
        false => "wrong-metadata",
    };
    Some(in_file(Finding::new(rule, says, found), file))
}

fn in_file(mut finding: Finding, file: &str) -> Finding {
    finding.file = Some(file.to_owned());
    finding
}

/// The header of a WAV file with every chunk the recorder may write.
const LONGEST_HEADER: u64 = 128;

const fn ledger_leg(side: Side) -> Leg {
    match side {
        Side::Near => Leg::Near,
        Side::Far => Leg::Far,
    }
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
