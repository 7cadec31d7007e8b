//! Messages of public traces that are not of one call: each is held against the same message of the engine.
//!
//! | Trace | Message | Compared | Left out, and why |
//! |---|---|---|---|
//! | 53, 54, 56 | 100 and 200 to REGISTER, 11.5 | every byte | the random To tag |
//! | 57 | 200 to REGISTER, 14 | headers' order, `X-cisco-sis-` | the rest: another maker's phone |
//! | 58 | 180 to the caller, 12.5 | headers' order, fixed values, Call-Info | names and addresses |
//! | 59 | 200 to the caller, 12.5 | headers' order, fixed values | the original called party, for which this endpoint did not ask |
//! | 60, 61 | 200 and BYE to the caller, 11.0 | headers' order, fixed values, Session-ID alike in both | names and addresses |
//! | 62 | BYE on a trunk, 12.5 | headers' order, fixed values | Max-Forwards, which is mandatory (RFC 3261 §8.1.1) and in trace 28 |
//! | 63 | INVITE to the called phone, 14 | headers' order, fixed values | Call-Info, which another maker's phone does not get |
//! | 64 | ACK with SDP to the called phone, 14 | headers' order, fixed values | |
//! | 65 | BYE to a transferrer, 14 | headers' order, fixed values | |
//! | 68 | 202 to REFER, 14 | headers' order | names and addresses |
//! | 69 | NOTIFY, 14 | headers' order | Event and its body: the trace's is of another package |
//! | 14 | re-INVITE to a bridge, 11.5 | headers' order of a re-INVITE to a phone | values: it is of another dialog |

use cucm::config::*;
use sip::{Message, Transport};

use crate::bench::*;
use crate::replay::same;

fn model(name: &str) -> Message {
    let wire = trace(name);
    Message::parse_tolerant(wire.as_bytes()).0
}

fn names(message: &Message) -> Vec<String> {
    message.headers().map(|field| field.name().to_owned()).collect()
}

/// Headers whose value is the same in every message of their kind.
const FIXED: [&str; 9] =
    ["Allow", "Allow-Events", "Send-Info", "Supported", "Min-SE", "Expires", "Max-Forwards", "Reason", "Content-Type"];

/// The same headers in the same order, but for `added` that only ours has and `missing` that only the trace has; and the same in
/// those whose value is fixed.
#[track_caller]
fn alike(ours: &Message, theirs: &str, added: &[&str], missing: &[&str]) {
    let theirs = model(theirs);
    let mut got = names(ours);
    for name in added {
        let at = got.iter().rposition(|have| have == name);
        got.remove(at.unwrap_or_else(|| panic!("no {name} in {got:?}")));
    }
    let expected: Vec<String> = names(&theirs).into_iter().filter(|name| !missing.contains(&name.as_str())).collect();
    assert_eq!(got, expected);
    for name in FIXED.into_iter().filter(|name| !added.contains(name) && !missing.contains(name)) {
        assert_eq!(ours.header_all(name), theirs.header_all(name), "{name}");
    }
}

/// `Call-Info` without the number of the call.
fn call_info(message: &Message) -> String {
    let text = message.header("Call-Info").unwrap().into_owned();
    let (head, tail) = text.split_once("gci= ").unwrap();
    format!("{head}gci= {}", &tail[tail.find(';').unwrap()..])
}

/// A cluster with one phone that stands at the place of a trace's.
fn one_phone(device: &str, number: &str, node: &str, wall: &str) -> Bench {
    let mut config = plain();
    config.address = node.parse().unwrap();
    config.phones[1].device_name = device.to_owned();
    config.phones[1].lines[0].directory_number = number.to_owned();
    let mut bench = Bench::at(config, wall, None);
    bench.open(AGENT, Transport::Tcp, None);
    bench
}

/// With the To tag of the trace: it is a random decimal number.
#[track_caller]
fn same_but_for_the_tag(sent: &Message, name: &str) {
    let tag = sent.to().unwrap().tag().unwrap().to_owned();
    assert!(tag.parse::<u32>().is_ok(), "a decimal number, got {tag}");
    let theirs = model(name).to().unwrap().tag().unwrap().to_owned();
    let text = String::from_utf8(sent.as_bytes().to_vec()).unwrap().replace(&tag, &theirs);
    same(&Message::parse(text.as_bytes()).unwrap(), name);
}

#[test]
fn a_first_registration_is_answered_byte_for_byte() {
    let mut bench = one_phone("SEPC80084AA8743", "2222", "192.168.7.200", "2019-03-09T18:32:46Z");
    bench.give_text(AGENT, &trace("52-reg-register-cp7821"));
    same(&bench.next(AGENT), "53-reg-100-cucm11.5");
    same_but_for_the_tag(&bench.next(AGENT), "54-reg-200-cucm11.5");
    bench.quiet();
}

