//! One leg's port: which datagrams are genuine packets of the call.
//!
//! Source address and SSRC are learned from the first packet that proves itself, never from the SDP: CUCM writes
//! dummy ports there. On an SRTP leg the tag is the proof. On a plain leg there is none; the first RTP packet latches
//! its source, unless it is one of a call that is over ([`former`](super::former)), who was told takes over ([`Plain`]), and
//! everybody else is foreign from then on. What comes before the keys are known is kept, within bounds, and judged when they are.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use media::rtp;
use media::srtp::SrtpError;

use super::former::{Former, Streams};
use super::plain::Plain;
use super::secure::{Opened, Secure, ssrc_of};
use super::stream::{Place, Stream};
use super::{Media, Protection, REMEMBERED, Report};
use crate::config::Codec;
use crate::fault::Fault;
use crate::journal::{self, Packet};
use crate::metadata::Side;

/// Bytes kept before the keys are known: more than 64*T1 of G.711 in packets of 10 ms, after which a leg without ACK is
/// given up.
const EARLY_BYTES: usize = 1 << 20;
/// Packets kept that no key opened, and those of no payload type agreed on: five seconds of one stream each.
const UNPROVEN: usize = 256;
/// How long a key, or what a payload type stands for, may be on its way behind the first packets under it.
const ANSWER_ON_ITS_WAY: Duration = Duration::from_secs(5);
/// The longest payload that is sound: 200 ms at 64 kbit/s (RFC 3551 §4.2).
const LONGEST_PAYLOAD: usize = 1600;
/// The longest datagram that is looked at.
pub(crate) const DATAGRAM: usize = 2048;

/// A packet that came before the keys.
struct Early {
    at: Instant,
    bytes: Vec<u8>,
    from: SocketAddr,
}

enum Mode {
    /// The packets kept, and their bytes.
    Waiting(Vec<Early>, usize),
    Srtp(Box<Secure>),
    Plain(Plain),
}

/// What a datagram turned out to be.
enum Proof {
    /// Genuine; the plain packet is in the buffer.
    Genuine(Opened),
    /// Not; counted already.
    Refused,
    /// No key opens it, or not yet: it stands in the buffer as it came.
    Unproven,
}

/// A genuine packet of no payload type agreed on, and its place in its stream.
struct Unnamed {
    at: Instant,
    place: (u16, u64),
    bytes: Vec<u8>,
}

/// One leg's port.
pub(crate) struct Receiver {
    side: Side,
    fault: Fault,
    origin: Instant,
    mode: Mode,
    /// The payload types agreed in this leg: packets under the one before may still be on their way.
    formats: Vec<(u8, Codec)>,
    streams: Vec<Stream>,
    /// The last packets that no key opened: their key may be on its way.
    unproven: VecDeque<Early>,
    /// The last genuine packets whose payload type stands for nothing: a codec may be agreed on behind them.
    unnamed: VecDeque<Unnamed>,
    /// The last packet that was far from its stream: the first of a new sequence, if the next one follows it.
    odd: Option<Early>,
    /// The epoch of streams to come.
    epoch: u16,
    /// What the port's call before left behind.
    former: Former,
    /// What came, from whom.
    came: Streams,
    report: Report,
    heard: Instant,
    /// Packets written again by [`Fault::AcceptReplays`].
    again: u32,
    /// Packets still to be lost by [`Fault::LoseAfterRekey`].
    to_lose: u32,
    /// The source that CUCM told, for [`Fault::TrustToldPort`].
    told: Option<SocketAddr>,
}

impl Receiver {
    /// A port without keys, opened at `now` for a recording that began at `origin`.
    pub(crate) fn new(side: Side, fault: Fault, origin: Instant, now: Instant) -> Self {
        Self {
            side,
            fault,
            origin,
            mode: Mode::Waiting(Vec::new(), 0),
            formats: Vec::new(),
            streams: Vec::new(),
            unproven: VecDeque::new(),
            unnamed: VecDeque::new(),
            odd: None,
            epoch: 0,
            former: Former::default(),
            came: Streams::default(),
            report: Report::default(),
            heard: now,
            again: 0,
            to_lose: 0,
            told: None,
        }
    }

    /// The port had another leg before.
    pub(crate) fn follow(&mut self, former: Former) {
        self.former = former;
    }

    /// What the next leg of the port must know of this one, which was to be over at `overdue`.
    pub(crate) fn leave(self, overdue: Instant) -> Former {
        let keys = match self.mode {
            // fault: what was known of a port stays known.
            Mode::Srtp(secure) if self.fault == Fault::StoreStale => Some(secure),
            _ => None,
        };
        Former::new(&self.came, overdue, keys)
    }

