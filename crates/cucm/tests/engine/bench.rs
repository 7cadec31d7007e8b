//! A cluster on a bench: phones and a recorder as texts, time as a number.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use cucm::CucmEvent;
use cucm::config::*;
use cucm::engine::{
    ConferenceId, ConnectionId, Engine, Input, MixOrder, MusicId, Numbering, Output, PortTerms, PostId, SentStream,
};
use media::sdp::{Audio, Direction, Profile};
use media::srtp::{MasterKey, Suite};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sip::{FlowId, Message, Transport};
use trust::cert::{Identity, KeyKind, Request};
use trust::rule::TrustList;

/// The calling phone's flow, the recorded one's, and the first one to a recorder.
pub(crate) const CALLER: FlowId = FlowId(1);
pub(crate) const AGENT: FlowId = FlowId(2);
pub(crate) const RECORDER: FlowId = FlowId(10);
/// A third phone, where the configuration has one.
pub(crate) const EXPERT: FlowId = FlowId(3);

pub(crate) const CALLER_DEVICE: &str = "SEP38ED18552A12";
pub(crate) const AGENT_DEVICE: &str = "SEP6C416A369525";
pub(crate) const EXPERT_DEVICE: &str = "SEP0011223344AA";
/// A fourth one.
pub(crate) const DEPUTY: FlowId = FlowId(4);
pub(crate) const DEPUTY_DEVICE: &str = "SEP0011223344BB";

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
        subscribers: Vec::new(),
        ctl_signer: None,
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
        calling_search_spaces: Vec::new(),
        route_patterns: vec![RoutePattern::to_trunk("7878", "Recorder")],
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
            takes_calls: false,
            recording_information: RecordingInformation::None,
        }],
        park_numbers: Vec::new(),
        region: Region::default(),
        music_on_hold: MusicOnHold::Unicast,
        conference_bridge: Some(ConferenceBridge::software()),
        dialect: Dialect::default(),
        timing: Timing::default(),
    }
}

/// The same with a third phone, 1002.
pub(crate) fn with_expert(mut config: Config) -> Config {
    let phone = PhoneDevice {
        device_name: EXPERT_DEVICE.to_owned(),
        security_profile: config.phones[0].security_profile.clone(),
        lines: vec![Line::new("1002", "Expert")],
    };
    config.phones.push(phone);
    config
}

/// The same with a third and a fourth phone, 1002 and 1003.
pub(crate) fn with_deputy(config: Config) -> Config {
    let mut config = with_expert(config);
    let phone = PhoneDevice {
        device_name: DEPUTY_DEVICE.to_owned(),
        lines: vec![Line::new("1003", "Deputy")],
        ..config.phones[2].clone()
    };
    config.phones.push(phone);
    config
}

/// A cluster whose agent is not recorded.
pub(crate) fn unrecorded(mut config: Config) -> Config {
    config.phones[1].lines[0].recording_option = RecordingOption::Disabled;
    config
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
    /// The nodes that asked, whether answered or not.
    pub(crate) connects_from: Vec<std::net::IpAddr>,
    pub(crate) closes: Vec<FlowId>,
    /// Requests to gateways.
    pub(crate) posts: Vec<(PostId, String)>,
    /// Music that plays, by its number.
    pub(crate) music: BTreeMap<MusicId, SentStream>,
    /// Ports of the bridge that are connected.
    pub(crate) mixed: BTreeMap<u16, (ConferenceId, PortTerms)>,
    /// Ports that the bridge was given and has not closed.
    pub(crate) ports: std::collections::BTreeSet<u16>,
    last_port: u16,
    /// Answers that were given without a test's asking.
    pub(crate) automatic: u16,
    /// The last request within a call that each phone was sent.
    last: BTreeMap<FlowId, Message>,
    branch: u32,
    /// The node whose port the next connection comes to.
    pub(crate) here: std::net::IpAddr,
}

impl Bench {
    pub(crate) fn new(config: Config) -> Self {
        Self::at(config, "2019-08-27T15:27:41.500Z", None)
    }

