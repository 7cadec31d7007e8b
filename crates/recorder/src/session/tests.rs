//! The machine and the SIP endpoint joined without sockets; what CUCM says is written out as text.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng};
use sip::{Endpoint, FlowId, Message, Timers, Transport};

use super::{Input, LegId, Output, Route, Sessions};
use crate::config::{Codec, Config, SrtpPolicy};
use crate::legs::{Media, Protection, Report};
use crate::metadata::{Packets, Recording, Side};

const FLOW: FlowId = FlowId(1);
/// Forty characters of base64: key and salt of a suite with AES-CM.
const KEY: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0e";
const OTHER_KEY: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0f";

/// Endpoint and sessions, and everything they put out.
struct Rig {
    endpoint: Endpoint,
    sessions: Sessions,
    now: Instant,
    sent: Vec<Message>,
    media: Vec<(LegId, Media)>,
    closed: Vec<LegId>,
    routes: Vec<Route>,
    finished: Vec<Recording>,
    ports: u16,
    stored: u64,
}

impl Rig {
    fn new(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config { address: "192.0.2.10".parse().unwrap(), user: "7878".into(), ..Config::default() };
        change(&mut config);
        let now = Instant::now();
        let mut rig = Self {
            endpoint: Endpoint::new(Timers::default()),
            sessions: Sessions::new(config, ChaCha20Rng::seed_from_u64(1), (now, SystemTime::UNIX_EPOCH)),
            now,
            sent: Vec::new(),
            media: Vec::new(),
            closed: Vec::new(),
            routes: Vec::new(),
            finished: Vec::new(),
            ports: 20_000,
            stored: 50,
        };
        rig.open(FLOW, "192.0.2.5:5061");
        rig
    }

    fn open(&mut self, flow: FlowId, peer: &str) {
        let peer = peer.parse().unwrap();
        self.input(Input::FlowOpened { flow, transport: Transport::Tls, peer });
    }

    fn input(&mut self, input: Input) {
        self.sessions.handle_input(self.now, input);
        self.pump();
    }

    fn receive(&mut self, text: &str) {
        self.receive_on(FLOW, text);
    }

    fn receive_on(&mut self, flow: FlowId, text: &str) {
        let message = Message::parse(text.as_bytes()).unwrap();
        self.endpoint.handle_message(self.now, flow, Transport::Tls, message);
        self.pump();
    }

    fn pump(&mut self) {
        loop {
            if let Some(output) = self.endpoint.poll_output() {
                match output {
                    sip::Output::Transmit { bytes, .. } => self.sent.push(Message::parse(&bytes).unwrap()),
                    sip::Output::Event(event) => self.sessions.handle_input(self.now, Input::Sip(event)),
                }
            } else if let Some(output) = self.sessions.poll_output() {
                self.perform(output);
            } else {
                return;
            }
        }
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::Respond { key, message } => drop(self.endpoint.respond(self.now, &key, message)),
            Output::Request { route, message } => {
                self.routes.push(route);
                self.endpoint.send_request(self.now, FLOW, Transport::Tls, message);
            }
            Output::Bind { leg, .. } => {
                let address = SocketAddr::new("192.0.2.10".parse().unwrap(), self.ports);
                self.ports += 2;
                self.sessions.handle_input(self.now, Input::Bound { leg, address });
            }
            Output::Listen { leg, media } => self.media.push((leg, *media)),
            Output::Close { leg } => {
                self.closed.push(leg);
                let packets = Packets { stored: self.stored, ..Packets::default() };
                let report = Box::new(Report { packets, ..Report::default() });
                self.sessions.handle_input(self.now, Input::Closed { leg, report });
            }
            Output::Finish { metadata, .. } => self.finished.push(*metadata),
            Output::Begin { .. } | Output::Snapshot { .. } | Output::Garbage { .. } => {}
        }
    }

    /// Lets time pass, timer by timer.
    fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(due) = [self.endpoint.poll_timeout(), self.sessions.poll_timeout()]
            .into_iter()
            .flatten()
            .min()
            .filter(|due| *due <= end)
        {
            self.now = self.now.max(due);
            self.endpoint.handle_timeout(self.now);
            self.sessions.handle_timeout(self.now);
            self.pump();
        }
        self.now = end;
    }

    /// The last message sent.
    fn last(&self) -> &Message {
        self.sent.last().unwrap()
    }

    fn codes(&self) -> Vec<u16> {
        self.sent.iter().filter_map(Message::status).filter(|code| *code != 100).collect()
    }

    /// An INVITE of a leg is answered and acknowledged; returns its 200.
    fn establish(&mut self, leg: &Leg<'_>) -> Message {
        self.receive(&leg.invite(None));
        let answer = self.last().clone();
        assert_eq!(answer.status(), Some(200), "{}", answer.start_line());
        self.receive(&leg.ack(&answer, Some(&answered(KEY))));
        answer
    }
}

