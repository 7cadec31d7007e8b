//! The traces of Cisco document 200788, "Configure and Troubleshoot Basic Call Recording", repeated: given what the phones and
//! the recorder said, and the counters of that cluster, everything that CUCM says must come out byte for byte.

use cucm::CucmEvent;
use cucm::Protection;
use cucm::config::{OptionsPing, Release};
use cucm::engine::Numbering;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sip::{Message, Transport};

use crate::bench::*;

/// The random word behind the counter in the branch of a trace.
fn word(name: &str) -> u32 {
    let text = trace(name);
    let branch = text.split("branch=z9hG4bK").nth(1).unwrap().lines().next().unwrap().to_owned();
    u32::from_str_radix(&branch[4..], 16).unwrap()
}

fn numbering() -> Numbering {
    let words = [
        "02-cucm-invite-to-recorded-phone",
        "02-cucm-invite-to-recorded-phone", // the ACK of this INVITE is in no trace
        "05-bib-invite-nearend-cucm-to-phone",
        "07-bib-ack-nearend-no-sdp",
        "08-rec-invite-nearend-cucm11.5",
        "09-bib-invite-farend-cucm-to-phone",
        "50-bib-ack-farend-no-sdp",
        "11-rec-invite-farend-cucm11.5",
        "14-bib-reinvite-farend-no-sdp",
        "16-bib-reinvite-nearend-no-sdp",
        "18-bib-ack-farend-recorder-address",
        "19-rec-ack-farend-sendonly",
        "20-bib-ack-nearend-recorder-address",
        "21-rec-ack-nearend-sendonly",
    ];
    Numbering {
        branch: 0x32e8,
        branch_words: words.map(word).to_vec(),
        leg: 104_951,
        identifier: 19_301_624,
        dialog: 0x327f,
        guid: 22,
        call: 2029,
        // The document replaced 14.48.38.5 by 10.48.38.5, but not in the last part of a Call-ID.
        host: Some(u32::from_le_bytes([14, 48, 38, 5])),
        node_uuid: "e650e088-60ba-4195-8387-3dcc0127efdc".to_owned(),
        // Five digits more than these leg numbers leave room for.
        invented_sessions: ["", "c83405810147c69016c3863400000"].map(str::to_owned),
    }
}

#[track_caller]
pub(crate) fn same(sent: &Message, name: &str) {
    let expected = trace(name);
    let got = String::from_utf8_lossy(sent.as_bytes()).into_owned();
    for (number, (got, expected)) in got.lines().zip(expected.lines()).enumerate() {
        assert_eq!(got, expected, "line {} of {name}", number + 1);
    }
    assert_eq!(got, expected, "{name}");
}

/// The recorder's masked crypto lines, made readable without changing the length of the body.
fn unmasked(name: &str) -> Message {
    let mask = "X".repeat(73);
    let text = trace(name);
    let key = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
    let text = text.replacen(&mask, &format!("1 AES_CM_128_HMAC_SHA1_80 inline:{key}"), 1);
    let text = text.replacen(&mask, &format!("2 AES_CM_128_HMAC_SHA1_32 inline:{key}"), 1);
    Message::parse(text.as_bytes()).unwrap()
}

