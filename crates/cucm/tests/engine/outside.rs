//! Calls over a trunk with parties of another cluster.

use cucm::CucmEvent;
use cucm::config::*;
use sip::{FlowId, Message, Transport};

use crate::bench::*;

/// The connection that the other cluster opened, and the one that this one opens.
const FROM_THERE: FlowId = FlowId(20);
const TO_THERE: FlowId = FlowId(21);
const TRUNK: &str = "SIPTrunkToCluster2";

fn linked() -> Config {
    let mut config = plain();
    let trunk = SipTrunk {
        name: TRUNK.to_owned(),
        destinations: vec![Destination { address: "10.48.38.99".parse().unwrap(), port: 5060 }],
        takes_calls: true,
        ..config.trunks[0].clone()
    };
    config.trunks.push(trunk);
    config.route_patterns.push(RoutePattern::to_trunk("3000", TRUNK));
    config
}

fn identity(number: &str, more: &str) -> String {
    let at = if number.is_empty() { "" } else { "@" };
    format!(
        "P-Asserted-Identity: <sip:{number}{at}10.48.38.99>\nContact: <sip:{number}{at}10.48.38.99:5060;transport=tcp>{more}\n{FALLBACK}"
    )
}

/// Party 3000 calls the agent, who answers; gives the 200 to the trunk and the ACK to the agent.
fn called(config: Config, caller: &str) -> (Bench, Message, Message) {
    let mut bench = Bench::ready(config);
    bench.open(FROM_THERE, Transport::Tcp, None);
    let sdp = Sdp::new("10.48.38.99", 40_000).text();
    let branch = bench.new_branch();
    bench.give_text(
        FROM_THERE,
        &format!(
            "INVITE sip:1001@10.48.38.5:5060 SIP/2.0\r\nVia: SIP/2.0/TCP 10.48.38.99:5060;branch={branch}\r\n\
             From: {caller};tag=there\r\nTo: <sip:1001@10.48.38.5>\r\nCall-ID: there-1@10.48.38.99\r\nCSeq: 101 INVITE\r\n\
             Cisco-Guid: 1766213308-0488837607-2832368234-3409041498\r\nP-Asserted-Identity: {caller}\r\n\
             Contact: <sip:3000@10.48.38.99:5060;transport=tcp>\r\n{FALLBACK}\r\nContent-Type: application/sdp\r\n\
             Content-Length: {}\r\n\r\n{sdp}",
            sdp.len()
        ),
    );
    bench.expect(FROM_THERE, "100");
    let invite = bench.expect(AGENT, "INVITE");
    bench.answer(AGENT, &invite, 180, "agent", "", None);
    let ringing = bench.expect(FROM_THERE, "180");
    assert!(ringing.header("Send-Info").is_none() && ringing.header("P-Asserted-Identity").is_some());
    let contact = format!("Contact: <sip:line@10.48.38.102:50000;transport=tcp>\n{FALLBACK}");
    bench.answer(AGENT, &invite, 200, "agent", &contact, Some(&Sdp::new("10.48.38.102", 30_002).text()));
    let ok = bench.expect(FROM_THERE, "200");
    let ack = bench.expect(AGENT, "ACK");
    bench.in_dialog(FROM_THERE, "ACK", &ok, 101, None);
    (bench, ok, ack)
}

fn from(message: &Message) -> String {
    message.header("From").unwrap().into_owned()
}

#[test]
fn a_party_of_another_cluster_calls_and_the_far_device_is_the_trunk() {
    let (mut bench, ok, _) = called(linked(), "\"Remote\" <sip:3000@10.48.38.99>");
    assert_eq!(ok.header("P-Asserted-Identity").as_deref(), Some("\"SJ User 2\" <sip:1001@10.48.38.5>"));
    assert_eq!((audio(&ok).address.to_string(), audio(&ok).port), ("10.48.38.102".to_owned(), 30_002));
    let (near, far) = bench.invites();
    for invite in [&near, &far] {
        let from = from(invite);
        assert!(from.contains(&format!(";x-farenddevice={TRUNK};x-farendaddr=3000>")), "{from}");
    }
    let CucmEvent::CallConnected(call) =
        &bench.events.iter().find(|e| matches!(e, CucmEvent::CallConnected(_))).unwrap()
    else {
        panic!()
    };
    assert_eq!((call.caller.party.name.as_str(), call.caller.party.number.as_str()), ("Remote", "3000"));
    bench.in_dialog(FROM_THERE, "BYE", &ok, 102, None);
    bench.expect(FROM_THERE, "200");
    bench.ok(AGENT, "BYE");
}

