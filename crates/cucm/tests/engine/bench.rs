//! A cluster on a bench: phones and a recorder as texts, time as a number.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use cucm::CucmEvent;
use cucm::config::*;
use cucm::engine::{ConnectionId, Engine, Input, Numbering, Output};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sip::{FlowId, Message, Transport};
use trust::cert::{Identity, KeyKind, Request};
use trust::rule::TrustList;

/// The calling phone's flow, the recorded one's, and the first one to a recorder.
pub(crate) const CALLER: FlowId = FlowId(1);
pub(crate) const AGENT: FlowId = FlowId(2);
pub(crate) const RECORDER: FlowId = FlowId(10);

pub(crate) const CALLER_DEVICE: &str = "SEP38ED18552A12";
pub(crate) const AGENT_DEVICE: &str = "SEP6C416A369525";

/// A cluster in which both phones are non-secure, the agent's line is recorded, and the recorder is on TCP.
pub(crate) fn plain() -> Config {
    let identity = identity("CUCM-PUB");
    let profile = |name: &str, number: &str, display: &str| PhoneDevice {
        device_name: name.to_owned(),
        security_profile: "plain".to_owned(),
        lines: vec![Line::new(number, display)],
    };
    let mut agent = profile(AGENT_DEVICE, "1001", "SJ User 2");
    agent.lines[0] = agent.lines[0].clone().recorded("recorder");
    Config {
        release: Release::V11_5,
        cluster_id: "StandAloneCluster".to_owned(),
        cluster_security_mode: ClusterSecurityMode::Mixed,
        node_name: "CUCM-PUB".to_owned(),
        address: "10.48.38.5".parse().unwrap(),
        ports: Ports::default(),
        identity,
        client_certificate: ClientCertificate::CallManager,
        call_manager_trust: TrustList::call_manager_trust(),
        capf_trust: TrustList::new(),
        phone_security_profiles: vec![
            PhoneSecurityProfile::non_secure("plain"),
            PhoneSecurityProfile::encrypted("secure"),
        ],
        phones: vec![profile(CALLER_DEVICE, "1000", "SJ User 1"), agent],
        recording_profiles: vec![RecordingProfile {
            name: "recorder".to_owned(),
            recording_destination: "7878".to_owned(),
            recording_css: String::new(),
        }],
        route_patterns: vec![RoutePattern { pattern: "7878".to_owned(), trunks: vec!["Recorder".to_owned()] }],
        sip_trunk_security_profiles: vec![
            SipTrunkSecurityProfile::non_secure("plain trunk"),
            SipTrunkSecurityProfile::encrypted("secure trunk", "10.48.38.30"),
        ],
        sip_profiles: vec![SipProfile::standard()],
        trunks: vec![SipTrunk {
            name: "Recorder".to_owned(),
            destinations: vec![Destination { address: "10.48.38.30".parse().unwrap(), port: 5060 }],
            srtp_allowed: false,
            transmit_security_status: false,
            security_profile: "plain trunk".to_owned(),
            sip_profile: "Standard SIP Profile".to_owned(),
        }],
        region: Region::default(),
        dialect: Dialect::default(),
        timing: Timing::default(),
    }
}

/// The same with encrypted phones and an encrypted trunk with SRTP.
pub(crate) fn secure() -> Config {
    let mut config = plain();
    config.release = Release::V14;
    for phone in &mut config.phones {
        phone.security_profile = "secure".to_owned();
    }
    config.trunks[0].security_profile = "secure trunk".to_owned();
    config.trunks[0].srtp_allowed = true;
    config.trunks[0].destinations[0].port = 5061;
    config
}

pub(crate) fn identity(name: &str) -> Identity {
    let request = Request::new(name, wire::default_wall()).with_key(KeyKind::EcP256);
    Identity::self_signed(&request).unwrap()
}

/// A message that the engine sent.
pub(crate) type SentMessage = (FlowId, Message);

/// An engine with what it has sent and said.
pub(crate) struct Bench {
    pub(crate) engine: Engine,
    pub(crate) now: Instant,
    pub(crate) sent: VecDeque<SentMessage>,
    pub(crate) events: Vec<CucmEvent>,
    pub(crate) connects: Vec<(ConnectionId, SocketAddr)>,
    pub(crate) closes: Vec<FlowId>,
    branch: u32,
}

impl Bench {
    pub(crate) fn new(config: Config) -> Self {
        Self::at(config, "2019-08-27T15:27:41.500Z", None)
    }

    pub(crate) fn at(config: Config, wall: &str, numbering: Option<Numbering>) -> Self {
        config.check().unwrap();
        let wall: SystemTime = wall.parse::<jiff::Timestamp>().unwrap().into();
        let now = Instant::now();
        let numbering = numbering.unwrap_or_else(|| Numbering::seeded(&mut ChaCha20Rng::seed_from_u64(1)));
        let engine = Engine::with_numbering(now, wall, config, 1, numbering);
        let mut bench = Self {
            engine,
            now,
            sent: VecDeque::new(),
            events: Vec::new(),
            connects: Vec::new(),
            closes: Vec::new(),
            branch: 0,
        };
        bench.collect();
        bench
    }

