//! Recordings that run: which legs they have, and what is known of them.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use rand_core::Rng;
use sip::{Message, Transport};

use super::leg::Slot;
use super::media::Local;
use super::pairing::{self, Key, Parameters};
use super::{LegId, Output, RecordingId, Sessions, participants};
use crate::fault::Fault;
use crate::legs::{Media, Protection, Report};
use crate::metadata::{self, Alarm, Change, Recording, Side, Status, Thresholds, Trouble};
use crate::times;

/// Changes of the parameters kept of one leg; a peer must not fill the memory.
const CHANGES: usize = 64;

/// Alarms kept of one recording.
const ALARMS: usize = 64;

/// By how much an INVITE may overtake the BYEs before it, in microseconds: by their retransmissions (RFC 3261 §17.1.2.1).
const OVERTAKEN_US: i64 = 2_000_000;

/// A recording that runs.
pub(super) struct Open {
    key: Key,
    started: Instant,
    metadata: Recording,
    /// The sides that came; one that ended does not come again.
    taken: [bool; 2],
    /// Legs whose port is not closed.
    live: usize,
    /// The node that its first INVITE came from.
    node: Option<IpAddr>,
    /// When it is alarming that only one leg came; none once that is said, or both came.
    one_leg_at: Option<Instant>,
}

impl Sessions {
    /// The recording that a new leg of this side belongs to, where it runs already. Where a call came twice, as after a
    /// failover, several wait for their second leg: the newest of the same node is meant, else the newest of all. A node that
    /// invites a voice again whose dialog never stood has given that one up, and means the same recording.
    pub(super) fn recording_for(&self, key: &Key, side: Side, node: Option<IpAddr>) -> Option<RecordingId> {
        let is_again = |open: &Open| {
            // fault: it is another call.
            let counts = !matches!(self.config.fault, Fault::TakeRetryForCall | Fault::TakeRepeatForCall);
            counts && open.node == node && open.metadata.leg(side).is_some_and(|leg| leg.acknowledged.is_none())
        };
        let fits = |open: &Open| open.key == *key && (!open.taken[side.channel()] || is_again(open));
        let fitting = self.recordings.iter().filter(|(_, open)| fits(open));
        fitting.max_by_key(|(id, open)| (open.node == node, **id)).map(|(id, _)| *id)
    }

    /// The name of a running recording in which the same voice of the same call is still being received.
    fn same_voice(&self, key: &Key, side: Side) -> Option<String> {
        let is_heard = |id| self.legs.values().any(|leg| leg.recording == id && leg.side == side && leg.is_open());
        let same = self.recordings.iter().find(|(id, open)| open.key == *key && is_heard(**id));
        same.map(|(_, open)| open.metadata.id.clone())
    }

    /// The newest running recording of the same talk at the other phone.
    fn mirror(&self, key: &Key) -> Option<RecordingId> {
        let is_open = |id| self.legs.values().any(|leg| leg.recording == id && leg.is_open());
        let is_mirror = |id: &RecordingId, open: &Open| open.key.mirrors(key) && is_open(*id);
        self.recordings.iter().rev().find(|(id, open)| is_mirror(id, open)).map(|(id, _)| *id)
    }

    /// Begins a recording with the first leg's INVITE.
    pub(super) fn begin(
        &mut self,
        now: Instant,
        (key, side): (Key, Side),
        node: Option<IpAddr>,
        (parameters, tag): (&Parameters, &str),
    ) -> RecordingId {
        let recording = RecordingId(self.number());
        let started_us = self.wall_us(now);
        let refci = parameters.text("x-refci");
        let chance = self.rng.next_u32() as u16;
        let name = pairing::name(&times::stamp(started_us), refci.as_deref(), chance);
        // fault: it is a call of its own.
        let (call, segment) =
            self.config.fault.call_of(&name, self.calls.begin(now, &name, parameters, (tag, self.config.fault)));
        let mirror = self.mirror(&key).and_then(|other| self.recordings.get_mut(&other));
        let mirror = mirror.map(|other| {
            other.metadata.mirror = Some(name.clone());
            other.metadata.id.clone()
        });
        let started = times::rfc3339(started_us);
        let mut metadata = Recording {
            status: Status::Failed,
            started: started.clone(),
            call,
            segment,
            duplicate_of: self.same_voice(&key, side),
            mirror,
            cluster_id: parameters.text("x-nearendclusterid"),
            refci,
            farend_refci: parameters.text("x-farendrefci"),
            near: parameters.near(),
            far: parameters.far(),
            thresholds: Thresholds::of(&self.config),
            ..Recording::blank(&name)
        };
        if metadata.duplicate_of.is_some() {
            metadata.flag("duplicate");
        }
        participants::note(&mut metadata, &started, parameters);
        // fault: a bridge is a party like any other.
        if !self.config.fault.sees_focus() {
            metadata.far.conference = false;
            metadata.participants.iter_mut().for_each(|one| one.party.conference = false);
        }
        let begun = Output::Begin { recording, started: now, started_us, metadata: Box::new(metadata.clone()) };
        self.outputs.push_back(begun);
        let one_leg_at = Some(now + self.config.one_leg_after);
        let open = Open { key, started: now, metadata, taken: [false; 2], live: 0, node, one_leg_at };
        self.recordings.insert(recording, open);
        recording
    }

