//! Streams cut in every place, strict, lenient and tolerant.

use super::*;

const OPTIONS: &str = "OPTIONS sip:a SIP/2.0\r\nCall-ID: 1\r\nContent-Length: 0\r\n\r\n";
const INVITE: &str = "INVITE sip:b SIP/2.0\r\nc: application/sdp\r\nl: 10\r\n\r\nv=0\r\ns=-\r\n";

fn frames(framer: &mut Framer) -> Vec<Frame> {
    std::iter::from_fn(|| framer.next().unwrap()).collect()
}

/// All frames of a stream, the same however it is cut in two.
fn tolerant(stream: &str) -> Vec<Frame> {
    let limits = Limits { header_block: 300, line: 120, body: 1000 };
    let mut whole = Framer::tolerant(limits);
    whole.push(stream.as_bytes());
    let expected = frames(&mut whole);
    for at in 0..=stream.len() {
        let mut split = Framer::tolerant(limits);
        split.push(&stream.as_bytes()[..at]);
        let mut got = frames(&mut split);
        split.push(&stream.as_bytes()[at..]);
        got.extend(frames(&mut split));
        assert_eq!(got, expected, "cut at {at}");
    }
    expected
}

fn strict_error(stream: &str) -> FrameError {
    let mut framer = Framer::strict(Limits { header_block: 300, line: 120, body: 1000 });
    for byte in stream.bytes() {
        framer.push(&[byte]);
        if let Err(error) = framer.next() {
            framer.push(OPTIONS.as_bytes());
            assert_eq!(framer.next(), Err(error.clone()), "an error must stay");
            assert_eq!(framer.buffered(), 0);
            return error;
        }
    }
    panic!("no error");
}

#[test]
fn messages_and_keep_alives_come_out_however_the_stream_is_cut() {
    let stream = format!("\r\n\r\n{OPTIONS}{INVITE}\r\n\r\n\r\n\r\n\r\n{OPTIONS}");
    let parse = |text: &str| Frame::Message(Message::parse(text.as_bytes()).unwrap());
    let expected =
        [Frame::KeepAlive, parse(OPTIONS), parse(INVITE), Frame::KeepAlive, Frame::KeepAlive, parse(OPTIONS)];
    for at in 0..=stream.len() {
        let mut framer = Framer::strict(Limits::default());
        framer.push(&stream.as_bytes()[..at]);
        let mut got = frames(&mut framer);
        framer.push(&stream.as_bytes()[at..]);
        got.extend(frames(&mut framer));
        assert_eq!(got, expected, "cut at {at}");
        assert_eq!(framer.buffered(), 0);
    }
    assert_eq!(tolerant(&stream), expected);
}

#[test]
fn a_declared_body_costs_nothing_until_it_comes() {
    let mut framer = Framer::strict(Limits::default());
    framer.push(b"INVITE sip:b SIP/2.0\r\nl: 1000000\r\n\r\n");
    assert_eq!(framer.next(), Ok(None));
    assert!(framer.buffer.capacity() < 1000);
}

#[test]
fn every_limit_is_kept() {
    let long = "x".repeat(400);
    assert_eq!(strict_error(&long), FrameError::LineTooLong { limit: 120 });
    let many = format!("BYE sip:a SIP/2.0\r\n{}", "A: b\r\n".repeat(100));
    assert_eq!(strict_error(&many), FrameError::HeaderBlockTooLong { limit: 300 });
    let body = "BYE sip:a SIP/2.0\r\nl: 1001\r\n\r\n";
    assert_eq!(strict_error(body), FrameError::BodyTooLong { declared: 1001, limit: 1000 });
}

#[test]
fn a_strict_stream_needs_one_plain_content_length() {
    let head = "BYE sip:a SIP/2.0\r\n";
    assert_eq!(strict_error(&format!("{head}\r\n")), ParseError::ContentLengthMissing.into());
    for bad in ["-1", "+1", "0x1", "1,1", "99999999999", "1 1"] {
        let error = strict_error(&format!("{head}Content-Length: {bad}\r\n\r\n"));
        assert_eq!(error, ParseError::ContentLength { text: bad.to_owned() }.into());
    }
    let twice = strict_error(&format!("{head}l: 0\r\nContent-Length: 0\r\n\r\n"));
    assert_eq!(twice, ParseError::ContentLengthRepeated { count: 2 }.into());
    assert_eq!(strict_error("BYE sip:a SIP/2.0\nl: 0\n\n"), ParseError::BareLf { line: 1 }.into());
    assert!(matches!(strict_error("GET / HTTP/1.1\r\n"), FrameError::Parse(ParseError::StartLine { .. })));
}

/// What a lenient framer makes of a stream, however it is cut in two, up to the error that ends it.
fn lenient(stream: &str) -> (Vec<Frame>, Option<FrameError>) {
    let limits = Limits { header_block: 300, line: 120, body: 1000 };
    let read = |at: usize| {
        let (mut framer, mut got) = (Framer::lenient(limits), Vec::new());
        for part in [&stream[..at], &stream[at..]] {
            framer.push(part.as_bytes());
            loop {
                match framer.next() {
                    Ok(Some(frame)) => got.push(frame),
                    Ok(None) => break,
                    Err(error) => return (got, Some(error)),
                }
            }
        }
        (got, None)
    };
    (0..stream.len()).for_each(|at| assert_eq!(read(at), read(stream.len()), "cut at {at}"));
    read(stream.len())
}

