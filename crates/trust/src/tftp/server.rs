//! The serving side: any number of read transfers, one per peer address.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{BLOCK, ErrorCode, Failure, Input, Limits, Output, Packet};

/// What a server reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerEvent {
    /// A peer reads a file.
    Started {
        /// Who.
        peer: SocketAddr,
        /// Which file.
        name: String,
    },
    /// A peer has acknowledged the last block.
    Finished {
        /// Who.
        peer: SocketAddr,
        /// Which file.
        name: String,
        /// Its size in bytes.
        bytes: usize,
    },
    /// A request was answered with an error.
    Refused {
        /// Who asked.
        peer: SocketAddr,
        /// The name asked for; empty where the request could not be read.
        name: String,
        /// The error sent.
        code: ErrorCode,
        /// The message sent.
        why: String,
    },
    /// A transfer ended before its last block was acknowledged.
    Failed {
        /// Who was reading.
        peer: SocketAddr,
        /// Which file.
        name: String,
        /// Why it ended.
        why: Failure,
    },
}

type Lookup = Box<dyn FnMut(&str) -> Option<Arc<[u8]>> + Send>;

/// Serves files to phones. It answers from whatever socket its driver owns: a transfer is known by the peer's address alone.
pub struct Server {
    lookup: Lookup,
    limits: Limits,
    transfers: BTreeMap<SocketAddr, Transfer>,
    outputs: VecDeque<Output<ServerEvent>>,
}

/// One file on its way to one peer. `block` counts from 1 without wrapping; the wire has its low 16 bits.
struct Transfer {
    name: String,
    file: Arc<[u8]>,
    block: usize,
    interval: Duration,
    resend_at: Instant,
    give_up_at: Instant,
}

impl Server {
    /// Serves what `lookup` finds under a name. Names reach it checked: relative, without `..`, at most 255 bytes.
    pub fn new(limits: Limits, lookup: impl FnMut(&str) -> Option<Arc<[u8]>> + Send + 'static) -> Self {
        Self { lookup: Box::new(lookup), limits, transfers: BTreeMap::new(), outputs: VecDeque::new() }
    }

    /// Serves these files.
    pub fn with_files(limits: Limits, files: BTreeMap<String, Arc<[u8]>>) -> Self {
        Self::new(limits, move |name| files.get(name).cloned())
    }

