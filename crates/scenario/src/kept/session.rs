//! A recording that CUCM set up, as much of it as the judgement needs.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cucm::{CucmEvent, Protection, RecordingStarted};
use media::ledger::{Leg, Stream, StreamKind};
use media::srtp::Suite;
use serde::{Deserialize, Serialize};
use verify::{Expected, Pause, PauseTime, Truth};

use super::{Hampered, Hampering};

/// A recording that CUCM set up: what it told the recorder, and which bridge dialogs fed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// `x-refci`.
    pub refci: u32,
    /// How many recordings of this refci there were before: a call that was on hold is recorded again under the same one.
    #[serde(default, skip_serializing_if = "is_first")]
    pub earlier: u32,
    /// `x-farendrefci`.
    pub farendrefci: u32,
    /// `x-nearendclusterid` and `x-farendclusterid`.
    pub cluster_id: String,
    /// How often CUCM had given out call legs from the beginning again by then.
    #[serde(default, skip_serializing_if = "is_first")]
    pub numbering: u32,
    /// The recorded party.
    pub near: Party,
    /// The other party.
    pub far: Party,
    /// The dialog with the recorded party's voice.
    pub near_leg: SessionLeg,
    /// The dialog with the other party's voice.
    pub far_leg: SessionLeg,
    /// The leg that it is judged by, where the other one went to another recorder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Leg>,
    /// What the scenario did to its messages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hampered: Vec<Hampered>,
    /// When both dialogs were up, in microseconds since the start of the run.
    pub started_us: u64,
    /// When it was over, in microseconds since the start of the run; `None` if it never was.
    pub ended_us: Option<u64>,
    /// When the node died that drove it, in microseconds since the start of the run: no BYE was sent, and what its phone's bridge sent
    /// belongs to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_us: Option<u64>,
    /// Whether the recorder ended it; `None` in ledgers of before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by_recorder: Option<bool>,
    /// The cause of Q.850 in CUCM's BYEs; `None` in ledgers of before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_cause: Option<u16>,
    /// The far ends that CUCM told by UPDATE, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub updates: Vec<Update>,
    /// The wall time at which the run started, in microseconds since 1970; `None` where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_unix_us: Option<i64>,
    /// The recordings of the same call behind this one that are in the same file, where the recorder writes a file per call.
    #[serde(skip)]
    pub(crate) later: Vec<Later>,
}

/// A recording that is in the same file as the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Later {
    /// What is between the two.
    pub(crate) pause: Pause,
    /// The recording.
    pub(crate) session: Session,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_first(earlier: &u32) -> bool {
    *earlier == 0
}

/// Another far end of a recording that goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Update {
    /// When CUCM told it, in microseconds since the start of the run.
    pub at_us: u64,
    /// `x-farendrefci`.
    pub farendrefci: u32,
    /// Who.
    pub far: Party,
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
    /// Encoding name, as it was agreed on last.
    pub codec: String,
    /// The SRTP suite, as it was agreed on last; `None` for plain RTP.
    pub suite: Option<Suite>,
    /// When the INVITE was sent, in microseconds since the start of the run; `None` in ledgers of before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invited_us: Option<u64>,
    /// What the INVITE told the recorder; `None` in ledgers of before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Told>,
}

/// What a recorder was told of one of its dialogs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    /// The headers of the INVITE, as sent.
    pub headers: Vec<(String, String)>,
    /// The tag that the recorder gave the dialog.
    pub recorder_tag: String,
    /// Where the phone sends from.
    pub phone_media: SocketAddr,
    /// Where the recorder receives.
    pub recorder_media: SocketAddr,
}

impl SessionLeg {
    /// The media was agreed on anew.
    fn agree(&mut self, agreed: &cucm::RecordingLeg) {
        self.codec.clone_from(&agreed.codec);
        self.suite = suite_of(agreed.protection);
        if let Some(told) = &mut self.told {
            (told.phone_media, told.recorder_media) = (agreed.phone_media, agreed.recorder_media);
        }
    }
}

const fn suite_of(protection: Protection) -> Option<Suite> {
    match protection {
        Protection::Rtp => None,
        Protection::Srtp(suite) => Some(suite),
    }
}

impl Party {
    fn of(party: &cucm::Party) -> Self {
        Self { device: party.device.clone(), number: party.number.clone() }
    }
}

