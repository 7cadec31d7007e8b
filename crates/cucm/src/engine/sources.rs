//! Who forks the media of a recorded call, and who does where the first one cannot.
//!
//! Cisco's Feature Configuration Guide 12.5(1)SU4, "Recording":
//!
//! | preferred | the call's media | asked, one after the other |
//! |---|---|---|
//! | phone | RTP | the phone's bridge, the first gateway in the call's path, the last one |
//! | gateway | RTP | the first gateway in the call's path, the last one, the phone's bridge |
//! | any | SRTP | the phone's bridge |
//!
//! | source | cannot fork where |
//! |---|---|
//! | the phone's bridge | its *Built In Bridge* is off, or it refuses or does not answer |
//! | a gateway | CUCM is not registered with it (`gateways`), or it refuses the request to fork or does not answer |
//!
//! No gateway is in the path where a conference bridge of CUCM's is between.
//!
//! Where none is left the recording fails (Cisco JTAPI Developer Guide: "If none of the recording resources is available, this recording
//! request fails"). A gateway is asked when both dialogs with the recorder stand (Cisco document 211385). What becomes of them where it
//! refuses then is open: [`NextSource`].

use crate::config::{NextSource, RecordingMediaSource};
use crate::event::Protection;

use super::Engine;
use super::call::CallSide;
use super::gateways::Registration;
use super::leg::LegId;
use super::recording::Recording;
use super::rules::Ending;

/// Who can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The recorded phone's built-in bridge.
    Bridge,
    /// The gateway on this leg of the call.
    Gateway(LegId),
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// That of this one, at this place of the order.
    Of(usize, Source),
    /// Nobody's, until the gateway on this leg has answered.
    Awaits(LegId),
    /// Nobody is left.
    Over,
}

/// The table. The path has the gateways of a call, the one by which it came first.
fn order(preferred: RecordingMediaSource, is_srtp: bool, path: &[LegId]) -> Vec<Source> {
    let (first, last) = (path.first(), path.last().filter(|_| path.len() > 1));
    let gateways = first.into_iter().chain(last).filter(|_| !is_srtp).map(|leg| Source::Gateway(*leg));
    let bridge = std::iter::once(Source::Bridge);
    match preferred {
        RecordingMediaSource::Phone => bridge.chain(gateways).collect(),
        RecordingMediaSource::Gateway => gateways.chain(bridge).collect(),
    }
}

impl Engine {
    /// Whose turn it is for a side of a call, from this place of the order on.
    pub(super) fn turn(&self, number: u32, side: CallSide, from: usize) -> Turn {
        let Some(call) = self.calls.get(&number) else {
            return Turn::Over;
        };
        let party = &call.side(side).party;
        let Some(phone) = self.config.phone(&party.device) else {
            return Turn::Over;
        };
        let preferred =
            phone.line(&party.number).map_or(RecordingMediaSource::Phone, |line| line.recording_media_source);
        // The recorded party is a phone: at most the other one is behind a gateway.
        let path: Vec<LegId> =
            Some(call.other(side).leg).filter(|leg| self.gateway_on(*leg).is_some()).into_iter().collect();
        let order = order(preferred, call.protection != Protection::Rtp, &path);
        for (place, source) in order.into_iter().enumerate().skip(from) {
            match source {
                Source::Bridge if phone.built_in_bridge => return Turn::Of(place, source),
                Source::Bridge => {}
                Source::Gateway(leg) => match self.gateway_on(leg) {
                    Some(Registration::Accepted) => return Turn::Of(place, source),
                    Some(Registration::Asked(_)) => return Turn::Awaits(leg),
                    Some(Registration::Refused) | None => {}
                },
            }
        }
        Turn::Over
    }

    /// Whether a recording that goes wrong in this way begins anew with its next source.
    pub(super) fn or_next_source(&self, recording: &Recording, ending: Ending) -> Ending {
        let is_of_source = |why: &crate::event::ConnectFailure| SOURCE.contains(&why.rule.as_str());
        match ending {
            Ending::Trouble(why)
                if is_of_source(&why)
                    && !recording.started
                    && self.config.dialect.next_source == NextSource::NewPair
                    && self.place_after(recording).is_some() =>
            {
                Ending::NextSource(why)
            }
            ending => ending,
        }
    }

    /// The side of a call that is recorded, and the place behind the source that it has, where somebody is left there.
    pub(super) fn place_after(&self, recording: &Recording) -> Option<(CallSide, usize)> {
        let side = self.calls.get(&recording.call).filter(|call| call.talks())?.side_of(recording.line)?;
        let place = recording.place + 1;
        (self.turn(recording.call, side, place) != Turn::Over).then_some((side, place))
    }
}

/// Rules by which a recording ends whose source did not do what it was asked.
const SOURCE: [&str; 2] = ["bridge", "gateway"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_ciscos_guide() {
        use RecordingMediaSource::{Gateway, Phone};
        use Source::Bridge;
        let (a, between, b) = (LegId(1), LegId(2), LegId(3));
        let (first, last) = (Source::Gateway(a), Source::Gateway(b));
        for (preferred, is_srtp, path, expected) in [
            (Phone, false, vec![], vec![Bridge]),
            (Phone, false, vec![a], vec![Bridge, first]),
            (Phone, false, vec![a, b], vec![Bridge, first, last]),
            (Phone, true, vec![a, b], vec![Bridge]),
            (Gateway, false, vec![], vec![Bridge]),
            (Gateway, false, vec![a], vec![first, Bridge]),
            (Gateway, false, vec![a, b], vec![first, last, Bridge]),
            (Gateway, false, vec![a, between, b], vec![first, last, Bridge]),
            (Gateway, true, vec![a, b], vec![Bridge]),
        ] {
            assert_eq!(order(preferred, is_srtp, &path), expected, "{preferred:?} {is_srtp} {path:?}");
        }
    }
}
