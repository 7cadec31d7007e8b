//! Ad hoc conferences on CUCM's software conference bridge.
//!
//! Each member is in a call of its own, whose other side is a port of the bridge:
//!
//! ```text
//!   before                    A presses Confrn again             B hangs up
//!   call 1:  B ──── A (held)  call 1:  A ──── port ┐
//!   call 2:  A ──── C         call 3:  B ──── port ┤ bridge      call 1:  A ──── C
//!                             call 2:  port ──── C ┘
//! ```
//!
//! So hold, resume, transfer and recording are those of any call; only the bridge has no dialog, as CUCM speaks with its own bridge
//! within. The dialog of the first call stays at whoever makes the conference, that of the consultation ends (inferred: Cisco's
//! Call Detail Records Administration Guide has the conference under the call leg of the first call).

mod barge;
mod join;
mod port;
mod shrink;

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use super::{ConferenceId, Engine};
use crate::event::{CucmEvent, Party};

pub(super) use port::Port;

/// Conferences, and ports of the bridge that wait for members.
#[derive(Debug, Default)]
pub(super) struct Conferences {
    running: BTreeMap<ConferenceId, Conference>,
    last: u64,
    spare: VecDeque<u16>,
}

/// A conference.
#[derive(Debug)]
struct Conference {
    /// The bridge as a party: device `CFB_2`, number `b...`.
    bridge: Party,
    /// Device of whoever made it. Only this one adds others (service parameter *Advanced Ad Hoc Conference Enabled* is off by default).
    controller: String,
    /// What is told once all its members are connected.
    news: Option<CucmEvent>,
}

impl Engine {
    /// Whether a port of the bridge is wanted for what may come next: three for a new conference, which less than three phones never
    /// have, unless others are outside.
    pub fn wants_port(&self) -> bool {
        let is_outside = self.config.trunks.iter().any(|trunk| trunk.takes_calls);
        let has_members = self.config.phones.len() > 2 || is_outside;
        let is_there = self.config.conference_bridge.is_some();
        is_there && has_members && self.conferences.spare.len() < SPARE_PORTS
    }

    /// A port that is bound and free.
    pub fn add_port(&mut self, port: u16) {
        self.conferences.spare.push_back(port);
    }

    /// Whether the bridge can take as many more members.
    fn has_ports(&self, count: usize) -> bool {
        self.conferences.spare.len() >= count
    }

    /// The calls of a conference.
    fn calls_of(&self, conference: ConferenceId) -> Vec<u32> {
        let is_in = |call: &super::call::Call| call.port().is_some_and(|port| port.conference == conference);
        self.calls.iter().filter(|(_, call)| is_in(call)).map(|(number, _)| *number).collect()
    }

    /// A call is where it is to be. Tells that all members of its conference are connected, once; a conference of two that waited for
    /// it ends.
    pub(super) fn rest_in_conference(&mut self, now: Instant, number: u32) {
        let Some(conference) = self.calls.get(&number).and_then(|call| call.port()).map(|port| port.conference) else {
            return;
        };
        let rests = |call: &u32| self.calls.get(call).is_some_and(|call| call.news.is_none());
        if self.calls_of(conference).iter().all(rests)
            && let Some(known) = self.conferences.running.get_mut(&conference)
            && let Some(event) = known.news.take()
        {
            self.event(event);
        }
        if self.calls_of(conference).len() <= 2 {
            self.shrink(now, conference);
        }
    }
}

/// Enough for one new conference and a member more.
const SPARE_PORTS: usize = 4;
