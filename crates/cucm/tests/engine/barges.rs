//! Barge by the built-in bridge, as Cisco's Feature Configuration Guide has it under "Built-In and Shared Conference Differences".

use cucm::config::*;

use crate::bench::*;
use crate::conferences::shared;
use crate::office::Office;
use crate::parks;

/// Where each dialog of these phones has its media, for the dialogs that were told of another one than before.
fn targets(office: &Office) -> Vec<String> {
    office.told.values().map(|audio| audio.address.to_string()).collect()
}

#[test]
fn barge_leads_to_the_bridge_of_the_phone_that_talks_and_leaves_the_call_and_its_recording_as_they_are() {
    for ends in ["barge", "call"] {
        let mut office = Office::new(shared(&[1, 2]));
        office.silent = Some(EXPERT);
        let (caller, agent) = office.call(CALLER, AGENT);
        office.silent = None;
        let (sent, before) = (office.to_recorder.len(), targets(&office));
        let (at_caller, at_agent) = (office.told[&caller].clone(), office.told[&agent].clone());
        let own = office.join(EXPERT, "1001", &agent, "barge");
        assert_eq!((&office.told[&caller], &office.told[&agent]), (&at_caller, &at_agent), "the call is not touched");
        assert_eq!(office.told[&own].address.to_string(), "10.48.38.102", "the barging phone hears the agent's bridge");
        let bridge = targets(&office).iter().filter(|address| *address == "10.48.38.103").count();
        assert_eq!((bridge, before.contains(&"10.48.38.103".to_owned())), (1, false), "and the bridge hears it");
        assert_eq!((office.to_recorder.len(), office.started().len()), (sent, 1));
        assert!(office.bench.mixed.is_empty() && office.conferenced().is_empty());
        assert_eq!(office.try_join(EXPERT, "1001", &agent, "barge"), 481, "one at a time");
        let sdp = Sdp::new("10.48.38.103", 30_000).direction("sendonly").text();
        office.bench.in_dialog(EXPERT, "INVITE", &office.about[&own].clone(), 150, Some(&sdp));
        assert_eq!(office.bench.expect_answer(EXPERT), 488, "it cannot be held");
        match ends {
            "barge" => office.hang_up(EXPERT, &own),
            _ => office.hang_up(CALLER, &caller),
        }
        let still = if ends == "barge" { 1 } else { 2 };
        assert_eq!(office.count("CallEnded"), still);
        assert_eq!(office.count("RecordingEnded"), still - 1);
        if ends == "barge" {
            office.hang_up(AGENT, &agent);
        }
        office.finish();
    }
}

/// A call of caller and agent into which the expert has barged; gives the dialogs of the three.
fn barged(config: Config) -> (Office, [String; 3]) {
    let mut office = Office::new(config);
    office.silent = Some(EXPERT);
    let (caller, agent) = office.call(CALLER, AGENT);
    office.silent = None;
    let own = office.join(EXPERT, "1001", &agent, "barge");
    (office, [caller, agent, own])
}

fn pairs(office: &Office) -> Vec<(String, String)> {
    office.started().iter().map(|started| (started.near.device.clone(), started.far.device.clone())).collect()
}

#[test]
fn initiator_and_other_party_stay_when_the_target_hangs_up() {
    let (mut office, [caller, agent, own]) = barged(shared(&[0, 1, 2]));
    let of = |near: &str, far: &str| (near.to_owned(), far.to_owned());
    assert_eq!(pairs(&office).len(), 2);
    office.hang_up(AGENT, &agent);
    assert_eq!((office.count("BargeStays"), office.count("RecordingEnded")), (1, 2));
    let mut begun = pairs(&office).split_off(2);
    begun.sort();
    assert_eq!(begun, [of(EXPERT_DEVICE, CALLER_DEVICE), of(CALLER_DEVICE, EXPERT_DEVICE)]);
    assert_eq!(office.told[&caller].address.to_string(), "10.48.38.103", "they hear each other");
    assert_eq!(office.told[&own].address.to_string(), "10.48.38.101");
    assert_eq!((office.told[&own].direction.sends(), office.told[&own].direction.receives()), (true, true));
    // It is a call like any other now.
    office.hold(EXPERT, &own);
    assert_eq!(office.count("Held"), 1);
    office.resume(EXPERT, &own);
    office.hang_up(CALLER, &caller);
    assert_eq!(office.count("CallEnded"), 2, "the barge, and the call");
    office.finish();
}

#[test]
fn the_initiator_is_released_when_the_target_holds_transfers_or_parks() {
    for what in ["hold", "transfer", "park"] {
        let mut config = shared(&[1]);
        config.park_numbers = vec!["7000".to_owned()];
        let (mut office, [caller, agent, own]) = barged(config);
        match what {
            "hold" => office.hold(AGENT, &agent),
            "transfer" => {
                let about = office.about[&agent].clone();
                office.bench.ask_with(AGENT, "REFER", &about, 400, "Refer-To: <sip:1003@10.48.38.5>", None);
                office.settle();
            }
            _ => {
                let about = office.about[&agent].clone();
                assert_eq!(parks::press(&mut office.bench, AGENT, &about), 202);
                office.settle();
            }
        }
        assert_eq!(office.count("CallEnded"), 1, "{what}: the barge, and not the call");
        assert_eq!(office.count("BargeStays"), 0);
        let about = office.about[&own].clone();
        office.bench.in_dialog(EXPERT, "INVITE", &about, 900, Some(&Sdp::new("10.48.38.103", 30_000).text()));
        assert_eq!(office.bench.expect_answer(EXPERT), 481, "{what}");
        office.hang_up(CALLER, &caller);
        office.finish();
    }
}

#[test]
fn nobody_else_comes_in_by_a_conference_either_and_the_initiator_has_no_features() {
    let (mut office, [caller, agent, own]) = barged(shared(&[1]));
    assert_eq!(office.try_join(EXPERT, "1001", &agent, "cbarge"), 481);
    let about = office.about[&own].clone();
    office.bench.ask_with(EXPERT, "REFER", &about, 400, "Refer-To: <sip:1003@10.48.38.5>", None);
    assert_eq!(office.bench.expect_answer(EXPERT), 491, "it cannot transfer");
    assert_eq!(office.count("CallEnded"), 0);
    office.hang_up(CALLER, &caller);
    office.finish();
}