#[test]
fn a_phone_calls_a_number_behind_the_trunk() {
    let mut bench = Bench::ready(linked());
    assert!(bench.dial(AGENT, "1001", "3000", &Sdp::new("10.48.38.102", 30_002)).is_none());
    bench.connected(TO_THERE);
    let invite = bench.expect(TO_THERE, "INVITE");
    assert_eq!(invite.request_uri(), Some("sip:3000@10.48.38.99:5060"));
    let names: Vec<String> = invite.headers().map(|field| field.name().to_owned()).collect();
    let traced = Message::parse(trace("46-cucm-delayed-offer-invite-cti-port-cucm10.5").as_bytes()).unwrap();
    let expected: Vec<String> = traced.headers().map(|field| field.name().to_owned()).collect();
    // From 11.5 on there is a Session-ID; the session timer of calls is not imitated.
    let common = |names: &[String]| {
        let skip = ["Session-ID", "Session-Expires"];
        names.iter().filter(|name| !skip.contains(&name.as_str())).cloned().collect::<Vec<_>>()
    };
    assert_eq!(common(&names), common(&expected));
    bench.answer(TO_THERE, &invite, 180, "there", "Contact: <sip:3000@10.48.38.99:5060>", None);
    bench.expect(AGENT, "180");
    let named = "P-Asserted-Identity: \"Remote\" <sip:3000@10.48.38.99>\nContact: <sip:3000@10.48.38.99:5060>";
    bench.answer(TO_THERE, &invite, 200, "there", named, Some(&Sdp::new("10.48.38.99", 40_000).text()));
    let ack = bench.expect(TO_THERE, "ACK");
    assert_eq!(audio(&ack).port, 30_002);
    let ok = bench.expect(AGENT, "200");
    bench.in_dialog(AGENT, "ACK", &ok, 101, None);
    let (_, far) = bench.invites();
    assert!(from(&far).contains(&format!(";x-farenddevice={TRUNK};x-farendaddr=3000>")), "{}", from(&far));
    bench.in_dialog(AGENT, "BYE", &ok, 102, None);
    bench.expect(AGENT, "200");
    let bye = bench.ok(TO_THERE, "BYE");
    assert_eq!(bye.header("P-Asserted-Identity").as_deref(), Some("\"SJ User 2\" <sip:1001@10.48.38.5>"));
}

#[test]
fn a_transfer_in_the_other_cluster_is_an_update_in_both_dialogs() {
    let (mut bench, ok, _) = called(linked(), "<sip:3000@10.48.38.99>");
    let (near, far) = bench.record();
    for (cseq, number) in [(102, "3100"), (103, "3200")] {
        bench.ask(FROM_THERE, "UPDATE", &ok, cseq, &identity(number, ""), None);
        bench.expect(FROM_THERE, "200");
        for (ack, tag) in [(&near, "x-nearend"), (&far, "x-farend")] {
            let update = bench.ok(RECORDER, "UPDATE");
            let (before, now) = (from(ack), from(&update));
            assert!(now.contains(tag), "{now}");
            assert_eq!(now, before.replace("x-farendaddr=3000", &format!("x-farendaddr={number}")));
            assert_eq!(update.call_id(), ack.call_id());
        }
        let updated = bench.events.iter().filter(|event| matches!(event, CucmEvent::RecordingUpdated { .. })).count();
        assert_eq!(updated, cseq as usize - 101);
    }
    // The same name again is no news.
    bench.ask(FROM_THERE, "UPDATE", &ok, 104, &identity("3200", ""), None);
    bench.expect(FROM_THERE, "200");
    bench.wait(1000);
    bench.quiet();
}

