//! Phones that do anything at any time: whatever crosses, nothing is left when all have hung up.

use std::collections::BTreeMap;
use std::time::Duration;

use cucm::config::*;
use media::sdp::Direction;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use sip::{FlowId, Message};

use crate::bench::*;

const PICKUP: &str = "x-cisco-serviceuri-pickup";
const PHONES: [(FlowId, &str); 4] = [(CALLER, "1000"), (AGENT, "1001"), (EXPERT, "1002"), (DEPUTY, "1003")];

/// One of a phone's dialogs, as the phone knows it.
struct Call {
    call_id: String,
    /// From and To of the phone's requests.
    from: String,
    to: String,
    cseq: u32,
    is_up: bool,
    /// An INVITE of the phone's is under way.
    is_asking: bool,
    holds: bool,
}

struct Phone {
    flow: FlowId,
    number: &'static str,
    calls: Vec<Call>,
}

/// Phones and a recorder that answer by themselves, late and in any order.
struct Walk {
    bench: Bench,
    rng: ChaCha20Rng,
    phones: BTreeMap<FlowId, Phone>,
    /// Whether the phones may do what they like, or only hang up.
    is_lively: bool,
    /// Whether they park, pick up, redirect and take over as well.
    is_routed: bool,
    next: u32,
}

fn header(message: &Message, name: &str) -> String {
    message.header(name).unwrap_or_default().into_owned()
}

impl Walk {
    fn new(config: Config, seed: u64) -> Self {
        let phones = PHONES.map(|(flow, number)| (flow, Phone { flow, number, calls: Vec::new() }));
        let bench = Bench::ready(config);
        let rng = ChaCha20Rng::seed_from_u64(seed);
        Self { bench, rng, phones: phones.into(), is_lively: true, is_routed: false, next: 0 }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.next_u32() % 100 < percent
    }

    fn sdp(&mut self, flow: FlowId, direction: Direction) -> String {
        let port = 20_000 + (self.rng.next_u32() % 5_000) as u16 * 2;
        Sdp::new(&format!("10.48.38.{}", 100 + flow.0), port).direction(direction.name()).text()
    }

    /// Answers some of what was sent, in the order in which it was sent to each.
    fn serve(&mut self) {
        if !self.bench.connects.is_empty() {
            let flow = FlowId(10 + u64::from(self.next));
            self.next += 1;
            self.bench.connected(flow);
        }
        while let Some((flow, message)) = self.bench.sent.pop_front() {
            match self.phones.contains_key(&flow) {
                true => self.at_phone(flow, &message),
                false => self.at_recorder(flow, &message),
            }
        }
    }

    fn at_recorder(&mut self, flow: FlowId, message: &Message) {
        let sdp = Sdp::new("10.48.38.30", 6000).direction("recvonly").text();
        match message.method() {
            Some("INVITE") => {
                let contact = "Contact: <sip:7878@10.48.38.30:5060;transport=tcp>";
                let tag = format!("r{}", header(message, "Call-ID").len() + self.next as usize);
                self.bench.answer(flow, message, 200, &tag, contact, Some(&sdp));
            }
            Some("ACK") | None => {}
            Some("CANCEL") => self.bench.answer(flow, message, 481, "x", "", None),
            Some(_) => self.bench.answer(flow, message, 200, "x", "", None),
        }
    }

    fn at_phone(&mut self, flow: FlowId, message: &Message) {
        let call_id = header(message, "Call-ID");
        let contact = format!("Contact: <sip:line@10.48.38.{}:50000;transport=tcp>\n{FALLBACK}", 100 + flow.0);
        let is_bridge = header(message, "From").contains("Call Manager");
        match (message.method(), message.status()) {
            (Some("INVITE"), _) if is_bridge => {
                let sdp = self.sdp(flow, Direction::SendRecv);
                self.bench.answer(flow, message, 200, &format!("b{call_id}"), &contact, Some(&sdp));
            }
            (Some("INVITE"), _) => self.invited(flow, message, &call_id, &contact),
            (Some("ACK"), _) => {}
            (Some("BYE"), _) => {
                self.bench.answer(flow, message, 200, "x", "", None);
                self.forget(flow, &call_id);
            }
            (Some("CANCEL"), _) => {
                self.bench.answer(flow, message, 200, "x", "", None);
                self.forget(flow, &call_id);
            }
            (Some("NOTIFY"), _) if self.is_routed && header(message, "Event") == "dialog" => self.seen(flow, message),
            (Some(_), _) => self.bench.answer(flow, message, 200, "x", "", None),
            (None, Some(status)) if status >= 200 => self.answered(flow, message, &call_id, status),
            _ => {}
        }
    }

