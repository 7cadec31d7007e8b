//! What was said and what was recorded: frames by class, pictures, clips.

use serde::{Deserialize, Serialize};

/// One channel of one stored file, judged as a leg.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Channel {
    /// The recording's label.
    pub recording: String,
    /// `near` or `far`; empty where that could not be told.
    pub leg: String,
    /// The recorder's file.
    pub file: String,
    /// The channel in it, from 0.
    pub channel: u16,
    /// When the file's first sample was said, by the place of the leg in it; `None` where the leg was not found. Audio at
    /// `ms` in the file belongs to `file_began_us + 1000 * ms` on the time line.
    pub file_began_us: Option<i64>,
    /// Length of the channel in ms.
    pub duration_ms: f64,
    /// How it had to be read to find the leg: `exact`, or what had to be undone first.
    #[serde(default = "exactly", skip_serializing_if = "is_exactly")]
    pub mode: String,
    /// What could not be seen in this mode, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unseen: Vec<String>,
    /// Where the leg's first packet lies, in samples of 8 kHz from the start of the file; negative if before it.
    pub offset_samples: Option<i64>,
    /// Every frame of the leg, in order of its time line.
    pub strip: Vec<FrameRun>,
    /// What is in the file beside the leg.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<Patch>,
    /// How much of each leg of each call is in it.
    pub matrix: Vec<MatrixCell>,
    /// The findings about it: indexes into [`ScenarioOutcome::findings`](crate::outcome::ScenarioOutcome::findings).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<usize>,
    /// Another channel in the list that holds the same samples and was judged as the same leg: its pictures and clips are
    /// those of this one too, which has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_as: Option<usize>,
    /// What should be in the file, on the file's time line: each packet where it belongs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<Picture>,
    /// What is in the file; `None` where that is exactly what should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Picture>,
    /// What is in the file less what should be; `None` where that is silence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<Picture>,
    /// Audio around findings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clips: Vec<Clip>,
}

/// The mode in which nothing had to be undone.
const EXACT: &str = "exact";

fn exactly() -> String {
    EXACT.to_owned()
}

fn is_exactly(mode: &str) -> bool {
    mode == EXACT
}

/// Frames of one class, one after the other without a jump in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameRun {
    /// What became of them.
    pub class: Class,
    /// How many.
    pub frames: u32,
    /// Where the first one belongs, in ms from the leg's first packet.
    pub at_ms: u32,
    /// Milliseconds of a frame.
    pub frame_ms: u16,
    /// The RTP sequence number of the first one, as sent.
    pub sequence: u16,
}

/// What became of a frame of a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// In its place, sample for sample.
    Exact,
    /// In its place, and silence: it proves nothing.
    Silent,
    /// In its place, and in the file a second time.
    Repeated,
    /// In the file, elsewhere.
    Misplaced,
    /// Silence is in its place.
    Lost,
    /// Something made up or repeated is in its place, as concealment does.
    Concealed,
    /// There but for some samples.
    Damaged,
    /// There, processed: another level, mixed with the other leg, filtered, stored lossily.
    Altered,
    /// There by its likeness, in a file that need not hold it sample for sample.
    Likely,
    /// Whether it is there cannot be told by likeness.
    Unseen,
    /// Something else is in its place.
    Covered,
    /// Cut out: what follows is early.
    Removed,
    /// Before the start or behind the end of the file.
    Clipped,
    /// It came too late, and is not in the file, which is excused.
    Late,
    /// It did not have to be recorded: it came before the recorder had to listen, or after it was told to stop.
    Excused,
    /// The network lost it, and its time is kept.
    LostByNetwork,
    /// The network lost it, and it is in the file all the same.
    Undelivered,
}

impl Class {
    /// All of them, in the order of a legend.
    pub const ALL: [Self; 17] = [
        Self::Exact,
        Self::Silent,
        Self::Repeated,
        Self::Misplaced,
        Self::Lost,
        Self::Concealed,
        Self::Damaged,
        Self::Altered,
        Self::Likely,
        Self::Unseen,
        Self::Covered,
        Self::Removed,
        Self::Clipped,
        Self::Late,
        Self::Excused,
        Self::LostByNetwork,
        Self::Undelivered,
    ];

    /// In words, for a legend.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Exact => "exact, in its place",
            Self::Silent => "exact, and silence",
            Self::Repeated => "there twice",
            Self::Misplaced => "in another place",
            Self::Lost => "lost by the recorder: silence in its place",
            Self::Concealed => "lost by the recorder: concealed",
            Self::Damaged => "some samples changed",
            Self::Altered => "there, not sample for sample",
            Self::Likely => "there by its likeness, stored lossily",
            Self::Unseen => "could not be told by likeness",
            Self::Covered => "something else in its place",
            Self::Removed => "cut out",
            Self::Clipped => "clipped at the start or end of the file",
            Self::Late => "came too late, not in the file",
            Self::Excused => "did not have to be recorded",
            Self::LostByNetwork => "lost by the network",
            Self::Undelivered => "lost by the network, and in the file",
        }
    }

    /// Whether the recorder did wrong with such a frame.
    #[must_use]
    pub const fn is_wrong(self) -> bool {
        !matches!(
            self,
            Self::Exact | Self::Silent | Self::Likely | Self::Unseen | Self::Late | Self::Excused | Self::LostByNetwork
        )
    }
}

/// A stretch of the file that is not the leg.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patch {
    /// What it is, in words: `a second time`, `the other leg`, `forged`, `noise`.
    pub what: String,
    /// Where it starts in the file, in ms.
    pub from_ms: u64,
    /// Where it ends.
    pub until_ms: u64,
    /// Frames it is made of; 0 for sound that is nobody's.
    pub frames: u64,
}

/// How much of a leg of a call is in a channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MatrixCell {
    /// The recording whose leg it is, or the phone for a voice of no recording.
    pub recording: String,
    /// `near` or `far`; empty for a voice of no recording.
    pub leg: String,
    /// Frames that were found, each as often as it is there.
    pub frames: u64,
    /// The same in ms.
    pub found_ms: f64,
}

/// Sound as a picture: a waveform and a spectrogram.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// Milliseconds of a point of the waveform.
    pub peak_ms: u16,
    /// Base64 of two signed bytes a point: the least and the greatest sample, by 256.
    pub peaks: String,
    /// The spectrogram.
    pub spectrogram: Spectrogram,
}

/// Loudness by time and frequency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spectrogram {
    /// Milliseconds of a column.
    pub column_ms: u16,
    /// Bands of a column, of equal width from 0 Hz to 4 kHz, the lowest first.
    pub bands: u16,
    /// What byte 0 stands for, in dB of a full-scale sine; byte 255 is 0 dB.
    pub floor_db: i16,
    /// Base64 of one byte a band, column after column.
    pub levels: String,
}

/// A stretch of audio to listen to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clip {
    /// The finding it is cut around.
    pub finding: usize,
    /// Where it starts in the file, in ms.
    pub from_ms: u64,
    /// Samples a second: 8000, one channel.
    pub rate: u32,
    /// Base64 of what should be there, mu-law (ITU-T G.711), a byte a sample.
    pub said: String,
    /// Base64 of what is there.
    pub recorded: String,
}
