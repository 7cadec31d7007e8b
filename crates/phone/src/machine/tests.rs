//! The machine against the messages of a real call (Cisco 200788): what CUCM sent goes in, what comes out must be what the real phone
//! answered, line by line, but for what is random.

use std::time::{Duration, Instant};

use media::ledger::{Leg, StreamKind};
use media::srtp::{MasterKey, Suite};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use sip::{Message, Transport};

use super::*;
use crate::config::OLD_SUITES;

mod damage;
mod far_end;
mod refers;
mod shared;
mod texts;
mod two_calls;

const PHONE_A: &str = "38ED18552A12";
const PHONE_B: &str = "6C416A369525";

/// A machine with the world around it.
struct Rig {
    machine: Machine,
    now: Instant,
    next_port: u16,
    sent: Vec<String>,
    orders: Vec<MediaOrder>,
    events: Vec<PhoneEvent>,
}

impl Rig {
    /// The phones of the captures; registered.
    fn new(mac: &str, suites: &[Suite]) -> Self {
        let (address, contact, number, display, agent, port) = match mac {
            PHONE_A => (
                "10.48.38.102",
                "ab17ea6e-8072-927d-aad0-d10273906106",
                "1000",
                "SJ User 1",
                "Cisco-CP7861/12.1.1",
                50147,
            ),
            _ => (
                "10.48.38.107",
                "91a43f66-ca58-9cd3-b0e5-588aa61a72bc",
                "1001",
                "SJ User 2",
                "Cisco-CP7841/12.1.1",
                51902,
            ),
        };
        let address: std::net::IpAddr = address.parse().unwrap();
        let profile = Profile {
            device: format!("SEP{mac}"),
            user_agent: agent.into(),
            model_number: 622,
            load: "sip78xx.12-1-1-12.loads".into(),
            number: number.into(),
            display: display.into(),
            registrar: "10.48.38.5".parse().unwrap(),
            local: (address, port).into(),
            transport: Transport::Tcp,
            contact_user: contact.into(),
        };
        let settings = Settings {
            suites: suites.to_vec(),
            codecs: Codec::CISCO.to_vec(),
            busy_trigger: 2,
            bridge: BridgeTiming::default(),
            first: FirstPacket::default(),
        };
        let ids = Identifiers::new(mac, address, ChaCha20Rng::seed_from_u64(7));
        let now = Instant::now();
        let machine = Machine::new(profile, settings, ids, (now, SystemTime::now()));
        let mut rig =
            Self { machine, now, next_port: 20_000, sent: Vec::new(), orders: Vec::new(), events: Vec::new() };
        rig.machine.register(now);
        rig.collect();
        let ok = answer_to(&rig.last(), "200 OK", "Expires: 120\r\n", "");
        rig.receive(&ok);
        assert!(rig.machine.status().registered);
        rig
    }

    fn supply(&mut self) {
        while self.machine.wants_port() {
            self.machine.add_port(self.next_port);
            self.next_port += 2;
        }
    }

    fn receive(&mut self, text: &str) {
        self.supply();
        let message = Message::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"));
        self.machine.handle_input(self.now, Input::Message(message));
        self.collect();
    }

    fn command(&mut self, command: Command) -> Result<(), CommandError> {
        self.supply();
        let done = self.machine.command(self.now, command);
        self.collect();
        done
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(due) = self.machine.poll_timeout().filter(|due| *due <= until) {
            self.now = due.max(self.now);
            self.machine.handle_timeout(self.now);
        }
        self.now = until;
        self.collect();
    }