#[test]
fn a_refresh_is_answered_byte_for_byte() {
    let mut bench = one_phone("SEP9C57AD12A4E0", "1003", "192.168.20.172", "2019-03-29T00:31:27Z");
    let refresh = trace("55-reg-refresh-cp8851");
    bench.give_text(AGENT, &refresh.replace("0259a19a", "0259a199").replace("155 REGISTER", "154 REGISTER"));
    bench.sent.clear();
    bench.give_text(AGENT, &refresh);
    alike(&bench.next(AGENT), "53-reg-100-cucm11.5", &[], &[]);
    same_but_for_the_tag(&bench.next(AGENT), "56-reg-refresh-200-cucm11.5");
}

#[test]
fn release_14_has_another_version_of_the_phones_interface() {
    let mut config = plain();
    config.release = Release::V14;
    let mut bench = Bench::new(config);
    bench.open(AGENT, Transport::Tcp, None);
    let ok = bench.register(AGENT, Transport::Tcp, AGENT_DEVICE, "1001", "sip:10001@192.168.80.11:50952");
    alike(&ok, "57-reg-200-third-party-cucm14", &[], &[]);
    assert_eq!(ok.header("Server"), model("57-reg-200-third-party-cucm14").header("Server"));
}

/// A call up to the caller's ACK in which the agent's phone rings first, then the BYEs after the agent has hung up: 180 and 200 to
/// the caller, INVITE and ACK to the agent, BYE to the caller.
fn call(release: Release) -> [Message; 5] {
    let mut config = plain();
    config.release = release;
    config.phones[1].lines[0].recording_option = RecordingOption::Disabled;
    let mut bench = Bench::ready(config);
    let invite = bench.dial(CALLER, "1000", "1001", &Sdp::new("10.48.38.101", 17_904)).unwrap();
    bench.answer(AGENT, &invite, 180, "agent", "", None);
    let ringing = bench.expect(CALLER, "180");
    bench.wait(3_000);
    let contact = format!("Contact: <sip:line@10.48.38.102:50000;transport=tcp>\n{FALLBACK}");
    bench.answer(AGENT, &invite, 200, "agent", &contact, Some(&Sdp::new("10.48.38.102", 17_906).text()));
    let (ok, ack) = (bench.expect(CALLER, "200"), bench.expect(AGENT, "ACK"));
    bench.in_dialog(CALLER, "ACK", &ok, 101, None);
    bench.in_dialog(AGENT, "BYE", &invite_with_tag(&invite, "agent"), 101, None);
    bench.expect(AGENT, "200");
    let bye = bench.expect(CALLER, "BYE");
    [ringing, ok, invite, ack, bye]
}

/// As [`Bench::in_dialog`] wants it of the phone that got this INVITE.
fn invite_with_tag(invite: &Message, tag: &str) -> Message {
    let text = String::from_utf8(invite.as_bytes().to_vec()).unwrap();
    let to = invite.header("To").unwrap().into_owned();
    Message::parse(text.replacen(&format!("To: {to}"), &format!("To: {to};tag={tag}"), 1).as_bytes()).unwrap()
}

#[test]
fn a_call_of_release_14_is_as_in_the_traces_of_12_5_and_14() {
    let [ringing, ok, invite, ack, bye] = call(Release::V14);
    alike(&ringing, "58-cucm-180-to-calling-client-cucm12.5", &[], &[]);
    assert_eq!(
        call_info(&ringing).replace("gci= ;", ""),
        call_info(&model("58-cucm-180-to-calling-client-cucm12.5")).replace("gci= ;", "")
    );
    // Remote-Party-ID of the party that was called at first.
    alike(&ok, "59-cucm-200-to-calling-phone-cucm12.5", &["Remote-Party-ID"], &[]);
    assert_eq!(call_info(&ok), call_info(&model("59-cucm-200-to-calling-phone-cucm12.5")));
    alike(&invite, "63-cucm-invite-to-third-party-phone-cucm14", &["Call-Info"], &[]);
    alike(&ack, "64-cucm-ack-to-third-party-phone-cucm14", &[], &[]);
    alike(&bye, "61-cucm-bye-to-calling-phone-cucm11.0", &[], &[]);
}

/// How the second half of a Session-ID ends, after what CUCM makes up at random: two letters and the number of the leg.
fn ends_in_its_leg(message: &Message, name: &str) -> bool {
    let tag = message.header(name).unwrap().split_once(";tag=").unwrap().1.to_owned();
    let leg = tag.split('~').next().unwrap().to_owned();
    message.header("Session-ID").unwrap().ends_with(&format!("aa{leg}"))
}

