//! The ledger of what was sent: one row a packet, written by the sender, with what the network then did to it.
//!
//! The ledger is the truth a recording is judged against. It holds what was said (the payload bytes), where it
//! belongs on the time line (the RTP timestamp) and what became of it on the way (the [`Fate`]); and it marks what
//! was never meant to be believed (the [`Nature`]): forged, replayed or damaged packets sent on purpose.
//! All times are microseconds since the start of the run.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::codec::Codec;
use crate::g711::Law;
use crate::srtp::Suite;

/// One of the two voices of a recorded call, seen from the recorded phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Leg {
    /// The recorded phone's own voice.
    Near,
    /// The voice the recorded phone hears.
    Far,
}

impl Leg {
    /// Both legs, near first: the order of the channels of a stereo recording.
    pub const ALL: [Self; 2] = [Self::Near, Self::Far];

    /// `near` or `far`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Near => "near",
            Self::Far => "far",
        }
    }

    /// The other leg.
    pub fn other(self) -> Self {
        match self {
            Self::Near => Self::Far,
            Self::Far => Self::Near,
        }
    }
}

/// What a stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StreamKind {
    /// The phone's own voice on the main call.
    Voice,
    /// A copy that the phone's built-in bridge sends to the recorder.
    Bridge(Leg),
}

/// What the network did to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It arrived once.
    Delivered {
        /// How long it travelled.
        delay_us: u32,
    },
    /// The network lost it.
    Dropped,
    /// It arrived twice.
    Duplicated {
        /// How long the first copy travelled.
        delay_us: u32,
        /// How long the second copy travelled.
        again_us: u32,
    },
    /// It arrived after its successor: reordered.
    Delayed {
        /// How long it travelled.
        delay_us: u32,
    },
    /// The sender withheld it.
    NotSent,
}

impl Fate {
    /// How long the first copy to arrive travelled, `None` if none arrived.
    pub fn delay_us(self) -> Option<u32> {
        match self {
            Self::Delivered { delay_us } | Self::Delayed { delay_us } => Some(delay_us),
            Self::Duplicated { delay_us, again_us } => Some(delay_us.min(again_us)),
            Self::Dropped | Self::NotSent => None,
        }
    }

    /// A stable lower-case name without the numbers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Delivered { .. } => "delivered",
            Self::Dropped => "dropped",
            Self::Duplicated { .. } => "duplicated",
            Self::Delayed { .. } => "delayed",
            Self::NotSent => "not_sent",
        }
    }
}

/// Whether a packet is what it says it is. Whatever is not genuine must not be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nature {
    /// Sent by the phone, sealed with the negotiated key.
    Genuine,
    /// A genuine packet sent once more.
    Replayed,
    /// Made up, with a tag that cannot be right.
    Forged,
    /// In the clear on an encrypted leg.
    Plain,
    /// Genuine but for a flipped bit of its authentication tag.
    BadTag,
    /// Sealed with a key that was never agreed on.
    WrongKey,
}

impl Nature {
    /// A stable lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Genuine => "genuine",
            Self::Replayed => "replayed",
            Self::Forged => "forged",
            Self::Plain => "plain",
            Self::BadTag => "bad_tag",
            Self::WrongKey => "wrong_key",
        }
    }
}

/// One packet of a [`Stream`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The RTP sequence number.
    pub sequence: u16,
    /// The SRTP packet index, 48 bits: roll-over counter and sequence number (RFC 3711 §3.3.1).
    pub index: u64,
    /// The RTP timestamp.
    pub timestamp: u32,
    /// When it was handed to the network.
    pub sent_us: u64,
    /// How much later than due the harness itself was.
    pub late_us: u32,
    /// Where its payload starts in [`Stream::payloads`]; [`Stream::push`] sets it.
    pub payload: u32,
    /// The payload's length in bytes; [`Stream::push`] sets it.
    pub payload_len: u16,
    /// The RTP marker bit.
    pub marker: bool,
    /// The RTP payload type.
    pub payload_type: u8,
    /// What the network did to it.
    pub fate: Fate,
    /// Whether it is genuine.
    pub nature: Nature,
    /// On the far leg of a bridge: the extended sequence number of the main-call packet that was heard.
    pub heard: Option<u32>,
}

impl Row {
    /// A genuine, delivered mu-law packet at the start of everything: a base for `Row { sequence, ..Row::base() }`.
    pub fn base() -> Self {
        Self {
            sequence: 0,
            index: 0,
            timestamp: 0,
            sent_us: 0,
            late_us: 0,
            payload: 0,
            payload_len: 0,
            marker: false,
            payload_type: Law::Mu.payload_type(),
            fate: Fate::Delivered { delay_us: 0 },
            nature: Nature::Genuine,
            heard: None,
        }
    }

    /// When its first copy arrived, `None` if none did.
    pub fn arrived_us(&self) -> Option<u64> {
        self.fate.delay_us().map(|delay| self.sent_us + u64::from(delay))
    }

    /// The codec of its payload, `None` for what is no voice (comfort noise, telephone events).
    pub fn codec(&self) -> Option<Codec> {
        Codec::of_payload_type(self.payload_type)
    }

    /// The law its payload is coded in, `None` for what is not G.711.
    pub fn law(&self) -> Option<Law> {
        Law::of_payload_type(self.payload_type)
    }
}

