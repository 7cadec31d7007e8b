//! Real messages of CUCM, phones and recorders: kept to the byte, and understood.

use sip::{Dialog, Frame, Framer, Limits, Message, ParseError, Refresher};

use crate::corpus::{refused, trace, traces};

/// Messages whose publishers changed the body after Content-Length was written: the length, and what is there.
const ANONYMISED: [(&str, usize, usize); 3] = [("32", 232, 230), ("42", 1069, 964), ("45", 250, 248)];

#[test]
fn every_trace_is_read_and_kept_to_the_byte() {
    let all = traces();
    assert_eq!(all.len(), 57);
    for (name, bytes) in all {
        let short = ANONYMISED.iter().find(|(number, ..)| name.starts_with(number));
        let message = match (short, Message::parse(&bytes)) {
            (None, read) => read.unwrap_or_else(|error| panic!("{name}: {error}")),
            (Some((_, declared, got)), read) => {
                let flaw = ParseError::BodyShort { declared: *declared, got: *got };
                assert_eq!(read.unwrap_err(), flaw, "{name}");
                let (message, flaws) = Message::parse_tolerant(&bytes);
                assert_eq!(flaws, [flaw], "{name}");
                message
            }
        };
        assert_eq!(message.as_bytes(), bytes, "{name}");
        assert_eq!(refused(&message), [""; 0], "{name}");
        let fields: Vec<u8> = message.headers().flat_map(|field| field.raw().to_vec()).collect();
        let line = message.start_line().len() + 2;
        assert_eq!(bytes[line..line + fields.len()], fields, "{name}: the fields are not the header block");
    }
}

#[test]
fn the_traces_as_one_stream_come_out_one_by_one() {
    let is_whole = |(name, _): &(String, Vec<u8>)| !["32", "39", "42", "45"].iter().any(|n| name.starts_with(n));
    let whole: Vec<_> = traces().into_iter().filter(is_whole).map(|(_, bytes)| bytes).collect();
    let stream = whole.concat();
    for chunk in [1, 7, 100, 1460, stream.len()] {
        let mut framer = Framer::strict(Limits::default());
        let mut got = Vec::new();
        for part in stream.chunks(chunk) {
            framer.push(part);
            while let Some(frame) = framer.next().unwrap() {
                let Frame::Message(message) = frame else { panic!("{frame:?}") };
                got.push(message.as_bytes().to_vec());
            }
        }
        assert_eq!(got, whole, "chunks of {chunk}");
    }
}

#[test]
fn the_recording_invite_tells_who_is_recorded() {
    let invite = trace("08");
    let from = invite.from_().unwrap();
    let expected = [
        ("x-nearend", None),
        ("x-refci", Some("19301625")),
        ("x-nearendclusterid", Some("StandAloneCluster")),
        ("x-nearenddevice", Some("SEP6C416A369525")),
        ("x-nearendaddr", Some("1001")),
        ("x-farendrefci", Some("19301624")),
        ("x-farendclusterid", Some("StandAloneCluster")),
        ("x-farenddevice", Some("SEP38ED18552A12")),
        ("x-farendaddr", Some("1000")),
    ];
    assert_eq!(from.uri.params.iter().collect::<Vec<_>>(), expected);
    assert_eq!(from.tag(), Some("104958~e650e088-60ba-4195-8387-3dcc0127efdc-19301629"));
    assert_eq!(from.display.as_deref(), Some("SJ User 2"));
    assert!(trace("11").from_().unwrap().uri.params.has("x-farend"));

    let tags = ["timer", "resource-priority", "replaces", "X-cisco-srtp-fallback", "Geolocation"];
    assert_eq!(invite.supported(), tags);
    assert_eq!((invite.min_se().unwrap(), invite.expires().unwrap()), (Some(1800), Some(180)));
    let timer = invite.session_expires().unwrap().unwrap();
    assert_eq!((timer.seconds, timer.refresher), (1800, None));
    assert_eq!(invite.session_id().unwrap().unwrap().local, "0848153900105000a0006c416a369525");
    assert_eq!(invite.cisco_guid().unwrap().unwrap().to_string(), "0894781184-0000065536-0000000022-0086388750");
    let contact = invite.contact().unwrap().unwrap();
    assert!(contact.params.has("isfocus"));
    assert_eq!(contact.params.get("+u.sip!devicename.ccm.cisco.com"), Some("SEP6C416A369525"));
    assert_eq!(contact.uri.params.get("transport"), Some("tcp"));
    assert_eq!(invite.p_asserted_identity().unwrap()[0].uri.user.as_deref(), Some("1001"));
    assert_eq!(invite.remote_party_id().unwrap()[0].params.get("party"), Some("calling"));
    let infos = invite.call_info().unwrap();
    assert_eq!(infos[0].params.get("method"), Some("NOTIFY;Event=telephone-event;Duration=500"));
    assert!(infos[1].is_cisco());
}

