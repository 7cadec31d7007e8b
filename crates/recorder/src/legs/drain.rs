//! The one loop that empties all media sockets.
//!
//! Every few milliseconds each socket is read until it is empty; what is genuine goes, in batches, to the store. A
//! leg costs no task and no timer: lingering and inactivity are looked at in passing. On the machine's network the
//! loop has a thread of its own, over the simulated network it is a task; both are `wire`'s pacer.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;
use wire::{MediaSocket, Pace};

use super::former::Former;
use super::receiver::{DATAGRAM, Receiver as Leg};
use super::{Media, Report};
use crate::fault::Fault;
use crate::metadata::{Side, Trouble};
use crate::session::{LegId, RecordingId};
use crate::store;
use crate::store::writer::Store;

/// How often the sockets are read.
pub(crate) const PERIOD: Duration = Duration::from_millis(4);
/// The pause while there is no leg; a command wakes the loop.
const IDLE: Duration = Duration::from_secs(1);
/// How often packets go to the store, and from how many bytes on at once.
const FLUSH_EVERY: Duration = Duration::from_millis(100);
const FLUSH_AT: usize = 64 << 10;
/// RTCP is only counted, so its sockets are read seldom: every so many rounds.
const RTCP_ROUNDS: u64 = 64;
/// Datagrams read from one socket in a row, so that a flood on one leg cannot starve the others.
const BATCH: usize = 256;

/// What the loop is told.
pub(crate) enum Command {
    /// A port pair is open.
    Open(Box<Port>),
    /// A leg's keys are known.
    Listen { leg: LegId, media: Box<Media> },
    /// A leg is over: its port closes at this time.
    Close { leg: LegId, at: Instant },
    /// For the store, in order with the packets.
    Store(store::Command),
    /// Write what is left and end.
    Stop,
}

/// A leg's sockets.
pub(crate) struct Port {
    pub(crate) leg: LegId,
    pub(crate) recording: RecordingId,
    pub(crate) rtp: MediaSocket,
    pub(crate) rtcp: MediaSocket,
    pub(crate) receiver: Leg,
    /// When it began to linger, and when it closes.
    pub(crate) closes: Option<(Instant, Instant)>,
    /// When silence was told of last.
    pub(crate) silent: Option<Instant>,
    /// What was said to be alarming: the silence since this packet, and failed authentication.
    pub(crate) no_media_since: Option<Instant>,
    pub(crate) not_authentic: bool,
}

impl Port {
    /// The sockets of a leg whose recording began at `origin`.
    pub(crate) fn new(
        leg: LegId,
        (recording, side, origin): (RecordingId, Side, Instant),
        (rtp, rtcp): (MediaSocket, MediaSocket),
        fault: Fault,
        now: Instant,
    ) -> Self {
        Self {
            leg,
            recording,
            rtp,
            rtcp,
            receiver: Leg::new(side, fault, origin, now),
            closes: None,
            silent: None,
            no_media_since: None,
            not_authentic: false,
        }
    }
}

impl Port {
    /// What is alarming about the leg's media, each said once.
    fn alarms(&mut self, now: Instant, patience: Patience) -> [Option<Notice>; 2] {
        let (leg, heard) = (self.leg, self.receiver.heard());
        let is_silent = self.closes.is_none()
            && !self.receiver.waits()
            && now.saturating_duration_since(heard) >= patience.no_media;
        let silence = (is_silent && self.no_media_since != Some(heard)).then(|| {
            self.no_media_since = Some(heard);
            let text = format!("no genuine packet for {:?}", patience.no_media);
            Notice::Alarm { leg, trouble: Trouble::NoMedia, text }
        });
        let failed = self.receiver.auth_failed();
        let failures = (failed >= patience.auth_failures && !self.not_authentic).then(|| {
            self.not_authentic = true;
            let text = format!("{failed} packets failed authentication");
            Notice::Alarm { leg, trouble: Trouble::AuthenticationFailures, text }
        });
        [silence, failures]
    }
}

/// What the loop tells.
#[derive(Debug)]
pub(crate) enum Notice {
    /// No genuine packet for the time-out.
    Silent { leg: LegId },
    /// Something alarming.
    Alarm { leg: LegId, trouble: Trouble, text: String },
    /// The port is closed.
    Closed { leg: LegId, report: Box<Report> },
}

/// When a leg's media are worth a word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Without a genuine packet for so long, the leg may be dead.
    pub(crate) inactivity: Duration,
    /// Without one for so long, it is alarming.
    pub(crate) no_media: Duration,
    /// So many packets that fail authentication are.
    pub(crate) auth_failures: u64,
}

/// The loop's state.
pub(crate) struct Drain {
    commands: Receiver<Command>,
    notices: UnboundedSender<Notice>,
    store: Option<Store>,
    patience: Patience,
    ports: Vec<Port>,
    /// What ports without a leg had before, by their number.
    former: BTreeMap<u16, Former>,
    pending: BTreeMap<RecordingId, Vec<u8>>,
    flushed: Option<Instant>,
    round: u64,
    buffer: Vec<u8>,
}