/// One dialog of CUCM's.
#[derive(Clone)]
struct Leg<'a> {
    side: &'a str,
    refci: u32,
    farendrefci: u32,
    device: &'a str,
    call: &'a str,
    user: &'a str,
    extra: String,
}

const NEAR: Leg<'static> = Leg {
    side: "x-nearend",
    refci: 25,
    farendrefci: 24,
    device: "SEP6C416A369525",
    call: "near",
    user: "7878",
    extra: String::new(),
};

fn far() -> Leg<'static> {
    Leg { side: "x-farend", call: "far", ..NEAR }
}

impl Leg<'_> {
    fn from(&self, farendaddr: &str) -> String {
        format!(
            "\"SJ User 2\" <sip:1001@192.0.2.5;{};x-refci={};x-nearendclusterid=Lab;x-nearenddevice={};x-nearendaddr=1001;\
             x-farendrefci={};x-farendclusterid=Lab;x-farenddevice=SEP38;x-farendaddr={farendaddr}>;tag={}~a",
            self.side, self.refci, self.device, self.farendrefci, self.call
        )
    }

    fn request(&self, method: &str, cseq: u32, to_tag: &str, farendaddr: &str, body: Option<&str>) -> String {
        let tag = if to_tag.is_empty() { String::new() } else { format!(";tag={to_tag}") };
        let branch = format!("{}{cseq}{method}", self.call).replace("CANCEL", "INVITE");
        let kind = if body.is_some() { "Content-Type: application/sdp\r\n" } else { "" };
        let body = body.unwrap_or_default();
        format!(
            "{method} sip:{}@192.0.2.10:5061 SIP/2.0\r\nVia: SIP/2.0/TLS 192.0.2.5:5061;branch=z9hG4bK{branch}\r\n\
             From: {}\r\nTo: <sip:{}@192.0.2.10>{tag}\r\nCall-ID: {}@192.0.2.5\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:1001@192.0.2.5:5061;transport=tls>;isFocus\r\n\
             Remote-Party-ID: \"SJ User 2\" <sip:1001@192.0.2.5>;party=calling\r\n{}{kind}Max-Forwards: 70\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.user,
            self.from(farendaddr),
            self.user,
            self.call,
            self.extra,
            body.len()
        )
    }

    fn invite(&self, body: Option<&str>) -> String {
        self.request("INVITE", 101, "", "1000", body)
    }

    fn ack(&self, answer: &Message, body: Option<&str>) -> String {
        let cseq = answer.cseq().unwrap().number;
        self.request("ACK", cseq, &tag(answer), "1000", body).replacen("branch=z9hG4bK", "branch=z9hG4bKack", 1)
    }

    fn bye(&self, answer: &Message, cseq: u32) -> String {
        self.request("BYE", cseq, &tag(answer), "1000", None).replace("Max-F", "Reason: Q.850;cause=16\r\nMax-F")
    }
}

fn tag(answer: &Message) -> String {
    answer.to().unwrap().tag().unwrap().to_owned()
}

fn body(message: &Message) -> String {
    String::from_utf8(message.body().to_vec()).unwrap()
}

fn sdp(profile: &str, crypto: &str, formats: &str) -> String {
    format!(
        "v=0\r\no=CiscoSystemsCCM-SIP 104958 1 IN IP4 192.0.2.5\r\ns=SIP Call\r\nc=IN IP4 192.0.2.20\r\nb=TIAS:64000\r\n\
         b=AS:64\r\nt=0 0\r\nm=audio 4000 {profile} {formats}\r\n{crypto}a=rtpmap:0 PCMU/8000\r\na=sendonly\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
    )
}