    /// Offer and answer have met, for the first time or again. Genuine packets among those kept are appended to
    /// `out`.
    pub(crate) fn listen(&mut self, now: Instant, media: &Media, out: &mut Vec<u8>) {
        self.told = media.source;
        let first = self.formats.first().map(|(_, codec)| *codec);
        for format in &media.formats {
            // fault: nothing but the first codec is decoded.
            if let (Some(first), Fault::FirstCodecOnly) = (first, self.fault) {
                self.formats.push((format.0, first));
                continue;
            }
            // A payload type stands for what was agreed last.
            self.formats.retain(|(known, _)| *known != format.0);
            self.formats.push(*format);
        }
        self.judge_unnamed(now, out);
        let mode = match (&media.protection, &mut self.mode) {
            // fault: what is in force is begun anew.
            (Protection::Srtp(crypto), Mode::Srtp(secure)) if secure.has(crypto) && self.fault != Fault::ResetKeys => {
                return;
            }
            // fault: another key is not taken.
            (Protection::Srtp(_), Mode::Srtp(_)) if self.fault == Fault::KeepFirstKey => return,
            (Protection::Srtp(crypto), _) => match Secure::new(crypto, self.fault) {
                Some(secure) => Mode::Srtp(Box::new(secure)),
                // Offer and answer chose no line that cannot be used.
                None => return,
            },
            (Protection::Plain, Mode::Plain(plain)) if plain.is_told(media.source) => return,
            (Protection::Plain, _) => Mode::Plain(Plain::new(media.source)),
        };
        let before = std::mem::replace(&mut self.mode, mode);
        // fault: the keys of the call before open packets of this one.
        if let (Mode::Waiting(..), Mode::Srtp(secure), Some(former)) =
            (&before, &mut self.mode, self.former.keys.take())
        {
            secure.follow(now, *former);
        }
        self.streams.iter_mut().for_each(Stream::may_restart);
        match (before, &mut self.mode) {
            (Mode::Waiting(early, _), _) => self.judge_early(early, out),
            // fault: what was known of the key is forgotten.
            (Mode::Srtp(_), Mode::Srtp(_)) if self.fault == Fault::ResetKeys => {}
            (Mode::Srtp(old), Mode::Srtp(new)) => {
                new.follow(now, *old);
                self.judge_unproven(now, out);
                self.report.rekeyed += 1;
                // fault: what comes first is lost.
                self.to_lose = if self.fault == Fault::LoseAfterRekey { 10 } else { 0 };
            }
            _ => {}
        }
    }

    /// Whether the keys are still to come: what has come until then proves nothing.
    pub(crate) fn waits(&self) -> bool {
        matches!(self.mode, Mode::Waiting(..))
    }

    fn judge_early(&mut self, early: Vec<Early>, out: &mut Vec<u8>) {
        for Early { at, mut bytes, from } in early {
            let len = bytes.len();
            // fault: what came early goes to the file as it came.
            if self.fault == Fault::EarlyNoise {
                self.store(at, &bytes, from, true, out);
                continue;
            }
            self.judge(at, &mut bytes, len, from, out);
        }
    }

    /// A peer sends under its new key as soon as it has ours; what tells us its own may come later.
    fn judge_unproven(&mut self, now: Instant, out: &mut Vec<u8>) {
        for Early { at, mut bytes, from } in std::mem::take(&mut self.unproven) {
            if now.saturating_duration_since(at) > ANSWER_ON_ITS_WAY {
                continue;
            }
            let len = bytes.len();
            self.report.packets.auth_failed -= 1;
            self.judge(at, &mut bytes, len, from, out);
        }
    }

    /// A peer sends in its new codec as soon as it has our answer; the ACK that agrees on it may come later (RFC 3264 §8).
    fn judge_unnamed(&mut self, now: Instant, out: &mut Vec<u8>) {
        for unnamed in std::mem::take(&mut self.unnamed) {
            if now.saturating_duration_since(unnamed.at) > ANSWER_ON_ITS_WAY {
                continue;
            }
            let Ok(packet) = rtp::Packet::parse(&unnamed.bytes) else { continue };
            if self.codec_of(&packet).is_none() {
                self.unnamed.push_back(unnamed);
                continue;
            }
            self.report.packets.other_payload -= 1;
            self.store_in_order(unnamed.at, unnamed.place, &packet, out);
        }
    }

