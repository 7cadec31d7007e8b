//! Call pickup: a phone takes the call that rings at a phone of its call pickup group.
//!
//! *PickUp* makes the phone call `x-cisco-serviceuri-pickup`, which CUCM writes into its configuration (`callPickupURI`). The call is
//! connected at once, as with the service parameter *Auto Call Pickup Enabled* set to true; of several calls that ring the oldest is
//! taken (Cisco's Feature Configuration Guide, "Call Pickup").

use std::time::Instant;

use crate::config::Fault;
use crate::event::{CucmEvent, Party};

use super::Engine;
use super::arrive::Arriving;
use super::call::{Call, MISMATCH};

/// What a phone calls to pick up.
pub(super) const PICKUP: &str = "x-cisco-serviceuri-pickup";

impl Engine {
    /// An INVITE to the pickup service.
    pub(super) fn pick_up(&mut self, now: Instant, arriving: Arriving) {
        let Some((number, from)) = self.rings_in_group_of(&arriving.caller) else {
            let refusal = ((404, "Not Found"), Some(1));
            return self.turn_away(now, &arriving, refusal, "nothing rings in the call pickup group of this phone");
        };
        self.silence(now, number);
        let Some(call) = self.calls.get(&number) else {
            return;
        };
        let (side, is_connected) = (call.seat(), call.connected);
        let (other, by) = (call.other(side).party.clone(), arriving.caller.clone());
        let member = self.seat(now, arriving, (number, side), other);
        self.event(CucmEvent::PickedUp { call: number, by, from });
        if is_connected {
            self.replace(now, number, member, Vec::new());
            return self.settle(now, number);
        }
        if let Some(call) = self.calls.get_mut(&number) {
            call.callee = member;
        }
        match self.match_phones(number) {
            Ok(agreed) => self.connect_phones(now, number, &agreed),
            Err(why) => self.refuse_caller(now, number, ((488, "Not Acceptable Here"), Some(MISMATCH)), &why),
        }
    }

    /// The oldest call that rings at another phone of this one's group, and where it rings.
    fn rings_in_group_of(&self, by: &Party) -> Option<(u32, Party)> {
        // fault: nothing rings for it
        let group = self.pickup_group_of(by).filter(|_| self.config.fault != Fault::IgnorePickup)?;
        let is_of_group = |party: &&Party| {
            (&party.device, &party.number) != (&by.device, &by.number) && self.pickup_group_of(party) == Some(group)
        };
        let rings = |call: &Call| call.ringing_parties().find(is_of_group).cloned();
        self.calls.iter().find_map(|(number, call)| Some((*number, rings(call)?)))
    }

    fn pickup_group_of(&self, party: &Party) -> Option<&str> {
        self.config.phone(&party.device)?.line(&party.number)?.pickup_group.as_deref()
    }
}
