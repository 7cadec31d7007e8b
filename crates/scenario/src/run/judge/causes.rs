//! One cause is one finding: what only follows from another finding is told as that.

use media::ledger::{Leg, Nature, Row, Stream};

use crate::kept::{Session, Stored};
use crate::outcome::{Channel, Finding};

/// A recording none of whose files is there is told once, by the names that were looked for.
pub(super) fn told_as_missing_files(findings: &mut Vec<Finding>) {
    let absent: Vec<_> = findings
        .iter()
        .filter(|finding| finding.rule == "missing-file" && finding.leg.is_none())
        .map(|finding| finding.recording.clone())
        .collect();
    findings.retain(|finding| finding.rule != "missing-recording" || !absent.contains(&finding.recording));
}

/// The finding that this recording is missing.
fn missing<'f>(of: &Session, findings: &'f mut [Finding]) -> Option<&'f mut Finding> {
    let label = of.label();
    let is_it = |finding: &&mut Finding| {
        finding.rule == "missing-recording" && finding.recording.as_deref() == Some(label.as_str())
    };
    findings.iter_mut().find(is_it)
}

/// Where the files of one recording have names that fit another one too, that one is not simply missing: it was written over, or its
/// names would have to differ.
pub(super) fn name_shared_files(
    stored: &[Stored],
    sessions: &[Session],
    channels: &[Channel],
    findings: &mut [Finding],
) {
    for stored in stored.iter().filter(|stored| stored.fits.len() > 1) {
        let files = names(stored);
        let is_own = |channel: &&Channel| channel.exact > 0 && files.contains(&channel.file.as_str());
        let Some(heard) = channels.iter().filter(is_own).max_by_key(|channel| channel.exact) else { continue };
        let fits: Vec<&Session> = stored.fits.iter().filter_map(|at| sessions.get(*at)).collect();
        let Some(held) = fits.iter().position(|session| session.label() == heard.recording) else { continue };
        for (at, other) in fits.iter().enumerate().filter(|(at, _)| *at != held) {
            let named = format!("recording {}", other.label());
            let is_in_it = |finding: &Finding| {
                finding.rule == "other-call-audio"
                    && finding.file.as_deref().is_some_and(|file| files.contains(&file))
                    && finding.found.contains(&named)
            };
            let is_joined = findings.iter().any(is_in_it);
            let Some(finding) = missing(other, findings) else { continue };
            if is_joined {
                let (files, held) = (files.join(" and "), fits[held].label());
                finding.found = format!(
                    "it is in {files} with recording {held}: a file per call has `file_per = \"call\"` in mixedmode.toml"
                );
                continue;
            }
            let (is, s) = if files.len() == 1 { ("is the name", "s") } else { ("are the names", "") };
            let (files, held_label) = (files.join(" and "), fits[held].label());
            if !stored.is_shared {
                finding.found = format!("the only file whose name fits it, {files}, holds recording {held_label}");
                continue;
            }
            let way =
                if at < held { "it was written over" } else { "the first was kept, and this one is stored nowhere" };
            let labels: Vec<String> = fits.iter().map(|session| session.label()).collect();
            finding.rule = "file-written-over".to_owned();
            finding.expected = format!("a file of its own for each of the recordings {}", labels.join(" and "));
            let all = fits.len();
            finding.found = format!("{files} {is} of {all} recordings and hold{s} {held_label}: {way}");
            finding.file = stored.recorded.files.first().map(|file| file.name.clone());
        }
    }
}

/// A file that the recorder, or who tells of its files, names for recordings of this run, and that holds nothing of the run.
pub(super) fn name_strangers(stored: &[Stored], sessions: &[Session], findings: &mut [Finding]) {
    for stored in stored.iter().filter(|stored| !stored.fits.is_empty()) {
        let label = &stored.recorded.label;
        let is_it = |finding: &&mut Finding| {
            finding.rule == "unexpected-recording"
                && finding.recording.as_ref() == Some(label)
                && finding.found.ends_with("of nothing that was said in a recorded call")
        };
        let Some(finding) = findings.iter_mut().find(is_it) else { continue };
        let fits: Vec<&Session> = stored.fits.iter().filter_map(|at| sessions.get(*at)).collect();
        let named: Vec<String> = fits.iter().map(|session| session.label()).collect();
        let files = names(stored).join(" and ");
        finding.rule = "other-call-audio".to_owned();
        finding.expected = format!("the audio of recording {}, by the name that it goes by", named.join(" or "));
        finding.found = format!("{files} holds nothing that was said in this run: another call's audio");
        finding.recording = named.first().cloned();
        finding.file = stored.recorded.files.first().map(|file| file.name.clone());
        for session in fits {
            if let Some(finding) = missing(session, findings) {
                finding.found = format!("nothing else goes by its name than {files}, which is another call's");
            }
        }
    }
}

