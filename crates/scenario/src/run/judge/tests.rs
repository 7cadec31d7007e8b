use std::path::Path;

use phone::MediaClock;
use wire::Net;

use super::*;
use crate::file;
use crate::kept;
use crate::outcome::{Channel, Finding, Verdict};
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
    judge("call.yaml", scenario, *played, Network::Simulated, (&sessions, Path::new("")), stored, (None, &[]))
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
    causes::told_as_missing_files(&mut findings);
    let left: Vec<_> = findings.iter().map(|f| (f.rule.as_str(), f.recording.as_deref().unwrap_or(""))).collect();
    let missing = ["of 8", "of 9"].map(|recording| ("missing-recording", recording));
    assert_eq!(left, [&[("missing-file", "of 7"), ("missing-file", "of 8")][..], &missing].concat());
}

/// Recordings of one refci, and a file whose name fits them all.
fn shared(is_shared: bool) -> (Vec<Session>, Stored) {
    let first = crate::under_test::session_of_tests(7, "2000", "1000");
    let second = Session { earlier: 1, ..first.clone() };
    let file = verify::RecordedFile::stereo("7.wav", Vec::new());
    let recorded = verify::Recorded { label: "7.wav".to_owned(), expected: None, files: vec![file] };
    let stored = Stored {
        recorded,
        folder: std::path::PathBuf::new(),
        metadata: None,
        said: Vec::new(),
        is_mixed: false,
        findings: Vec::new(),
        fits: vec![0, 1],
        is_shared,
    };
    (vec![first, second], stored)
}

fn of_recording(rule: &str, label: &str, found: &str) -> Finding {
    Finding { recording: Some(label.to_owned()), ..Finding::new(rule, "x", found) }
}

#[test]
fn a_recording_whose_file_holds_the_next_one_was_written_over() {
    let named = |is_shared, heard: usize| {
        let (sessions, stored) = shared(is_shared);
        let labels: Vec<String> = sessions.iter().map(Session::label).collect();
        let channel = Channel {
            recording: labels[heard].clone(),
            leg: "near".to_owned(),
            file: "7.wav".to_owned(),
            delivered: 9,
            exact: 9,
            lost_by_network: 0,
            figures: serde_json::Value::Null,
        };
        let mut findings = vec![of_recording("missing-recording", &labels[1 - heard], "none")];
        causes::name_shared_files(&[stored], &sessions, &[channel], &mut findings);
        assert_eq!(findings[0].recording.as_ref(), Some(&labels[1 - heard]));
        (findings[0].rule.clone(), findings[0].found.clone())
    };
    let (rule, found) = named(true, 1);
    assert_eq!(rule, "file-written-over");
    assert!(
        found.starts_with("7.wav is the name of 2 recordings and holds ") && found.ends_with("it was written over")
    );
    assert!(named(true, 0).1.ends_with("the first was kept, and this one is stored nowhere"));
    let (sessions, stored) = shared(true);
    let labels: Vec<String> = sessions.iter().map(Session::label).collect();
    let found = format!("20 ms of the near leg of recording {} in the near leg", labels[1]);
    let mut joined = of_recording("other-call-audio", &labels[0], &found);
    joined.file = Some("7.wav".to_owned());
    let mut findings = vec![joined, of_recording("missing-recording", &labels[1], "none")];
    let channel = Channel {
        recording: labels[0].clone(),
        leg: "near".to_owned(),
        file: "7.wav".to_owned(),
        delivered: 9,
        exact: 9,
        lost_by_network: 0,
        figures: serde_json::Value::Null,
    };
    causes::name_shared_files(&[stored], &sessions, &[channel], &mut findings);
    assert_eq!(findings[1].rule, "missing-recording");
    assert!(findings[1].found.starts_with("it is in 7.wav with recording "), "{}", findings[1].found);
    let (rule, found) = named(false, 1);
    assert_eq!(rule, "missing-recording");
    assert!(found.starts_with("the only file whose name fits it, 7.wav, holds recording "), "{found}");
}

#[test]
fn a_file_that_goes_by_the_name_of_a_recording_and_holds_nothing_of_the_run_is_another_calls() {
    let (sessions, stored) = shared(true);
    let stranger = "a recording 7.wav of nothing that was said in a recorded call";
    let mut findings = vec![of_recording("unexpected-recording", "7.wav", stranger)];
    findings.extend(sessions.iter().map(|session| of_recording("missing-recording", &session.label(), "none")));
    causes::name_strangers(&[stored], &sessions, &mut findings);
    assert_eq!(findings[0].rule, "other-call-audio");
    assert_eq!(findings[0].found, "7.wav holds nothing that was said in this run: another call's audio");
    assert!(findings[0].expected.contains(&sessions[1].label()), "{}", findings[0].expected);
    assert!(
        findings[1..].iter().all(|f| f.found == "nothing else goes by its name than 7.wav, which is another call's")
    );
}

