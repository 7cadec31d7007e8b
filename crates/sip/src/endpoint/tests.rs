//! Matching, CANCEL, ACK, and flows that close; the timers are tested with their machines.

use std::time::{Duration, Instant};

use super::*;
use crate::Dialog;

const FLOW: FlowId = FlowId(1);
const OTHER: FlowId = FlowId(2);

#[expect(clippy::disallowed_methods, reason = "an Instant can be had in no other way; only its distances count")]
fn beginning() -> Instant {
    Instant::now()
}

fn endpoint() -> Endpoint {
    Endpoint::new(Timers::default())
}

fn request(method: &str, branch: &str) -> Message {
    Builder::request(method, "sip:b@h")
        .header("Via", format_args!("SIP/2.0/TCP a:5060;branch={branch}"))
        .header("From", "<sip:a@h>;tag=f")
        .header("To", "<sip:b@h>")
        .header("Call-ID", "1@a")
        .header("CSeq", format_args!("1 {method}"))
        .header("Contact", "<sip:a@h:5070>")
        .finish()
}

fn reply(request: &Message, code: u16) -> Message {
    Builder::reply(request, code, "Reason", Some("t")).header("Contact", "<sip:b@h:5080>").finish()
}

fn ack_to(ok: &Message, branch: &str) -> Message {
    Builder::request("ACK", "sip:b@h")
        .header("Via", format_args!("SIP/2.0/TCP a:5060;branch={branch}"))
        .copy(ok, "From")
        .copy(ok, "To")
        .copy(ok, "Call-ID")
        .header("CSeq", "1 ACK")
        .finish()
}

/// What came out: start lines of what was sent, with the flow, and the events.
fn out(endpoint: &mut Endpoint) -> (Vec<(u64, String)>, Vec<Event>) {
    let (mut sent, mut events) = (Vec::new(), Vec::new());
    while let Some(output) = endpoint.poll_output() {
        match output {
            Output::Transmit { flow, bytes } => {
                sent.push((flow.0, Message::parse(&bytes).unwrap().start_line().into_owned()));
            }
            Output::Event(event) => events.push(event),
        }
    }
    (sent, events)
}

fn opened(endpoint: &mut Endpoint, message: &Message, now: Instant) -> ServerKey {
    endpoint.handle_message(now, FLOW, Transport::Tcp, message.clone());
    match out(endpoint).1.as_slice() {
        [Event::Request { key, flow: FLOW, message: got }] if got == message => *key,
        other => panic!("{other:?}"),
    }
}

#[test]
fn answers_find_their_request_by_branch_and_method() {
    let (mut endpoint, now) = (endpoint(), beginning());
    let (first, second) = (request("OPTIONS", "z9hG4bK1"), request("OPTIONS", "z9hG4bK2"));
    let keys = [&first, &second].map(|r| endpoint.send_request(now, FLOW, Transport::Tcp, r.clone()));
    out(&mut endpoint);
    let answer = reply(&second, 200);
    // A response may come over another connection (RFC 3261 section 18.1.2).
    endpoint.handle_message(now, OTHER, Transport::Tcp, answer.clone());
    assert_eq!(out(&mut endpoint).1, [Event::Response { key: keys[1], message: answer.clone() }]);
    endpoint.handle_message(now, FLOW, Transport::Tcp, answer.clone());
    assert_eq!(out(&mut endpoint).1, [Event::Stray { flow: FLOW, message: answer }]);
    assert_eq!(endpoint.active(), 1);
    let other_method = reply(&request("INFO", "z9hG4bK1"), 200);
    endpoint.handle_message(now, FLOW, Transport::Tcp, other_method.clone());
    assert_eq!(out(&mut endpoint).1, [Event::Stray { flow: FLOW, message: other_method }]);
}

