//! Two endpoints, a virtual clock, and a network between them that loses, repeats and reorders from a seed.

#![cfg(test)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use sip::{Builder, ClientKey, Dialog, Endpoint, Event, FlowId, Message, Output, ServerKey, Timers, Transport};

const FLOW: FlowId = FlowId(7);
const CALLER: usize = 0;
const CALLEE: usize = 1;

/// What the network does to a message, in per cent, and the longest delay.
#[derive(Clone, Copy)]
struct Weather {
    loss: u32,
    repeat: u32,
    delay: Duration,
}

const FAIR: Weather = Weather { loss: 0, repeat: 0, delay: Duration::from_millis(1) };
const FOUL: Weather = Weather { loss: 20, repeat: 15, delay: Duration::from_millis(700) };

/// Both ends, and what each has seen of each call.
struct Pair {
    now: Instant,
    rng: ChaCha20Rng,
    weather: Weather,
    transport: Transport,
    ends: [Endpoint; 2],
    on_the_wire: BTreeMap<(Instant, u64), (usize, Vec<u8>)>,
    sent: Vec<Message>,
    /// Per side and Call-ID, in order.
    log: BTreeMap<(usize, String), Vec<String>>,
    calls: BTreeMap<ClientKey, String>,
    dialogs: BTreeMap<String, Dialog>,
    invites: BTreeMap<ServerKey, Message>,
    placed: BTreeMap<ClientKey, Message>,
    serial: u64,
}

#[expect(clippy::disallowed_methods, reason = "an Instant can be had in no other way; only its distances count")]
fn beginning() -> Instant {
    Instant::now()
}

impl Pair {
    fn new(seed: u64, weather: Weather, transport: Transport, timers: Timers) -> Self {
        Self {
            now: beginning(),
            rng: ChaCha20Rng::seed_from_u64(seed),
            weather,
            transport,
            ends: [Endpoint::new(timers), Endpoint::new(timers)],
            on_the_wire: BTreeMap::new(),
            sent: Vec::new(),
            log: BTreeMap::new(),
            calls: BTreeMap::new(),
            dialogs: BTreeMap::new(),
            invites: BTreeMap::new(),
            placed: BTreeMap::new(),
            serial: 0,
        }
    }

    fn request(&mut self, method: &str, uri: &str, dialog: Option<&Dialog>, call_id: &str, number: u32) -> Builder {
        self.serial += 1;
        let via = format!("SIP/2.0/{} a:5060;branch=z9hG4bK{}", self.transport.via_name(), self.serial);
        let (from, to) = dialog.map_or_else(
            || (format!("<sip:caller@a>;tag=c{call_id}"), format!("<{uri}>")),
            |dialog| (dialog.local_header(), dialog.remote_header()),
        );
        Builder::request(method, uri)
            .header("Via", via)
            .header("From", from)
            .header("To", to)
            .header("Call-ID", call_id)
            .header("CSeq", format_args!("{number} {method}"))
            .header("Contact", "<sip:caller@a>")
    }

    /// Starts a call; the user part of the URI says what the callee does: accept, refuse, or ring until cancelled.
    fn call(&mut self, plan: &str) {
        let call_id = format!("{}@a", self.calls.len());
        let invite = self.request("INVITE", &format!("sip:{plan}@b"), None, &call_id, 101).finish();
        let key = self.ends[CALLER].send_request(self.now, FLOW, self.transport, invite.clone());
        self.calls.insert(key, call_id.clone());
        self.placed.insert(key, invite);
        self.note(CALLER, &call_id, "sent");
    }

    fn note(&mut self, side: usize, call_id: &str, what: &str) {
        self.log.entry((side, call_id.to_owned())).or_default().push(what.to_owned());
    }

    /// Runs until nothing is left to do, at most ten minutes.
    fn drive(&mut self) {
        let end = self.now + Duration::from_secs(600);
        while self.now < end {
            self.drain();
            let wire = self.on_the_wire.first_key_value().map(|((at, _), _)| *at);
            let timers = self.ends.iter().filter_map(Endpoint::poll_timeout).min();
            let Some(next) = wire.into_iter().chain(timers).min() else { return };
            assert!(next >= self.now, "time runs backwards");
            self.now = next;
            while let Some(entry) = self.on_the_wire.first_entry().filter(|entry| entry.key().0 <= next) {
                let (to, bytes) = entry.remove();
                let message = Message::parse(&bytes).unwrap();
                self.ends[to].handle_message(next, FLOW, self.transport, message);
                self.drain();
            }
            for side in [CALLER, CALLEE] {
                self.ends[side].handle_timeout(next);
                assert!(self.ends[side].poll_timeout().is_none_or(|at| at > next), "a deadline did not move");
            }
        }
        panic!("the pair never comes to rest");
    }

    fn drain(&mut self) {
        for side in [CALLER, CALLEE] {
            while let Some(output) = self.ends[side].poll_output() {
                match output {
                    Output::Transmit { flow, bytes } => {
                        assert_eq!(flow, FLOW);
                        self.transmit(1 - side, bytes);
                    }
                    Output::Event(event) if side == CALLER => self.on_caller(event),
                    Output::Event(event) => self.on_callee(event),
                }
            }
        }
    }

