//! Recordings: the agent's bridge and the recorder.

use cucm::CucmEvent;
use sip::Message;

use super::{AGENT, Bench, FALLBACK, RECORDER, Sdp};

impl Bench {
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
}
