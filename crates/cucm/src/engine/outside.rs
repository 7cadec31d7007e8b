//! Parties behind a trunk: a remote cluster or a gateway calls and is called like a phone, and says by itself who talks there.
//!
//! ```text
//! INVITE ──► the trunk by the address it comes from ──► the party by P-Asserted-Identity
//! a number that no phone has ──► route pattern ──► trunk ──► INVITE
//! UPDATE, re-INVITE with another P-Asserted-Identity ──► another party, the same trunk
//! ```
//!
//! To a recorder the device of such a party is always the trunk (Cisco's "Call Recording Examples for Network-Based and Phone-Based
//! Recording").

use std::net::SocketAddr;
use std::time::Instant;

use sip::{FlowId, Message};

use crate::config::SipTrunk;
use crate::event::{CucmEvent, Party};
use crate::text::{host, name_addr, outside};

use super::Engine;
use super::alert::{Alert, Hop};
use super::call::{At, CallSide, FIRST_CSEQ, Member, Reached, diversions};
use super::leg::{Leg, LegId, Owed, Role};
use super::rules::{FarEnd, Happening};
use super::trunk::Way;

/// What is known of a leg of a call that leads over a trunk.
#[derive(Clone, Debug)]
pub(super) struct Outside {
    pub(super) way: Way,
    /// The number that is called there; empty where the call came from there.
    pub(super) dialled: String,
    /// The numbers that forwarded the call, until it is sent.
    pub(super) hops: Vec<Hop>,
    /// Cisco-Guid of the call, in hexadecimal; empty where the peer sent none.
    pub(super) guid: String,
}

impl Engine {
    /// The trunk behind a connection.
    pub(super) fn trunk_on(&self, flow: FlowId) -> Option<Way> {
        let known = self.flows.get(&flow)?;
        if known.device.is_some() {
            return None;
        }
        if let Some(way) = &known.way {
            return Some(way.clone());
        }
        let takes = self.config.trunks.iter().filter(|trunk| trunk.takes_calls);
        takes
            .filter(|trunk| self.transport_to(&trunk.name) == Some(known.transport))
            .find_map(|trunk| ways_of(trunk).into_iter().find(|(_, destination)| destination.ip() == known.peer.ip()))
    }

    /// Who calls over a trunk.
    pub(super) fn caller_outside(&self, flow: FlowId, invite: &Message) -> Option<(Party, Outside)> {
        let way = self.trunk_on(flow).filter(|(name, _)| self.config.trunk(name).is_some_and(|t| t.takes_calls))?;
        let (number, name) = asserted(invite).unwrap_or_default();
        let guid = invite.cisco_guid().ok().flatten().map(|guid| guid.to_hex()).unwrap_or_default();
        let party = Party { device: way.0.clone(), number, name };
        Some((party, Outside { way, dialled: String::new(), hops: Vec::new(), guid }))
    }

    /// Where a number leads that is no phone's.
    pub(super) fn number_outside(&self, number: &str) -> Option<Reached> {
        let (_, pattern) = self.config.route("", number)?;
        let mut trunks = pattern.route_list.iter().flat_map(|group| &group.trunks);
        let way = trunks.find_map(|name| ways_of(self.config.trunk(name)?).into_iter().next())?;
        let party = Party { device: way.0.clone(), number: number.to_owned(), name: String::new() };
        Some((party, At::Trunk(way)))
    }

    /// A delayed offer to a party behind a trunk: it goes out when there is a connection.
    pub(super) fn ring_outside(
        &mut self,
        now: Instant,
        (call, side): (u32, CallSide),
        caller: &Party,
        session: &str,
        (party, way): (Party, Way),
        alert: &Alert,
    ) -> Member {
        let (number, identifier) = (self.identifiers.leg(), self.identifiers.identifier());
        let leg = self.add_leg(Leg {
            other_session: session.to_owned(),
            ..Leg::waiting(
                Role::Line { call, side },
                self.trunk_node(&way.0, self.config.address),
                (number, self.identifiers.tag(number, identifier)),
                caller.clone(),
            )
        });
        let (dialled, hops) = (alert.number.clone(), alert.hops.clone());
        self.register_at_gateway(&way);
        self.outside.insert(leg, Outside { way, dialled, hops, guid: String::new() });
        self.owe(now, leg, Owed::Invite);
        Member::new(leg, party, identifier)
    }