    fn collect(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Transmit(bytes) => self.sent.push(String::from_utf8_lossy(&bytes).into_owned()),
                Output::Media(order) => self.orders.push(order),
                Output::Event(event) => self.events.push(event),
            }
        }
    }

    fn last(&self) -> String {
        self.sent.last().cloned().unwrap_or_default()
    }

    /// Phone B in its main call, as recorded: CUCM has acknowledged with an answer in PCMU.
    fn in_call(suites: &[Suite], answer: impl Fn(&str) -> String) -> Self {
        let mut rig = Self::new(PHONE_B, suites);
        rig.receive(&trace("02"));
        rig.command(Command::Answer).unwrap();
        let ok = rig.last();
        rig.receive(&ack_to(&ok, &answer(&ok)));
        assert_eq!(rig.machine.status().call, CallState::Connected, "{:?}", rig.events);
        rig
    }

    /// The bridge INVITE of a trace, with the tag our phone chose in the main call.
    fn bridge_invite(&self, number: &str) -> String {
        let tag = self.machine.calls[0].local_tag.clone();
        trace(number).replace("6c416a369525006f33cf6f38-43c38ad2", &tag)
    }

    /// Takes one bridge leg through 05..20 or 09..18 of the captures: both answers of the phone.
    fn fork(
        &mut self,
        invite: &str,
        ack: &str,
        reinvite: &str,
        last_ack: &str,
        answer: impl Fn(&str) -> String,
    ) -> (String, String) {
        self.receive(&self.bridge_invite(invite));
        self.pass(Duration::from_millis(268));
        let first = self.last();
        let tag = to_tag(&first);
        self.receive(&with_to_tag(&trace(ack), &tag));
        self.receive(&with_to_tag(&trace(reinvite), &tag));
        self.pass(Duration::from_millis(210));
        let second = self.last();
        let ack = with_to_tag(&trace(last_ack), &tag);
        let (head, body) = ack.split_once("\r\n\r\n").unwrap();
        let changed = answer(&second);
        let body = if changed.is_empty() { body.to_owned() } else { changed };
        let head = set_length(head, body.len());
        self.receive(&format!("{head}\r\n\r\n{body}"));
        (first, second)
    }
}

/// A message of the captures with CRLF line ends and a Content-Length that fits; a file that has CRLF already stays as it is.
fn trace(number: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/traces");
    let path = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(&format!("{number}-")))
        .unwrap_or_else(|| panic!("no trace {number}"));
    let text = std::fs::read_to_string(path).unwrap();
    if text.contains("\r\n") {
        return text;
    }
    let text = text.replace('\n', "\r\n");
    match text.split_once("\r\n\r\n") {
        Some((head, body)) => format!("{}\r\n\r\n{body}", set_length(head, body.len())),
        None => format!("{}\r\n\r\n", text.trim_end()),
    }
}

fn set_length(head: &str, length: usize) -> String {
    head.lines()
        .map(
            |line| {
                if line.starts_with("Content-Length") { format!("Content-Length: {length}") } else { line.to_owned() }
            },
        )
        .collect::<Vec<_>>()
        .join("\r\n")
}

fn names(message: &str) -> Vec<String> {
    Message::parse(message.as_bytes()).unwrap().headers().map(|field| field.name().to_owned()).collect()
}

fn header(message: &str, name: &str) -> String {
    Message::parse(message.as_bytes()).unwrap().header(name).unwrap_or_default().into_owned()
}

fn to_tag(message: &str) -> String {
    header(message, "To").split_once(";tag=").unwrap().1.to_owned()
}

