//! A small CUCM and a phone's bridge, enough to have a call recorded: raw SIP text over TLS or TCP, SRTP from a
//! WAV-less voice.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use media::rtp::Header;
use media::srtp::{Context, MasterKey, OVERHEAD, Suite};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use recorder::config::{Credentials, SipServer, Transport};
use recorder::metadata::Recording;
use recorder::{Config, Recorder};
use sip::{Frame, Framer, Limits, Message};
use trust::cert::{Identity, KeyKind, Request};
use trust::rule::{PeerRule, TrustList};
use wire::tls::{TlsClient, TlsOptions};
use wire::{Link, LinkReader, LinkWriter, MediaSocket, Net, SimOptions};

pub(crate) const RECORDER: &str = "192.0.2.10";
pub(crate) const CUCM: &str = "192.0.2.5";
pub(crate) const PHONE: &str = "192.0.2.20";
/// The same on real sockets.
pub(crate) const REAL_RECORDER: &str = "127.0.71.10";
pub(crate) const REAL_CUCM: &str = "127.0.71.5";
pub(crate) const REAL_PHONE: &str = "127.0.71.20";

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A simulated world with one recorder.
pub(crate) struct World {
    pub(crate) net: Net,
    pub(crate) recorder: Recorder,
    pub(crate) node: Identity,
    pub(crate) recorder_identity: Identity,
    /// Kept until the world ends.
    _folder: tempfile::TempDir,
}

/// Runs a test in virtual time.
pub(crate) fn simulate<F: Future<Output = ()>>(test: impl FnOnce() -> F) {
    wire::simulation_runtime().unwrap().block_on(test());
}

impl World {
    /// A recorder that knows one node, over TLS.
    pub(crate) async fn new(change: impl FnOnce(&mut Config)) -> Self {
        let net = Net::simulated(SimOptions { seed: 7, ..SimOptions::default() });
        Self::on(net, change).await
    }

    pub(crate) async fn on(net: Net, change: impl FnOnce(&mut Config)) -> Self {
        let now = net.clock().wall() - Duration::from_secs(3600);
        let identity = |request: Request| Identity::self_signed(&request.with_key(KeyKind::EcP256)).unwrap();
        let node = identity(Request::call_manager("cucm-pub", now));
        let recorder_identity = identity(Request::recorder(ip(RECORDER), now));
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config {
            address: ip(RECORDER),
            user: "7878".into(),
            sip_servers: vec![SipServer { address: ip(CUCM), port: 5061, priority: 1 }],
            credentials: Some(Credentials {
                identity: recorder_identity.clone(),
                trusted: TrustList::trusted_certificates().with(node.certificate.clone()),
            }),
            folder: folder.path().join("recordings"),
            ..Config::default()
        };
        change(&mut config);
        let recorder = recorder::start(net.clone(), config, recorder::Seed::Replay(42)).await.unwrap();
        Self { net, recorder, node, recorder_identity, _folder: folder }
    }

    /// A connection of the known node.
    pub(crate) async fn cucm(&self) -> Cucm {
        let from = if self.net.is_simulated() { CUCM } else { REAL_CUCM };
        let link = self.tls(from, Some(self.node.clone())).await.unwrap();
        Cucm::new(self.net.clone(), link)
    }

    /// A TLS connection from an address, presenting this identity.
    pub(crate) async fn tls(&self, from: &str, identity: Option<Identity>) -> Result<Link, String> {
        let to = self.address(Transport::Tls);
        let stream = self.net.connect(ip(from), to).await.map_err(|error| error.to_string())?;
        let trusted = TrustList::call_manager_trust().with(self.recorder_identity.certificate.clone());
        let client = TlsClient::new(TlsOptions::new(identity, PeerRule::listed(trusted))).unwrap();
        wire::tls::connect(&client, stream).await.map(Link::from).map_err(|error| error.to_string())
    }

    pub(crate) async fn tcp(&self, from: &str) -> Cucm {
        let stream = self.net.connect(ip(from), self.address(Transport::Tcp)).await.unwrap();
        Cucm::new(self.net.clone(), Link::from(stream))
    }

    pub(crate) fn address(&self, transport: Transport) -> SocketAddr {
        self.recorder.addresses().iter().find(|(kind, _)| *kind == transport).unwrap().1
    }

    pub(crate) async fn sleep(&self, milliseconds: u64) {
        self.net.clock().sleep(Duration::from_millis(milliseconds)).await;
    }

    /// A stream from the phone to the port of an answer's SDP.
    pub(crate) fn voice(&self, answer: &Message, key: Option<MasterKey>, ssrc: u32) -> Voice {
        let port = sdp_port(answer);
        let phone = if self.net.is_simulated() { PHONE } else { REAL_PHONE };
        let mut socket = self.net.media(SocketAddr::new(ip(phone), 0)).unwrap();
        socket.connect(SocketAddr::new(self.recorder.addresses()[0].1.ip(), port)).unwrap();
        let context = key.map(|key| Context::new(key.suite(), &key).unwrap());
        Voice {
            net: self.net.clone(),
            socket,
            context,
            ssrc,
            sequence: 65_500,
            timestamp: u32::MAX - 3000,
            form: (0, 160),
        }
    }
}

