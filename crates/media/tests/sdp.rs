//! Session descriptions as CUCM and recorders write them, as nobody should write them, and altered at random.

use media::sdes::{Crypto, SdesError};
use media::sdp::{
    AnswerError, Audio, Direction, Format, PickError, Profile, Refusals, Sdp, SdpError, check_answer, common_formats,
    common_suites, pick, redact,
};
use media::srtp::Suite;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// CUCM 11.5 to a recorder, ACK of the near end, from Cisco's "Configure and Troubleshoot Basic Call Recording".
const CUCM_ACK: &str = "v=0
o=CiscoSystemsCCM-SIP 104958 1 IN IP4 10.48.38.5
s=SIP Call
c=IN IP4 10.48.38.107
b=TIAS:64000
b=AS:64
t=0 0
m=audio 26396 RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=sendonly
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
";

/// MediaSense 11 to CUCM, 200 OK, from the same document; its masked keys are replaced.
const RECORDER_OFFER: &str = "v=0
o=CiscoORA 707 1 IN IP4 10.48.38.30
s=SIP Call
c=IN IP4 10.48.38.30
t=0 0
m=audio 56512 RTP/SAVP 102 0 8 9 18
a=rtpmap:102 MP4A-LATM/90000
a=fmtp:102 profile-level-id=24;object=23;bitrate=64000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:9 G722/8000
a=rtpmap:18 G729/8000
a=recvonly
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:MTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5QUJjZGVm
a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:QUJjZGVmMTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5
";

/// CUCM 10.5 to a trunk, from a Cisco document on logical partitioning: how it writes a list of codecs.
const CUCM_CODECS: &str = "v=0
o=CiscoSystemsCCM-SIP 16120 1 IN IP4 10.106.97.135
s=SIP Call
c=IN IP4 10.65.43.112
b=TIAS:64000
b=CT:64
b=AS:64
t=0 0
m=audio 4000 RTP/AVP 9 0 8 116 3 18
a=ptime:20
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:116 iLBC/8000
a=maxptime:60
a=fmtp:116 mode=20
a=rtpmap:3 GSM/8000
a=rtpmap:18 G729/8000
a=sendonly
";

#[test]
fn every_stream_but_the_voice_is_refused_in_its_place() {
    let text = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=video 5000 RTP/AVP 97 98\r\n\
                a=rtpmap:97 H264/90000\r\nm=audio 0 RTP/AVP 8\r\nm=audio 4000 RTP/AVP 0\r\n\
                m=application 6000/2 UDP/BFCP *\r\n";
    let refusals = Sdp::parse(text.as_bytes()).unwrap().refusals();
    assert_eq!(refusals.before, "m=video 0 RTP/AVP 97 98\r\nm=audio 0 RTP/AVP 8\r\n");
    assert_eq!(refusals.behind, "m=application 0 UDP/BFCP *\r\n");
    let without_voice = Sdp::parse(text.replace("m=audio", "m=image").as_bytes()).unwrap().refusals();
    assert_eq!((without_voice.before.matches("m=").count(), without_voice.behind.as_str()), (4, ""));
    assert_eq!(Sdp::parse(medium("m=audio 4000 RTP/AVP 0").as_bytes()).unwrap().refusals(), Refusals::default());
}

#[test]
fn what_cucm_answers_to_a_recorder_reads_whole() {
    let sdp = parse(CUCM_ACK).unwrap();
    assert_eq!(sdp.raw, crlf(CUCM_ACK));
    let audio = sdp.audio().unwrap();
    assert_eq!((audio.address.to_string().as_str(), audio.port), ("10.48.38.107", 26396));
    assert_eq!((audio.profile, audio.direction, audio.ptime), (Profile::Avp, Direction::SendOnly, None));
    assert_eq!(audio.formats, [format(0, "PCMU", 8000, None), format(101, "telephone-event", 8000, Some("0-15"))]);
    assert_eq!((audio.origin.username.as_str(), audio.origin.version), ("CiscoSystemsCCM-SIP", 1));
    assert_eq!((audio.origin.session_id.as_str(), audio.origin.address.as_str()), ("104958", "10.48.38.5"));
    assert!(audio.crypto.is_empty() && audio.bad_crypto.is_empty());
}