/// CUCM's answer: the third of our lines, the phone's key.
fn answered(key: &str) -> String {
    sdp("RTP/SAVP", &format!("a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:{key}\r\n"), "0 101")
}

fn plain() -> String {
    sdp("RTP/AVP", "", "0 101")
}

#[test]
fn an_offerless_invite_gets_an_offer_of_every_suite_with_its_own_key() {
    let mut rig = Rig::new(|_| {});
    rig.receive(&NEAR.invite(None));
    let first = body(rig.last());
    assert!(first.contains("m=audio 20000 RTP/SAVP 0 8\r\n") && first.contains("a=recvonly\r\n"), "{first}");
    let lines: Vec<&str> = first.lines().filter(|line| line.starts_with("a=crypto")).collect();
    let suites: Vec<&str> = lines.iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
    assert_eq!(suites, ["AEAD_AES_256_GCM", "AEAD_AES_128_GCM", "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"]);
    assert!(lines.iter().zip(1..).all(|(line, tag)| line.starts_with(&format!("a=crypto:{tag} "))));
    rig.receive(&far().invite(None));
    let second = body(rig.last());
    assert!(second.contains("m=audio 20002 "));
    let mut keys: Vec<&str> =
        first.lines().chain(second.lines()).filter_map(|line| line.split("inline:").nth(1)).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 8, "no key is used twice");
    assert_eq!(rig.last().header("Contact").unwrap(), "<sip:7878@192.0.2.10:5061;transport=tls>");
    assert!(rig.last().supported().iter().all(|tag| tag != "X-cisco-srtp-fallback"), "only where it is allowed");
}

#[test]
fn the_ack_brings_the_phones_key_and_both_byes_finish_one_recording() {
    let mut rig = Rig::new(|_| {});
    let near = rig.establish(&NEAR);
    let far_answer = rig.establish(&far());
    assert_eq!(rig.media.len(), 2);
    let media = &rig.media[0].1;
    assert_eq!((media.payload_type, media.source), (0, "192.0.2.20:4000".parse().unwrap()));
    assert!(matches!(&media.protection, Protection::Srtp { key, .. } if key.to_inline() == KEY));
    assert_eq!((rig.sessions.dialogs(), rig.sessions.recordings()), (2, 1));
    rig.receive(&NEAR.bye(&near, 102));
    assert_eq!((rig.last().status(), rig.finished.len()), (Some(200), 0));
    rig.receive(&far().bye(&far_answer, 102));
    assert_eq!((rig.sessions.dialogs(), rig.sessions.legs(), rig.finished.len()), (0, 0, 1));
    let recording = &rig.finished[0];
    assert_eq!(recording.legs.iter().map(|leg| leg.side).collect::<Vec<_>>(), Side::BOTH);
    let leg = recording.leg(Side::Near).unwrap();
    assert_eq!(leg.end_reason.as_deref(), Some("Q.850;cause=16"));
    assert_eq!((leg.suite.as_deref(), leg.codec.as_deref()), (Some("AES_CM_128_HMAC_SHA1_80"), Some("PCMU")));
    assert_eq!(recording.near.name.as_deref(), Some("SJ User 2"));
    assert_eq!((recording.refci.as_deref(), recording.far.address.as_deref()), (Some("25"), Some("1000")));
    assert!(!recording.to_json().unwrap().contains(&KEY[..20]), "no key in the metadata");
}

#[test]
fn far_first_and_overlapping_invites_pair_as_well() {
    let mut rig = Rig::new(|_| {});
    rig.receive(&far().invite(None));
    let far_answer = rig.last().clone();
    rig.receive(&NEAR.invite(None));
    let near = rig.last().clone();
    rig.receive(&far().ack(&far_answer, Some(&answered(KEY))));
    rig.receive(&NEAR.ack(&near, Some(&answered(OTHER_KEY))));
    assert_eq!((rig.sessions.recordings(), rig.media.len()), (1, 2));
}

#[test]
fn a_call_recorded_at_both_phones_makes_two_recordings() {
    let mut rig = Rig::new(|_| {});
    let mirrored = |leg: Leg<'static>, call| Leg { refci: 24, farendrefci: 25, device: "SEP38", call, ..leg };
    for leg in [NEAR, mirrored(NEAR, "near2"), far(), mirrored(far(), "far2")] {
        rig.establish(&leg);
    }
    assert_eq!((rig.sessions.recordings(), rig.sessions.dialogs()), (2, 4));
}

