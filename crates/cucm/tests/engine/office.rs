//! Phones and a recorder that answer by themselves, so that a test only says what the users do.

use std::collections::{BTreeMap, BTreeSet};

use cucm::config::*;
use cucm::{Conferenced, CucmEvent, RecordingStarted};
use media::sdp::Audio;
use media::srtp::Suite;
use sip::{FlowId, Message};

use crate::bench::*;

/// What the recorder offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recorder {
    Srtp { falls_back: bool },
    Rtp,
}

const PHONES: [(FlowId, &str); 4] = [(CALLER, "1000"), (AGENT, "1001"), (EXPERT, "1002"), (DEPUTY, "1003")];

/// Phones and recorder that answer by themselves.
pub(crate) struct Office {
    pub(crate) bench: Bench,
    /// What each dialog of a phone was told last about its media.
    pub(crate) told: BTreeMap<String, Audio>,
    /// The last request with a body or without that each dialog was sent, to write requests in it.
    pub(crate) about: BTreeMap<String, Message>,
    cseq: u32,
    /// Requests that were sent to phones within calls.
    pub(crate) asked: Vec<(FlowId, Message)>,
    pub(crate) to_recorder: Vec<Message>,
    /// Requests that open a dialog, to whomever.
    pub(crate) opening: Vec<Message>,
    /// Phones that may use SRTP.
    secured: BTreeSet<FlowId>,
    pub(crate) recorder: Recorder,
    /// A phone that lets new calls ring.
    pub(crate) silent: Option<FlowId>,
    /// Final answers that phones got.
    pub(crate) answers: Vec<u16>,
    /// The Call-ID of the last INVITE with `Join`.
    joined: String,
    ringing: Option<Message>,
}

fn call_id(message: &Message) -> String {
    message.header("Call-ID").unwrap().into_owned()
}

impl Office {
    pub(crate) fn new(config: Config) -> Self {
        let encrypted = |phone: &PhoneDevice| config.security_mode_of(phone) == DeviceSecurityMode::Encrypted;
        let secured =
            PHONES.iter().zip(&config.phones).filter(|(_, phone)| encrypted(phone)).map(|((flow, _), _)| *flow);
        let secured: BTreeSet<FlowId> = secured.collect();
        let recorder = if secured.is_empty() { Recorder::Rtp } else { Recorder::Srtp { falls_back: true } };
        Self {
            bench: Bench::ready(config),
            told: BTreeMap::new(),
            about: BTreeMap::new(),
            cseq: 200,
            asked: Vec::new(),
            to_recorder: Vec::new(),
            opening: Vec::new(),
            secured,
            recorder,
            silent: None,
            answers: Vec::new(),
            joined: String::new(),
            ringing: None,
        }
    }

    fn sdp(&self, flow: FlowId, direction: &str) -> Sdp {
        let sdp = Sdp::new(&format!("10.48.38.{}", 100 + flow.0), 30_000).direction(direction);
        if !self.secured.contains(&flow) {
            return sdp;
        }
        sdp.suites(&[Suite::AeadAes256Gcm, Suite::AesCm128HmacSha1_80], flow.0)
    }

    /// Everybody answers until nothing is sent for a second.
    pub(crate) fn settle(&mut self) {
        for _ in 0..200 {
            self.serve();
            self.bench.wait(5);
        }
        self.serve();
    }

    fn serve(&mut self) {
        loop {
            if !self.bench.connects.is_empty() {
                self.bench.connected(RECORDER);
            }
            let Some((flow, message)) = self.bench.sent.pop_front() else { return };
            if message.method().is_some() && message.to().is_ok_and(|to| to.tag().is_none()) {
                self.opening.push(message.clone());
            }
            match message.method() {
                None => self.on_answer(flow, &message),
                Some(_) if flow == RECORDER || message.header("From").unwrap().contains("Call Manager") => {
                    self.on_recording(flow, &message);
                }
                Some("ACK") => self.learn(&message),
                Some("INVITE") => self.on_invite(flow, message),
                Some("CANCEL") => {
                    self.bench.answer(flow, &message, 200, "silent", "", None);
                    if let Some(invite) = self.ringing.take() {
                        self.bench.answer(flow, &invite, 487, "silent", "", None);
                    }
                }
                Some(_) => {
                    self.bench.answer(flow, &message, 200, "x", "", None);
                    self.asked.push((flow, message));
                }
            }
        }
    }