impl Told {
    /// The first header of this name, in any case of letters.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

impl Session {
    /// Every recording that was started, in order.
    pub(crate) fn of_events(events: &[(u64, CucmEvent)]) -> Vec<Self> {
        let end = |id| {
            events.iter().find_map(|(at, event)| match event {
                CucmEvent::RecordingEnded { recording, by_recorder, cause, .. } if *recording == id => {
                    Some((*at, *by_recorder, *cause))
                }
                _ => None,
            })
        };
        let lost = |id| {
            events.iter().find_map(|(at, event)| match event {
                CucmEvent::NodeFailed { lost, .. } if lost.contains(&id) => Some(*at),
                _ => None,
            })
        };
        let updates = |id| {
            let of = events.iter().filter_map(move |(at_us, event)| match event {
                CucmEvent::RecordingUpdated { recording, farendrefci, far } if *recording == id => {
                    Some(Update { at_us: *at_us, farendrefci: *farendrefci, far: Party::of(far) })
                }
                _ => None,
            });
            of.collect()
        };
        let changes = |id| {
            events.iter().filter_map(move |(_, event)| match event {
                CucmEvent::RecordingChanged { recording, leg, agreed } if *recording == id => Some((*leg, &**agreed)),
                _ => None,
            })
        };
        let started = events.iter().filter_map(|(at, event)| match event {
            CucmEvent::RecordingStarted(started) => Some((*at, None, &**started)),
            CucmEvent::RecordingHalf { leg, half } => Some((*at, Some(*leg), &**half)),
            _ => None,
        });
        let mut sessions: Vec<Self> = Vec::new();
        for (at, only, started) in started {
            let mut session = match only {
                None => Self::new(started, at, end(started.recording)),
                // It began with its INVITE, and is over now unless it went on alone.
                Some(_) => {
                    let ended = end(started.recording).unwrap_or((at, false, NORMAL));
                    Self::new(started, at, Some(ended)).begun_with_its_invite(only)
                }
            };
            session.updates = updates(started.recording);
            session.lost_us = lost(started.recording);
            for (leg, agreed) in changes(started.recording) {
                session.leg_mut(leg).agree(agreed);
            }
            let same = |other: &&Self| other.refci == session.refci && other.near == session.near;
            session.earlier = sessions.iter().filter(same).count() as u32;
            sessions.push(session);
        }
        sessions
    }

    fn begun_with_its_invite(self, only: Option<Leg>) -> Self {
        let started_us = self.near_leg.invited_us.unwrap_or(self.started_us);
        Self { only, started_us, ..self }
    }

