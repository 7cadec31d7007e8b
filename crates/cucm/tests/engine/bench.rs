//! A cluster on a bench: phones and a recorder as texts, time as a number.

mod calls;
mod cluster;
mod recordings;
mod sdp;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use cucm::CucmEvent;
use cucm::config::*;
use cucm::engine::{
    ConferenceId, ConnectionId, Engine, Input, MixOrder, MusicId, Numbering, Output, PortTerms, PostId, SentStream,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sip::{FlowId, Message, Transport};
use trust::cert::Identity;

pub(crate) use self::cluster::{identity, plain, secure, unrecorded, with_deputy, with_expert};
pub(crate) use self::sdp::{Sdp, audio, crypto, key};

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

pub(crate) const FALLBACK: &str = "Supported: replaces,X-cisco-srtp-fallback";

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
    /// Requests to gateways but for registrations.
    pub(crate) posts: Vec<(PostId, String)>,
    /// Registrations at gateways that wait for their answer.
    pub(crate) registrations: Vec<PostId>,
    /// What a gateway answers to a registration, at once; `None` where a test does it.
    pub(crate) registered: Option<Result<u16, String>>,
    /// Music that plays, by its number.
    pub(crate) music: BTreeMap<MusicId, SentStream>,
    /// Ports of the bridge that are connected.
    pub(crate) mixed: BTreeMap<u16, (ConferenceId, PortTerms)>,
    /// Ports that the bridge was given and has not closed.
    pub(crate) ports: BTreeSet<u16>,
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
            registrations: Vec::new(),
            registered: Some(Ok(200)),
            music: BTreeMap::new(),
            mixed: BTreeMap::new(),
            ports: BTreeSet::new(),
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

    pub(crate) fn collect(&mut self) {
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
                    let request = String::from_utf8(request).unwrap();
                    match self.registered.clone().filter(|_| request.contains("RequestXmfRegister")) {
                        Some(answer) => self.engine.handle_input(self.now, Input::Posted { post, answer }),
                        None if request.contains("RequestXmfRegister") => self.registrations.push(post),
                        None => self.posts.push((post, request)),
                    }
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
        let done = self.engine.redirect(self.now, (device, None), to);
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

    /// The events that were told, by their first words.
    pub(crate) fn told(&self) -> Vec<String> {
        let name = |event: &CucmEvent| {
            let text = format!("{event:?}");
            text.split([' ', '(', '{']).next().unwrap_or_default().to_owned()
        };
        self.events.iter().map(name).collect()
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