    fn keep_unnamed(&mut self, at: Instant, place: (u16, u64), packet: &[u8]) {
        if self.unnamed.len() >= UNPROVEN {
            self.unnamed.pop_front();
        }
        self.unnamed.push_back(Unnamed { at, place, bytes: packet.to_vec() });
    }

    fn keep_unproven(&mut self, at: Instant, packet: &[u8], from: SocketAddr) {
        if self.unproven.len() >= UNPROVEN {
            self.unproven.pop_front();
        }
        self.unproven.push_back(Early { at, bytes: packet.to_vec(), from });
    }

    /// Takes a datagram, `buf[..len]`; a genuine packet is appended to `out` as a journal record.
    pub(crate) fn datagram(&mut self, now: Instant, buf: &mut [u8], len: usize, from: SocketAddr, out: &mut Vec<u8>) {
        self.report.packets.received += 1;
        // The padding of an SRTP packet is encrypted (RFC 3711 §3.1): it is judged once the packet is opened.
        if rtp::header_len(&buf[..len]).is_err() {
            self.report.packets.malformed += 1;
            return;
        }
        if let Mode::Waiting(early, bytes) = &mut self.mode {
            self.report.packets.before_ack += 1;
            if *bytes + len <= EARLY_BYTES {
                *bytes += len;
                early.push(Early { at: now, bytes: buf[..len].to_vec(), from });
            } else {
                self.report.packets.early_overflow += 1;
            }
            return;
        }
        self.judge(now, buf, len, from, out);
    }

    fn judge(&mut self, at: Instant, buf: &mut [u8], len: usize, from: SocketAddr, out: &mut Vec<u8>) {
        // fault: what does not prove itself is written as well, or what proved itself before.
        let copy =
            matches!(self.fault, Fault::IgnoreAuthentication | Fault::AcceptReplays).then(|| buf[..len].to_vec());
        let replayed = self.report.packets.replayed;
        let ssrc = ssrc_of(&buf[..len]).unwrap_or_default();
        self.came.note(at, from, ssrc);
        // fault: a call that is over is heard as well.
        let is_stale = self.fault != Fault::StoreStale && self.former.has(from, ssrc);
        let proof = match &mut self.mode {
            Mode::Srtp(secure) => unseal(secure, at, buf, len, &mut self.report),
            Mode::Plain(_) if rtp::Packet::parse(&buf[..len]).is_err() => {
                self.report.packets.malformed += 1;
                return;
            }
            Mode::Plain(plain) => {
                // fault: every source is taken.
                if !is_stale && (plain.admits(from) || self.fault == Fault::StoreStale) {
                    Proof::Genuine(Opened { len, restarts: false })
                } else {
                    self.report.packets.foreign += 1;
                    Proof::Refused
                }
            }
            Mode::Waiting(..) => Proof::Refused,
        };
        if matches!(proof, Proof::Unproven) {
            self.keep_unproven(at, &buf[..len], from);
        }
        match (proof, copy) {
            (Proof::Genuine(opened), _) => {
                let trusted = matches!(self.mode, Mode::Srtp(_));
                if opened.restarts {
                    self.restart(&buf[..opened.len]);
                }
                self.store(at, &buf[..opened.len], from, trusted, out);
            }
            // fault: what did not prove itself is written as it came.
            (Proof::Refused | Proof::Unproven, Some(copy)) if self.fault == Fault::IgnoreAuthentication => {
                self.store(at, &copy, from, false, out);
            }
            (Proof::Refused, Some(copy)) if self.report.packets.replayed > replayed => self.store_again(at, copy, out),
            (Proof::Refused | Proof::Unproven, _) => {}
        }
    }

    /// Writes a genuine packet, once.
    fn store(&mut self, at: Instant, bytes: &[u8], from: SocketAddr, trusted: bool, out: &mut Vec<u8>) {
        let sound = rtp::Packet::parse(bytes).ok().filter(|packet| packet.payload().len() <= LONGEST_PAYLOAD);
        let Some(packet) = sound else {
            self.report.packets.malformed += 1;
            return;
        };
        let arrival_us = self.arrival_us(at);
        self.heard = at;
        self.report.first_us.get_or_insert(arrival_us);
        remember(&mut self.report.sources, from);
        remember(&mut self.report.ssrcs, packet.ssrc());
        // fault: what is strange is not written.
        let is_strange = match self.fault {
            Fault::FirstSourceOnly => self.report.ssrcs.first() != Some(&packet.ssrc()),
            Fault::TrustToldPort => self.told.is_some_and(|told| told != from),
            _ => self.to_lose > 0,
        };
        self.to_lose = self.to_lose.saturating_sub(1);
        if is_strange {
            self.report.packets.not_stored += 1;
            return;
        }
        // fault: nothing begins anew, in clear either.
        if self.fault == Fault::TakeRestartForReplay && !trusted && self.is_far(&packet) {
            self.report.packets.duplicate += 1;
            return;
        }
        let (place, how) = self.order(&packet, trusted);
        match how {
            Place::Repeated => return,
            Place::Odd => {
                self.odd = Some(Early { at, bytes: bytes.to_vec(), from });
                return;
            }
            Place::Restarted => self.admit_odd(place, &packet, out),
            Place::Next | Place::Late => {}
        }
        self.keep(at, place, (&packet, bytes), out);
    }

