//! The other side of the wire for the phone's tests: a TFTP server, a registrar that speaks raw text, certificates, and both networks.
#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a step that fails ends its test")]

pub(crate) mod pair;
pub(crate) mod player;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use media::signal::Voice;
use phone::{Config, MediaClock};
use sip::{Frame, Framer, Limits, Message};
use trust::cert::{Identity, KeyKind, Request};
use trust::ctl::Ctl;
use trust::phone_config::{CallManager, DeviceSecurityMode, Line, PhoneConfig, Transport};
use trust::rule::PeerRule;
use trust::tftp::{Input, Output, Server};
use wire::tls::{TlsOptions, TlsServer};
use wire::{Link, Listener, Net, NetOptions, SimOptions, Tap, simulation_runtime};

pub(crate) const CUCM: &str = "127.0.0.5";
pub(crate) const AGENT: &str = "SEP6C416A369525";
pub(crate) const CUSTOMER: &str = "SEP38ED18552A12";

/// Runs one body over the simulated network and over the operating system's.
pub(crate) fn on_both<F, Fut>(body: F)
where
    F: Fn(Net) -> Fut,
    Fut: Future<Output = ()>,
{
    on_sim(&body);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let run = body(Net::os(NetOptions { tap: Tap::none(), seed: 1, clock: None }));
        tokio::time::timeout(Duration::from_secs(60), run).await.expect("the test hangs on the real network");
    });
}

/// Runs a body over the simulated network.
pub(crate) fn on_sim<F: Fn(Net) -> Fut, Fut: Future<Output = ()>>(body: F) {
    simulation_runtime().unwrap().block_on(async {
        let run = body(Net::simulated(SimOptions::default()));
        tokio::time::timeout(Duration::from_secs(7200), run).await.expect("the test hangs on the simulated network");
    });
}

/// The cluster that the phones boot from.
pub(crate) struct Cluster {
    pub(crate) net: Net,
    pub(crate) clock: MediaClock,
    pub(crate) publisher: Identity,
    pub(crate) capf: Identity,
    pub(crate) files: BTreeMap<String, Arc<[u8]>>,
    pub(crate) listener: Listener,
    pub(crate) tls: Option<TlsServer>,
}

impl Cluster {
    /// A cluster with its SIP port open; TLS if it is secure.
    pub(crate) async fn new(net: &Net, is_secure: bool) -> Self {
        let now = net.clock().wall() - Duration::from_secs(3600);
        let publisher = Identity::self_signed(&Request::call_manager("cucm-pub", now)).unwrap();
        let capf = Identity::self_signed(&Request::authority("CAPF-12345678", now)).unwrap();
        let listener = net.listen(SocketAddr::new(ip(CUCM), 0)).await.unwrap();
        let tls =
            is_secure.then(|| TlsServer::new(TlsOptions::new(Some(publisher.clone()), PeerRule::anyone())).unwrap());
        Self { net: net.clone(), clock: MediaClock::start(net), publisher, capf, files: BTreeMap::new(), listener, tls }
    }

    /// Serves the configuration of a phone.
    pub(crate) fn add_phone(&mut self, device: &str, number: &str, mode: DeviceSecurityMode) {
        let port = self.listener.local_addr().port();
        let manager =
            CallManager { name: "cucm-pub".into(), process_node: CUCM.into(), sip_port: port, secured_sip_port: port };
        let mut config = PhoneConfig::new(device, mode, manager);
        if mode == DeviceSecurityMode::NonSecure {
            config.transport = Transport::Tcp;
        }
        config.lines.push(Line::new(1, number, &format!("User {number}")));
        self.serve(&format!("{device}.cnf.xml"), config.to_xml().into_bytes());
    }

    /// Serves a trust list that lists this certificate, signed by the publisher.
    pub(crate) fn add_list(&mut self, file: &str, listed: &Identity) {
        let ctl = Ctl::tokenless(self.net.clock().wall(), CUCM, listed);
        let bytes = ctl.sign(listed).unwrap();
        self.serve(file, bytes);
    }

    pub(crate) fn serve(&mut self, file: &str, bytes: Vec<u8>) {
        self.files.insert(file.to_owned(), bytes.into());
    }

    /// Starts the TFTP server with the files so far.
    pub(crate) async fn tftp(&self) -> SocketAddr {
        let socket = self.net.datagram(SocketAddr::new(ip(CUCM), 0)).await.unwrap();
        let address = socket.local_addr();
        let mut server = Server::with_files(trust::tftp::Limits::default(), self.files.clone());
        let clock = self.net.clock().clone();
        tokio::spawn(async move {
            let mut buf = [0; 2048];
            loop {
                while let Some(output) = server.poll_output() {
                    if let Output::Transmit { to, bytes } = output {
                        socket.send_to(&bytes, to).await.unwrap();
                    }
                }
                let due = server.poll_timeout().unwrap_or_else(|| clock.now() + Duration::from_secs(3600));
                tokio::select! {
                    biased;
                    received = socket.recv_from(&mut buf) => {
                        let (len, from) = received.unwrap();
                        server.handle_input(clock.now(), Input::Datagram { from, bytes: &buf[..len] });
                    }
                    () = clock.sleep_until(due) => server.handle_input(clock.now(), Input::Timeout),
                }
            }
        });
        address
    }