#[test]
fn a_repeated_request_is_answered_again_where_it_came_from() {
    let (mut endpoint, now) = (endpoint(), beginning());
    let invite = request("INVITE", "z9hG4bK1");
    let key = opened(&mut endpoint, &invite, now);
    endpoint.respond(now, &key, reply(&invite, 180)).unwrap();
    endpoint.handle_message(now, OTHER, Transport::Tcp, invite);
    let ringing = "SIP/2.0 180 Reason".to_owned();
    assert_eq!(out(&mut endpoint), (vec![(1, ringing.clone()), (2, ringing)], vec![]));
    // The same branch from another host is another request.
    let foreign = String::from_utf8_lossy(request("INVITE", "z9hG4bK1").as_bytes()).into_owned();
    let foreign = foreign.replace("a:5060", "c:5060").replace("tag=f", "tag=g");
    opened(&mut endpoint, &Message::parse(foreign.as_bytes()).unwrap(), now);
}

#[test]
fn a_request_that_comes_by_a_second_way_is_a_loop_while_the_first_is_handled() {
    let (mut endpoint, now) = (endpoint(), beginning());
    let key = opened(&mut endpoint, &request("INVITE", "z9hG4bK1"), now);
    let second = request("INVITE", "z9hG4bK2");
    endpoint.handle_message(now, OTHER, Transport::Tcp, second.clone());
    let loop_detected = (2, "SIP/2.0 482 Loop Detected".to_owned());
    assert_eq!(out(&mut endpoint), (vec![loop_detected.clone()], vec![]));
    endpoint.handle_message(now, OTHER, Transport::Tcp, second.clone());
    assert_eq!(out(&mut endpoint), (vec![loop_detected], vec![]), "a repeat is answered the same");
    // Another method, number or sender, and a request within a dialog, are no loops.
    for (from, to) in [("1 INVITE", "2 INVITE"), ("tag=f", "tag=g"), ("1@a", "2@a"), ("<sip:b@h>", "<sip:b@h>;tag=t")] {
        let other = String::from_utf8_lossy(second.as_bytes()).replace(from, to).replace("bK2", &format!("bK3{from}"));
        opened(&mut endpoint, &Message::parse(other.replace("bK31 ", "bK31").as_bytes()).unwrap(), now);
    }
    opened(&mut endpoint, &request("OPTIONS", "z9hG4bK4"), now);
    // Once the first is over, its identity is free.
    let busy = reply(&second, 486);
    endpoint.respond(now, &key, busy).unwrap();
    endpoint.handle_flow_closed(now, FLOW);
    endpoint.handle_flow_closed(now, OTHER);
    out(&mut endpoint);
    opened(&mut endpoint, &second, now);
}

#[test]
fn the_ack_to_a_2xx_is_found_by_its_dialog() {
    let (mut endpoint, now) = (endpoint(), beginning());
    let invite = request("INVITE", "z9hG4bK1");
    let key = opened(&mut endpoint, &invite, now);
    let ok = reply(&invite, 200);
    endpoint.respond(now, &key, ok.clone()).unwrap();
    out(&mut endpoint);
    let foreign = ack_to(&reply(&request("INVITE", "z9hG4bK1"), 200), "z9hG4bK9");
    let wrong = Message::parse(&String::from_utf8_lossy(foreign.as_bytes()).replace("tag=t", "tag=u").into_bytes());
    endpoint.handle_message(now, FLOW, Transport::Tcp, wrong.clone().unwrap());
    assert_eq!(out(&mut endpoint).1, [Event::Stray { flow: FLOW, message: wrong.unwrap() }]);
    let ack = ack_to(&ok, "z9hG4bK2");
    endpoint.handle_message(now, FLOW, Transport::Tcp, ack.clone());
    endpoint.handle_message(now, FLOW, Transport::Tcp, ack.clone());
    assert_eq!(out(&mut endpoint).1, [Event::Ack { key, flow: FLOW, message: ack }]);
    endpoint.handle_timeout(now + Duration::from_secs(32));
    assert_eq!((out(&mut endpoint), endpoint.active()), ((vec![], vec![]), 0));
}

