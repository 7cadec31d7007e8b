//! `recording.json`: everything about one recording that is not sound.
//!
//! One JSON object a recording, written last and atomically: where the file stands, the recording is finished.
//! The shape is versioned; a reader refuses a `version` above the one it knows.
//!
//! Times are RFC 3339 in UTC with microseconds. Durations carry their unit in the name. Keys never appear here,
//! only the names of the suites.

use serde::{Deserialize, Serialize};

/// The value of [`Recording::schema`].
pub const SCHEMA: &str = "mixedmode.recording";
/// The version of the shape this crate writes.
pub const VERSION: u32 = 1;
/// The name of the metadata file in a recording's folder.
pub const FILE_NAME: &str = "recording.json";

/// What became of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Both voices are stored.
    Complete,
    /// Only one of the two legs came or carried audio.
    OneLeg,
    /// No audio at all; [`Recording::reason`] says why.
    Failed,
    /// The recorder stopped before the call did; the files were made from the journal at the next start.
    Recovered,
}

/// Whose voice a leg carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The recorded party's own voice (`x-nearend`).
    Near,
    /// The other party's voice (`x-farend`).
    Far,
}

impl Side {
    /// Both sides, near first: the order of the channels in the stereo file.
    pub const BOTH: [Self; 2] = [Self::Near, Self::Far];

    /// `0` for near (left), `1` for far (right).
    pub fn channel(self) -> usize {
        self as usize
    }

    /// `near` or `far`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Near => "near",
            Self::Far => "far",
        }
    }
}

/// The whole document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// [`VERSION`] of the writer.
    pub version: u32,
    /// The name of the recording's folder.
    pub id: String,
    /// What became of it.
    pub status: Status,
    /// Why it failed or is not whole.
    pub reason: Option<String>,
    /// Oddities worth knowing, each a stable word: `leg-unknown`, `leg-again` (see [`Recording::attempts`]), `duplicate`,
    /// `no-media-answer` (a leg's ACK never came; its plain RTP was taken by our own offer), `no-bye` (nobody ended a leg:
    /// it is over with its last packet),
    /// `timestamp-jump`, `sender-stalled`, `journal-torn`...
    pub flags: Vec<String>,
    /// When the first INVITE came.
    pub started: String,
    /// When the last leg ended.
    pub ended: Option<String>,
    /// Length of the stereo file, in milliseconds.
    pub duration_ms: u64,
    /// The call that this recording is a segment of.
    #[serde(default)]
    pub call: Call,
    /// Its place in the call.
    #[serde(default)]
    pub segment: Segment,
    /// The recording that ran already when this one began with the same parties on the same side: CUCM has sent the
    /// call twice, as after a failover. Flagged `duplicate`.
    #[serde(default)]
    pub duplicate_of: Option<String>,
    /// The recording of the same talk as the other party's phone hears it, where both phones are recorded: near and far
    /// are exchanged there.
    #[serde(default)]
    pub mirror: Option<String>,
    /// `x-nearendclusterid`.
    pub cluster_id: Option<String>,
    /// `x-refci`: the call leg of the recorded party.
    pub refci: Option<String>,
    /// `x-farendrefci`: the call leg of the other party.
    pub farend_refci: Option<String>,
    /// The recorded party, at the beginning.
    pub near: Party,
    /// The other party, at the beginning.
    pub far: Party,
    /// Who took part, and from when until when, in order of appearance.
    #[serde(default)]
    pub participants: Vec<Participant>,
    /// What was alarming while it ran.
    #[serde(default)]
    pub alarms: Vec<Alarm>,
    /// The SIP dialogs, in the order in which they came.
    pub legs: Vec<Leg>,
    /// Dialogs that never stood, each before CUCM invited the same voice again: by another trunk, or once more by the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Leg>,
    /// The audio files.
    pub files: Vec<File>,
    /// How the legs lie in the stereo file.
    pub stereo: Option<Stereo>,
}