#[test]
fn a_list_of_codecs_keeps_its_order_and_parameters() {
    let audio = audio(CUCM_CODECS);
    let names: Vec<&str> = audio.formats.iter().map(|format| format.encoding.as_str()).collect();
    assert_eq!(names, ["G722", "PCMU", "PCMA", "iLBC", "GSM", "G729"]);
    assert_eq!((audio.ptime, audio.formats[3].fmtp.as_deref()), (Some(20), Some("mode=20")));
}

#[test]
fn a_recorders_offer_reads_with_its_keys_and_shows_them_to_nobody() {
    let sdp = parse(RECORDER_OFFER).unwrap();
    let audio = sdp.audio().unwrap();
    assert_eq!((audio.profile, audio.direction), (Profile::Savp, Direction::RecvOnly));
    let suites: Vec<(u32, Option<Suite>)> = audio.crypto.iter().map(|c| (c.tag, c.known_suite())).collect();
    assert_eq!(suites, [(1, Some(Suite::AesCm128HmacSha1_80)), (2, Some(Suite::AesCm128HmacSha1_32))]);
    assert_eq!(audio.crypto[0].master_key().unwrap().as_bytes(), b"123456789ABCDE0123456789ABcdef");
    for shown in [format!("{sdp:?} {audio:?}"), sdp.redacted(), redact(&sdp.raw)] {
        assert!(!shown.contains("MTIz") && !shown.contains("QUJj"), "{shown}");
    }
    assert!(sdp.redacted().contains("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:…\r\n"));
}

#[test]
fn crypto_lines_count_wherever_they_stand() {
    let expected = audio(RECORDER_OFFER);
    let crypto: Vec<&str> = RECORDER_OFFER.lines().filter(|line| line.starts_with("a=crypto")).collect();
    let rest: Vec<&str> = RECORDER_OFFER.lines().filter(|line| !line.starts_with("a=crypto")).collect();
    // From right behind t=, which is the session part, through every place in the medium.
    for place in 5..=rest.len() {
        let mut lines = rest.clone();
        lines.splice(place..place, crypto.iter().copied());
        assert_eq!(audio(&lines.join("\n")), expected, "at line {place}");
    }
}

#[test]
fn static_payload_types_need_no_rtpmap_and_dynamic_ones_do() {
    let audio = audio(&medium("m=audio 4000 RTP/AVP 0 8 9 18 0 101 96\na=rtpmap:96 L16/16000"));
    let expected = [
        format(0, "PCMU", 8000, None),
        format(8, "PCMA", 8000, None),
        format(9, "G722", 8000, None),
        format(18, "G729", 8000, None),
        format(96, "L16", 16000, None),
    ];
    assert_eq!(audio.formats, expected);
}