#[test]
fn the_ack_to_a_refusal_is_absorbed() {
    let (mut endpoint, now) = (endpoint(), beginning());
    let invite = request("INVITE", "z9hG4bK1");
    let key = opened(&mut endpoint, &invite, now);
    let busy = reply(&invite, 486);
    let early = ack_to(&busy, "z9hG4bK1");
    endpoint.handle_message(now, FLOW, Transport::Tcp, early.clone());
    assert_eq!(out(&mut endpoint).1, [Event::Stray { flow: FLOW, message: early }], "nothing was answered yet");
    endpoint.respond(now, &key, busy.clone()).unwrap();
    out(&mut endpoint);
    endpoint.handle_message(now, FLOW, Transport::Tcp, ack_to(&busy, "z9hG4bK1"));
    assert_eq!((out(&mut endpoint), endpoint.active()), ((vec![], vec![]), 0));
    assert_eq!(endpoint.respond(now, &key, busy), Err(EndpointError::Gone));
}

#[test]
fn a_cancel_is_answered_here_and_reported_once() {
    let (mut endpoint, now) = (endpoint(), beginning());
    let invite = request("INVITE", "z9hG4bK1");
    let key = opened(&mut endpoint, &invite, now);
    endpoint.respond(now, &key, reply(&invite, 180)).unwrap();
    out(&mut endpoint);
    let cancel = Builder::cancel(&invite).finish();
    endpoint.handle_message(now, FLOW, Transport::Udp, cancel.clone());
    let Some(Output::Transmit { bytes, .. }) = endpoint.poll_output() else { panic!("no answer") };
    let answer = Message::parse(&bytes).unwrap();
    assert_eq!((answer.status(), answer.cseq().unwrap().method.as_str()), (Some(200), "CANCEL"));
    assert_eq!(answer.to().unwrap().tag(), Some("t"), "the tag of the INVITE's answers");
    assert_eq!(out(&mut endpoint), (vec![], vec![Event::Cancelled { key, message: cancel.clone() }]));
    endpoint.handle_message(now, FLOW, Transport::Udp, cancel);
    assert_eq!(out(&mut endpoint), (vec![(1, "SIP/2.0 200 OK".to_owned())], vec![]));
}

#[test]
fn a_cancel_that_comes_too_late_or_for_nothing_changes_nothing() {
    let (mut endpoint, now) = (endpoint(), beginning());
    let stray = Builder::cancel(&request("INVITE", "z9hG4bK7")).finish();
    endpoint.handle_message(now, FLOW, Transport::Tcp, stray);
    let answer = "SIP/2.0 481 Call/Transaction Does Not Exist".to_owned();
    assert_eq!(out(&mut endpoint), (vec![(1, answer)], vec![]));
    let invite = request("INVITE", "z9hG4bK1");
    let key = opened(&mut endpoint, &invite, now);
    endpoint.respond(now, &key, reply(&invite, 200)).unwrap();
    out(&mut endpoint);
    endpoint.handle_message(now, FLOW, Transport::Tcp, Builder::cancel(&invite).finish());
    assert_eq!(out(&mut endpoint), (vec![(1, "SIP/2.0 200 OK".to_owned())], vec![]));
}

#[test]
fn send_cancel_waits_for_the_first_answer() {
    let (mut endpoint, now) = (endpoint(), beginning());
    let invite = request("INVITE", "z9hG4bK1");
    let key = endpoint.send_request(now, FLOW, Transport::Tcp, invite.clone());
    let cancel = endpoint.send_cancel(now, &key).unwrap();
    assert_eq!(endpoint.send_cancel(now, &key), Ok(cancel), "asked twice, sent once");
    assert_eq!(out(&mut endpoint).0.len(), 1, "only the INVITE so far");
    endpoint.handle_message(now, FLOW, Transport::Tcp, reply(&invite, 180));
    let (sent, events) = out(&mut endpoint);
    assert_eq!(sent, [(1, "CANCEL sip:b@h SIP/2.0".to_owned())]);
    assert_eq!(events.len(), 1);
    let answer = reply(&Builder::cancel(&invite).finish(), 200);
    endpoint.handle_message(now, FLOW, Transport::Tcp, answer.clone());
    assert_eq!(out(&mut endpoint).1, [Event::Response { key: cancel, message: answer }]);
    assert_eq!(endpoint.send_cancel(now, &cancel), Err(EndpointError::Gone));
    let plain = endpoint.send_request(now, FLOW, Transport::Tcp, request("BYE", "z9hG4bK3"));
    assert_eq!(endpoint.send_cancel(now, &plain), Err(EndpointError::NotAnInvite));
}

