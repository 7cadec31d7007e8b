//! What differs between releases, against the traces of Cisco document 200788 and others.

use cucm::config::Release;
use media::srtp::Suite;
use sip::Message;

use crate::bench::*;

/// The near INVITE, the ACK and the BYE that a recorder gets from a release.
fn dialog(release: Release) -> [Message; 3] {
    let mut config = plain();
    config.release = release;
    let mut bench = Bench::ready(config);
    let sdp = Sdp::new("10.48.38.101", 30_000);
    let (_, about) = bench.talk(&sdp, &Sdp::new("10.48.38.102", 30_002));
    let (near, far) = bench.invites();
    let recorder = |port| Sdp::new("10.48.38.30", port).direction("recvonly");
    let phone = |port| Sdp::new("10.48.38.102", port).formats("0 101");
    bench.recorder_answers(&near, "n", "", &recorder(40_000));
    let (_, ack) = bench.join("near-bridge", &phone(4_100));
    bench.recorder_answers(&far, "f", "", &recorder(40_002));
    bench.join("far-bridge", &phone(4_102));
    bench.in_dialog(AGENT, "BYE", &about, 101, None);
    bench.expect(AGENT, "200");
    let bye = bench.find(RECORDER, "BYE");
    [near, ack, bye]
}

fn names(message: &Message) -> Vec<String> {
    message.headers().map(|field| field.name().to_owned()).collect()
}

fn model(name: &str) -> Message {
    Message::parse(trace(name).as_bytes()).unwrap()
}

/// The lines of a body, each up to its first number.
fn kinds(message: &Message) -> Vec<String> {
    let body = String::from_utf8_lossy(message.body()).into_owned();
    body.lines().map(|line| line.chars().take_while(|c| !c.is_ascii_digit()).collect()).collect()
}

#[test]
fn a_recorder_of_10_5_gets_what_the_traces_of_10_5_have() {
    let [invite, ack, bye] = dialog(Release::V10_5);
    let traced = model("25-rec-ack-nearend-sccp-dummy-port-4000");
    assert_eq!(names(&ack), names(&traced));
    assert_eq!(kinds(&ack)[4..], kinds(&traced)[4..], "from b= on");
    assert_eq!(names(&bye), names(&model("28-rec-bye-cause47-nearend")));
    assert_eq!(invite.header("User-Agent").as_deref(), Some("Cisco-CUCM10.5"));
    assert!(invite.header("From").unwrap().contains("x-nearenddevice=sep"), "{:?}", invite.header("From"));
    let contact = invite.header("Contact").unwrap();
    assert!(contact.ends_with(";isFocus"), "{contact}");
    let text = String::from_utf8_lossy(invite.as_bytes()).into_owned();
    assert!(!text.contains("Session-ID") && !text.contains("x-cisco-video-traffic-class"), "{text}");
}

#[test]
fn the_inviting_headers_of_later_releases_are_those_of_11_5() {
    let older = names(&dialog(Release::V11_5)[0]);
    for release in [Release::V12_5, Release::V14, Release::V15] {
        let [invite, _, bye] = dialog(release);
        assert_eq!(names(&invite), older);
        assert_eq!(invite.header("User-Agent").as_deref(), Some(release.product()));
        assert_eq!(names(&bye), names(&model("28-rec-bye-cause47-nearend")).with_session());
    }
}

trait WithSession {
    fn with_session(self) -> Self;
}

impl WithSession for Vec<String> {
    /// Behind Reason, as 12.5 has it.
    fn with_session(mut self) -> Self {
        self.insert(self.len() - 1, "Session-ID".to_owned());
        self
    }
}

#[test]
fn call_ids_tell_seconds_up_to_11_5_and_ticks_from_12_5_on() {
    let second = |release| {
        let id = dialog(release)[0].header("Call-ID").unwrap().into_owned();
        id.split('-').nth(1).unwrap().to_owned()
    };
    let seconds: Vec<String> = Release::ALL.map(second).into();
    assert_eq!(seconds[0], seconds[1]);
    assert_eq!(seconds[2..], [seconds[2].clone(), seconds[2].clone(), seconds[2].clone()]);
    assert_ne!(seconds[1], seconds[2]);
}

#[test]
fn gcm_came_after_10_5_1() {
    assert!(Release::V10_5.suites().iter().all(|suite| !suite.name().starts_with("AEAD")));
    assert!(Release::ALL[1..].iter().all(|release| release.suites() == Suite::ALL));
}