    pub(crate) fn at(config: Config, wall: &str, numbering: Option<Numbering>) -> Self {
        config.check().unwrap();
        let here = config.address;
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
            connects_from: Vec::new(),
            closes: Vec::new(),
            posts: Vec::new(),
            music: BTreeMap::new(),
            mixed: BTreeMap::new(),
            ports: std::collections::BTreeSet::new(),
            last_port: 24_576,
            automatic: 0,
            last: BTreeMap::new(),
            branch: 0,
            here,
        };
        bench.collect();
        bench
    }

    /// Takes what the engine did when it was called directly.
    pub(crate) fn take(&mut self) {
        self.collect();
    }

    fn collect(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Transmit { flow, bytes } => self.sent.push_back((
                    flow,
                    Message::parse(&bytes).unwrap_or_else(|e| panic!("{e}: {:?}", String::from_utf8_lossy(&bytes))),
                )),
                Output::Connect { connection, from, to, .. } => {
                    self.connects.push((connection, to));
                    self.connects_from.push(from);
                }
                Output::Post { post, request, .. } => {
                    self.posts.push((post, String::from_utf8(request).unwrap()));
                }
                Output::Close { flow } => self.closes.push(flow),
                Output::StartMusic { music, stream } => {
                    assert!(self.music.insert(music, *stream).is_none(), "{music:?} plays already");
                }
                Output::StopMusic { music } => {
                    self.music.remove(&music).unwrap_or_else(|| panic!("{music:?} does not play"));
                }
                Output::Mix(order) => self.mix(order),
                Output::Event(event) => self.events.push(event),
            }
        }
        while self.engine.wants_port() {
            self.last_port += 2;
            self.ports.insert(self.last_port);
            self.engine.add_port(self.last_port);
        }
    }

    fn mix(&mut self, order: MixOrder) {
        match order {
            MixOrder::Connect { conference, port, terms } => {
                assert!(self.ports.contains(&port), "{port} is not open");
                self.mixed.insert(port, (conference, *terms));
            }
            MixOrder::Disconnect { port } => {
                self.mixed.remove(&port).unwrap_or_else(|| panic!("{port} is not connected"));
            }
            MixOrder::Close { port } => {
                assert!(self.ports.remove(&port), "{port} is closed already");
                self.mixed.remove(&port);
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

    /// An application redirects a call of a phone.
    pub(crate) fn redirect(&mut self, device: &str, to: &str) -> Result<(), cucm::RedirectRefused> {
        let done = self.engine.redirect(self.now, device, to);
        self.collect();
        done
    }

    pub(crate) fn give(&mut self, flow: FlowId, message: Message) {
        self.input(Input::Message { flow, message });
    }

    pub(crate) fn give_text(&mut self, flow: FlowId, text: &str) {
        self.give(flow, Message::parse(text.as_bytes()).unwrap());
    }

    pub(crate) fn open(&mut self, flow: FlowId, transport: Transport, certificate: Option<&Identity>) {
        let local_port = if transport == Transport::Tls { 5061 } else { 5060 };
        let local = SocketAddr::new(self.here, local_port);
        let peer = SocketAddr::new("10.48.38.99".parse().unwrap(), 50_000 + flow.0 as u16);
        let certificate = certificate.map(|identity| identity.certificate.clone());
        self.input(Input::Opened { flow, transport, local, peer, certificate });
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
        let message = self.sent.remove(at).map(|(_, message)| message)?;
        if message.method() == Some("ACK") && !message.body().is_empty() {
            self.last.insert(flow, message.clone());
        }
        Some(message)
    }

    /// A message of the dialog in which this phone was connected last.
    pub(crate) fn dialog_of(&self, flow: FlowId) -> Message {
        self.last.get(&flow).cloned().unwrap_or_else(|| panic!("{flow:?} was not connected"))
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

    pub(crate) fn last_branch(&self) -> String {
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
        self.expect(flow, "100");
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

/// A trace as on the wire. A file that has CRLF already is kept to the byte.
pub(crate) fn trace(name: &str) -> String {
    let path = format!("{}/../../testdata/traces/{name}.sip", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    if text.contains("\r\n") {
        return text;
    }
    let text = text.trim_end_matches('\n').replace('\n', "\r\n");
    if text.contains("\r\n\r\n") { text + "\r\n" } else { text + "\r\n\r\n" }
}

/// A session description as a phone or a recorder writes it.
#[derive(Clone, Debug)]
pub(crate) struct Sdp {
    pub(crate) address: String,
    pub(crate) port: u16,
    pub(crate) formats: String,
    pub(crate) direction: String,
    pub(crate) version: u32,
    /// Tag, suite and a number that makes the key.
    pub(crate) crypto: Vec<(u32, Suite, u64)>,
}

impl Sdp {
    pub(crate) fn new(address: &str, port: u16) -> Self {
        Self {
            address: address.to_owned(),
            port,
            formats: "0 8 101".to_owned(),
            direction: "sendrecv".to_owned(),
            version: 0,
            crypto: Vec::new(),
        }
    }

    pub(crate) fn formats(mut self, formats: &str) -> Self {
        self.formats = formats.to_owned();
        self
    }

    pub(crate) fn direction(mut self, direction: &str) -> Self {
        self.direction = direction.to_owned();
        self
    }

    /// Offers these suites under the tags 1, 2, ..., with keys that come from `seed`.
    pub(crate) fn suites(mut self, suites: &[Suite], seed: u64) -> Self {
        self.crypto = suites.iter().zip(1..).map(|(suite, tag)| (tag, *suite, seed)).collect();
        self
    }

    pub(crate) fn text(&self) -> String {
        let Self { address, port, formats, direction, version, .. } = self;
        let profile = if self.crypto.is_empty() { "RTP/AVP" } else { "RTP/SAVP" };
        let lines: String = self
            .crypto
            .iter()
            .map(|&(tag, suite, seed)| format!("a=crypto:{tag} {suite} inline:{}\r\n", key(suite, seed)))
            .collect();
        format!(
            "v=0\r\no=- 77 {version} IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=audio {port} {profile} {formats}\r\n\
             {lines}a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na={direction}\r\n"
        )
    }
}

/// The key in base64 that belongs to a suite and a number.
pub(crate) fn key(suite: Suite, seed: u64) -> String {
    MasterKey::generate(suite, &mut ChaCha20Rng::seed_from_u64(seed)).to_inline()
}

/// The voice stream of a message.
pub(crate) fn audio(message: &Message) -> Audio {
    media::sdp::Sdp::parse(message.body()).unwrap().audio().unwrap()
}

/// What the one crypto line of a message says: tag, suite, key.
pub(crate) fn crypto(message: &Message) -> (u32, Suite, String) {
    let audio = audio(message);
    assert_eq!(audio.profile, Profile::Savp);
    let [line] = audio.crypto.as_slice() else { panic!("{} crypto lines", audio.crypto.len()) };
    (line.tag, line.known_suite().unwrap(), line.master_key().unwrap().to_inline())
}

pub(crate) const FALLBACK: &str = "Supported: replaces,X-cisco-srtp-fallback";

impl Bench {
    /// Both phones are registered, each as its profile wants it.
    pub(crate) fn ready(config: Config) -> Self {
        let phones = config.phones.clone();
        let modes: Vec<_> = phones.iter().map(|phone| config.security_mode_of(phone)).collect();
        let node_of = |phone: &PhoneDevice| config.subscriber_of(&phone.device_name).map(|node| node.address);
        let nodes: Vec<_> = phones.iter().map(|phone| node_of(phone).unwrap_or(config.address)).collect();
        let mut bench = Self::new(config);
        for (((flow, phone), mode), node) in
            [CALLER, AGENT, EXPERT, DEPUTY].into_iter().zip(phones).zip(modes).zip(nodes)
        {
            bench.here = node;
            let identity = identity(&phone.device_name);
            let transport = if mode == DeviceSecurityMode::Encrypted { Transport::Tls } else { Transport::Tcp };
            bench.open(flow, transport, (transport == Transport::Tls).then_some(&identity));
            let number = phone.lines[0].directory_number.clone();
            let contact = format!("sip:line@10.48.38.{}:50000;transport=tcp", 100 + flow.0);
            let answer = bench.register(flow, transport, &phone.device_name, &number, &contact);
            assert_eq!(answer.status(), Some(200));
        }
        bench
    }

    /// The caller dials; the agent's INVITE comes back, or nothing if the call was refused.
    pub(crate) fn dial(&mut self, flow: FlowId, from: &str, to: &str, offer: &Sdp) -> Option<Message> {
        let branch = self.new_branch();
        let sdp = offer.text();
        self.give_text(
            flow,
            &format!(
                "INVITE sip:{to}@10.48.38.5 SIP/2.0\r\nVia: SIP/2.0/TCP 10.48.38.9:5000;branch={branch}\r\n\
                 From: <sip:{from}@10.48.38.5>;tag=from{branch}\r\nTo: <sip:{to}@10.48.38.5>\r\nCall-ID: call-{branch}\r\n\
                 CSeq: 101 INVITE\r\nContact: <sip:line@10.48.38.101:50000;transport=tcp>\r\n{FALLBACK}\r\n\
                 Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
                sdp.len()
            ),
        );
        self.expect(flow, "100");
        let to = match to {
            "1000" => CALLER,
            "1001" => AGENT,
            "1003" => DEPUTY,
            _ => EXPERT,
        };
        let at = self.sent.iter().position(|(flow, message)| *flow == to && message.method() == Some("INVITE"))?;
        self.sent.remove(at).map(|(_, message)| message)
    }

    /// A request within a dialog that `about` belongs to, written by the peer that received `about`, or that sent it.
    pub(crate) fn in_dialog(&mut self, flow: FlowId, method: &str, about: &Message, cseq: u32, sdp: Option<&str>) {
        self.ask(flow, method, about, cseq, "", sdp);
    }

    /// The same with lines of header.
    pub(crate) fn ask(
        &mut self,
        flow: FlowId,
        method: &str,
        about: &Message,
        cseq: u32,
        extra: &str,
        sdp: Option<&str>,
    ) {
        self.ask_with(flow, method, about, cseq, extra, sdp.map(|sdp| ("application/sdp", sdp)));
    }

    /// The same with any body.
    pub(crate) fn ask_with(
        &mut self,
        flow: FlowId,
        method: &str,
        about: &Message,
        cseq: u32,
        extra: &str,
        body: Option<(&str, &str)>,
    ) {
        let (local, remote) = if about.is_request() { ("To", "From") } else { ("From", "To") };
        let branch = self.new_branch();
        let mut builder = sip::Builder::request(method, "sip:10.48.38.5")
            .header("Via", format_args!("SIP/2.0/TCP 10.48.38.9:5000;branch={branch}"))
            .header("From", about.header(local).unwrap())
            .header("To", about.header(remote).unwrap())
            .header("Call-ID", about.header("Call-ID").unwrap())
            .header("CSeq", format_args!("{cseq} {method}"));
        builder = extra.lines().fold(builder, |builder, line| builder.raw_line(line.as_bytes()));
        if let Some((media_type, body)) = body {
            builder = builder.body(media_type, body.as_bytes());
        }
        self.give(flow, builder.finish());
    }

    /// The oldest message to this flow that is this request or this status; what stands before it stays.
    pub(crate) fn find(&mut self, flow: FlowId, what: &str) -> Message {
        let is = |message: &Message| {
            message.method().map_or_else(|| message.status().unwrap_or_default().to_string(), str::to_owned) == what
        };
        let at = self.sent.iter().position(|(to, message)| *to == flow && is(message));
        at.and_then(|at| self.sent.remove(at)).unwrap_or_else(|| panic!("no {what} to {flow:?}: {:?}", self.sent)).1
    }

    /// A phone that was called answers with this offer; its ACK is taken.
    pub(crate) fn picks_up(&mut self, flow: FlowId, invite: &Message, offer: &Sdp) {
        let contact = format!("Contact: <sip:line@10.48.38.{}:50000;transport=tcp>\n{FALLBACK}", 100 + flow.0);
        self.answer(flow, invite, 200, "answering", &contact, Some(&offer.text()));
    }

    /// A whole call up to its ACK; gives the 200 to the caller and the ACK to the agent.
    pub(crate) fn talk(&mut self, caller: &Sdp, agent: &Sdp) -> (Message, Message) {
        let invite = self.dial(CALLER, "1000", "1001", caller).unwrap();
        self.answer(AGENT, &invite, 180, "agent", "", None);
        self.expect(CALLER, "180");
        let contact = format!("Contact: <sip:line@10.48.38.102:50000;transport=tcp>\n{FALLBACK}");
        self.answer(AGENT, &invite, 200, "agent", &contact, Some(&agent.text()));
        let ok = self.expect(CALLER, "200");
        let ack = self.expect(AGENT, "ACK");
        self.in_dialog(CALLER, "ACK", &ok, 101, None);
        (ok, ack)
    }

    /// Lets time pass until this request is sent to a phone, and leaves it to be taken; repeats of what was sent before are dropped.
    /// Gives the milliseconds that it took.
    pub(crate) fn wait_for(&mut self, flow: FlowId, method: &str) -> u64 {
        self.sent.clear();
        for waited in (0..60_000).step_by(10) {
            if self.sent.iter().any(|(to, message)| *to == flow && message.method() == Some(method)) {
                self.sent.retain(|(_, message)| message.is_request());
                return waited;
            }
            self.sent.clear();
            self.wait(10);
        }
        panic!("{method} does not come");
    }

    /// A re-INVITE of a phone, up to its 100.
    pub(crate) fn asks(&mut self, flow: FlowId, about: &Message, cseq: u32, offer: &Sdp) {
        self.in_dialog(flow, "INVITE", about, cseq, Some(&offer.text()));
        self.expect(flow, "100");
    }

    /// A phone's re-INVITE that is answered at once; gives the 200.
    pub(crate) fn changes(&mut self, flow: FlowId, about: &Message, cseq: u32, offer: &Sdp) -> Message {
        self.asks(flow, about, cseq, offer);
        // The ends of recordings may come first.
        let at = self.sent.iter().position(|(to, message)| *to == flow && message.status() == Some(200));
        let (_, ok) = at.and_then(|at| self.sent.remove(at)).unwrap_or_else(|| panic!("no 200: {:?}", self.sent));
        self.in_dialog(flow, "ACK", about, cseq, None);
        ok
    }

    /// A phone is told that its media stops, and agrees.
    pub(crate) fn stopped(&mut self, flow: FlowId) -> Message {
        let invite = self.expect(flow, "INVITE");
        assert_eq!(audio(&invite).direction, Direction::Inactive);
        let contact = format!("Contact: <sip:line@10.48.38.{}:50000;transport=tcp>\n{FALLBACK}", 100 + flow.0);
        let sdp = Sdp::new(&format!("10.48.38.{}", 100 + flow.0), 30_000).direction("inactive").text();
        self.answer(flow, &invite, 200, "x", &contact, Some(&sdp));
        assert!(self.expect(flow, "ACK").body().is_empty());
        invite
    }

    /// A phone is asked for its offer, and gives it.
    pub(crate) fn offers(&mut self, flow: FlowId, offer: &Sdp) -> Message {
        let invite = self.expect(flow, "INVITE");
        assert!(invite.body().is_empty(), "a re-INVITE without SDP");
        let contact = format!("Contact: <sip:line@10.48.38.{}:50000;transport=tcp>\n{FALLBACK}", 100 + flow.0);
        self.answer(flow, &invite, 200, "x", &contact, Some(&offer.text()));
        invite
    }

    /// The events that were told, by their first words.
    pub(crate) fn told(&self) -> Vec<String> {
        let name = |event: &CucmEvent| {
            let text = format!("{event:?}");
            text.split([' ', '(', '{']).next().unwrap_or_default().to_owned()
        };
        self.events.iter().map(name).collect()
    }

    /// Answers a bridge INVITE as the phone does, and takes the ACK.
    pub(crate) fn bridge_answers(&mut self, invite: &Message, tag: &str, port: u16) -> Message {
        let contact = "Contact: <sip:line@10.48.38.102:50000;transport=tcp>";
        let sdp = Sdp::new("10.48.38.102", port).formats("0 101").direction("inactive").text();
        self.answer(AGENT, invite, 200, tag, contact, Some(&sdp));
        self.expect(AGENT, "ACK")
    }

    /// Answers a recording INVITE.
    pub(crate) fn recorder_answers(&mut self, invite: &Message, tag: &str, extra: &str, sdp: &Sdp) {
        let contact = format!("Contact: <sip:7878@10.48.38.30:5061;transport=tls>\n{extra}");
        self.answer(RECORDER, invite, 200, tag, &contact, Some(&sdp.text()));
    }

    /// Up to both recording INVITEs, near and far; the bridges stand.
    pub(crate) fn invites(&mut self) -> (Message, Message) {
        self.wait(20);
        let near_bridge = self.expect(AGENT, "INVITE");
        self.bridge_answers(&near_bridge, "near-bridge", 20_000);
        self.wait(7);
        if !self.connects.is_empty() {
            self.connected(RECORDER);
        }
        let near = self.expect(RECORDER, "INVITE");
        self.wait(2);
        let far_bridge = self.expect(AGENT, "INVITE");
        self.bridge_answers(&far_bridge, "far-bridge", 20_002);
        self.wait(8);
        let far = self.expect(RECORDER, "INVITE");
        (near, far)
    }

    /// The recorder has answered one end: the bridge is asked and offers; gives the ACKs to phone and recorder.
    pub(crate) fn join(&mut self, tag: &str, phone: &Sdp) -> (Message, Message) {
        self.offer(tag, phone);
        (self.expect(AGENT, "ACK"), self.expect(RECORDER, "ACK"))
    }

    /// The same without looking at what comes of it.
    pub(crate) fn offer(&mut self, tag: &str, phone: &Sdp) {
        self.wait(6);
        let reinvite = self.expect(AGENT, "INVITE");
        assert!(reinvite.body().is_empty());
        assert_eq!(reinvite.header("CSeq").as_deref(), Some("102 INVITE"));
        let contact = format!("Contact: <sip:line@10.48.38.102:50000;transport=tcp>\n{FALLBACK}");
        self.answer(AGENT, &reinvite, 200, tag, &contact, Some(&phone.text()));
        self.wait(13);
    }

    /// A whole recording of a call without security, up to its start; gives the two ACKs to the recorder.
    pub(crate) fn record(&mut self) -> (Message, Message) {
        let (near, far) = self.invites();
        let recorder = |port| Sdp::new("10.48.38.30", port).direction("recvonly");
        let phone = |port| Sdp::new("10.48.38.102", port).formats("0 101");
        self.recorder_answers(&near, "n", "", &recorder(6000));
        let (_, near) = self.join("near-bridge", &phone(20_000));
        self.recorder_answers(&far, "f", "", &recorder(6002));
        let (_, far) = self.join("far-bridge", &phone(20_002));
        assert!(matches!(self.events.last(), Some(CucmEvent::RecordingStarted(_))), "{:?}", self.events);
        (near, far)
    }

    /// The status of the next answer to a phone.
    pub(crate) fn expect_answer(&mut self, flow: FlowId) -> u16 {
        let at = self.sent.iter().position(|(to, message)| *to == flow && message.status().is_some());
        let (_, answer) =
            at.and_then(|at| self.sent.remove(at)).unwrap_or_else(|| panic!("no answer: {:?}", self.sent));
        answer.status().unwrap_or_default()
    }

    /// The last event, taken.
    pub(crate) fn event(&mut self) -> CucmEvent {
        self.events.pop().expect("no event")
    }

    /// The failure of a recording, which must be there.
    pub(crate) fn failed(&self) -> cucm::RecordingFailed {
        let failures = self.events.iter().filter_map(|event| match event {
            CucmEvent::RecordingFailed(failed) => Some(failed.clone()),
            _ => None,
        });
        let failures: Vec<_> = failures.collect();
        assert_eq!(failures.len(), 1, "{:?}", self.events);
        failures[0].clone()
    }

    /// Answers a request of the engine with 200.
    pub(crate) fn ok(&mut self, flow: FlowId, method: &str) -> Message {
        let request = self.expect(flow, method);
        self.answer(flow, &request, 200, "x", "", None);
        request
    }

    /// Has the engine do something that an application asks for.
    pub(crate) fn do_it<R>(&mut self, act: impl FnOnce(&mut Engine) -> R) -> R {
        let done = act(&mut self.engine);
        self.collect();
        done
    }

    /// The agent hangs up a call of which nothing is left but the call itself.
    pub(crate) fn finish_call(mut self, about: &Message) {
        self.in_dialog(AGENT, "BYE", about, 900, None);
        self.expect(AGENT, "200");
        self.ok(CALLER, "BYE");
        self.wait(40_000);
        self.quiet();
        self.finish();
    }
}