#[test]
fn the_medium_overrules_the_session() {
    let session = "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\na=inactive\n";
    let plain = audio(&format!("{session}m=audio 4000 RTP/AVP 0"));
    assert_eq!((plain.direction, plain.address.to_string().as_str()), (Direction::Inactive, "192.0.2.1"));
    let own = "m=audio 4000 RTP/AVP 0\nc=IN IP6 2001:db8::7\na=label:x\na=mid:near\na=recvonly";
    let own = audio(&format!("{session}{own}"));
    assert_eq!((own.direction, own.address.to_string().as_str()), (Direction::RecvOnly, "2001:db8::7"));
    assert_eq!((own.label.as_deref(), own.mid.as_deref()), (Some("x"), Some("near")));
    let held = audio(&medium("m=audio 4000 RTP/AVP 0\nc=IN IP4 0.0.0.0"));
    assert!(held.address.is_unspecified());
    assert_eq!(held.direction, Direction::SendRecv);
    let video_first = audio(&medium("m=video 5000 RTP/AVP 31\nm=audio 0 RTP/AVP 8\nm=audio 4002 RTP/AVP 0"));
    assert_eq!(video_first.port, 4002);
    assert_eq!(audio(&medium("m=audio 0 RTP/AVP 8")).port, 0);
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    let refused = |text: &str| parse(text).and_then(|sdp| sdp.audio()).unwrap_err();
    assert_eq!(refused(&medium("")), SdpError::NoAudio);
    assert_eq!(refused(&medium("m=audio 4000 RTP/AVP 0 200")), SdpError::PayloadType("200".into()));
    assert_eq!(refused(&medium("m=audio 4000 RTP/AVP +5")), SdpError::PayloadType("+5".into()));
    assert_eq!(refused(&medium("m=audio 4000 UDP/TLS/RTP/SAVPF 0")), SdpError::Profile("UDP/TLS/RTP/SAVPF".into()));
    assert_eq!(refused("v=0\no=- 1 1 IN IP4 h\ns=-\nt=0 0\nm=audio 4000 RTP/AVP 0"), SdpError::NoAddress);
    let named = "m=audio 4000 RTP/AVP 0\nc=IN IP4 recorder.example.com";
    assert_eq!(refused(&medium(named)), SdpError::Address("recorder.example.com".into()));
    let clock = refused(&medium("m=audio 4000 RTP/AVP 96\na=rtpmap:96 PCMU/0"));
    assert!(matches!(clock, SdpError::Attribute { name: "rtpmap", .. }), "{clock}");
    assert!(matches!(refused("m=audio"), SdpError::Syntax(_)));
    let crypto = "m=audio 4000 RTP/SAVP 0\n".to_owned() + &"a=crypto:1 X inline:x\n".repeat(1000);
    assert_eq!(refused(&medium(&crypto)), SdpError::TooMany { what: "a=crypto lines", limit: 64 });
    let maps = "m=audio 4000 RTP/AVP 0\n".to_owned() + &"a=rtpmap:0 PCMU/8000\n".repeat(500);
    assert_eq!(refused(&medium(&maps)), SdpError::TooMany { what: "a=rtpmap lines", limit: 256 });
    let line = format!("m=audio 4000 RTP/AVP 0\na=x:{}", "x".repeat(1_000_000));
    assert!(matches!(refused(&medium(&line)), SdpError::TooLong { expected: 65536, .. }));
    assert_eq!(audio(&medium(&"m=audio 4000 RTP/AVP 0\n".repeat(1000))).port, 4000);
}