#[test]
fn a_recorded_call_of_release_11_5_comes_out_byte_for_byte() {
    // Both phones offer G.722, and this cluster does not give it to a recorded one (service parameter *G.722 Codec Enabled*).
    let mut cluster = plain();
    cluster.region.codecs = ["PCMU", "PCMA"].map(str::to_owned).to_vec();
    let mut bench = Bench::at(cluster, "2019-08-27T15:27:41.100Z", Some(numbering()));
    bench.open(CALLER, Transport::Tcp, None);
    bench.open(AGENT, Transport::Tcp, None);
    bench.register(CALLER, Transport::Tcp, CALLER_DEVICE, "1000", "sip:a@10.48.38.102:50147;transport=tcp");
    let contact = "sip:91a43f66-ca58-9cd3-b0e5-588aa61a72bc@10.48.38.107:51902;transport=tcp";
    bench.register(AGENT, Transport::Tcp, AGENT_DEVICE, "1001", contact);

    // The call.
    bench.give_text(CALLER, &trace("01-phoneA-invite-main-call"));
    bench.expect(CALLER, "100");
    let invite = bench.next(AGENT);
    same(&invite, "02-cucm-invite-to-recorded-phone");
    bench.give(AGENT, sip::Builder::reply(&invite, 100, "Trying", None).finish());
    bench.wait(2_370);
    bench.give_text(AGENT, &trace("03-recorded-phone-200-main-call"));
    // It bears the date of the INVITE.
    same(&bench.next(CALLER), "04-cucm-200-to-calling-phone");
    let ack = bench.expect(AGENT, "ACK");
    let expected = "v=0\r\no=CiscoSystemsCCM-SIP 104952 1 IN IP4 10.48.38.5\r\ns=SIP Call\r\nc=IN IP4 10.48.38.102\r\nb=AS:64\r\n\
        t=0 0\r\nm=audio 17904 RTP/AVP 0 101\r\nb=TIAS:64000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n\
        a=fmtp:101 0-15\r\n";
    assert_eq!(String::from_utf8_lossy(ack.body()), expected);

    // The near end, which does not wait for the caller's ACK.
    bench.wait(9);
    same(&bench.next(AGENT), "05-bib-invite-nearend-cucm-to-phone");
    bench.wait(64);
    bench.give_text(CALLER, &trace("51-phoneA-ack-main-call"));
    bench.wait(204);
    bench.give_text(AGENT, &trace("06-bib-200-nearend-inactive"));
    same(&bench.next(AGENT), "07-bib-ack-nearend-no-sdp");
    bench.wait(7);
    bench.connected(RECORDER);
    same(&bench.next(RECORDER), "08-rec-invite-nearend-cucm11.5");

    // The far end, which does not wait for the recorder.
    bench.wait(2);
    same(&bench.next(AGENT), "09-bib-invite-farend-cucm-to-phone");
    bench.wait(287);
    bench.give_text(AGENT, &trace("10-bib-200-farend-inactive"));
    same(&bench.next(AGENT), "50-bib-ack-farend-no-sdp");
    bench.wait(8);
    same(&bench.next(RECORDER), "11-rec-invite-farend-cucm11.5");

    // The recorder answers, the far end first.
    bench.wait(119);
    bench.give(RECORDER, unmasked("12-rec-200-farend-mediasense-savp"));
    bench.wait(2);
    bench.give(RECORDER, unmasked("13-rec-200-nearend-mediasense-savp"));
    bench.wait(6);
    same(&bench.next(AGENT), "14-bib-reinvite-farend-no-sdp");
    same(&bench.next(AGENT), "16-bib-reinvite-nearend-no-sdp");
    bench.wait(209);
    bench.give_text(AGENT, &trace("15-bib-200-farend-sendrecv"));
    bench.wait(9);
    bench.give_text(AGENT, &trace("17-bib-200-nearend-sendrecv"));
    bench.wait(20);
    same(&bench.next(AGENT), "18-bib-ack-farend-recorder-address");
    same(&bench.next(RECORDER), "19-rec-ack-farend-sendonly");
    same(&bench.next(AGENT), "20-bib-ack-nearend-recorder-address");
    same(&bench.next(RECORDER), "21-rec-ack-nearend-sendonly");
    bench.quiet();

    let Some(CucmEvent::RecordingStarted(started)) = bench.events.last() else {
        panic!("{:?}", bench.events);
    };
    assert_eq!((started.refci, started.farendrefci), (19_301_625, 19_301_624));
    assert_eq!(started.main_call_id, "34241a00-d6514bed-327f-526300e@10.48.38.5");
    assert_eq!(started.near_leg.bridge_call_id, "35554700-d6514bef-3280-526300e@10.48.38.5");
    assert_eq!(started.near_leg.recorder_call_id, "35554700-d6514bef-3281-526300e@10.48.38.5");
    assert_eq!(started.far_leg.recorder_call_id, "35eddd80-d6514bf0-3283-526300e@10.48.38.5");
    assert_eq!(started.far_leg.phone_media, "10.48.38.107:17904".parse().unwrap());
    assert_eq!(started.near_leg.recorder_media, "10.48.38.30:59058".parse().unwrap());
    assert_eq!(started.near_leg.protection, Protection::Rtp, "the phone is not secure: fallback");

    // The BYE is that of a 10.5 trace of the same document, with the Session-ID of later releases, but for what is another
    // cluster's.
    bench.give_text(
        AGENT,
        "BYE sip:1000@10.48.38.5:5060;transport=tcp SIP/2.0\r\nVia: SIP/2.0/TCP 10.48.38.107:51902;branch=z9hG4bKbye\r\n\
         From: <sip:1001@10.48.38.5>;tag=6c416a369525006f33cf6f38-43c38ad2\r\n\
         To: \"SJ User 1\" <sip:1000@10.48.38.5>;tag=104952~e650e088-60ba-4195-8387-3dcc0127efdc-19301625\r\n\
         Call-ID: 34241a00-d6514bed-327f-526300e@10.48.38.5\r\nCSeq: 101 BYE\r\nContent-Length: 0\r\n\r\n",
    );
    bench.expect(AGENT, "200");
    bench.expect(CALLER, "BYE");
    let bye = bench.expect(RECORDER, "BYE");
    let model = Message::parse(trace("28-rec-bye-cause47-nearend").as_bytes()).unwrap();
    let names = |message: &Message| message.headers().map(|field| field.name().to_owned()).collect::<Vec<_>>();
    let mut expected = names(&model);
    expected.insert(expected.len() - 1, "Session-ID".to_owned());
    assert_eq!(names(&bye), expected);
    let ack = Message::parse(trace("21-rec-ack-nearend-sendonly").as_bytes()).unwrap();
    assert_eq!(bye.header("Session-ID"), ack.header("Session-ID"));
    assert_eq!(bye.request_uri(), Some("sip:7878@10.48.38.30:5060;transport=TCP"));
    assert_eq!(bye.header("Reason").as_deref(), Some("Q.850;cause=16"));
    assert_eq!(bye.header("CSeq").as_deref(), Some("102 BYE"));
    assert!(bye.header("From").unwrap().contains("x-nearend;"), "near before far");
    assert!(bench.expect(RECORDER, "BYE").header("From").unwrap().contains("x-farend;"));
}

#[test]
fn the_options_ping_of_release_14_comes_out_byte_for_byte() {
    let mut config = plain();
    config.release = Release::V14;
    config.address = "192.168.80.100".parse().unwrap();
    config.trunks[0].destinations[0].address = "192.168.80.11".parse().unwrap();
    config.sip_profiles[0].options_ping = Some(OptionsPing::default());
    let numbering = Numbering {
        branch: 0x32,
        branch_words: vec![0x20cd_6291],
        dialog: 0x13,
        ..Numbering::seeded(&mut ChaCha20Rng::seed_from_u64(1))
    };
    let mut bench = Bench::at(config, "2023-09-03T20:11:53.000Z", Some(numbering));
    bench.wait(1);
    bench.connected(RECORDER);
    let ping = bench.expect(RECORDER, "OPTIONS");
    // The tag is random: the trace's is put in its place.
    let text = String::from_utf8(ping.as_bytes().to_vec()).unwrap();
    let tag = ping.from_().unwrap().tag().unwrap().to_owned();
    assert!(tag.parse::<u32>().is_ok(), "a decimal number, got {tag}");
    assert_eq!(text.replace(&tag, "471242191"), trace("36-options-ping-cucm14"));
}
