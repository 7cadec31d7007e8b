//! Ad hoc conferences: who is connected with the bridge, under which keys, who is told what, and what the recorder sees.

use cucm::config::*;
use cucm::engine::ConferenceId;
use media::sdp::{Direction, Profile};
use sip::FlowId;

use crate::bench::*;
use crate::office::Office;

pub(crate) fn sorted(dialogs: &[String]) -> Vec<String> {
    let mut dialogs = dialogs.to_vec();
    dialogs.sort();
    dialogs
}

/// Four phones, of which those with these numbers are recorded.
pub(crate) fn office(mut config: Config, recorded: &[&str]) -> Config {
    config = with_expert(config);
    let colleague = PhoneDevice {
        built_in_bridge: true,
        device_name: DEPUTY_DEVICE.to_owned(),
        security_profile: config.phones[0].security_profile.clone(),
        lines: vec![Line::new("1003", "Colleague")],
    };
    config.phones.push(colleague);
    for phone in &mut config.phones {
        phone.lines[0].recording_option = RecordingOption::Disabled;
        let number = phone.lines[0].directory_number.clone();
        if recorded.contains(&number.as_str()) {
            phone.lines[0] = phone.lines[0].clone().recorded("recorder");
        }
    }
    config
}

#[test]
fn a_held_call_and_its_consultation_become_a_conference() {
    let mut office = Office::new(office(plain(), &[]));
    let dialogs = office.conference();
    assert_eq!(office.mixed(), sorted(&dialogs), "each member has a port of the bridge");
    let conferences: Vec<ConferenceId> = office.bench.mixed.values().map(|(conference, _)| *conference).collect();
    assert!(conferences.iter().all(|conference| *conference == conferences[0]));
    for dialog in &dialogs {
        let told = &office.told[dialog];
        assert_eq!((told.address.to_string().as_str(), told.direction), ("10.48.38.5", Direction::SendRecv));
        let (_, terms) = &office.bench.mixed[&told.port];
        assert_eq!(&terms.stream.dialog, dialog);
        assert_eq!(
            (terms.stream.payload_type, terms.stream.crypto.is_some(), terms.receive.is_some()),
            (0, false, false)
        );
    }
    let [conferenced] = office.conferenced().try_into().unwrap();
    assert_eq!((conferenced.by.number.as_str(), conferenced.bridge.device.as_str()), ("1001", "CFB_2"));
    let mut members: Vec<_> = conferenced.members.iter().map(|(_, party)| party.number.clone()).collect();
    members.sort();
    assert_eq!(members, ["1000", "1001", "1002"]);
    assert!(office.bench.music.is_empty());
    // The dialog of the consultation is over for the agent.
    let byes = office.asked.iter().filter(|(flow, message)| *flow == AGENT && message.method() == Some("BYE"));
    assert_eq!(byes.count(), 1);
    // The phones are told of the bridge.
    let (_, last) =
        office.asked.iter().rfind(|(flow, message)| *flow == CALLER && message.method() == Some("INVITE")).unwrap();
    let bridge = &conferenced.bridge.number;
    assert!(bridge.starts_with('b') && bridge[1..].bytes().all(|byte| byte.is_ascii_digit()), "{bridge}");
    assert!(last.header("Remote-Party-ID").unwrap().starts_with(&format!("\"Conference\" <sip:{bridge}@10.48.38.5>")));
    assert!(last.header("Contact").unwrap().contains(";isFocus;"));
    for (flow, dialog) in [AGENT, EXPERT].into_iter().zip(&dialogs[1..]) {
        office.hang_up(flow, dialog);
    }
    office.finish();
}

