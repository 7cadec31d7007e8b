//! Whether media stopped where the recorder had it stop, and stayed so.

use media::ledger::{Leg, Stream, StreamKind};
use recorder::Deed;

use crate::kept::Session;
use crate::outcome::Finding;
use crate::run::play::{Asked, Played};

/// How long the media of a dialog must have stopped for a pause to be believed.
const PAUSED_US: u64 = 1_000_000;

/// Each pause must have stopped the media of its legs in a dialog that was up, until the recorder resumed or the recording ended. A
/// stream in which nothing is said has not stopped.
pub(super) fn check_paused(
    played: &Played,
    sessions: &[Session],
    findings: &mut Vec<Finding>,
    undecided: &mut Vec<String>,
) {
    for (at, pause) in played.asked.iter().enumerate().filter(|(_, asked)| asked.deed == Deed::Pause) {
        for leg in Leg::ALL.into_iter().filter(|leg| pause.is_of(*leg)) {
            let resumes = |asked: &&Asked| asked.deed == Deed::Resume && asked.is_of(leg);
            let until = played.asked[at + 1..].iter().find(resumes).map_or(u64::MAX, |resume| resume.at_us);
            let of = |session: &Session| {
                let ended_us = session.ended_us.unwrap_or(u64::MAX);
                let was_up = (session.started_us..ended_us).contains(&pause.at_us);
                let dialog = &session.leg(leg).bridge_call_id;
                let time = (pause.at_us, until.min(ended_us));
                was_up.then(|| Pause::of(&played.ledger.streams, (leg, dialog), time))
            };
            let pauses: Vec<Pause> = sessions.iter().filter_map(of).collect();
            let goes_on = pauses.iter().find_map(|pause| match pause {
                Pause::GoesOn { at_us } => Some(*at_us),
                _ => None,
            });
            let (name, line) = (leg.name(), pause.line);
            if let Some(at_us) = goes_on {
                let after = at_us.saturating_sub(pause.at_us) as f64 / 1e6;
                let expected =
                    format!("no media of the {name} leg from the recorder's pause in line {line} to its resume");
                let got = format!(
                    "it was told to go on {after:.2} s after the pause: an answer or an offer of the recorder said so"
                );
                findings.push(Finding::new("pause-forgotten", expected, got));
            } else if !pauses.contains(&Pause::Kept) {
                let what = format!("the recorder was to pause the {name} leg and its media did not stop");
                undecided.push(format!("line {line}: {what}"));
            }
        }
    }
}

/// What became of a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pause {
    /// The media did not stop, or not long enough to be seen.
    None,
    /// It stopped and did not go on.
    Kept,
    /// It stopped and went on too early.
    GoesOn { at_us: u64 },
}

impl Pause {
    /// What the streams of a leg in a dialog did within this time.
    fn of(streams: &[Stream], (leg, dialog): (Leg, &str), (since_us, until_us): (u64, u64)) -> Self {
        let is_of = |stream: &&Stream| stream.kind == StreamKind::Bridge(leg) && stream.dialog == dialog;
        let mut open: Vec<(u64, u64)> =
            streams.iter().filter(is_of).map(|stream| (stream.started_us, stream.ended_us)).collect();
        open.sort_unstable();
        let mut stopped_us = since_us;
        for (from_us, to_us) in open.into_iter().filter(|(_, to_us)| *to_us > since_us) {
            if from_us >= until_us {
                break;
            }
            if from_us.saturating_sub(stopped_us) > PAUSED_US {
                return Self::GoesOn { at_us: from_us };
            }
            stopped_us = stopped_us.max(to_us);
        }
        if until_us.saturating_sub(stopped_us) > PAUSED_US { Self::Kept } else { Self::None }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use media::codec::Codec;

    use super::*;

    /// A stream of the near leg in the dialog `near`, open between these seconds.
    fn stream(from: u64, until: u64) -> Stream {
        let nowhere = SocketAddr::from(([192, 0, 2, 1], 4000));
        Stream {
            phone: String::new(),
            kind: StreamKind::Bridge(Leg::Near),
            dialog: "near".to_owned(),
            main_dialog: String::new(),
            ssrc: 1,
            codec: Codec::Pcmu,
            suite: None,
            key_fingerprint: None,
            source: nowhere,
            destination: nowhere,
            clock: 8000,
            samples_per_packet: 160,
            started_us: from * 1_000_000,
            ended_us: until * 1_000_000,
            rows: Vec::new(),
            payloads: Vec::new(),
        }
    }

    fn during(streams: &[Stream], leg: Leg, since: u64, until: u64) -> Pause {
        Pause::of(streams, (leg, "near"), (since * 1_000_000, until * 1_000_000))
    }

    #[test]
    fn a_pause_is_no_stream_of_its_own_leg_until_it_is_over() {
        let streams = [stream(1, 3), stream(8, 9)];
        assert_eq!(during(&streams, Leg::Near, 3, 7), Pause::Kept, "until it resumes, or its dialog ends");
        assert_eq!(during(&streams, Leg::Near, 9, 12), Pause::Kept, "nothing need come after it");
        assert_eq!(during(&streams, Leg::Near, 3, 9), Pause::GoesOn { at_us: 8_000_000 }, "too early");
        assert_eq!(during(&streams, Leg::Near, 2, 3), Pause::None, "too short a pause shows nothing");
        assert_eq!(during(&[stream(1, 9)], Leg::Near, 3, 7), Pause::None, "a stream that is silent is a stream");
        assert_eq!(during(&[stream(1, 5), stream(5, 9)], Leg::Near, 3, 8), Pause::None, "another key is no pause");
        assert_eq!(during(&[stream(1, 9)], Leg::Far, 3, 7), Pause::Kept, "the other leg's is another matter");
    }
}