    /// Takes a datagram, or lets the timers act.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Datagram { from, bytes } => self.on_datagram(now, from, bytes),
            Input::Timeout => self.on_timeout(now),
        }
    }

    /// The next thing to do; `None` when all is done for now.
    pub fn poll_output(&mut self) -> Option<Output<ServerEvent>> {
        self.outputs.pop_front()
    }

    /// When [`Input::Timeout`] is due; `None` while nothing is being transferred.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.transfers.values().map(|transfer| transfer.resend_at.min(transfer.give_up_at)).min()
    }

    /// Transfers that are running.
    pub fn active(&self) -> usize {
        self.transfers.len()
    }

    fn on_datagram(&mut self, now: Instant, peer: SocketAddr, bytes: &[u8]) {
        match Packet::parse(bytes) {
            Ok(Packet::Read { name, mode }) => self.on_read(now, peer, &name, &mode),
            Ok(Packet::Write { name }) => match checked(&name) {
                Ok(()) => self.refuse(peer, &name, ErrorCode::Illegal, "this server is read only"),
                Err(why) => self.refuse(peer, &name, ErrorCode::Access, why),
            },
            Ok(Packet::Ack { block }) => self.on_ack(now, peer, block),
            // An error is never answered with an error (RFC 1350 §2), nor is one from a stranger worth a word.
            Ok(Packet::Error { code, message }) => {
                if let Some(transfer) = self.transfers.remove(&peer) {
                    let why = Failure::Peer { code, message: message.into_owned() };
                    self.report(ServerEvent::Failed { peer, name: transfer.name, why });
                }
            }
            Ok(Packet::Data { .. }) => self.refuse(peer, "", ErrorCode::Illegal, "got data, expected a read request"),
            Err(error) => self.refuse(peer, "", ErrorCode::Illegal, &error.to_string()),
        }
    }

    fn on_read(&mut self, now: Instant, peer: SocketAddr, name: &str, mode: &str) {
        if let Some(running) = self.transfers.get(&peer) {
            if running.name == name && running.interval < self.limits.retry * 4 {
                // A late copy of the request that started this transfer. Only after two repetitions without an answer is
                // it taken for a phone that has started over; our timer repeats the block in the meantime.
                return;
            }
            self.abandon(peer, "a new request from the same address");
        }
        if let Err(why) = checked(name) {
            return self.refuse(peer, name, ErrorCode::Access, why);
        }
        if !mode.eq_ignore_ascii_case("octet") {
            return self.refuse(peer, name, ErrorCode::Illegal, "only octet mode is served");
        }
        if self.transfers.len() >= self.limits.transfers {
            return self.refuse(peer, name, ErrorCode::Undefined, "too many transfers at once");
        }
        let Some(file) = (self.lookup)(name) else {
            return self.refuse(peer, name, ErrorCode::NotFound, "file not found");
        };
        let name = name.to_owned();
        self.report(ServerEvent::Started { peer, name: name.clone() });
        let transfer = Transfer { name, file, block: 1, interval: self.limits.retry, resend_at: now, give_up_at: now };
        self.transfers.insert(peer, transfer);
        self.send_block(now, peer);
    }

    /// Only the block that was sent last moves the transfer on; an ACK of an earlier one is dropped, and timers do the repeating.
    fn on_ack(&mut self, now: Instant, peer: SocketAddr, block: u16) {
        let Some(transfer) = self.transfers.get_mut(&peer) else {
            return;
        };
        if wire_number(transfer.block) != block {
            return;
        }
        if transfer.is_last() {
            let (name, bytes) = (std::mem::take(&mut transfer.name), transfer.file.len());
            self.transfers.remove(&peer);
            return self.report(ServerEvent::Finished { peer, name, bytes });
        }
        transfer.block += 1;
        self.send_block(now, peer);
    }

    /// Sends the current block for the first time.
    fn send_block(&mut self, now: Instant, peer: SocketAddr) {
        if let Some(transfer) = self.transfers.get_mut(&peer) {
            transfer.interval = self.limits.retry;
            transfer.resend_at = now + transfer.interval;
            transfer.give_up_at = now + self.limits.give_up;
            self.outputs.push_back(Output::Transmit { to: peer, bytes: transfer.packet() });
        }
    }

    fn on_timeout(&mut self, now: Instant) {
        let late: Vec<SocketAddr> =
            self.transfers.iter().filter(|(_, transfer)| transfer.give_up_at <= now).map(|(peer, _)| *peer).collect();
        for peer in late {
            if let Some(transfer) = self.transfers.remove(&peer) {
                let waiting_for = format!("the ack of block {}", transfer.block);
                let why = Failure::TimedOut { waiting_for, after: self.limits.give_up };
                self.report(ServerEvent::Failed { peer, name: transfer.name, why });
            }
        }
        for (peer, transfer) in self.transfers.iter_mut().filter(|(_, transfer)| transfer.resend_at <= now) {
            transfer.interval = (transfer.interval * 2).min(self.limits.retry_longest);
            transfer.resend_at = now + transfer.interval;
            self.outputs.push_back(Output::Transmit { to: *peer, bytes: transfer.packet() });
        }
    }

    fn abandon(&mut self, peer: SocketAddr, why: &str) {
        if let Some(transfer) = self.transfers.remove(&peer) {
            self.report(ServerEvent::Failed { peer, name: transfer.name, why: Failure::Protocol(why.to_owned()) });
        }
    }

    fn refuse(&mut self, peer: SocketAddr, name: &str, code: ErrorCode, why: &str) {
        let bytes = Packet::Error { code: code.code(), message: why.into() }.to_bytes();
        self.outputs.push_back(Output::Transmit { to: peer, bytes });
        self.report(ServerEvent::Refused { peer, name: name.to_owned(), code, why: why.to_owned() });
    }

    fn report(&mut self, event: ServerEvent) {
        self.outputs.push_back(Output::Event(event));
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("limits", &self.limits).field("active", &self.active()).finish_non_exhaustive()
    }
}

impl Transfer {
    fn content(&self) -> &[u8] {
        let start = (self.block - 1).saturating_mul(BLOCK).min(self.file.len());
        &self.file[start..self.file.len().min(start + BLOCK)]
    }

    fn is_last(&self) -> bool {
        self.content().len() < BLOCK
    }

    fn packet(&self) -> Vec<u8> {
        Packet::Data { block: wire_number(self.block), bytes: self.content() }.to_bytes()
    }
}

fn wire_number(block: usize) -> u16 {
    block as u16
}