    fn transmit(&mut self, to: usize, bytes: Vec<u8>) {
        self.sent.push(Message::parse(&bytes).unwrap());
        let copies = 1 + u32::from(self.chance(self.weather.repeat));
        for _ in 0..copies {
            if self.chance(self.weather.loss) {
                continue;
            }
            self.serial += 1;
            let longest = u64::try_from(self.weather.delay.as_millis()).unwrap();
            // A stream keeps its order; datagrams each take their own time.
            let millis = if self.transport.is_reliable() { longest } else { 1 + self.rng.next_u64() % longest };
            self.on_the_wire.insert((self.now + Duration::from_millis(millis), self.serial), (to, bytes.clone()));
        }
    }

    fn chance(&mut self, per_cent: u32) -> bool {
        self.rng.next_u32() % 100 < per_cent
    }

    fn on_caller(&mut self, event: Event) {
        match event {
            Event::Response { key, message } => {
                let call_id = message.call_id().unwrap();
                let (status, method) = (message.status().unwrap(), message.cseq().unwrap().method);
                if status >= 180 {
                    self.note(CALLER, &call_id, &format!("{status} {method}"));
                }
                match (status, method.as_str()) {
                    (180, "INVITE") if self.placed[&key].request_uri() == Some("sip:ring@b") => {
                        let cancel = self.ends[CALLER].send_cancel(self.now, &key).unwrap();
                        self.calls.insert(cancel, call_id);
                    }
                    (200, "INVITE") => self.on_accepted(key, &call_id, &message),
                    (200, "UPDATE") => self.next_request("BYE", &call_id),
                    _ => {}
                }
            }
            Event::Timeout { key } => {
                let call_id = self.calls[&key].clone();
                self.note(CALLER, &call_id, "timeout");
            }
            Event::Stray { message, .. } => self.note(CALLER, &message.call_id().unwrap(), "stray"),
            other => panic!("{other:?}"),
        }
    }

    fn on_accepted(&mut self, key: ClientKey, call_id: &str, answer: &Message) {
        let dialog = Dialog::from_response(&self.placed[&key], answer).unwrap();
        let ack = self.request("ACK", &dialog.remote_target.clone(), Some(&dialog), call_id, 101).finish();
        self.ends[CALLER].send_ack(self.now, FLOW, &key, ack);
        self.dialogs.insert(format!("caller {call_id}"), dialog);
        self.next_request("UPDATE", call_id);
    }

    fn next_request(&mut self, method: &str, call_id: &str) {
        let name = format!("caller {call_id}");
        let mut dialog = self.dialogs.remove(&name).unwrap();
        let number = dialog.next_cseq();
        let request = self.request(method, &dialog.remote_target.clone(), Some(&dialog), call_id, number).finish();
        let key = self.ends[CALLER].send_request(self.now, FLOW, self.transport, request);
        self.calls.insert(key, call_id.to_owned());
        self.dialogs.insert(name, dialog);
    }

    fn on_callee(&mut self, event: Event) {
        match event {
            Event::Request { key, flow, message } => {
                assert_eq!(flow, FLOW);
                let call_id = message.call_id().unwrap();
                let method = message.method().unwrap().to_owned();
                self.note(CALLEE, &call_id, &method);
                if method == "INVITE" {
                    self.on_invite(key, &message);
                } else {
                    self.dialogs.get_mut(&format!("callee {call_id}")).unwrap().accept(&message).unwrap();
                    self.respond(key, &message, 200);
                }
            }
            Event::Cancelled { key, message } => {
                self.note(CALLEE, &message.call_id().unwrap(), "cancelled");
                let invite = self.invites[&key].clone();
                self.respond(key, &invite, 487);
            }
            Event::Ack { key, message, .. } => {
                let call_id = message.call_id().unwrap();
                assert_eq!(self.invites[&key].call_id().unwrap(), call_id);
                self.note(CALLEE, &call_id, "ACK");
            }
            Event::AckMissing { key } => {
                let call_id = self.invites[&key].call_id().unwrap();
                self.note(CALLEE, &call_id, "no ACK");
            }
            Event::Stray { message, .. } => self.note(CALLEE, &message.call_id().unwrap(), "stray"),
            other => panic!("{other:?}"),
        }
    }

    fn on_invite(&mut self, key: ServerKey, invite: &Message) {
        self.invites.insert(key, invite.clone());
        let call_id = invite.call_id().unwrap();
        let dialog = Dialog::from_request(invite, &format!("b{call_id}")).unwrap();
        self.dialogs.insert(format!("callee {call_id}"), dialog);
        self.respond(key, invite, 180);
        match invite.request_uri().unwrap() {
            "sip:accept@b" => self.respond(key, invite, 200),
            "sip:refuse@b" => self.respond(key, invite, 486),
            _ => {}
        }
    }