    /// The sequence of this packet began anew with the odd one before it. RFC 3550 A.1 lets that one go; a recorder has its audio.
    fn admit_odd(&mut self, (epoch, index): (u16, u64), second: &rtp::Packet<'_>, out: &mut Vec<u8>) {
        let Some(Early { at, bytes, .. }) = self.odd.take() else { return };
        let Ok(first) = rtp::Packet::parse(&bytes) else { return };
        if (first.ssrc(), first.sequence().wrapping_add(1)) == (second.ssrc(), second.sequence()) {
            self.report.packets.malformed -= 1;
            self.keep(at, (epoch, index - 1), (&first, &bytes), out);
        }
    }

    /// Writes a packet that has its place, as soon as its payload type stands for something.
    fn keep(&mut self, at: Instant, place: (u16, u64), (packet, bytes): (&rtp::Packet<'_>, &[u8]), out: &mut Vec<u8>) {
        let is_named = self.codec_of(packet).is_some();
        if !is_named || packet.payload().is_empty() {
            self.report.packets.other_payload += 1;
            // fault: what no codec is agreed on for is lost.
            if !is_named && !packet.payload().is_empty() && self.fault != Fault::LoseBeforeCodec {
                self.keep_unnamed(at, place, bytes);
            }
            return;
        }
        self.store_in_order(at, place, packet, out);
    }

    fn store_in_order(&mut self, at: Instant, place: (u16, u64), packet: &rtp::Packet<'_>, out: &mut Vec<u8>) {
        // fault: every n-th packet is not written.
        if !self.fault.keeps_packet(self.report.packets.stored + self.report.packets.not_stored + 1) {
            self.report.packets.not_stored += 1;
            return;
        }
        self.write(self.arrival_us(at), place, packet.timestamp(), packet, out);
    }

    /// fault: a packet that came before is written behind the newest one; what follows moves back by as much.
    fn store_again(&mut self, at: Instant, mut copy: Vec<u8>, out: &mut Vec<u8>) {
        let Mode::Srtp(secure) = &self.mode else { return };
        let Some(ssrc) = ssrc_of(&copy) else { return };
        let Some(mut fresh) = secure.fresh(ssrc, secure.roc(ssrc)) else { return };
        let len = copy.len();
        let Ok(plain) = fresh.unprotect(&mut copy, len) else { return };
        let Ok(packet) = rtp::Packet::parse(&copy[..plain]) else { return };
        let Some(stream) = self.streams.iter().find(|stream| stream.ssrc == ssrc) else { return };
        let newest = (stream.epoch, stream.highest());
        let behind = u32::from((newest.1 as u16).wrapping_sub(packet.sequence()));
        let step = packet.payload().len() as u32;
        self.again += 1;
        let timestamp = packet.timestamp().wrapping_add(behind.wrapping_mul(step));
        self.write(self.arrival_us(at), newest, timestamp, &packet, out);
    }

    fn arrival_us(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.origin).as_micros()).unwrap_or(u64::MAX)
    }

    /// Appends the journal record of a packet with this place in its stream.
    fn write(
        &mut self,
        arrival_us: u64,
        (epoch, index): (u16, u64),
        timestamp: u32,
        packet: &rtp::Packet<'_>,
        out: &mut Vec<u8>,
    ) {
        self.report.packets.stored += 1;
        self.report.last_us = self.report.last_us.max(Some(arrival_us));
        let step = packet.payload().len() as u32;
        let record = Packet {
            side: self.side,
            epoch,
            ssrc: packet.ssrc(),
            index: index + u64::from(self.again),
            timestamp: timestamp.wrapping_add(self.again.wrapping_mul(step)),
            arrival_us,
            // A dynamic payload type means nothing to who reads the journal.
            payload_type: self.codec_of(packet).map_or_else(|| packet.payload_type(), Codec::payload_type),
            marker: packet.marker(),
            payload: packet.payload(),
        };
        journal::write_packet(out, &record);
    }

    /// What a packet's payload type stands for; `None` where it is no audio.
    fn codec_of(&self, packet: &rtp::Packet<'_>) -> Option<Codec> {
        self.formats.iter().find(|(payload_type, _)| *payload_type == packet.payload_type()).map(|(_, codec)| *codec)
    }

    /// Epoch and extended number of a packet, and what it is in its stream.
    fn order(&mut self, packet: &rtp::Packet<'_>, trusted: bool) -> ((u16, u64), Place) {
        let (ssrc, sequence, timestamp) = (packet.ssrc(), packet.sequence(), packet.timestamp());
        let Some(stream) = self.streams.iter_mut().find(|stream| stream.ssrc == ssrc) else {
            let mut stream = Stream::new(ssrc, self.epoch, sequence);
            stream.say(timestamp);
            let place = (stream.epoch, stream.highest());
            self.streams.push(stream);
            if self.streams.len() > REMEMBERED {
                // Were the forgotten one to come back, it would begin another run.
                let forgotten = self.streams.remove(0);
                self.epoch = self.epoch.max(forgotten.epoch.saturating_add(1));
            }
            return (place, Place::Next);
        };
        // Behind a change of key its context knows nothing of the numbers under the key before: the time tells here, too.
        if stream.begins_near(sequence, timestamp) {
            if stream.awaits(sequence) {
                let place = stream.restart_at_odd(sequence);
                stream.say(timestamp);
                return ((stream.epoch, place), Place::Restarted);
            }
            stream.restart_before(sequence);
        }
        let (index, how) = stream.place(sequence, trusted);
        match how {
            Place::Next | Place::Restarted => stream.say(timestamp),
            Place::Late => self.report.packets.reordered += 1,
            Place::Repeated => self.report.packets.duplicate += 1,
            Place::Odd => self.report.packets.malformed += 1,
        }
        ((stream.epoch, index), how)
    }

    fn is_far(&self, packet: &rtp::Packet<'_>) -> bool {
        let stream = self.streams.iter().find(|stream| stream.ssrc == packet.ssrc());
        stream.is_some_and(|stream| {
            stream.is_far(packet.sequence()) || stream.begins_near(packet.sequence(), packet.timestamp())
        })
    }

    /// The sequence of this packet's source begins anew with it.
    fn restart(&mut self, packet: &[u8]) {
        let Ok((ssrc, sequence)) = rtp::Packet::parse(packet).map(|packet| (packet.ssrc(), packet.sequence())) else {
            return;
        };
        if let Some(stream) = self.streams.iter_mut().find(|stream| stream.ssrc == ssrc) {
            stream.restart_before(sequence);
        }
    }

    /// A datagram came to the RTCP port.
    pub(crate) fn rtcp(&mut self) {
        self.report.packets.rtcp += 1;
    }

    /// When the last genuine packet came, or the port was opened.
    pub(crate) fn heard(&self) -> Instant {
        self.heard
    }

    /// Packets that failed authentication so far.
    pub(crate) fn auth_failed(&self) -> u64 {
        self.report.packets.auth_failed
    }

    /// What the port saw.
    pub(crate) fn report(&self) -> Report {
        self.report.clone()
    }
}