/// Where the names of files leave it open which recording they are of, findings about the file as such go by the recording that it is by
/// its audio.
pub(super) fn name_by_audio(stored: &[Stored], channels: &[Channel], findings: &mut [Finding]) {
    for stored in stored.iter().filter(|stored| stored.recorded.expected.is_none()) {
        let files = names(stored);
        let is_own = |channel: &&Channel| channel.exact > 0 && files.contains(&channel.file.as_str());
        let Some(heard) = channels.iter().filter(is_own).max_by_key(|channel| channel.exact) else { continue };
        let label = &stored.recorded.label;
        for finding in findings.iter_mut().filter(|finding| finding.recording.as_ref() == Some(label)) {
            finding.recording = Some(heard.recording.clone());
        }
    }
}

/// A file that is cut short ends within a sample and lacks the end of what was said: that is one finding.
pub(super) fn fold_cut_files(findings: &mut Vec<Finding>) {
    let follows = |rule: &str, found: &str| match rule {
        "end-clipped" | "wrong-duration" => true,
        "wrong-header" => found.starts_with("the audio ends within a frame"),
        _ => false,
    };
    let cut: Vec<Finding> = findings.iter().filter(|finding| finding.rule == "truncated-file").cloned().collect();
    for cut in cut.iter().filter(|cut| cut.file.is_some()) {
        let is_cut = |finding: &Finding| (&finding.file, &finding.recording) == (&cut.file, &cut.recording);
        let mut folded: Vec<Finding> = findings.extract_if(.., |f| is_cut(f) && follows(&f.rule, &f.found)).collect();
        folded.retain(|finding| finding.rule == "end-clipped");
        let Some(whole) = findings.iter_mut().find(|f| f.rule == cut.rule && is_cut(f)) else { continue };
        for end in folded {
            whole.found = format!("{}; {}", whole.found, end.found);
            (whole.leg, whole.audio_ms, whole.packets) = match &whole.leg {
                None => (end.leg, end.audio_ms, end.packets),
                // Both channels of a file are cut.
                Some(_) => (None, whole.audio_ms, None),
            };
        }
    }
}

/// What went wrong on the wire comes before what is missing for it, and what is written about recordings comes last.
pub(super) fn causes_first(findings: &mut [Finding]) {
    let rank = |finding: &Finding| match finding.rule.as_str() {
        "recorder-died" => 0,
        "malformed-message" | "unusable-media" | "improper-answer" | "recorder-hung-up" | "recording-failed" => 1,
        "missing-recording" | "missing-file" | "missing-leg" => 3,
        "wrong-metadata" | "wrong-journal" | "wrong-participants" | "wrong-end" | "unlisted-file"
        | "unlisted-event" => 4,
        _ => 2,
    };
    findings.sort_by_key(rank);
}

/// Natures of packets that no receiver may believe, the rule for their audio, and what they are called.
const UNTRUE: [(Nature, &str, &str); 3] = [
    (Nature::Forged, "forged-audio", "that no key of the call sealed"),
    (Nature::BadTag, "unauthenticated-audio", "with a wrong authentication tag"),
    (Nature::WrongKey, "wrong-key-audio", "sealed with a key that was never agreed on"),
];

/// Noise where packets came that do not authenticate is what came of these: they were believed, and nothing was decrypted.
pub(super) fn name_unauthenticated(streams: &[Stream], sessions: &[Session], findings: &mut [Finding]) {
    for finding in findings.iter_mut().filter(|f| matches!(f.rule.as_str(), "noise-audio" | "unknown-audio")) {
        let Some((from_ms, to_ms)) = finding.audio_ms else { continue };
        let is_of = |session: &&Session| finding.recording.as_ref() == Some(&session.label());
        let Some(session) = sessions.iter().find(is_of) else { continue };
        let leg = Leg::ALL.into_iter().find(|leg| Some(leg.name()) == finding.leg.as_deref());
        let Some(leg) = leg.map(|leg| session.leg(leg)) else { continue };
        let rows = || {
            let own = streams.iter().filter(|stream| stream.dialog == leg.bridge_call_id && stream.suite.is_some());
            own.flat_map(|stream| &stream.rows)
        };
        let Some(began_us) = rows().map(|row| row.sent_us).min() else { continue };
        // Packets that are believed may be stored far from when they came: their timestamps lead anywhere.
        let is_before = |at_us: u64| at_us <= began_us + (to_ms + ABOUT_MS) * 1000;
        let is_behind = |at_us: u64| at_us + ABOUT_MS * 1000 >= began_us + from_ms * 1000;
        let most = UNTRUE
            .map(|(nature, rule, what)| {
                let came = rows().filter(|row| row.nature == nature).filter_map(Row::arrived_us);
                (came.filter(|at_us| is_before(*at_us) && is_behind(*at_us)).count(), rule, what)
            })
            .into_iter()
            .max_by_key(|(count, ..)| *count);
        if let Some((count, rule, what)) = most.filter(|(count, ..)| *count > 0) {
            let noun = if count == 1 { "packet" } else { "packets" };
            finding.rule = rule.to_owned();
            finding.found = format!("{}; {count} {noun} {what} came about then, and must be dropped", finding.found);
        }
    }
}

/// How exactly it is known when the audio of a place in a file came: files begin with either leg.
const ABOUT_MS: u64 = 1000;

fn names(stored: &Stored) -> Vec<&str> {
    stored.recorded.files.iter().map(|file| file.name.as_str()).collect()
}