fn with_to_tag(message: &str, tag: &str) -> String {
    let lines = message.split("\r\n").map(|line| match line.strip_prefix("To: ") {
        Some(to) => format!("To: {};tag={tag}", to.split(";tag=").next().unwrap()),
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\r\n")
}

/// A response as CUCM gives it.
fn answer_to(request: &str, status: &str, more: &str, body: &str) -> String {
    let mut text = format!("SIP/2.0 {status}\r\n");
    for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
        let tag =
            if name == "To" && !header(request, name).contains(";tag=") { ";tag=104951~e650e088-19301624" } else { "" };
        text.extend([format!("{name}: {}{tag}\r\n", header(request, name))]);
    }
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!("{text}{more}{kind}Content-Length: {}\r\n\r\n{body}", body.len())
}

fn ack_to(response: &str, body: &str) -> String {
    let number = header(response, "CSeq").split(' ').next().unwrap().to_owned();
    let mut text = "ACK sip:1001@10.48.38.107:51902;transport=tcp SIP/2.0\r\nVia: SIP/2.0/TCP 10.48.38.5:5060;branch=z9hG4bKack1\r\n".to_owned();
    for name in ["From", "To", "Call-ID"] {
        text.extend([format!("{name}: {}\r\n", header(response, name))]);
    }
    format!("{text}CSeq: {number} ACK\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

const AVP_ANSWER: &str = "v=0\r\no=CiscoSystemsCCM-SIP 104951 1 IN IP4 10.48.38.5\r\ns=SIP Call\r\nc=IN IP4 10.48.38.102\r\nt=0 0\r\n\
    m=audio 17904 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n";

fn avp(_: &str) -> String {
    AVP_ANSWER.to_owned()
}

/// An answer in SAVP that keeps tag and suite of line `nth` of the offer, under a key of its own.
fn savp(offer: &str, nth: usize) -> String {
    let line = offer.lines().filter(|line| line.starts_with("a=crypto:")).nth(nth).unwrap();
    let (left, _) = line.split_once("inline:").unwrap();
    let suite = Suite::parse(left.split(' ').nth(1).unwrap()).unwrap();
    let key = MasterKey::generate(suite, &mut ChaCha20Rng::seed_from_u64(offer.len() as u64 + nth as u64));
    AVP_ANSWER
        .replace("RTP/AVP", "RTP/SAVP")
        .replace("a=rtpmap:0 ", &format!("{left}inline:{}\r\na=rtpmap:0 ", key.to_inline()))
}

/// Replaces what is random in a phone's message by its name.
fn masked(message: &str, mac: &str) -> Vec<String> {
    message.split("\r\n").map(|line| mask_line(line, &mac.to_ascii_lowercase())).collect()
}

fn mask_line(line: &str, mac: &str) -> String {
    let starts = [
        ("Date: ", "Date: DATE"),
        ("Session-ID: ", "Session-ID: "),
        ("Call-ID: ", "Call-ID: "),
        ("Content-Length: ", "Content-Length: N"),
        ("m=audio ", "m=audio PORT "),
        ("o=Cisco-SIPUA ", "o=Cisco-SIPUA ID "),
        ("Via: ", "Via: "),
    ];
    for (start, shown) in starts {
        let Some(rest) = line.strip_prefix(start) else { continue };
        return match start {
            "m=audio " | "o=Cisco-SIPUA " => format!("{shown}{}", rest.split_once(' ').unwrap().1),
            "Session-ID: " if rest.contains(mac) => format!("{shown}<8>{}", &rest[8..]),
            "Call-ID: " if rest.starts_with(&mac[..8]) => {
                format!("{shown}{}-{}<12>@{}", &mac[..8], &mac[8..], rest.split('@').nth(1).unwrap())
            }
            "Via: " if rest.contains(":50147") => format!("{shown}{}", rest.split("branch=").next().unwrap()),
            "Date: " | "Content-Length: " => shown.to_owned(),
            _ => line.to_owned(),
        };
    }
    match line.split_once(&format!(";tag={mac}")) {
        Some((head, _)) => format!("{head};tag=MINE"),
        None => line.to_owned(),
    }
}

fn assert_like(ours: &str, number: &str, mac: &str) {
    let (ours, theirs) = (masked(ours, mac), masked(&trace(number), mac));
    for (at, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        assert_eq!(ours, theirs, "line {} of trace {number}", at + 1);
    }
    assert_eq!(ours.len(), theirs.len(), "lines of trace {number}: {ours:#?}");
}

#[test]
fn a_dialled_call_is_the_invite_of_the_capture_line_by_line() {
    let mut rig = Rig::new(PHONE_A, &[]);
    rig.command(Command::Dial("1001".into())).unwrap();
    assert_like(&rig.last(), "01", PHONE_A);
    assert!(matches!(rig.orders.as_slice(), [MediaOrder::Open { .. }]), "{:?}", rig.orders);
}

#[test]
fn an_answered_call_is_the_200_of_the_capture_line_by_line() {
    let mut rig = Rig::new(PHONE_B, &[]);
    rig.receive(&trace("02"));
    assert!(rig.last().starts_with("SIP/2.0 180 Ringing\r\n"));
    assert_eq!(rig.machine.status().call, CallState::Ringing);
    assert_eq!(rig.events.last(), Some(&PhoneEvent::Ringing { from: "1000".into() }));
    rig.command(Command::Answer).unwrap();
    assert_like(&rig.last(), "03", PHONE_B);
}

#[test]
fn both_bridge_legs_answer_as_in_the_capture_and_fork_to_the_recorder() {
    let mut rig = Rig::in_call(&[], avp);
    let (first, second) = rig.fork("05", "07", "16", "20", |_| String::new());
    assert_like(&first, "06", PHONE_B);
    assert_like(&second, "17", PHONE_B);
    let (first, second) = rig.fork("09", "50", "14", "18", |_| String::new());
    assert_like(&first, "10", PHONE_B);
    assert_like(&second, "15", PHONE_B);
    let forks = rig.orders.iter().filter_map(|order| match order {
        MediaOrder::StartFork { leg, opening, .. } => {
            Some((*leg, opening.kind, opening.remote.to_string(), opening.dialog.clone()))
        }
        _ => None,
    });
    let forks: Vec<(Leg, StreamKind, String, String)> = forks.collect();
    assert_eq!(
        forks,
        [
            (
                Leg::Near,
                StreamKind::Bridge(Leg::Near),
                "10.48.38.30:59058".into(),
                "35554700-d6514bef-3280-526300e@10.48.38.5".into()
            ),
            (
                Leg::Far,
                StreamKind::Bridge(Leg::Far),
                "10.48.38.30:56512".into(),
                "35554700-d6514bef-3282-526300e@10.48.38.5".into()
            ),
        ]
    );
    assert_eq!(rig.machine.status().forks, 2);
}

#[test]
fn the_bridge_takes_its_time_and_each_leg_has_its_own_port() {
    let mut rig = Rig::in_call(&[], avp);
    let before = rig.sent.len();
    rig.receive(&rig.bridge_invite("05"));
    rig.receive(&rig.bridge_invite("09"));
    assert!(rig.sent[before..].iter().all(|text| text.starts_with("SIP/2.0 100 ")), "{:?}", rig.sent.last());
    rig.pass(Duration::from_millis(199));
    assert_eq!(rig.sent.len(), before + 2, "{:?}", rig.sent.last());
    rig.pass(Duration::from_millis(69));
    let answers: Vec<_> = rig.sent[before..].iter().filter(|text| text.starts_with("SIP/2.0 200")).collect();
    assert_eq!(answers.len(), 2);
    let ports: Vec<_> =
        answers.iter().map(|text| text.lines().find(|line| line.starts_with("m=audio")).unwrap().to_owned()).collect();
    assert_ne!(ports[0], ports[1]);
}

#[test]
fn an_invite_that_joins_no_dialog_of_ours_is_refused_with_481() {
    let mut rig = Rig::in_call(&[], avp);
    rig.receive(&trace("05"));
    assert!(rig.last().starts_with("SIP/2.0 481 "), "{}", rig.last());
    assert_eq!(rig.machine.open_bridges(), 0);
}

#[test]
fn a_bridge_whose_label_is_missing_is_refused_with_488() {
    let mut rig = Rig::in_call(&[], avp);
    let invite = rig.bridge_invite("05").replace("X-relay-nearend", "X-relay-middle");
    rig.receive(&invite.replace("Content-Length: 187", "Content-Length: 186"));
    assert!(rig.last().starts_with("SIP/2.0 488 "), "{}", rig.last());
}

#[test]
fn an_encrypted_phone_offers_its_suites_after_the_bandwidth_and_before_the_codecs() {
    let mut rig = Rig::new(PHONE_A, &Suite::ALL);
    rig.command(Command::Dial("1001".into())).unwrap();
    let invite = rig.last();
    let lines: Vec<_> = invite.lines().skip_while(|line| !line.starts_with("m=")).collect();
    assert!(lines[0].contains(" RTP/SAVP 114 9 "));
    assert!(lines[1].starts_with("c=") && lines[2].starts_with("b=TIAS:"));
    for (at, suite) in Suite::ALL.iter().enumerate() {
        assert!(
            lines[3 + at].starts_with(&format!("a=crypto:{} {} inline:", at + 1, suite.name())),
            "{}",
            lines[3 + at]
        );
        assert!(!lines[3 + at].contains('|'));
    }
    assert!(lines[7].starts_with("a=rtpmap:114 "));
}

#[test]
fn an_old_phone_offers_one_line_with_the_short_tag() {
    let mut rig = Rig::new(PHONE_A, &OLD_SUITES);
    rig.command(Command::Dial("1001".into())).unwrap();
    let lines: Vec<_> = rig.last().lines().filter(|line| line.starts_with("a=crypto")).map(str::to_owned).collect();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:"));
}

#[test]
fn an_answer_keeps_tag_and_suite_and_each_side_sends_under_its_own_key() {
    let rig = Rig::in_call(&Suite::ALL, |offer| savp(offer, 2));
    assert!(rig.machine.status().secured);
    let Some(MediaOrder::SetMain { terms, .. }) =
        rig.orders.iter().rev().find(|order| matches!(order, MediaOrder::SetMain { .. }))
    else {
        panic!("{:?}", rig.orders)
    };
    let own = terms.send.as_ref().unwrap().key.as_ref().unwrap();
    let (suite, peer) = terms.receive.as_ref().unwrap();
    assert_eq!((own.suite, *suite, own.tag), (Suite::AesCm128HmacSha1_80, Suite::AesCm128HmacSha1_80, 3));
    assert_ne!(own.key.fingerprint(), peer.fingerprint());
}

#[test]
fn an_answer_in_rtp_is_taken_as_the_fallback() {
    let rig = Rig::in_call(&Suite::ALL, avp);
    assert!(!rig.machine.status().secured);
    assert_eq!(
        rig.events.last(),
        Some(&PhoneEvent::Connected { call_id: "34241a00-d6514bed-327f-526300e@10.48.38.5".into(), suite: None })
    );
}

#[test]
fn an_answer_with_another_tag_is_refused_and_nothing_is_sent() {
    let rig = Rig::in_call(&Suite::ALL, |offer| savp(offer, 0).replace("a=crypto:1 ", "a=crypto:9 "));
    assert!(!rig.orders.iter().any(|order| matches!(order, MediaOrder::SetMain { .. })));
    assert!(
        matches!(rig.events.iter().find(|event| matches!(event, PhoneEvent::Problem(_))), Some(PhoneEvent::Problem(why)) if why.contains("a=crypto:9"))
    );
}

#[test]
fn every_leg_has_a_key_of_its_own_and_a_refresh_keeps_it() {
    let mut rig = Rig::in_call(&Suite::ALL, |offer| savp(offer, 0));
    let (_, offer) = rig.fork("05", "07", "16", "20", |offer| savp(offer, 0));
    rig.fork("09", "50", "14", "18", |offer| savp(offer, 1));
    let keys: Vec<[u8; 32]> = rig
        .orders
        .iter()
        .filter_map(|order| match order {
            MediaOrder::StartFork { opening, .. } => opening.key.as_ref().map(|own| own.key.fingerprint()),
            MediaOrder::SetMain { terms, .. } => {
                terms.send.as_ref().and_then(|send| send.key.as_ref()).map(|own| own.key.fingerprint())
            }
            _ => None,
        })
        .collect();
    assert_eq!(keys.len(), 3);
    assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
    // A refresh on the near leg: the same offer again, the same answer; the stream goes on.
    let orders = rig.orders.len();
    let tag = rig.machine.bridges[0].dialog.local_tag.clone();
    let again = with_to_tag(&trace("16"), &tag)
        .replace("CSeq: 102 ", "CSeq: 103 ")
        .replace("z9hG4bK32f11da4ce39", "z9hG4bKrefresh");
    rig.receive(&again);
    rig.pass(Duration::from_millis(210));
    let crypto = |text: &str| text.lines().find(|line| line.starts_with("a=crypto:1 ")).map(str::to_owned);
    assert_eq!(crypto(&rig.last()), crypto(&offer));
    assert!(rig.last().contains("a=sendrecv"));
    let body = savp(&offer, 0);
    let ack = with_to_tag(&trace("20"), &tag).replace("CSeq: 102 ", "CSeq: 103 ");
    let head = set_length(ack.split_once("\r\n\r\n").unwrap().0, body.len());
    rig.receive(&format!("{head}\r\n\r\n{body}"));
    assert_eq!(rig.orders.len(), orders, "{:?}", rig.orders.last());
    assert_eq!(rig.machine.status().forks, 2);
}

#[test]
fn bye_on_a_bridge_stops_its_stream_before_the_200() {
    let mut rig = Rig::in_call(&[], avp);
    rig.fork("05", "07", "16", "20", |_| String::new());
    let bye = with_to_tag(&trace("07"), &rig.machine.bridges[0].dialog.local_tag.clone())
        .replace("ACK sip:", "BYE sip:")
        .replace("CSeq: 101 ACK", "CSeq: 103 BYE")
        .replace("z9hG4bK32eb34decb69", "z9hG4bKbye");
    rig.supply();
    rig.machine.handle_input(rig.now, Input::Message(Message::parse(bye.as_bytes()).unwrap()));
    let outputs: Vec<_> = std::iter::from_fn(|| rig.machine.poll_output()).collect();
    let stop = outputs
        .iter()
        .position(|output| matches!(output, Output::Media(MediaOrder::StopFork { leg: Leg::Near, .. })))
        .unwrap();
    let ok = outputs
        .iter()
        .position(|output| matches!(output, Output::Transmit(bytes) if bytes.starts_with(b"SIP/2.0 200")))
        .unwrap();
    assert!(stop < ok);
    assert_eq!((rig.machine.open_bridges(), rig.machine.status().forks), (0, 0));
    assert_eq!(rig.machine.status().call, CallState::Connected);
}

#[test]
fn an_ack_without_a_description_starts_nothing() {
    let mut rig = Rig::in_call(&[], avp);
    rig.receive(&rig.bridge_invite("05"));
    rig.pass(Duration::from_millis(268));
    let tag = to_tag(&rig.last());
    rig.receive(&with_to_tag(&trace("07"), &tag));
    rig.receive(&with_to_tag(&trace("16"), &tag));
    rig.pass(Duration::from_millis(210));
    rig.receive(&with_to_tag(&trace("07"), &tag).replace("CSeq: 101", "CSeq: 102"));
    assert!(!rig.orders.iter().any(|order| matches!(order, MediaOrder::StartFork { .. })));
}

#[test]
fn a_caller_hears_ringing_then_talks_and_hangs_up() {
    let mut rig = Rig::new(PHONE_A, &[]);
    rig.command(Command::Dial("1001".into())).unwrap();
    let invite = rig.last();
    let contact = "Contact: <sip:1001@10.48.38.5:5060;transport=tcp>\r\n";
    rig.receive(&answer_to(&invite, "180 Ringing", contact, ""));
    assert_eq!(rig.machine.status().call, CallState::RingingBack);
    let info =
        "Call-Info: <urn:x-cisco-remotecc:callinfo>; security= Encrypted; orientation= to; gci= 1-2029; isVoip\r\n";
    rig.receive(&answer_to(&invite, "200 OK", &format!("{contact}{info}"), AVP_ANSWER));
    assert_eq!(rig.machine.status().security, Security::Encrypted);
    assert!(rig.last().starts_with("ACK sip:1001@10.48.38.5:5060;transport=tcp SIP/2.0\r\n"), "{}", rig.last());
    assert!(matches!(rig.orders.last(), Some(MediaOrder::SetMain { .. })));
    rig.command(Command::HangUp).unwrap();
    assert!(rig.last().starts_with("BYE sip:1001@10.48.38.5:5060;transport=tcp SIP/2.0\r\n"));
    assert_eq!(header(&rig.last(), "CSeq"), "102 BYE");
    assert!(matches!(rig.orders.last(), Some(MediaOrder::Close { .. })));
    assert_eq!(rig.machine.status().call, CallState::Idle);
}

#[test]
fn a_call_cancelled_while_it_rings_is_answered_with_487() {
    let mut rig = Rig::new(PHONE_B, &[]);
    rig.receive(&trace("02"));
    let mut cancel = trace("02").replace("INVITE sip:", "CANCEL sip:").replace("CSeq: 101 INVITE", "CSeq: 101 CANCEL");
    cancel = cancel.lines().filter(|line| !line.starts_with("Require")).collect::<Vec<_>>().join("\r\n") + "\r\n\r\n";
    rig.receive(&cancel);
    assert!(rig.sent.iter().any(|text| text.starts_with("SIP/2.0 487 ")), "{:?}", rig.sent);
    assert_eq!(rig.machine.status().call, CallState::Idle);
}

#[test]
fn hold_stops_our_voice_at_once_and_resume_brings_a_new_key() {
    let mut rig = Rig::in_call(&Suite::ALL, |offer| savp(offer, 0));
    let key_of = |orders: &[MediaOrder]| match orders.last() {
        Some(MediaOrder::SetMain { terms, .. }) => {
            terms.send.as_ref().and_then(|send| send.key.as_ref()).map(|own| own.key.fingerprint())
        }
        other => panic!("{other:?}"),
    };
    let talking = key_of(&rig.orders).unwrap();
    rig.command(Command::Hold).unwrap();
    assert_eq!(key_of(&rig.orders), None);
    let invite = rig.last();
    assert!(invite.contains("a=sendonly\r\n"), "{invite}");
    rig.receive(&answer_to(
        &invite,
        "200 OK",
        "Contact: <sip:1000@10.48.38.5:5060>\r\n",
        &savp(&invite, 0).replace("a=fmtp:101", "a=recvonly\r\na=fmtp:101"),
    ));
    assert_eq!(rig.machine.status().call, CallState::Held);
    rig.command(Command::Resume).unwrap();
    let invite = rig.last();
    assert!(invite.contains("a=sendrecv\r\n"));
    rig.receive(&answer_to(&invite, "200 OK", "Contact: <sip:1000@10.48.38.5:5060>\r\n", &savp(&invite, 0)));
    let resumed = key_of(&rig.orders).unwrap();
    assert_ne!(talking, resumed);
    assert_eq!(rig.machine.status().call, CallState::Connected);
}

#[test]
fn a_refused_registration_says_what_cucm_said() {
    let mut rig = Rig::new(PHONE_A, &[]);
    rig.pass(Duration::from_secs(115));
    let refusal = answer_to(&rig.last(), "403 Forbidden", "Warning: 399 cucm \"device security mode\"\r\n", "");
    rig.receive(&refusal);
    let Some(PhoneEvent::Unregistered { why }) = rig.events.last() else { panic!("{:?}", rig.events) };
    assert!(why.contains("403 Forbidden") && why.contains("device security mode"), "{why}");
    assert!(!rig.machine.status().registered);
}
