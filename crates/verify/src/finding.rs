//! Findings: what is wrong, as data and in words.

use media::ledger::Leg;
use serde::Serialize;

/// How bad a finding is; the worst one is the [`Level`](crate::Level) of the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// All audio is there, but not as it was said.
    Degraded,
    /// Some of the audio is missing.
    Incomplete,
    /// Audio is in the wrong place, or audio is there that does not belong there.
    Wrong,
    /// A leg or a whole recording is missing.
    Lost,
    /// Audio that no key vouched for was recorded.
    Insecure,
}

/// A stretch of a file, in seconds from its start.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Span {
    /// Where it starts.
    pub start_s: f64,
    /// Where it ends.
    pub end_s: f64,
}

/// The packets a finding is about, by RTP sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Packets {
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
    /// How many they are; fewer than `first` to `last` where some of them are not concerned.
    pub count: u64,
}

/// Something that is wrong with a recording.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The stable code of the rule that was broken, such as `lost-frames`; see [`Rule`].
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What should have been.
    pub expected: String,
    /// What is.
    pub found: String,
    /// The recording, by the label of the expected one, else the recorder's own.
    pub recording: String,
    /// The file.
    pub file: Option<String>,
    /// The channel of the file, from 0.
    pub channel: Option<u16>,
    /// The leg that is judged.
    pub leg: Option<Leg>,
    /// Where in the file.
    pub at: Option<Span>,
    /// Which packets.
    pub packets: Option<Packets>,
}

macro_rules! rules {
    ($($(#[$doc:meta])+ $name:ident = $code:literal, $severity:ident;)+) => {
        /// The rules a recording is judged by; the code of each is stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $($(#[$doc])+ $name,)+
        }

        impl Rule {
            /// Every rule.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The stable code.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// How bad it is to break it.
            pub fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity),+ }
            }
        }
    };
}

rules! {
    /// A recording that should be there is not.
    MissingRecording = "missing-recording", Lost;
    /// A recording is there that nobody asked for.
    UnexpectedRecording = "unexpected-recording", Wrong;
    /// A leg is in none of the recording's files.
    MissingLeg = "missing-leg", Lost;
    /// A file that should be there is not.
    MissingFile = "missing-file", Lost;
    /// A file cannot be read as audio.
    UnreadableFile = "unreadable-file", Lost;
    /// A file holds no audio.
    EmptyFile = "empty-file", Lost;
    /// The header was never finished.
    UnfinishedHeader = "unfinished-header", Degraded;
    /// The file ends before what its header declares.
    TruncatedFile = "truncated-file", Incomplete;
    /// Sizes or other fields of the header are wrong.
    WrongHeader = "wrong-header", Degraded;
    /// The header's sampling rate is not that of the audio.
    WrongRate = "wrong-rate", Wrong;
    /// The header's channel count is not that of the audio.
    WrongChannelCount = "wrong-channel-count", Wrong;
    /// The samples are coded in another way than the header says, or their bytes are swapped or shifted.
    WrongEncoding = "wrong-encoding", Wrong;
    /// The audio was decoded by the other law.
    WrongLaw = "wrong-law", Degraded;
    /// The audio's sign is turned round.
    InvertedAudio = "inverted-audio", Degraded;
    /// The level was changed.
    LevelChanged = "level-changed", Degraded;
    /// A constant was added to the samples.
    DcOffset = "dc-offset", Degraded;
    /// The audio was coded again on the way to the file, by another law or with fewer bits.
    RecodedAudio = "recoded-audio", Degraded;
    /// The audio is there but was processed: transcoded, resampled, filtered.
    AlteredAudio = "altered-audio", Degraded;
    /// Near and far are exchanged.
    SwappedLegs = "swapped-legs", Wrong;
    /// A channel holds the other leg than it should.
    WrongLeg = "wrong-leg", Wrong;
    /// Both channels hold the same.
    IdenticalChannels = "identical-channels", Wrong;
    /// Both legs are mixed into one channel.
    MixedLegs = "mixed-legs", Wrong;
    /// A channel holds the audio of another recording.
    ExchangedRecordings = "exchanged-recordings", Wrong;
    /// Audio of the other leg of the same call.
    OtherLegAudio = "other-leg-audio", Wrong;
    /// Audio of another call.
    OtherCallAudio = "other-call-audio", Wrong;
    /// The channel is silent although there was something to record.
    SilentChannel = "silent-channel", Lost;
    /// The channel is noise: undecrypted, or decrypted with a wrong key.
    NoiseAudio = "noise-audio", Lost;
    /// The channel holds audio that nobody said.
    UnknownAudio = "unknown-audio", Wrong;
    /// Frames that were delivered in time are not in the file.
    LostFrames = "lost-frames", Incomplete;
    /// The beginning is missing.
    StartClipped = "start-clipped", Incomplete;
    /// The end is missing.
    EndClipped = "end-clipped", Incomplete;
    /// Frames are there with some samples changed.
    DamagedFrames = "damaged-frames", Incomplete;
    /// Frames are there more than once.
    RepeatedFrames = "repeated-frames", Wrong;
    /// Frames are in another place than the time line gives them.
    MisplacedFrames = "misplaced-frames", Wrong;
    /// Audio was cut out and the rest closed up.
    Splice = "splice", Incomplete;
    /// A pause in which no packet came was closed up.
    ClosedGap = "closed-gap", Wrong;
    /// Something was put in, and what follows is late.
    InsertedAudio = "inserted-audio", Wrong;
    /// The time line slips by less than 10 ms.
    SampleSlip = "sample-slip", Wrong;
    /// The channels of a file are not aligned in time.
    MisalignedLegs = "misaligned-legs", Wrong;
    /// The file is longer than what was said.
    WrongDuration = "wrong-duration", Wrong;
    /// Audio of a forged packet was recorded.
    ForgedAudio = "forged-audio", Insecure;
    /// Audio of a replayed packet was recorded.
    ReplayedAudio = "replayed-audio", Insecure;
    /// Audio of an unencrypted packet on an encrypted leg was recorded.
    PlainAudio = "plain-audio", Insecure;
    /// Audio of a packet with a wrong authentication tag was recorded.
    UnauthenticatedAudio = "unauthenticated-audio", Insecure;
    /// Audio of a packet that was sealed with a wrong key was recorded.
    WrongKeyAudio = "wrong-key-audio", Insecure;
    /// Audio of a packet that never reached the recorder was recorded.
    UndeliveredAudio = "undelivered-audio", Wrong;
}
