//! Which message a finding is about, and what is wrong with it.

use crate::evidence::{ColumnKind, Evidence, Message, MessageKind};
use crate::outcome::Finding;

/// Which messages a finding points at.
#[derive(Clone, Copy)]
enum About {
    /// The recorder's answers with a description, of the recording if the finding names one.
    Answers,
    /// The recorder's BYEs.
    RecorderByes,
    /// CUCM's BYEs to the recorder.
    CucmByes,
    /// The recorder's final answers of 300 and above.
    Refusals,
    /// What was no proper message of the recorder's.
    Malformed,
    /// Connections between CUCM and the recorder.
    Connections,
    /// The answers that stand in the finding by status and method.
    ImproperAnswers,
    /// The INVITEs to the recorder.
    Invites,
    /// INVITEs to the recorder to which no final answer came.
    Unanswered,
    /// OPTIONS to the recorder.
    Pings,
}

/// Writes remarks on the messages that findings are about.
pub(super) fn note(evidence: &mut Evidence, findings: &[Finding]) {
    for (number, finding) in findings.iter().enumerate() {
        let Some(about) = about(finding) else { continue };
        let recording = finding.recording.as_ref();
        let of = recording.map(|label| evidence.recordings.iter().position(|recording| recording.label == *label));
        let to_recorder = |message: &Message, column: usize| {
            matches!(evidence.columns[column].kind, ColumnKind::Recorder | ColumnKind::Destination)
                && of.is_none_or(|of| of.is_none() || message.recording == of)
        };
        let concerned: Vec<usize> = (0..evidence.messages.len())
            .filter(|at| {
                let message = &evidence.messages[*at];
                let (sent, got) = (to_recorder(message, message.from), to_recorder(message, message.to));
                concerns(about, message, (sent, got), finding)
            })
            .collect();
        for at in concerned {
            let message = &mut evidence.messages[at];
            message.findings.push(number);
            message.notes.push(format!("{}: {}; expected {}", finding.rule, finding.found, finding.expected));
        }
    }
}

fn about(finding: &Finding) -> Option<About> {
    let given_up = |why: &str| finding.rule == "recording-failed" && finding.found.ends_with(&format!("({why})"));
    Some(match finding.rule.as_str() {
        _ if given_up("timeout") => About::Unanswered,
        _ if ["connect", "closed", "alert"].into_iter().any(given_up) => About::Connections,
        "audio-in-clear" | "unexpected-srtp" | "wrong-suite" => About::Answers,
        "recorder-hung-up" => About::RecorderByes,
        "wrong-cause" | "wrong-end" => About::CucmByes,
        "recording-failed" | "recording-terminated" | "not-given-up" => About::Refusals,
        "malformed-message" => About::Malformed,
        "refused" | "not-refused" => About::Connections,
        "improper-answer" => About::ImproperAnswers,
        "missing-recording" | "wrong-call" | "wrong-recorder" | "dialog-twice" => About::Invites,
        "out-of-service" => About::Pings,
        _ => return None,
    })
}

/// `sent` and `got` say whether the message came from, or went to, a recorder.
fn concerns(about: About, message: &Message, (sent, got): (bool, bool), finding: &Finding) -> bool {
    let is_request = |method: &str| message.kind == MessageKind::Request && message.label == method;
    let status = message.label.split(' ').next().and_then(|word| word.parse::<u16>().ok());
    let status = status.filter(|_| message.kind == MessageKind::Response && sent);
    match about {
        About::Answers => status.is_some_and(|status| status < 300) && message.sdp,
        About::RecorderByes => sent && is_request("BYE"),
        About::CucmByes => got && is_request("BYE"),
        About::Refusals => status.is_some_and(|status| status >= 300),
        About::Malformed => sent && message.kind == MessageKind::Malformed,
        About::Connections => (sent || got) && message.kind == MessageKind::Connection,
        About::ImproperAnswers => {
            let method = message.cseq.split(' ').nth(1).unwrap_or_default();
            status.is_some_and(|status| finding.found.starts_with(&format!("{status} to {method} ")))
        }
        About::Invites => got && is_request("INVITE") && finding.recording.is_some(),
        About::Unanswered => got && is_request("INVITE"),
        About::Pings => got && is_request("OPTIONS"),
    }
}
