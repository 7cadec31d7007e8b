//! A whole encrypted call between two phones, recorded by the agent's built-in bridge. CUCM is raw text in the test: it copies keys and
//! ports from one description into the other, as a B2BUA does.
#![expect(clippy::unwrap_used, reason = "a step that fails ends its test")]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use media::ledger::{Ledger, Leg, Nature, Stream, StreamKind};
use media::rtp::Packet;
use media::sdp::{Audio, Sdp};
use media::srtp::{Context, MasterKey, OVERHEAD, Suite};
use phone::{CommandError, Fault, FirstPacket, Phone, PhoneEvent, PhoneState, boot};
use sip::Message;
use support::{AGENT, CUSTOMER, Cluster, Legs, Peer, ip, on_both, on_sim};
use trust::phone_config::DeviceSecurityMode::{Encrypted, NonSecure};
use wire::{MediaSocket, Net};

const WAIT: Duration = Duration::from_secs(10);
const LINE_INFO: &str =
    "Call-Info: <urn:x-cisco-remotecc:callinfo>; security= Encrypted; orientation= to; gci= 1-2029; isVoip\r\n";
const RECORD_INFO: &str = "Call-Info: <urn:x-cisco-remotecc:callinfo>; isVoip; record-invoker=auto\r\n";

/// Two phones that are registered, and CUCM's end of each.
struct Pair {
    net: Net,
    agent: Phone,
    customer: Phone,
    to_agent: Peer,
    to_customer: Peer,
}

impl Pair {
    async fn new(net: &Net, is_secure: bool, faults: &[Fault]) -> Self {
        let mut cluster = Cluster::new(net, is_secure).await;
        let mode = if is_secure { Encrypted } else { NonSecure };
        cluster.add_phone(AGENT, "1001", mode);
        cluster.add_phone(CUSTOMER, "1000", mode);
        if is_secure {
            cluster.add_list("CTLFile.tlv", &cluster.publisher.clone());
        }
        let tftp = cluster.tftp().await;
        let mut config = cluster.config(AGENT, tftp, 1);
        config.faults = faults.to_vec();
        config.first = FirstPacket { sequence: Some(65_530), roll_over: 0 };
        let (agent, to_agent) = tokio::join!(boot(net.clone(), config, 3), cluster.registered());
        let (customer, to_customer) =
            tokio::join!(boot(net.clone(), cluster.config(CUSTOMER, tftp, 2), 4), cluster.registered());
        Self { net: net.clone(), agent: agent.unwrap(), customer: customer.unwrap(), to_agent, to_customer }
    }

    /// The customer calls the agent, who answers. `nth` line of both offers is chosen. Gives CUCM's dialogs with agent and customer.
    async fn connect(&mut self, nth: usize) -> (Legs, Message) {
        self.customer.dial("1001").await.unwrap();
        let invite = self.to_customer.expect("INVITE sip:1001@").await;
        self.to_customer.respond(&invite, "100 Trying", "", "").await;
        let leg = Legs::new("main", "\"User 1000\" <sip:1000@127.0.0.5>");
        let info = LINE_INFO.replace("Encrypted", "Unknown");
        self.to_agent.request("INVITE", &leg, 101, &info, "").await;
        let ringing = self.to_agent.expect("SIP/2.0 180").await;
        assert_eq!(ringing.header("Server").unwrap(), "Cisco-CP8841/12.8.1");
        self.agent.wait_for(PhoneState::Ringing, WAIT).await.unwrap();
        let contact = "Contact: <sip:1001@127.0.0.5:5061;transport=tls>\r\n";
        self.to_customer.respond(&invite, "180 Ringing", contact, "").await;
        self.customer.wait_for(PhoneState::RingingBack, WAIT).await.unwrap();
        self.agent.answer().await.unwrap();
        let ok = self.to_agent.expect("SIP/2.0 200").await;
        let leg = leg.answered(&ok);
        self.to_agent.request("ACK", &leg, 101, "", &copied(&invite, nth)).await;
        self.to_customer.respond(&invite, "200 OK", &format!("{contact}{LINE_INFO}"), &copied(&ok, nth)).await;
        self.to_customer.expect("ACK").await;
        self.agent.wait_for(PhoneState::Connected, WAIT).await.unwrap();
        self.customer.wait_for(PhoneState::Connected, WAIT).await.unwrap();
        (leg, ok)
    }

