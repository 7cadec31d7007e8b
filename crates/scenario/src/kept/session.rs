//! A recording that CUCM set up, as much of it as the judgement needs.

use cucm::{CucmEvent, Protection, RecordingStarted};
use media::ledger::{Leg, Stream, StreamKind};
use media::srtp::Suite;
use serde::{Deserialize, Serialize};
use verify::{Expected, Truth};

/// A recording that CUCM set up: what it told the recorder, and which bridge dialogs fed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// `x-refci`.
    pub refci: u32,
    /// `x-farendrefci`.
    pub farendrefci: u32,
    /// `x-nearendclusterid` and `x-farendclusterid`.
    pub cluster_id: String,
    /// The recorded party.
    pub near: Party,
    /// The other party.
    pub far: Party,
    /// The dialog with the recorded party's voice.
    pub near_leg: SessionLeg,
    /// The dialog with the other party's voice.
    pub far_leg: SessionLeg,
    /// When both dialogs were up, in microseconds since the start of the run.
    pub started_us: u64,
    /// When it was over, in microseconds since the start of the run; `None` if it never was.
    pub ended_us: Option<u64>,
}

/// A party as the From parameters name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// Device name.
    pub device: String,
    /// Directory number.
    pub number: String,
}

/// One of the two dialogs with the recorder, and the phone's bridge dialog that fed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionLeg {
    /// Call-ID of the dialog between cluster and phone; [`Stream::dialog`] of its streams.
    pub bridge_call_id: String,
    /// Call-ID of the dialog between cluster and recorder.
    pub recorder_call_id: String,
    /// Encoding name.
    pub codec: String,
    /// The SRTP suite, `None` for plain RTP.
    pub suite: Option<Suite>,
}

impl Session {
    /// Every recording that was started, in order.
    pub(crate) fn of_events(events: &[(u64, CucmEvent)]) -> Vec<Self> {
        let end = |id| {
            events.iter().find_map(|(at, event)| match event {
                CucmEvent::RecordingEnded { recording, .. } if *recording == id => Some(*at),
                _ => None,
            })
        };
        let started = events.iter().filter_map(|(at, event)| match event {
            CucmEvent::RecordingStarted(started) => Some((*at, &**started)),
            _ => None,
        });
        started.map(|(at, started)| Self::new(started, at, end(started.recording))).collect()
    }

    fn new(started: &RecordingStarted, started_us: u64, ended_us: Option<u64>) -> Self {
        let party = |party: &cucm::Party| Party { device: party.device.clone(), number: party.number.clone() };
        let leg = |leg: &cucm::RecordingLeg| SessionLeg {
            bridge_call_id: leg.bridge_call_id.clone(),
            recorder_call_id: leg.recorder_call_id.clone(),
            codec: leg.codec.clone(),
            suite: match leg.protection {
                Protection::Rtp => None,
                Protection::Srtp(suite) => Some(suite),
            },
        };
        Self {
            refci: started.refci,
            farendrefci: started.farendrefci,
            cluster_id: started.cluster_id.clone(),
            near: party(&started.near),
            far: party(&started.far),
            near_leg: leg(&started.near_leg),
            far_leg: leg(&started.far_leg),
            started_us,
            ended_us,
        }
    }

    /// What it is called in findings.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{} with {} (refci {})", self.near.number, self.far.number, self.refci)
    }

    /// The dialog of a leg.
    #[must_use]
    pub const fn leg(&self, leg: Leg) -> &SessionLeg {
        match leg {
            Leg::Near => &self.near_leg,
            Leg::Far => &self.far_leg,
        }
    }
}

/// What was said, as the verifier takes it.
pub(crate) fn truth<'a>(streams: &'a [Stream], sessions: &[Session]) -> Truth<'a> {
    let find = |session: &Session, leg: Leg| -> Vec<usize> {
        let dialog = &session.leg(leg).bridge_call_id;
        let fed = |stream: &Stream| stream.kind == StreamKind::Bridge(leg) && stream.dialog == *dialog;
        (0..streams.len()).filter(|at| fed(&streams[*at])).collect()
    };
    let expected = |session: &Session| Expected {
        label: session.label(),
        near: find(session, Leg::Near),
        far: find(session, Leg::Far),
        from_us: None,
        until_us: session.ended_us,
    };
    Truth { streams, recordings: sessions.iter().map(expected).collect() }
}