impl Drain {
    pub(crate) fn new(
        commands: Receiver<Command>,
        notices: UnboundedSender<Notice>,
        store: Store,
        patience: Patience,
    ) -> Self {
        Self {
            commands,
            notices,
            store: Some(store),
            patience,
            ports: Vec::new(),
            former: BTreeMap::new(),
            pending: BTreeMap::new(),
            flushed: None,
            round: 0,
            buffer: vec![0; DATAGRAM],
        }
    }

    /// One round.
    pub(crate) fn round(&mut self, due: Instant, now: Instant) -> Pace {
        if self.take_commands(now) {
            self.stop(now);
            return Pace::Stop;
        }
        self.round += 1;
        self.read_all(now);
        self.look_at_the_clock(now);
        if self.flushed.is_none_or(|before| now.saturating_duration_since(before) >= FLUSH_EVERY) {
            self.flush(now);
        }
        let pause = if self.ports.is_empty() { IDLE } else { PERIOD };
        Pace::Next((due + pause).max(now))
    }

    /// Runs what was commanded; whether to stop. A dropped sender stops too.
    fn take_commands(&mut self, now: Instant) -> bool {
        loop {
            match self.commands.try_recv() {
                Ok(Command::Open(port)) => self.open(*port),
                Ok(Command::Listen { leg, media }) => self.listen(now, leg, &media),
                Ok(Command::Close { leg, at }) => {
                    if let Some(port) = self.ports.iter_mut().find(|port| port.leg == leg) {
                        port.closes = Some((now, at));
                    }
                }
                Ok(Command::Store(command)) => {
                    self.flush(now);
                    self.store(now, command);
                }
                Ok(Command::Stop) | Err(TryRecvError::Disconnected) => return true,
                Err(TryRecvError::Empty) => return false,
            }
        }
    }

    fn open(&mut self, mut port: Port) {
        if let Some(former) = self.former.remove(&port.rtp.local_addr().port()) {
            port.receiver.follow(former);
        }
        self.ports.push(port);
    }

    fn listen(&mut self, now: Instant, leg: LegId, media: &Media) {
        // What lies in the socket came under the old keys.
        self.read_all(now);
        if let Some(port) = self.ports.iter_mut().find(|port| port.leg == leg) {
            port.receiver.listen(now, media, self.pending.entry(port.recording).or_default());
        }
    }

    fn read_all(&mut self, now: Instant) {
        let is_rtcp_round = self.round.is_multiple_of(RTCP_ROUNDS);
        for port in &mut self.ports {
            let out = self.pending.entry(port.recording).or_default();
            for _ in 0..BATCH {
                let Some((len, from)) = port.rtp.try_recv(&mut self.buffer) else { break };
                port.receiver.datagram(now, &mut self.buffer, len, from, out);
            }
            if is_rtcp_round {
                count_rtcp(port, &mut self.buffer);
            }
        }
        if self.pending.values().any(|bytes| bytes.len() >= FLUSH_AT) {
            self.flush(now);
        }
    }

    /// Legs whose lingering is over, and legs without media.
    fn look_at_the_clock(&mut self, now: Instant) {
        let mut at = 0;
        while at < self.ports.len() {
            let port = &mut self.ports[at];
            if port.closes.is_some_and(|(_, closes)| closes <= now) {
                self.close(now, at);
                continue;
            }
            let heard = port.receiver.heard();
            let since = port.silent.map_or(heard, |told| told.max(heard));
            if port.closes.is_none() && now.saturating_duration_since(since) >= self.patience.inactivity {
                port.silent = Some(now);
                let notice = Notice::Silent { leg: port.leg };
                self.tell(notice);
            }
            let alarms = self.ports[at].alarms(now, self.patience);
            alarms.into_iter().flatten().for_each(|alarm| self.tell(alarm));
            at += 1;
        }
    }

    fn close(&mut self, now: Instant, at: usize) {
        let mut port = self.ports.remove(at);
        count_rtcp(&mut port, &mut self.buffer);
        // The packets go before the notice, so that they are in the journal when the recording is finished.
        self.flush(now);
        let report = Box::new(port.receiver.report());
        let since = port.closes.map_or(now, |(since, _)| since);
        let former = port.receiver.leave(since + now.saturating_duration_since(since) / 2);
        if !former.is_empty() {
            self.former.insert(port.rtp.local_addr().port(), former);
        }
        self.tell(Notice::Closed { leg: port.leg, report });
    }

    fn flush(&mut self, now: Instant) {
        self.flushed = Some(now);
        for (recording, bytes) in std::mem::take(&mut self.pending) {
            if !bytes.is_empty() {
                self.store(now, store::Command::Append { recording, bytes });
            }
        }
    }

    fn store(&mut self, now: Instant, command: store::Command) {
        if let Some(store) = &mut self.store {
            store.handle(now, command);
        }
    }

    fn tell(&self, notice: Notice) {
        // Nobody listens once the recorder is gone.
        let _ = self.notices.send(notice);
    }

    fn stop(&mut self, now: Instant) {
        while !self.ports.is_empty() {
            self.close(now, 0);
        }
        self.flush(now);
        if let Some(store) = self.store.take() {
            store.close();
        }
    }
}

/// Counts what came on a leg's RTCP port, within the same bound.
fn count_rtcp(port: &mut Port, buffer: &mut [u8]) {
    for _ in 0..BATCH {
        if port.rtcp.try_recv(buffer).is_none() {
            return;
        }
        port.receiver.rtcp();
    }
}
