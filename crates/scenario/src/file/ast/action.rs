//! What steps do.

use std::time::Duration;

use cucm::config::RocAtReKey;
use cucm::signalling::{Closing, Request};
use media::ledger::Leg;
use phone::PacketTime;
use recorder::Deed;

use super::{Codec, NodeFailure};

/// A step and its line in the file.
#[derive(Clone, Debug)]
pub struct Step {
    /// Line, from 1.
    pub line: usize,
    /// What happens.
    pub action: Action,
}

/// What a step does; phones are named by their index in [`Scenario::phones`](super::Scenario::phones).
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// `from` dials the line of `to` and waits until it rings.
    Call {
        /// Who dials.
        from: usize,
        /// Whose line.
        to: usize,
    },
    /// The phone answers; waits until the call is up and its recordings were set up or failed.
    Answer(usize),
    /// Time passes, in a call or without one.
    Wait(Duration),
    /// The phone puts its call on hold; waits until its recordings have ended.
    Hold(usize),
    /// The phone takes its call back from hold; waits until its recordings were set up anew or failed.
    Resume(usize),
    /// `by` has its call connected with another phone without talking to that first.
    Transfer {
        /// Who transfers.
        by: usize,
        /// Whose line.
        to: usize,
    },
    /// `by` holds its call and calls another phone.
    Consult {
        /// Who asks.
        by: usize,
        /// Whose line.
        to: usize,
    },
    /// The phone has its held call connected with its active one, which may still ring.
    CompleteTransfer(usize),
    /// The phone parks its call.
    Park(usize),
    /// The phone transfers its call to a number for directed call park.
    ParkAt {
        /// Whose call.
        by: usize,
        /// Which number, from 1.
        at: u32,
    },
    /// `by` takes the call that another phone parked.
    Retrieve {
        /// Who takes it.
        by: usize,
        /// Who parked it.
        parked_by: usize,
    },
    /// The phone takes a call that rings at another one of its call pickup group.
    PickUp(usize),
    /// An application has the call of a phone, ringing or connected, go to another one.
    Redirect {
        /// Whose call.
        call_of: usize,
        /// Whose line.
        to: usize,
    },
    /// Keys are pressed at a phone in a call.
    Dtmf {
        /// Where.
        by: usize,
        /// Which, one after the other.
        digits: String,
    },
    /// A phone's microphone is switched off (`true`), or on again.
    Mute(usize, bool),
    /// Both parties talk.
    Talk(Duration),
    /// The phone hangs up; waits until everything has ended.
    HangUp(usize),
    /// The call of a party outside becomes that of another one there.
    TransferOutside {
        /// Whose call it was.
        from: usize,
        /// Whose it is.
        to: usize,
        /// How CUCM is told.
        told: Told,
    },
    /// A party outside makes a conference of its call with others there.
    ConferOutside {
        /// Whose call it is.
        by: usize,
        /// Who joins it.
        with: Vec<usize>,
        /// The number of the bridge, where it is delivered.
        number: Option<String>,
    },
    /// A party outside leaves its conference.
    LeaveOutside(usize),
    /// Somebody has the call of a phone recorded, whose line is recorded selectively.
    StartRecording {
        /// Whose call.
        on: usize,
        /// Who asks for it.
        by: Asker,
    },
    /// Whoever had it started has the recording of a phone's call stopped.
    StopRecording(usize),
    /// The phone makes a conference of its held call and its active one, or adds the active one to its conference; waits until all its
    /// members hear each other.
    Conference(usize),
    /// `by` has another member dropped from its conference.
    Drop {
        /// Who may.
        by: usize,
        /// Who is out of it.
        party: usize,
    },
    /// The phone comes into a call in which another phone of its line talks, by that phone's built-in bridge.
    Barge(usize),
    /// The phone comes into a call in which another phone of its line talks, and all of them move to a conference bridge.
    CBarge(usize),
    /// A phone's built-in bridge does something wrong towards the recorder.
    Inject(Inject),
    /// CUCM closes its connections to recorders; the next request opens a new one.
    CloseConnection(Closing),
    /// CUCM sends a request in the dialogs of the recordings.
    CucmSends {
        /// Which.
        request: Request,
        /// In which of the two dialogs of each; `None` for both.
        leg: Option<Leg>,
    },
    /// The bundled recorder does something with its calls.
    RecorderDoes {
        /// What.
        deed: Deed,
        /// With which leg of each; `None` for both.
        leg: Option<Leg>,
    },
    /// A bundled recorder beside the one under test goes, or comes back.
    Destination {
        /// Which of [`Scenario::destinations`](super::Scenario::destinations).
        index: usize,
        /// Whether it comes back.
        is_up: bool,
    },
    /// Something befalls the recorder under test.
    Hook(Hook),
    /// A node of the cluster dies: no BYE is sent, and its phones register with the next one when their calls are over.
    FailNode(NodeFailure),
    /// A node that died, from 0, is there again; its phones go back to it when it has been for the *Connection Monitor Duration*.
    RestoreNode(usize),
    /// CUCM gives out its call identifiers from the beginning again.
    Renumber(Renumbered),
    /// A phone's built-in bridge has other streams from now on; waits until CUCM has told the recorder what it must know.
    ChangeStreams(StreamChange),
}