/// One of the two people who talk, as the From parameters name them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// `x-nearendaddr` or `x-farendaddr`; empty where withheld.
    pub address: Option<String>,
    /// `x-nearenddevice` or `x-farenddevice`: a phone, or the trunk or gateway for parties outside.
    pub device: Option<String>,
    /// `x-nearendclusterid` or `x-farendclusterid`.
    pub cluster_id: Option<String>,
    /// The display name; only known for the near party (P-Asserted-Identity, Remote-Party-ID, From).
    pub name: Option<String>,
    /// Whether this party is a conference bridge (`isfocus` among the From parameters).
    pub conference: bool,
}

/// The call that a recording belongs to. CUCM ends a recording and begins another at hold and resume, transfer and
/// conference; recordings of one cluster that share a call leg (`x-refci`, `x-farendrefci`, with the party that has it)
/// are one call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The name of the call's first recording.
    pub id: String,
    /// Calls that turned out to be part of this one with this recording: after a transfer, the consultation call.
    pub joins: Vec<String>,
}

/// A recording's place in its call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Counted from one, at the recorded device: where both phones of a call are recorded, each has its own first.
    pub number: u32,
    /// The recording before: at the same device, or else the last one of the call.
    pub previous: Option<String>,
}

/// Somebody who took part in a recording for a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// On which side.
    pub side: Side,
    /// Who.
    #[serde(flatten)]
    pub party: Party,
    /// Since when: the first INVITE, or the request that told of the change.
    pub from: String,
    /// Until when; none while the recording runs.
    pub until: Option<String>,
}

/// Something alarming about a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// When it was noticed.
    pub at: String,
    /// `no-media`, `one-leg` or `authentication-failures`.
    pub word: String,
    /// On which side; none where it is about both.
    pub side: Option<Side>,
    /// In words.
    pub text: String,
}

/// One parameter of the From URI, as it was spelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// The name as spelled.
    pub name: String,
    /// The value, where there was one.
    pub value: Option<String>,
}

/// The parameters as they stood from a moment on; CUCM changes them by UPDATE or re-INVITE after a transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// When the request came.
    pub at: String,
    /// `INVITE` or `UPDATE`.
    pub method: String,
    /// All parameters, new ones included.
    pub parameters: Vec<Parameter>,
}

/// One SIP dialog and the stream it carried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leg {
    /// Whose voice.
    pub side: Side,
    /// Call-ID, verbatim.
    pub call_id: String,
    /// Our tag (To of the INVITE).
    pub local_tag: String,
    /// CUCM's tag (From of the INVITE).
    pub remote_tag: String,
    /// The CUCM node and the transport the INVITE came by, `tls 127.0.0.2:34567`.
    pub node: String,
    /// Session-ID, verbatim.
    pub session_id: Option<String>,
    /// Cisco-Guid, verbatim. It differs between the two legs of one call.
    pub cisco_guid: Option<String>,
    /// User-Agent, verbatim.
    pub user_agent: Option<String>,
    /// Date, verbatim: what CUCM's clock said when it sent the INVITE. All other times here are ours.
    #[serde(default)]
    pub date: Option<String>,
    /// By how many seconds CUCM's clock was ahead of ours then; negative where it was behind. A Date has whole seconds.
    #[serde(default)]
    pub clock_ahead_s: Option<i64>,
    /// P-Asserted-Identity, verbatim.
    pub p_asserted_identity: Option<String>,
    /// Remote-Party-ID, verbatim.
    pub remote_party_id: Option<String>,
    /// Every parameter of the From URI of the INVITE, in order.
    pub parameters: Vec<Parameter>,
    /// Later states of the parameters.
    pub changes: Vec<Change>,
    /// When the INVITE came, our 200 left, the ACK came.
    pub invited: String,
    /// When our 200 left.
    pub answered: Option<String>,
    /// When the ACK came.
    pub acknowledged: Option<String>,
    /// When the leg ended; where nobody ended it, when its last packet came.
    pub ended: Option<String>,
    /// The Reason header of the BYE, verbatim, or our own words.
    pub end_reason: Option<String>,
    /// Who ended it: `peer`, `recorder`, `inactivity`, `no-ack`, `cancel`, `refused`,
    /// `session-timer`, `connection` (lost before the answer), `crash`.
    pub ended_by: Option<String>,
    /// The agreed codec's name.
    pub codec: Option<String>,
    /// The agreed payload type.
    pub payload_type: Option<u8>,
    /// `srtp` or `rtp`.
    pub protection: Option<String>,
    /// The SRTP suite's name.
    pub suite: Option<String>,
    /// How often the peer changed its key.
    pub rekeyed: u32,
    /// The address and port we received on.
    pub received_on: Option<String>,
    /// The address and port the peer signalled; CUCM often writes a dummy port here.
    pub signalled_source: Option<String>,
    /// Where genuine packets really came from, in order of appearance.
    pub sources: Vec<String>,
    /// The SSRCs of genuine packets, in order of appearance.
    pub ssrcs: Vec<u32>,
    /// When the first and the last genuine packet came.
    pub first_packet: Option<String>,
    /// When the last genuine packet came.
    pub last_packet: Option<String>,
    /// The packet counts.
    pub packets: Packets,
    /// Length of the leg's sound in samples at 8 kHz.
    pub samples: u64,
}

