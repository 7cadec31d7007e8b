//! What becomes of the recordings of those who transfer, are transferred and remain.

use cucm::config::*;
use cucm::{CucmEvent, RecordingStarted};
use sip::{FlowId, Message};

use super::{agent, caller, consult, joined, notified, replaces, send_refer};
use crate::bench::*;
use crate::office::Office;

/// Records every line; each phone's bridges are answered by `recorded`.
fn all_recorded() -> Config {
    let mut config = with_expert(plain());
    for phone in &mut config.phones {
        phone.lines[0] = phone.lines[0].clone().recorded("recorder");
    }
    config
}

/// Lets a second pass in which bridges and recorder answer; the phones' calls are left to the test.
fn record_all(bench: &mut Bench) {
    for _ in 0..200 {
        bench.wait(5);
        serve(bench);
    }
}

/// A REFER at which recordings end.
fn refer_now(bench: &mut Bench, about: &Message, cseq: u32, to: &str) {
    send_refer(bench, about, cseq, to);
    serve(bench);
    bench.expect(AGENT, "202");
    assert_eq!(notified(bench), "SIP/2.0 100 Trying");
}

/// Bridges and recorder answer whatever they are asked now.
fn serve(bench: &mut Bench) {
    if !bench.connects.is_empty() {
        bench.connected(RECORDER);
    }
    let is_theirs = |to: FlowId, message: &Message| {
        let from = message.header("From").unwrap_or_default().into_owned();
        message.is_request() && (to == RECORDER || from.contains("Call Manager"))
    };
    while let Some(at) = bench.sent.iter().position(|(to, message)| is_theirs(*to, message)) {
        let (flow, request) = bench.sent.remove(at).unwrap();
        bench.automatic += 1;
        let address = format!("10.48.38.{}", 100 + flow.0);
        let sdp = Sdp::new(&address, 20_000 + 2 * bench.automatic).formats("0 101");
        let contact = format!("Contact: <sip:line@{address}:50000;transport=tcp>");
        let tag = format!("auto{}", request.header("Call-ID").unwrap());
        match request.method().unwrap() {
            "INVITE" if flow == RECORDER => bench.recorder_answers(&request, &tag, "", &sdp.direction("recvonly")),
            "INVITE" => bench.answer(flow, &request, 200, &tag, &contact, Some(&sdp.text())),
            "ACK" => {}
            _ => bench.answer(flow, &request, 200, "x", "", None),
        }
    }
}

fn started(bench: &Bench) -> Vec<RecordingStarted> {
    let pick = |event: &CucmEvent| match event {
        CucmEvent::RecordingStarted(started) => Some((**started).clone()),
        _ => None,
    };
    bench.events.iter().filter_map(pick).collect()
}

#[test]
fn behind_a_consult_transfer_both_recordings_have_the_new_far_end() {
    let mut bench = Bench::ready(all_recorded());
    let (_, ack) = bench.talk(&caller(), &agent());
    record_all(&mut bench);
    assert_eq!(started(&bench).len(), 2, "caller and agent");
    bench.changes(AGENT, &ack, 102, &agent().direction("sendonly"));
    serve(&mut bench);
    bench.stopped(CALLER);
    bench.offers(CALLER, &caller());
    bench.expect(CALLER, "ACK");
    record_all(&mut bench);
    let ok = consult(&mut bench);
    record_all(&mut bench);
    let four = started(&bench);
    assert_eq!(four.len(), 4, "and agent and expert in the consultation");
    let of_expert = four.iter().find(|started| started.near.number == "1002").unwrap().refci;
    let of_caller = four.iter().find(|started| started.near.number == "1000").unwrap().refci;
    refer_now(&mut bench, &ack, 103, &replaces(&ok));
    joined(&mut bench);
    notified(&mut bench);
    bench.ok(AGENT, "BYE");
    bench.ok(AGENT, "BYE");
    record_all(&mut bench);
    let six = started(&bench);
    let ends = |at: usize| (six[at].near.number.as_str(), six[at].far.number.as_str());
    let mut last = [ends(4), ends(5)];
    last.sort_unstable();
    assert_eq!(last, [("1000", "1002"), ("1002", "1000")]);
    for started in &six[4..] {
        let own = if started.near.number == "1002" { of_expert } else { of_caller };
        let far = if started.near.number == "1002" { of_caller } else { of_expert };
        assert_eq!((started.refci, started.farendrefci), (own, far), "each call keeps its identifier");
    }
    let ended = bench.events.iter().filter(|event| matches!(event, CucmEvent::RecordingEnded { .. })).count();
    assert_eq!(ended, 4);
    bench.quiet();
}

