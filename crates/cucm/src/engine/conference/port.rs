//! A member's port at the bridge: what it offers, and when it is connected.

use std::time::Instant;

use media::g711::Law;
use media::sdes::Crypto;
use media::sdp::{Audio, Direction, Format, Origin, Profile};
use media::srtp::{MasterKey, Suite};

use super::super::call::{CallSide, Member};
use super::super::feed::Feed;
use super::super::leg::LegId;
use super::super::music::law_of;
use super::super::{ConferenceId, Engine, MixOrder, Output, PortTerms};
use crate::config::BridgeSecurity;
use crate::event::SecurityLevel;

/// A port of the bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Port {
    pub(in crate::engine) conference: ConferenceId,
    /// Its port of UDP.
    pub(in crate::engine) number: u16,
}

impl Engine {
    /// A new member's port; `None` where the bridge has none left.
    pub(super) fn open_port(&mut self, conference: ConferenceId) -> Option<Member> {
        let bridge = self.conferences.running.get(&conference)?.bridge.clone();
        let number = self.conferences.spare.pop_front()?;
        self.last_leg += 1;
        let identifier = self.identifiers.identifier();
        // A leg that no dialog belongs to.
        let member = Member::new(LegId(self.last_leg), bridge, identifier);
        Some(Member { port: Some(Port { conference, number }), falls_back: true, ..member })
    }

    pub(super) fn close_port(&mut self, port: Port) {
        self.decided.push_back(Output::Mix(MixOrder::Close { port: port.number }));
    }

    /// The bridge's offer for a phone that is about to be connected: with new keys each time.
    pub(in crate::engine) fn renew_port(&mut self, number: u32) {
        let secure = self.bridge_is_secure();
        let crypto: Vec<Crypto> = SUITES
            .iter()
            .zip(1..)
            .filter(|_| secure)
            .map(|(suite, tag)| Crypto::new(tag, MasterKey::generate(*suite, &mut self.rng)))
            .collect();
        let address = self.config.address;
        let Some((member, port)) = self.calls.get_mut(&number).and_then(super::super::call::Call::port_mut) else {
            return;
        };
        member.media = Some(Audio {
            address,
            port: port.number,
            profile: if secure { Profile::Savp } else { Profile::Avp },
            formats: [Law::Mu, Law::A].map(format).to_vec(),
            direction: Direction::SendRecv,
            crypto,
            bad_crypto: Vec::new(),
            ptime: None,
            label: None,
            mid: None,
            origin: Origin::default(),
        });
    }

    pub(in crate::engine) fn bridge_is_secure(&self) -> bool {
        self.config.conference_bridge.as_ref().is_some_and(|bridge| bridge.security == BridgeSecurity::Encrypted)
    }

    /// Phone and bridge have been told of each other: the member hears and is heard.
    pub(in crate::engine) fn connect_port(&mut self, number: u32) {
        let Some(call) = self.calls.get(&number) else {
            return;
        };
        let Some(side) = CallSide::BOTH.into_iter().find(|side| call.side(*side).port.is_some()) else {
            return;
        };
        let (bridge, phone) = (call.side(side), call.other(side));
        let (Some(port), Some((to, receive)), Some(share), Some(theirs)) =
            (bridge.port, bridge.heard_at.clone(), bridge.share.clone(), phone.share.as_ref())
        else {
            return;
        };
        let payload_type = theirs.format.payload_type;
        let Some(law) = law_of(&share.format) else {
            return;
        };
        let dialog = self.legs.get(&phone.leg).map(|leg| leg.call_id.clone()).unwrap_or_default();
        let stream = self.sent_stream(dialog, to, (law, payload_type), share.crypto);
        let terms = PortTerms { stream, receive };
        let order = MixOrder::Connect { conference: port.conference, port: port.number, terms: Box::new(terms) };
        self.decided.push_back(Output::Mix(order));
    }

    /// The member is not connected any more; it may be again.
    pub(in crate::engine) fn quiet_port(&mut self, number: u32) {
        let found = self.calls.get_mut(&number).and_then(super::super::call::Call::port_mut);
        let Some((member, port)) = found.filter(|(member, _)| member.feed == Feed::Talk) else {
            return;
        };
        member.feed = Feed::Nothing;
        self.decided.push_back(Output::Mix(MixOrder::Disconnect { port: port.number }));
    }

    /// The level of a conference is the lowest of its members' (Cisco Security Guide, "Secure Conference Resources"); on a bridge that is
    /// not secure it is none. `has_srtp` is of this call, whose media is being agreed on.
    pub(in crate::engine) fn conference_level(&self, number: u32, has_srtp: bool) -> Option<SecurityLevel> {
        let conference = self.calls.get(&number)?.port()?.conference;
        if !self.bridge_is_secure() {
            return Some(SecurityLevel::NotAuthenticated);
        }
        let levels = self.calls_of(conference).into_iter().filter_map(|other| {
            let call = self.calls.get(&other)?;
            let phone = CallSide::BOTH.into_iter().map(|side| call.side(side)).find(|side| side.port.is_none())?;
            Some(match (self.is_encrypted(&phone.party.device), has_srtp || other != number) {
                (true, true) => SecurityLevel::Encrypted,
                (true, false) => SecurityLevel::Authenticated,
                (false, _) => SecurityLevel::NotAuthenticated,
            })
        });
        levels.min()
    }

    /// Members whose conference has another level now are told, as nothing else changes for them.
    pub(super) fn tell_level(&mut self, now: Instant, conference: ConferenceId) {
        for number in self.calls_of(conference) {
            let Some(call) = self.calls.get(&number).filter(|call| call.connected && call.talks()) else {
                continue;
            };
            let has_srtp = call.protection != crate::event::Protection::Rtp;
            let was = call.security;
            let level = self.conference_level(number, has_srtp).unwrap_or(was);
            if level != was {
                self.tell_security(now, number, level);
            }
        }
    }
}

fn format(law: Law) -> Format {
    Format { payload_type: law.payload_type(), encoding: law.encoding().to_owned(), clock: 8000, fmtp: None }
}

/// In the order in which CUCM lists them.
const SUITES: [Suite; 4] =
    [Suite::AeadAes256Gcm, Suite::AeadAes128Gcm, Suite::AesCm128HmacSha1_80, Suite::AesCm128HmacSha1_32];
