//! Shared lines: what the other phones of a line are shown of a call, and how one of them takes it over.
//!
//! ```text
//! phone that holds         CUCM                other phone of the line
//!   | ── re-INVITE hold ──► |                        |
//!   |                       | ── NOTIFY dialog ────► |   confirmed, not rendered: it may resume
//!   |                       | ◄── INVITE, Replaces ─ |   Resume is pressed there
//!   | ◄───── BYE ────────── | ─────── 200 ─────────► |
//!   | ◄─ NOTIFY dialog ──── |                        |   remote in use
//! ```
//!
//! Phones ask for such NOTIFYs when they register (`<dialog usage="shared line"><unot>`, public REGISTER of a Cisco phone). No public
//! trace shows one: body and INVITE are those of RFC 4235 and RFC 3891 (inferred).

use std::collections::BTreeMap;
use std::time::Instant;

use crate::event::Party;
use crate::text::dialog_info::{self, Shown};

use super::arrive::Arriving;
use super::call::{Call, CallSide};
use super::leg::{Leg, State};
use super::place::Taking;
use super::refer::Replaced;
use super::{Asked, Engine};

/// What the phones of shared lines were shown.
#[derive(Debug, Default)]
pub(super) struct Shares {
    /// By the device that was told and the Call-ID of the other phone's dialog.
    shown: BTreeMap<(String, String), Sight>,
    /// How many NOTIFYs each device was sent, for `version` (RFC 4235 §4.1).
    versions: BTreeMap<String, u32>,
}

/// A call of another phone of the line, as a phone sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sight {
    /// Who sees it.
    viewer: Party,
    shown: Shown,
}

impl Engine {
    /// Tells the phones of shared lines what has changed since they were told last.
    pub(super) fn show_shared(&mut self, now: Instant) {
        if !self.config.has_shared_line() {
            return;
        }
        let sights = self.sights();
        let old = std::mem::take(&mut self.shares.shown);
        let gone = old.iter().filter(|(key, _)| !sights.contains_key(key));
        let ended = gone.map(|(_, sight)| Sight { shown: sight.shown.ended(), ..sight.clone() });
        let changed = sights.iter().filter(|(key, sight)| old.get(key) != Some(sight)).map(|(_, sight)| sight.clone());
        for sight in ended.chain(changed).collect::<Vec<_>>() {
            self.show(now, &sight);
        }
        self.shares.shown = sights;
    }

    /// All that is to be seen now.
    fn sights(&self) -> BTreeMap<(String, String), Sight> {
        let mut sights = BTreeMap::new();
        for (number, call) in self.calls.iter().filter(|(_, call)| call.connected && call.barged.is_none()) {
            for side in CallSide::BOTH {
                let (member, other) = (call.side(side), call.other(side));
                // A phone that comes for a place has none before it is connected.
                let stands = |leg: &&Leg| !leg.is_ending() && !matches!(leg.state, State::Incoming { .. });
                let Some(leg) = self.legs.get(&member.leg).filter(stands) else {
                    continue;
                };
                let Some(shown) = shown(*number, leg, &other.party, member.holds) else {
                    continue;
                };
                for (viewer, ..) in self.appearances(&member.party.number) {
                    if viewer.device != member.party.device {
                        let key = (viewer.device.clone(), shown.call_id.clone());
                        sights.insert(key, Sight { viewer, shown: shown.clone() });
                    }
                }
            }
        }
        sights
    }

    fn show(&mut self, now: Instant, sight: &Sight) {
        let Some((flow, target)) = self.reach(&sight.viewer) else {
            return;
        };
        let version = self.shares.versions.entry(sight.viewer.device.clone()).or_default();
        let told = *version;
        *version += 1;
        let (node, wall, date) = (self.node(flow), self.wall(now), self.date(now));
        let thread = dialog_info::thread(
            &node,
            &sight.viewer,
            target,
            (self.identifiers.branch(), self.identifiers.plain_tag(), self.identifiers.call_id(wall, node.local.ip())),
            date,
        );
        let notify = dialog_info::notify(&node, &thread, &sight.viewer, told, &sight.shown);
        let key = self.endpoint.send_request(now, flow, node.transport, notify);
        self.asked.insert(key, Asked::Progress);
    }

    /// INVITE with Replaces: a phone takes over what another one of its line holds.
    pub(super) fn take_over(&mut self, now: Instant, arriving: Arriving, replaced: &Replaced) {
        let Some((number, side)) = self.held_elsewhere(&arriving.caller, replaced) else {
            let refusal = ((481, "Call/Transaction Does Not Exist"), None);
            return self.turn_away(now, &arriving, refusal, "Replaces names no call that a phone of the line holds");
        };
        let Some(other) = self.calls.get(&number).map(|call| call.other(side).party.clone()) else {
            return;
        };
        let member = self.seat(now, arriving, (number, side), other);
        self.take_place(now, number, side, member, Taking::TakeOver);
    }

    /// The call that another phone of this line holds, and that phone's place in it.
    fn held_elsewhere(&self, by: &Party, replaced: &Replaced) -> Option<(u32, CallSide)> {
        let id = *self.by_call_id.get(&replaced.call_id)?;
        let dialog = self.legs.get(&id)?.dialog.as_ref()?;
        let (number, side) = self.place_of(id)?;
        let call: &Call = self.calls.get(&number).filter(|call| !call.is_moving())?;
        let holder = call.side(side);
        let is_shared = holder.party.number == by.number && holder.party.device != by.device;
        let fits = replaced.is_of(&dialog.local_tag, &dialog.remote_tag);
        (is_shared && holder.holds && fits).then_some((number, side))
    }
}

fn shown(call: u32, leg: &Leg, far: &Party, holds: bool) -> Option<Shown> {
    let dialog = leg.dialog.as_ref()?;
    Some(Shown {
        call,
        call_id: dialog.call_id.clone(),
        phone_tag: dialog.remote_tag.clone(),
        node_tag: dialog.local_tag.clone(),
        has_called: leg.is_caller,
        far: far.clone(),
        holds,
        is_over: false,
    })
}
