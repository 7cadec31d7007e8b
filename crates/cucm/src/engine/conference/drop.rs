//! A member is dropped from a conference by whoever controls it.
//!
//! *The originator of the conference acts as the controller of the conference and is the only participant who can add or remove other
//! participants*; any may where *Advanced Ad Hoc Conference Enabled* is set, and a virtual controller may not (Cisco, Feature
//! Configuration Guide 12.5(1), "Ad Hoc Conferencing"). Of the phones' keys for it, *ConfList*, *Remove* and *RmLstC*, the guide says that
//! phones with SIP show *Show Details* instead, whose messages no public text has: here an application does it (TAPI
//! `lineRemoveFromConference`). The call of whoever is dropped ends with a BYE, as if it had hung up.

use std::time::Instant;

use super::super::Engine;
use crate::event::Party;

/// Why nobody is dropped; each named after its error code in Cisco's TAPI Developer Guide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DropRefused {
    /// `LINEERR_INVALCALLSTATE`.
    #[error("the two are in no conference with each other, or the place of the one is being transferred or parked")]
    NoConference,
    /// `LINEERR_OPERATIONUNAVAIL`.
    #[error("the conference is another phone's, and nobody else may drop members")]
    NotController,
}

impl Engine {
    /// A device drops another one from their conference. Of parties behind a trunk, which is one device, the number says which is meant.
    ///
    /// # Errors
    /// [`DropRefused`]; the conference is then as it was.
    pub fn drop_from_conference(
        &mut self,
        now: Instant,
        by: &str,
        (device, number): (&str, Option<&str>),
    ) -> Result<(), DropRefused> {
        let is_it = |party: &Party| {
            party.device.eq_ignore_ascii_case(device) && number.is_none_or(|number| party.number == number)
        };
        let member = |call: &super::super::call::Call| {
            let port = call.port()?;
            let phone = if call.caller.port.is_some() { &call.callee } else { &call.caller };
            Some((port.conference, phone.party.clone()))
        };
        let of_by: Vec<_> = self.calls.values().filter_map(member).filter(|(_, p)| p.device == by).collect();
        let shared = |conference| of_by.iter().any(|(own, _)| *own == conference);
        let dropped =
            self.calls.iter().filter(|(_, call)| call.connected && !call.is_moving()).find_map(|(no, call)| {
                let (conference, party) = member(call)?;
                (is_it(&party) && shared(conference)).then_some((*no, conference))
            });
        let (call, conference) = dropped.ok_or(DropRefused::NoConference)?;
        if !self.may_add(by, conference) {
            return Err(DropRefused::NotController);
        }
        self.end_call(now, call, "it was dropped from its conference");
        self.drain(now);
        Ok(())
    }
}