#[test]
fn two_who_remain_talk_without_the_bridge_and_the_last_one_with_nobody() {
    for leaves in 0..3 {
        let mut office = Office::new(office(plain(), &[]));
        let dialogs = office.conference();
        let flows = [CALLER, AGENT, EXPERT];
        office.hang_up(flows[leaves], &dialogs[leaves]);
        let stay: Vec<usize> = (0..3).filter(|at| *at != leaves).collect();
        assert!(office.bench.mixed.is_empty(), "no bridge");
        for (one, other) in [(stay[0], stay[1]), (stay[1], stay[0])] {
            let told = &office.told[&dialogs[one]];
            let address = format!("10.48.38.{}", 100 + flows[other].0);
            assert_eq!((told.address.to_string(), told.direction), (address, Direction::SendRecv));
        }
        assert_eq!(office.count("ConferenceDropped"), 1);
        office.hang_up(flows[stay[0]], &dialogs[stay[0]]);
        assert_eq!(office.count("CallEnded"), office.count("CallConnected") + 1, "the caller had a call of its own");
        office.finish();
    }
}

#[test]
fn the_one_who_made_it_adds_another_and_nobody_else_does() {
    let mut office = Office::new(office(plain(), &[]));
    let [caller, agent, expert] = office.conference();
    office.hold(CALLER, &caller);
    let (consult, colleague) = office.call(CALLER, DEPUTY);
    assert_eq!(office.press(CALLER, &caller, &consult), 403, "only the agent adds others");
    office.hang_up(DEPUTY, &colleague);
    office.resume(CALLER, &caller);
    office.hold(AGENT, &agent);
    assert_eq!(office.mixed(), sorted(&[caller.clone(), expert.clone()]), "who holds is not heard");
    assert!(office.bench.music.is_empty(), "a conference hears no music");
    let (consult, colleague) = office.call(AGENT, DEPUTY);
    assert_eq!(office.press(AGENT, &agent, &consult), 202);
    assert_eq!(office.mixed(), sorted(&[caller.clone(), agent.clone(), expert.clone(), colleague.clone()]));
    assert_eq!(office.conferenced().last().unwrap().members.len(), 4);
    office.hang_up(AGENT, &agent);
    assert_eq!(office.mixed(), sorted(&[caller.clone(), expert.clone(), colleague]), "it goes on without the agent");
    office.hang_up(EXPERT, &expert);
    assert_eq!(office.told[&caller].address.to_string(), "10.48.38.104");
    office.hang_up(CALLER, &caller);
    office.finish();
}

#[test]
fn anybody_adds_others_to_an_advanced_conference() {
    let config = Config { advanced_ad_hoc_conference: true, ..office(plain(), &[]) };
    let mut office = Office::new(config);
    let [caller, agent, expert] = office.conference();
    office.hold(CALLER, &caller);
    let (consult, colleague) = office.call(CALLER, DEPUTY);
    assert_eq!(office.press(CALLER, &caller, &consult), 202, "the agent made it, and the caller adds");
    assert_eq!(office.mixed(), sorted(&[caller.clone(), agent.clone(), expert.clone(), colleague]));
    for (flow, dialog) in [(CALLER, &caller), (AGENT, &agent), (EXPERT, &expert)] {
        office.hang_up(flow, dialog);
    }
    office.finish();
}

#[test]
fn a_conference_that_cannot_be_is_refused_and_changes_nothing() {
    let mut config = office(plain(), &[]);
    config.conference_bridge = None;
    let mut without = Office::new(config);
    let (_, agent) = without.call(CALLER, AGENT);
    without.hold(AGENT, &agent);
    let (consult, _) = without.call(AGENT, EXPERT);
    assert_eq!(without.press(AGENT, &agent, &consult), 503, "there is no bridge");
    assert_eq!(without.press(AGENT, &agent, &agent), 491, "one call is no two");
    assert_eq!(without.press(EXPERT, &agent, &consult), 481, "not its calls");
    assert_eq!(without.bench.music.len(), 1, "the caller is held as before");
    without.hang_up(AGENT, &consult);
    without.resume(AGENT, &agent);
    without.hang_up(AGENT, &agent);
}

