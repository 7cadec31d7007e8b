//! The machine between engine and sockets that carries out [`Disturbance`]s; without any it is not asked.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use media::ledger::Leg;
use sip::{Builder, FlowId, Message};

use super::{Answer, Branch, Closing, Deed, Disturbance, From, Kind, Method};

/// What the driver does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Act {
    /// Write these bytes as they are.
    Send { flow: FlowId, bytes: Vec<u8> },
    /// Write them over another connection to the same peer.
    SendApart { flow: FlowId, bytes: Vec<u8> },
    /// Write them in pieces of so many bytes.
    SendInPieces { flow: FlowId, bytes: Vec<u8>, size: usize },
    /// Let the engine have this message.
    Deliver { flow: FlowId, bytes: Vec<u8> },
    /// Close the connection.
    Close { flow: FlowId, how: Closing },
    /// Have the engine give up the recording of this dialog.
    GiveUp { call_id: String },
}

/// Disturbances and what they have met so far.
#[derive(Debug, Default)]
pub(crate) struct Meddler {
    rules: Vec<Rule>,
    /// Dialogs with recorders: whose voice each carries.
    legs: BTreeMap<String, Leg>,
    later: BTreeMap<(Instant, u64), Act>,
    behind: Vec<Held>,
    /// What waits for the next message of its connection.
    joined: BTreeMap<FlowId, Vec<u8>>,
    /// The transactions of requests that something on the way has refused: their ACKs go no further either (RFC 3261 §17.1.1.3).
    refused: BTreeSet<String>,
    count: u64,
}

#[derive(Debug)]
struct Rule {
    disturbance: Disturbance,
    /// The messages of its kind met so far, by leg, each with how often it was dealt with.
    met: BTreeMap<Option<Leg>, Vec<(Identity, u32)>>,
    deeds: u64,
}

/// What a message and its repeats have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Identity {
    call_id: String,
    number: u32,
    branch: String,
    status: Option<u16>,
}

/// A message that waits for another one.
#[derive(Debug)]
struct Held {
    kind: Kind,
    leg: Option<Leg>,
    act: Act,
}

/// A message as it is looked at.
struct Seen {
    method: Method,
    from: From,
    status: Option<u16>,
    leg: Option<Leg>,
    identity: Identity,
}

impl Meddler {
    /// Disturbances from now on, beside those that there are.
    pub(crate) fn disturb(&mut self, disturbances: Vec<Disturbance>) {
        let rule = |disturbance| Rule { disturbance, met: BTreeMap::new(), deeds: 0 };
        self.rules.extend(disturbances.into_iter().map(rule));
    }

    /// Whether nothing is disturbed.
    pub(crate) fn is_idle(&self) -> bool {
        self.rules.is_empty()
    }

    /// How often each disturbance did something, in their order.
    pub(crate) fn deeds(&self) -> Vec<u64> {
        self.rules.iter().map(|rule| rule.deeds).collect()
    }

    /// A message of the engine's.
    pub(crate) fn outgoing(&mut self, now: Instant, flow: FlowId, bytes: Vec<u8>) -> Vec<Act> {
        self.learn(&bytes);
        let Some(seen) = self.look(&bytes, true) else {
            return self.leave(flow, bytes);
        };
        if seen.method == Method::Ack && self.refused.contains(&seen.identity.branch) {
            return Vec::new();
        }
        self.carry(now, flow, bytes, &seen, true)
    }

    /// A message of the recorder's.
    pub(crate) fn incoming(&mut self, now: Instant, flow: FlowId, message: &Message) -> Vec<Act> {
        let bytes = message.as_bytes().to_vec();
        match self.look(&bytes, false) {
            Some(seen) => self.carry(now, flow, bytes, &seen, false),
            None => vec![Act::Deliver { flow, bytes }],
        }
    }