#[test]
fn a_conference_in_the_other_cluster_restarts_the_recording_with_its_focus() {
    for (number, far_end) in [("b0018615001", "x-farendaddr=b0018615001;isfocus>"), ("", "x-farendaddr=;isfocus>")] {
        let (mut bench, ok, _) = called(linked(), "<sip:3000@10.48.38.99>");
        bench.record();
        bench.ask(FROM_THERE, "UPDATE", &ok, 102, &identity(number, ";isFocus"), None);
        bench.expect(FROM_THERE, "200");
        for flow in [RECORDER, RECORDER, AGENT, AGENT] {
            bench.ok(flow, "BYE");
        }
        let (near, far) = bench.invites();
        for invite in [near, far] {
            let from = from(&invite);
            assert!(from.contains(&format!(";x-farenddevice={TRUNK};{far_end}")), "{from}");
        }
    }
}

#[test]
fn a_hold_in_the_other_cluster_shows_or_not_by_the_switch() {
    for switch in [RemoteHolds::Keep, RemoteHolds::Restart] {
        let mut config = linked();
        config.dialect.remote_hold = switch;
        let (mut bench, ok, _) = called(config, "<sip:3000@10.48.38.99>");
        bench.record();
        let media = Sdp::new("10.48.38.99", 40_000);
        bench.ask(
            FROM_THERE,
            "INVITE",
            &ok,
            102,
            &identity("3000", ""),
            Some(&media.clone().direction("sendonly").text()),
        );
        bench.expect(FROM_THERE, "100");
        let byes = bench.sent.iter().filter(|(to, message)| *to == RECORDER && message.method() == Some("BYE")).count();
        assert_eq!(byes, if switch == RemoteHolds::Restart { 2 } else { 0 });
    }
}

#[test]
fn what_a_peer_calls_itself_breaks_no_message_of_ours() {
    let (mut bench, _, _) = called(linked(), "\"Re\\\"mote\" <sip:30%2200;x-nearend=1@10.48.38.99>");
    let (near, _) = bench.invites();
    let (from, uri) = (from(&near), near.from_().unwrap().uri);
    assert_eq!(uri.params.get("x-farenddevice"), Some(TRUNK), "{from}");
    assert_eq!(uri.params.get("x-farendaddr"), Some("302200"), "{from}");
}

#[test]
fn nobody_calls_over_a_trunk_that_takes_no_calls() {
    let mut config = linked();
    config.trunks[1].takes_calls = false;
    let mut bench = Bench::ready(config);
    bench.open(FROM_THERE, Transport::Tcp, None);
    let branch = bench.new_branch();
    bench.give_text(
        FROM_THERE,
        &format!(
            "INVITE sip:1001@10.48.38.5 SIP/2.0\r\nVia: SIP/2.0/TCP 10.48.38.99:5060;branch={branch}\r\n\
             From: <sip:3000@10.48.38.99>;tag=there\r\nTo: <sip:1001@10.48.38.5>\r\nCall-ID: there-1\r\nCSeq: 101 INVITE\r\n\
             Contact: <sip:3000@10.48.38.99>\r\n\r\n"
        ),
    );
    bench.expect(FROM_THERE, "100");
    bench.expect(FROM_THERE, "403");
}

#[test]
fn an_application_redirects_the_call_of_one_party_behind_a_trunk_and_not_of_another_one() {
    let (mut bench, _, _) = called(with_deputy(linked()), "<sip:3100@10.48.38.99>");
    bench.record();
    assert!(bench.dial(CALLER, "1000", "3000", &Sdp::new("10.48.38.101", 30_000)).is_none());
    bench.connected(TO_THERE);
    let invite = bench.expect(TO_THERE, "INVITE");
    bench.answer(TO_THERE, &invite, 180, "there", "Contact: <sip:3000@10.48.38.99:5060>", None);
    bench.expect(CALLER, "180");
    // 3000 rings, 3100 talks, and both are the trunk.
    let nobody = bench.engine.redirect(bench.now, (TRUNK, Some("3200")), "1003");
    assert_eq!(nobody, Err(cucm::RedirectRefused::NoCall));
    bench.engine.redirect(bench.now, (TRUNK, Some("3100")), "1003").unwrap();
    bench.collect();
    bench.expect(DEPUTY, "INVITE");
    bench.expect(FROM_THERE, "BYE");
    assert!(bench.sent.iter().all(|(to, _)| *to != TO_THERE), "3000 rings on");
}
