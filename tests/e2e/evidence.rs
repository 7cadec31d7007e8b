//! What reports draw of a scenario: true, whole, and without a key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use scenario::evidence::{Channel, Class, ColumnKind, EventKind, Evidence, MessageKind, RowKind, Transport};
use scenario::outcome::{ScenarioOutcome, Verdict};
use scenario::run::{Network, Options};

fn evident() -> Options {
    Options { evidence: true, ..tests::options(Network::Simulated, 1) }
}

fn of(outcome: &ScenarioOutcome) -> &Evidence {
    outcome.evidence.as_ref().unwrap()
}

#[test]
fn a_run_that_was_not_asked_for_evidence_has_none() {
    let outcome = tests::run_one("scenarios/plain-call.yaml", &tests::options(Network::Simulated, 1)).unwrap();
    assert_eq!(outcome.evidence, None);
}

#[test]
fn evidence_changes_nothing_of_an_outcome() {
    let plain = tests::run_one("scenarios/hold-resume.yaml", &tests::options(Network::Simulated, 1)).unwrap();
    let evident = tests::run_one("scenarios/hold-resume.yaml", &evident()).unwrap();
    assert_eq!(evident.without_evidence(), plain);
}

#[test]
fn the_ladder_has_every_party_and_every_message_in_order() {
    let outcome = tests::run_one("scenarios/plain-call.yaml", &evident()).unwrap();
    assert_eq!(outcome.verdict, Verdict::Pass);
    let evidence = of(&outcome);
    let names: Vec<&str> = evidence.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["agent", "customer", "CUCM", "recorder"]);
    assert!(evidence.messages.is_sorted_by_key(|message| message.at_us));
    let between = |from: ColumnKind, to: ColumnKind, label: &str| {
        let kind = |column: usize| evidence.columns[column].kind;
        let is = |m: &&scenario::evidence::Message| kind(m.from) == from && kind(m.to) == to && m.label == label;
        evidence.messages.iter().filter(is).count()
    };
    assert_eq!(between(ColumnKind::Cucm, ColumnKind::Recorder, "INVITE"), 2);
    assert_eq!(between(ColumnKind::Recorder, ColumnKind::Cucm, "200 OK"), 4, "to two INVITEs and two BYEs");
    assert_eq!(between(ColumnKind::Cucm, ColumnKind::Recorder, "BYE"), 2);
    assert_eq!(between(ColumnKind::Phone, ColumnKind::Cucm, "REGISTER"), 4, "two phones come and go");
    assert!(evidence.messages.iter().all(|m| m.kind != MessageKind::Malformed));
    let sip = evidence.messages.iter().filter(|m| m.kind != MessageKind::Connection);
    assert!(sip.clone().all(|m| m.encrypted && m.transport == Transport::Tls));
    assert!(sip.filter(|m| m.sdp).all(|m| m.text.contains("m=audio")));
}

#[test]
fn every_message_and_step_names_its_line() {
    let outcome = tests::run_one("scenarios/plain-call.yaml", &evident()).unwrap();
    let evidence = of(&outcome);
    let source: Vec<&str> = evidence.source.lines().collect();
    for step in &evidence.steps {
        assert_eq!(source[step.line - 1].trim(), format!("- {}", step.text));
        assert!(step.ended_us.unwrap() >= step.began_us);
    }
    let invite = evidence.messages.iter().find(|m| m.label == "INVITE").unwrap();
    assert!(source[invite.line.unwrap() - 1].contains("call:"), "{:?}", invite.line);
    let bye = evidence.messages.iter().find(|m| m.label == "BYE").unwrap();
    assert!(source[bye.line.unwrap() - 1].contains("hang up:"), "{:?}", bye.line);
}

#[test]
fn the_messages_of_a_recording_name_it() {
    let outcome = tests::run_one("scenarios/plain-call.yaml", &evident()).unwrap();
    let evidence = of(&outcome);
    assert_eq!(evidence.recordings.len(), 1);
    let [near, far] = &evidence.recordings[0].call_ids;
    for id in [near, far] {
        let of_leg: Vec<_> = evidence.messages.iter().filter(|m| m.call_id == *id).collect();
        assert!(of_leg.len() >= 5 && of_leg.iter().all(|m| m.recording == Some(0)), "{id}");
    }
}

/// Twenty characters or more that could be Base64 behind `inline:`, in any case of letters.
fn key_in(text: &str) -> Option<&str> {
    let lower = text.to_ascii_lowercase();
    let at = lower.match_indices("inline:").map(|(at, word)| at + word.len());
    at.map(|at| &text[at..]).find(|rest| !rest.trim_start().starts_with('…'))
}

#[test]
fn no_key_is_in_any_evidence() {
    for file in ["scenarios/plain-call.yaml", "scenarios/hold-resume.yaml"] {
        let outcome = tests::run_one(file, &evident()).unwrap();
        let offers = of(&outcome).messages.iter().filter(|m| m.text.contains("a=crypto:")).count();
        assert!(offers > 4, "{file} agrees on keys");
        let text = serde_json::to_string(of(&outcome)).unwrap();
        assert_eq!(key_in(&text).map(|rest| &rest[..40.min(rest.len())]), None, "{file}");
        assert!(!text.contains("PRIVATE KEY"), "{file}");
    }
}

