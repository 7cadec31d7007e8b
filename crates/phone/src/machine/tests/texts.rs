//! Headers and their order, message by message, against captures and the lists of Cisco's published phone stack.

use super::*;

#[test]
fn a_registration_has_the_documented_headers_and_is_refreshed_in_time() {
    let mut rig = Rig::new(PHONE_A, &[]);
    let first = rig.sent[0].clone();
    assert_eq!(names(&first), names(&trace("52")));
    rig.pass(Duration::from_secs(114));
    assert_eq!(rig.sent.len(), 1);
    rig.pass(Duration::from_secs(1));
    assert_eq!(rig.sent.len(), 2);
    assert_eq!(header(&rig.last(), "Call-ID"), header(&first, "Call-ID"));
    assert_eq!(header(&rig.last(), "CSeq"), "102 REGISTER");
    assert_eq!(names(&rig.last()), names(&trace("55")));
    let ok = answer_to(&rig.last(), "200 OK", "Expires: 120\r\n", "");
    rig.receive(&ok);
    // The end is between the two: no body, an alarm (inferred).
    rig.command(Command::Unregister).unwrap();
    let mut expected = names(&trace("55"));
    expected.insert(expected.len() - 1, "Reason".to_owned());
    assert_eq!(names(&rig.last()), expected);
    assert_eq!(header(&rig.last(), "Expires"), "0");
}

/// The phone of a capture of REGISTER, and the identifiers it had there.
fn registrant(number: &str) -> (Profile, Stamp, String, String) {
    let text = trace(number);
    let message = Message::parse(text.as_bytes()).unwrap();
    let contact = message.contact().unwrap().unwrap();
    let param = |name: &str| contact.params.get(name).unwrap().to_owned();
    let profile = Profile {
        device: param("+u.sip!devicename.ccm.cisco.com"),
        user_agent: header(&text, "User-Agent"),
        model_number: param("+u.sip!model.ccm.cisco.com").parse().unwrap(),
        load: "sip78xx.12-1-1-12.loads".into(),
        number: message.to().unwrap().uri.user.unwrap(),
        display: String::new(),
        registrar: message.to().unwrap().uri.host.parse().unwrap(),
        local: (contact.uri.host.parse::<std::net::IpAddr>().unwrap(), contact.uri.port.unwrap()).into(),
        transport: Transport::Tcp,
        contact_user: contact.uri.user.clone().unwrap(),
    };
    let session = message.session_id().unwrap().unwrap().local;
    let wall = jiff::fmt::rfc2822::parse(&header(&text, "Date").replace("GMT", "+0000")).unwrap().timestamp();
    let stamp = Stamp {
        branch: header(&text, "Via").split_once("branch=").unwrap().1.to_owned(),
        cseq: message.cseq().unwrap().number,
        session: (session, "0".repeat(32)),
        wall: wall.into(),
    };
    (profile, stamp, message.from_().unwrap().tag().unwrap().to_owned(), message.call_id().unwrap())
}

#[test]
fn a_registration_is_that_of_the_capture_byte_for_byte_but_for_what_happened_last() {
    let (profile, stamp, tag, call_id) = registrant("52");
    let ours = text::register(&profile, &tag, &call_id, &stamp, text::Registering::First);
    let ours = String::from_utf8(ours.as_bytes().to_vec()).unwrap();
    // The capture's phone had been restarted and had another load before.
    let ours = ours
        .replace("cisco-alarm:25 ", "cisco-alarm:23 ")
        .replace("InactiveLoad=sip78xx.12-1-1-12", "InactiveLoad=sip78xx.10-3-1-12")
        .replace("Last=initialized", "Last=reset-restart");
    for (at, (ours, theirs)) in ours.split_inclusive('\n').zip(trace("52").split_inclusive('\n')).enumerate() {
        assert_eq!(ours, theirs, "line {}", at + 1);
    }
    assert_eq!(ours, trace("52"));
}

#[test]
fn a_refresh_is_that_of_the_capture_byte_for_byte() {
    let (profile, stamp, tag, call_id) = registrant("55");
    let ours = text::register(&profile, &tag, &call_id, &stamp, text::Registering::Refresh);
    assert_eq!(String::from_utf8_lossy(ours.as_bytes()), trace("55"));
}

#[test]
fn the_ack_is_that_of_the_capture_line_by_line() {
    let mut rig = Rig::new(PHONE_A, &[]);
    rig.command(Command::Dial("1001".into())).unwrap();
    let invite = rig.last();
    let ok = trace("04");
    let answer = ok.split("\r\n").map(|line| match line.split_once(": ") {
        Some((name @ ("Via" | "From" | "Call-ID"), _)) => format!("{name}: {}", header(&invite, name)),
        _ => line.to_owned(),
    });
    rig.receive(&answer.collect::<Vec<_>>().join("\r\n"));
    assert_like(&rig.last(), "51", PHONE_A);
}

/// What no capture shows is held against the header lists of Cisco's published phone stack, `ccsip_messaging.c`.
#[test]
fn every_invite_is_tried_at_once_and_a_call_then_rings() {
    let mut rig = Rig::new(PHONE_B, &[]);
    rig.receive(&trace("02"));
    let [.., trying, ringing] = rig.sent.as_slice() else { panic!() };
    let list = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let expected = "Via From To Call-ID Session-ID Date CSeq Server Contact Allow Supported Allow-Events Content-Length \
                    Recv-Info Recv-Info";
    assert!(trying.starts_with("SIP/2.0 100 Trying\r\n"));
    assert_eq!(names(trying), list(expected));
    assert!(!header(trying, "To").contains(";tag="), "no dialog yet");
    let expected = "Via From To Call-ID Session-ID Date CSeq Server Contact Allow Remote-Party-ID Supported Allow-Events \
                    Content-Length";
    assert!(ringing.starts_with("SIP/2.0 180 Ringing\r\n"));
    assert_eq!(names(ringing), list(expected));
    assert_eq!(header(trying, "Session-ID"), header(ringing, "Session-ID"));

    let mut rig = Rig::in_call(&[], avp);
    rig.fork("05", "07", "16", "20", |_| String::new());
    let tried: Vec<_> = rig.sent.iter().filter(|text| text.starts_with("SIP/2.0 100 ")).collect();
    assert_eq!(tried.len(), 3, "call, bridge, and the bridge's re-INVITE");
    assert!(header(tried[2], "To").contains(";tag="), "within a dialog");
}

#[test]
fn refusals_and_the_200_to_bye_are_short() {
    let mut rig = Rig::in_call(&[], avp);
    rig.machine.settings.busy_trigger = 1;
    rig.receive(&trace("02").replace("34241a00", "34241a01").replace("z9hG4bK32e829c48246", "z9hG4bKother"));
    assert_eq!(names(&rig.last()), ["Via", "From", "To", "Call-ID", "Date", "CSeq", "Content-Length"]);
    let tag = rig.machine.calls[0].local_tag.clone();
    let bye = with_to_tag(&trace("02"), &tag).replace("INVITE sip:", "BYE sip:").replace("101 INVITE", "102 BYE");
    rig.receive(&bye.replace("z9hG4bK32e829c48246", "z9hG4bKbye"));
    assert!(rig.last().starts_with("SIP/2.0 200 OK\r\n"));
    let expected = ["Via", "From", "To", "Call-ID", "Session-ID", "Date", "CSeq", "Server", "Content-Length"];
    assert_eq!(names(&rig.last()), expected);
}