    /// A new call is answered, refused or left ringing for ever; a re-INVITE of a phone that is asking itself is told so.
    fn invited(&mut self, flow: FlowId, invite: &Message, call_id: &str, contact: &str) {
        let known = self.phones.get(&flow).and_then(|phone| phone.calls.iter().find(|call| call.call_id == call_id));
        if let Some(known) = known {
            if known.is_asking {
                return self.bench.answer(flow, invite, 491, "x", "", None);
            }
            let direction = if known.holds { Direction::SendOnly } else { Direction::SendRecv };
            let sdp = self.sdp(flow, direction);
            return self.bench.answer(flow, invite, 200, "x", contact, Some(&sdp));
        }
        if !self.is_lively || self.chance(20) {
            return self.bench.answer(flow, invite, 486, "busy", "", None);
        }
        let tag = format!("t{}", self.rng.next_u32());
        self.bench.answer(flow, invite, 180, &tag, "", None);
        if self.chance(20) {
            return;
        }
        let sdp = self.sdp(flow, Direction::SendRecv);
        let call = Call {
            call_id: call_id.to_owned(),
            from: format!("{};tag={tag}", header(invite, "To")),
            to: header(invite, "From"),
            cseq: 100,
            is_up: true,
            is_asking: false,
            holds: false,
        };
        self.phones.get_mut(&flow).unwrap().calls.push(call);
        self.bench.answer(flow, invite, 200, &tag, contact, Some(&sdp));
    }

    /// A final answer to an INVITE of the phone's.
    fn answered(&mut self, flow: FlowId, answer: &Message, call_id: &str, status: u16) {
        let cseq = answer.cseq().unwrap();
        if cseq.method != "INVITE" {
            return;
        }
        let phone = self.phones.get_mut(&flow).unwrap();
        let Some(call) = phone.calls.iter_mut().find(|call| call.call_id == call_id) else {
            return;
        };
        call.is_asking = false;
        if status >= 300 {
            if !call.is_up {
                self.forget(flow, call_id);
            }
            return;
        }
        call.is_up = true;
        call.to = header(answer, "To");
        let ack = (call.from.clone(), call.to.clone(), cseq.number);
        self.request(flow, "ACK", call_id, ack, None, None);
    }

    fn forget(&mut self, flow: FlowId, call_id: &str) {
        self.phones.get_mut(&flow).unwrap().calls.retain(|call| call.call_id != call_id);
    }

    fn request(
        &mut self,
        flow: FlowId,
        method: &str,
        call_id: &str,
        (from, to, cseq): (String, String, u32),
        refer_to: Option<String>,
        sdp: Option<String>,
    ) {
        let branch = self.bench.new_branch();
        let mut builder = sip::Builder::request(method, "sip:10.48.38.5")
            .header("Via", format_args!("SIP/2.0/TCP 10.48.38.9:5000;branch={branch}"))
            .header("From", from)
            .header("To", to)
            .header("Call-ID", call_id)
            .header("CSeq", format_args!("{cseq} {method}"))
            .header("Contact", format_args!("<sip:line@10.48.38.{}:50000;transport=tcp>", 100 + flow.0));
        if let Some(refer_to) = refer_to {
            builder = builder.header("Refer-To", refer_to);
        }
        let message = match sdp {
            Some(sdp) => builder.body("application/sdp", sdp.as_bytes()).finish(),
            None => builder.finish(),
        };
        self.bench.give(flow, message);
    }

    /// Some phone does something.
    fn act(&mut self) {
        let (flow, number) = PHONES[self.rng.next_u32() as usize % PHONES.len()];
        let phone = &self.phones[&flow];
        assert_eq!((phone.flow, phone.number), (flow, number));
        let count = phone.calls.len();
        if count == 0 || (count == 1 && self.chance(15)) {
            return self.dial(flow, number);
        }
        let at = self.rng.next_u32() as usize % count;
        if count == 2 && self.chance(40) {
            return self.confer(flow, at);
        }
        if self.is_routed && self.chance(25) {
            return if self.chance(60) { self.park(flow, at) } else { self.redirect() };
        }
        match self.rng.next_u32() % 10 {
            0 => self.hang_up(flow, at),
            1..=2 => self.refer(flow, at),
            _ => self.hold_or_resume(flow, at),
        }
    }