    /// When [`Self::handle_timeout`] wants to be called.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.later.first_key_value().map(|((at, _), _)| *at)
    }

    /// What is due.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Vec<Act> {
        let mut due = Vec::new();
        while let Some(first) = self.later.first_entry().filter(|first| first.key().0 <= now) {
            due.push(first.remove());
        }
        due
    }

    /// A dialog with a recorder is known by the metadata in the INVITE that opens it.
    fn learn(&mut self, bytes: &[u8]) {
        let Some(message) = Message::parse(bytes).ok().filter(|message| message.method() == Some("INVITE")) else {
            return;
        };
        let (Ok(from), Ok(call_id)) = (message.from_(), message.call_id()) else {
            return;
        };
        let leg =
            [("x-nearend", Leg::Near), ("x-farend", Leg::Far)].into_iter().find(|(flag, _)| from.uri.params.has(flag));
        if let Some((_, leg)) = leg {
            self.legs.insert(call_id, leg);
        }
    }

    fn look(&self, bytes: &[u8], leaves: bool) -> Option<Seen> {
        let message = Message::parse(bytes).ok()?;
        let (call_id, cseq) = (message.call_id().ok()?, message.cseq().ok()?);
        let leg = self.legs.get(&call_id).copied();
        let has_tag = message.to().is_ok_and(|to| to.tag().is_some());
        let status = message.status();
        // What the node asks, or answers: the request is then its own in the first case alone.
        let from = if leaves == status.is_none() { From::Node } else { From::Recorder };
        let method = match cseq.method.as_str() {
            // The answer to the first INVITE has a tag too, but its number is the first one.
            "INVITE" if status.is_none() && !has_tag => Method::Invite,
            "INVITE" if status.is_some() && from == From::Node && cseq.number == FIRST_CSEQ => Method::Invite,
            "INVITE" => Method::Reinvite,
            "ACK" => Method::Ack,
            "BYE" => Method::Bye,
            "CANCEL" => Method::Cancel,
            "UPDATE" => Method::Update,
            "OPTIONS" => Method::Options,
            "INFO" => Method::Info,
            "NOTIFY" => Method::Notify,
            "SUBSCRIBE" => Method::Subscribe,
            _ => return None,
        };
        // All else that belongs to no recording is between the node and its phones.
        if leg.is_none() && method != Method::Options {
            return None;
        }
        let branch = message.via().ok()?.branch().unwrap_or_default().to_owned();
        Some(Seen { method, from, status, leg, identity: Identity { call_id, number: cseq.number, branch, status } })
    }

    fn carry(&mut self, now: Instant, flow: FlowId, bytes: Vec<u8>, seen: &Seen, leaves: bool) -> Vec<Act> {
        let (mut deed, mut then) = (None, Vec::new());
        for rule in &mut self.rules {
            let comes_after = rule.disturbance.deed.comes_after();
            // One thing can become of a message itself: the first that is told.
            if (deed.is_some() && !comes_after) || !rule.meets(seen) {
                continue;
            }
            match rule.disturbance.deed.clone() {
                Deed::Pass => {}
                Deed::ThenClose(how) => then.push((now, Act::Close { flow, how })),
                Deed::Repeat { after, branch } => {
                    let again = match branch {
                        Branch::Same => bytes.clone(),
                        Branch::Other => {
                            self.count += 1;
                            by_another_way(&bytes, self.count)
                        }
                    };
                    let act =
                        if leaves { Act::Send { flow, bytes: again } } else { Act::Deliver { flow, bytes: again } };
                    then.push((now + after, act));
                }
                Deed::ThenGiveUp(after) => {
                    then.push((now + after, Act::GiveUp { call_id: seen.identity.call_id.clone() }));
                }
                of_itself => deed = Some(of_itself),
            }
        }
        let mut acts = self.act(now, flow, bytes, (seen, leaves), deed);
        let (ready, waiting): (Vec<Held>, Vec<Held>) =
            std::mem::take(&mut self.behind).into_iter().partition(|held| held.waits_for(seen));
        self.behind = waiting;
        // What was lost or put off releases nothing.
        if acts.is_empty() {
            self.behind.extend(ready);
        } else {
            acts.extend(ready.into_iter().map(|held| held.act));
        }
        for (at, act) in then {
            self.plan(at, act);
        }
        acts
    }

    fn act(
        &mut self,
        now: Instant,
        flow: FlowId,
        bytes: Vec<u8>,
        (seen, leaves): (&Seen, bool),
        deed: Option<Deed>,
    ) -> Vec<Act> {
        let plain = |bytes| if leaves { Act::Send { flow, bytes } } else { Act::Deliver { flow, bytes } };
        match deed {
            None | Some(Deed::Pass | Deed::Repeat { .. } | Deed::ThenClose(_) | Deed::ThenGiveUp(_)) => match leaves {
                true => self.leave(flow, bytes),
                false => vec![plain(bytes)],
            },
            Some(Deed::Lose) => Vec::new(),
            Some(Deed::Refuse(status)) => {
                self.refused.insert(seen.identity.branch.clone());
                refusal(&bytes, status).map(|bytes| Act::Deliver { flow, bytes }).into_iter().collect()
            }
            Some(Deed::Delay(by)) => {
                self.plan(now + by, plain(bytes));
                Vec::new()
            }
            Some(Deed::Behind(kind)) => {
                self.behind.push(Held { kind, leg: seen.leg, act: plain(bytes) });
                Vec::new()
            }
            Some(Deed::OtherConnection) => vec![Act::SendApart { flow, bytes }],
            Some(Deed::Pieces(size)) => vec![Act::SendInPieces { flow, bytes, size: size.max(1) }],
            Some(Deed::WithNext) => {
                self.joined.entry(flow).or_default().extend(bytes);
                Vec::new()
            }
            Some(Deed::Fill(length)) => vec![plain(filled(&bytes, length))],
        }
    }

    /// A message that is left in peace takes along what waits for it.
    fn leave(&mut self, flow: FlowId, bytes: Vec<u8>) -> Vec<Act> {
        let bytes = match self.joined.remove(&flow) {
            Some(waiting) => [waiting, bytes].concat(),
            None => bytes,
        };
        vec![Act::Send { flow, bytes }]
    }

    fn plan(&mut self, at: Instant, act: Act) {
        self.count += 1;
        self.later.insert((at, self.count), act);
    }
}

