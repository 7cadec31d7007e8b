//! What happened to calls and recordings, on one time line.

use serde::{Deserialize, Serialize};

/// A recording that CUCM set up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// What it is called in findings and channels.
    pub label: String,
    /// The recorded party: number and device.
    pub near: String,
    /// The other party, as it was at first.
    pub far: String,
    /// `x-refci`.
    pub refci: u32,
    /// When both dialogs were up.
    pub started_us: i64,
    /// When it was over; `None` if it never was.
    pub ended_us: Option<i64>,
    /// Whether the recorder ended it.
    pub ended_by_recorder: bool,
    /// Call-IDs of the near and of the far dialog between CUCM and recorder.
    pub call_ids: [String; 2],
    /// Call-IDs of the phone's two bridge dialogs that fed them.
    pub bridge_call_ids: [String; 2],
    /// Encoding name and protection of near and far, as agreed on last: `PCMU, AEAD_AES_256_GCM`.
    pub media: [String; 2],
}

/// A row of the time line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// What it is.
    pub kind: RowKind,
    /// What to write beside it: `agent`, `near leg of 2000 with 1000 (refci 25315705)`.
    pub name: String,
    /// The recording whose leg it is: an index into [`Evidence::recordings`](super::Evidence::recordings).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<usize>,
    /// `near` or `far` for a leg; empty for a voice.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub leg: String,
    /// The streams, in order of time.
    pub spans: Vec<Span>,
    /// What happened to it, in order of time.
    pub events: Vec<Event>,
}

/// What a [`Row`] shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowKind {
    /// What a phone says in its call.
    Voice,
    /// What is sent to the recorder of one voice.
    Leg,
}

/// One RTP stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// When its first packet was sent.
    pub from_us: i64,
    /// When its last packet was sent.
    pub until_us: i64,
    /// The synchronisation source.
    pub ssrc: u32,
    /// The codec.
    pub codec: String,
    /// The SRTP suite; `None` for RTP in clear.
    pub suite: Option<String>,
    /// Where it came from.
    pub source: String,
    /// Where it went.
    pub destination: String,
    /// Packets that were sent, of any kind.
    pub packets: u64,
    /// Packets that the network lost.
    pub lost: u64,
    /// Packets that were not genuine: forged, replayed, damaged on purpose.
    pub not_genuine: u64,
}

/// Something that happened at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at_us: i64,
    /// What kind of thing.
    pub kind: EventKind,
    /// In words: `agent holds`, `another key`, `codec PCMA`.
    pub what: String,
}

/// What kind of thing an [`Event`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// A call was answered.
    Connected,
    /// A call was held.
    Hold,
    /// A call goes on after a hold.
    Resume,
    /// A recording was paused: nothing is to be recorded from here.
    Pause,
    /// A recording goes on after a pause.
    Continue,
    /// A call is over.
    Ended,
    /// A re-INVITE went to or came from the recorder.
    Reinvite,
    /// An UPDATE went to or came from the recorder.
    Update,
    /// Another SRTP master key.
    Key,
    /// Another synchronisation source.
    Ssrc,
    /// Another codec.
    Codec,
    /// A recording begins.
    RecordingBegins,
    /// A recording ends.
    RecordingEnds,
    /// Anything else that CUCM told: transfers, conferences, other far ends.
    Other,
}

/// The E-model's figures of one leg (ITU-T G.107), with what went into them. They never touch a verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// What is listened to: `near leg of 2000 with 1000 (refci 25315705)`.
    pub name: String,
    /// The transmission rating factor R, 0 to 100.
    pub r: f64,
    /// The mean opinion score that R stands for, 1 to 4.5.
    pub mos: f64,
    /// The codec.
    pub codec: String,
    /// Its equipment impairment factor (ITU-T G.113 appendix I).
    pub ie: f64,
    /// Its packet-loss robustness factor (ITU-T G.113 appendix I).
    pub bpl: f64,
    /// Packets that the network lost or that came too late, in percent.
    pub loss_percent: f64,
    /// How bursty the loss is: 1 is random.
    pub burst_ratio: f64,
    /// Mouth-to-ear delay that was reckoned with, in ms.
    pub delay_ms: f64,
    /// The source of the formulas, with what was taken as default.
    pub model: String,
}
