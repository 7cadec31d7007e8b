use std::path::Path;

use phone::MediaClock;
use wire::Net;

use super::*;
use crate::file;
use crate::kept;
use crate::outcome::Verdict;
use crate::run::addresses::Addresses;
use crate::run::journal::Journal;
use crate::run::live::{Live, Share};
use crate::run::play::{End, Place, play};
use crate::under_test::UnderTest;

const CALL: &str = r#"
scenario: One of two phones is recorded
phones:
  agent:    { line: "2000", recording: automatic }
  customer: { line: "1000" }
steps:
  - call: { from: customer, to: agent }
  - answer: agent
  - talk: 1s
  - hang up: agent
"#;

/// The call as it is played, judged by `scenario`; `lose` takes what the recorder stored.
fn judged(scenario: &Scenario, lose: bool) -> ScenarioOutcome {
    let (folder, runtime) = (tempfile::tempdir().unwrap(), wire::simulation_runtime().unwrap());
    let (played, sessions) = runtime.block_on(async {
        let net = Net::simulated(wire::SimOptions::default());
        let (clock, live) = (MediaClock::start(&net), Live::default());
        let began = net.clock().wall_at(net.clock().epoch());
        let (addresses, share) = (Addresses::simulated(), Share::of(&live));
        let (folder, journal) = (folder.path(), &Journal::default());
        let place = Place { net, clock, addresses, folder, seed: 1, share, bystander: None, journal };
        let End::Whole(played) = play(&UnderTest::Bundled, &file::parse(CALL).unwrap(), place).await.unwrap() else {
            panic!("the call was not played to its end");
        };
        let sessions = Session::of_events(&played.events).into_iter().map(|session| session.in_run(began));
        let sessions: Vec<Session> = sessions.collect();
        (played, sessions)
    });
    let stored = if lose { Vec::new() } else { kept::read(folder.path(), &sessions) };
    judge("call.yaml", scenario, *played, Network::Simulated, (&sessions, Path::new("")), stored, None)
}

fn rules(outcome: &ScenarioOutcome) -> Vec<&str> {
    outcome.findings.iter().map(|finding| finding.rule.as_str()).collect()
}

#[test]
fn a_recorder_that_has_all_that_cucm_began_is_not_blamed_where_the_steps_give_another_number() {
    let mut scenario = file::parse(CALL).unwrap();
    assert_eq!(judged(&scenario, false).verdict, Verdict::Pass);
    // By these steps both phones are recorded, and CUCM began one recording.
    scenario.phones[1].recorded = true;
    let outcome = judged(&scenario, false);
    assert_eq!((outcome.verdict, rules(&outcome)), (Verdict::Inconclusive, vec![]));
    let reason = outcome.reason.unwrap();
    assert!(reason.contains("CUCM began 1 recordings, where the steps give 2"), "{reason}");
    // What the recorder lost of those it had is still its fault, and so is a number that the file demands.
    assert_eq!(rules(&judged(&scenario, true)), ["missing-recording"]);
    scenario.expect.recordings = Some(2);
    assert_eq!(rules(&judged(&scenario, false)), ["missing-recording"]);
}

#[test]
fn a_recording_without_any_file_is_told_once() {
    let of = |rule, recording: &str, leg: Option<&str>| {
        let mut finding = Finding::new(rule, "x", "y");
        finding.recording = Some(recording.to_owned());
        finding.leg = leg.map(str::to_owned);
        finding
    };
    let mut findings = vec![
        of("missing-file", "of 7", None),
        of("missing-file", "of 8", Some("near")),
        of("missing-recording", "of 7", None),
        of("missing-recording", "of 8", None),
        of("missing-recording", "of 9", None),
    ];
    told_as_missing_files(&mut findings);
    let left: Vec<_> = findings.iter().map(|f| (f.rule.as_str(), f.recording.as_deref().unwrap_or(""))).collect();
    let missing = ["of 8", "of 9"].map(|recording| ("missing-recording", recording));
    assert_eq!(left, [&[("missing-file", "of 7"), ("missing-file", "of 8")][..], &missing].concat());
}