#[test]
fn a_finding_names_the_key_that_expects_something_and_the_step_at_which_it_was_said() {
    let text = format!("{CALL}expect:\n  # how many\n  media: RTP\n  recordings: 2\n");
    let scenario = file::parse(&text).unwrap();
    let at = |wanted: &str| text.lines().position(|line| line.contains(wanted)).unwrap() + 1;
    assert_eq!(lines::of_expectation(&scenario, "recordings"), at("recordings: 2"));
    assert_eq!(lines::of_expectation(&scenario, "suite"), at("media: RTP"), "the first line of what is expected");
    let flow = file::parse(&format!("{CALL}expect: {{ media: RTP, recordings: 2 }}\n")).unwrap();
    assert_eq!(lines::of_expectation(&flow, "recordings"), at("expect:"));

    let mut session = crate::under_test::session_of_tests(7, "2000", "1000");
    session.near_leg.bridge_call_id = "bridge".to_owned();
    session.near_leg.invited_us = Some(1_500_000);
    let stream = media::ledger::Stream {
        dialog: "bridge".to_owned(),
        rows: (0..100)
            .map(|n| media::ledger::Row {
                sequence: 65_500_u16.wrapping_add(n),
                sent_us: 2_000_000 + u64::from(n) * 20_000,
                ..media::ledger::Row::base()
            })
            .collect(),
        ..empty_stream()
    };
    let steps = [(7, 1_000_000), (8, 2_500_000), (9, 3_500_000)];
    let lost = |more: fn(&mut Finding)| {
        let mut finding = Finding { leg: Some("near".into()), ..of_recording("lost-frames", &session.label(), "x") };
        more(&mut finding);
        let mut findings = [finding];
        lines::name(&mut findings, std::slice::from_ref(&stream), std::slice::from_ref(&session), &steps);
        findings[0].line
    };
    assert_eq!(lost(|f| f.packets = Some((65_530, 65_531))), Some(8), "said 2.6 s into the run");
    assert_eq!(lost(|f| f.audio_ms = Some((1_600, 1_620))), Some(9));
    assert_eq!(lost(|f| f.leg = None), Some(7), "the recording as a whole began with its INVITE");
    assert_eq!(lost(|f| f.recording = None), None);
    assert_eq!(lost(|f| f.line = Some(3)), Some(3));
}

fn empty_stream() -> media::ledger::Stream {
    media::ledger::Stream {
        phone: String::new(),
        kind: media::ledger::StreamKind::Bridge(media::ledger::Leg::Near),
        dialog: String::new(),
        main_dialog: String::new(),
        ssrc: 1,
        codec: media::g711::Law::Mu.into(),
        suite: Some(media::srtp::Suite::AesCm128HmacSha1_80),
        key_fingerprint: None,
        source: "192.0.2.1:4000".parse().unwrap(),
        destination: "192.0.2.2:4000".parse().unwrap(),
        clock: 8000,
        samples_per_packet: 160,
        started_us: 0,
        ended_us: 0,
        rows: Vec::new(),
        payloads: Vec::new(),
    }
}

#[test]
fn noise_where_packets_came_that_do_not_authenticate_is_an_insecurity() {
    use media::ledger::{Nature, Row};
    let mut session = crate::under_test::session_of_tests(7, "2000", "1000");
    session.far_leg.bridge_call_id = "bridge".to_owned();
    let named = |nature, from_ms: u64, suite| {
        let row = |n: u64| Row {
            sent_us: n * 20_000,
            nature: if (100..110).contains(&n) { nature } else { Nature::Genuine },
            ..Row::base()
        };
        let stream = media::ledger::Stream {
            dialog: "bridge".to_owned(),
            rows: (0..400).map(row).collect(),
            suite,
            ..empty_stream()
        };
        let noise = of_recording("noise-audio", &session.label(), "noise");
        let mut findings = [Finding { leg: Some("far".into()), audio_ms: Some((from_ms, from_ms + 200)), ..noise }];
        causes::name_unauthenticated(&[stream], std::slice::from_ref(&session), &mut findings);
        (findings[0].rule.clone(), findings[0].found.clone())
    };
    let suite = Some(media::srtp::Suite::AesCm128HmacSha1_80);
    assert_eq!(named(Nature::Forged, 2000, suite).0, "forged-audio");
    let (rule, found) = named(Nature::BadTag, 2000, suite);
    assert_eq!(rule, "unauthenticated-audio");
    assert_eq!(found, "noise; 10 packets with a wrong authentication tag came about then, and must be dropped");
    assert_eq!(named(Nature::WrongKey, 2000, suite).0, "wrong-key-audio");
    assert_eq!(named(Nature::Forged, 5000, suite).0, "noise-audio", "long after they came");
    assert_eq!(named(Nature::Genuine, 2000, suite).0, "noise-audio");
    assert_eq!(named(Nature::Forged, 2000, None).0, "noise-audio", "nothing authenticates in clear");
}

#[test]
fn a_file_that_is_cut_short_is_one_finding_and_causes_come_before_what_is_written() {
    let of = |rule: &str, file: &str, found: &str| Finding {
        file: Some(file.to_owned()),
        ..of_recording(rule, "of 7", found)
    };
    let mut end = of("end-clipped", "a.wav", "the last 20 ms are missing");
    (end.leg, end.packets) = (Some("near".to_owned()), Some((7, 9)));
    let mut findings = vec![
        of("wrong-journal", "a.wav", "x"),
        of("truncated-file", "a.wav", "9 bytes"),
        of("wrong-header", "a.wav", "the audio ends within a frame, 1 bytes into it"),
        end,
        of("end-clipped", "b.wav", "it ends early"),
    ];
    causes::fold_cut_files(&mut findings);
    causes::causes_first(&mut findings);
    let told: Vec<_> = findings.iter().map(|f| (f.rule.as_str(), f.found.as_str(), f.packets)).collect();
    let whole = ("truncated-file", "9 bytes; the last 20 ms are missing", Some((7, 9)));
    assert_eq!(told, [whole, ("end-clipped", "it ends early", None), ("wrong-journal", "x", None)]);
}