    fn dial(&mut self, flow: FlowId, number: &str) {
        if self.is_routed && self.chance(30) {
            let to = ["7101", PICKUP, PICKUP][self.rng.next_u32() as usize % 3];
            return self.invite(flow, number, to, None);
        }
        let others: Vec<&str> = PHONES.iter().map(|(_, other)| *other).filter(|other| *other != number).collect();
        let to = others[self.rng.next_u32() as usize % others.len()];
        self.invite(flow, number, to, None);
    }

    fn invite(&mut self, flow: FlowId, number: &str, to: &str, replaces: Option<String>) {
        self.next += 1;
        let call = Call {
            call_id: format!("walk-{}", self.next),
            from: format!("<sip:{number}@10.48.38.5>;tag=w{}", self.next),
            to: format!("<sip:{to}@10.48.38.5>"),
            cseq: 101,
            is_up: false,
            is_asking: true,
            holds: false,
        };
        let sdp = self.sdp(flow, Direction::SendRecv);
        let branch = self.bench.new_branch();
        let invite = sip::Builder::request("INVITE", &format!("sip:{to}@10.48.38.5"))
            .header("Via", format_args!("SIP/2.0/TCP 10.48.38.9:5000;branch={branch}"))
            .header("From", &call.from)
            .header("To", &call.to)
            .header("Call-ID", &call.call_id)
            .header("CSeq", "101 INVITE")
            .header("Contact", format_args!("<sip:line@10.48.38.{}:50000;transport=tcp>", 100 + flow.0))
            .header("Supported", "X-cisco-srtp-fallback");
        let invite = match replaces {
            Some(replaces) => invite.header("Replaces", replaces),
            None => invite,
        };
        let invite = invite.body("application/sdp", sdp.as_bytes()).finish();
        self.phones.get_mut(&flow).unwrap().calls.push(call);
        self.bench.give(flow, invite);
    }

    fn call(&mut self, flow: FlowId, at: usize) -> Option<&mut Call> {
        self.phones.get_mut(&flow)?.calls.get_mut(at).filter(|call| call.is_up && !call.is_asking)
    }

    fn hold_or_resume(&mut self, flow: FlowId, at: usize) {
        let Some(call) = self.call(flow, at) else {
            return;
        };
        call.holds = !call.holds;
        call.cseq += 1;
        call.is_asking = true;
        let direction = if call.holds { Direction::SendOnly } else { Direction::SendRecv };
        let (call_id, about) = (call.call_id.clone(), (call.from.clone(), call.to.clone(), call.cseq));
        let sdp = self.sdp(flow, direction);
        self.request(flow, "INVITE", &call_id, about, None, Some(sdp));
    }

    fn refer(&mut self, flow: FlowId, at: usize) {
        let tag = |value: &str| value.split(";tag=").nth(1).unwrap_or("none").to_owned();
        let calls = &self.phones[&flow].calls;
        let other = calls.iter().enumerate().find(|(other, _)| *other != at).map(|(_, call)| {
            let (to, from) = (tag(&call.to), tag(&call.from));
            format!(
                "<sip:x@10.48.38.5?Replaces={}%3Bto-tag%3D{to}%3Bfrom-tag%3D{from}>",
                call.call_id.replace('@', "%40")
            )
        });
        let number = PHONES[self.rng.next_u32() as usize % PHONES.len()].1;
        let to = other.unwrap_or_else(|| format!("<sip:{number}@10.48.38.5>"));
        let Some(call) = self.call(flow, at) else {
            return;
        };
        call.cseq += 1;
        let (call_id, about) = (call.call_id.clone(), (call.from.clone(), call.to.clone(), call.cseq));
        self.request(flow, "REFER", &call_id, about, Some(to), None);
    }