/// What became of every packet that reached a leg's port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packets {
    /// Datagrams on the RTP port.
    pub received: u64,
    /// Genuine packets in the journal.
    pub stored: u64,
    /// Sequence numbers between the first and the last that never came.
    pub lost: u64,
    /// Genuine sequence numbers that came again (plain RTP; on SRTP they count as replayed).
    pub duplicate: u64,
    /// Genuine packets that came after a later one.
    pub reordered: u64,
    /// SRTP packets whose tag did not verify.
    pub auth_failed: u64,
    /// SRTP packets whose number came before, or lies before the replay window. That is looked at before the tag, so
    /// forged packets with such numbers count here.
    pub replayed: u64,
    /// Plain RTP packets on an SRTP leg: dropped.
    pub plain: u64,
    /// Packets from another address than the latched one, on a plain RTP leg: dropped.
    pub foreign: u64,
    /// Datagrams that are no RTP.
    pub malformed: u64,
    /// Packets that came before the keys were known. They are kept and counted in the other fields too.
    pub before_ack: u64,
    /// Packets before the ACK beyond what is kept.
    pub early_overflow: u64,
    /// Genuine packets that are no audio of the agreed codec (telephone-event, comfort noise): not stored.
    pub other_payload: u64,
    /// Genuine packets that could not be written.
    pub not_stored: u64,
    /// Datagrams on the RTCP port: counted, never used.
    pub rtcp: u64,
}

/// An audio file of the recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Name in the recording's folder.
    pub name: String,
    /// `near`, `far` or `stereo`.
    pub content: String,
    /// Frames (samples a channel).
    pub samples: u64,
    /// Samples a second.
    pub rate: u32,
    /// Bytes of the file.
    pub bytes: u64,
}

/// How the legs lie in the stereo file: left near, right far.
///
/// The file starts where the earlier leg starts. A leg's offset is the wall-clock distance of its first sample from
/// there: the receive time of the leg's least-delayed packet among its first five seconds, less that packet's RTP
/// time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stereo {
    /// Samples of silence before the near leg's first sample.
    pub near_offset: u64,
    /// Samples of silence before the far leg's first sample.
    pub far_offset: u64,
}

impl Recording {
    /// The side's leg, where one came.
    pub fn leg(&self, side: Side) -> Option<&Leg> {
        self.legs.iter().find(|leg| leg.side == side)
    }

    /// When its first dialog was invited, whatever became of it; of this side, or of either.
    pub fn first_invited(&self, side: Option<Side>) -> Option<&String> {
        let dialogs = self.legs.iter().chain(&self.attempts);
        dialogs.filter(|leg| side.is_none_or(|side| leg.side == side)).map(|leg| &leg.invited).min()
    }

