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
mod drop;
mod join;
mod port;
mod shrink;

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use super::{ConferenceId, Engine};
use crate::event::{CucmEvent, Party};

pub use drop::DropRefused;
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
    controller: Controller,
    /// What is told once all its members are connected.
    news: Option<CucmEvent>,
}

/// Who may add others to a conference, and drop them, unless everybody may.
#[derive(Debug)]
enum Controller {
    /// Device of whoever made it; of a cBarge, that of the phone into whose call another one came.
    Maker(String),
    /// Device of whoever has got its place from there. It adds nobody, and the conference may end with it.
    Virtual(String),
}

impl Controller {
    fn is(&self, device: &str) -> bool {
        let (Self::Maker(known) | Self::Virtual(known)) = self;
        known.eq_ignore_ascii_case(device)
    }
}

impl Engine {
    /// A place in a conference changes hands. *If the conference controller transfers, parks, or redirects the conference to another
    /// party, the party that retrieves the call acts as the virtual controller* (Cisco, Feature Configuration Guide 12.5(1), "Ad Hoc
    /// Conferencing"). Another device of its line that takes its call over is the controller as it was (inferred).
    pub(super) fn inherit_conference(&mut self, conference: ConferenceId, from: &str, to: &str, is_taken_over: bool) {
        if let Some(known) = self.conferences.running.get_mut(&conference)
            && known.controller.is(from)
            && !from.eq_ignore_ascii_case(to)
        {
            known.controller = match is_taken_over && matches!(known.controller, Controller::Maker(_)) {
                true => Controller::Maker(to.to_owned()),
                false => Controller::Virtual(to.to_owned()),
            };
        }
    }

    /// Whether a device may add others to a conference, and drop them: its controller, or any member where *Advanced Ad Hoc Conference Enabled* is set.
    fn may_add(&self, device: &str, conference: ConferenceId) -> bool {
        if self.config.advanced_ad_hoc_conference {
            return true;
        }
        let known = self.conferences.running.get(&conference).map(|known| &known.controller);
        known.is_none_or(|known| matches!(known, Controller::Maker(_)) && known.is(device))
    }

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
