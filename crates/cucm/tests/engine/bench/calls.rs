//! Phones that register, call, answer and talk.

use cucm::config::*;
use media::sdp::Direction;
use sip::{FlowId, Message, Transport};

use super::{AGENT, Bench, CALLER, DEPUTY, EXPERT, FALLBACK, Sdp, audio, identity};

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
