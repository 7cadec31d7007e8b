//! What differs between releases, against the traces of Cisco document 200788 and others.

use cucm::config::{DeviceNames, Dialect, FromParameters, Release};
use media::srtp::Suite;
use sip::Message;

use crate::bench::*;

/// The near INVITE, the ACK and the BYE that a recorder gets from a release.
fn dialog(release: Release) -> [Message; 3] {
    dialog_in(release, |_| {})
}

/// The same with a dialect.
fn dialog_in(release: Release, change: impl FnOnce(&mut Dialect)) -> [Message; 3] {
    let mut config = plain();
    config.release = release;
    change(&mut config.dialect);
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
    let contact = invite.header("Contact").unwrap();
    assert!(contact.ends_with(";isFocus"), "{contact}");
    let text = String::from_utf8_lossy(invite.as_bytes()).into_owned();
    assert!(!text.contains("Session-ID") && !text.contains("x-cisco-video-traffic-class"), "{text}");
}

#[test]
fn devices_are_named_as_configured_and_phones_in_small_letters_by_the_switch() {
    for release in [Release::V10_5, Release::V14] {
        for (device_names, expected) in
            [(DeviceNames::AsConfigured, AGENT_DEVICE.to_owned()), (DeviceNames::SmallSep, AGENT_DEVICE.to_lowercase())]
        {
            let from = dialog_in(release, |dialect| dialect.device_names = device_names)[0].from_().unwrap();
            assert_eq!(from.uri.params.get("x-nearenddevice"), Some(expected.as_str()), "{release:?}");
        }
    }
}

#[test]
fn x_sessionid_is_the_recorded_phones_in_its_call() {
    let mut config = plain();
    config.dialect.from_parameters = FromParameters::WithOthers;
    let mut bench = Bench::ready(config);
    let (ok, about) = bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
    let (near, far) = bench.invites();
    let told = |invite: &Message| invite.from_().unwrap().uri.params.get("x-sessionid").map(str::to_owned);
    assert_eq!(told(&near), told(&far));
    bench.in_dialog(CALLER, "BYE", &ok, 102, None);
    let bye = bench.sent.iter().map(|(_, message)| message);
    let bye = bye.filter(|message| message.method() == Some("BYE")).find(|bye| bye.call_id() == about.call_id());
    assert_eq!(told(&near), bye.unwrap().session_id().unwrap().unwrap().remote);
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
