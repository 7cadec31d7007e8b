//! Places in a conference change hands: by transfer, park and redirect. Who may add others then, and what ends the conference.

use cucm::DropRefused;
use cucm::config::*;
use sip::FlowId;

use crate::bench::*;
use crate::conferences::{office, sorted};
use crate::office::Office;
use crate::parks;

/// REFER in a dialog, to a number or, with `Replaces`, to the other end of another dialog.
fn transfer(office: &mut Office, flow: FlowId, dialog: &str, refer_to: &str) {
    let about = office.about[dialog].clone();
    office.bench.ask_with(flow, "REFER", &about, 400, &format!("Refer-To: {refer_to}"), None);
    office.settle();
}

/// `Refer-To` of a consultation.
fn consulted(office: &Office, dialog: &str) -> String {
    let about = &office.about[dialog];
    let tag = |name: &str| about.header(name).unwrap().split(";tag=").nth(1).unwrap().to_owned();
    let (own, node) = if about.is_request() { ("To", "From") } else { ("From", "To") };
    let dialog = dialog.replace('@', "%40");
    format!("<sip:x@10.48.38.5?Replaces={dialog}%3Bto-tag%3D{}%3Bfrom-tag%3D{}>", tag(node), tag(own))
}

/// A conference of caller, agent and expert, whose controller, the agent, has transferred its place to the colleague.
fn inherited(leaves: VirtualControllerLeaves) -> (Office, [String; 2]) {
    let mut config = office(plain(), &["1000", "1003"]);
    config.dialect.virtual_controller_leaves = leaves;
    let mut office = Office::new(config);
    let [caller, agent, _] = office.conference();
    transfer(&mut office, AGENT, &agent, "<sip:1003@10.48.38.5>");
    assert_eq!((office.count("Transferred"), office.mixed().len()), (1, 3));
    let asked = office.asked.iter().rfind(|(flow, message)| *flow == DEPUTY && message.method() == Some("INVITE"));
    let heir = asked.unwrap().1.header("Call-ID").unwrap().into_owned();
    (office, [caller, heir])
}

#[test]
fn whoever_has_the_controller_s_place_adds_nobody_and_the_conference_ends_with_it() {
    let (mut office, [caller, heir]) = inherited(VirtualControllerLeaves::ConferenceEnds);
    assert_eq!(office.started().last().unwrap().far.device, "CFB_2", "the newcomer talks with the bridge");
    office.hold(DEPUTY, &heir);
    let (consult, _) = office.call(DEPUTY, AGENT);
    assert_eq!(office.press(DEPUTY, &heir, &consult), 403);
    office.hang_up(DEPUTY, &consult);
    office.resume(DEPUTY, &heir);
    office.hang_up(DEPUTY, &heir);
    assert!(office.mixed().is_empty() && office.count("ConferenceDropped") == 0);
    assert!(office.asked.iter().any(|(flow, message)| *flow == CALLER && message.method() == Some("BYE")), "{caller}");
    office.finish();
}

#[test]
fn a_conference_goes_on_without_its_virtual_controller_where_the_switch_says_so() {
    let (mut office, [caller, heir]) = inherited(VirtualControllerLeaves::GoesOn);
    office.hang_up(DEPUTY, &heir);
    assert_eq!(office.count("ConferenceDropped"), 1);
    office.hang_up(CALLER, &caller);
    office.finish();
}

#[test]
fn a_held_call_is_brought_into_the_place_of_a_member() {
    let mut office = Office::new(office(plain(), &["1003"]));
    let [caller, agent, expert] = office.conference();
    office.hold(EXPERT, &expert);
    let (first, colleague) = office.call(EXPERT, DEPUTY);
    office.hold(EXPERT, &first);
    office.resume(EXPERT, &expert);
    let to = consulted(&office, &expert);
    transfer(&mut office, EXPERT, &first, &to);
    assert_eq!(office.mixed(), sorted(&[caller.clone(), agent.clone(), colleague]));
    let far: Vec<_> = office.started().iter().map(|started| started.far.device.clone()).collect();
    assert_eq!(far, [EXPERT_DEVICE, "CFB_2"]);
    office.hang_up(CALLER, &caller);
    office.hang_up(AGENT, &agent);
    office.finish();
}

#[test]
fn a_far_end_that_becomes_a_bridge_is_a_new_segment_in_every_dialect() {
    let mut config = office(plain(), &["1003"]);
    config.dialect.far_end_transfer = FarEndTransfer::Update;
    let mut office = Office::new(config);
    let [caller, agent, expert] = office.conference();
    office.hold(EXPERT, &expert);
    let (consult, _) = office.call(EXPERT, DEPUTY);
    let to = consulted(&office, &consult);
    transfer(&mut office, EXPERT, &expert, &to);
    assert_eq!((office.started().len(), office.count("RecordingEnded"), office.count("RecordingUpdated")), (2, 1, 0));
    office.hang_up(CALLER, &caller);
    office.hang_up(AGENT, &agent);
    office.finish();
}

