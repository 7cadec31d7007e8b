//! Whether a recorder is there at all: started as for a scenario, and asked by OPTIONS over each of its transports.

use std::fmt::Write as _;

use super::{Item, Live, Network, Options, SetupError, Tries};
use crate::evidence::{ColumnKind, Evidence, MessageKind};
use crate::file::{Scenario, Transport, parse};
use crate::outcome::{ScenarioOutcome, Verdict};
use crate::under_test::UnderTest;

/// What came of asking over one transport.
#[derive(Clone, Debug)]
pub struct Pinged {
    /// `TLS`, `TCP` or `UDP`.
    pub transport: &'static str,
    /// The answer, such as `200 OK`; else why there is none.
    pub answer: Result<String, String>,
}

/// Starts the recorder under test as for a scenario, once for each transport that it takes, and sends it OPTIONS as CUCM does. Takes some
/// seconds of real time.
///
/// # Errors
/// [`SetupError`] where nothing could be asked at all.
pub fn ping(under_test: &UnderTest) -> Result<Vec<Pinged>, SetupError> {
    let all = [("TLS", Transport::Tls), ("TCP", Transport::Tcp), ("UDP", Transport::Udp)];
    let takes = |transport| match under_test {
        UnderTest::Bundled => transport == Transport::Tls,
        UnderTest::External(profile) => profile.listens.port(transport).is_some(),
    };
    let asked: Vec<&'static str> = all.into_iter().filter(|(_, of)| takes(*of)).map(|(name, _)| name).collect();
    let item = |name: &&str| Ok(Item { file: format!("doctor-{name}.yaml"), scenario: scenario(name)? });
    let items = asked.iter().map(item).collect::<Result<_, SetupError>>()?;
    let options = Options {
        network: Network::Os,
        seed: 1,
        jobs: match under_test {
            UnderTest::Bundled => 1,
            UnderTest::External(profile) => profile.jobs(3),
        },
        pcapng: None,
        keep: None,
        under_test: under_test.clone(),
        bystander: None,
        evidence: true,
        tries: Tries::default(),
    };
    let outcome = super::run(items, &options, &std::sync::Arc::<Live>::default(), |_| {})?;
    Ok(asked
        .into_iter()
        .zip(&outcome.scenarios)
        .map(|(transport, of)| Pinged { transport, answer: answer(of) })
        .collect())
}

/// One phone that nobody calls, and a trunk that is pinged.
fn scenario(transport: &str) -> Result<Scenario, SetupError> {
    let text = format!(
        "scenario: The recorder answers OPTIONS\ncluster: {{ mode: {} }}\nphones:\n  agent: {{ line: \"2000\", recording: automatic }}\n\
         trunk: {{ transport: {transport}, OPTIONS ping: {{ in service: 5s, out of service: 5s }} }}\nsteps:\n  - wait: 2s\n",
        if transport == "TLS" { "mixed" } else { "non-secure" },
    );
    parse(&text).map_err(|wrong| SetupError::Refused(wrong.iter().map(|one| one.render("doctor", &text)).collect()))
}

fn answer(outcome: &ScenarioOutcome) -> Result<String, String> {
    if matches!(outcome.verdict, Verdict::SetupError | Verdict::Skipped | Verdict::NotRun) {
        return Err(outcome.reason.clone().unwrap_or_default());
    }
    let mut why = outcome.findings.iter().fold(String::new(), |mut why, finding| {
        let _ = write!(why, "; {}: {}", finding.rule, finding.found);
        why
    });
    let Some(evidence) = &outcome.evidence else { return Err("nothing was seen of it".to_owned()) };
    if let Some(answer) = answered(evidence) {
        return Ok(answer);
    }
    for message in evidence.messages.iter().filter(|message| message.kind == MessageKind::Connection) {
        let _ = write!(why, "; {}", message.label);
        for note in &message.notes {
            let _ = write!(why, ": {note}");
        }
    }
    Err(format!("OPTIONS got no answer{why}"))
}

/// The recorder's first answer to OPTIONS.
fn answered(evidence: &Evidence) -> Option<String> {
    let of_recorder = |column: usize| evidence.columns.get(column).is_some_and(|c| c.kind == ColumnKind::Recorder);
    let is_answer = |message: &&crate::evidence::Message| {
        message.kind == MessageKind::Response && of_recorder(message.from) && message.cseq.ends_with(" OPTIONS")
    };
    evidence.messages.iter().find(is_answer).map(|message| message.label.clone())
}