    /// Has one voice of the agent's call forked to a recorder of ours.
    async fn fork(&mut self, leg: Leg, main: &Legs, suite: Option<Suite>) -> (Legs, Recorder) {
        let name = if leg == Leg::Near { "near" } else { "far" };
        let dialog = Legs::new(name, "\"Call Manager\" <sip:127.0.0.5>");
        let (tag, cucm) = (main.to.split_once(";tag=").unwrap().1, main.from.split_once(";tag=").unwrap().1);
        let join = format!("Join: {};from-tag={tag};to-tag={cucm}\r\n", main.call_id);
        let sdp = format!(
            "v=0\r\no=CiscoSystemsCCM-SIP 1 1 IN IP4 127.0.0.5\r\ns=SIP Call\r\nc=IN IP4 127.0.0.5\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na=label:X-relay-{name}end\r\na=rtpmap:0 PCMU/8000\r\na=inactive\r\na=mid:1\r\n"
        );
        self.to_agent.request("INVITE", &dialog, 101, &format!("{RECORD_INFO}{join}"), &sdp).await;
        let ok = self.to_agent.expect("SIP/2.0 200").await;
        assert!(String::from_utf8_lossy(ok.body()).contains("a=inactive"));
        let dialog = dialog.answered(&ok);
        self.to_agent.request("ACK", &dialog, 101, "", "").await;
        self.to_agent.request("INVITE", &dialog, 102, RECORD_INFO, "").await;
        let ok = self.to_agent.expect("SIP/2.0 200").await;
        let (recorder, answer) = Recorder::new(&self.net, &ok, suite);
        self.to_agent.request("ACK", &dialog, 102, "", &answer).await;
        (dialog, recorder)
    }

    async fn say_bye(&mut self, dialog: &Legs) {
        self.to_agent.request("BYE", dialog, 103, "Reason: Q.850;cause=16\r\n", "").await;
        self.to_agent.expect("SIP/2.0 200").await;
    }

    /// Switches both phones off; CUCM lets them go. The ledger of the agent, then of the customer.
    async fn finish(mut self) -> (Ledger, Ledger) {
        let (agent, _) = tokio::join!(self.agent.finish(), async {
            let last = self.to_agent.expect("REGISTER").await;
            assert_eq!(last.header("Expires").unwrap(), "0");
            self.to_agent.respond(&last, "200 OK", "", "").await;
        });
        let (customer, _) = tokio::join!(self.customer.finish(), async {
            let last = self.to_customer.expect("REGISTER").await;
            self.to_customer.respond(&last, "200 OK", "", "").await;
        });
        let ((agent, a), (customer, c)) = (agent.unwrap(), customer.unwrap());
        for summary in [&a, &c] {
            assert_eq!((summary.calls, summary.open_call, summary.open_bridges), (1, false, 0), "{summary:?}");
            assert!(summary.problems.is_empty(), "{summary:?}");
        }
        (agent, customer)
    }
}

/// The description of a phone's offer as CUCM hands it to the other side: one codec, one key, the phone's own address.
fn copied(offer: &Message, nth: usize) -> String {
    let audio = audio(offer);
    let text = String::from_utf8_lossy(offer.body()).into_owned();
    let crypto = text.lines().filter(|line| line.starts_with("a=crypto:")).nth(nth);
    let (profile, crypto) = crypto.map_or(("RTP/AVP", String::new()), |line| ("RTP/SAVP", format!("{line}\r\n")));
    format!(
        "v=0\r\no=CiscoSystemsCCM-SIP 7 1 IN IP4 127.0.0.5\r\ns=SIP Call\r\nc=IN IP4 {}\r\nt=0 0\r\nm=audio {} {profile} 0 101\r\n{crypto}\
         a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n",
        audio.address, audio.port
    )
}

fn audio(message: &Message) -> Audio {
    Sdp::parse(message.body()).unwrap().audio().unwrap()
}

/// One port of a recorder with the key that the phone offered for it.
struct Recorder {
    socket: MediaSocket,
    context: Option<Context>,
    offered: Option<[u8; 32]>,
    source: SocketAddr,
}