/// The folders of all recordings below a root, sorted.
pub(crate) fn folders(root: &Path) -> Vec<PathBuf> {
    let list = |folder: &Path| -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    };
    list(root).iter().flat_map(|day| list(day)).collect()
}

pub(crate) fn metadata(folder: &Path) -> Recording {
    Recording::from_json(&std::fs::read_to_string(folder.join("recording.json")).unwrap()).unwrap()
}

pub(crate) fn key(suite: Suite, seed: u64) -> MasterKey {
    MasterKey::generate(suite, &mut ChaCha20Rng::seed_from_u64(seed))
}

/// The other end of a SIP connection.
pub(crate) struct Cucm {
    net: Net,
    reader: LinkReader,
    writer: LinkWriter,
    framer: Framer,
}

impl Cucm {
    pub(crate) fn new(net: Net, link: Link) -> Self {
        let (reader, writer) = link.split();
        Self { net, reader, writer, framer: Framer::strict(Limits::default()) }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.writer.write_all(text.as_bytes()).await.unwrap();
    }

    /// The next message, 100 left out; `None` once the recorder closed the connection.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        let mut buffer = [0; 4096];
        loop {
            match self.framer.next().unwrap() {
                Some(Frame::Message(message)) if message.status() != Some(100) => return Some(message),
                Some(_) => {}
                None => {
                    let read = self.reader.read(&mut buffer);
                    let read =
                        tokio::time::timeout(Duration::from_secs(60), read).await.expect("the recorder says nothing");
                    match read {
                        Ok(0) | Err(_) => return None,
                        Ok(len) => self.framer.push(&buffer[..len]),
                    }
                }
            }
        }
    }

    /// Whether nothing comes for a while.
    pub(crate) async fn is_quiet(&mut self, milliseconds: u64) -> bool {
        let mut buffer = [0; 4096];
        tokio::time::timeout(Duration::from_millis(milliseconds), self.reader.read(&mut buffer)).await.is_err()
    }

    /// Sends and waits for the response.
    pub(crate) async fn ask(&mut self, text: &str) -> Message {
        self.send(text).await;
        self.next().await.expect("the recorder closed the connection")
    }

    /// INVITE, 200, ACK with the phone's key.
    pub(crate) async fn establish(&mut self, leg: &Leg, key: &MasterKey) -> Message {
        let answer = self.ask(&leg.invite()).await;
        assert_eq!(answer.status(), Some(200), "{}", answer.start_line());
        self.net.clock().sleep(Duration::from_millis(230)).await;
        self.send(&leg.ack(&answer, Some(&secure_sdp(key)))).await;
        answer
    }
}

/// One dialog.
#[derive(Clone)]
pub(crate) struct Leg {
    pub(crate) side: &'static str,
    pub(crate) refci: u32,
    pub(crate) farendrefci: u32,
    pub(crate) device: &'static str,
    pub(crate) call: &'static str,
    pub(crate) transport: &'static str,
}

pub(crate) const NEAR: Leg = Leg {
    side: "x-nearend",
    refci: 19301625,
    farendrefci: 19301624,
    device: "SEP6C416A369525",
    call: "35554700-d6514bef-3281-526300e",
    transport: "TLS",
};
pub(crate) const FAR: Leg = Leg { side: "x-farend", call: "35eddd80-d6514bf0-3283-526300e", ..NEAR };

impl Leg {
    pub(crate) fn request(&self, method: &str, cseq: u32, to_tag: &str, lines: &str, sdp: Option<&str>) -> String {
        let body = sdp.unwrap_or_default();
        let kind = if sdp.is_some() { "Content-Type: application/sdp\r\n" } else { "" };
        let tag = if to_tag.is_empty() { String::new() } else { format!(";tag={to_tag}") };
        let (call, side) = (self.call, self.side);
        let branch = &call[..8];
        format!(
            "{method} sip:7878@192.0.2.10:5061 SIP/2.0\r\n\
             Via: SIP/2.0/{} 192.0.2.5:5061;branch=z9hG4bK{branch}{cseq}{method}\r\n\
             From: \"SJ User 2\" <sip:1001@192.0.2.5;{side};x-refci={};x-nearendclusterid=StandAloneCluster;\
             x-nearenddevice={};x-nearendaddr=1001;x-farendrefci={};x-farendclusterid=StandAloneCluster;\
             x-farenddevice=SEP38ED18552A12;x-farendaddr=1000>;tag=104958~e650e088-60ba-4195-8387-3dcc0127efdc-19301629\r\n\
             To: <sip:7878@192.0.2.10>{tag}\r\nDate: Tue, 27 Aug 2019 15:27:43 GMT\r\nCall-ID: {call}@192.0.2.5\r\n\
             Supported: timer,resource-priority,replaces\r\nUser-Agent: Cisco-CUCM11.5\r\nCSeq: {cseq} {method}\r\n\
             Session-ID: 0848153900105000a0006c416a369525;remote=00000000000000000000000000000000\r\n\
             Cisco-Guid: 0894781184-0000065536-0000000022-0086388750\r\n{lines}\
             P-Asserted-Identity: \"SJ User 2\" <sip:1001@192.0.2.5>\r\n\
             Remote-Party-ID: \"SJ User 2\" <sip:1001@192.0.2.5>;party=calling;screen=yes;privacy=off\r\n\
             Contact: <sip:1001@192.0.2.5:5061;transport=tls>;isFocus;+u.sip!devicename.ccm.cisco.com=\"SEP6C416A369525\"\r\n\
             Max-Forwards: 70\r\n{kind}Content-Length: {}\r\n\r\n{body}",
            self.transport,
            self.refci,
            self.device,
            self.farendrefci,
            body.len()
        )
    }

