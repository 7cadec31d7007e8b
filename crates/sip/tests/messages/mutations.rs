//! Damaged messages, from a seed: nothing panics, nothing is lost, nothing grows.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use sip::{Frame, FrameError, Framer, Limits, Message};

use crate::corpus::{torture, traces, views};

const SEED: u64 = 0x51b;
const ROUNDS: usize = 100_000;
const LIMITS: Limits = Limits { header_block: 3000, line: 1500, body: 2000 };

fn seeds() -> Vec<Vec<u8>> {
    torture().into_iter().chain(traces()).map(|(_, bytes)| bytes).collect()
}

fn below(rng: &mut ChaCha20Rng, bound: usize) -> usize {
    rng.next_u32() as usize % bound.max(1)
}

/// What an attacker, or a broken peer, would put in.
const PIECES: [&[u8]; 24] = [
    b"\r\n",
    b"\r",
    b"\n",
    b"\r\n\r\n",
    b" ",
    b"\t",
    b":",
    b";",
    b",",
    b"<",
    b">",
    b"\"",
    b"\\",
    b"\0",
    b"\xff",
    b"@",
    b"[",
    b"SIP/2.0",
    b"Content-Length: 4294967295\r\n",
    b"l: -1\r\n",
    b"\r\n \r\n",
    b"INVITE sip:x SIP/2.0\r\n",
    b"=",
    b"?",
];

fn mutate(rng: &mut ChaCha20Rng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[below(rng, seeds.len())].clone();
    for _ in 0..=below(rng, 4) {
        let at = below(rng, bytes.len() + 1);
        let end = (at + below(rng, 40)).min(bytes.len());
        match below(rng, 6) {
            0 if at < bytes.len() => bytes[at] = rng.next_u32() as u8,
            1 => drop(bytes.drain(at..end)),
            2 => drop(bytes.splice(at..at, PIECES[below(rng, PIECES.len())].iter().copied())),
            3 => bytes.truncate(at),
            4 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            _ => {
                let other = &seeds[below(rng, seeds.len())];
                let from = below(rng, other.len());
                bytes.splice(at..end, other[from..(from + 60).min(other.len())].iter().copied());
            }
        }
    }
    bytes
}

fn drain(framer: &mut Framer, got: &mut Vec<Frame>) -> Result<(), FrameError> {
    while let Some(frame) = framer.next()? {
        got.push(frame);
    }
    Ok(())
}

/// All that a framer makes of `bytes` in two pieces. It never keeps more than the limits allow.
fn framed(mut framer: Framer, bytes: &[u8], cut: usize) -> (Vec<Frame>, Option<FrameError>) {
    let mut got = Vec::new();
    for piece in [&bytes[..cut], &bytes[cut..]] {
        framer.push(piece);
        if let Err(error) = drain(&mut framer, &mut got) {
            return (got, Some(error));
        }
        assert!(framer.buffered() <= LIMITS.header_block + LIMITS.body, "{} bytes are held", framer.buffered());
    }
    (got, None)
}

fn kept(frame: &Frame) -> &[u8] {
    match frame {
        Frame::Message(message) | Frame::Malformed { message, .. } => message.as_bytes(),
        Frame::Skipped { bytes, .. } => bytes,
        Frame::KeepAlive => b"",
    }
}

#[test]
fn damaged_messages_are_kept_and_never_panic() {
    let seeds = seeds();
    let mut rng = ChaCha20Rng::seed_from_u64(SEED);
    let mut read = 0;
    for _ in 0..ROUNDS {
        let bytes = mutate(&mut rng, &seeds);
        let (message, flaws) = Message::parse_tolerant(&bytes);
        assert_eq!(message.as_bytes(), bytes);
        let strict = Message::parse(&bytes);
        assert_eq!(strict.is_ok(), flaws.is_empty());
        if let Ok(strict) = strict {
            assert_eq!(strict.as_bytes(), bytes);
            read += 1;
        }
        // Views of one in four: they are the slow part.
        if below(&mut rng, 4) == 0 {
            views(&message);
        }
        let again = Message::parse_tolerant(message.as_bytes());
        assert_eq!(again, (message, flaws));
    }
    assert!(
        (ROUNDS / 4..ROUNDS).contains(&read),
        "{read} of {ROUNDS} could be read: the mutations are too tame or too wild"
    );
}

#[test]
fn damaged_streams_give_the_same_frames_however_they_are_cut() {
    let seeds = seeds();
    let mut rng = ChaCha20Rng::seed_from_u64(SEED + 1);
    for _ in 0..ROUNDS / 10 {
        let mut stream = mutate(&mut rng, &seeds);
        stream.extend_from_slice(&seeds[below(&mut rng, seeds.len())]);
        let cut = below(&mut rng, stream.len());
        let whole = framed(Framer::tolerant(LIMITS), &stream, stream.len());
        assert_eq!(whole.1, None, "tolerant reading never fails");
        assert_eq!(framed(Framer::tolerant(LIMITS), &stream, cut), whole, "cut at {cut}");
        let strict = framed(Framer::strict(LIMITS), &stream, stream.len());
        assert_eq!(framed(Framer::strict(LIMITS), &stream, cut), strict, "cut at {cut}");
        // Only line ends between messages may be missing from what came out.
        let out: Vec<u8> = whole.0.iter().flat_map(|frame| kept(frame).to_vec()).collect();
        let mut rest = stream.iter();
        for byte in &out {
            let skipped = rest.by_ref().take_while(|have| *have != byte);
            assert!(skipped.into_iter().all(|have| matches!(have, b'\r' | b'\n')), "bytes were lost");
        }
    }
}

#[test]
fn every_message_survives_every_cut() {
    for (name, bytes) in traces().into_iter().chain(torture()) {
        let stream = [bytes.as_slice(), b"\r\n\r\nBYE sip:a SIP/2.0\r\nl: 0\r\n\r\n"].concat();
        let limits = [Framer::strict as fn(Limits) -> Framer, Framer::tolerant];
        for make in limits {
            let expected = framed(make(LIMITS), &stream, stream.len());
            for cut in 0..stream.len() {
                assert_eq!(framed(make(LIMITS), &stream, cut), expected, "{name} cut at {cut}");
            }
        }
    }
}
