//! Which recordings are one call.
//!
//! CUCM ends a recording and begins another at hold and resume, transfer, conference and shared-line pickup (Cisco,
//! "Feature Configuration Guide", Recording). Each is a segment of one call. What the segments share is a call leg, one
//! of `x-refci` and `x-farendrefci`, within one cluster: a resume keeps both, a transfer that completes keeps one of
//! them, a conference keeps that of the recorded party. A consultation call has call legs of its own; the segment after
//! the transfer names one of each, and joins the two calls. Cisco-Guid says nothing: it differs between the two dialogs
//! of one recording.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::pairing::Parameters;
use crate::metadata::{Call, Segment};

/// How long after its last segment a call may go on: call legs are numbers that are given out again one day.
const MEMORY: Duration = Duration::from_secs(12 * 3600);
/// Calls remembered; the one that was silent for longest is forgotten first.
const CALLS: usize = 4096;
/// Call legs and devices remembered of one call.
const PARTS: usize = 256;

/// The calls of the last hours.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    known: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    id: String,
    cluster: String,
    legs: BTreeSet<String>,
    places: Vec<Place>,
    /// The newest recording.
    last: Option<String>,
    heard: Instant,
}

/// A device that a call was recorded at.
#[derive(Debug)]
struct Place {
    device: String,
    segments: u32,
    last: String,
}

impl Calls {
    /// A recording begins: which call it is of, and its place there. A call's id is the name of its first recording.
    pub(crate) fn begin(&mut self, now: Instant, recording: &str, parameters: &Parameters) -> (Call, Segment) {
        self.known.retain(|call| now.saturating_duration_since(call.heard) < MEMORY);
        let (cluster, legs) = (parameters.cluster(), parameters.call_legs());
        let mut call = Known {
            id: recording.to_owned(),
            cluster: cluster.clone(),
            legs: BTreeSet::new(),
            places: Vec::new(),
            last: None,
            heard: now,
        };
        let is_same = |known: &mut Known| known.cluster == cluster && legs.iter().any(|leg| known.legs.contains(leg));
        let mut joined = self.known.extract_if(.., is_same);
        if let Some(first) = joined.next() {
            call = Known { heard: now, ..first };
        }
        let others: Vec<Known> = joined.collect();
        let joins = others.iter().map(|other| other.id.clone()).collect();
        others.into_iter().for_each(|other| call.join(other));
        call.learn(legs);
        let segment = call.next(recording, parameters.near_device());
        let described = Call { id: call.id.clone(), joins };
        self.remember(call);
        (described, segment)
    }

    /// A running recording's call has a further call leg: the far party changed.
    pub(crate) fn learn(&mut self, now: Instant, call: &str, parameters: &Parameters) {
        if let Some(known) = self.known.iter_mut().find(|known| known.id == call) {
            known.learn(parameters.call_legs());
            known.heard = now;
        }
    }

    /// A recording of this call is over; from now on the call is silent.
    pub(crate) fn end(&mut self, now: Instant, call: &str) {
        if let Some(known) = self.known.iter_mut().find(|known| known.id == call) {
            known.heard = now;
        }
    }

    fn remember(&mut self, call: Known) {
        if self.known.len() >= CALLS {
            let oldest = self.known.iter().enumerate().min_by_key(|(_, known)| known.heard).map(|(at, _)| at);
            oldest.into_iter().for_each(|at| drop(self.known.remove(at)));
        }
        // In order of their first recordings, so that the earliest of several gives its name.
        let at = self.known.partition_point(|known| known.id < call.id);
        self.known.insert(at, call);
    }
}

impl Known {
    fn learn(&mut self, legs: Vec<String>) {
        let room = PARTS.saturating_sub(self.legs.len());
        self.legs.extend(legs.into_iter().take(room));
    }

    /// Another call turns out to be part of this one.
    fn join(&mut self, other: Self) {
        self.learn(other.legs.into_iter().collect());
        for place in other.places {
            match self.places.iter_mut().find(|known| known.device == place.device) {
                // Names begin with the time, so that the greater is the later.
                Some(known) => {
                    known.segments += place.segments;
                    known.last = known.last.clone().max(place.last);
                }
                None => self.places.push(place),
            }
        }
        self.last = other.last.max(self.last.take());
    }

    /// The place of a recording that begins now.
    fn next(&mut self, recording: &str, device: String) -> Segment {
        let before = self.last.replace(recording.to_owned());
        if let Some(place) = self.places.iter_mut().find(|place| place.device == device) {
            place.segments += 1;
            let previous = Some(std::mem::replace(&mut place.last, recording.to_owned()));
            return Segment { number: place.segments, previous };
        }
        if self.places.len() < PARTS {
            self.places.push(Place { device, segments: 1, last: recording.to_owned() });
        }
        Segment { number: 1, previous: before }
    }
}
