//! `recording.json`: everything about one recording that is not sound.
//!
//! One JSON object a recording, written last and atomically: where the file stands, the recording is finished.
//! The shape is versioned; a reader refuses a `version` above the one it knows.
//!
//! Times are RFC 3339 in UTC with microseconds. Durations carry their unit in the name. Keys never appear here,
//! only the names of the suites.

mod alarm;
mod call;
mod leg;

use serde::{Deserialize, Serialize};

pub use self::alarm::{Alarm, Thresholds, Trouble};
pub use self::call::{Call, Participant, Party, Segment};
pub use self::leg::{Change, Leg, Packets, Parameter};

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
    /// From when on something was alarming.
    #[serde(default)]
    pub thresholds: Thresholds,
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
            thresholds: Thresholds::default(),
            legs: Vec::new(),
            attempts: Vec::new(),
            files: Vec::new(),
            stereo: None,
        }
    }
}