impl Recorder {
    fn new(net: &Net, offer: &Message, suite: Option<Suite>) -> (Self, String) {
        let audio = audio(offer);
        let socket = net.media(SocketAddr::new(ip("127.0.0.8"), 0)).unwrap();
        let line = suite.map(|suite| audio.crypto.iter().find(|line| line.known_suite() == Some(suite)).unwrap());
        let (profile, crypto) = line.map_or(("RTP/AVP", String::new()), |line| {
            let own =
                MasterKey::from_bytes(suite.unwrap(), &vec![7; suite.unwrap().key_len() + suite.unwrap().salt_len()])
                    .unwrap();
            ("RTP/SAVP", format!("a=crypto:{} {} inline:{}\r\n", line.tag, suite.unwrap().name(), own.to_inline()))
        });
        let answer = format!(
            "v=0\r\no=CiscoSystemsCCM-SIP 9 3 IN IP4 127.0.0.5\r\ns=SIP Call\r\nc=IN IP4 127.0.0.8\r\nb=TIAS:64000\r\nb=AS:64\r\nt=0 0\r\n\
             m=audio {} {profile} 0\r\nb=TIAS:64000\r\n{crypto}a=rtpmap:0 PCMU/8000\r\na=recvonly\r\n",
            socket.local_addr().port()
        );
        let context = line.map(|line| line.context().unwrap());
        let offered = line.map(|line| line.master_key().unwrap().fingerprint());
        (Self { socket, context, offered, source: SocketAddr::new(audio.address, audio.port) }, answer)
    }

    /// All payloads that could be opened, and how many packets could not.
    fn drain(&mut self) -> (Vec<Vec<u8>>, usize) {
        let (mut payloads, mut refused, mut buf) = (Vec::new(), 0, [0; 1500 + OVERHEAD]);
        while let Some((len, from)) = self.socket.try_recv(&mut buf) {
            let opened = self.context.as_mut().map_or(Ok(len), |context| context.unprotect(&mut buf, len));
            match opened {
                Ok(len) if from == self.source => payloads.push(Packet::parse(&buf[..len]).unwrap().payload().to_vec()),
                _ => refused += 1,
            }
        }
        (payloads, refused)
    }
}

fn stream(ledger: &Ledger, kind: StreamKind) -> &Stream {
    let found: Vec<_> = ledger.streams.iter().filter(|stream| stream.kind == kind).collect();
    assert_eq!(found.len(), 1, "{:?}", ledger.streams);
    found[0]
}

fn said(stream: &Stream) -> Vec<Vec<u8>> {
    stream.rows.iter().filter(|row| row.nature == Nature::Genuine).map(|row| stream.payload(row).to_vec()).collect()
}

/// Records a call of `time` and checks that the recorder got the truth.
async fn recorded(net: Net, suite: Option<Suite>, time: Duration, faults: &[Fault]) {
    let mut pair = Pair::new(&net, suite.is_some(), faults).await;
    let nth = Suite::ALL.iter().position(|known| Some(*known) == suite).unwrap_or(0);
    let (main, _) = pair.connect(nth).await;
    let status = pair.customer.status();
    assert_eq!(status.secured, suite.is_some());
    let (near_dialog, mut near_tap) = pair.fork(Leg::Near, &main, suite).await;
    let (far_dialog, mut far_tap) = pair.fork(Leg::Far, &main, suite).await;
    pair.agent.wait_for(PhoneState::Recorded, WAIT).await.unwrap();
    net.clock().sleep(time).await;
    pair.say_bye(&near_dialog).await;
    pair.say_bye(&far_dialog).await;
    pair.agent.wait_for(PhoneState::NotRecorded, WAIT).await.unwrap();
    net.clock().sleep(Duration::from_millis(50)).await;
    let (near_got, far_got) = (near_tap.drain(), far_tap.drain());
    // The agent hangs up.
    pair.agent.hang_up().await.unwrap();
    let bye = pair.to_agent.expect("BYE").await;
    pair.to_agent.respond(&bye, "200 OK", "", "").await;
    pair.customer.hang_up().await.unwrap();
    let bye = pair.to_customer.expect("BYE").await;
    pair.to_customer.respond(&bye, "200 OK", "", "").await;
    pair.agent.wait_for(PhoneState::Idle, WAIT).await.unwrap();
    let forks: Vec<_> =
        pair.agent.drain_events().into_iter().filter(|event| matches!(event, PhoneEvent::ForkStopped { .. })).collect();
    assert_eq!(forks.len(), 2);
    let (agent, customer) = pair.finish().await;
    let (near, far) = (stream(&agent, StreamKind::Bridge(Leg::Near)), stream(&agent, StreamKind::Bridge(Leg::Far)));
    let ticks = time.as_millis() as usize / 20;
    assert!(
        near.rows.len() + 3 > ticks && far.rows.len() + 6 > ticks,
        "{} {} of {ticks}",
        near.rows.len(),
        far.rows.len()
    );
    assert_eq!(near_got.0, said(near));
    assert_eq!(far_got.0, said(far));
    let false_rows = |stream: &Stream| stream.rows.iter().filter(|row| row.nature != Nature::Genuine).count();
    assert_eq!((near_got.1, far_got.1), (false_rows(near), false_rows(far)));
    // The near leg is what the agent said to the customer, the far leg what the customer said.
    let (voice, other) = (said(stream(&agent, StreamKind::Voice)), said(stream(&customer, StreamKind::Voice)));
    assert!(said(near).iter().all(|frame| voice.contains(frame)));
    assert!(said(far).iter().all(|frame| other.contains(frame)));
    assert_eq!((near.key_fingerprint, far.key_fingerprint), (near_tap.offered, far_tap.offered));
    assert_eq!((near.dialog.as_str(), far.dialog.as_str(), near.main_dialog.as_str()), ("near", "far", "main"));
    assert_eq!((near.rows[0].sequence, near.source, near.suite), (65_530, near_tap.source, suite));
}