#[test]
fn resume_with_the_same_call_legs_is_a_new_recording() {
    let mut rig = Rig::new(|_| {});
    let near = rig.establish(&NEAR);
    let _far = rig.establish(&far());
    rig.receive(&NEAR.bye(&near, 102));
    rig.establish(&Leg { call: "near-again", ..NEAR });
    assert_eq!(rig.sessions.recordings(), 2, "the old one's far leg still runs");
}

#[test]
fn an_ack_without_an_answer_and_its_bye_are_a_failed_recording_with_the_reason() {
    let mut rig = Rig::new(|_| {});
    rig.stored = 0;
    for leg in [NEAR, far()] {
        rig.receive(&leg.invite(None));
        let answer = rig.last().clone();
        rig.receive(&leg.ack(&answer, None));
        rig.receive(&leg.bye(&answer, 102).replace("cause=16", "cause=47"));
    }
    assert!(rig.media.is_empty());
    let reasons: Vec<_> =
        rig.finished.iter().flat_map(|recording| &recording.legs).map(|leg| leg.end_reason.clone()).collect();
    assert_eq!(reasons, vec![Some("Q.850;cause=47".to_owned()); 2]);
    assert_eq!(rig.sessions.counters().failed_legs, 2);
}

#[test]
fn plain_rtp_is_taken_only_where_both_sides_list_the_fallback() {
    let fallback = "Supported: X-cisco-srtp-fallback\r\n";
    for (policy, extra, taken) in [
        (SrtpPolicy::Fallback, fallback, true),
        (SrtpPolicy::Fallback, "", false),
        (SrtpPolicy::Required, fallback, false),
        (SrtpPolicy::Off, "", true),
    ] {
        let mut rig = Rig::new(|config| config.srtp = policy);
        let leg = Leg { extra: extra.to_owned(), ..NEAR };
        rig.receive(&leg.invite(None));
        let answer = rig.last().clone();
        rig.receive(&leg.ack(&answer, Some(&plain())));
        assert_eq!(rig.media.len(), usize::from(taken), "{policy:?} {extra}");
        assert_eq!(rig.last().method(), (!taken).then_some("BYE"), "{policy:?} {extra}");
        let offered = body(&answer).contains("RTP/SAVP");
        assert_eq!(offered, policy != SrtpPolicy::Off);
        let listed = answer.supported().iter().any(|tag| tag == "X-cisco-srtp-fallback");
        assert_eq!(listed, policy == SrtpPolicy::Fallback);
    }
}

#[test]
fn answers_that_do_not_fit_end_the_leg_by_bye() {
    let wrong = [
        sdp("RTP/SAVP", "", "0 101"),
        sdp("RTP/SAVP", "a=crypto:1 F8_128_HMAC_SHA1_80 inline:AAAA\r\n", "0"),
        answered(KEY).replace("m=audio 4000", "m=audio 0"),
        answered(KEY).replace(" 0 101", " 18").replace("rtpmap:0 PCMU", "rtpmap:18 G729"),
        "v=0\r\nthis is no sdp\r\n".to_owned(),
    ];
    for answer_sdp in wrong {
        let mut rig = Rig::new(|_| {});
        rig.receive(&NEAR.invite(None));
        let answer = rig.last().clone();
        rig.receive(&NEAR.ack(&answer, Some(&answer_sdp)));
        assert_eq!(rig.last().method(), Some("BYE"), "{answer_sdp}");
        assert!(rig.media.is_empty());
        assert_eq!((rig.sessions.dialogs(), rig.finished.len()), (0, 1));
        assert_eq!(rig.finished[0].legs[0].ended_by.as_deref(), Some("recorder"));
    }
}

