//! Redirect by an application (TAPI `lineRedirect`, JTAPI `CallControlConnection.redirect`): a call leaves a phone for a number,
//! whether it rings there or is connected.
//!
//! A connected phone is out of the call at once; the other party waits as in a blind transfer. What cannot be reached is refused
//! before anything changes (inferred).

use std::time::Instant;

use crate::config::Fault;
use crate::event::{CucmEvent, Party};

use super::Engine;
use super::call::CallSide;
use super::place::Taking;
use super::steps::Step;

/// Why a call is not redirected; each named after its error code in Cisco's TAPI Developer Guide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedirectRefused {
    /// `LINEERR_INVALCALLSTATE`.
    #[error("the phone has no call that rings or is connected")]
    NoCall,
    /// `LINEERR_OPERATIONUNAVAIL`.
    #[error("the call is being transferred or parked, or somebody has barged into it")]
    Moving,
    /// `LINEERR_INVALADDRESS`.
    #[error("the number cannot be called: {0}")]
    Unreached(&'static str),
}

impl Engine {
    /// An application redirects the call that rings at a device, or else the one that it is in. Many parties may be behind a trunk, which is
    /// one device: there the number that CUCM has of a party says whose call is meant.
    ///
    /// # Errors
    /// [`RedirectRefused`]; the call is then as it was.
    pub fn redirect(&mut self, now: Instant, of: (&str, Option<&str>), to: &str) -> Result<(), RedirectRefused> {
        // fault: nothing is done
        if self.config.fault == Fault::IgnoreRedirect {
            return Ok(());
        }
        let (device, number) = of;
        let is_it = |party: &Party| {
            party.device.eq_ignore_ascii_case(device) && number.is_none_or(|number| party.number == number)
        };
        match self.ringing_at(is_it) {
            Some((number, by)) => self.redirect_ringing(now, number, by, to)?,
            None => self.redirect_connected(now, is_it, to)?,
        }
        self.drain(now);
        Ok(())
    }

    fn ringing_at(&self, is_it: impl Fn(&Party) -> bool) -> Option<(u32, Party)> {
        self.calls.iter().find_map(|(number, call)| {
            let party = call.ringing_parties().find(|party| is_it(party))?;
            Some((*number, party.clone()))
        })
    }

    fn redirect_ringing(&mut self, now: Instant, number: u32, by: Party, to: &str) -> Result<(), RedirectRefused> {
        let called = self.called(to).map_err(|(_, why)| RedirectRefused::Unreached(why))?;
        self.event(CucmEvent::Redirected { call: number, by, to: to.to_owned() });
        self.ring_instead(now, number, Ok(called));
        Ok(())
    }

    fn redirect_connected(
        &mut self,
        now: Instant,
        is_it: impl Fn(&Party) -> bool,
        to: &str,
    ) -> Result<(), RedirectRefused> {
        let place = self.calls.iter().filter(|(_, call)| call.connected).find_map(|(number, call)| {
            let is_there = |side: &CallSide| {
                let member = call.side(*side);
                is_it(&member.party) && self.place_of(member.leg).is_some()
            };
            Some((*number, CallSide::BOTH.into_iter().find(is_there)?))
        });
        let (number, by) = place.ok_or(RedirectRefused::NoCall)?;
        let call = self.calls.get(&number).ok_or(RedirectRefused::NoCall)?;
        if call.is_moving() {
            return Err(RedirectRefused::Moving);
        }
        let waiting = call.other(by);
        let (party, leg, own) = (waiting.party.clone(), waiting.leg, call.side(by).party.clone());
        let session = self.session_at(leg);
        let called = self.called(to).map_err(|(_, why)| RedirectRefused::Unreached(why))?;
        self.begin_transfer(now, number, by, Taking::Redirect);
        if let Some(call) = self.calls.get_mut(&number) {
            let redirected = CucmEvent::Redirected { call: number, by: own, to: to.to_owned() };
            call.news.get_or_insert_default().push(redirected);
        }
        let (target, alert) = self.ring_all(now, (number, by), &party, &session, called);
        self.steps.plan(now + self.config.timing.no_answer, Step::TransferNoAnswer(number, target.leg));
        if let Some(call) = self.calls.get_mut(&number) {
            call.alert = alert;
        }
        self.await_target(now, number, by, target, None);
        self.settle(now, number);
        Ok(())
    }
}