#[test]
fn senders_without_branches_are_matched_by_everything_else() {
    let (mut endpoint, now) = (endpoint(), beginning());
    let strip = |message: &Message| {
        let text = String::from_utf8_lossy(message.as_bytes()).replace(";branch=none", "");
        Message::parse(text.as_bytes()).unwrap()
    };
    let invite = strip(&request("INVITE", "none"));
    let key = opened(&mut endpoint, &invite, now);
    endpoint.handle_message(now, FLOW, Transport::Tcp, invite.clone());
    assert_eq!(out(&mut endpoint), (vec![], vec![]), "a repeat is recognised");
    let busy = reply(&invite, 486);
    endpoint.respond(now, &key, busy.clone()).unwrap();
    endpoint.handle_message(now, FLOW, Transport::Tcp, strip(&ack_to(&busy, "none")));
    out(&mut endpoint);
    assert_eq!(endpoint.active(), 0, "the ACK was recognised");
    // A bare magic cookie says no more than none.
    let bare = request("OPTIONS", "z9hG4bK");
    opened(&mut endpoint, &bare, now);
    let later = Builder::request("OPTIONS", "sip:b@h").copy(&bare, "Via").copy(&bare, "From").copy(&bare, "To");
    opened(&mut endpoint, &later.header("Call-ID", "2@a").header("CSeq", "1 OPTIONS").finish(), now);
}

#[test]
fn what_belongs_nowhere_is_reported_as_stray() {
    let (mut endpoint, now) = (endpoint(), beginning());
    let no_via = Builder::request("INVITE", "sip:b").header("CSeq", "1 INVITE").finish();
    let no_cseq = Builder::response(200, "OK").copy(&request("INVITE", "z9hG4bK1"), "Via").finish();
    for message in [no_via, no_cseq, ack_to(&reply(&request("INVITE", "z"), 200), "z9hG4bK5")] {
        endpoint.handle_message(now, FLOW, Transport::Udp, message.clone());
        assert_eq!(out(&mut endpoint), (vec![], vec![Event::Stray { flow: FLOW, message }]));
    }
    assert_eq!(endpoint.active(), 0);
}

#[test]
fn a_request_that_cannot_be_read_gets_400_and_opens_nothing() {
    let (mut endpoint, now) = (endpoint(), beginning());
    let text = String::from_utf8(request("INVITE", "z9hG4bK1").as_bytes().to_vec()).unwrap();
    let flawed = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}: {text}");
        Message::parse(text.replace(from, to).as_bytes()).unwrap()
    };
    for message in [
        flawed("To: <sip:b@h>\r\n", ""),
        flawed("CSeq: 1 INVITE", "CSeq: 99999999999 INVITE"),
        flawed("CSeq: 1 INVITE", "CSeq: 1 BYE"),
        flawed("CSeq: 1 INVITE\r\n", ""),
        flawed("Call-ID: 1@a\r\n", ""),
    ] {
        for _ in 0..2 {
            endpoint.handle_message(now, FLOW, Transport::Udp, message.clone());
            let Some(Output::Transmit { bytes, .. }) = endpoint.poll_output() else { panic!("no answer") };
            let answer = Message::parse(&bytes).unwrap();
            assert_eq!((answer.status(), answer.via()), (Some(400), message.via()));
            assert!(answer.to().unwrap().tag().is_some(), "{}", String::from_utf8_lossy(&bytes));
            assert_eq!(out(&mut endpoint), (vec![], vec![Event::Stray { flow: FLOW, message: message.clone() }]));
        }
    }
    let ack = flawed("INVITE sip", "ACK sip");
    endpoint.handle_message(now, FLOW, Transport::Udp, ack.clone());
    assert_eq!(out(&mut endpoint), (vec![], vec![Event::Stray { flow: FLOW, message: ack }]));
    assert_eq!((endpoint.active(), endpoint.poll_timeout()), (0, None));
}

