//! One dialog of the node with a peer: with a phone's line, with its bridge, or with a recorder.

use std::net::SocketAddr;
use std::time::Instant;

use media::sdp::Audio;
use sip::{ClientKey, Dialog, FlowId, Message, ServerKey};

use crate::event::{Party, RecordingId};
use crate::signalling::Request;
use crate::text::recording::End;
use crate::text::{self, Node, Thread, line, recording};

use super::call::{CallSide, FIRST_CSEQ};
use super::{Asked, Engine};

/// Number of a leg within the engine's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LegId(pub(super) u64);

/// What a leg is there for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// One of the two sides of a call.
    Line { call: u32, side: CallSide },
    /// A phone that has transferred this call, until it is told how that went.
    Leaving { call: u32 },
    /// The recorded phone's built-in bridge.
    Bridge { recording: RecordingId, end: End },
    /// The recorder.
    Recorder { recording: RecordingId, end: End, trunk: String, destination: SocketAddr },
}

/// A dialog, from the moment it is decided on.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) role: Role,
    /// Leg number, in its tag and in `o=`.
    pub(super) number: u32,
    /// The node as this peer sees it.
    pub(super) node: Node,
    pub(super) flow: Option<FlowId>,
    /// Whether the peer opened the dialog.
    pub(super) is_caller: bool,
    pub(super) call_id: String,
    /// The node's tag.
    pub(super) tag: String,
    /// The party that the node speaks for.
    pub(super) identity: Party,
    pub(super) dialog: Option<Dialog>,
    pub(super) state: State,
    /// The INVITE of ours that is under way, or whose 2xx wants its ACK.
    pub(super) invite: Option<Sent>,
    /// The peer's half of Session-ID.
    pub(super) peer_session: String,
    /// The half of the end that is behind the node, as it was told last.
    pub(super) other_session: String,
    /// What the peer said last about its media.
    pub(super) peer_media: Option<Audio>,
    /// The last description sent, for a refresh.
    pub(super) sdp: Option<String>,
    /// What waits for a connection.
    pub(super) owed: Vec<Owed>,
}

/// An INVITE of ours.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) key: ClientKey,
    pub(super) message: Message,
    pub(super) cseq: u32,
    pub(super) date: String,
}

/// Where a leg stands.
///
/// ```text
/// Waiting ─► Calling ─2xx─► Answered ─ACK─► Up ─re-INVITE─► Asking ─2xx─► Answered
///               │              │             │                 │
///               └─► Cancelling └──────► Ending ◄───────────────┘            Incoming ─200─► Accepted ─ACK─► Up
///                                                                          Up ─re-INVITE─► Changing ─200─► Accepted
/// ```
#[derive(Clone, Debug)]
pub(super) enum State {
    /// For its connection.
    Waiting,
    /// The INVITE is out.
    Calling,
    /// The peer's 2xx is here, our ACK is not out.
    Answered,
    /// Confirmed.
    Up,
    /// Confirmed, a re-INVITE is out.
    Asking,
    /// The peer's INVITE, which came at `date`, wants its final answer.
    Incoming { key: ServerKey, invite: Message, date: String },
    /// The peer's re-INVITE, which came at `date`, wants its final answer.
    Changing { key: ServerKey, invite: Message, date: String },
    /// Our 200 is out, the peer's ACK is not here.
    Accepted,
    /// A CANCEL is out; if the INVITE is answered all the same it gets a BYE with this cause.
    Cancelling { cause: u16 },
    /// Our BYE is out.
    Ending,
}

/// What is sent as soon as there is a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Owed {
    Invite,
    /// With the other end's half of Session-ID and the answer, or without either.
    Ack(Option<(String, String)>),
    Bye(u16),
    /// The UPDATE or re-INVITE that refreshes the session.
    Refresh,
    /// The UPDATE that names another far end.
    FarEnd,
    /// The re-INVITE by which media is agreed on anew.
    Reoffer,
    /// What a test wants sent.
    Unprompted(Request),
}

