//! A party that speaks SIP as texts, over TCP, TLS or UDP, and a cluster for it to speak with.

use std::net::{IpAddr, SocketAddr};
use std::sync::OnceLock;
use std::time::Duration;

use cucm::config::*;
use cucm::{Cucm, CucmEvent};
use sip::{Frame, Framer, Limits, Message};
use trust::cert::{Identity, KeyKind, Request};
use trust::rule::{PeerRule, TrustList};
use wire::tls::{TlsClient, TlsOptions, TlsServer};
use wire::{Link, Listener, Net, SimOptions};

pub(crate) const NODE: &str = "127.0.1.1";
pub(crate) const RECORDER: &str = "127.0.1.9";
pub(crate) const AGENT: &str = "SEP001122334455";
pub(crate) const CUSTOMER: &str = "SEP00112233AABB";

/// The CallManager identity is RSA, since it signs a CTL; making one takes a while, so all tests share it.
pub(crate) fn call_manager() -> Identity {
    static IDENTITY: OnceLock<Identity> = OnceLock::new();
    let make = || Identity::self_signed(&Request::call_manager("CUCM-PUB", wire::default_wall())).unwrap();
    IDENTITY.get_or_init(make).clone()
}

pub(crate) fn identity(name: &str) -> Identity {
    Identity::self_signed(&Request::new(name, wire::default_wall()).with_key(KeyKind::EcP256)).unwrap()
}

/// Everybody's certificates.
pub(crate) struct People {
    pub(crate) agent: Identity,
    pub(crate) customer: Identity,
    pub(crate) recorder: Identity,
}

impl People {
    pub(crate) fn new() -> Self {
        Self { agent: identity(AGENT), customer: identity(CUSTOMER), recorder: identity(RECORDER) }
    }
}

/// A mixed-mode cluster with two encrypted phones, the agent's recorded over TLS.
pub(crate) fn config(people: &People) -> Config {
    let phone = |device: &str, line: Line| PhoneDevice {
        built_in_bridge: true,
        device_name: device.to_owned(),
        security_profile: "secure".to_owned(),
        lines: vec![line],
    };
    Config {
        release: Release::V14,
        cluster_id: "MixedCluster".to_owned(),
        cluster_security_mode: ClusterSecurityMode::Mixed,
        node_name: "CUCM-PUB".to_owned(),
        address: NODE.parse().unwrap(),
        ports: Ports { tftp: 6969, ..Ports::default() },
        identity: call_manager(),
        subscribers: Vec::new(),
        ctl_signer: None,
        client_certificate: ClientCertificate::CallManager,
        call_manager_trust: TrustList::call_manager_trust().with(people.recorder.certificate.clone()),
        capf_trust: TrustList::new().with(people.agent.certificate.clone()).with(people.customer.certificate.clone()),
        phone_security_profiles: vec![
            PhoneSecurityProfile::encrypted("secure"),
            PhoneSecurityProfile::non_secure("plain"),
        ],
        phones: vec![
            phone(AGENT, Line::new("2000", "Agent").recorded("recorder")),
            phone(CUSTOMER, Line::new("1000", "Customer")),
        ],
        recording_profiles: vec![RecordingProfile {
            name: "recorder".to_owned(),
            recording_destination: "7878".to_owned(),
            recording_css: String::new(),
        }],
        calling_search_spaces: Vec::new(),
        route_patterns: vec![RoutePattern::to_trunk("7878", "Recorder")],
        sip_trunk_security_profiles: vec![
            SipTrunkSecurityProfile::encrypted("secure trunk", RECORDER),
            SipTrunkSecurityProfile::non_secure("plain trunk"),
        ],
        sip_profiles: vec![SipProfile::standard()],
        trunks: vec![SipTrunk {
            name: "Recorder".to_owned(),
            destinations: vec![Destination { address: RECORDER.parse().unwrap(), port: 5061 }],
            srtp_allowed: true,
            transmit_security_status: true,
            security_profile: "secure trunk".to_owned(),
            sip_profile: "Standard SIP Profile".to_owned(),
            takes_calls: false,
            recording_information: RecordingInformation::None,
        }],
        park_numbers: Vec::new(),
        directed_call_park: DirectedCallPark::default(),
        region: Region::default(),
        music_on_hold: MusicOnHold::Unicast,
        conference_bridge: Some(ConferenceBridge::software()),
        advanced_ad_hoc_conference: false,
        dialect: Dialect::default(),
        fault: Fault::None,
        timing: Timing::default(),
    }
}

/// Runs a test in virtual time.
pub(crate) fn simulated<F: Future<Output = ()>>(test: impl FnOnce(Net) -> F) {
    wire::simulation_runtime().unwrap().block_on(async {
        let net = Net::simulated(SimOptions::default());
        tokio::time::timeout(Duration::from_secs(600), test(net)).await.expect("the test hangs");
    });
}