#[test]
fn a_closed_flow_ends_what_went_over_it_but_an_accepted_invite() {
    let (mut endpoint, now) = (endpoint(), beginning());
    let waiting = endpoint.send_request(now, FLOW, Transport::Tcp, request("INVITE", "z9hG4bK1"));
    let elsewhere = endpoint.send_request(now, OTHER, Transport::Tcp, request("BYE", "z9hG4bK2"));
    out(&mut endpoint);
    let [accepted, refused] = ["z9hG4bK3", "z9hG4bK5"].map(|branch| {
        let invite = Message::parse(
            String::from_utf8_lossy(request("INVITE", branch).as_bytes()).replace("1@a", branch).as_bytes(),
        );
        let invite = invite.unwrap();
        let key = opened(&mut endpoint, &invite, now);
        let status = if branch.ends_with('3') { 200 } else { 486 };
        let answer = reply(&invite, status);
        endpoint.respond(now, &key, answer.clone()).unwrap();
        out(&mut endpoint);
        (key, answer)
    });
    let open = opened(&mut endpoint, &request("OPTIONS", "z9hG4bK4"), now);
    endpoint.handle_flow_closed(now, FLOW);
    let events = out(&mut endpoint).1;
    assert_eq!(events, [Event::FlowFailed { key: waiting }, Event::AckMissing { key: refused.0 }]);
    let response = reply(&request("OPTIONS", "z9hG4bK4"), 200);
    assert_eq!(endpoint.respond(now, &open, response), Err(EndpointError::Gone));
    // The ACK to the one accepted comes by another flow.
    let ack = ack_to(&accepted.1, "z9hG4bK7");
    endpoint.handle_message(now, OTHER, Transport::Tcp, ack.clone());
    assert_eq!(out(&mut endpoint).1, [Event::Ack { key: accepted.0, flow: OTHER, message: ack }]);
    while let Some(due) = endpoint.poll_timeout() {
        endpoint.handle_timeout(due);
    }
    assert_eq!(out(&mut endpoint).1, [Event::Timeout { key: elsewhere }]);
    assert_eq!((endpoint.active(), endpoint.poll_timeout()), (0, None));
    assert!(endpoint.ack_ids.is_empty() && endpoint.server_ids.is_empty() && endpoint.client_ids.is_empty());
}

#[test]
fn misuse_is_an_error_and_never_a_panic() {
    let (mut endpoint, now) = (endpoint(), beginning());
    let options = request("OPTIONS", "z9hG4bK1");
    let key = opened(&mut endpoint, &options, now);
    assert_eq!(endpoint.respond(now, &key, options), Err(EndpointError::NotAResponse));
    let ack =
        endpoint.send_request(now, FLOW, Transport::Udp, ack_to(&reply(&request("INVITE", "z"), 200), "z9hG4bK5"));
    assert_eq!(endpoint.active(), 1, "an ACK opens nothing");
    endpoint.send_ack(now, FLOW, &ack, request("ACK", "z9hG4bK6"));
    let no_via = endpoint.send_request(now, FLOW, Transport::Udp, Builder::request("BYE", "sip:b").finish());
    endpoint.handle_timeout(now + Duration::from_secs(32));
    assert!(out(&mut endpoint).1.contains(&Event::Timeout { key: no_via }));
}

#[test]
fn a_dialog_made_of_both_views_agrees() {
    let invite = request("INVITE", "z9hG4bK1");
    let caller = Dialog::from_response(&invite, &reply(&invite, 200)).unwrap();
    let callee = Dialog::from_request(&invite, "t").unwrap();
    assert_eq!((caller.local_header(), caller.remote_header()), (callee.remote_header(), callee.local_header()));
}