/// The From of the INVITEs that the recorder got.
fn metadata(office: &Office) -> Vec<String> {
    let invites = office.to_recorder.iter().filter(|message| message.method() == Some("INVITE"));
    invites.map(|invite| invite.header("From").unwrap().into_owned()).collect()
}

#[test]
fn the_recorder_of_the_one_who_makes_it_sees_three_segments_and_one_more_with_the_party_that_remains() {
    let mut office = Office::new(office(plain(), &["1001"]));
    let [_, agent, expert] = office.conference();
    let far: Vec<_> = office.started().iter().map(|started| started.far.number.clone()).collect();
    let bridge = office.conferenced()[0].bridge.number.clone();
    assert_eq!(far, ["1000".to_owned(), "1002".to_owned(), bridge.clone()]);
    let from = metadata(&office);
    let [.., near, far] = from.as_slice() else { panic!("{from:?}") };
    for (from, flag) in [(near, "x-nearend"), (far, "x-farend")] {
        assert!(from.starts_with(&format!("\"SJ User 2\" <sip:1001@10.48.38.5;{flag};")), "{from}");
        assert!(from.contains(&format!(";x-farenddevice=CFB_2;x-farendaddr={bridge};isfocus>")), "{from}");
    }
    assert!(from[..4].iter().all(|from| !from.contains("isfocus")));
    let [first, _, third] = office.started().try_into().unwrap();
    assert_eq!(first.refci, third.refci, "the call leg of the first call goes on");
    assert_eq!(office.count("RecordingEnded"), 2);
    office.hang_up(EXPERT, &expert);
    let last = office.started().pop().unwrap();
    assert_eq!((last.far.number.as_str(), last.refci), ("1000", first.refci));
    assert_eq!((office.started().len(), office.count("RecordingEnded")), (4, 3));
    assert!(!metadata(&office).last().unwrap().contains("isfocus"));
    office.hang_up(AGENT, &agent);
    assert_eq!(office.count("RecordingEnded"), 4);
    office.finish();
}

#[test]
fn who_comes_or_goes_while_three_stay_is_nothing_to_the_recorder_of_another_member() {
    let mut office = Office::new(office(plain(), &["1000"]));
    let [caller, agent, expert] = office.conference();
    let far: Vec<_> = office.started().iter().map(|started| started.far.device.clone()).collect();
    assert_eq!(far, [AGENT_DEVICE, "CFB_2"], "the far party made the conference");
    let sent = office.to_recorder.len();
    office.hold(AGENT, &agent);
    let (consult, colleague) = office.call(AGENT, DEPUTY);
    office.press(AGENT, &agent, &consult);
    office.hang_up(EXPERT, &expert);
    assert_eq!(office.to_recorder.len(), sent, "a fourth one came, the third one left");
    assert_eq!(office.count("RecordingEnded"), 1);
    office.hang_up(DEPUTY, &colleague);
    assert_eq!(office.started().last().unwrap().far.device, AGENT_DEVICE);
    office.hang_up(CALLER, &caller);
    office.finish();
}

#[test]
fn a_recording_that_was_kept_over_the_hold_begins_anew_with_the_bridge() {
    let mut config = office(plain(), &["1000"]);
    config.dialect.far_end_hold = FarEndHold::Keep;
    config.dialect.far_end_transfer = FarEndTransfer::Update;
    let mut office = Office::new(config);
    let (caller, agent) = office.call(CALLER, AGENT);
    office.hold(AGENT, &agent);
    assert_eq!((office.started().len(), office.count("RecordingEnded")), (1, 0));
    let (consult, _) = office.call(AGENT, EXPERT);
    office.press(AGENT, &agent, &consult);
    assert_eq!((office.started().len(), office.count("RecordingEnded")), (2, 1));
    assert_eq!(office.count("RecordingUpdated"), 0);
    office.hang_up(CALLER, &caller);
    office.hang_up(AGENT, &agent);
    office.finish();
}