/// All packets of one RTP stream, in the order in which they were sent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// The device name of the phone that sent it, `SEP...`.
    pub phone: String,
    /// What it carries.
    pub kind: StreamKind,
    /// The Call-ID of the phone's dialog that carries it: the main call or the bridge.
    pub dialog: String,
    /// The Call-ID of the main call at this phone.
    pub main_dialog: String,
    /// The RTP synchronisation source.
    pub ssrc: u32,
    /// The codec of its audio.
    pub codec: Codec,
    /// The SRTP suite, `None` for plain RTP.
    pub suite: Option<Suite>,
    /// SHA-256 of the master key, so that a reused key can be seen; never the key.
    pub key_fingerprint: Option<[u8; 32]>,
    /// Where it came from.
    pub source: SocketAddr,
    /// Where it went.
    pub destination: SocketAddr,
    /// The RTP clock in Hz: 8000, of G.722 too (RFC 3551 §4.5.2).
    pub clock: u32,
    /// Ticks of the clock in a packet, usually 160: samples of G.711, pairs of samples of G.722.
    pub samples_per_packet: u32,
    /// When the stream was opened.
    pub started_us: u64,
    /// When it was closed.
    pub ended_us: u64,
    /// The packets.
    pub rows: Vec<Row>,
    /// The payloads of all packets, end to end.
    pub payloads: Vec<u8>,
}

impl Stream {
    /// Adds a packet; `payload` and `payload_len` of `row` are set here.
    ///
    /// A payload longer than 65,535 bytes is cut, and one that would not be addressable with 32 bits (after 149 hours
    /// of audio) is left out: neither can be sent in one packet of a real call.
    pub fn push(&mut self, row: Row, payload: &[u8]) {
        let length = u16::try_from(payload.len()).unwrap_or(u16::MAX);
        let (start, length) = match u32::try_from(self.payloads.len()) {
            Ok(start) => (start, length),
            Err(_) => (0, 0),
        };
        self.payloads.extend_from_slice(&payload[..usize::from(length)]);
        self.rows.push(Row { payload: start, payload_len: length, ..row });
    }

    /// The payload of one of this stream's rows; empty if the row does not belong to it.
    pub fn payload(&self, row: &Row) -> &[u8] {
        let start = usize::try_from(row.payload).unwrap_or(usize::MAX);
        start
            .checked_add(usize::from(row.payload_len))
            .and_then(|end| self.payloads.get(start..end))
            .unwrap_or_default()
    }

    /// The bridge leg it carries, `None` for a voice on the main call.
    pub fn leg(&self) -> Option<Leg> {
        match self.kind {
            StreamKind::Voice => None,
            StreamKind::Bridge(leg) => Some(leg),
        }
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream")
            .field("phone", &self.phone)
            .field("kind", &self.kind)
            .field("dialog", &self.dialog)
            .field("ssrc", &format_args!("{:#010x}", self.ssrc))
            .field("codec", &self.codec)
            .field("suite", &self.suite)
            .field("rows", &self.rows.len())
            .field("bytes", &self.payloads.len())
            .finish_non_exhaustive()
    }
}

/// Every stream of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// The streams, in the order in which they were opened.
    pub streams: Vec<Stream>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> Stream {
        Stream {
            phone: "SEP001122334455".into(),
            kind: StreamKind::Bridge(Leg::Far),
            dialog: "bridge@phone".into(),
            main_dialog: "main@phone".into(),
            ssrc: 7,
            codec: Codec::Pcmu,
            suite: Some(Suite::AeadAes256Gcm),
            key_fingerprint: Some([9; 32]),
            source: "127.0.0.2:20000".parse().unwrap(),
            destination: "127.0.0.3:30000".parse().unwrap(),
            clock: 8000,
            samples_per_packet: 160,
            started_us: 0,
            ended_us: 0,
            rows: Vec::new(),
            payloads: Vec::new(),
        }
    }

    #[test]
    fn a_row_finds_its_payload_again() {
        let mut stream = stream();
        stream.push(Row::base(), &[1, 2, 3]);
        stream.push(Row { sequence: 1, ..Row::base() }, &[4, 5]);
        assert_eq!(stream.payload(&stream.rows[0]), [1, 2, 3]);
        assert_eq!(stream.payload(&stream.rows[1]), [4, 5]);
    }

    #[test]
    fn a_foreign_row_has_no_payload_instead_of_a_panic() {
        let stream = stream();
        assert!(stream.payload(&Row { payload: u32::MAX, payload_len: 9, ..Row::base() }).is_empty());
    }

    #[test]
    fn the_first_copy_decides_when_a_duplicate_arrived() {
        let fate = Fate::Duplicated { delay_us: 900, again_us: 400 };
        assert_eq!(Row { sent_us: 100, fate, ..Row::base() }.arrived_us(), Some(500));
        assert_eq!(Row { fate: Fate::Dropped, ..Row::base() }.arrived_us(), None);
    }

    #[test]
    fn the_json_form_reads_back_equal() {
        let mut ledger = Ledger { streams: vec![stream()] };
        ledger.streams[0].push(Row { heard: Some(5), ..Row::base() }, &[1]);
        let text = serde_json::to_string(&ledger).unwrap();
        assert_eq!(serde_json::from_str::<Ledger>(&text).unwrap(), ledger);
        assert!(text.contains("AEAD_AES_256_GCM"));
    }
}