#[test]
fn an_encrypted_call_is_forked_as_it_was_spoken_in_every_suite() {
    for suite in Suite::ALL {
        on_sim(|net| recorded(net, Some(suite), Duration::from_secs(20), &[]));
    }
}

#[test]
fn a_call_in_clear_is_forked_as_it_was_spoken() {
    on_sim(|net| recorded(net, None, Duration::from_secs(20), &[]));
}

#[test]
fn a_call_on_real_sockets_is_forked_as_it_was_spoken() {
    on_both(|net| recorded(net, Some(Suite::AeadAes256Gcm), Duration::from_secs(2), &[]));
}

#[test]
fn a_bridge_that_misbehaves_is_written_down_as_it_misbehaves() {
    let faults = [
        Fault::Replay { leg: Leg::Near, every: 7, back: 2 },
        Fault::BadTag { leg: Leg::Near, every: 11 },
        Fault::Forge { leg: Leg::Far, times: 2 },
        Fault::Plain { leg: Leg::Far, instead: false },
    ];
    on_sim(
        |net| async move { recorded(net, Some(Suite::AesCm128HmacSha1_80), Duration::from_secs(10), &faults).await },
    );
}

#[test]
fn commands_that_do_not_fit_are_refused() {
    on_sim(|net| async move {
        let mut pair = Pair::new(&net, false, &[]).await;
        assert_eq!(pair.agent.answer().await, Err(CommandError::NothingRinging));
        assert_eq!(pair.agent.hang_up().await, Err(CommandError::NoCall));
        assert_eq!(pair.agent.resume().await, Err(CommandError::NoCall));
        pair.connect(0).await;
        assert_eq!(pair.agent.dial("1").await, Err(CommandError::Busy));
        let error = pair.agent.wait_for(PhoneState::Idle, Duration::from_millis(100)).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "SEP6C416A369525 was not idle within 100ms: got call Connected, other call Idle, registered true, 0 bridge streams, 0 bridge dialogs"
        );
    });
}

#[test]
fn a_phone_switched_off_in_a_call_says_so() {
    on_sim(|net| async move {
        let mut pair = Pair::new(&net, false, &[]).await;
        pair.connect(0).await;
        let (done, ()) = tokio::join!(pair.agent.finish(), async {
            let bye = pair.to_agent.expect("BYE").await;
            pair.to_agent.respond(&bye, "200 OK", "", "").await;
            let last = pair.to_agent.expect("REGISTER").await;
            pair.to_agent.respond(&last, "200 OK", "", "").await;
        });
        let (ledger, summary) = done.unwrap();
        assert!(summary.open_call);
        assert_eq!(ledger.streams.len(), 1);
    });
}

#[test]
fn the_same_seed_says_the_same_and_another_one_does_not() {
    let run = |seed: u64| {
        let out = std::sync::Mutex::new(String::new());
        on_sim(|net| {
            let out = &out;
            async move {
                let mut cluster = Cluster::new(&net, false).await;
                cluster.add_phone(AGENT, "1001", NonSecure);
                let config = cluster.config(AGENT, cluster.tftp().await, 1);
                let (_phone, register) = tokio::join!(boot(net.clone(), config, seed), async {
                    let mut peer = cluster.accept().await;
                    let register = peer.expect("REGISTER").await;
                    peer.respond(&register, "200 OK", "", "").await;
                    register
                });
                *out.lock().unwrap() = String::from_utf8_lossy(register.as_bytes()).into_owned();
            }
        });
        out.into_inner().unwrap()
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
}