    /// Adds a leg to a recording; returns its place among the metadata's legs.
    pub(super) fn add_leg(&mut self, recording: RecordingId, leg: metadata::Leg) -> Slot {
        let Some(open) = self.recordings.get_mut(&recording) else { return Slot::Leg(0) };
        open.taken[leg.side.channel()] = true;
        open.live += 1;
        // The near party's name may be told only by a header of the second dialog.
        if open.metadata.near.name.is_none() {
            open.metadata.near.name = leg.remote_party_id.as_deref().and_then(display);
            let near = open.metadata.participants.iter_mut().find(|one| one.side == Side::Near);
            near.into_iter().for_each(|one| one.party.name.clone_from(&open.metadata.near.name));
        }
        if open.taken == [true; 2] {
            open.one_leg_at = None;
        }
        let Some(at) = open.metadata.legs.iter().position(|before| before.side == leg.side) else {
            open.metadata.legs.push(leg);
            return Slot::Leg(open.metadata.legs.len() - 1);
        };
        // It takes the place of the one before; what becomes of that one's dialog is told among the attempts.
        let before = std::mem::replace(&mut open.metadata.legs[at], leg);
        open.metadata.attempts.push(before);
        open.metadata.flag("leg-again");
        let attempt = Slot::Attempt(open.metadata.attempts.len() - 1);
        let superseded = |leg: &&mut super::Leg| leg.recording == recording && leg.slot == Slot::Leg(at);
        self.legs.values_mut().filter(superseded).for_each(|leg| leg.slot = attempt);
        Slot::Leg(at)
    }

    /// Marks something odd of a recording.
    pub(super) fn flag(&mut self, recording: RecordingId, word: &str) {
        if let Some(open) = self.recordings.get_mut(&recording) {
            open.metadata.flag(word);
        }
    }

    /// When a recording began.
    pub(super) fn started(&self, recording: RecordingId) -> Option<Instant> {
        self.recordings.get(&recording).map(|open| open.started)
    }

    /// Changes what is known of a leg.
    pub(super) fn note(&mut self, id: LegId, change: impl FnOnce(&mut metadata::Leg)) {
        let Some(leg) = self.legs.get(&id) else { return };
        let (recording, slot) = (leg.recording, leg.slot);
        let open = self.recordings.get_mut(&recording);
        let metadata = open.and_then(|open| match slot {
            Slot::Leg(at) => open.metadata.legs.get_mut(at),
            Slot::Attempt(at) => open.metadata.attempts.get_mut(at),
        });
        if let Some(metadata) = metadata {
            change(metadata);
        }
    }

    /// Puts the metadata into the journal as they stand.
    pub(super) fn snapshot(&mut self, id: LegId) {
        let Some(recording) = self.legs.get(&id).map(|leg| leg.recording) else { return };
        if let Some(open) = self.recordings.get(&recording) {
            let metadata = Box::new(open.metadata.clone());
            self.outputs.push_back(Output::Snapshot { recording, metadata });
        }
    }

    /// Notes what was agreed.
    pub(super) fn note_media(&mut self, id: LegId, codec: &str, media: &Media) {
        let (codec, payload_type) = (codec.to_owned(), media.formats.first().map(|(payload_type, _)| *payload_type));
        let source = media.source.map(|source| source.to_string());
        let (protection, suite) = match &media.protection {
            Protection::Srtp(crypto) => ("srtp", Some(crypto.suite.to_string())),
            Protection::Plain => ("rtp", None),
        };
        self.note(id, |leg| {
            leg.codec = Some(codec);
            leg.payload_type = payload_type;
            leg.protection = Some(protection.to_owned());
            leg.suite = suite;
            leg.signalled_source = source;
        });
    }