/// The TLS secrets of a run, from the block of its capture by which Wireshark decrypts it, in hex.
fn tls_secrets(capture: &std::path::Path) -> Vec<String> {
    let bytes = std::fs::read(capture).unwrap();
    let shown = |byte: &u8| if byte.is_ascii_graphic() { char::from(*byte) } else { ' ' };
    let text: String = bytes.iter().map(shown).collect();
    let words: Vec<&str> = text.split(' ').collect();
    let secret = |words: &[&str]| {
        // TLS 1.2 has a master secret of 48 bytes behind `CLIENT_RANDOM`, TLS 1.3 several of the length of a hash.
        let is_label = ["CLIENT_RANDOM", "_SECRET_0", "_TRAFFIC_SECRET"].iter().any(|label| words[0].ends_with(label));
        let hex: String = words[2].chars().take_while(char::is_ascii_hexdigit).take(96).collect();
        (is_label && hex.len() >= 64).then_some(hex)
    };
    words.windows(3).filter_map(secret).collect()
}

#[test]
fn no_secret_of_the_run_is_in_its_reports() {
    let folder = tempfile::tempdir().unwrap();
    let captures = folder.path().join("captures");
    let options = Options { pcapng: Some(captures.clone()), ..evident() };
    let outcome = tests::run(&["scenarios/plain-call.yaml"], &options).unwrap();
    let capture = std::fs::read_dir(&captures).unwrap().next().unwrap().unwrap().path();
    let secrets = tls_secrets(&capture);
    assert!(secrets.len() >= 3, "{} secrets", secrets.len());
    let json = report::json(&outcome).unwrap();
    for text in [report::html(&outcome).unwrap(), json, report::bundle(&outcome).unwrap()] {
        let lower = text.to_ascii_lowercase();
        for secret in &secrets {
            let byte = |at: usize| u8::from_str_radix(&secret[at..at + 2], 16).unwrap();
            let bytes: Vec<u8> = (0..secret.len()).step_by(2).map(byte).collect();
            let coded = BASE64.encode(bytes);
            assert!(!lower.contains(&secret.to_ascii_lowercase()) && !text.contains(&coded), "a secret is told");
        }
        assert!(key_in(&text).is_none(), "a key behind `inline:` is told");
    }
}

#[test]
fn evidence_tells_how_to_run_it_again() {
    let outcome = tests::run_one("scenarios/plain-call.yaml", &evident()).unwrap();
    let evidence = of(&outcome);
    assert_eq!(evidence.replay, "mixedmode run scenarios/plain-call.yaml --network simulated --seed 1");
    assert_eq!(evidence.source, std::fs::read_to_string(tests::root().join("scenarios/plain-call.yaml")).unwrap());
}

/// The evidence of `plain-call.yaml` with a recorder that has this fault.
fn faulty(fault: &str) -> ScenarioOutcome {
    let text = std::fs::read_to_string(tests::root().join("scenarios/plain-call.yaml")).unwrap();
    let text = text.replace("\nsteps:", &format!("\nrecorder: {{ fault: {fault} }}\nsteps:"));
    tests::run_text("faulty.yaml", &text.replace("talk: 10s", "talk: 3s"), &evident()).unwrap()
}

fn frames(channel: &Channel, class: Class) -> u32 {
    channel.strip.iter().filter(|run| run.class == class).map(|run| run.frames).sum()
}

#[test]
fn what_is_whole_is_drawn_once_and_lies_on_the_time_line() {
    let outcome = tests::run_one("scenarios/plain-call.yaml", &evident()).unwrap();
    let evidence = of(&outcome);
    assert_eq!(evidence.channels.len(), 4);
    for channel in &evidence.channels {
        let all: u32 = channel.strip.iter().map(|run| run.frames).sum();
        assert_eq!(frames(channel, Class::Exact), all);
        assert_eq!(channel.matrix.iter().map(|cell| cell.frames).collect::<Vec<_>>(), [u64::from(all)]);
        assert!(channel.clips.is_empty() && channel.recorded.is_none() && channel.difference.is_none());
        assert!(channel.said.is_some() || channel.same_as.is_some());
        let row = evidence.rows.iter().find(|row| row.recording.is_some() && row.leg == channel.leg).unwrap();
        let first = channel.file_began_us.unwrap() + channel.offset_samples.unwrap() * 125;
        assert_eq!(first, row.spans[0].from_us, "{} {}", channel.file, channel.leg);
    }
    assert!(evidence.channels.iter().any(|channel| channel.same_as.is_some()), "near.wav is in stereo.wav");
    assert!(evidence.quality.iter().all(|quality| quality.loss_percent == 0.0 && quality.mos > 4.3));
    assert_eq!(evidence.quality.len(), 2);
}