#[test]
fn an_early_offer_is_answered_with_its_tag_and_suite() {
    let mut rig = Rig::new(|_| {});
    let crypto = format!(
        "a=crypto:7 F8_128_HMAC_SHA1_80 inline:{KEY}\r\na=crypto:9 AES_CM_128_HMAC_SHA1_32 inline:{KEY}|2^31\r\n"
    );
    rig.receive(&NEAR.invite(Some(&sdp("RTP/SAVP", &crypto, "0 101"))));
    let answer = rig.last().clone();
    let text = body(&answer);
    assert!(text.contains("a=crypto:9 AES_CM_128_HMAC_SHA1_32 inline:") && !text.contains(KEY), "{text}");
    assert_eq!(text.matches("a=crypto").count(), 1);
    assert!(text.contains("a=recvonly") && text.contains("m=audio 20000 RTP/SAVP 0\r\n"), "{text}");
    rig.receive(&NEAR.ack(&answer, None));
    assert_eq!((rig.media.len(), rig.sessions.counters().failed_legs), (1, 0));
}

#[test]
fn an_early_offer_that_does_not_fit_gets_488() {
    for offer in [
        plain(),
        sdp("RTP/SAVP", "", "0"),
        answered(KEY).replace("rtpmap:0 PCMU", "rtpmap:0 OPUS").replace(" 0 101", " 96"),
    ] {
        let mut rig = Rig::new(|_| {});
        rig.receive(&NEAR.invite(Some(&offer)));
        assert_eq!(rig.codes(), [488], "{offer}");
        assert_eq!(rig.sessions.dialogs(), 0);
    }
}

#[test]
fn invites_that_cannot_be_taken_are_refused_by_the_right_code() {
    let refused = |change: fn(&mut Config), text: String| {
        let mut rig = Rig::new(change);
        rig.receive(&text);
        assert_eq!((rig.sessions.legs(), rig.finished.len()), (0, 0));
        rig.codes()
    };
    assert_eq!(refused(|_| {}, Leg { user: "1234", ..NEAR }.invite(None)), [404]);
    let extra = |line: &str| Leg { extra: format!("{line}\r\n"), ..NEAR }.invite(None);
    assert_eq!(refused(|_| {}, extra("Require: teleport")), [420]);
    assert_eq!(refused(|_| {}, extra("Session-Expires: 30")), [422]);
    let odd = NEAR.invite(Some("hello")).replace("application/sdp", "text/plain");
    assert_eq!(refused(|_| {}, odd), [415]);
    assert_eq!(refused(|_| {}, NEAR.invite(Some("v=0\r\nnonsense"))), [488]);
}

#[test]
fn full_means_503_but_the_second_leg_of_a_running_call_is_taken() {
    let mut rig = Rig::new(|config| config.max_sessions = 1);
    rig.receive(&NEAR.invite(None));
    rig.receive(&Leg { refci: 99, call: "other", ..NEAR }.invite(None));
    rig.receive(&far().invite(None));
    assert_eq!(rig.codes(), [200, 503, 200]);
}

#[test]
fn a_full_disk_is_told_to_invite_and_options_alike() {
    let options = "OPTIONS sip:192.0.2.10:5061 SIP/2.0\r\nVia: SIP/2.0/TLS 192.0.2.5:5061;branch=z9hG4bKo1\r\n\
        From: <sip:192.0.2.5>;tag=471242191\r\nTo: <sip:192.0.2.10>\r\nCall-ID: o@192.0.2.5\r\nCSeq: 101 OPTIONS\r\n\
        Contact: <sip:192.0.2.5:5061;transport=tls>\r\nMax-Forwards: 0\r\nContent-Length: 0\r\n\r\n";
    let mut rig = Rig::new(|_| {});
    rig.receive(options);
    assert_eq!(rig.codes(), [200], "Max-Forwards 0 is no reason to refuse");
    rig.input(Input::Storage { healthy: false });
    rig.receive(&options.replace("o1", "o2").replace("101", "102"));
    rig.receive(&NEAR.invite(None));
    assert_eq!(rig.codes(), [200, 503, 503]);
}

#[test]
fn the_answer_waits_as_told_and_a_cancel_meanwhile_gets_487() {
    let mut rig = Rig::new(|config| config.answer_after = Duration::from_secs(3));
    rig.receive(&NEAR.invite(None));
    rig.wait(Duration::from_millis(2900));
    assert!(rig.codes().is_empty());
    rig.wait(Duration::from_millis(200));
    assert_eq!(rig.codes().first(), Some(&200));
    let mut rig = Rig::new(|config| config.answer_after = Duration::from_secs(3));
    rig.receive(&NEAR.invite(None));
    rig.receive(&NEAR.request("CANCEL", 101, "", "1000", None));
    let mut codes = rig.codes();
    codes.sort_unstable();
    assert_eq!(codes, [200, 487]);
    assert_eq!((rig.sessions.dialogs(), rig.finished.len()), (0, 1));
    assert_eq!(rig.finished[0].legs[0].ended_by.as_deref(), Some("cancel"));
}