    fn learn(&mut self, message: &Message) {
        if !message.body().is_empty() {
            self.told.insert(call_id(message), audio(message));
        }
    }

    fn on_answer(&mut self, flow: FlowId, answer: &Message) {
        let is_ok = answer.status() == Some(200);
        self.answers.extend(answer.status().filter(|status| *status >= 200));
        if is_ok && answer.header("CSeq").unwrap().ends_with("INVITE") {
            self.learn(answer);
            self.about.insert(call_id(answer), answer.clone());
            let cseq = answer.cseq().unwrap().number;
            // Whose dialog it is shows in the phone's tag: it is always From of its own requests.
            let from = answer.header("From").unwrap().into_owned();
            let to = answer.header("To").unwrap().into_owned();
            let branch = self.bench.new_branch();
            let ack = sip::Builder::request("ACK", "sip:10.48.38.5")
                .header("Via", format_args!("SIP/2.0/TCP 10.48.38.9:5000;branch={branch}"))
                .header("From", from)
                .header("To", to)
                .header("Call-ID", call_id(answer))
                .header("CSeq", format_args!("{cseq} ACK"))
                .finish();
            self.bench.give(flow, ack);
        }
    }

    fn on_invite(&mut self, flow: FlowId, invite: Message) {
        if self.silent == Some(flow) && !invite.header("To").unwrap().contains(";tag=") {
            self.bench.answer(flow, &invite, 180, "silent", "", None);
            self.ringing = Some(invite);
            return;
        }
        let direction = if invite.body().is_empty() { "sendrecv" } else { "inactive" };
        let contact = format!("Contact: <sip:line@10.48.38.{}:50000;transport=tcp>\n{FALLBACK}", 100 + flow.0);
        let sdp = self.sdp(flow, direction).text();
        self.learn(&invite);
        let tag = format!("tag{}", flow.0);
        self.bench.answer(flow, &invite, 200, &tag, &contact, Some(&sdp));
        self.about.entry(call_id(&invite)).or_insert_with(|| {
            // As this phone will know it: with the tag that it has just given.
            let to = format!("{};tag={tag}", invite.header("To").unwrap());
            sip::Builder::request("INVITE", "sip:x")
                .header("From", invite.header("From").unwrap())
                .header("To", to)
                .header("Call-ID", call_id(&invite))
                .finish()
        });
        self.asked.push((flow, invite));
    }

    fn on_recording(&mut self, flow: FlowId, request: &Message) {
        self.bench.automatic += 1;
        let address = format!("10.48.38.{}", 100 + flow.0);
        let port = 20_000 + 2 * self.bench.automatic;
        let mut sdp = Sdp::new(&address, port).formats("0 101");
        let (has_srtp, falls_back) = match self.recorder {
            _ if flow != RECORDER => (self.secured.contains(&flow), true),
            Recorder::Srtp { falls_back } => (true, falls_back),
            Recorder::Rtp => (false, true),
        };
        if has_srtp {
            sdp = sdp.suites(&[Suite::AeadAes256Gcm], u64::from(port));
        }
        let fallback = if falls_back { FALLBACK } else { "Supported: timer" };
        let contact = format!("Contact: <sip:line@{address}:50000;transport=tcp>\n{fallback}");
        let tag = format!("auto{}", call_id(request));
        if flow == RECORDER {
            self.to_recorder.push(request.clone());
            sdp = sdp.direction("recvonly");
        }
        match request.method().unwrap() {
            "INVITE" => self.bench.answer(flow, request, 200, &tag, &contact, Some(&sdp.text())),
            "ACK" => self.learn(request),
            _ => self.bench.answer(flow, request, 200, "x", "", None),
        }
    }