fn unseal(secure: &mut Secure, now: Instant, buf: &mut [u8], len: usize, report: &mut Report) -> Proof {
    let plain_shape = looks_plain(&buf[..len]);
    let error = match secure.open(now, buf, len, report.first_us.is_none()) {
        Ok(opened) => return Proof::Genuine(opened),
        Err(error) => error,
    };
    let packets = &mut report.packets;
    match error {
        _ if plain_shape => packets.plain += 1,
        // A packet refused by its number alone was not looked at yet: it is a repeat only if the peer sealed it.
        SrtpError::Replayed | SrtpError::TooOld if secure.is_authentic(&mut buf[..len]) => packets.replayed += 1,
        error => {
            packets.auth_failed += 1;
            // Whether a packet that was refused by its number is authentic was tried in its place.
            return match error {
                SrtpError::Replayed | SrtpError::TooOld => Proof::Refused,
                _ => Proof::Unproven,
            };
        }
    }
    Proof::Refused
}

/// Whether an undecryptable packet has the shape of plain G.711: whole tens of milliseconds. No tag is that long.
fn looks_plain(packet: &[u8]) -> bool {
    rtp::Packet::parse(packet).is_ok_and(|packet| {
        let payload = packet.payload().len();
        payload > 0 && payload.is_multiple_of(80)
    })
}

fn remember<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if list.len() < REMEMBERED && !list.contains(&item) {
        list.push(item);
    }
}