/// Numbers for directed call park that there are.
pub const DIRECTED_PARK_NUMBERS: u32 = 8;

/// The longest that a key takes, with the pause behind it.
const KEY: Duration = Duration::from_millis(300);

impl Action {
    /// How long it lasts by itself.
    #[must_use]
    pub fn lasts(&self) -> Duration {
        match self {
            Self::Talk(time) | Self::Wait(time) => *time,
            Self::Dtmf { digits, .. } => KEY * u32::try_from(digits.len()).unwrap_or(u32::MAX),
            _ => Duration::ZERO,
        }
    }
}

/// What may befall a recorder. A profile in `mixedmode.toml` says by which command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hook {
    /// It ends at once, as by SIGKILL.
    Kill,
    /// It is stopped and started again.
    Restart,
    /// Where it writes there is no room any more.
    FillDisk,
    /// It gets another certificate.
    RotateCertificate,
    /// Its clock is set.
    StepClock,
}

impl Hook {
    /// The word for it in a scenario.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Restart => "restart",
            Self::FillDisk => "fill disk",
            Self::RotateCertificate => "rotate certificate",
            Self::StepClock => "step clock",
        }
    }
}

/// How CUCM learns who talks behind a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// By a re-INVITE, with other media.
    ByInvite,
    /// By UPDATE; the media stays.
    ByUpdate,
    /// Not at all.
    NotAtAll,
}

/// Who asks for a selective recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// The phone's user, by softkey.
    User,
    /// An application, so that the phone shows it.
    Application,
    /// An application, unseen.
    SilentApplication,
}

/// Something wrong on a media stream, on purpose.
#[derive(Clone, Debug, PartialEq)]
pub struct Inject {
    /// Whose bridge.
    pub phone: usize,
    /// On which of its legs.
    pub legs: Vec<Leg>,
    /// What.
    pub what: Injected,
    /// For how long, from now; the step itself takes no time.
    pub lasts: Duration,
}

/// What is injected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Injected {
    /// Plain RTP beside the genuine stream.
    PlainRtp,
    /// One bit of the authentication tag flipped in every n-th packet, which is then lost.
    FlippedTag {
        /// Every how many packets.
        every: u32,
    },
    /// Every n-th packet sent once more, later.
    Replay {
        /// Every how many packets.
        every: u32,
    },
    /// Packets under a key of the attacker's own.
    Forged {
        /// How many for each genuine packet.
        times: u32,
    },
    /// Nothing is sent.
    Silence {
        /// Whether RTP time stands still meanwhile.
        stalls: bool,
    },
    /// Everything is lost on its way.
    Loss,
    /// Streams whose dialogs end meanwhile go on.
    Stale,
}

/// A change of the streams to the recorder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamChange {
    /// Whose bridge.
    pub phone: usize,
    /// What changes.
    pub what: ChangedStream,
}

/// What changes in the streams to the recorder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangedStream {
    /// The SRTP key.
    Key {
        /// What becomes of the roll-over count; `None` is what the dialect says.
        roll_over: Option<RocAtReKey>,
    },
    /// The SSRC.
    Source,
    /// The sequence begins anew.
    Sequence,
    /// The codec.
    Codec(Codec),
    /// How long a packet is.
    PacketTime(PacketTime),
}

/// Why call identifiers are given out from the beginning again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renumbered {
    /// The node was started again.
    Restarted,
    /// It is another cluster, behind the same trunk.
    OtherCluster,
}
