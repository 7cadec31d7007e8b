//! Call park: the call leaves the phone and waits with music, whoever dials its number has it, and nobody forgets it.

use cucm::config::*;
use cucm::{CucmEvent, RecordingStarted};
use media::sdp::Direction;
use sip::{FlowId, Message};

use crate::bench::*;
use crate::transfers;

fn at(flow: FlowId) -> Sdp {
    Sdp::new(&format!("10.48.38.{}", 100 + flow.0), 30_000 + 2 * flow.0 as u16)
}

fn cluster(is_recorded: bool) -> Config {
    let mut config = with_deputy(plain());
    config.park_numbers = vec!["7101".to_owned(), "7102".to_owned()];
    if is_recorded {
        config.phones[2].lines[0] = config.phones[2].lines[0].clone().recorded("recorder");
        return config;
    }
    unrecorded(config)
}

/// The caller talks with the agent; gives the ACK of the agent.
fn talking(config: Config) -> (Bench, Message) {
    let mut bench = Bench::ready(config);
    let (_, ack) = bench.talk(&at(CALLER), &at(AGENT));
    bench.events.clear();
    (bench, ack)
}

/// REFER with the softkey *Park* about the call of `about`; gives the status.
pub(crate) fn press(bench: &mut Bench, flow: FlowId, about: &Message) -> u16 {
    let tag = |name: &str| about.header(name).unwrap().split(";tag=").nth(1).unwrap().to_owned();
    let (own, node) = if about.is_request() { ("To", "From") } else { ("From", "To") };
    let branch = bench.new_branch();
    let body = format!(
        "<x-cisco-remotecc-request><softkeyeventmsg><softkeyevent>Park</softkeyevent><dialogid><callid>{}</callid>\
         <localtag>{}</localtag><remotetag>{}</remotetag></dialogid></softkeyeventmsg></x-cisco-remotecc-request>",
        about.header("Call-ID").unwrap(),
        tag(own),
        tag(node)
    );
    bench.give_text(
        flow,
        &format!(
            "REFER sip:10.48.38.5 SIP/2.0\r\nVia: SIP/2.0/TCP 10.48.38.9:5000;branch={branch}\r\n\
             From: <sip:line@10.48.38.5>;tag=key{branch}\r\nTo: <sip:10.48.38.5>\r\nCall-ID: key-{branch}\r\nCSeq: 1000 REFER\r\n\
             Refer-To: cid:1@10.48.38.9\r\nContent-Type: application/x-cisco-remotecc-request+xml\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    );
    // Whatever the key does comes behind the answer.
    let answer = bench.next(flow);
    bench.wait(0);
    answer.status().unwrap()
}

/// The agent parks the caller, who hears music.
fn parked(bench: &mut Bench, ack: &Message) -> String {
    assert_eq!(press(bench, AGENT, ack), 202);
    bench.ok(AGENT, "BYE");
    bench.stopped(CALLER);
    bench.offers(CALLER, &at(CALLER));
    let music = bench.expect(CALLER, "ACK");
    assert_eq!((audio(&music).port, audio(&music).direction), (4000, Direction::SendOnly));
    assert_eq!(bench.music.len(), 1);
    number(bench)
}

fn number(bench: &Bench) -> String {
    let pick = |event: &CucmEvent| match event {
        CucmEvent::Parked { number, by, party, .. } => {
            assert_ne!(by, party);
            Some(number.clone())
        }
        _ => None,
    };
    bench.events.iter().rev().find_map(pick).unwrap_or_else(|| panic!("{:?}", bench.events))
}

/// Somebody dials a park number and has the call; gives the 200.
fn retrieve(bench: &mut Bench, flow: FlowId, from: &str, number: &str) -> Message {
    assert_eq!(bench.dial(flow, from, number, &at(flow)), None);
    bench.stopped(CALLER);
    bench.offers(CALLER, &at(CALLER));
    let to_caller = bench.expect(CALLER, "ACK");
    assert_eq!((audio(&to_caller).port, audio(&to_caller).direction), (at(flow).port, Direction::SendRecv));
    let ok = bench.expect(flow, "200");
    assert_eq!((audio(&ok).port, audio(&ok).direction), (at(CALLER).port, Direction::SendRecv));
    assert!(ok.header("Remote-Party-ID").unwrap().contains("sip:1000@"), "who waited there");
    bench.in_dialog(flow, "ACK", &ok, 101, None);
    assert!(bench.music.is_empty());
    ok
}

/// With two numbers for directed call park.
fn directed(is_recorded: bool) -> Config {
    let numbers = vec!["7201".to_owned(), "7202".to_owned()];
    Config {
        directed_call_park: DirectedCallPark { numbers, retrieval_prefix: "88".to_owned() },
        ..cluster(is_recorded)
    }
}

#[test]
fn a_call_is_transferred_to_its_park_number_and_fetched_behind_the_prefix() {
    let (mut bench, ack) = talking(directed(false));
    transfers::hold(&mut bench, &ack);
    transfers::refer(&mut bench, &ack, 103, "7202@10.48.38.5");
    assert_eq!(transfers::notified(&mut bench), "SIP/2.0 200 OK");
    bench.ok(AGENT, "BYE");
    assert_eq!(number(&bench), "7202");
    // Without the prefix the number is nobody's.
    assert_eq!(bench.dial(EXPERT, "1002", "7202", &at(EXPERT)), None);
    bench.expect(EXPERT, "404");
    let ok = retrieve(&mut bench, EXPERT, "1002", "887202");
    assert!(bench.told().contains(&"Retrieved".to_owned()));
    bench.in_dialog(EXPERT, "BYE", &ok, 102, None);
    bench.expect(EXPERT, "200");
    bench.ok(CALLER, "BYE");
    bench.finish();
}

#[test]
fn where_a_call_is_parked_already_the_phone_keeps_its_own() {
    let (mut bench, ack) = talking(directed(false));
    transfers::hold(&mut bench, &ack);
    transfers::refer(&mut bench, &ack, 103, "7202@10.48.38.5");
    transfers::notified(&mut bench);
    bench.ok(AGENT, "BYE");
    let ok = transfers::consult(&mut bench);
    transfers::refer(&mut bench, &ok, 102, "7202@10.48.38.5");
    assert_eq!(transfers::notified(&mut bench), "SIP/2.0 486 Busy Here");
    assert!(matches!(bench.events.last(), Some(CucmEvent::TransferFailed { status: 486, .. })), "{:?}", bench.events);
    bench.quiet();
    bench.in_dialog(AGENT, "BYE", &ok, 103, None);
    bench.expect(AGENT, "200");
    bench.ok(EXPERT, "BYE");
}

fn started(bench: &Bench) -> Vec<RecordingStarted> {
    let pick = |event: &CucmEvent| match event {
        CucmEvent::RecordingStarted(started) => Some((**started).clone()),
        _ => None,
    };
    bench.events.iter().filter_map(pick).collect()
}

#[test]
fn a_parked_call_waits_with_music_and_whoever_dials_its_number_has_it() {
    for (flow, from) in [(EXPERT, "1002"), (AGENT, "1001")] {
        let (mut bench, ack) = talking(cluster(false));
        assert_eq!(parked(&mut bench, &ack), "7101");
        bench.quiet();
        bench.wait(30_000);
        bench.quiet();
        let ok = retrieve(&mut bench, flow, from, "7101");
        let retrieved = bench.events.iter().find_map(|event| match event {
            CucmEvent::Retrieved { by, number, parked_by, .. } => {
                Some((by.number.clone(), number.clone(), parked_by.number.clone()))
            }
            _ => None,
        });
        assert_eq!(retrieved, Some((from.to_owned(), "7101".to_owned(), "1001".to_owned())));
        bench.wait(120_000);
        bench.quiet();
        bench.in_dialog(flow, "BYE", &ok, 102, None);
        bench.expect(flow, "200");
        bench.ok(CALLER, "BYE");
        assert!(bench.engine.is_idle());
        bench.finish();
    }
}

#[test]
fn the_party_that_called_may_park_too() {
    let mut bench = Bench::ready(cluster(false));
    let (ok, _) = bench.talk(&at(CALLER), &at(AGENT));
    assert_eq!(press(&mut bench, CALLER, &ok), 202);
    bench.ok(CALLER, "BYE");
    bench.stopped(AGENT);
    bench.offers(AGENT, &at(AGENT));
    bench.expect(AGENT, "ACK");
    assert_eq!(bench.dial(EXPERT, "1002", "7101", &at(EXPERT)), None);
    bench.stopped(AGENT);
    bench.offers(AGENT, &at(AGENT));
    assert_eq!(audio(&bench.expect(AGENT, "ACK")).port, at(EXPERT).port);
    assert_eq!(audio(&bench.expect(EXPERT, "200")).port, at(AGENT).port);
}

#[test]
fn a_recording_ends_at_the_park_and_the_retriever_has_its_own() {
    let (mut bench, ack) = talking(cluster(true));
    bench.record();
    let before = started(&bench).remove(0);
    assert_eq!(press(&mut bench, AGENT, &ack), 202);
    for _ in 0..2 {
        bench.ok(RECORDER, "BYE");
    }
    for _ in 0..3 {
        bench.ok(AGENT, "BYE");
    }
    bench.stopped(CALLER);
    bench.offers(CALLER, &at(CALLER));
    bench.expect(CALLER, "ACK");
    bench.wait(5_000);
    bench.quiet();
    let why = bench.events.iter().find_map(|event| match event {
        CucmEvent::RecordingEnded { why, .. } => Some(why.clone()),
        _ => None,
    });
    assert_eq!(why.as_deref(), Some("the call was parked"));
    retrieve(&mut bench, EXPERT, "1002", "7101");
    bench.wait(20);
    let bridge = bench.expect(EXPERT, "INVITE");
    assert!(bridge.header("Join").is_some());
    assert_eq!(before.near.number, "1001");
    assert_eq!(started(&bench).len(), 1, "nothing was recorded meanwhile");
}

#[test]
fn a_recorded_party_that_is_parked_is_recorded_anew_with_whoever_retrieves_it() {
    let mut bench = Bench::ready(cluster(true));
    let (ok, _) = bench.talk(&at(CALLER), &at(AGENT));
    bench.record();
    press(&mut bench, CALLER, &ok);
    bench.ok(CALLER, "BYE");
    for _ in 0..2 {
        bench.ok(RECORDER, "BYE");
        bench.ok(AGENT, "BYE");
    }
    bench.stopped(AGENT);
    bench.offers(AGENT, &at(AGENT));
    bench.expect(AGENT, "ACK");
    assert_eq!(bench.dial(DEPUTY, "1003", "7101", &at(DEPUTY)), None);
    bench.stopped(AGENT);
    bench.offers(AGENT, &at(AGENT));
    bench.expect(AGENT, "ACK");
    let ok = bench.expect(DEPUTY, "200");
    bench.in_dialog(DEPUTY, "ACK", &ok, 101, None);
    bench.wait(20);
    assert!(bench.expect(AGENT, "INVITE").header("Join").is_some());
    bench.quiet();
}

#[test]
fn calls_are_parked_at_free_numbers_of_the_range() {
    let mut config = cluster(false);
    config.park_numbers.truncate(1);
    let (mut bench, ack) = talking(config);
    assert_eq!(parked(&mut bench, &ack), "7101");
    let invite = bench.dial(EXPERT, "1002", "1001", &at(EXPERT)).unwrap();
    bench.picks_up(AGENT, &invite, &at(AGENT));
    let ok = bench.expect(EXPERT, "200");
    let ack = bench.expect(AGENT, "ACK");
    bench.in_dialog(EXPERT, "ACK", &ok, 101, None);
    assert_eq!(press(&mut bench, AGENT, &ack), 503, "all numbers are taken");
    bench.quiet();
    let mut bench = Bench::ready(unrecorded(with_deputy(plain())));
    let (_, ack) = bench.talk(&at(CALLER), &at(AGENT));
    assert_eq!(press(&mut bench, AGENT, &ack), 503, "there are none");
}

#[test]
fn a_number_where_nothing_is_parked_leads_nowhere() {
    let mut bench = Bench::ready(cluster(false));
    assert_eq!(bench.dial(EXPERT, "1002", "7101", &at(EXPERT)), None);
    bench.expect(EXPERT, "404");
    assert!(bench.engine.is_idle());
}

#[test]
fn a_parked_party_that_hangs_up_frees_the_number() {
    let (mut bench, ack) = talking(cluster(false));
    parked(&mut bench, &ack);
    let music = bench.dialog_of(CALLER);
    bench.in_dialog(CALLER, "BYE", &music, 105, None);
    bench.expect(CALLER, "200");
    assert!(bench.engine.is_idle() && bench.music.is_empty());
    bench.wait(120_000);
    bench.quiet();
}

#[test]
fn a_call_that_nobody_retrieves_comes_back_to_whoever_parked_it() {
    let (mut bench, ack) = talking(cluster(false));
    parked(&mut bench, &ack);
    bench.wait(59_999);
    bench.quiet();
    bench.wait(1);
    let invite = bench.expect(AGENT, "INVITE");
    assert!(invite.header("From").unwrap().contains("sip:1000@"), "on behalf of who waits");
    bench.answer(AGENT, &invite, 180, "again", "", None);
    bench.picks_up(AGENT, &invite, &at(AGENT));
    bench.stopped(CALLER);
    bench.offers(CALLER, &at(CALLER));
    assert_eq!(audio(&bench.expect(CALLER, "ACK")).port, at(AGENT).port);
    assert_eq!(audio(&bench.expect(AGENT, "ACK")).port, at(CALLER).port);
    assert!(bench.told().contains(&"Retrieved".to_owned()));
    bench.quiet();
    assert_eq!(bench.dial(EXPERT, "1002", "7101", &at(EXPERT)), None);
    bench.expect(EXPERT, "404");
}

#[test]
fn a_reversion_that_is_refused_leaves_the_call_parked_and_comes_again() {
    let (mut bench, ack) = talking(cluster(false));
    parked(&mut bench, &ack);
    for _ in 0..2 {
        bench.wait(60_000);
        let invite = bench.expect(AGENT, "INVITE");
        bench.answer(AGENT, &invite, 603, "again", "", None);
        bench.expect(AGENT, "ACK");
        bench.quiet();
    }
    retrieve(&mut bench, EXPERT, "1002", "7101");
}

#[test]
fn a_call_that_rings_where_it_was_parked_can_still_be_retrieved() {
    let (mut bench, ack) = talking(cluster(false));
    parked(&mut bench, &ack);
    bench.wait(60_000);
    let invite = bench.expect(AGENT, "INVITE");
    bench.answer(AGENT, &invite, 180, "again", "", None);
    assert_eq!(bench.dial(EXPERT, "1002", "7101", &at(EXPERT)), None);
    let cancel = bench.expect(AGENT, "CANCEL");
    bench.answer(AGENT, &cancel, 200, "again", "", None);
    bench.answer(AGENT, &invite, 487, "again", "", None);
    bench.expect(AGENT, "ACK");
    bench.stopped(CALLER);
    bench.offers(CALLER, &at(CALLER));
    bench.expect(CALLER, "ACK");
    bench.expect(EXPERT, "200");
}

#[test]
fn nothing_else_is_done_with_a_parked_call() {
    let (mut bench, ack) = talking(cluster(false));
    parked(&mut bench, &ack);
    let music = bench.dialog_of(CALLER);
    assert_eq!(press(&mut bench, CALLER, &music), 491);
    bench.ask(CALLER, "REFER", &music, 105, "Refer-To: <sip:1002@10.48.38.5>", None);
    bench.expect(CALLER, "491");
    assert_eq!(bench.engine.redirect(bench.now, (CALLER_DEVICE, None), "1002"), Err(cucm::RedirectRefused::Moving));
    bench.quiet();
}

#[test]
fn a_recording_that_is_kept_has_the_music_and_then_the_retriever_at_its_far_end() {
    for transfer in [FarEndTransfer::Restart, FarEndTransfer::Update] {
        let mut config = cluster(true);
        (config.dialect.far_end_park, config.dialect.far_end_transfer) = (FarEndPark::Keep, transfer);
        let mut bench = Bench::ready(config);
        let (ok, _) = bench.talk(&at(CALLER), &at(AGENT));
        bench.record();
        press(&mut bench, CALLER, &ok);
        bench.ok(CALLER, "BYE");
        bench.stopped(AGENT);
        bench.offers(AGENT, &at(AGENT));
        bench.expect(AGENT, "ACK");
        bench.quiet();
        assert_eq!(bench.dial(DEPUTY, "1003", "7101", &at(DEPUTY)), None);
        let told: Vec<String> = bench
            .sent
            .iter()
            .filter(|(to, _)| *to == RECORDER)
            .filter_map(|(_, m)| m.method().map(str::to_owned))
            .collect();
        let method = if transfer == FarEndTransfer::Update { "UPDATE" } else { "BYE" };
        assert_eq!(told, [method, method], "{transfer:?}");
    }
}