    /// Notes the parameters of a later request, where they have changed.
    pub(super) fn note_parameters(&mut self, now: Instant, id: LegId, request: &Message) {
        let Ok(from) = request.from_() else { return };
        let told = Parameters::of(&from);
        self.note_parties(now, id, &told);
        let parameters = told.raw();
        let (at, method) = (self.rfc3339(now), request.method().unwrap_or_default().to_owned());
        self.note(id, |leg| {
            let before = leg.changes.last().map_or(&leg.parameters, |change| &change.parameters);
            if *before != parameters && leg.changes.len() < CHANGES {
                leg.changes.push(Change { at, method, parameters });
            }
        });
    }

    /// Who takes part from now on.
    fn note_parties(&mut self, now: Instant, id: LegId, told: &Parameters) {
        let at = self.rfc3339(now);
        let Some(open) = self.legs.get(&id).and_then(|leg| self.recordings.get_mut(&leg.recording)) else { return };
        participants::note(&mut open.metadata, &at, told);
        let joins = self.calls.learn(now, &open.metadata.call.id, told);
        open.metadata.call.joins.extend(joins);
    }

    /// When the next recording is alarming for having one leg only.
    pub(super) fn one_leg_due(&self) -> Option<Instant> {
        self.recordings.values().filter_map(|open| open.one_leg_at).min()
    }

    /// Sounds the alarm for recordings that have waited long enough for their second leg.
    pub(super) fn look_for_second_legs(&mut self, now: Instant) {
        let due = |open: &Open| open.one_leg_at.is_some_and(|at| at <= now);
        let due: Vec<RecordingId> = self.recordings.iter().filter(|(_, open)| due(open)).map(|(id, _)| *id).collect();
        for recording in due {
            let Some(open) = self.recordings.get_mut(&recording) else { continue };
            open.one_leg_at = None;
            let missing = if open.taken[Side::Near.channel()] { Side::Far } else { Side::Near };
            let text = format!("no {} leg within {:?}", missing.name(), self.config.one_leg_after);
            self.alarm(now, recording, Trouble::OneLeg, (Some(missing), text));
        }
    }

    /// Notes an alarm of a leg.
    pub(super) fn on_alarm(&mut self, now: Instant, id: LegId, trouble: Trouble, text: String) {
        if let Some((recording, side)) = self.legs.get(&id).map(|leg| (leg.recording, leg.side)) {
            self.alarm(now, recording, trouble, (Some(side), text));
        }
    }

    fn alarm(&mut self, now: Instant, recording: RecordingId, trouble: Trouble, (side, text): (Option<Side>, String)) {
        // fault: all is well.
        if self.config.fault == Fault::NoAlarms {
            return;
        }
        let at = self.rfc3339(now);
        let Some(open) = self.recordings.get_mut(&recording) else { return };
        tracing::warn!("{}: {trouble}: {text}", open.metadata.id);
        self.counters.alarms += 1;
        if open.metadata.alarms.len() < ALARMS {
            open.metadata.alarms.push(Alarm { at, trouble, side, text });
            let metadata = Box::new(open.metadata.clone());
            self.outputs.push_back(Output::Snapshot { recording, metadata });
        }
    }

    /// The peer or we ended a leg: its port closes once what was on its way has come.
    pub(super) fn end(&mut self, now: Instant, id: LegId, by: &str, reason: &str) {
        let at = self.rfc3339(now);
        let Some(leg) = self.legs.get_mut(&id).filter(|leg| leg.is_open()) else { return };
        leg.state = super::State::Ended;
        let tag = leg.dialog.local_tag.clone();
        self.tags.remove(&tag);
        self.take_what_was_offered(id);
        self.note(id, |leg| {
            leg.ended = Some(at);
            leg.ended_by = Some(by.to_owned());
            leg.end_reason.get_or_insert_with(|| reason.to_owned());
        });
        self.outputs.push_back(Output::Close { leg: id });
    }

    /// A leg ends whose answer never came: what came is taken by our own offer, where that can be.
    fn take_what_was_offered(&mut self, id: LegId) {
        let Some(leg) = self.legs.get(&id).filter(|leg| leg.awaits_answer && !leg.listens) else { return };
        let recording = leg.recording;
        let Some(media) = leg.local.as_ref().and_then(Local::offered) else { return };
        self.note(id, |leg| leg.protection = Some("rtp".to_owned()));
        self.flag(recording, "no-media-answer");
        self.outputs.push_back(Output::Listen { leg: id, media: Box::new(media) });
    }