#[test]
fn far_first_holds_the_near_answer_until_far_was_answered_or_five_seconds() {
    let mut rig = Rig::new(|config| config.far_first = true);
    rig.receive(&NEAR.invite(None));
    rig.wait(Duration::from_secs(1));
    assert!(rig.codes().is_empty());
    rig.receive(&far().invite(None));
    assert_eq!(rig.codes(), [200, 200]);
    let order: Vec<String> =
        rig.sent.iter().filter(|m| m.status() == Some(200)).map(|m| m.call_id().unwrap()).collect();
    assert_eq!(order, ["far@192.0.2.5", "near@192.0.2.5"]);
    let mut alone = Rig::new(|config| config.far_first = true);
    alone.receive(&NEAR.invite(None));
    alone.wait(Duration::from_millis(5100));
    assert_eq!(alone.codes().first(), Some(&200));
}

#[test]
fn without_an_ack_the_200_is_repeated_and_then_bye_ends_the_leg() {
    let mut rig = Rig::new(|_| {});
    rig.receive(&NEAR.invite(None));
    rig.wait(Duration::from_secs(33));
    assert!(rig.codes().len() > 3, "repeats: {:?}", rig.codes());
    assert!(rig.sent.iter().any(|message| message.method() == Some("BYE")));
    assert_eq!((rig.sessions.dialogs(), rig.closed.len()), (0, 1));
    assert_eq!(rig.finished[0].legs[0].ended_by.as_deref(), Some("no-ack"));
}

#[test]
fn an_invite_by_two_ways_is_a_loop_and_a_repeat_is_answered_the_same() {
    let mut rig = Rig::new(|_| {});
    rig.receive(&NEAR.invite(None));
    rig.receive(&NEAR.invite(None));
    assert_eq!(rig.sessions.legs(), 1, "a repeat is no new call");
    rig.receive(&NEAR.invite(None).replace("z9hG4bK", "z9hG4bKother"));
    assert_eq!(rig.codes().last(), Some(&482));
}

#[test]
fn a_refresh_keeps_port_key_and_version() {
    let mut rig = Rig::new(|_| {});
    let answer = rig.establish(&NEAR);
    let offered = body(&answer);
    rig.receive(&NEAR.request("INVITE", 102, &tag(&answer), "1000", Some(&answered(KEY))));
    let first = body(rig.last());
    rig.receive(&NEAR.ack(&rig.last().clone(), None));
    rig.receive(&NEAR.request("UPDATE", 103, &tag(&answer), "1000", Some(&answered(KEY))));
    let second = body(rig.last());
    assert_eq!(first, second, "nothing changed, so nothing may look changed");
    let key = offered.lines().find(|line| line.contains("SHA1_80")).unwrap().split("inline:").nth(1).unwrap();
    assert!(first.contains(key) && first.contains("m=audio 20000 "), "{first}");
    rig.receive(&NEAR.request("UPDATE", 104, &tag(&answer), "1000", None));
    assert_eq!((rig.last().status(), rig.last().body().len()), (Some(200), 0));
    assert_eq!(rig.codes(), [200; 4]);
}

#[test]
fn a_reinvite_may_change_the_key_and_one_without_sdp_gets_the_offer_again() {
    let mut rig = Rig::new(|_| {});
    let answer = rig.establish(&NEAR);
    rig.receive(&NEAR.request("INVITE", 102, &tag(&answer), "1000", None));
    let again = rig.last().clone();
    assert_eq!(body(&again), body(&answer));
    rig.receive(&NEAR.request("UPDATE", 103, &tag(&answer), "1000", Some(&answered(KEY))));
    rig.receive(&NEAR.request("INVITE", 104, &tag(&answer), "1000", None));
    assert_eq!(rig.last().status(), Some(491), "an INVITE is open");
    rig.receive(&NEAR.ack(&again, Some(&answered(OTHER_KEY))));
    let last = rig.media.last().unwrap();
    assert!(matches!(&last.1.protection, Protection::Srtp { key, .. } if key.to_inline() == OTHER_KEY));
}