impl Rule {
    /// Whether this message is one of those that are meant, and its time has come.
    fn meets(&mut self, seen: &Seen) -> bool {
        let pick = &self.disturbance.pick;
        if !pick.kind.is(seen) || pick.leg.is_some_and(|leg| seen.leg != Some(leg)) {
            return false;
        }
        let met = self.met.entry(seen.leg).or_default();
        let place = met.iter().position(|(known, _)| *known == seen.identity).unwrap_or_else(|| {
            met.push((seen.identity.clone(), 0));
            met.len() - 1
        });
        let times = &mut met[place].1;
        if pick.which.is_some_and(|which| which as usize != place + 1) || *times >= pick.times {
            return false;
        }
        *times += 1;
        self.deeds += 1;
        true
    }
}

impl Held {
    fn waits_for(&self, seen: &Seen) -> bool {
        self.kind.is(seen) && self.leg == seen.leg
    }
}

impl Kind {
    fn is(self, seen: &Seen) -> bool {
        let answer = match (self.answer, seen.status) {
            (Answer::No, status) => status.is_none(),
            (Answer::Final, status) => status.is_some_and(|status| status >= 200),
            (Answer::With(wanted), status) => status == Some(wanted),
        };
        answer && self.method == seen.method && self.from == seen.from
    }
}

impl Deed {
    /// Whether it leaves the message itself as it is, so that something else may become of that.
    fn comes_after(&self) -> bool {
        matches!(self, Self::Pass | Self::Repeat { .. } | Self::ThenClose(_) | Self::ThenGiveUp(_))
    }
}

/// What somebody between node and recorder answers.
fn refusal(request: &[u8], status: u16) -> Option<Vec<u8>> {
    let request = Message::parse(request).ok()?;
    Some(Builder::reply(&request, status, "Refused on the way", Some("onTheWay")).finish().as_bytes().to_vec())
}

/// The same request as another transaction.
fn by_another_way(bytes: &[u8], number: u64) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    text.replacen(BRANCH, &format!("{BRANCH}{number:x}."), 1).into_bytes()
}

/// The message with a header more, so that it is at least so long. The header says nothing: a recorder must skip it
/// (RFC 3261 §8.2.2).
fn filled(bytes: &[u8], length: usize) -> Vec<u8> {
    let Ok(message) = Message::parse(bytes) else {
        return bytes.to_vec();
    };
    let missing = length.saturating_sub(bytes.len() + FILLER.len() + ": \r\n".len());
    let line = message.start_line();
    let builder = message.headers().fold(Builder::with_start_line(line.as_bytes()), |builder, field| {
        let builder =
            if field.is("Content-Length") { builder.header(FILLER, "x".repeat(missing.max(1))) } else { builder };
        builder.raw_line(field.raw().trim_ascii_end())
    });
    builder.raw_body(message.body()).finish().as_bytes().to_vec()
}

