//! Barge: another phone of the line comes into a call by this phone's built-in bridge, which mixes the voices.
//!
//! ```text
//! CUCM                                phone
//!  │ INVITE Join, no SDP ──────────────► │  of a call that is up
//!  │ ◄───────────────── 200 sendrecv     │  at once: own port, own key, the codec of the call
//!  │ ACK the guest's address ──────────► │  the guest hears and is heard
//!  │ BYE ──────────────────────────────► │
//! ```
//! It differs from a recording's dialog by its Call-Info, which names no invoker (inferred).

use std::time::Instant;

use media::ledger::StreamKind;
use media::sdp::Direction;
use sip::{Dialog, Message, ServerKey};

use super::said::{audio, peer_session};
use super::{CallNo, Machine, MediaOrder};
use crate::codec::Codec;
use crate::description::{Description, OwnKey};
use crate::negotiate;
use crate::packet_time::PacketTime;
use crate::status::CallState;
use crate::text::{self, Reply};

/// A guest's dialog.
#[derive(Debug)]
pub(super) struct Barge {
    pub(super) dialog: Dialog,
    /// The call into which it came.
    main: CallNo,
    session: (String, String),
    port: u16,
    /// The keys of our offer that has no answer yet.
    offered: Option<Vec<OwnKey>>,
}

impl Machine {
    /// CUCM asks the built-in bridge for an offer to a guest.
    pub(super) fn on_barge_invite(&mut self, now: Instant, key: ServerKey, invite: &Message) {
        let main = self.joined(invite).and_then(|no| self.call(no)).filter(|call| call.state == CallState::Connected);
        let Some((main, codec)) = main.and_then(|call| Some((call.no, call.settled.as_ref()?.codec))) else {
            return self.reply(now, &key, invite, 481, "Call Leg/Transaction Does Not Exist");
        };
        if self.barges.iter().any(|barge| barge.main == main) {
            return self.reply(now, &key, invite, 486, "Busy Here");
        }
        let dialog = Dialog::from_request(invite, &self.ids.tag());
        let (Ok(dialog), Ok(None), Some(port)) = (dialog, audio(invite), self.ports.pop()) else {
            return self.reply(now, &key, invite, 488, "Not Acceptable Here");
        };
        let keys = self.fresh_keys();
        let description = Description {
            origin: (self.ids.origin(), 0),
            address: self.profile.local.ip(),
            port,
            secure: !keys.is_empty(),
            keys: &keys,
            codecs: &[Codec::of(codec)],
            direction: Direction::SendRecv,
            packet_time: PacketTime::default(),
            main_call: false,
        }
        .to_text();
        let session = (self.ids.session(), peer_session(invite));
        let reply = Reply {
            code: 200,
            reason: "OK",
            tag: Some(&dialog.local_tag),
            session: Some((&session.0, &session.1)),
            wall: self.wall(now),
        };
        let response = text::full_response(&self.profile, invite, &reply, Some(&description));
        self.respond(now, &key, response);
        self.barges.push(Barge { dialog, main, session, port, offered: Some(keys) });
    }

    /// The guest's address: it hears and is heard.
    pub(super) fn on_barge_ack(&mut self, at: usize, ack: &Message) {
        let Some(keys) = self.barges[at].offered.take() else { return };
        let settled = match audio(ack) {
            Ok(Some(answer)) => negotiate::settle(&keys, &answer).map_err(|error| error.to_string()),
            // CUCM found nothing in common and ends the dialog next.
            Ok(None) => return,
            Err(why) => Err(why),
        };
        let settled = match settled {
            Ok(settled) => settled,
            Err(why) => return self.problem(format!("cannot use the answer of a phone that barges in: {why}")),
        };
        let barge = &self.barges[at];
        let (call, port, call_id) = (barge.main, barge.port, barge.dialog.call_id.clone());
        let Some(main_dialog) = self.call(call).map(super::call::Call::call_id) else { return };
        let opening = self.opening(StreamKind::Voice, &call_id, &main_dialog, &settled);
        self.media(MediaOrder::StartGuest { call, port, opening: Box::new(opening), receive: settled.peer });
    }

    /// The guest has left, or CUCM has taken it away. Gives the Session-ID of its dialog.
    pub(super) fn end_barge(&mut self, at: usize) -> (String, String) {
        let Barge { main, session, port, .. } = self.barges.remove(at);
        self.media(MediaOrder::StopGuest { call: main });
        self.media(MediaOrder::Free { port });
        session
    }

    pub(super) fn barge_of(&self, message: &Message) -> Option<usize> {
        self.barges.iter().position(|barge| barge.dialog.matches(message))
    }
}