#[test]
fn what_is_lost_is_seen_in_strip_pictures_and_clips() {
    let outcome = faulty("{ lose-every: 37 }");
    let evidence = of(&outcome);
    let near = evidence.channels.iter().find(|channel| channel.file == "near.wav").unwrap();
    assert!(frames(near, Class::Lost) >= 3);
    let lost = near.strip.iter().find(|run| run.class == Class::Lost).unwrap();
    let sequence = outcome.findings[near.findings[0]].packets.unwrap().0;
    assert_eq!(u64::from(lost.sequence), sequence);
    assert!(near.recorded.is_some() && near.difference.is_some());
    let clip = &near.clips[0];
    let (from, _) = outcome.findings[clip.finding].audio_ms.unwrap();
    assert!(clip.from_ms <= from && from < clip.from_ms + (clip.recorded.len() * 3 / 4 / 8) as u64);
    assert_ne!(clip.said, clip.recorded);
}

#[test]
fn a_leg_in_the_wrong_channel_is_seen_in_the_matrix() {
    let outcome = faulty("swap-channels");
    let far = of(&outcome).channels.iter().find(|channel| channel.file == "near.wav").unwrap();
    assert_eq!((far.leg.as_str(), far.matrix[0].leg.as_str()), ("far", "far"));
}

#[test]
fn the_message_that_a_finding_is_about_says_so() {
    let outcome = faulty("hang-up-in-call");
    let evidence = of(&outcome);
    let noted: Vec<_> = evidence.messages.iter().filter(|m| !m.notes.is_empty()).collect();
    let by_recorder = |column: usize| evidence.columns[column].kind == ColumnKind::Recorder;
    assert!(!noted.is_empty() && noted.iter().all(|m| m.label == "BYE" && by_recorder(m.from)));
    assert!(noted[0].notes[0].starts_with("recorder-hung-up: "), "{:?}", noted[0].notes);
    assert_eq!(outcome.findings[noted[0].findings[0]].rule, "recorder-hung-up");

    let outcome = faulty("answer-garbage");
    let evidence = of(&outcome);
    let garbage: Vec<_> = evidence.messages.iter().filter(|m| m.kind == MessageKind::Malformed).collect();
    assert!(garbage.iter().any(|m| m.text.contains("SIP/9.9 dreihundert")), "{garbage:#?}");
    assert!(garbage.iter().any(|m| m.notes.iter().any(|note| note.starts_with("malformed-message: "))), "{garbage:#?}");
}

#[test]
fn changes_of_streams_stand_on_their_legs() {
    let kinds = |file: &str| {
        let outcome = tests::run_one(file, &evident()).unwrap();
        let evidence = of(&outcome);
        let leg = evidence.rows.iter().find(|row| row.kind == RowKind::Leg).unwrap();
        assert!(leg.events.is_sorted_by_key(|event| event.at_us));
        let all = evidence.rows.iter().flat_map(|row| &row.events);
        all.map(|event| event.kind).collect::<std::collections::BTreeSet<_>>()
    };
    let has = |file: &str, wanted: &[EventKind]| {
        let kinds = kinds(file);
        for kind in wanted {
            assert!(kinds.contains(kind), "{file}: {kind:?} in {kinds:?}");
        }
    };
    has("scenarios/media/new-key.yaml", &[EventKind::Reinvite, EventKind::Key]);
    has("scenarios/media/new-ssrc.yaml", &[EventKind::Ssrc]);
    has("scenarios/media/new-codec.yaml", &[EventKind::Codec]);
    has(
        "scenarios/transfer/customer-blind-update.yaml",
        &[EventKind::Update, EventKind::RecordingBegins, EventKind::RecordingEnds],
    );
    has("scenarios/hold-resume.yaml", &[EventKind::Connected, EventKind::Hold, EventKind::Resume]);
}

#[test]
fn a_bundle_is_read_again_as_it_was() {
    let run = tests::run(&["scenarios/one-second.yaml"], &evident()).unwrap();
    assert_eq!(report::read_bundle(&report::bundle(&run).unwrap()).unwrap(), run);
    assert!(!report::json(&run).unwrap().contains("\"evidence\""));
}

#[test]
fn whoever_shows_a_run_sees_streams_and_proven_frames() {
    let scenario = scenario::file::load(&tests::root().join("scenarios/plain-call.yaml")).unwrap();
    let item = scenario::run::Item { file: "plain-call.yaml".to_owned(), scenario };
    let live = std::sync::Arc::new(scenario::run::Live::default());
    let seen = std::sync::Mutex::new(0);
    let look = |_: &ScenarioOutcome| *seen.lock().unwrap() = live.frames();
    let run = scenario::run::run(vec![item], &tests::options(Network::Simulated, 1), &live, look).unwrap();
    assert_eq!(*seen.lock().unwrap(), run.scenarios[0].frames_compared, "when the result is shown it is counted");
    assert_eq!((live.calls(), live.streams()), (0, 0), "nothing goes on");
    assert!(live.frames() > 1000 && live.packets() > 1000, "{live:?}");
}