/// Each dialog's first request has this number.
const FIRST_CSEQ: u32 = 101;
const BRANCH: &str = ";branch=z9hG4bK";
const FILLER: &str = "X-Filler";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::signalling::Pick;

    const FLOW: FlowId = FlowId(1);

    fn message(start: &str, leg: &str, branch: &str, cseq: &str, to_tag: &str) -> Vec<u8> {
        format!(
            "{start}\r\nVia: SIP/2.0/TCP 192.0.2.5:5060;branch=z9hG4bK{branch}\r\nFrom: <sip:2000@192.0.2.5;x-{leg}end;x-refci=5>;tag=a\r\n\
             To: <sip:7878@192.0.2.10>{to_tag}\r\nCall-ID: {leg}@192.0.2.5\r\nCSeq: {cseq}\r\nContent-Length: 0\r\n\r\n"
        )
        .into_bytes()
    }

    fn invite(leg: &str, branch: &str) -> Vec<u8> {
        message("INVITE sip:7878@192.0.2.10 SIP/2.0", leg, branch, "101 INVITE", "")
    }

    fn request(method: &str, leg: &str, cseq: u32) -> Vec<u8> {
        message(
            &format!("{method} sip:7878@192.0.2.10 SIP/2.0"),
            leg,
            &format!("{method}{cseq}"),
            &format!("{cseq} {method}"),
            ";tag=b",
        )
    }

    fn meddler(kind: Kind, deed: Deed) -> Meddler {
        meddler_by(Pick::first(kind), deed)
    }

    fn meddler_by(pick: Pick, deed: Deed) -> Meddler {
        let mut meddler = Meddler::default();
        meddler.disturb(vec![Disturbance { pick, deed }]);
        meddler
    }

    #[test]
    fn what_is_refused_on_the_way_never_arrives_nor_does_its_ack() {
        let mut meddler = meddler(Kind::request(Method::Invite), Deed::Refuse(488));
        let now = Instant::now();
        let acts = meddler.outgoing(now, FLOW, invite("far", "1"));
        let [Act::Deliver { bytes, .. }] = acts.as_slice() else { panic!("{acts:?}") };
        let answer = Message::parse(bytes).unwrap();
        assert_eq!((answer.status(), answer.header("CSeq").as_deref()), (Some(488), Some("101 INVITE")));
        assert!(answer.to().unwrap().tag().is_some());
        let ack = message("ACK sip:7878@192.0.2.10 SIP/2.0", "far", "1", "101 ACK", ";tag=onTheWay");
        assert_eq!(meddler.outgoing(now, FLOW, ack), Vec::new());
        assert_eq!(meddler.deeds(), [1]);
    }

    fn sent(bytes: Vec<u8>) -> Vec<Act> {
        vec![Act::Send { flow: FLOW, bytes }]
    }

    #[test]
    fn the_message_that_is_named_is_lost_as_often_as_told_and_no_other() {
        let now = Instant::now();
        let pick = Pick { leg: Some(Leg::Near), times: 2, ..Pick::first(Kind::request(Method::Ack)) };
        let mut meddler = meddler_by(pick, Deed::Lose);
        let (near, far) = (request("ACK", "near", 101), request("ACK", "far", 101));
        for bytes in [invite("near", "1"), invite("far", "2"), far] {
            assert_eq!(meddler.outgoing(now, FLOW, bytes.clone()), sent(bytes));
        }
        assert_eq!([(); 2].map(|()| meddler.outgoing(now, FLOW, near.clone())), [Vec::new(), Vec::new()]);
        assert_eq!(meddler.outgoing(now, FLOW, near.clone()), sent(near), "the third one arrives");
        let second = request("ACK", "near", 102);
        assert_eq!(meddler.outgoing(now, FLOW, second.clone()), sent(second), "another ACK is not the first one");
        assert_eq!(meddler.deeds(), [2]);
    }

    #[test]
    fn what_is_between_the_node_and_a_phone_is_left_in_peace() {
        let now = Instant::now();
        let mut meddler = meddler(Kind::request(Method::Bye), Deed::Lose);
        let bytes = request("BYE", "main", 102);
        assert_eq!(meddler.outgoing(now, FLOW, bytes.clone()), sent(bytes));
    }

    #[test]
    fn an_ack_that_waits_for_the_bye_follows_it() {
        let now = Instant::now();
        let mut meddler = meddler(Kind::request(Method::Ack), Deed::Behind(Kind::request(Method::Bye)));
        meddler.outgoing(now, FLOW, invite("near", "1"));
        meddler.outgoing(now, FLOW, invite("far", "2"));
        let (ack, bye) = (request("ACK", "near", 101), request("BYE", "near", 102));
        assert!(meddler.outgoing(now, FLOW, ack.clone()).is_empty());
        let other = request("BYE", "far", 102);
        assert_eq!(meddler.outgoing(now, FLOW, other.clone()), sent(other), "the BYE of the other leg frees nothing");
        assert_eq!(meddler.outgoing(now, FLOW, bye.clone()), [sent(bye), sent(ack)].concat());
    }

    #[test]
    fn a_repeat_by_another_way_differs_in_its_branch_alone() {
        let now = Instant::now();
        let after = Duration::from_millis(100);
        let mut meddler = meddler(Kind::request(Method::Invite), Deed::Repeat { after, branch: Branch::Other });
        let bytes = invite("near", "1");
        assert_eq!(meddler.outgoing(now, FLOW, bytes.clone()), sent(bytes.clone()));
        assert_eq!(meddler.poll_timeout(), Some(now + after));
        let acts = meddler.handle_timeout(now + after);
        let [Act::Send { bytes: again, .. }] = acts.as_slice() else { panic!("{acts:?}") };
        let (first, again) = (Message::parse(&bytes).unwrap(), Message::parse(again).unwrap());
        assert_ne!(first.via().unwrap().branch(), again.via().unwrap().branch());
        let rest = |message: &Message| message.headers().skip(1).map(|f| f.raw().to_vec()).collect::<Vec<_>>();
        assert_eq!(rest(&first), rest(&again));
    }

    #[test]
    fn answers_of_the_recorder_are_named_by_their_request_and_status() {
        let now = Instant::now();
        let kind = Kind::answer(Method::Invite, Answer::With(200));
        let mut meddler = meddler_by(Pick { times: 9, ..Pick::first(kind) }, Deed::Lose);
        meddler.outgoing(now, FLOW, invite("near", "1"));
        let answer = |start: &str, cseq: &str| Message::parse(&message(start, "near", "1", cseq, ";tag=b")).unwrap();
        assert_eq!(meddler.incoming(now, FLOW, &answer("SIP/2.0 180 Ringing", "101 INVITE")).len(), 1);
        assert!(meddler.incoming(now, FLOW, &answer("SIP/2.0 200 OK", "101 INVITE")).is_empty());
        assert!(meddler.incoming(now, FLOW, &answer("SIP/2.0 200 OK", "101 INVITE")).is_empty());
        assert_eq!(meddler.incoming(now, FLOW, &answer("SIP/2.0 200 OK", "102 INVITE")).len(), 1, "of a re-INVITE");
        assert_eq!(meddler.incoming(now, FLOW, &answer("SIP/2.0 200 OK", "102 BYE")).len(), 1);
    }

    #[test]
    fn two_messages_leave_in_one_piece_and_a_filled_one_is_whole() {
        let now = Instant::now();
        let mut joining =
            meddler_by(Pick { leg: Some(Leg::Near), ..Pick::first(Kind::request(Method::Invite)) }, Deed::WithNext);
        let (near, far) = (invite("near", "1"), invite("far", "2"));
        assert!(joining.outgoing(now, FLOW, near.clone()).is_empty());
        assert_eq!(joining.outgoing(now, FLOW, far.clone()), sent([near.clone(), far].concat()));
        let mut filling = meddler(Kind::request(Method::Invite), Deed::Fill(3000));
        let acts = filling.outgoing(now, FLOW, near);
        let [Act::Send { bytes, .. }] = acts.as_slice() else { panic!("{acts:?}") };
        assert_eq!(bytes.len(), 3000);
        assert!(Message::parse(bytes).unwrap().header("X-Filler").is_some());
    }

    #[test]
    fn a_recording_is_given_up_so_long_after_the_message_that_was_named() {
        let now = Instant::now();
        let after = Duration::from_millis(50);
        let mut meddler = meddler(Kind::request(Method::Invite), Deed::ThenGiveUp(after));
        let bytes = invite("near", "1");
        assert_eq!(meddler.outgoing(now, FLOW, bytes.clone()), sent(bytes));
        assert_eq!(meddler.handle_timeout(now + after), [Act::GiveUp { call_id: "near@192.0.2.5".to_owned() }]);
    }
}