    /// A call from one phone to another, which answers; gives its Call-IDs at both.
    pub(crate) fn call(&mut self, from: FlowId, to: FlowId) -> (String, String) {
        let number = |flow: FlowId| PHONES.iter().find(|(known, _)| *known == flow).unwrap().1;
        let offer = self.sdp(from, "sendrecv");
        let invite = self.bench.dial(from, number(from), number(to), &offer).unwrap();
        let theirs = call_id(&invite);
        self.on_invite(to, invite);
        // The first ACK needs no re-INVITE's CSeq.
        let at =
            self.bench.sent.iter().position(|(flow, message)| *flow == from && message.status() == Some(200)).unwrap();
        let own = call_id(&self.bench.sent[at].1);
        self.settle();
        (own, theirs)
    }

    /// A number is dialled that no phone rings for; gives the Call-ID.
    pub(crate) fn dial(&mut self, from: FlowId, to: &str) -> String {
        let number = PHONES.iter().find(|(known, _)| *known == from).unwrap().1;
        let offer = self.sdp(from, "sendrecv");
        assert_eq!(self.bench.dial(from, number, to, &offer), None);
        let dialog = format!("call-{}", self.bench.last_branch());
        self.settle();
        dialog
    }

    pub(crate) fn request(&mut self, flow: FlowId, dialog: &str, method: &str, sdp: Option<&str>) {
        self.cseq += 1;
        let about = self.about[dialog].clone();
        self.bench.in_dialog(flow, method, &about, self.cseq, sdp);
    }

    pub(crate) fn hold(&mut self, flow: FlowId, dialog: &str) {
        let sdp = self.sdp(flow, "sendonly").text();
        self.request(flow, dialog, "INVITE", Some(&sdp));
        self.settle();
    }

    pub(crate) fn resume(&mut self, flow: FlowId, dialog: &str) {
        let sdp = self.sdp(flow, "sendrecv").text();
        self.request(flow, dialog, "INVITE", Some(&sdp));
        self.settle();
    }

    pub(crate) fn hang_up(&mut self, flow: FlowId, dialog: &str) {
        self.request(flow, dialog, "BYE", None);
        self.settle();
    }

    /// A dialog as this phone names it in XML.
    fn name(&self, element: &str, dialog: &str) -> String {
        let about = &self.about[dialog];
        let tag = |name: &str| about.header(name).unwrap().split(";tag=").nth(1).unwrap().to_owned();
        let (local, remote) = if about.is_request() { ("To", "From") } else { ("From", "To") };
        format!(
            "<{element}><callid>{dialog}</callid><localtag>{}</localtag><remotetag>{}</remotetag></{element}>",
            tag(local),
            tag(remote)
        )
    }

    /// *Confrn* pressed for the second time; gives the answer.
    pub(crate) fn press(&mut self, flow: FlowId, first: &str, consult: &str) -> u16 {
        let body = format!(
            "<x-cisco-remotecc-request><softkeyeventmsg><softkeyevent>Conference</softkeyevent>{}{}</softkeyeventmsg>\
             </x-cisco-remotecc-request>",
            self.name("dialogid", first),
            self.name("consultdialogid", consult)
        );
        let branch = self.bench.new_branch();
        let refer = sip::Builder::request("REFER", "sip:10.48.38.5")
            .header("Via", format_args!("SIP/2.0/TCP 10.48.38.9:5000;branch={branch}"))
            .header("From", "<sip:line@10.48.38.5>;tag=key")
            .header("To", "<sip:10.48.38.5>")
            .header("Call-ID", format_args!("key-{branch}"))
            .header("CSeq", "1000 REFER")
            .body("application/x-cisco-remotecc-request+xml", body.as_bytes())
            .finish();
        self.bench.give(flow, refer);
        let answer = self.bench.expect_answer(flow);
        self.settle();
        answer
    }