    /// Reads a `recording.json`.
    pub fn from_json(text: &str) -> Result<Self, MetadataError> {
        let recording: Self = serde_json::from_str(text)?;
        if recording.schema != SCHEMA {
            return Err(MetadataError::Schema { got: recording.schema });
        }
        if recording.version > VERSION {
            return Err(MetadataError::Version { got: recording.version });
        }
        Ok(recording)
    }

    /// The text of `recording.json`, with a newline at its end.
    pub fn to_json(&self) -> Result<String, MetadataError> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(text)
    }

    /// The recording is over, and nobody takes part any longer.
    pub(crate) fn end(&mut self, at: String) {
        for one in self.participants.iter_mut().filter(|one| one.until.is_none()) {
            one.until = Some(at.clone());
        }
        self.ended = Some(at);
    }

    /// Adds a flag once.
    pub(crate) fn flag(&mut self, word: &str) {
        if !self.flags.iter().any(|flag| flag == word) {
            self.flags.push(word.to_owned());
        }
    }
}

/// A time of a `recording.json` in microseconds since 1970; `None` where it is no RFC 3339 time.
pub fn unix_us(text: &str) -> Option<i64> {
    text.parse().ok().map(jiff::Timestamp::as_microsecond)
}

/// Why a `recording.json` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// Not JSON of this shape.
    #[error("recording.json: {0}")]
    Json(#[from] serde_json::Error),
    /// Another kind of document.
    #[error("recording.json: got schema {got:?}, expected \"{SCHEMA}\"")]
    Schema {
        /// The name found.
        got: String,
    },
    /// Written by a later version.
    #[error("recording.json: got version {got}, expected at most {VERSION}")]
    Version {
        /// The number found.
        got: u32,
    },
}

impl Recording {
    /// A recording of which only the name is known.
    pub(crate) fn blank(id: &str) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            version: VERSION,
            id: id.to_owned(),
            status: Status::Failed,
            reason: None,
            flags: Vec::new(),
            started: String::new(),
            ended: None,
            duration_ms: 0,
            call: Call::default(),
            segment: Segment::default(),
            duplicate_of: None,
            mirror: None,
            cluster_id: None,
            refci: None,
            farend_refci: None,
            near: Party::default(),
            far: Party::default(),
            participants: Vec::new(),
            alarms: Vec::new(),
            legs: Vec::new(),
            attempts: Vec::new(),
            files: Vec::new(),
            stereo: None,
        }
    }
}

impl Leg {
    /// A leg of which only the side is known.
    pub(crate) fn blank(side: Side) -> Self {
        Self {
            side,
            call_id: String::new(),
            local_tag: String::new(),
            remote_tag: String::new(),
            node: String::new(),
            session_id: None,
            cisco_guid: None,
            user_agent: None,
            date: None,
            clock_ahead_s: None,
            p_asserted_identity: None,
            remote_party_id: None,
            parameters: Vec::new(),
            changes: Vec::new(),
            invited: String::new(),
            answered: None,
            acknowledged: None,
            ended: None,
            end_reason: None,
            ended_by: None,
            codec: None,
            payload_type: None,
            protection: None,
            suite: None,
            rekeyed: 0,
            received_on: None,
            signalled_source: None,
            sources: Vec::new(),
            ssrcs: Vec::new(),
            first_packet: None,
            last_packet: None,
            packets: Packets::default(),
            samples: 0,
        }
    }
}

impl Packets {
    /// Adds another leg's counts.
    pub(crate) fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.received, other.received),
            (&mut self.stored, other.stored),
            (&mut self.lost, other.lost),
            (&mut self.duplicate, other.duplicate),
            (&mut self.reordered, other.reordered),
            (&mut self.auth_failed, other.auth_failed),
            (&mut self.replayed, other.replayed),
            (&mut self.plain, other.plain),
            (&mut self.foreign, other.foreign),
            (&mut self.malformed, other.malformed),
            (&mut self.before_ack, other.before_ack),
            (&mut self.early_overflow, other.early_overflow),
            (&mut self.other_payload, other.other_payload),
            (&mut self.not_stored, other.not_stored),
            (&mut self.rtcp, other.rtcp),
        ];
        for (sum, count) in pairs {
            *sum += count;
        }
    }
}