impl Leg {
    /// A dialog of which nothing has happened yet: its INVITE waits to be sent.
    pub(super) fn waiting(role: Role, node: Node, (number, tag): (u32, String), identity: Party) -> Self {
        Self {
            role,
            number,
            node,
            flow: None,
            is_caller: false,
            call_id: String::new(),
            tag,
            identity,
            dialog: None,
            state: State::Waiting,
            invite: None,
            peer_session: text::NIL.to_owned(),
            other_session: text::NIL.to_owned(),
            peer_media: None,
            sdp: None,
            owed: Vec::new(),
        }
    }

    /// Whether a request that changes what stands is under way, by either side.
    pub(super) fn is_changing(&self) -> bool {
        matches!(self.state, State::Asking | State::Answered | State::Accepted | State::Changing { .. })
    }

    pub(super) fn is_ending(&self) -> bool {
        matches!(self.state, State::Cancelling { .. } | State::Ending)
    }

    /// Which way the call was set up, as this phone is told in Call-Info.
    pub(super) fn orientation(&self) -> &'static str {
        if self.is_caller { "to" } else { "from" }
    }

    /// Session-ID as this peer is to see it.
    pub(super) fn session(&self) -> String {
        text::session_id(&self.other_session, &self.peer_session)
    }
}

impl Engine {
    pub(super) fn add_leg(&mut self, leg: Leg) -> LegId {
        self.last_leg += 1;
        let id = LegId(self.last_leg);
        if !leg.call_id.is_empty() {
            self.by_call_id.insert(leg.call_id.clone(), id);
        }
        self.legs.insert(id, leg);
        id
    }

    pub(super) fn drop_leg(&mut self, id: LegId) {
        let Some(leg) = self.legs.remove(&id) else {
            return;
        };
        if self.by_call_id.get(&leg.call_id) == Some(&id) {
            self.by_call_id.remove(&leg.call_id);
        }
        self.dealings.remove(&id);
        self.unanswered.remove(&id);
        self.outside.remove(&id);
        if let Some(sent) = leg.invite {
            self.asked.remove(&sent.key);
        }
    }

    /// What the INVITE says that opens a dialog, whatever it is for; From has its tag.
    pub(super) fn opening(&mut self, now: Instant, node: &Node, (uri, from, to): (String, String, String)) -> Thread {
        let wall = self.wall(now);
        Thread {
            uri,
            branch: self.identifiers.branch(),
            from,
            to,
            date: text::date(wall),
            call_id: self.identifiers.call_id(wall, node.local.ip()),
            cseq: FIRST_CSEQ,
            routes: Vec::new(),
        }
    }

    /// What the next request on this leg repeats; `None` before there is a dialog.
    pub(super) fn thread(&mut self, id: LegId, cseq: u32, date: String) -> Option<Thread> {
        let leg = self.legs.get(&id)?;
        let dialog = leg.dialog.as_ref()?;
        let (mut uri, routes) = dialog.routing();
        if matches!(leg.role, Role::Recorder { .. }) {
            uri = with_upper_case_transport(&uri);
        }
        let (from, to, call_id) = (dialog.local_header(), dialog.remote_header(), dialog.call_id.clone());
        let branch = self.identifiers.branch();
        Some(Thread { uri, branch, from, to, date, call_id, cseq, routes })
    }

    /// Sends an INVITE that opens a dialog or asks within one.
    pub(super) fn send_invite(&mut self, now: Instant, id: LegId, message: Message, cseq: u32, date: String) {
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        let Some(flow) = leg.flow else {
            return;
        };
        let key = self.endpoint.send_request(now, flow, leg.node.transport, message.clone());
        leg.state = if leg.dialog.is_some() { State::Asking } else { State::Calling };
        leg.invite = Some(Sent { key, message, cseq, date });
        self.asked.insert(key, Asked::Invite(id));
    }