    /// `barge` or `cbarge`: a phone joins a call of another one by its dialog; gives the status of the answer.
    pub(crate) fn try_join(&mut self, flow: FlowId, line: &str, dialog: &str, softkey: &str) -> u16 {
        let about = &self.about[dialog];
        let tag = |name: &str| about.header(name).unwrap().split(";tag=").nth(1).unwrap().to_owned();
        let (local, remote) = if about.is_request() { ("To", "From") } else { ("From", "To") };
        let join = format!("{dialog};to-tag={};from-tag={}", tag(remote), tag(local));
        let branch = self.bench.new_branch();
        let sdp = self.sdp(flow, "sendrecv").text();
        self.joined = format!("join-{branch}");
        let invite = sip::Builder::request("INVITE", &format!("sip:{line}@10.48.38.5"))
            .header("Via", format_args!("SIP/2.0/TCP 10.48.38.9:5000;branch={branch}"))
            .header("From", format_args!("<sip:{line}@10.48.38.5>;tag={}", self.joined))
            .header("To", format_args!("<sip:{line}@10.48.38.5>"))
            .header("Call-ID", &self.joined)
            .header("CSeq", "101 INVITE")
            .header("Call-Info", format_args!("<urn:x-cisco-remotecc:{softkey}>"))
            .header("Join", join)
            .header("Contact", format_args!("<sip:line@10.48.38.{}:50000;transport=tcp>", 100 + flow.0))
            .header("Supported", "X-cisco-srtp-fallback")
            .body("application/sdp", sdp.as_bytes())
            .finish();
        self.bench.give(flow, invite);
        self.bench.expect(flow, "100");
        self.settle();
        self.answers.pop().unwrap_or_default()
    }

    /// The same, which must be taken; gives the Call-ID.
    pub(crate) fn join(&mut self, flow: FlowId, line: &str, dialog: &str, softkey: &str) -> String {
        assert_eq!(self.try_join(flow, line, dialog, softkey), 200);
        self.joined.clone()
    }

    /// A conference of caller, agent and expert that the agent made; gives its dialogs: caller's, agent's, expert's.
    pub(crate) fn conference(&mut self) -> [String; 3] {
        let (caller, agent) = self.call(CALLER, AGENT);
        self.hold(AGENT, &agent);
        let (consult, expert) = self.call(AGENT, EXPERT);
        assert_eq!(self.press(AGENT, &agent, &consult), 202);
        [caller, agent, expert]
    }

    pub(crate) fn started(&self) -> Vec<RecordingStarted> {
        let pick = |event: &CucmEvent| match event {
            CucmEvent::RecordingStarted(started) => Some((**started).clone()),
            _ => None,
        };
        self.bench.events.iter().filter_map(pick).collect()
    }

    pub(crate) fn conferenced(&self) -> Vec<Conferenced> {
        let pick = |event: &CucmEvent| match event {
            CucmEvent::Conferenced(conferenced) => Some((**conferenced).clone()),
            _ => None,
        };
        self.bench.events.iter().filter_map(pick).collect()
    }

    pub(crate) fn count(&self, event: &str) -> usize {
        self.bench.told().iter().filter(|told| *told == event).count()
    }

    /// The dialogs that the bridge is connected with.
    pub(crate) fn mixed(&self) -> Vec<String> {
        let mut dialogs: Vec<_> = self.bench.mixed.values().map(|(_, terms)| terms.stream.dialog.clone()).collect();
        dialogs.sort();
        dialogs
    }

    pub(crate) fn finish(mut self) {
        self.settle();
        assert!(self.bench.engine.is_idle() && self.bench.mixed.is_empty() && self.bench.music.is_empty());
        assert_eq!(self.bench.ports.len(), 4, "all ports of conferences are closed again");
        self.bench.finish();
    }
}