    fn new(started: &RecordingStarted, started_us: u64, ended: Option<(u64, bool, u16)>) -> Self {
        let before = |time: Duration| started_us.saturating_sub(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
        let leg = |leg: &cucm::RecordingLeg| SessionLeg {
            bridge_call_id: leg.bridge_call_id.clone(),
            recorder_call_id: leg.recorder_call_id.clone(),
            codec: leg.codec.clone(),
            suite: suite_of(leg.protection),
            invited_us: Some(before(leg.invited_before)),
            told: Some(Told {
                headers: leg.headers.clone(),
                recorder_tag: leg.recorder_tag.clone(),
                phone_media: leg.phone_media,
                recorder_media: leg.recorder_media,
            }),
        };
        Self {
            refci: started.refci,
            earlier: 0,
            farendrefci: started.farendrefci,
            cluster_id: started.cluster_id.clone(),
            numbering: started.numbering,
            near: Party::of(&started.near),
            far: Party::of(&started.far),
            near_leg: leg(&started.near_leg),
            far_leg: leg(&started.far_leg),
            only: None,
            hampered: Vec::new(),
            started_us,
            ended_us: ended.map(|(at, ..)| at),
            lost_us: None,
            ended_by_recorder: ended.map(|(_, by_recorder, _)| by_recorder),
            end_cause: ended.map(|(.., cause)| cause),
            updates: Vec::new(),
            run_unix_us: None,
            later: Vec::new(),
        }
    }

    /// Calls in the place of recordings: all those of a refci and a recorded party, of which one file is to hold the audio.
    pub(crate) fn by_call(sessions: Vec<Self>, time: PauseTime) -> Vec<Self> {
        let mut calls: Vec<Self> = Vec::new();
        for session in sessions {
            let same = |call: &&mut Self| call.refci == session.refci && call.near == session.near;
            match calls.iter_mut().find(same) {
                Some(call) => call.go_on(session, time),
                None => calls.push(session),
            }
        }
        calls
    }

    fn go_on(&mut self, session: Self, time: PauseTime) {
        let ended = self.ended_us.or(self.lost_us).unwrap_or(session.started_us);
        let began = session.legs().filter_map(|leg| session.leg(leg).invited_us).min().unwrap_or(session.started_us);
        let pause = Pause { from_us: ended, until_us: began.max(ended), time };
        (self.ended_us, self.lost_us) = (session.ended_us, session.lost_us);
        (self.ended_by_recorder, self.end_cause) = (session.ended_by_recorder, session.end_cause);
        let changed = session.farendrefci != self.farendrefci || session.far != self.far;
        let first = Update { at_us: session.started_us, farendrefci: session.farendrefci, far: session.far.clone() };
        self.updates.extend(changed.then_some(first));
        self.updates.extend(session.updates.iter().cloned());
        self.later.push(Later { pause, session });
    }

    /// The Call-IDs of the recorder's dialogs of a leg: one for each recording that is in its file.
    pub(crate) fn call_ids(&self, leg: Leg) -> impl Iterator<Item = &str> {
        let later = self.later.iter().map(move |later| later.session.leg(leg));
        std::iter::once(self.leg(leg)).chain(later).map(|leg| leg.recorder_call_id.as_str())
    }

    /// The same in a run that started at this wall time.
    pub(crate) fn in_run(mut self, started: SystemTime) -> Self {
        let since = started.duration_since(UNIX_EPOCH).ok();
        self.run_unix_us = since.and_then(|since| i64::try_from(since.as_micros()).ok());
        self
    }

    /// What it is called in findings.
    #[must_use]
    pub fn label(&self) -> String {
        let Self { near, far, refci, earlier, only, .. } = self;
        let again = if *earlier == 0 { String::new() } else { format!(", no. {}", earlier + 1) };
        let half = only.map(|leg| format!(", {} leg", leg.name())).unwrap_or_default();
        format!("{} with {} (refci {refci}{again}{half})", near.number, far.number)
    }

    /// Until when what arrived must have been taken, in microseconds since the start of the run: its end or, where nobody tells that,
    /// for ever.
    pub(crate) fn heard_until(&self) -> Option<u64> {
        self.ended_us.or_else(|| self.lost_us.map(|_| u64::MAX))
    }

    /// Whether this was done to the dialog of a leg.
    pub(crate) fn is_hampered(&self, leg: Leg, by: Hampering) -> bool {
        self.hampered.contains(&Hampered { leg, by })
    }

    /// The legs by which it is judged.
    pub(crate) fn legs(&self) -> impl Iterator<Item = Leg> + use<> {
        let only = self.only;
        Leg::ALL.into_iter().filter(move |leg| only.is_none_or(|only| only == *leg))
    }

    fn leg_mut(&mut self, leg: Leg) -> &mut SessionLeg {
        match leg {
            Leg::Near => &mut self.near_leg,
            Leg::Far => &mut self.far_leg,
        }
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

/// Normal call clearing (Q.850).
const NORMAL: u16 = 16;

/// What was said, as the verifier takes it.
pub(crate) fn truth<'a>(streams: &'a [Stream], sessions: &[Session]) -> Truth<'a> {
    let expected = |session: &Session| Expected {
        label: session.label(),
        near: fed(streams, session, Leg::Near),
        far: fed(streams, session, Leg::Far),
        from_us: None,
        until_us: session.ended_us,
        pauses: session.later.iter().map(|later| later.pause).collect(),
    };
    Truth { streams, recordings: sessions.iter().map(expected).collect() }
}

/// The bridge streams that fed a leg of a recording, and of those behind it in its file.
fn fed(streams: &[Stream], session: &Session, leg: Leg) -> Vec<usize> {
    let all = std::iter::once(session).chain(session.later.iter().map(|later| &later.session));
    let of = |session: &Session| {
        let dialog = session.leg(leg).bridge_call_id.clone();
        let is_fed = move |stream: &Stream| stream.kind == StreamKind::Bridge(leg) && stream.dialog == dialog;
        let none = session.only.is_some_and(|only| only != leg);
        (0..streams.len()).filter(move |at| !none && is_fed(&streams[*at]))
    };
    all.flat_map(of).collect()
}