#[test]
fn the_bridge_invitation_names_the_main_dialog_of_the_phone() {
    let (invite, answer, bridge) = (trace("02"), trace("03"), trace("05"));
    let phone = Dialog::from_request(&invite, answer.to().unwrap().tag().unwrap()).unwrap();
    let join = bridge.join().unwrap().unwrap();
    assert_eq!(join.call_id, phone.call_id);
    assert_eq!((join.from_tag, join.to_tag), (phone.local_tag, phone.remote_tag));
    assert_eq!(bridge.cisco_call_info().unwrap().record_invoker(), Some("auto"));
}

#[test]
fn call_info_of_the_line_side_is_understood() {
    let info = trace("04").cisco_call_info().unwrap();
    assert_eq!((info.security(), info.orientation()), (Some("NotAuthenticated"), Some("to")));
    assert_eq!((info.gci(), info.call_instance(), info.is_voip()), (Some("1-2029"), Some(1), true));
    assert_eq!(trace("02").cisco_call_info().unwrap().security(), Some("Unknown"));
    assert_eq!(trace("30").cisco_call_info(), None);
}

#[test]
fn smaller_headers_are_understood() {
    let bye = trace("28").reason_header().unwrap().unwrap();
    assert_eq!((bye.protocol.as_str(), bye.cause), ("Q.850", Some(47)));
    assert_eq!(trace("31").session_expires().unwrap().unwrap().refresher, Some(Refresher::Uas));
    assert_eq!(trace("39").session_expires().unwrap().unwrap().refresher, Some(Refresher::Uac));
    assert_eq!(trace("41").require(), ["timer"]);
    assert_eq!(trace("36").max_forwards().unwrap(), Some(0));
    assert_eq!(trace("41").remote_party_id().unwrap()[1].params.get("party"), Some("x-cisco-original-called"));
}

#[test]
fn a_dialog_joins_the_recorders_answer_to_its_invite_and_takes_the_ack() {
    let (invite, answer, ack) = (trace("08"), trace("13"), trace("21"));
    let mut cucm = Dialog::from_response(&invite, &answer).unwrap();
    let mut recorder = Dialog::from_request(&invite, answer.to().unwrap().tag().unwrap()).unwrap();
    assert!(cucm.matches(&answer) && !recorder.matches(&answer));
    assert!(recorder.matches(&ack) && !cucm.matches(&ack));
    recorder.accept(&ack).unwrap();
    assert_eq!(recorder.remote_header(), invite.header("From").unwrap());
    assert_eq!(cucm.local_header(), invite.header("From").unwrap());
    assert_eq!(cucm.remote_target, "sip:7878@10.48.38.30:5060;transport=TCP");
    assert_eq!(ack.request_uri(), Some(cucm.remote_target.as_str()));
    assert_eq!(cucm.next_cseq(), 102);
}