    fn collect(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Transmit { flow, bytes } => self.sent.push_back((flow, Message::parse(&bytes).unwrap())),
                Output::Connect { connection, to, .. } => self.connects.push((connection, to)),
                Output::Close { flow } => self.closes.push(flow),
                Output::Event(event) => self.events.push(event),
            }
        }
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.engine.handle_input(self.now, input);
        self.collect();
    }

    /// Lets time pass, step by step.
    pub(crate) fn wait(&mut self, milliseconds: u64) {
        let until = self.now + Duration::from_millis(milliseconds);
        while let Some(due) = self.engine.poll_timeout().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.engine.handle_timeout(self.now);
            self.collect();
        }
        self.now = until;
    }

    pub(crate) fn give(&mut self, flow: FlowId, message: Message) {
        self.input(Input::Message { flow, message });
    }

    pub(crate) fn give_text(&mut self, flow: FlowId, text: &str) {
        self.give(flow, Message::parse(text.as_bytes()).unwrap());
    }

    pub(crate) fn open(&mut self, flow: FlowId, transport: Transport, certificate: Option<&Identity>) {
        let local_port = if transport == Transport::Tls { 5061 } else { 5060 };
        let peer = SocketAddr::new("10.48.38.99".parse().unwrap(), 50_000 + flow.0 as u16);
        let certificate = certificate.map(|identity| identity.certificate.clone());
        self.input(Input::Opened { flow, transport, local_port, peer, certificate });
    }

    /// Answers the oldest request for a connection.
    pub(crate) fn connected(&mut self, flow: FlowId) {
        assert!(!self.connects.is_empty(), "no connection was asked for");
        let (connection, _) = self.connects.remove(0);
        self.input(Input::Connected { connection, flow });
    }

    /// The oldest message that was sent to this flow and not looked at yet.
    pub(crate) fn next(&mut self, flow: FlowId) -> Message {
        self.try_next(flow).unwrap_or_else(|| panic!("nothing was sent to {flow:?}: {:?}", self.sent))
    }

    pub(crate) fn try_next(&mut self, flow: FlowId) -> Option<Message> {
        let at = self.sent.iter().position(|(to, _)| *to == flow)?;
        self.sent.remove(at).map(|(_, message)| message)
    }

    /// The same, which must be this request or this status.
    pub(crate) fn expect(&mut self, flow: FlowId, what: &str) -> Message {
        let message = self.next(flow);
        let is = message.method().map_or_else(|| message.status().unwrap_or_default().to_string(), str::to_owned);
        assert_eq!(is, what, "{}", String::from_utf8_lossy(message.as_bytes()));
        message
    }

    pub(crate) fn quiet(&self) {
        assert!(self.sent.is_empty(), "{:?}", self.sent);
    }

    pub(crate) fn new_branch(&mut self) -> String {
        self.branch += 1;
        format!("z9hG4bKpeer{}", self.branch)
    }

    /// Registers a phone that stands at `host`, and takes the answer.
    pub(crate) fn register(
        &mut self,
        flow: FlowId,
        transport: Transport,
        device: &str,
        number: &str,
        contact: &str,
    ) -> Message {
        let branch = self.new_branch();
        self.give_text(
            flow,
            &format!(
                "REGISTER sip:10.48.38.5 SIP/2.0\r\nVia: SIP/2.0/{} 10.48.38.9:5000;branch={branch}\r\n\
                 From: <sip:{number}@10.48.38.5>;tag=reg{number}\r\nTo: <sip:{number}@10.48.38.5>\r\n\
                 Call-ID: reg-{device}-{branch}\r\nCSeq: 101 REGISTER\r\nExpires: 3600\r\n\
                 Contact: <{contact}>;+u.sip!devicename.ccm.cisco.com=\"{device}\"\r\n\r\n",
                transport.via_name()
            ),
        );
        self.next(flow)
    }

    pub(crate) fn answer(
        &mut self,
        flow: FlowId,
        request: &Message,
        status: u16,
        tag: &str,
        extra: &str,
        sdp: Option<&str>,
    ) {
        let mut builder = sip::Builder::reply(request, status, "Answer", Some(tag));
        for line in extra.lines() {
            builder = builder.raw_line(line.as_bytes());
        }
        let message = match sdp {
            Some(sdp) => builder.body("application/sdp", sdp.as_bytes()).finish(),
            None => builder.finish(),
        };
        self.give(flow, message);
    }

    pub(crate) fn finish(self) {
        let summary = self.engine.summary();
        assert_eq!(summary.leaked_dialogs, Vec::<String>::new());
        assert_eq!(summary.leaked_transactions, 0);
    }
}

pub(crate) fn trace(name: &str) -> String {
    let path = format!("{}/tests/traces/{name}.sip", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let text = text.trim_end_matches('\n').replace("\r\n", "\n").replace('\n', "\r\n");
    if text.contains("\r\n\r\n") { text + "\r\n" } else { text + "\r\n\r\n" }
}