#[test]
fn an_encrypted_conference_with_a_non_secure_member_is_not_authenticated_and_the_others_keep_srtp() {
    let mut config = office(secure(), &["1001"]);
    config.phones[2].security_profile = "plain".to_owned();
    let mut office = Office::new(config);
    let [caller, agent, expert] = office.conference();
    let profile = |dialog: &String| office.told[dialog].profile;
    assert_eq!([&caller, &agent, &expert].map(profile), [Profile::Savp, Profile::Savp, Profile::Avp]);
    let mut keys = Vec::new();
    for (_, terms) in office.bench.mixed.values() {
        assert_eq!(terms.stream.crypto.is_some(), terms.stream.dialog != expert);
        assert_eq!(terms.receive.is_some(), terms.stream.dialog != expert);
        let both = [&terms.stream.crypto, &terms.receive]
            .map(|crypto| crypto.as_ref().map(|crypto| crypto.master_key().unwrap().fingerprint()));
        keys.extend(both.into_iter().flatten());
    }
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 4, "a key for each member and direction");
    let level = |flow: FlowId| {
        let (_, last) =
            office.asked.iter().rfind(|(to, message)| *to == flow && message.header("Call-Info").is_some()).unwrap();
        let info = last.header("Call-Info").unwrap().into_owned();
        info.split("security= ").nth(1).unwrap().split(';').next().unwrap().to_owned()
    };
    assert_eq!([CALLER, AGENT, EXPERT].map(level), ["NotAuthenticated"; 3].map(str::to_owned));
    // The recording legs stay SRTP.
    let last = office.started().pop().unwrap();
    assert_ne!(last.near_leg.protection, cucm::Protection::Rtp);
    assert_ne!(last.far_leg.protection, cucm::Protection::Rtp);
    // A fourth, encrypted one, comes, and the non-secure one leaves: the others are told that all is well now.
    office.hold(AGENT, &agent);
    let (consult, colleague) = office.call(AGENT, DEPUTY);
    office.press(AGENT, &agent, &consult);
    office.asked.clear();
    office.hang_up(EXPERT, &expert);
    let updates: Vec<_> = office.asked.iter().filter(|(_, message)| message.method() == Some("UPDATE")).collect();
    assert_eq!(updates.len(), 3, "{updates:?}");
    assert!(updates.iter().all(|(_, update)| update.header("Call-Info").unwrap().contains("security= Encrypted;")));
    office.hang_up(DEPUTY, &colleague);
    office.hang_up(CALLER, &caller);
    office.finish();
}

#[test]
fn on_a_bridge_that_is_not_secure_all_members_fall_back_to_rtp() {
    let mut config = office(secure(), &[]);
    config.conference_bridge =
        Some(ConferenceBridge { security: BridgeSecurity::NonSecure, ..ConferenceBridge::software() });
    config.phones[2].security_profile = "plain".to_owned();
    let mut office = Office::new(config);
    let dialogs = office.conference();
    assert!(dialogs.iter().all(|dialog| office.told[dialog].profile == Profile::Avp));
    assert!(office.bench.mixed.values().all(|(_, terms)| terms.stream.crypto.is_none() && terms.receive.is_none()));
}

#[test]
fn a_member_that_transfers_without_holding_is_not_heard_while_the_target_rings() {
    let mut office = Office::new(office(plain(), &[]));
    let [caller, agent, expert] = office.conference();
    office.silent = Some(DEPUTY);
    let about = office.about[&expert].clone();
    office.bench.ask_with(EXPERT, "REFER", &about, 400, "Refer-To: <sip:1003@10.48.38.5>", None);
    office.settle();
    assert_eq!(office.mixed(), sorted(&[caller.clone(), agent.clone()]));
    // A second member leaves: the two who are left wait for the transfer, and when that fails they talk.
    office.hang_up(AGENT, &agent);
    assert_eq!((office.mixed(), office.count("ConferenceDropped")), (vec![caller.clone()], 0));
    office.bench.wait(181_000);
    office.settle();
    assert_eq!((office.count("TransferFailed"), office.count("ConferenceDropped")), (1, 1));
    assert_eq!(office.told[&caller].address.to_string(), "10.48.38.103");
    office.hang_up(CALLER, &caller);
    office.finish();
}