#[test]
fn a_hold_is_answered_inactive_and_an_offer_that_does_not_fit_changes_nothing() {
    let mut rig = Rig::new(|_| {});
    let answer = rig.establish(&NEAR);
    let hold = answered(KEY).replace("a=sendonly", "a=inactive");
    rig.receive(&NEAR.request("INVITE", 102, &tag(&answer), "1000", Some(&hold)));
    assert!(body(rig.last()).contains("a=inactive"));
    rig.receive(&NEAR.ack(&rig.last().clone(), None));
    rig.receive(&NEAR.request("UPDATE", 103, &tag(&answer), "1000", Some(&plain())));
    assert_eq!(rig.last().status(), Some(488));
    assert_eq!((rig.sessions.dialogs(), rig.media.len()), (1, 2));
}

#[test]
fn a_transfer_told_by_update_is_kept_as_history() {
    let mut rig = Rig::new(|_| {});
    let answer = rig.establish(&NEAR);
    rig.receive(&NEAR.request("UPDATE", 102, &tag(&answer), "3100", None));
    rig.receive(&NEAR.request("UPDATE", 103, &tag(&answer), "3100", None));
    rig.receive(&NEAR.bye(&answer, 104));
    let leg = &rig.finished[0].legs[0];
    assert_eq!(leg.changes.len(), 1);
    let changed = leg.changes[0].parameters.iter().find(|parameter| parameter.name == "x-farendaddr").unwrap();
    assert_eq!(changed.value.as_deref(), Some("3100"));
    assert_eq!(rig.finished[0].far.address.as_deref(), Some("1000"), "the party at the beginning");
}

#[test]
fn other_requests_get_their_codes() {
    let mut rig = Rig::new(|_| {});
    let answer = rig.establish(&NEAR);
    let tag = tag(&answer);
    for (cseq, method, expected) in
        [(102, "INFO", 200), (103, "NOTIFY", 489), (104, "SUBSCRIBE", 489), (105, "PRACK", 481), (106, "REFER", 405)]
    {
        rig.receive(&NEAR.request(method, cseq, &tag, "1000", None));
        assert_eq!(rig.last().status(), Some(expected), "{method}");
    }
    rig.receive(&NEAR.request("UPDATE", 50, &tag, "1000", None));
    assert_eq!(rig.last().status(), Some(500), "an old CSeq");
    let other = Leg { call: "nobody", ..NEAR };
    for (method, to, expected) in [
        ("BYE", "unknown", 481),
        ("BYE", "", 481),
        ("MESSAGE", "", 405),
        ("SUBSCRIBE", "", 489),
        ("PING", "", 501),
        ("INVITE", "unknown", 481),
    ] {
        rig.receive(&other.request(method, 7, to, "1000", None));
        assert_eq!(rig.last().status(), Some(expected), "{method} {to}");
    }
    assert_eq!(rig.sessions.dialogs(), 1);
}

#[test]
fn the_session_timer_is_taken_when_the_peer_refreshes() {
    let mut rig = Rig::new(|_| {});
    let extra = "Supported: timer,resource-priority,replaces\r\nSession-Expires:  1800\r\nMin-SE:  1800\r\n";
    rig.receive(&Leg { extra: extra.to_owned(), ..NEAR }.invite(None));
    assert_eq!(rig.last().header("Session-Expires").unwrap(), "1800;refresher=uac");
    rig.receive(&far().invite(None));
    assert_eq!(rig.last().header("Session-Expires"), None);
}

#[test]
fn a_lost_connection_keeps_the_dialog_and_bye_goes_or_comes_by_another() {
    let mut rig = Rig::new(|_| {});
    let near = rig.establish(&NEAR);
    rig.establish(&far());
    rig.endpoint.handle_flow_closed(rig.now, FLOW);
    rig.input(Input::FlowClosed { flow: FLOW });
    assert_eq!(rig.sessions.dialogs(), 2);
    rig.open(FlowId(2), "192.0.2.5:40000");
    rig.receive_on(FlowId(2), &NEAR.bye(&near, 102));
    assert_eq!((rig.last().status(), rig.sessions.dialogs()), (Some(200), 1));
    rig.input(Input::HangUp);
    assert_eq!(rig.routes, [Route::Flow(FlowId(2), Transport::Tls)]);
    assert_eq!(rig.finished.len(), 1);
}