#[test]
fn a_lenient_stream_outlives_every_message_whose_length_is_known() {
    for bad in ["ACK  SIP/2.0", "INVITE sip:a b SIP/2.0", "BYE SIP/2.0", "SIP/2.0 2000 OK", "BYE sip:a SIP/two"] {
        let (got, error) = lenient(&format!("{bad}\r\nCall-ID: 1\r\nl: 3\r\n\r\nabc{OPTIONS}"));
        assert!(matches!(&got[..], [Frame::Malformed { message, .. }, Frame::Message(_)] if message.body() == b"abc"));
        assert_eq!(error, None, "{bad:?}");
    }
    let (got, error) = lenient(&format!("BYE sip:a SIP/2.0\r\nrubbish\r\nl: 0\r\n\r\n{OPTIONS}"));
    assert_eq!((got.len(), error), (2, None));
    assert!(matches!(&got[0], Frame::Malformed { flaws, .. } if matches!(flaws[..], [ParseError::HeaderLine { .. }])));
}

#[test]
fn a_lenient_stream_ends_where_the_next_message_cannot_be_found() {
    for bad in ["l: x", "A: b", "l: 0\r\nl: 0", "l: 1001", "OPTIONS sip:a SIP/2.0\r\nl: 0"] {
        let (got, error) = lenient(&format!("BYE sip:a SIP/2.0\r\n{bad}\r\n\r\n{OPTIONS}"));
        assert!(got.is_empty() && error.is_some(), "{bad:?}: {got:?}");
    }
    for bad in ["GET / HTTP/1.1\r\nl: 0\r\n\r\n", "\u{16}\u{3}\u{1}\r\n", &"x".repeat(200)] {
        assert!(lenient(bad).1.is_some(), "{bad:?}");
    }
}

#[test]
fn tolerant_reading_says_what_was_skipped_and_goes_on() {
    let got = tolerant(&format!("rubbish\r\n\r\n\r\n{OPTIONS}"));
    assert_eq!(got.len(), 2, "{got:?}");
    assert!(matches!(&got[0], Frame::Skipped { bytes, .. } if bytes == b"rubbish\r\n"));
    assert!(matches!(&got[1], Frame::Message(_)));

    let got = tolerant(&format!("BYE sip:a SIP/2.0\r\nCall-ID: 1\r\n{OPTIONS}"));
    assert!(matches!(&got[0], Frame::Skipped { why: FrameError::HeaderBlockCut, .. }), "{got:?}");
    assert!(matches!(&got[1], Frame::Message(_)));

    let got = tolerant(&format!("INVITE sip:a SIP/2.0\r\nl: 5000\r\n\r\n{OPTIONS}"));
    assert!(matches!(&got[0], Frame::Skipped { why: FrameError::BodyTooLong { declared: 5000, .. }, .. }));
    assert!(matches!(&got[1], Frame::Message(_)));

    let got = tolerant(&format!("BYE sip:a SIP/2.0\r\nX: {}\r\n\r\n{OPTIONS}", "y".repeat(200)));
    assert!(matches!(&got[0], Frame::Skipped { why: FrameError::LineTooLong { .. }, .. }));
    assert!(matches!(got.last(), Some(Frame::Message(_))), "{got:?}");
}

#[test]
fn tolerant_reading_takes_a_message_with_its_flaws() {
    let got = tolerant("BYE sip:a SIP/2.0\nCall-ID: 1\nContent-Length: 3\n\nabc");
    let [Frame::Malformed { message, flaws }] = got.as_slice() else { panic!("{got:?}") };
    assert_eq!(message.body(), b"abc");
    assert_eq!(flaws[0], ParseError::BareLf { line: 1 });

    let got = tolerant(&format!("BYE sip:a SIP/2.0\r\nCall-ID: 1\r\n\r\n{OPTIONS}"));
    let [Frame::Malformed { flaws, .. }, Frame::Message(_)] = got.as_slice() else { panic!("{got:?}") };
    assert_eq!(flaws.as_slice(), [ParseError::ContentLengthMissing]);
}

#[test]
fn a_length_that_says_too_much_does_not_swallow_the_next_message() {
    for extra in [1, 2, 5, 20, 60] {
        let long = INVITE.replace("l: 10", &format!("l: {}", 10 + extra));
        let got = tolerant(&format!("{long}{OPTIONS}{OPTIONS}"));
        let [Frame::Malformed { message, flaws }, Frame::Message(_), Frame::Message(_)] = got.as_slice() else {
            panic!("{extra}: {got:?}")
        };
        assert_eq!(message.body(), b"v=0\r\ns=-\r\n");
        assert_eq!(flaws.as_slice(), [ParseError::BodyShort { declared: 10 + extra, got: 10 }]);
    }
    let fragment = "NOTIFY sip:a SIP/2.0\r\nc: message/sipfrag\r\nl: 16\r\n\r\nSIP/2.0 200 OK\r\n";
    assert!(matches!(tolerant(fragment).as_slice(), [Frame::Message(_)]));
}

#[test]
fn a_length_that_says_too_little_leaves_rubbish_and_no_confusion() {
    let short = INVITE.replace("l: 10", "l: 7");
    let got = tolerant(&format!("{short}{OPTIONS}"));
    assert!(matches!(&got[0], Frame::Message(message) if message.body() == b"v=0\r\ns="), "{got:?}");
    assert!(matches!(&got[1], Frame::Skipped { bytes, .. } if bytes == b"-\r\n"), "{got:?}");
    assert!(matches!(&got[2], Frame::Message(_)), "{got:?}");
}