#[test]
fn a_member_transfers_its_place_in_a_conference() {
    let mut office = Office::new(office(plain(), &["1000"]));
    let [caller, agent, expert] = office.conference();
    office.hold(EXPERT, &expert);
    let about = office.about[&expert].clone();
    let extra = "Refer-To: <sip:1003@10.48.38.5>";
    office.bench.ask_with(EXPERT, "REFER", &about, 400, extra, None);
    let sent = office.to_recorder.len();
    office.settle();
    assert_eq!(office.to_recorder.len(), sent, "the far end of the caller is still the bridge");
    assert_eq!(office.mixed().len(), 3);
    assert!(!office.mixed().contains(&expert));
    assert_eq!(office.count("Transferred"), 1);
    office.hang_up(CALLER, &caller);
    office.hang_up(AGENT, &agent);
    office.finish();
}

/// Agent and expert share the line 1001.
pub(crate) fn shared(recorded: &[usize]) -> Config {
    let mut config = office(plain(), &[]);
    config.phones[2].lines[0] = Line::new("1001", "Expert");
    for phone in recorded {
        config.phones[*phone].lines[0] = config.phones[*phone].lines[0].clone().recorded("recorder");
    }
    config
}

#[test]
fn c_barge_moves_everybody_to_a_conference_and_back() {
    let mut office = Office::new(shared(&[1, 2]));
    office.silent = Some(EXPERT);
    let (caller, agent) = office.call(CALLER, AGENT);
    office.silent = None;
    let own = office.join(EXPERT, "1001", &agent, "cbarge");
    assert_eq!(office.mixed(), sorted(&[caller.clone(), agent.clone(), own.clone()]));
    let [conferenced] = office.conferenced().try_into().unwrap();
    assert_eq!((conferenced.by.device.as_str(), conferenced.members.len()), (EXPERT_DEVICE, 3));
    let far = |office: &Office| -> Vec<(String, String)> {
        office.started().iter().map(|started| (started.near.device.clone(), started.far.device.clone())).collect()
    };
    let agent_with = |far: &str| (AGENT_DEVICE.to_owned(), far.to_owned());
    let expert_with = |far: &str| (EXPERT_DEVICE.to_owned(), far.to_owned());
    let mut begun = far(&office);
    begun[1..].sort();
    assert_eq!(begun, [agent_with(CALLER_DEVICE), expert_with("CFB_2"), agent_with("CFB_2")]);
    // The phone that was barged into is the controller.
    office.hold(EXPERT, &own);
    let (consult, _) = office.call(EXPERT, DEPUTY);
    assert_eq!(office.press(EXPERT, &own, &consult), 403);
    office.hang_up(EXPERT, &consult);
    office.hang_up(EXPERT, &own);
    assert_eq!(far(&office).last(), Some(&agent_with(CALLER_DEVICE)), "the two others are alone again");
    assert_eq!(office.count("ConferenceDropped"), 1);
    office.hang_up(CALLER, &caller);
    office.finish();
}

#[test]
fn c_barge_needs_a_call_of_the_line_in_which_somebody_talks() {
    let mut office = Office::new(shared(&[]));
    office.silent = Some(EXPERT);
    let (caller, agent) = office.call(CALLER, AGENT);
    office.silent = None;
    assert_eq!(office.try_join(DEPUTY, "1003", &agent, "cbarge"), 481, "not its line");
    office.hold(AGENT, &agent);
    assert_eq!(office.try_join(EXPERT, "1001", &agent, "cbarge"), 481, "it is held");
    assert_eq!((office.conferenced().len(), office.bench.music.len()), (0, 1));
    office.hang_up(CALLER, &caller);
    office.finish();
}
