//! INVITEs of phones, and over trunks: most call a number, some take a place in a call that there is.
//!
//! | what the INVITE says | what happens |
//! |---|---|
//! | `Replaces` (RFC 3891) with a call that another phone of the line holds | the phone takes that phone's place |
//! | `Join` (RFC 3911) with a call in which another phone of the line talks | a conference of it, with the phone |
//! | the same, and Call-Info that says `barge` | the phone comes in by the built-in bridge of the other one |
//! | the pickup service | the phone takes the call that rings in its call pickup group |
//! | a park number, or one for directed call park behind its prefix | the phone takes the empty place in the call that is parked there |
//! | any other number | it is called |

use std::time::Instant;

use media::sdp::Audio;
use sip::{Dialog, FlowId, Message, ServerKey};

use crate::event::{CucmEvent, Party};
use crate::text::line;

use super::Engine;
use super::call::{CallSide, FIRST_CSEQ, MISMATCH, Member, Refusal};
use super::dialogs::{falls_back, media_of};
use super::leg::{Leg, Role, State};
use super::outside::Outside;
use super::pickup::PICKUP;
use super::refer::{joined_by, replaced_by};

/// An INVITE that can be taken.
pub(super) struct Arriving {
    pub(super) key: ServerKey,
    pub(super) flow: FlowId,
    pub(super) invite: Message,
    /// The phone, with the line that it calls from.
    pub(super) caller: Party,
    /// What it dialled.
    pub(super) dialled: String,
    dialog: Dialog,
    media: Audio,
    tag: String,
    number: u32,
    identifier: u32,
    /// Where it came over a trunk.
    outside: Option<Outside>,
}

impl Engine {
    pub(super) fn on_invite(&mut self, now: Instant, key: ServerKey, flow: FlowId, invite: &Message) {
        let date = self.date(now);
        let _ = self.endpoint.respond(now, &key, line::trying(invite, &date));
        let dialled = invite.request_uri().and_then(|uri| uri.parse::<sip::Uri>().ok()).and_then(|uri| uri.user);
        let dialled = dialled.unwrap_or_default();
        let (caller, outside) = match (self.party_on(flow, invite), self.caller_outside(flow, invite)) {
            (Some(caller), _) => (caller, None),
            (None, Some((caller, outside))) => (caller, Some(outside)),
            (None, None) => {
                return self.refuse(now, &key, flow, invite, FORBIDDEN, &dialled, "the caller is not registered here");
            }
        };
        let number = self.identifiers.leg();
        let identifier = self.identifiers.identifier();
        let tag = self.identifiers.tag(number, identifier);
        let media = media_of(invite).filter(|audio| audio.port != 0);
        let (Ok(dialog), Some(media)) = (Dialog::from_request(invite, &tag), media) else {
            return self.refuse(now, &key, flow, invite, NOT_ACCEPTABLE, &dialled, "the INVITE has no usable offer");
        };
        let dialog = Dialog { local_cseq: FIRST_CSEQ - 1, ..dialog };
        let invite = invite.clone();
        let arriving = Arriving { key, flow, invite, caller, dialled, dialog, media, tag, number, identifier, outside };
        match replaced_by(&arriving.invite) {
            Some(Ok(replaced)) => self.take_over(now, arriving, &replaced),
            Some(Err(_)) => self.turn_away(now, &arriving, ((400, "Bad Request"), None), "its Replaces cannot be read"),
            None if arriving.invite.header("Join").is_some() => match joined_by(&arriving.invite) {
                Some(Ok(joined)) if is_barge(&arriving.invite) => self.barge_by_bridge(now, arriving, &joined),
                Some(Ok(joined)) => self.barge_in(now, arriving, &joined),
                _ => self.turn_away(now, &arriving, ((400, "Bad Request"), None), "its Join cannot be read"),
            },
            None if arriving.dialled == PICKUP => self.pick_up(now, arriving),
            None => match self.retrieved_by(&arriving.dialled) {
                Some(at) => self.retrieve(now, arriving, &at),
                None => self.place_call(now, arriving),
            },
        }
    }