#[test]
fn without_any_connection_bye_goes_to_the_contact() {
    let mut rig = Rig::new(|_| {});
    rig.establish(&NEAR);
    rig.input(Input::FlowClosed { flow: FLOW });
    rig.input(Input::Silent { leg: rig.media[0].0 });
    assert_eq!(rig.routes, [Route::Connect("192.0.2.5:5061".parse().unwrap(), Transport::Tls)]);
    let bye = rig.last();
    assert_eq!(bye.request_uri(), Some("sip:1001@192.0.2.5:5061;transport=tls"));
    assert_eq!(bye.from_().unwrap().tag(), Some(rig.finished[0].legs[0].local_tag.as_str()));
    assert_eq!(rig.finished[0].legs[0].ended_by.as_deref(), Some("inactivity"));
}

#[test]
fn no_port_means_503_and_no_leg() {
    let mut rig = Rig::new(|_| {});
    let message = Message::parse(NEAR.invite(None).as_bytes()).unwrap();
    rig.endpoint.handle_message(rig.now, FLOW, Transport::Tls, message);
    let Some(sip::Output::Event(event)) = rig.endpoint.poll_output() else { panic!("no request") };
    rig.sessions.handle_input(rig.now, Input::Sip(event));
    while let Some(output) = rig.sessions.poll_output() {
        if let Output::Bind { leg, .. } = output {
            rig.sessions.handle_input(rig.now, Input::NoPort { leg, why: "all in use".into() });
        } else {
            rig.perform(output);
        }
    }
    rig.pump();
    assert_eq!((rig.codes(), rig.sessions.legs()), (vec![503], 0));
}

#[test]
fn a_call_without_any_cisco_parameter_is_recorded_alone() {
    let mut rig = Rig::new(|config| {
        config.user.clear();
        config.srtp = SrtpPolicy::Off;
        config.codecs = vec![Codec::Pcmu];
    });
    let text = NEAR.invite(Some(&plain())).replace(&NEAR.from("1000"), "sipp <sip:sipp@192.0.2.5>;tag=near~a");
    rig.receive(&text);
    assert_eq!((rig.codes(), rig.media.len()), (vec![200], 1));
    rig.input(Input::HangUp);
    assert_eq!(rig.finished[0].flags, ["leg-unknown"]);
}

#[test]
fn random_messages_never_panic_and_leave_nothing_open() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let mut rig = Rig::new(|_| {});
    let answer = rig.establish(&NEAR);
    let texts = [
        NEAR.invite(None),
        far().invite(Some(&answered(KEY))),
        NEAR.ack(&answer, Some(&answered(KEY))),
        NEAR.request("UPDATE", 102, &tag(&answer), "1000", Some(&answered(OTHER_KEY))),
        NEAR.bye(&answer, 103),
        String::from_utf8(answer.as_bytes().to_vec()).unwrap(),
    ];
    for _ in 0..4000 {
        let mut bytes = texts[rng.next_u32() as usize % texts.len()].clone().into_bytes();
        for _ in 0..=rng.next_u32() % 5 {
            let at = rng.next_u32() as usize % bytes.len();
            match rng.next_u32() % 4 {
                0 => bytes[at] = rng.next_u32() as u8,
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, b"\r\n;:<>@\"0"[rng.next_u32() as usize % 9]),
                _ => {
                    let end = (at + 40).min(bytes.len());
                    let piece = bytes[at..end].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
        }
        if let Ok(message) = Message::parse(&bytes) {
            rig.endpoint.handle_message(rig.now, FLOW, Transport::Tls, message);
            rig.pump();
        }
    }
    rig.input(Input::HangUp);
    rig.wait(Duration::from_secs(70));
    assert_eq!((rig.sessions.dialogs(), rig.sessions.legs(), rig.sessions.recordings()), (0, 0, 0));
    assert_eq!(rig.endpoint.active(), 0);
}