    /// A call on another phone of the line: one that is held there may be taken over.
    fn seen(&mut self, flow: FlowId, notify: &Message) {
        self.bench.answer(flow, notify, 200, "x", "", None);
        let info = String::from_utf8_lossy(notify.body()).into_owned();
        let is_held = info.contains("pval=\"no\"") && !info.contains("terminated");
        if !is_held || !self.is_lively || self.phones[&flow].calls.len() > 1 || self.chance(30) {
            return;
        }
        let of = |name: &str| info.split(&format!(" {name}=\"")).nth(1).unwrap().split('"').next().unwrap().to_owned();
        let replaces = format!("{};to-tag={};from-tag={}", of("call-id"), of("remote-tag"), of("local-tag"));
        self.invite(flow, "1001", "1001", Some(replaces));
    }

    fn park(&mut self, flow: FlowId, at: usize) {
        let tag = |value: &str| value.split(";tag=").nth(1).unwrap_or("none").to_owned();
        let call = &self.phones[&flow].calls[at];
        let (call_id, own, theirs) = (&call.call_id, tag(&call.from), tag(&call.to));
        let body = format!(
            "<x-cisco-remotecc-request><softkeyeventmsg><softkeyevent>Park</softkeyevent><dialogid><callid>{call_id}</callid>\
             <localtag>{own}</localtag><remotetag>{theirs}</remotetag></dialogid></softkeyeventmsg></x-cisco-remotecc-request>"
        );
        self.press(flow, &body);
    }

    /// An application redirects whatever some phone has.
    fn redirect(&mut self) {
        let device = [CALLER_DEVICE, AGENT_DEVICE, EXPERT_DEVICE, DEPUTY_DEVICE][self.rng.next_u32() as usize % 4];
        let to = PHONES[self.rng.next_u32() as usize % PHONES.len()].1;
        // It is refused as often as not.
        let _ = self.bench.redirect(device, to);
    }

    fn press(&mut self, flow: FlowId, body: &str) {
        let branch = self.bench.new_branch();
        let refer = sip::Builder::request("REFER", "sip:10.48.38.5")
            .header("Via", format_args!("SIP/2.0/TCP 10.48.38.9:5000;branch={branch}"))
            .header("From", "<sip:line@10.48.38.5>;tag=key")
            .header("To", "<sip:10.48.38.5>")
            .header("Call-ID", format_args!("key-{branch}"))
            .header("CSeq", "1000 REFER")
            .body("application/x-cisco-remotecc-request+xml", body.as_bytes())
            .finish();
        self.bench.give(flow, refer);
    }

    /// *Confrn*: whichever of the two calls is held.
    fn confer(&mut self, flow: FlowId, at: usize) {
        let tag = |value: &str| value.split(";tag=").nth(1).unwrap_or("none").to_owned();
        let name = |element: &str, call: &Call| {
            let (own, theirs) = (tag(&call.from), tag(&call.to));
            format!(
                "<{element}><callid>{}</callid><localtag>{own}</localtag><remotetag>{theirs}</remotetag></{element}>",
                call.call_id
            )
        };
        let calls = &self.phones[&flow].calls;
        let body = format!(
            "<x-cisco-remotecc-request><softkeyeventmsg><softkeyevent>Conference</softkeyevent>{}{}</softkeyeventmsg>\
             </x-cisco-remotecc-request>",
            name("dialogid", &calls[at]),
            name("consultdialogid", &calls[1 - at])
        );
        // What CUCM takes resumes the call.
        self.press(flow, &body);
        let is_taken = |(to, message): &SentMessage| *to == flow && message.status() == Some(202);
        if self.bench.sent.back().is_some_and(is_taken) {
            self.phones.get_mut(&flow).unwrap().calls[at].holds = false;
        }
    }

    fn hang_up(&mut self, flow: FlowId, at: usize) {
        let Some(call) = self.phones.get_mut(&flow).and_then(|phone| phone.calls.get_mut(at)).filter(|call| call.is_up)
        else {
            return;
        };
        call.cseq += 1;
        let (call_id, about) = (call.call_id.clone(), (call.from.clone(), call.to.clone(), call.cseq));
        self.forget(flow, &call_id);
        self.request(flow, "BYE", &call_id, about, None, None);
    }

    fn run(mut self) -> Bench {
        for _ in 0..150 {
            if self.chance(40) {
                self.act();
            }
            let pause = u64::from(self.rng.next_u32() % 400);
            self.bench.wait(pause);
            if self.chance(80) {
                self.serve();
            }
        }
        self.is_lively = false;
        for _ in 0..400 {
            self.serve();
            self.bench.wait(1_000);
        }
        let asking = self.phones.values().flat_map(|phone| &phone.calls).filter(|call| call.is_asking);
        assert_eq!(asking.count(), 0, "every INVITE of a phone has had its answer");
        for _ in 0..60 {
            self.serve();
            for (flow, _) in PHONES {
                self.hang_up(flow, 0);
            }
            self.bench.wait(1_000);
        }
        self.bench
    }
}