    fn place_call(&mut self, now: Instant, arriving: Arriving) {
        match self.called(&arriving.dialled) {
            Ok(called) => {
                let call = self.identifiers.call();
                let dialled = arriving.dialled.clone();
                let caller = self.seat(now, arriving, (call, CallSide::Caller), called.first.0.clone());
                self.call_out(now, call, caller, called, dialled);
            }
            Err((refusal, why)) => self.turn_away(now, &arriving, refusal, why),
        }
    }

    /// Refuses an INVITE that leads to nothing.
    pub(super) fn turn_away(&mut self, now: Instant, arriving: &Arriving, refusal: Refusal, why: &str) {
        let Arriving { key, flow, invite, dialled, .. } = arriving;
        self.refuse(now, key, *flow, invite, refusal, dialled, why);
    }

    /// Gives the phone its leg at this place of a call, in which the node speaks for `identity`. Its INVITE waits for the answer.
    pub(super) fn seat(
        &mut self,
        now: Instant,
        arriving: Arriving,
        (call, side): (u32, CallSide),
        identity: Party,
    ) -> Member {
        let Arriving { key, flow, invite, caller, dialog, media, tag, number, identifier, outside, dialled: _ } =
            arriving;
        let (date, peer_session) = (self.date(now), self.session_of(&invite, number));
        let falls_back = falls_back(&invite);
        let leg = self.add_leg(Leg {
            flow: Some(flow),
            is_caller: true,
            call_id: dialog.call_id.clone(),
            dialog: Some(dialog),
            state: State::Incoming { key, invite, date },
            peer_session,
            peer_media: Some(media.clone()),
            ..Leg::waiting(Role::Line { call, side }, self.node(flow), (number, tag), identity)
        });
        self.callers.insert(key, leg);
        if let Some(outside) = outside {
            self.register_at_gateway(&outside.way);
            self.outside.insert(leg, outside);
        }
        Member { media: Some(media), falls_back, ..Member::new(leg, caller, identifier) }
    }

    /// The phone behind a flow, with the line it calls from.
    fn party_on(&self, flow: FlowId, invite: &Message) -> Option<Party> {
        let device = self.device_on(flow)?;
        self.phones.get(&device)?;
        let phone = self.config.phone(&device)?;
        let from = invite.from_().ok().and_then(|from| from.uri.user);
        let line = from.and_then(|user| phone.line(&user)).or_else(|| phone.lines.first())?;
        Some(Party {
            device: phone.device_name.clone(),
            number: line.directory_number.clone(),
            name: line.display.clone(),
        })
    }

    #[expect(clippy::too_many_arguments, reason = "a refusal before there is a leg to hold them")]
    fn refuse(
        &mut self,
        now: Instant,
        key: &ServerKey,
        flow: FlowId,
        invite: &Message,
        (status, cause): Refusal,
        dialled: &str,
        why: &str,
    ) {
        let (node, date) = (self.node(flow), self.date(now));
        let tag = self.identifiers.plain_tag();
        let answer = line::refuse(&node, invite, Some(&tag), &date, status, cause);
        let _ = self.endpoint.respond(now, key, answer);
        let event =
            CucmEvent::CallFailed { call: 0, dialled: dialled.to_owned(), status: status.0, why: why.to_owned() };
        self.event(event);
    }
}

/// Which of the two softkeys was pressed.
fn is_barge(invite: &Message) -> bool {
    invite.header_all("Call-Info").iter().any(|value| value.starts_with("<urn:x-cisco-remotecc:barge>"))
}

const FORBIDDEN: Refusal = ((403, "Forbidden"), Some(21));
const NOT_ACCEPTABLE: Refusal = ((488, "Not Acceptable Here"), Some(MISMATCH));