/// The next event for which `pick` finds something.
pub(crate) async fn event<T>(cucm: &mut Cucm, pick: impl Fn(&CucmEvent) -> Option<T>) -> T {
    let waiting = async {
        loop {
            let event = cucm.events().recv().await.expect("the cluster is gone");
            if let Some(found) = pick(&event) {
                return found;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(90), waiting).await.expect("the event does not come")
}

/// One connection.
pub(crate) struct Peer {
    link: Link,
    framer: Framer,
    branch: u32,
}

impl Peer {
    fn new(link: Link) -> Self {
        Self { link, framer: Framer::strict(Limits::default()), branch: 0 }
    }

    pub(crate) fn client(identity: Option<&Identity>) -> TlsClient {
        let rule = PeerRule::listed(TrustList::new().with(call_manager().certificate));
        TlsClient::new(TlsOptions::new(identity.cloned(), rule)).unwrap()
    }

    /// Connects to the node over TLS with this certificate.
    pub(crate) async fn connect(net: &Net, from: &str, to: SocketAddr, identity: &Identity) -> Self {
        let stream = net.connect(from.parse().unwrap(), to).await.unwrap();
        Self::new(wire::tls::connect(&Self::client(Some(identity)), stream).await.unwrap().into())
    }

    /// Connects in clear.
    pub(crate) async fn connect_plain(net: &Net, from: &str, to: SocketAddr) -> Self {
        Self::new(net.connect(from.parse::<IpAddr>().unwrap(), to).await.unwrap().into())
    }

    /// Accepts the node's connection as a recorder that trusts `trusted`.
    pub(crate) async fn accept(
        listener: &Listener,
        identity: &Identity,
        trusted: &Identity,
    ) -> Result<Self, wire::tls::TlsError> {
        let rule = PeerRule::listed(TrustList::trusted_certificates().with(trusted.certificate.clone()));
        let server = TlsServer::new(TlsOptions::new(Some(identity.clone()), rule)).unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        Ok(Self::new(wire::tls::accept(&server, stream).await?.into()))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.link.local_addr()
    }

    pub(crate) async fn send(&mut self, message: &Message) {
        self.link.write_all(message.as_bytes()).await.unwrap();
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.link.write_all(bytes).await.unwrap();
    }

    /// The next message; `None` at the end of the connection.
    pub(crate) async fn receive(&mut self) -> Option<Message> {
        let mut buf = [0; 8192];
        loop {
            match self.framer.next().unwrap() {
                Some(Frame::Message(message)) => return Some(message),
                Some(_) => continue,
                None => {}
            }
            let length = tokio::time::timeout(Duration::from_secs(60), self.link.read(&mut buf)).await;
            match length.expect("nothing comes").unwrap_or(0) {
                0 => return None,
                length => self.framer.push(&buf[..length]),
            }
        }
    }

    /// The next message that is this request or this status; others, such as repeats, are passed over.
    pub(crate) async fn expect(&mut self, what: &str) -> Message {
        loop {
            let message = self.receive().await.unwrap_or_else(|| panic!("the connection ended before {what}"));
            let is = message.method().map_or_else(|| message.status().unwrap_or(0).to_string(), str::to_owned);
            if is == what {
                return message;
            }
        }
    }

    pub(crate) async fn answer(&mut self, request: &Message, status: u16, tag: &str, sdp: Option<&str>) {
        let transport = if self.link.is_encrypted() { "tls" } else { "tcp" };
        let builder = sip::Builder::reply(request, status, "Answer", Some(tag))
            .header("Contact", format_args!("<sip:peer@{};transport={transport}>", self.address()))
            .header("Supported", "X-cisco-srtp-fallback");
        let message = match sdp {
            Some(sdp) => builder.body("application/sdp", sdp.as_bytes()).finish(),
            None => builder.finish(),
        };
        self.send(&message).await;
    }

    /// A request outside of any dialog, or with the To of `about`.
    pub(crate) async fn request(&mut self, method: &str, headers: &[(&str, String)], sdp: Option<&str>) {
        self.branch += 1;
        let transport = if self.link.is_encrypted() { "TLS" } else { "TCP" };
        let via = format!("SIP/2.0/{transport} {};branch=z9hG4bKp{}", self.address(), self.branch);
        let uri = headers.iter().find(|(name, _)| *name == "URI").map_or("sip:127.0.1.1", |(_, uri)| uri);
        let mut builder = sip::Builder::request(method, uri).header("Via", via);
        for (name, value) in headers.iter().filter(|(name, _)| *name != "URI") {
            builder = builder.header(name, value);
        }
        let message = match sdp {
            Some(sdp) => builder.body("application/sdp", sdp.as_bytes()).finish(),
            None => builder.finish(),
        };
        self.send(&message).await;
    }

    /// Closes the connection.
    pub(crate) async fn close(&mut self) {
        self.link.shutdown().await.unwrap();
    }

    /// ACKs a 200.
    pub(crate) async fn acknowledge(&mut self, ok: &Message) {
        let header = |name: &str| ok.header(name).unwrap().into_owned();
        let number = ok.cseq().unwrap().number;
        let headers = [
            ("From", header("From")),
            ("To", header("To")),
            ("Call-ID", header("Call-ID")),
            ("CSeq", format!("{number} ACK")),
        ];
        self.request("ACK", &headers, None).await;
    }

    /// A re-INVITE in the dialog of a request that was received.
    pub(crate) async fn reinvite(&mut self, about: &Message, sdp: &str) {
        self.request_in("INVITE", about, "", &[], Some(sdp)).await;
    }

    /// A request in the dialog of a request that was received.
    pub(crate) async fn request_back(&mut self, method: &str, about: &Message, tag: &str) {
        self.request_in(method, about, tag, &[], None).await;
    }

    /// The same with more headers, and a body where it has one.
    pub(crate) async fn request_in(
        &mut self,
        method: &str,
        about: &Message,
        tag: &str,
        more: &[(&str, String)],
        sdp: Option<&str>,
    ) {
        let header = |name: &str| about.header(name).unwrap().into_owned();
        let to = header("To");
        let from = if to.contains(";tag=") { to } else { format!("{to};tag={tag}") };
        let headers =
            [("From", from), ("To", header("From")), ("Call-ID", header("Call-ID")), ("CSeq", format!("7 {method}"))];
        self.request(method, &[&headers, more].concat(), sdp).await;
    }

    /// A request within the call of a message that was received, as its receiver sends it.
    pub(crate) async fn in_call(&mut self, method: &str, about: &Message, cseq: u32, sdp: Option<&str>) {
        let header = |name: &str| about.header(name).unwrap().into_owned();
        let (from, to) = if about.is_request() {
            (format!("{};tag=a", header("To")), header("From"))
        } else {
            (header("From"), header("To"))
        };
        let headers =
            [("From", from), ("To", to), ("Call-ID", header("Call-ID")), ("CSeq", format!("{cseq} {method}"))];
        self.request(method, &headers, sdp).await;
    }

    /// The next re-INVITE without SDP; repeats of others are passed over.
    pub(crate) async fn expect_asking(&mut self) -> Message {
        loop {
            let invite = self.expect("INVITE").await;
            if invite.body().is_empty() {
                return invite;
            }
        }
    }

    /// The next ACK with SDP.
    pub(crate) async fn expect_answer(&mut self) -> Message {
        loop {
            let ack = self.expect("ACK").await;
            if !ack.body().is_empty() {
                return ack;
            }
        }
    }

    pub(crate) async fn register(&mut self, device: &str, number: &str) -> Message {
        let address = format!("<sip:{number}@{NODE}>");
        let headers = [
            ("From", format!("{address};tag=r{number}")),
            ("To", address),
            ("Call-ID", format!("reg-{device}")),
            ("CSeq", "101 REGISTER".to_owned()),
            (
                "Contact",
                format!("<sip:{device}@{};transport=tls>;+u.sip!devicename.ccm.cisco.com=\"{device}\"", self.address()),
            ),
        ];
        self.request("REGISTER", &headers, None).await;
        assert_eq!(self.receive().await.unwrap().status(), Some(100));
        self.receive().await.unwrap()
    }

    pub(crate) async fn dial(&mut self, from: &str, to: &str, sdp: &str) {
        let headers = [
            ("URI", format!("sip:{to}@{NODE}")),
            ("From", format!("<sip:{from}@{NODE}>;tag=caller")),
            ("To", format!("<sip:{to}@{NODE}>")),
            ("Call-ID", format!("call-{from}-{to}")),
            ("CSeq", "101 INVITE".to_owned()),
            ("Contact", format!("<sip:peer@{};transport=tls>", self.address())),
            ("Supported", "X-cisco-srtp-fallback".to_owned()),
        ];
        self.request("INVITE", &headers, Some(sdp)).await;
    }
}

/// An offer of SRTP with one suite, or of RTP.
pub(crate) fn offer(address: &str, port: u16, direction: &str, secure: bool) -> String {
    let profile = if secure { "RTP/SAVP" } else { "RTP/AVP" };
    let key = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
    let crypto = if secure { format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}\r\n") } else { String::new() };
    format!(
        "v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=audio {port} {profile} 0 101\r\n{crypto}\
         a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
    )
}
