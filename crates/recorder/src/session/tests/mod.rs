//! The machine and the SIP endpoint joined without sockets; what CUCM says is written out as text.

mod calls;
mod media;
mod recordings;
mod refusals;
mod reoffers;
mod timing;

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng};
use sip::{Endpoint, EndpointError, FlowId, Message, Timers, Transport};

use super::{Input, LegId, Output, Route, Sessions};
use crate::config::{Codec, Config, SrtpPolicy};
use crate::legs::{Media, Protection, Report};
use crate::metadata::{Packets, Recording, Side};

const FLOW: FlowId = FlowId(1);
/// Forty characters of base64: key and salt of a suite with AES-CM.
const KEY: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0e";
const OTHER_KEY: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0f";

/// Endpoint and sessions, and everything they put out.
struct Rig {
    endpoint: Endpoint,
    sessions: Sessions,
    now: Instant,
    sent: Vec<Message>,
    media: Vec<(LegId, Media)>,
    closed: Vec<LegId>,
    routes: Vec<Route>,
    finished: Vec<Recording>,
    ports: u16,
    stored: u64,
    /// When the last packet of each leg came, since the recording's start.
    last_us: Option<u64>,
}

impl Rig {
    fn new(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config { address: "192.0.2.10".parse().unwrap(), user: "7878".into(), ..Config::default() };
        change(&mut config);
        let now = Instant::now();
        let mut rig = Self {
            endpoint: Endpoint::new(Timers::default()),
            sessions: Sessions::new(config, ChaCha20Rng::seed_from_u64(1), (now, SystemTime::UNIX_EPOCH)),
            now,
            sent: Vec::new(),
            media: Vec::new(),
            closed: Vec::new(),
            routes: Vec::new(),
            finished: Vec::new(),
            ports: 20_000,
            stored: 50,
            last_us: None,
        };
        rig.open(FLOW, "192.0.2.5:5061");
        rig
    }

    fn open(&mut self, flow: FlowId, peer: &str) {
        let peer = peer.parse().unwrap();
        self.input(Input::FlowOpened { flow, transport: Transport::Tls, peer });
    }

    fn input(&mut self, input: Input) {
        self.sessions.handle_input(self.now, input);
        self.pump();
    }

    fn receive(&mut self, text: &str) {
        self.receive_on(FLOW, text);
    }

    fn receive_on(&mut self, flow: FlowId, text: &str) {
        let message = Message::parse(text.as_bytes()).unwrap();
        self.endpoint.handle_message(self.now, flow, Transport::Tls, message);
        self.pump();
    }

    fn close(&mut self, flow: FlowId) {
        self.endpoint.handle_flow_closed(self.now, flow);
        self.input(Input::FlowClosed { flow });
    }

    fn pump(&mut self) {
        loop {
            if let Some(output) = self.endpoint.poll_output() {
                match output {
                    sip::Output::Transmit { bytes, .. } => self.sent.push(Message::parse(&bytes).unwrap()),
                    sip::Output::Event(event) => self.sessions.handle_input(self.now, Input::Sip(event)),
                }
            } else if let Some(output) = self.sessions.poll_output() {
                self.perform(output);
            } else {
                return;
            }
        }
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::Respond { key, message } => {
                if self.endpoint.respond(self.now, &key, message) == Err(EndpointError::Gone) {
                    self.sessions.handle_input(self.now, Input::Gone { key });
                }
            }
            Output::Request { route, message } => {
                self.routes.push(route);
                self.endpoint.send_request(self.now, FLOW, Transport::Tls, message);
            }
            Output::Ack { key, route, message } => {
                self.routes.push(route);
                self.endpoint.send_ack(self.now, FLOW, &key, message);
            }
            Output::Bind { leg, .. } => {
                let address = SocketAddr::new("192.0.2.10".parse().unwrap(), self.ports);
                self.ports += 2;
                self.sessions.handle_input(self.now, Input::Bound { leg, address });
            }
            Output::Listen { leg, media } => self.media.push((leg, *media)),
            Output::Close { leg } => {
                self.closed.push(leg);
                let packets = Packets { stored: self.stored, ..Packets::default() };
                let report = Box::new(Report { packets, last_us: self.last_us, ..Report::default() });
                self.sessions.handle_input(self.now, Input::Closed { leg, report });
            }
            Output::Finish { metadata, .. } => self.finished.push(*metadata),
            Output::Begin { .. } | Output::Snapshot { .. } | Output::Garbage { .. } | Output::Cut { .. } => {}
        }
    }

    /// Lets time pass, timer by timer.
    fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(due) = [self.endpoint.poll_timeout(), self.sessions.poll_timeout()]
            .into_iter()
            .flatten()
            .min()
            .filter(|due| *due <= end)
        {
            self.now = self.now.max(due);
            self.endpoint.handle_timeout(self.now);
            self.sessions.handle_timeout(self.now);
            self.pump();
        }
        self.now = end;
    }

    fn open_legs(&self) -> Vec<LegId> {
        self.sessions.open_legs()
    }

    /// The last message sent.
    fn last(&self) -> &Message {
        self.sent.last().unwrap()
    }

    fn codes(&self) -> Vec<u16> {
        self.sent.iter().filter_map(Message::status).filter(|code| *code != 100).collect()
    }

    /// An INVITE of a leg is answered and acknowledged; returns its 200.
    fn establish(&mut self, leg: &Leg<'_>) -> Message {
        self.receive(&leg.invite(None));
        let answer = self.last().clone();
        assert_eq!(answer.status(), Some(200), "{}", answer.start_line());
        self.receive(&leg.ack(&answer, Some(&answered(KEY))));
        answer
    }
}