    /// A leg's port is closed. The last one ends the recording.
    pub(super) fn on_closed(&mut self, now: Instant, id: LegId, report: &Report) {
        let Some(recording) = self.legs.get(&id).map(|leg| leg.recording) else { return };
        let wall = self.started(recording).map(|started| self.wall_us(started)).unwrap_or_default();
        let moment = |us: Option<u64>| us.map(|us| times::rfc3339(wall.saturating_add_unsigned(us)));
        self.close_at_last_packet(id, moment(report.last_us));
        self.note(id, |leg| {
            leg.packets = report.packets;
            leg.sources = report.sources.iter().map(SocketAddr::to_string).collect();
            leg.ssrcs.clone_from(&report.ssrcs);
            leg.rekeyed = report.rekeyed;
            leg.first_packet = moment(report.first_us);
            leg.last_packet = moment(report.last_us);
        });
        if let Some(leg) = self.legs.remove(&id) {
            self.invites.remove(&leg.key);
            self.tags.remove(&leg.dialog.local_tag);
        }
        let Some(open) = self.recordings.get_mut(&recording) else { return };
        open.live = open.live.saturating_sub(1);
        if open.live > 0 {
            return;
        }
        let ended = self.rfc3339(now);
        if let Some(mut open) = self.recordings.remove(&recording) {
            let last = open.metadata.legs.iter().filter_map(|leg| leg.ended.clone()).max();
            open.metadata.end(last.unwrap_or(ended));
            // fault: participants that had gone are forgotten, or the time is that of the end.
            self.config.fault.at_the_end(&mut open.metadata);
            self.calls.end(now, &open.metadata.call.id);
            self.acquit(&open.metadata);
            self.outputs.push_back(Output::Finish { recording, metadata: Box::new(open.metadata) });
        }
    }

    /// A recording with sound that ends as the next one begins was no double of it: CUCM's BYE was overtaken by its next
    /// INVITE.
    fn acquit(&mut self, over: &Recording) {
        let is_heard = over.legs.iter().any(|leg| leg.packets.stored > 0);
        let Some(ended) = over.ended.as_deref().and_then(metadata::unix_us).filter(|_| is_heard) else { return };
        let suspects = self.recordings.values_mut().map(|open| &mut open.metadata);
        for next in suspects.filter(|next| next.duplicate_of.as_ref() == Some(&over.id)) {
            if metadata::unix_us(&next.started).is_some_and(|started| ended - started < OVERTAKEN_US) {
                next.duplicate_of = None;
                next.flags.retain(|flag| flag != "duplicate");
            }
        }
    }

    /// A leg that nobody ended is over with its last packet, however long we waited for more.
    fn close_at_last_packet(&mut self, id: LegId, last: Option<String>) {
        const NOBODY: [&str; 2] = ["inactivity", "session-timer"];
        let mut is_nobodys = false;
        self.note(id, |leg| {
            is_nobodys = leg.ended_by.as_deref().is_some_and(|by| NOBODY.contains(&by));
            if is_nobodys && last.is_some() {
                leg.ended = last;
            }
        });
        if let Some(recording) = self.legs.get(&id).map(|leg| leg.recording).filter(|_| is_nobodys) {
            self.flag(recording, "no-bye");
        }
    }

    /// What is known of a leg from its INVITE.
    pub(super) fn describe(
        &self,
        now: Instant,
        invite: &Message,
        side: Side,
        node: Option<(Transport, SocketAddr)>,
        parameters: &Parameters,
    ) -> metadata::Leg {
        let now_s = self.wall_us(now).div_euclid(1_000_000);
        let text = |name: &str| invite.header(name).map(|value| value.into_owned());
        let node = node.map(|(transport, peer)| format!("{} {peer}", transport.via_name().to_ascii_lowercase()));
        metadata::Leg {
            call_id: text("Call-ID").unwrap_or_default(),
            remote_tag: invite.from_().ok().and_then(|from| from.tag().map(str::to_owned)).unwrap_or_default(),
            node: node.unwrap_or_default(),
            session_id: text("Session-ID"),
            cisco_guid: text("Cisco-Guid"),
            user_agent: text("User-Agent"),
            clock_ahead_s: text("Date").and_then(|date| times::http_date(&date)).map(|date| date - now_s),
            date: text("Date"),
            p_asserted_identity: text("P-Asserted-Identity"),
            remote_party_id: text("Remote-Party-ID"),
            parameters: parameters.raw(),
            invited: self.rfc3339(now),
            ..metadata::Leg::blank(side)
        }
    }
}

/// The display name of a Remote-Party-ID.
fn display(value: &str) -> Option<String> {
    value.parse::<sip::NameAddr>().ok()?.display.filter(|name| !name.is_empty())
}