#[test]
fn a_bad_crypto_line_is_named_and_costs_no_good_one() {
    let good = "a=crypto:2 AEAD_AES_128_GCM inline:MTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5QUJjZA";
    let audio = audio(&medium(&format!(
        "m=audio 4000 RTP/SAVP 0\na=crypto\na=crypto:1 AEAD_AES_256_GCM uri:x\n{good}\na=crypto:3 F8_128_HMAC_SHA1_80 inline:x"
    )));
    assert_eq!(audio.bad_crypto, [SdesError::Missing("tag"), SdesError::Method]);
    assert_eq!(audio.crypto.iter().map(|crypto| crypto.tag).collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn strange_but_harmless_lines_do_no_harm() {
    let mut bytes = crlf(&medium("q=unknown\nm=audio 4000 RTP/AVP 0\na=ptime:0\na=X-cisco-media:x\na=ptime"));
    let name = bytes.windows(3).position(|w| w == b"s=-").unwrap() + 2;
    bytes[name] = 0xe9;
    let sdp = Sdp::parse(&bytes).unwrap();
    assert_eq!(sdp.raw, bytes, "the Latin-1 byte is kept");
    assert_eq!((sdp.audio().unwrap().port, sdp.audio().unwrap().ptime), (4000, None));
    let bare = Sdp::parse(b"v=0\nm=audio 4000 RTP/AVP 0\nc=IN IP4 192.0.2.1\n").unwrap();
    assert_eq!(bare.audio().unwrap().port, 4000);
}

#[test]
fn an_answerer_takes_the_first_of_the_offer_that_is_its_own_too() {
    let offer = audio(RECORDER_OFFER);
    let phone = [format(8, "pcma", 8000, None), format(0, "PCMU", 8000, None)];
    let chosen = pick(&offer, &phone, &Suite::ALL).unwrap();
    assert_eq!((chosen.format.encoding.as_str(), chosen.direction), ("PCMU", Direction::SendOnly));
    assert_eq!(chosen.crypto.map(|crypto| crypto.tag), Some(1));
    assert_eq!(chosen.telephone_event, None);
    let old = pick(&offer, &phone[..1], &[Suite::AesCm128HmacSha1_32]).unwrap();
    assert_eq!((old.format.payload_type, old.crypto.unwrap().tag), (8, 2));
    assert_eq!(pick(&offer, &phone, &[Suite::AeadAes256Gcm]), Err(PickError::NoSuite));
    assert_eq!(pick(&offer, &[format(3, "GSM", 8000, None)], &Suite::ALL), Err(PickError::NoFormat));
    assert_eq!(pick(&audio(&medium("m=audio 0 RTP/AVP 0")), &phone, &[]), Err(PickError::Refused));
    let plain = pick(&audio(CUCM_ACK), &[format(96, "telephone-event", 8000, None), phone[1].clone()], &[]).unwrap();
    assert_eq!((plain.crypto, plain.telephone_event.unwrap().payload_type), (None, 101));
}

#[test]
fn what_is_common_keeps_the_order_of_the_first() {
    let (first, second) = (audio(CUCM_CODECS).formats, audio(RECORDER_OFFER).formats);
    let names = |formats: Vec<Format>| formats.into_iter().map(|f| f.encoding).collect::<Vec<_>>();
    assert_eq!(names(common_formats(&first, &second)), ["G722", "PCMU", "PCMA", "G729"]);
    assert_eq!(names(common_formats(&second, &first)), ["PCMU", "PCMA", "G722", "G729"]);
    let offered = audio(RECORDER_OFFER).crypto;
    let tags = |ours: &[Suite]| common_suites(&offered, ours).iter().map(|c| c.tag).collect::<Vec<_>>();
    assert_eq!(tags(&Suite::ALL), [1, 2]);
    assert_eq!(tags(&[Suite::AeadAes128Gcm, Suite::AesCm128HmacSha1_32]), [2]);
    let [mut first, second] = [offered[0].clone(), offered[1].clone()];
    first.session.push("UNENCRYPTED_SRTP".to_owned());
    let left = [first, second];
    assert_eq!(common_suites(&left, &Suite::ALL), [&left[1]], "a line that asks for what we cannot do");
}

#[test]
fn an_answer_that_breaks_its_offer_is_told_how() {
    let offer = audio(RECORDER_OFFER);
    let key = "inline:MTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5QUJjZGVm";
    let answer = |port: u16, profile: &str, formats: &str, direction: &str, crypto: &str| {
        let text =
            format!("m=audio {port} {profile} {formats}\na={direction}\na=rtpmap:101 telephone-event/8000\n{crypto}");
        check_answer(&offer, &audio(&medium(&text)))
    };
    let line = |tag: u32, suite: &str| format!("a=crypto:{tag} {suite} {key}\n");
    let good = line(1, "AES_CM_128_HMAC_SHA1_80");
    // CUCM adds telephone-event although the recorder did not offer it.
    assert_eq!(answer(4000, "RTP/SAVP", "0 101", "sendonly", &good), Ok(()));
    assert_eq!(answer(4000, "RTP/SAVP", "0", "inactive", &line(2, "AES_CM_128_HMAC_SHA1_32")), Ok(()));
    assert_eq!(answer(0, "RTP/SAVP", "0", "sendonly", &good), Err(AnswerError::Refused));
    let plain = AnswerError::Profile { got: "RTP/AVP", expected: "RTP/SAVP" };
    assert_eq!(answer(4000, "RTP/AVP", "0", "sendonly", ""), Err(plain));
    let direction = AnswerError::Direction { got: "sendrecv", offered: "recvonly" };
    assert_eq!(answer(4000, "RTP/SAVP", "0", "sendrecv", &good), Err(direction));
    let foreign = AnswerError::Format { encoding: "GSM".into(), clock: 8000 };
    assert_eq!(answer(4000, "RTP/SAVP", "0 3", "sendonly", &good), Err(foreign));
    assert_eq!(answer(4000, "RTP/SAVP", "101", "sendonly", &good), Err(AnswerError::NoFormat));
    assert_eq!(answer(4000, "RTP/SAVP", "0", "sendonly", ""), Err(AnswerError::CryptoCount { got: 0 }));
    let two = good.repeat(2);
    assert_eq!(answer(4000, "RTP/SAVP", "0", "sendonly", &two), Err(AnswerError::CryptoCount { got: 2 }));
    let tag = line(3, "AES_CM_128_HMAC_SHA1_80");
    assert_eq!(answer(4000, "RTP/SAVP", "0", "sendonly", &tag), Err(AnswerError::CryptoTag { got: 3 }));
    let suite = answer(4000, "RTP/SAVP", "0", "sendonly", &line(2, "AES_CM_128_HMAC_SHA1_80")).unwrap_err();
    assert_eq!(suite.to_string(), {
        "got suite AES_CM_128_HMAC_SHA1_80 under crypto tag 2 in the answer, expected AES_CM_128_HMAC_SHA1_32"
    });
}

#[test]
fn altered_descriptions_neither_panic_nor_grow() {
    let mut rng = ChaCha20Rng::seed_from_u64(31);
    let mut read = 0;
    for round in 0..30_000u32 {
        let mut bytes = crlf([CUCM_ACK, RECORDER_OFFER, CUCM_CODECS][round as usize % 3]);
        (0..1 + round % 8).for_each(|_| alter(&mut rng, &mut bytes));
        let Ok(sdp) = Sdp::parse(&bytes) else { continue };
        assert_eq!(sdp.raw, bytes);
        let shown = format!("{sdp:?}{:?}", sdp.audio());
        assert!(shown.len() < 8 * bytes.len() + 2000);
        if let Ok(audio) = sdp.audio() {
            assert!(audio.formats.iter().all(|format| format.payload_type < 128 && format.clock > 0));
            let _ = pick(&audio, &audio.formats, &Suite::ALL);
            let _ = check_answer(&audio, &audio);
            read += 1;
        }
    }
    assert!((5_000..29_000).contains(&read), "{read} of the altered ones still read");
}

#[test]
fn altered_crypto_lines_read_as_what_they_say_or_not_at_all() {
    let mut rng = ChaCha20Rng::seed_from_u64(32);
    let original = "1 AES_CM_128_HMAC_SHA1_80 inline:MTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5QUJjZGVm|2^20|1:4 WSH=128";
    let (expected, mut read) = (Crypto::parse(original).unwrap(), 0);
    for round in 0..100_000u32 {
        let mut bytes = original.as_bytes().to_vec();
        (0..1 + round % 3).for_each(|_| alter(&mut rng, &mut bytes));
        let text = String::from_utf8_lossy(&bytes);
        let Ok(crypto) = Crypto::parse(&text) else { continue };
        read += 1;
        let written = crypto.to_attribute();
        assert_eq!(Crypto::parse(&written).as_ref(), Ok(&crypto), "{text:?}");
        // What differs must show: only case of known words, spaces and base64 padding may go unseen.
        let plain = |text: &str| text.to_ascii_lowercase().split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        if crypto == expected {
            let leading_zeros =
                text.contains("|01") || text.contains(":04") || text.contains("^02") || text.starts_with('0');
            assert!(plain(&text) == plain(original) || leading_zeros, "{text:?}");
        }
        let _ = crypto.context();
    }
    assert!((5_000..95_000).contains(&read), "{read} of the altered ones still read");
}

fn parse(text: &str) -> Result<Sdp, SdpError> {
    Sdp::parse(&crlf(text))
}

fn audio(text: &str) -> Audio {
    parse(text).expect("the description reads").audio().expect("its audio reads")
}

/// A session part followed by these lines.
fn medium(lines: &str) -> String {
    format!("v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n{lines}\n")
}

fn crlf(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

fn format(payload_type: u8, encoding: &str, clock: u32, fmtp: Option<&str>) -> Format {
    Format { payload_type, encoding: encoding.into(), clock, fmtp: fmtp.map(String::from) }
}

/// One change: a byte flipped, set, inserted or removed, the end cut, or a piece repeated.
fn alter(rng: &mut ChaCha20Rng, bytes: &mut Vec<u8>) {
    let at = rng.next_u32() as usize % bytes.len().max(1);
    let sign = SIGNS[rng.next_u32() as usize % SIGNS.len()];
    match rng.next_u32() % 8 {
        0 if !bytes.is_empty() => bytes[at] ^= 1 << (rng.next_u32() % 8),
        1 | 2 if !bytes.is_empty() => bytes[at] = sign,
        3 if !bytes.is_empty() => drop(bytes.remove(at)),
        4 if rng.next_u32().is_multiple_of(4) => bytes.truncate(at),
        5 => {
            let piece = bytes[at..bytes.len().min(at + 40)].to_vec();
            bytes.splice(at..at, piece);
        }
        _ => bytes.insert(at, sign),
    }
}

/// Bytes that mean something in a description, or should not be there.
const SIGNS: &[u8] = b"0123456789|:;=/ \r\n\0-+^\xff\x80azAZ";