    /// Sends the ACK to the 2xx of the INVITE under way, with an answer where one is given.
    pub(super) fn send_ack(&mut self, now: Instant, id: LegId, local_session: &str, sdp: Option<&str>) {
        let Some(sent) = self.legs.get_mut(&id).and_then(|leg| leg.invite.take()) else {
            return;
        };
        let Some(thread) = self.thread(id, sent.cseq, sent.date) else {
            return;
        };
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        if sdp.is_some() {
            local_session.clone_into(&mut leg.other_session);
        }
        let session = leg.session();
        let answer = sdp.map(|sdp| (session.as_str(), sdp));
        let is_forked = self.dealings.get(&id).is_some_and(|dealings| dealings.opening.is_forked);
        let ack = match leg.role {
            _ if leg.node.is_trunk => recording::ack(&leg.node, &thread, is_forked, answer),
            _ => line::ack(&leg.node, &thread, answer),
        };
        leg.state = State::Up;
        if let Some(sdp) = sdp {
            leg.sdp = Some(sdp.to_owned());
        }
        let flow = leg.flow;
        self.keep_ack(id, sent.cseq, &ack);
        if let Some(flow) = flow {
            self.endpoint.send_ack(now, flow, &sent.key, ack);
        }
    }

    /// Ends a leg, whatever it is doing: CANCEL, or BYE with this cause of Q.850. An unanswered INVITE is refused here where nobody who
    /// knows a better status did.
    pub(super) fn clear_leg(&mut self, now: Instant, id: LegId, cause: u16) {
        let Some(leg) = self.legs.get(&id) else {
            return;
        };
        match &leg.state {
            State::Waiting => self.drop_leg(id),
            State::Incoming { key, invite, date } => {
                let refusal = line::refuse(&leg.node, invite, Some(&leg.tag), date, TERMINATED, Some(cause));
                let key = *key;
                let _ = self.endpoint.respond(now, &key, refusal);
                self.drop_leg(id);
            }
            State::Calling => self.cancel_leg(now, id, cause),
            State::Answered => {
                self.owe(now, id, Owed::Ack(None));
                self.owe(now, id, Owed::Bye(cause));
            }
            State::Changing { .. } => {
                match leg.role {
                    Role::Recorder { .. } => self.refuse_offer(now, id, (487, "Request Terminated")),
                    _ => self.refuse_change(now, id, (487, "Request Terminated")),
                }
                self.owe(now, id, Owed::Bye(cause));
            }
            State::Up | State::Asking | State::Accepted => self.owe(now, id, Owed::Bye(cause)),
            State::Cancelling { .. } | State::Ending => {}
        }
        // Where the connection has to be opened first, the BYE waits for it.
        if let Some(leg) = self.legs.get_mut(&id)
            && !leg.is_ending()
        {
            leg.state = State::Ending;
        }
    }

    fn cancel_leg(&mut self, now: Instant, id: LegId, cause: u16) {
        let date = self.date(now);
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        leg.state = State::Cancelling { cause };
        let Some(sent) = &leg.invite else {
            return;
        };
        let cancel = line::cancel(&sent.message, &date, Some(cause));
        match self.endpoint.send_cancel_with(now, &sent.key, cancel) {
            Ok(key) => {
                self.asked.insert(key, Asked::Cancel);
            }
            // Its transaction is over: nothing more will come.
            Err(_) => self.drop_leg(id),
        }
    }