/// One dialog of CUCM's.
#[derive(Clone)]
struct Leg<'a> {
    side: &'a str,
    refci: u32,
    farendrefci: u32,
    device: &'a str,
    number: &'a str,
    /// Device and number of the other party.
    other: (&'a str, &'a str),
    call: &'a str,
    user: &'a str,
    extra: String,
}

const NEAR: Leg<'static> = Leg {
    side: "x-nearend",
    refci: 25,
    farendrefci: 24,
    device: "SEP6C416A369525",
    number: "1001",
    other: ("SEP38", "1000"),
    call: "near",
    user: "7878",
    extra: String::new(),
};

fn far() -> Leg<'static> {
    Leg { side: "x-farend", call: "far", ..NEAR }
}

impl Leg<'_> {
    fn from(&self, farendaddr: &str) -> String {
        format!(
            "\"SJ User 2\" <sip:1001@192.0.2.5;{};x-refci={};x-nearendclusterid=Lab;x-nearenddevice={};x-nearendaddr={};\
             x-farendrefci={};x-farendclusterid=Lab;x-farenddevice={};x-farendaddr={farendaddr}>;tag={}~a-9",
            self.side, self.refci, self.device, self.number, self.farendrefci, self.other.0, self.call
        )
    }

    fn request(&self, method: &str, cseq: u32, to_tag: &str, farendaddr: &str, body: Option<&str>) -> String {
        let tag = if to_tag.is_empty() { String::new() } else { format!(";tag={to_tag}") };
        let branch = format!("{}{cseq}{method}", self.call).replace("CANCEL", "INVITE");
        let kind = if body.is_some() { "Content-Type: application/sdp\r\n" } else { "" };
        let body = body.unwrap_or_default();
        format!(
            "{method} sip:{}@192.0.2.10:5061 SIP/2.0\r\nVia: SIP/2.0/TLS 192.0.2.5:5061;branch=z9hG4bK{branch}\r\n\
             From: {}\r\nTo: <sip:{}@192.0.2.10>{tag}\r\nCall-ID: {}@192.0.2.5\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:1001@192.0.2.5:5061;transport=tls>;isFocus\r\n\
             Remote-Party-ID: \"SJ User 2\" <sip:1001@192.0.2.5>;party=calling\r\n{}{kind}Max-Forwards: 70\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.user,
            self.from(farendaddr),
            self.user,
            self.call,
            self.extra,
            body.len()
        )
    }

    fn invite(&self, body: Option<&str>) -> String {
        self.request("INVITE", 101, "", self.other.1, body)
    }

    fn ack(&self, answer: &Message, body: Option<&str>) -> String {
        let cseq = answer.cseq().unwrap().number;
        self.request("ACK", cseq, &tag(answer), self.other.1, body).replacen("branch=z9hG4bK", "branch=z9hG4bKack", 1)
    }

    fn bye(&self, answer: &Message, cseq: u32) -> String {
        self.request("BYE", cseq, &tag(answer), self.other.1, None).replace("Max-F", "Reason: Q.850;cause=16\r\nMax-F")
    }
}

fn tag(answer: &Message) -> String {
    answer.to().unwrap().tag().unwrap().to_owned()
}

fn body(message: &Message) -> String {
    String::from_utf8(message.body().to_vec()).unwrap()
}

fn sdp(profile: &str, crypto: &str, formats: &str) -> String {
    format!(
        "v=0\r\no=CiscoSystemsCCM-SIP 104958 1 IN IP4 192.0.2.5\r\ns=SIP Call\r\nc=IN IP4 192.0.2.20\r\nb=TIAS:64000\r\n\
         b=AS:64\r\nt=0 0\r\nm=audio 4000 {profile} {formats}\r\n{crypto}a=rtpmap:0 PCMU/8000\r\na=sendonly\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
    )
}

/// CUCM's answer: the third of our lines, the phone's key.
fn answered(key: &str) -> String {
    sdp("RTP/SAVP", &format!("a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:{key}\r\n"), "0 101")
}

fn plain() -> String {
    sdp("RTP/AVP", "", "0 101")
}

#[test]
fn the_routes_of_proxies_are_in_the_200_and_on_the_way_of_our_own_requests() {
    let mut rig = Rig::new(|_| {});
    let routes = "Record-Route: <sip:b.example;lr;x=1>, <sip:c.example;lr>\r\nRecord-Route: <sip:d.example;lr>\r\n";
    let answer = rig.establish(&Leg { extra: routes.to_owned(), ..NEAR });
    let expected = ["<sip:b.example;lr;x=1>", "<sip:c.example;lr>", "<sip:d.example;lr>"];
    assert_eq!(answer.record_route(), expected, "RFC 3261 12.1.1");
    rig.input(Input::HangUp);
    assert_eq!(rig.last().method(), Some("BYE"));
    assert_eq!(rig.last().header_all("Route"), expected);
}

#[test]
fn without_any_connection_a_bye_goes_to_the_first_proxy() {
    let mut rig = Rig::new(|_| {});
    let routes = "Record-Route: <sip:192.0.2.77:5070;transport=tcp;lr>, <sip:192.0.2.78;lr>\r\n";
    rig.establish(&Leg { extra: routes.to_owned(), ..NEAR });
    rig.close(FLOW);
    rig.input(Input::HangUp);
    assert_eq!(rig.routes, [Route::Connect("192.0.2.77:5070".parse().unwrap(), Transport::Tcp)]);
}
