//! Which recordings are one call.
//!
//! CUCM ends a recording and begins another at hold and resume, transfer, conference, park and shared-line pickup
//! (Cisco, "Feature Configuration Guide", Recording). Each is a segment of one call. What the segments share is a call
//! leg, one of `x-refci` and `x-farendrefci`, within one cluster: a resume keeps both, a transfer that completes keeps
//! one of them, a conference keeps that of the recorded party. A consultation call has call legs of its own; the
//! segment after the transfer names one of each, and joins the two calls. Cisco-Guid says nothing: it differs between
//! the two dialogs of one recording.
//!
//! A call leg is a number that is given out again one day. So it is one only with the party that had it, known by
//! device or by number: at the far end of a trunk the number changes and the device stays, on a shared line the device
//! changes and the number stays. The same party with the same number is another call where the last one is long over,
//! or where the node has begun to count anew.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::pairing::{CallLeg, Parameters};
use crate::fault::Fault;
use crate::metadata::{Call, Segment};

/// How long after its last segment a call may go on.
const MEMORY: Duration = Duration::from_secs(12 * 3600);
/// Calls remembered; the one that was silent for longest is forgotten first.
const CALLS: usize = 4096;
/// Call legs and devices remembered of one call, and nodes.
const PARTS: usize = 256;
/// A leg number that lies further back than this is no late message: the node was started again (that it then counts
/// anew is inferred).
const BACK: u32 = 1000;

/// The calls of the last hours.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    known: Vec<Known>,
    /// The highest leg number that each node has put into its tags.
    nodes: BTreeMap<String, u32>,
}

#[derive(Debug)]
struct Known {
    id: String,
    /// Calls that turned out to be part of this one.
    joined: Vec<String>,
    cluster: String,
    /// The node of the newest recording, as its tags name it.
    node: Option<String>,
    legs: Vec<CallLeg>,
    places: Vec<Place>,
    /// The newest recording.
    last: Option<String>,
    running: usize,
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
    /// `tag` is CUCM's.
    pub(crate) fn begin(
        &mut self,
        now: Instant,
        recording: &str,
        parameters: &Parameters,
        (tag, fault): (&str, Fault),
    ) -> (Call, Segment) {
        // fault: numbers are the same for ever.
        let node = if fault == Fault::MergeReused { None } else { self.note_node(tag) };
        self.known.retain(|call| call.running > 0 || now.saturating_duration_since(call.heard) < MEMORY);
        let mut call = Known {
            id: recording.to_owned(),
            joined: Vec::new(),
            cluster: parameters.cluster_but_for(fault),
            node: None,
            legs: Vec::new(),
            places: Vec::new(),
            last: None,
            running: 0,
            heard: now,
        };
        // fault: a device that is new begins another call.
        let is_known = fault != Fault::CallByDevice || self.has_device(&parameters.near_device());
        let legs = if is_known { parameters.call_legs_but_for(fault) } else { Vec::new() };
        let mut same = self.take_same(&call.cluster, &legs).into_iter();
        if let Some(first) = same.next() {
            call = Known { heard: now, ..first };
        }
        let joins = same.flat_map(|other| call.join(other)).collect();
        call.learn(parameters.call_legs_but_for(fault));
        call.running += 1;
        call.node = node.or(call.node);
        let segment = call.next(recording, parameters.near_device());
        let described = Call { id: call.id.clone(), joins };
        self.remember(call);
        (described, segment)
    }

    /// The parties of a running recording have changed. Returns the calls that turn out to be part of its call.
    pub(crate) fn learn(&mut self, now: Instant, call: &str, parameters: &Parameters) -> Vec<String> {
        let Some(at) = self.position(call) else { return Vec::new() };
        let mut known = self.known.remove(at);
        let others = self.take_same(&known.cluster, &parameters.call_legs());
        let joins = others.into_iter().flat_map(|other| known.join(other)).collect();
        known.learn(parameters.call_legs());
        known.heard = now;
        self.remember(known);
        joins
    }

    /// A recording of this call is over; where it was the last one, the call is silent from now on.
    pub(crate) fn end(&mut self, now: Instant, call: &str) {
        if let Some(at) = self.position(call) {
            self.known[at].running = self.known[at].running.saturating_sub(1);
            self.known[at].heard = now;
        }
    }

    /// fault: whether any call was recorded at this device.
    fn has_device(&self, device: &str) -> bool {
        self.known.iter().any(|known| known.places.iter().any(|place| place.device == device))
    }

    fn position(&self, call: &str) -> Option<usize> {
        self.known.iter().position(|known| known.id == call || known.joined.iter().any(|joined| joined == call))
    }

    /// Takes out the calls that have one of these legs, in the order of their first recordings.
    fn take_same(&mut self, cluster: &str, legs: &[CallLeg]) -> Vec<Known> {
        let has = |known: &Known, leg: &CallLeg| known.legs.iter().any(|own| own.is(leg));
        let is_same = |known: &mut Known| known.cluster == cluster && legs.iter().any(|leg| has(known, leg));
        self.known.extract_if(.., is_same).collect()
    }

    /// The node that made a tag, `<leg number>~<node>-<call leg>`. Where it counts from the beginning again, so does
    /// its cluster with call legs: its calls are over.
    fn note_node(&mut self, tag: &str) -> Option<String> {
        let (number, behind) = tag.split_once('~')?;
        let (number, node) = (number.parse().ok()?, behind.rsplit_once('-')?.0);
        let Some(highest) = self.nodes.get_mut(node) else {
            if self.nodes.len() < PARTS {
                self.nodes.insert(node.to_owned(), number);
            }
            return Some(node.to_owned());
        };
        if highest.saturating_sub(number) > BACK {
            *highest = number;
            self.known.retain(|call| call.node.as_deref() != Some(node));
        }
        *highest = number.max(*highest);
        Some(node.to_owned())
    }

    fn remember(&mut self, call: Known) {
        if self.known.len() >= CALLS {
            let silent = self.known.iter().enumerate().min_by_key(|(_, known)| (known.running > 0, known.heard));
            let silent = silent.map(|(at, _)| at);
            silent.into_iter().for_each(|at| drop(self.known.remove(at)));
        }
        // In order of their first recordings, so that the earliest of several gives its name.
        let at = self.known.partition_point(|known| known.id < call.id);
        self.known.insert(at, call);
    }
}

impl Known {
    fn learn(&mut self, legs: Vec<CallLeg>) {
        for leg in legs {
            if self.legs.len() < PARTS && !self.legs.contains(&leg) {
                self.legs.push(leg);
            }
        }
    }

    /// Another call turns out to be part of this one. Returns what it was called.
    fn join(&mut self, other: Self) -> Vec<String> {
        self.learn(other.legs);
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
        self.running += other.running;
        let names: Vec<String> = [other.id].into_iter().chain(other.joined).collect();
        let room = PARTS.saturating_sub(self.joined.len());
        self.joined.extend(names.iter().take(room).cloned());
        names
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
