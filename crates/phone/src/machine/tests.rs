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

mod bridge;
mod calls;
mod damage;
mod far_end;
mod outage;
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
