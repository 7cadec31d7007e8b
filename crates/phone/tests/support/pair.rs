//! Two registered phones with CUCM's end of each, and a port of a recorder.

use std::net::SocketAddr;
use std::time::Duration;

use media::ledger::{Ledger, Leg};
use media::rtp::Packet;
use media::sdp::{Audio, Sdp};
use media::srtp::{Context, MasterKey, OVERHEAD, Suite};
use phone::{Fault, FirstPacket, Phone, PhoneState, boot};
use sip::Message;
use trust::phone_config::DeviceSecurityMode::{Encrypted, NonSecure};
use wire::{MediaSocket, Net};

use super::{AGENT, CUSTOMER, Cluster, Legs, Peer, ip};

pub(crate) const WAIT: Duration = Duration::from_secs(10);
pub(crate) const LINE_INFO: &str =
    "Call-Info: <urn:x-cisco-remotecc:callinfo>; security= Encrypted; orientation= to; gci= 1-2029; isVoip\r\n";
pub(crate) const RECORD_INFO: &str = "Call-Info: <urn:x-cisco-remotecc:callinfo>; isVoip; record-invoker=auto\r\n";

/// Two phones that are registered, and CUCM's end of each.
pub(crate) struct Pair {
    pub(crate) net: Net,
    pub(crate) agent: Phone,
    pub(crate) customer: Phone,
    pub(crate) to_agent: Peer,
    pub(crate) to_customer: Peer,
    /// The INVITE of the customer's call.
    dialled: Option<Message>,
}

impl Pair {
    pub(crate) async fn new(net: &Net, is_secure: bool, faults: &[Fault]) -> Self {
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
        config.first = FirstPacket { sequence: Some(65_530), ..FirstPacket::default() };
        let (agent, to_agent) = tokio::join!(boot(net.clone(), config, 3), cluster.registered());
        let (customer, to_customer) =
            tokio::join!(boot(net.clone(), cluster.config(CUSTOMER, tftp, 2), 4), cluster.registered());
        Self {
            net: net.clone(),
            agent: agent.unwrap(),
            customer: customer.unwrap(),
            to_agent,
            to_customer,
            dialled: None,
        }
    }

    /// The customer calls the agent, who answers. `nth` line of both offers is chosen. Gives CUCM's dialogs with agent and customer.
    pub(crate) async fn connect(&mut self, nth: usize) -> (Legs, Message) {
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
        self.dialled = Some(invite);
        (leg, ok)
    }

    /// CUCM's dialog with the customer.
    pub(crate) fn customers(&self) -> Legs {
        Legs::of_call_from(self.dialled.as_ref().unwrap())
    }

    /// Has one voice of the agent's call forked to a recorder of ours.
    pub(crate) async fn fork(&mut self, leg: Leg, main: &Legs, suite: Option<Suite>) -> (Legs, Recorder) {
        self.fork_again(leg, main, suite, "").await
    }

    /// The same under another Call-ID.
    pub(crate) async fn fork_again(
        &mut self,
        leg: Leg,
        main: &Legs,
        suite: Option<Suite>,
        again: &str,
    ) -> (Legs, Recorder) {
        let name = if leg == Leg::Near { "near" } else { "far" };
        let dialog = Legs::new(&format!("{name}{again}"), "\"Call Manager\" <sip:127.0.0.5>");
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

    pub(crate) async fn say_bye(&mut self, dialog: &Legs) {
        self.to_agent.request("BYE", dialog, 103, "Reason: Q.850;cause=16\r\n", "").await;
        self.to_agent.expect("SIP/2.0 200").await;
    }

    /// Switches both phones off; CUCM lets them go. The ledger of the agent, then of the customer.
    pub(crate) async fn finish(self) -> (Ledger, Ledger) {
        self.finish_after(1).await
    }

    /// The same after so many calls of the agent.
    pub(crate) async fn finish_after(mut self, calls: u32) -> (Ledger, Ledger) {
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
        for (summary, calls) in [(&a, calls), (&c, 1)] {
            assert_eq!((summary.calls, summary.open_call, summary.open_bridges), (calls, false, 0), "{summary:?}");
            assert!(summary.problems.is_empty(), "{summary:?}");
        }
        (agent, customer)
    }
}

/// The description of a phone's offer as CUCM hands it to the other side: one codec, one key, the phone's own address.
pub(crate) fn copied(offer: &Message, nth: usize) -> String {
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

pub(crate) fn audio(message: &Message) -> Audio {
    Sdp::parse(message.body()).unwrap().audio().unwrap()
}

/// One port of a recorder with the key that the phone offered for it.
pub(crate) struct Recorder {
    pub(crate) socket: MediaSocket,
    pub(crate) context: Option<Context>,
    pub(crate) offered: Option<[u8; 32]>,
    pub(crate) source: SocketAddr,
}

impl Recorder {
    pub(crate) fn new(net: &Net, offer: &Message, suite: Option<Suite>) -> (Self, String) {
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
    pub(crate) fn drain(&mut self) -> (Vec<Vec<u8>>, usize) {
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
