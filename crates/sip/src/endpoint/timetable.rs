//! Which transaction wants to be woken when.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::event::{ClientKey, ServerKey};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Slot {
    Client(ClientKey),
    Server(ServerKey),
}

/// One deadline for each slot, the first one found in constant time however many calls there are.
#[derive(Debug, Default)]
pub(super) struct Timetable {
    due: BTreeSet<(Instant, Slot)>,
    of: BTreeMap<Slot, Instant>,
}

impl Timetable {
    pub(super) fn set(&mut self, slot: Slot, deadline: Option<Instant>) {
        let before = match deadline {
            Some(at) => self.of.insert(slot, at),
            None => self.of.remove(&slot),
        };
        if let Some(before) = before {
            self.due.remove(&(before, slot));
        }
        self.due.extend(deadline.map(|at| (at, slot)));
    }

    pub(super) fn first(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes out the slot that is due first, if it is due at `now`.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Slot> {
        let (at, slot) = *self.due.first()?;
        if at > now {
            return None;
        }
        self.set(slot, None);
        Some(slot)
    }
}