#[test]
fn a_place_in_a_conference_is_parked_and_the_others_talk_on() {
    let mut config = office(plain(), &["1000", "1001"]);
    config.park_numbers = vec!["7101".to_owned()];
    let mut office = Office::new(config);
    let [caller, agent, expert] = office.conference();
    let sent = office.to_recorder.len();
    let about = office.about[&agent].clone();
    assert_eq!(parks::press(&mut office.bench, AGENT, &about), 202);
    office.settle();
    assert_eq!(office.mixed(), sorted(&[caller.clone(), expert.clone()]));
    assert!(office.bench.music.is_empty(), "a conference hears no music");
    let byes =
        |office: &Office| office.to_recorder[sent..].iter().filter(|message| message.method() == Some("BYE")).count();
    assert_eq!(byes(&office), 2, "the agent's recording ends, the caller's does not");
    let own = office.dial(DEPUTY, "7101");
    assert_eq!((office.count("Retrieved"), office.mixed().len()), (1, 3));
    assert_eq!(byes(&office), 2);
    office.hang_up(DEPUTY, &own);
    assert!(office.mixed().is_empty(), "whoever retrieved it is the virtual controller");
    office.finish();
}

#[test]
fn an_application_redirects_a_member_of_a_conference() {
    let mut office = Office::new(office(plain(), &["1000"]));
    let [caller, agent, _] = office.conference();
    let sent = office.to_recorder.len();
    office.bench.redirect(EXPERT_DEVICE, "1003").unwrap();
    assert_eq!(office.mixed(), sorted(&[caller.clone(), agent.clone()]), "nobody is there while it rings");
    office.settle();
    assert_eq!((office.count("Transferred"), office.mixed().len()), (1, 3));
    assert_eq!(office.to_recorder.len(), sent);
    office.hang_up(AGENT, &agent);
    office.hang_up(CALLER, &caller);
    office.finish();
}

#[test]
fn the_controller_drops_a_member_and_nobody_else_does() {
    let mut office = Office::new(office(plain(), &["1000", "1002"]));
    let [caller, agent, _] = office.conference();
    let drop = |office: &mut Office, by: &str, device: &str| {
        let now = office.bench.now;
        let done = office.bench.do_it(|engine| engine.drop_from_conference(now, by, (device, None)));
        office.settle();
        done
    };
    assert_eq!(drop(&mut office, EXPERT_DEVICE, AGENT_DEVICE), Err(DropRefused::NotController));
    assert_eq!(drop(&mut office, AGENT_DEVICE, DEPUTY_DEVICE), Err(DropRefused::NoConference));
    assert_eq!((office.mixed().len(), office.count("CallEnded")), (3, 0), "nothing has changed");
    assert_eq!(drop(&mut office, AGENT_DEVICE, EXPERT_DEVICE), Ok(()));
    assert!(office.asked.iter().any(|(flow, message)| *flow == EXPERT && message.method() == Some("BYE")));
    assert_eq!((office.count("ConferenceDropped"), office.mixed().len()), (1, 0));
    assert_eq!(office.started().last().unwrap().far.device, AGENT_DEVICE, "the caller's, with whoever is left");
    office.hang_up(CALLER, &caller);
    let _ = agent;
    office.finish();
}

#[test]
fn anybody_drops_others_from_an_advanced_conference_and_the_heir_of_the_controller_nobody() {
    let config = Config { advanced_ad_hoc_conference: true, ..office(plain(), &[]) };
    let mut advanced = Office::new(config);
    let [caller, _, _] = advanced.conference();
    let now = advanced.bench.now;
    let done = advanced.bench.do_it(|engine| engine.drop_from_conference(now, EXPERT_DEVICE, (AGENT_DEVICE, None)));
    advanced.settle();
    assert_eq!((done, advanced.count("ConferenceDropped")), (Ok(()), 1));
    advanced.hang_up(CALLER, &caller);
    advanced.finish();

    let (mut office, [_, heir]) = inherited(VirtualControllerLeaves::ConferenceEnds);
    let now = office.bench.now;
    let done = office.bench.do_it(|engine| engine.drop_from_conference(now, DEPUTY_DEVICE, (EXPERT_DEVICE, None)));
    assert_eq!(done, Err(DropRefused::NotController));
    office.hang_up(DEPUTY, &heir);
    office.finish();
}