    /// The INVITE over a trunk whose connection is there now.
    pub(super) fn invite_outside(&mut self, now: Instant, id: LegId) {
        let (Some(leg), Some(outside)) = (self.legs.get(&id), self.outside.get_mut(&id)) else {
            return;
        };
        let (node, caller, session) = (leg.node, leg.identity.clone(), leg.other_session.clone());
        let (destination, number, hops) = (outside.way.1, outside.dialled.clone(), std::mem::take(&mut outside.hops));
        let from = format!("{};tag={}", name_addr(&caller.name, &caller.number, &node.host()), leg.tag);
        let to = format!("<sip:{number}@{}>", host(destination.ip()));
        let thread = self.opening(now, &node, (format!("sip:{number}@{destination}"), from, to));
        let guid = self.identifiers.cisco_guid(self.wall(now), node.local.ip());
        if let (Some(leg), Some(outside)) = (self.legs.get_mut(&id), self.outside.get_mut(&id)) {
            leg.call_id.clone_from(&thread.call_id);
            outside.guid = guid.parse::<sip::CiscoGuid>().map(|guid| guid.to_hex()).unwrap_or_default();
        }
        let invite = outside::invite(&node, &thread, &caller, (&session, &guid), &diversions(&hops));
        self.by_call_id.insert(thread.call_id, id);
        self.send_invite(now, id, invite, FIRST_CSEQ, thread.date);
    }

    /// A request in a call over a trunk names who talks there now.
    pub(super) fn note_party(&mut self, now: Instant, id: LegId, request: &Message) {
        let (true, Some((number, name))) = (self.outside.contains_key(&id), asserted(request)) else {
            return;
        };
        let Some(Role::Line { call, .. }) = self.legs.get(&id).map(|leg| leg.role.clone()) else {
            return;
        };
        let is_focus = says_focus(request);
        let Some((side, known)) = self.calls.get_mut(&call).and_then(|call| Some((call.side_of(id)?, call))) else {
            return;
        };
        let member = known.side_mut(side);
        let device = member.party.device.clone();
        let before = std::mem::replace(&mut member.party, Party { device, number, name });
        let was_focus = std::mem::replace(&mut member.says_focus, is_focus);
        if (&before, was_focus) == (&member.party, is_focus) {
            return;
        }
        let what = if was_focus == is_focus { Happening::RemoteUpdate } else { Happening::RemoteFocus };
        let (far, recorded) = (FarEnd::of(member), known.other(side).leg);
        self.event(CucmEvent::OutsideChanged { call, before, now: far.party.clone(), is_focus });
        if let Some(recording) = self.recording_of(recorded) {
            self.happen(now, recording, what, Some(far));
        }
        // Where the media stays as it is, nothing else lets a recording begin.
        self.plan_recordings(now, call);
    }
}

/// The destinations of a trunk.
fn ways_of(trunk: &SipTrunk) -> Vec<Way> {
    let way = |to: &crate::config::Destination| (trunk.name.clone(), SocketAddr::new(to.address, to.port));
    trunk.destinations.iter().map(way).collect()
}

/// Number and name that a peer asserts: P-Asserted-Identity, else Remote-Party-ID, else From where it opens a dialog.
pub(super) fn asserted(message: &Message) -> Option<(String, String)> {
    let identity = message.p_asserted_identity().ok().and_then(|all| all.into_iter().next());
    let identity = identity.or_else(|| message.remote_party_id().ok().and_then(|all| all.into_iter().next()));
    let opens = || message.from_().ok().filter(|_| message.to().is_ok_and(|to| to.tag().is_none()));
    let address = identity.or_else(opens)?;
    // Both come back in messages of ours, where they must break nothing.
    let user = address.uri.user.unwrap_or_default();
    let number: String = user.chars().take_while(|c| *c != ';').filter(is_of_number).collect();
    let name: String = address.display.unwrap_or_default().chars().filter(is_of_name).collect();
    Some((number, name))
}

/// Whether the Contact of a request says that a conference is there.
fn says_focus(request: &Message) -> bool {
    request.contact().ok().flatten().is_some_and(|contact| contact.params.has("isfocus"))
}

fn is_of_number(c: &char) -> bool {
    c.is_ascii_alphanumeric() || "+-_.*#".contains(*c)
}

fn is_of_name(c: &char) -> bool {
    !c.is_control() && !matches!(c, '"' | '\\')
}