/// Whether a name stays inside the folder that is served, whatever that is.
fn checked(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || name.len() > 255 {
        return Err("the name is empty or longer than 255 bytes");
    }
    if name.chars().any(|c| c.is_control() || matches!(c, '\\' | ':' | char::REPLACEMENT_CHARACTER)) {
        return Err("the name has a character that no file here has");
    }
    if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err("the name leads out of the folder");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHONE: &str = "192.0.2.20:40000";

    struct Rig {
        server: Server,
        now: Instant,
    }

    impl Rig {
        #[expect(clippy::disallowed_methods, reason = "a test needs some instant to count from")]
        fn new(limits: Limits) -> Self {
            let file = |length: usize| Arc::from((0..length).map(|at| (at % 251) as u8).collect::<Vec<_>>());
            let names = [("empty", 0), ("short", 10), ("full", 512), ("long", 1200), ("dir/f", 3)];
            let files = names.into_iter().map(|(name, length)| (name.to_owned(), file(length))).collect();
            Self { server: Server::with_files(limits, files), now: Instant::now() }
        }

        /// Gives a datagram of the phone and returns what the server sends and reports.
        fn say(&mut self, packet: &Packet<'_>) -> (Vec<Vec<u8>>, Vec<ServerEvent>) {
            self.say_from(PHONE, &packet.to_bytes())
        }

        fn say_from(&mut self, from: &str, bytes: &[u8]) -> (Vec<Vec<u8>>, Vec<ServerEvent>) {
            self.server.handle_input(self.now, Input::Datagram { from: from.parse().unwrap(), bytes });
            self.drain()
        }

        fn wait(&mut self) -> (Vec<Vec<u8>>, Vec<ServerEvent>) {
            self.now = self.server.poll_timeout().unwrap();
            self.server.handle_input(self.now, Input::Timeout);
            self.drain()
        }

        fn drain(&mut self) -> (Vec<Vec<u8>>, Vec<ServerEvent>) {
            let mut sent = (Vec::new(), Vec::new());
            while let Some(output) = self.server.poll_output() {
                match output {
                    Output::Transmit { bytes, .. } => sent.0.push(bytes),
                    Output::Event(event) => sent.1.push(event),
                }
            }
            sent
        }
    }

    fn read(name: &str) -> Packet<'_> {
        Packet::Read { name: name.into(), mode: "octet".into() }
    }

    fn block_of(datagrams: &[Vec<u8>]) -> Option<(u16, usize)> {
        let [datagram] = datagrams else { return None };
        match Packet::parse(datagram) {
            Ok(Packet::Data { block, bytes }) => Some((block, bytes.len())),
            _ => None,
        }
    }

    #[test]
    fn a_file_goes_out_block_by_block_and_ends_with_a_short_one() {
        let mut rig = Rig::new(Limits::default());
        let (sent, events) = rig.say(&read("long"));
        assert_eq!(block_of(&sent), Some((1, 512)));
        let peer = PHONE.parse().unwrap();
        assert_eq!(events, [ServerEvent::Started { peer, name: "long".to_owned() }]);
        assert_eq!(block_of(&rig.say(&Packet::Ack { block: 1 }).0), Some((2, 512)));
        assert_eq!(block_of(&rig.say(&Packet::Ack { block: 2 }).0), Some((3, 176)));
        let (sent, events) = rig.say(&Packet::Ack { block: 3 });
        assert_eq!(events, [ServerEvent::Finished { peer, name: "long".to_owned(), bytes: 1200 }]);
        assert_eq!((sent.len(), rig.server.active(), rig.server.poll_timeout()), (0, 0, None));
    }

    #[test]
    fn a_file_of_whole_blocks_ends_with_an_empty_one() {
        let mut rig = Rig::new(Limits::default());
        assert_eq!(block_of(&rig.say(&read("full")).0), Some((1, 512)));
        assert_eq!(block_of(&rig.say(&Packet::Ack { block: 1 }).0), Some((2, 0)));
        assert_eq!(rig.say(&Packet::Ack { block: 2 }).1.len(), 1);
        assert_eq!(block_of(&rig.say(&read("empty")).0), Some((1, 0)));
    }

    #[test]
    fn a_second_ack_or_request_never_causes_a_second_block() {
        let mut rig = Rig::new(Limits::default());
        rig.say(&read("long"));
        assert_eq!(rig.say(&read("long")), (vec![], vec![]));
        rig.say(&Packet::Ack { block: 1 });
        assert_eq!(rig.say(&Packet::Ack { block: 1 }), (vec![], vec![]));
        assert_eq!(rig.say(&Packet::Ack { block: 7 }), (vec![], vec![]));
        assert_eq!(rig.say_from("192.0.2.20:40001", &Packet::Ack { block: 2 }.to_bytes()), (vec![], vec![]));
        assert_eq!(block_of(&rig.wait().0), Some((2, 512)), "the timer repeats it");
    }

    #[test]
    fn an_unanswered_block_is_repeated_ever_more_slowly_and_given_up() {
        let mut rig = Rig::new(Limits::default());
        let start = rig.now;
        rig.say(&read("short"));
        let mut at = Vec::new();
        let failed = loop {
            let (sent, mut events) = rig.wait();
            if let Some(event) = events.pop() {
                break event;
            }
            assert_eq!(block_of(&sent), Some((1, 10)));
            at.push((rig.now - start).as_millis());
        };
        assert_eq!(at, [500, 1500, 3500, 7500, 11500]);
        assert!(matches!(failed, ServerEvent::Failed { why: Failure::TimedOut { .. }, .. }), "{failed:?}");
        assert_eq!(((rig.now - start).as_secs(), rig.server.active()), (15, 0));
    }

    #[test]
    fn requests_that_cannot_be_served_are_refused_with_their_code() {
        let mut rig = Rig::new(Limits::default());
        let mut check = |bytes: &[u8], expected: u16| {
            let (sent, events) = rig.say_from(PHONE, bytes);
            let Ok(Packet::Error { code, .. }) = Packet::parse(&sent[0]) else { panic!("{bytes:?} gave {sent:?}") };
            assert_eq!((sent.len(), code), (1, expected), "{bytes:?}");
            assert!(
                matches!(&events[..], [ServerEvent::Refused { code, .. }] if code.code() == expected),
                "{events:?}"
            );
        };
        check(&read("missing").to_bytes(), 1);
        for trick in
            ["../short", "dir/../short", "/short", "dir//f", "./short", "dir\\f", "C:short", "short\n", "", "dir/"]
        {
            check(&read(trick).to_bytes(), 2);
        }
        check(&read(&"x".repeat(256)).to_bytes(), 2);
        check(b"\0\x01sh\xFFort\0octet\0", 2);
        check(&Packet::Write { name: "short".into() }.to_bytes(), 4);
        check(&Packet::Write { name: "../short".into() }.to_bytes(), 2);
        check(&Packet::Read { name: "short".into(), mode: "netascii".into() }.to_bytes(), 4);
        check(&Packet::Data { block: 1, bytes: b"x" }.to_bytes(), 4);
        check(b"", 4);
        check(b"\0\x09", 4);
        assert_eq!(block_of(&rig.say(&read("dir/f")).0), Some((1, 3)), "a folder inside is no trick");
    }

    #[test]
    fn errors_are_not_answered_and_end_the_transfer_of_their_sender() {
        let mut rig = Rig::new(Limits::default());
        let error = Packet::Error { code: 3, message: "full".into() };
        assert_eq!(rig.say(&error), (vec![], vec![]));
        rig.say(&read("long"));
        assert_eq!(rig.say_from("192.0.2.21:1", &error.to_bytes()), (vec![], vec![]));
        let (sent, events) = rig.say(&error);
        assert!(
            sent.is_empty() && matches!(&events[..], [ServerEvent::Failed { why: Failure::Peer { code: 3, .. }, .. }])
        );
        assert_eq!(rig.server.active(), 0);
    }

    #[test]
    fn a_phone_that_starts_over_gets_a_new_transfer_and_too_many_phones_are_refused() {
        let mut rig = Rig::new(Limits { transfers: 2, ..Limits::default() });
        rig.say(&read("long"));
        rig.say(&Packet::Ack { block: 1 });
        assert_eq!(rig.say(&read("long")), (vec![], vec![]), "a late copy of the request");
        rig.wait();
        rig.wait();
        let (sent, events) = rig.say(&read("long"));
        assert_eq!((block_of(&sent), events.len(), rig.server.active()), (Some((1, 512)), 2, 1));
        rig.say_from("192.0.2.21:1", &read("long").to_bytes());
        let (_, events) = rig.say_from("192.0.2.22:1", &read("long").to_bytes());
        assert!(matches!(&events[..], [ServerEvent::Refused { code: ErrorCode::Undefined, .. }]), "{events:?}");
    }
}