#[test]
fn the_switch_updates_the_far_end_in_both_dialogs_instead() {
    let mut config = all_recorded();
    config.dialect.far_end_transfer = FarEndTransfer::Update;
    config.dialect.far_end_hold = FarEndHold::Keep;
    let mut bench = Bench::ready(config);
    let (_, ack) = bench.talk(&caller(), &agent());
    record_all(&mut bench);
    bench.changes(AGENT, &ack, 102, &agent().direction("sendonly"));
    serve(&mut bench);
    bench.stopped(CALLER);
    bench.offers(CALLER, &caller());
    bench.expect(CALLER, "ACK");
    record_all(&mut bench);
    let ok = consult(&mut bench);
    record_all(&mut bench);
    let of_expert = started(&bench).iter().find(|started| started.near.number == "1002").unwrap().refci;
    send_refer(&mut bench, &ack, 103, &replaces(&ok));
    let updates: Vec<_> = bench.sent.iter().filter(|(_, message)| message.method() == Some("UPDATE")).collect();
    assert_eq!(updates.len(), 4, "two recordings with two dialogs each: {updates:?}");
    let from = updates[0].1.header("From").unwrap().into_owned();
    let far = format!(
        "x-farendrefci={of_expert};x-farendclusterid=StandAloneCluster;x-farenddevice={EXPERT_DEVICE};x-farendaddr=1002>"
    );
    assert!(from.contains("<sip:1000@10.48.38.5;x-nearend;") && from.contains(&far), "{from}");
    let from = updates[1].1.header("From").unwrap().into_owned();
    assert!(from.contains(";x-farend;") && from.contains(&far), "{from}");
    bench.sent.retain(|(flow, _)| *flow != RECORDER);
    bench.stopped(CALLER);
    bench.sent.retain(|(flow, message)| !(*flow == AGENT && message.method() == Some("BYE")));
    assert_eq!(bench.told().iter().filter(|event| *event == "RecordingUpdated").count(), 2);
}

#[test]
fn a_far_end_that_comes_by_transfer_and_holds_ends_the_recording_it_would_have_updated() {
    for (hold, still) in [(FarEndHold::Restart, 0), (FarEndHold::Keep, 1)] {
        let mut config = with_expert(unrecorded(plain()));
        config.phones[2].lines[0] = config.phones[2].lines[0].clone().recorded("recorder");
        config.dialect.far_end_transfer = FarEndTransfer::Update;
        config.dialect.far_end_hold = hold;
        let mut office = Office::new(config);
        let (at_caller, at_agent) = office.call(CALLER, AGENT);
        office.hold(AGENT, &at_agent);
        office.hold(CALLER, &at_caller);
        let (consult, _) = office.call(AGENT, EXPERT);
        let about = office.about[&consult].clone();
        let refer_to = format!("Refer-To: <sip:{}>", replaces(&about));
        let held = office.about[&at_agent].clone();
        office.bench.ask_with(AGENT, "REFER", &held, 400, &refer_to, None);
        office.settle();
        assert_eq!(office.count("Transferred"), 1);
        assert_eq!((office.count("RecordingUpdated"), 1 - office.count("RecordingEnded")), (still, still), "{hold:?}");
    }
}
