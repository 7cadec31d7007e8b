//! What an adapter tells of recordings, wherever it has it from, and which recordings of CUCM's these are.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;
use media::ledger::Leg;
use serde::Deserialize;
use serde_json::Value;
use verify::{Content, Recorded, RecordedFile};

use super::dir::{content, stored};
use super::profile::Profile;
use super::said::Said;
use super::template::Values;
use crate::kept::{Session, Stored};

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holds {
    /// Both legs, a channel each.
    Stereo,
    /// The near leg.
    Near,
    /// The far leg.
    Far,
    /// Both legs in one channel.
    Mixed,
}

/// The words for [`Holds`].
pub(super) const HOLDS: [(&str, Holds); 4] =
    [("stereo", Holds::Stereo), ("near", Holds::Near), ("far", Holds::Far), ("mixed", Holds::Mixed)];

/// Which leg is in the left channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LeftLeg {
    /// The near leg.
    #[default]
    Near,
    /// The far leg.
    Far,
}

/// By what a recording is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) refci: Option<String>,
    /// That of either leg.
    pub(super) call_id: Option<String>,
}

impl Names {
    /// The recordings that it may be of.
    pub(super) fn candidates(&self, sessions: &[Session]) -> Vec<usize> {
        let has = |s: &Session, id: &String| Leg::ALL.iter().any(|leg| s.call_ids(*leg).any(|own| own == id));
        let fits = |s: &Session| {
            self.refci.as_ref().is_none_or(|refci| *refci == s.refci.to_string())
                && self.call_id.as_ref().is_none_or(|id| has(s, id))
        };
        (0..sessions.len()).filter(|at| fits(&sessions[*at])).collect()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.call_id.is_none() && self.refci.is_none()
    }
}

/// A recording of which an adapter tells.
#[derive(Debug)]
pub(super) struct Told {
    /// Which of CUCM's recordings it may be; with `None` the audio decides.
    pub(super) of: Option<Vec<usize>>,
    /// Its files.
    pub(super) files: Vec<(Holds, RecordedFile<'static>)>,
    /// What the recorder says of it, in the profile's terms.
    pub(super) said: Option<Said>,
}

/// A file with its legs.
pub(super) fn file(
    name: &str,
    holds: Holds,
    left: LeftLeg,
    content: Content<'static>,
) -> (Holds, RecordedFile<'static>) {
    let claims = match (holds, left) {
        (Holds::Near, _) => vec![Some(Leg::Near)],
        (Holds::Far, _) => vec![Some(Leg::Far)],
        (Holds::Mixed, _) => vec![None],
        (Holds::Stereo, LeftLeg::Near) => vec![Some(Leg::Near), Some(Leg::Far)],
        (Holds::Stereo, LeftLeg::Far) => vec![Some(Leg::Far), Some(Leg::Near)],
    };
    (holds, RecordedFile { name: name.to_owned(), content, claims })
}

/// A file on disk, which may not be there.
pub(super) fn on_disk(path: &Path) -> Content<'static> {
    if path.exists() { content(path) } else { Content::Missing }
}

/// What the profile tells to read of what the recorder says.
pub(super) fn said(profile: &Profile, value: impl FnOnce() -> Value) -> Option<Said> {
    profile.recordings.metadata.clone().map(|metadata| Said::new(metadata, value()))
}

/// The recordings as they are judged. What is told apart of one recording is put together as long as no part holds what another
/// does; what is of none of this scenario's recordings, or has no files, is passed over.
pub(super) fn put_together(told: Vec<Told>) -> Vec<Stored> {
    struct Whole {
        expected: Option<usize>,
        fits: Vec<usize>,
        held: BTreeSet<Holds>,
        files: Vec<RecordedFile<'static>>,
        said: Vec<Said>,
    }
    let mut all: Vec<Whole> = Vec::new();
    for Told { of, files, said } in told {
        if files.is_empty() || of.as_ref().is_some_and(Vec::is_empty) {
            continue;
        }
        let expected = match of.as_deref() {
            Some([only]) => Some(*only),
            _ => None,
        };
        let (holds, files): (BTreeSet<Holds>, Vec<_>) = files.into_iter().unzip();
        let known = |whole: &&mut Whole| {
            whole.expected.is_some() && whole.expected == expected && whole.held.is_disjoint(&holds)
        };
        match all.iter_mut().find(known) {
            Some(whole) => {
                whole.held.extend(holds);
                whole.files.extend(files);
                whole.said.extend(said);
            }
            None => {
                let (fits, said) = (of.unwrap_or_default(), said.into_iter().collect());
                all.push(Whole { expected, fits, held: holds, files, said });
            }
        }
    }
    let whole = |Whole { expected, fits, files, said, held }: Whole| {
        let label = files.first().map(|file| file.name.clone()).unwrap_or_default();
        Stored { said, fits, is_mixed: held.contains(&Holds::Mixed), ..stored(Recorded { label, expected, files }) }
    };
    all.into_iter().map(whole).collect()
}

/// That an adapter also told of recordings of none of these calls, in words for the story of a scenario.
pub(super) fn strangers<'a>(of: impl Iterator<Item = &'a Option<Vec<usize>>>) -> Vec<String> {
    match of.filter(|of| of.as_ref().is_some_and(Vec::is_empty)).count() {
        0 => Vec::new(),
        1 => vec![
            "the adapter told of a recording of another call, by its refci or Call-ID, which was passed over"
                .to_owned(),
        ],
        many => vec![format!(
            "the adapter told of {many} recordings of other calls, by their refcis or Call-IDs, which were passed over"
        )],
    }
}

/// Whether there is something told of every recording.
pub(super) fn is_whole(of: &[Option<Vec<usize>>], sessions: &[Session]) -> bool {
    let told = |at: usize| of.iter().any(|of| of.as_ref().is_none_or(|of| of.contains(&at)));
    let enough = of.iter().filter(|of| of.as_ref().is_none_or(|of| !of.is_empty())).count();
    enough >= sessions.len() && (0..sessions.len()).all(told)
}

/// What can be filled in of a call where it is asked for.
pub(super) const CALL: [&str; 12] = [
    "refci",
    "farend_refci",
    "call_id",
    "near",
    "far",
    "near_device",
    "far_device",
    "cluster",
    "date",
    "time",
    "started",
    "ended",
];

/// What the places of a call stand for; with one Call-ID of the two.
pub(super) fn values_of(session: &Session, leg: Leg) -> Values {
    let (started, ended) = (at(session, Some(session.started_us)), at(session, session.ended_us));
    let shown = |at: Option<Timestamp>, format: &str| at.map(|at| at.strftime(format).to_string()).unwrap_or_default();
    Values::from([
        ("refci", session.refci.to_string()),
        ("farend_refci", session.farendrefci.to_string()),
        ("call_id", session.leg(leg).recorder_call_id.clone()),
        ("near", session.near.number.clone()),
        ("far", session.far.number.clone()),
        ("near_device", session.near.device.clone()),
        ("far_device", session.far.device.clone()),
        ("cluster", session.cluster_id.clone()),
        ("date", shown(started, "%Y-%m-%d")),
        ("time", shown(started, "%H:%M:%S")),
        ("started", started.map(|at| at.to_string()).unwrap_or_default()),
        ("ended", ended.map(|at| at.to_string()).unwrap_or_default()),
    ])
}

/// A time of a session's run, on the wall.
pub(super) fn at(session: &Session, us: Option<u64>) -> Option<Timestamp> {
    let unix = session.run_unix_us?.checked_add_unsigned(us?)?;
    Timestamp::from_microsecond(unix).ok()
}