#[test]
fn a_phone_without_a_session_id_gets_one_that_ends_in_its_leg() {
    for (name, tag) in
        [("60-cucm-200-to-calling-phone-cucm11.0", "To"), ("64-cucm-ack-to-third-party-phone-cucm14", "From")]
    {
        assert!(ends_in_its_leg(&model(name), tag), "{name}");
    }
    let [_, ok, _, ack, bye] = call(Release::V14);
    assert!(ends_in_its_leg(&ok, "To") && ends_in_its_leg(&ack, "From"));
    // Each phone is told the other one's.
    let halves = |message: &Message| message.session_id().unwrap().map(|id| (id.local, id.remote.unwrap())).unwrap();
    let (local, remote) = halves(&ok);
    assert_eq!(halves(&ack), (remote, local));
    assert_eq!(halves(&bye), halves(&ok));
}

#[test]
fn a_call_of_release_11_5_is_as_in_the_trace_of_11_0() {
    let [ringing, ok, _, _, bye] = call(Release::V11_5);
    alike(&ok, "60-cucm-200-to-calling-phone-cucm11.0", &[], &[]);
    alike(&bye, "61-cucm-bye-to-calling-phone-cucm11.0", &[], &[]);
    assert_eq!(ok.header("Session-ID"), bye.header("Session-ID"));
    assert_eq!(ok.header_all("Remote-Party-ID").last(), bye.header_all("Remote-Party-ID").last());
    // All answers to an INVITE bear the date of the INVITE.
    assert_eq!(ringing.header("Date"), ok.header("Date"));
    assert_ne!(ok.header("Date"), bye.header("Date"));
}

#[test]
fn the_byes_of_a_recording_are_as_in_the_traces() {
    let mut bench = Bench::ready(plain());
    let (ok, _) = bench.talk(&Sdp::new("10.48.38.101", 17_904), &Sdp::new("10.48.38.102", 17_906));
    let (near, _) = bench.record();
    bench.in_dialog(CALLER, "BYE", &ok, 102, None);
    let answer = bench.expect(CALLER, "200");
    let expected = ["Via", "From", "To", "Date", "Call-ID", "Server", "CSeq", "Content-Length"];
    assert_eq!(names(&answer), expected, "as the 200 to REGISTER");
    alike(&bench.next(AGENT), "65-cucm-bye-to-third-party-phone-cucm14", &["Reason"], &[]);
    let to_recorder = bench.expect(RECORDER, "BYE");
    alike(&to_recorder, "62-trunk-bye-cucm12.5", &["Max-Forwards"], &[]);
    assert_eq!(to_recorder.header("Session-ID"), near.header("Session-ID"));
    bench.expect(RECORDER, "BYE");
    alike(&bench.next(AGENT), "65-cucm-bye-to-third-party-phone-cucm14", &["Reason"], &[]);
}

#[test]
fn a_transfer_is_accepted_told_and_ended_as_in_the_traces_of_14() {
    let mut config = with_expert(unrecorded(plain()));
    config.release = Release::V14;
    let mut bench = Bench::ready(config);
    let offer = |port| Sdp::new("10.48.38.101", port);
    let (_, ack) = bench.talk(&offer(30_000), &offer(30_002));
    let refer = model("67-refer-blind-transfer-third-party-phone");
    let mut ours = sip::Builder::request("REFER", "sip:10.48.38.5").copy(&refer, "Via").copy(&refer, "Max-Forwards");
    for (name, about) in [("From", "To"), ("To", "From"), ("Call-ID", "Call-ID")] {
        ours = ours.header(name, ack.header(about).unwrap());
    }
    for name in ["CSeq", "Event", "Expires", "Supported", "Accept", "Referred-By"] {
        ours = ours.copy(&refer, name);
    }
    bench.give(AGENT, ours.header("Refer-To", "<sip:1002@10.48.38.5>").finish());
    let accepted = bench.expect(AGENT, "202");
    assert_eq!(names(&accepted), names(&model("68-cucm-202-refer-cucm14")));
    let notify = bench.ok(AGENT, "NOTIFY");
    assert_eq!(names(&notify), names(&model("69-cucm-notify-message-summary-cucm14")));
    let stop = bench.stopped(AGENT);
    let with_sdp: Vec<String> =
        names(&model("14-bib-reinvite-farend-no-sdp")).into_iter().filter(|name| name != "Content-Length").collect();
    let got: Vec<String> = names(&stop).into_iter().filter(|name| !name.starts_with("Content-")).collect();
    assert_eq!(got, with_sdp);
    let invite = bench.expect(EXPERT, "INVITE");
    bench.stopped(CALLER);
    bench.offers(CALLER, &offer(30_000));
    bench.expect(CALLER, "ACK");
    let contact = format!("Contact: <sip:line@10.48.38.103:50000;transport=tcp>\n{FALLBACK}");
    bench.answer(EXPERT, &invite, 200, "expert", &contact, Some(&offer(30_004).text()));
    bench.stopped(CALLER);
    bench.offers(CALLER, &offer(30_000));
    bench.ok(AGENT, "NOTIFY");
    let bye = bench.expect(AGENT, "BYE");
    assert_eq!(names(&bye), names(&model("65-cucm-bye-to-third-party-phone-cucm14")));
}