    /// A phone's configuration, with a certificate from the cluster's CAPF.
    pub(crate) fn config(&self, device: &str, tftp: SocketAddr, identity: u64) -> Config {
        let address = if device == AGENT { ip("127.0.0.6") } else { ip("127.0.0.7") };
        let mut config = Config::new(device, address, tftp, Voice::speech(Vec::new(), identity), self.clock.clone());
        let now = self.net.clock().wall() - Duration::from_secs(60);
        let request = Request::phone_lsc(device, now).with_key(KeyKind::EcP256);
        config.identity = Some(Identity::issued_by(&request, &self.capf).unwrap());
        config
    }

    /// The next phone that connects, registered.
    pub(crate) async fn registered(&self) -> Peer {
        let mut peer = self.accept().await;
        let register = peer.expect("REGISTER").await;
        peer.respond(&register, "200 OK", "Expires: 120\r\n", "").await;
        peer
    }

    /// The next phone that connects.
    pub(crate) async fn accept(&self) -> Peer {
        let (stream, _) = self.listener.accept().await.unwrap();
        let link = match &self.tls {
            Some(tls) => Link::from(wire::tls::accept(tls, stream).await.unwrap()),
            None => Link::from(stream),
        };
        Peer { link, framer: Framer::strict(Limits::default()), contact: String::new(), branches: 0 }
    }
}

/// CUCM's end of one phone's connection.
pub(crate) struct Peer {
    link: Link,
    framer: Framer,
    /// Where the phone is reached: the URI of its Contact.
    pub(crate) contact: String,
    branches: u32,
}

impl Peer {
    /// The next message that is no 100, which must begin like this.
    pub(crate) async fn expect(&mut self, start: &str) -> Message {
        let mut buf = vec![0; 8192];
        loop {
            while let Some(frame) = self.framer.next().unwrap() {
                let Frame::Message(message) = frame else { continue };
                if message.status() == Some(100) {
                    continue;
                }
                assert!(message.start_line().starts_with(start), "got {}, expected {start}", message.start_line());
                if let Some(contact) = message.header("Contact") {
                    self.contact = contact.split_once('<').unwrap().1.split_once('>').unwrap().0.to_owned();
                }
                return message;
            }
            let len = self.link.read(&mut buf).await.unwrap();
            assert!(len > 0, "the phone closed the connection, expected {start}");
            self.framer.push(&buf[..len]);
        }
    }

    /// Sends a response as CUCM does.
    pub(crate) async fn respond(&mut self, request: &Message, status: &str, more: &str, body: &str) {
        let mut text = format!("SIP/2.0 {status}\r\n");
        for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
            let value = request.header(name).unwrap();
            let tag = if name == "To" && !value.contains(";tag=") { ";tag=104951~cucm" } else { "" };
            text.extend([format!("{name}: {value}{tag}\r\n")]);
        }
        self.send(text + more, body).await;
    }

    /// Sends a request in the dialog of these headers, to where the phone is.
    pub(crate) async fn request(&mut self, method: &str, dialog: &Legs, cseq: u32, more: &str, body: &str) {
        self.branches += 1;
        let text = format!(
            "{method} {} SIP/2.0\r\nVia: SIP/2.0/TLS {CUCM}:5061;branch=z9hG4bKcucm{}{}\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\nMax-Forwards: 70\r\n\
             CSeq: {cseq} {method}\r\nContact: <sip:{CUCM}:5061;transport=tls>\r\n",
            self.contact, dialog.call_id, self.branches, dialog.from, dialog.to, dialog.call_id
        );
        self.send(text + more, body).await;
    }

    async fn send(&mut self, mut text: String, body: &str) {
        if !body.is_empty() && !text.contains("\r\nContent-Type:") {
            text.push_str("Content-Type: application/sdp\r\n");
        }
        text.extend([format!("Content-Length: {}\r\n\r\n{body}", body.len())]);
        self.link.write_all(text.as_bytes()).await.unwrap();
    }

    /// Whether the phone has ended the connection, whatever it says before that.
    pub(crate) async fn is_closed(&mut self) -> bool {
        let mut buf = vec![0; 8192];
        loop {
            match tokio::time::timeout(Duration::from_secs(1), self.link.read(&mut buf)).await {
                Ok(Ok(0) | Err(_)) => return true,
                Ok(Ok(_)) => {}
                Err(_) => return false,
            }
        }
    }

    /// Ends the connection.
    pub(crate) async fn close(mut self) {
        self.link.shutdown().await.unwrap();
    }
}

/// From, To and Call-ID of CUCM's requests in one dialog.
#[derive(Debug, Clone)]
pub(crate) struct Legs {
    pub(crate) call_id: String,
    pub(crate) from: String,
    pub(crate) to: String,
}

impl Legs {
    /// The dialog of an INVITE that CUCM sends.
    pub(crate) fn new(call_id: &str, from: &str) -> Self {
        Self {
            call_id: call_id.to_owned(),
            from: format!("{from};tag=cucm-{call_id}"),
            to: format!("<sip:1001@{CUCM}>"),
        }
    }

    /// The dialog of an INVITE that the phone sent.
    pub(crate) fn of_call_from(invite: &Message) -> Self {
        let [call_id, from, to] = ["Call-ID", "From", "To"].map(|name| invite.header(name).unwrap().into_owned());
        Self { call_id, from: format!("{to};tag=104951~cucm"), to: from }
    }

    /// With the tag that the phone chose.
    pub(crate) fn answered(&self, response: &Message) -> Self {
        Self { to: response.header("To").unwrap().into_owned(), ..self.clone() }
    }
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}