    /// Does something that needs a connection: at once if there is one, else when it is there.
    pub(super) fn owe(&mut self, now: Instant, id: LegId, what: Owed) {
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.owed.push(what);
            self.pay(now, id);
        }
    }

    /// Does all that a leg owes, if it has a connection or when it gets one.
    pub(super) fn pay(&mut self, now: Instant, id: LegId) {
        let Some(flow) = self.flow_of(id) else {
            return;
        };
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        leg.flow = Some(flow);
        for what in std::mem::take(&mut leg.owed) {
            self.note_unanswered(id, &what);
            match what {
                Owed::Invite if self.outside.contains_key(&id) => self.invite_outside(now, id),
                Owed::Invite => self.invite_recorder(now, id),
                Owed::Ack(None) => self.send_ack(now, id, text::NIL, None),
                Owed::Ack(Some((session, sdp))) => self.send_ack(now, id, &session, Some(&sdp)),
                Owed::Bye(cause) => self.send_bye(now, id, cause),
                Owed::Refresh => self.send_refresh(now, id),
                Owed::Reoffer => self.reinvite_recorder(now, id),
                Owed::FarEnd => self.send_far_end(now, id),
                Owed::Unprompted(request) => self.send_request_of_a_test(now, id, request),
            }
        }
        if let Some(Role::Recorder { recording, .. }) = self.legs.get(&id).map(|leg| &leg.role) {
            self.announce(now, *recording);
        }
    }

    fn flow_of(&mut self, id: LegId) -> Option<FlowId> {
        let leg = self.legs.get(&id)?;
        match (&leg.role, leg.flow) {
            (_, Some(flow)) => Some(flow),
            (Role::Recorder { trunk, destination, .. }, None) => {
                let way = (trunk.clone(), *destination);
                self.connect(way, id)
            }
            (_, None) if self.outside.contains_key(&id) => {
                let way = self.outside.get(&id)?.way.clone();
                self.connect(way, id)
            }
            // The phone's connection is gone, and with it the phone's side of the dialog.
            (Role::Line { .. } | Role::Leaving { .. } | Role::Bridge { .. }, None) => {
                self.drop_leg(id);
                None
            }
        }
    }

    fn send_bye(&mut self, now: Instant, id: LegId, cause: u16) {
        let date = self.date(now);
        let Some(cseq) = self.legs.get_mut(&id).and_then(|leg| leg.dialog.as_mut()).map(Dialog::next_cseq) else {
            return self.drop_leg(id);
        };
        let Some(thread) = self.thread(id, cseq, date) else {
            return;
        };
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        let session = leg.session();
        let bye = match leg.role {
            Role::Recorder { .. } => recording::bye(&leg.node, &thread, &leg.identity, cause, &session),
            _ if leg.node.is_trunk => recording::bye(&leg.node, &thread, &leg.identity, cause, &session),
            Role::Leaving { .. } => line::bye(&leg.node, &thread, None, &session, None),
            Role::Line { .. } | Role::Bridge { .. } => {
                let called = leg.is_caller.then_some(&leg.identity);
                line::bye(&leg.node, &thread, Some(cause), &session, called)
            }
        };
        leg.state = State::Ending;
        if let Some(flow) = leg.flow {
            let key = self.endpoint.send_request(now, flow, leg.node.transport, bye);
            self.asked.insert(key, Asked::Bye(id));
        }
    }

    /// Legs of phones whose connection closed: their calls and recordings end.
    pub(super) fn drop_lost_phone_legs(&mut self, now: Instant) {
        let lost: Vec<LegId> = self
            .legs
            .iter()
            .filter(|(id, leg)| {
                leg.flow.is_none() && !matches!(leg.role, Role::Recorder { .. }) && !self.outside.contains_key(id)
            })
            .map(|(id, _)| *id)
            .collect();
        for id in lost {
            self.on_leg_unreachable(now, id, &super::failure("closed", "the phone's connection closed"));
        }
    }
}

const TERMINATED: (u16, &str) = (487, "Request Terminated");

/// CUCM writes the transport of a recorder's Contact in upper case into its own requests (trace of Cisco document 200788:
/// `transport=udp` came back as `transport=UDP`).
fn with_upper_case_transport(uri: &str) -> String {
    const NAME: &str = ";transport=";
    let Some(start) = uri.to_ascii_lowercase().find(NAME).map(|at| at + NAME.len()) else {
        return uri.to_owned();
    };
    let end = uri[start..].find([';', '?']).map_or(uri.len(), |length| start + length);
    format!("{}{}{}", &uri[..start], uri[start..end].to_ascii_uppercase(), &uri[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transport_comes_back_in_upper_case_and_nothing_else_does() {
        for (given, expected) in [
            ("sip:10.48.32.170:5060;transport=udp", "sip:10.48.32.170:5060;transport=UDP"),
            ("sip:a@b;x=y;Transport=tls;z=q", "sip:a@b;x=y;Transport=TLS;z=q"),
            ("sip:a@b", "sip:a@b"),
        ] {
            assert_eq!(with_upper_case_transport(given), expected);
        }
    }
}