#[test]
fn whatever_phones_do_nothing_is_left_when_all_have_hung_up() {
    let mut told = BTreeMap::<String, usize>::new();
    for seed in 0..16 {
        let mut config = with_expert(plain());
        config.phones.push(PhoneDevice {
            built_in_bridge: true,
            device_name: DEPUTY_DEVICE.to_owned(),
            security_profile: "plain".to_owned(),
            lines: vec![Line::new("1003", "Colleague")],
        });
        for phone in &mut config.phones {
            phone.lines[0] = phone.lines[0].clone().recorded("recorder");
        }
        if seed % 2 == 1 {
            config.dialect.far_end_hold = FarEndHold::Keep;
            config.dialect.far_end_transfer = FarEndTransfer::Update;
        }
        if seed % 3 == 1 {
            config.dialect.blind_transfer_release = BlindTransferRelease::AtOnce;
        }
        let bench = Walk::new(config, seed).run();
        let summary = bench.engine.summary();
        assert!(bench.engine.is_idle(), "seed {seed}: {summary:?}");
        assert!(bench.music.is_empty(), "seed {seed}: {:?}", bench.music);
        assert!(bench.mixed.is_empty(), "seed {seed}: {:?}", bench.mixed);
        assert_eq!(bench.ports.len(), 4, "seed {seed}: only the spare ports are open");
        assert_eq!((summary.leaked_dialogs.len(), summary.leaked_transactions), (0, 0), "seed {seed}");
        bench.told().into_iter().for_each(|event| *told.entry(event).or_default() += 1);
    }
    for (event, at_least) in [
        ("Held", 40),
        ("Resumed", 40),
        ("Transferred", 4),
        ("TransferFailed", 4),
        ("Conferenced", 4),
        ("ConferenceDropped", 4),
        ("RecordingStarted", 40),
        ("RecordingUpdated", 1),
    ] {
        let count = told.get(event).copied().unwrap_or_default();
        assert!(count >= at_least, "{event} {count} times, expected {at_least}: {told:?}");
    }
}

#[test]
fn wherever_calls_are_forwarded_parked_and_taken_nothing_is_left_when_all_have_hung_up() {
    let mut told = BTreeMap::<String, usize>::new();
    for seed in 0..16 {
        let mut config = with_deputy(plain());
        config.park_numbers = vec!["7101".to_owned()];
        // 1001 is shared; 1003 forwards to it, and it forwards to 1000.
        config.phones[2].lines[0] = Line::new("1001", "SJ User 2");
        config.phones[3].lines[0].forward.busy = Some("1001".to_owned());
        config.phones[1].lines[0].forward.no_answer = Some("1000".to_owned());
        config.timing.forward_no_answer = Duration::from_secs(3);
        config.timing.park_reversion = Duration::from_secs(4);
        for phone in &mut config.phones {
            phone.lines[0] = phone.lines[0].clone().recorded("recorder");
            phone.lines[0].pickup_group = Some("all".to_owned());
        }
        if seed % 2 == 1 {
            config.dialect.far_end_hold = FarEndHold::Keep;
            config.dialect.far_end_transfer = FarEndTransfer::Update;
        }
        let bench = Walk { is_routed: true, ..Walk::new(config, seed) }.run();
        let summary = bench.engine.summary();
        assert!(bench.engine.is_idle(), "seed {seed}: {summary:?}");
        assert!(bench.music.is_empty(), "seed {seed}: {:?}", bench.music);
        assert!(bench.mixed.is_empty(), "seed {seed}: {:?}", bench.mixed);
        assert_eq!((summary.leaked_dialogs.len(), summary.leaked_transactions), (0, 0), "seed {seed}");
        bench.told().into_iter().for_each(|event| *told.entry(event).or_default() += 1);
    }
    for event in ["Forwarded", "Parked", "Retrieved", "PickedUp", "Redirected", "Resumed", "Transferred", "Conferenced"]
    {
        let count = told.get(event).copied().unwrap_or_default();
        assert!(count >= 4, "{event} {count} times, expected 4: {told:?}");
    }
}