    fn respond(&mut self, key: ServerKey, request: &Message, status: u16) {
        let tag = format!("b{}", request.call_id().unwrap());
        let reply = Builder::reply(request, status, "Reason", Some(&tag)).header("Contact", "<sip:callee@b>").finish();
        self.ends[CALLEE].respond(self.now, &key, reply).unwrap();
    }

    fn seen(&self, side: usize, call: usize) -> Vec<&str> {
        let key = (side, format!("{call}@a"));
        self.log.get(&key).map(|log| log.iter().map(String::as_str).collect()).unwrap_or_default()
    }

    fn lines(&self) -> Vec<String> {
        self.sent.iter().map(|m| m.method().map_or_else(|| m.status().unwrap().to_string(), str::to_owned)).collect()
    }
}

const PLANS: [&str; 3] = ["accept", "refuse", "ring"];

#[test]
fn in_fair_weather_nothing_is_sent_twice() {
    for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
        let expected: [&[&str]; 3] = [
            &["INVITE", "180", "200", "ACK", "UPDATE", "200", "BYE", "200"],
            &["INVITE", "180", "486", "ACK"],
            &["INVITE", "180", "CANCEL", "200", "487", "ACK"],
        ];
        for (plan, expected) in PLANS.into_iter().zip(expected) {
            let mut pair = Pair::new(1, FAIR, transport, Timers::default());
            pair.call(plan);
            pair.drive();
            assert_eq!(pair.lines(), expected, "{plan} over {transport:?}");
            assert_eq!(pair.ends.each_ref().map(Endpoint::active), [0, 0]);
        }
    }
}

/// Whether the log of a call is that of a call that went well, once the parts whose order is free are put in order.
fn went_well(plan: &str, pair: &Pair, call: usize) -> bool {
    let mut caller = pair.seen(CALLER, call);
    // A provisional answer may be lost, or come more than once: it is not repeated on purpose, but the network does.
    caller.retain(|what| *what != "180 INVITE");
    let mut callee = pair.seen(CALLEE, call);
    callee.sort_unstable();
    let (expected_caller, expected_callee): (&[&str], &[&str]) = match plan {
        "accept" => (&["sent", "200 INVITE", "200 UPDATE", "200 BYE"], &["ACK", "BYE", "INVITE", "UPDATE"]),
        "refuse" => (&["sent", "486 INVITE"], &["INVITE"]),
        _ => (&["sent", "200 CANCEL", "487 INVITE"], &["INVITE", "cancelled"]),
    };
    if plan == "ring" {
        caller[1..].sort_unstable();
    }
    caller == expected_caller && callee == expected_callee
}

#[test]
fn in_foul_weather_each_thing_happens_once_and_nothing_leaks() {
    let (mut good, mut all) = (0, 0);
    for seed in 0..60 {
        let mut pair = Pair::new(seed, FOUL, Transport::Udp, Timers::default());
        for call in 0..12 {
            pair.call(PLANS[call % 3]);
        }
        pair.drive();
        assert_eq!(pair.ends.each_ref().map(Endpoint::active), [0, 0], "seed {seed}: transactions leaked");
        for call in 0..12 {
            let plan = PLANS[call % 3];
            all += 1;
            good += u32::from(went_well(plan, &pair, call));
            // Well or not: nothing that is to happen once happens twice.
            for side in [CALLER, CALLEE] {
                let mut seen = pair.seen(side, call);
                seen.retain(|what| *what != "180 INVITE");
                seen.sort_unstable();
                let count = seen.len();
                seen.dedup();
                assert_eq!(seen.len(), count, "seed {seed}, call {call}: {seen:?}");
                assert!(!seen.contains(&"stray"), "seed {seed}, call {call}: {seen:?}");
            }
        }
    }
    // The 180 that lets the CANCEL go may be lost with its only copy; then the call rings until someone gives up.
    assert!(good * 100 >= all * 90, "{good} of {all} calls went well");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |seed| {
        let mut pair = Pair::new(seed, FOUL, Transport::Udp, Timers::default());
        PLANS.iter().for_each(|plan| pair.call(plan));
        pair.drive();
        pair.sent.iter().map(|message| message.as_bytes().to_vec()).collect::<Vec<_>>()
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
}

#[test]
fn when_nothing_arrives_both_sides_give_up_after_64_t1() {
    let lost = Weather { loss: 100, ..FAIR };
    for (transport, copies) in [(Transport::Udp, 7), (Transport::Tcp, 1)] {
        let mut pair = Pair::new(1, lost, transport, Timers::default());
        let start = pair.now;
        pair.call("accept");
        pair.drive();
        assert_eq!(pair.now - start, Duration::from_secs(32));
        assert_eq!(pair.sent.len(), copies, "{transport:?}");
        assert_eq!(pair.seen(CALLER, 0), ["sent", "timeout"]);
    }
}

#[test]
fn cucm_repeats_its_requests_over_tcp() {
    let lost = Weather { loss: 100, ..FAIR };
    let timers = Timers { cucm_style: true, ..Timers::default() };
    let mut pair = Pair::new(1, lost, Transport::Tcp, timers);
    pair.call("accept");
    pair.drive();
    assert_eq!(pair.sent.len(), 7);
}