    pub(crate) fn invite(&self) -> String {
        self.request("INVITE", 101, "", "Session-Expires:  1800\r\nMin-SE:  1800\r\n", None)
    }

    pub(crate) fn ack(&self, answer: &Message, sdp: Option<&str>) -> String {
        self.request("ACK", 101, &to_tag(answer), "", sdp)
    }

    pub(crate) fn bye(&self, answer: &Message, cause: u32) -> String {
        self.request("BYE", 102, &to_tag(answer), &format!("Reason: Q.850;cause={cause}\r\n"), None)
    }
}

pub(crate) fn to_tag(answer: &Message) -> String {
    answer.to().unwrap().tag().unwrap().to_owned()
}

fn sdp_port(answer: &Message) -> u16 {
    let text = String::from_utf8(answer.body().to_vec()).unwrap();
    let line = text.lines().find(|line| line.starts_with("m=audio ")).unwrap();
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

/// CUCM's answer for an encrypted phone; the port is a dummy.
pub(crate) fn secure_sdp(key: &MasterKey) -> String {
    let tag = Suite::ALL.iter().position(|suite| *suite == key.suite()).unwrap() + 1;
    let crypto = format!("a=crypto:{tag} {} inline:{}\r\n", key.suite(), key.to_inline());
    sdp("RTP/SAVP", &crypto)
}

pub(crate) fn plain_sdp() -> String {
    sdp("RTP/AVP", "")
}

fn sdp(profile: &str, crypto: &str) -> String {
    format!(
        "v=0\r\no=CiscoSystemsCCM-SIP 104958 1 IN IP4 192.0.2.5\r\ns=SIP Call\r\nc=IN IP4 192.0.2.20\r\nb=TIAS:64000\r\nb=AS:64\r\n\
         t=0 0\r\nm=audio 4000 {profile} 0 101\r\n{crypto}a=rtpmap:0 PCMU/8000\r\na=sendonly\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
    )
}

/// One of the bridge's streams.
pub(crate) struct Voice {
    net: Net,
    socket: MediaSocket,
    context: Option<Context>,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    /// Payload type and codes of a packet.
    form: (u8, usize),
}

impl Voice {
    /// A packet whose codes, 160 of them unless told otherwise, are all this one.
    pub(crate) fn say(&mut self, code: u8) -> Vec<u8> {
        let header = Header {
            payload_type: self.form.0,
            marker: false,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(self.form.1 as u32);
        let mut bytes = header.to_bytes().to_vec();
        bytes.resize(bytes.len() + self.form.1, code);
        if let Some(context) = &mut self.context {
            let len = bytes.len();
            bytes.resize(len + OVERHEAD, 0);
            let sealed = context.protect(&mut bytes, len).unwrap();
            bytes.truncate(sealed);
        }
        self.send(&bytes);
        bytes
    }

    /// Seals with another key from now on; the source goes on at this roll-over count.
    pub(crate) fn rekey(&mut self, key: MasterKey, roc: u32) {
        let mut context = Context::new(key.suite(), &key).unwrap();
        context.set_roc(self.ssrc, roc);
        self.context = Some(context);
    }

    /// Another payload type, other packets and another source from now on.
    pub(crate) fn turn_to(&mut self, payload_type: u8, codes: usize, ssrc: u32) {
        (self.form, self.ssrc) = ((payload_type, codes), ssrc);
    }

    /// Any bytes.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.socket.send(self.net.clock().now(), bytes);
    }

    /// Says nothing for so many packets.
    pub(crate) fn skip(&mut self, packets: u16) {
        self.sequence = self.sequence.wrapping_add(packets);
        self.timestamp = self.timestamp.wrapping_add(160 * u32::from(packets));
    }
}
