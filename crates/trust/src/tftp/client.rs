//! The reading side: one file from one server.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{BLOCK, ErrorCode, Failure, Input, Limits, Output, Packet};

/// What a client reports, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientEvent {
    /// The whole file has come.
    Done(Vec<u8>),
    /// It will not come.
    Failed(Failure),
}

/// Fetches one file. After its event it lingers until `poll_timeout` is `None`: the server may not have got the last ACK.
#[derive(Debug)]
pub struct Client {
    server: SocketAddr,
    limits: Limits,
    state: State,
    outputs: VecDeque<Output<ClientEvent>>,
}

#[derive(Debug)]
enum State {
    /// The request is out; the answer may come from any port of the server (RFC 1350 §4).
    Asking { request: Vec<u8>, repeat: Repeat },
    /// Blocks come from `peer`; `block` is the last one taken, unwrapped.
    Reading { peer: SocketAddr, block: usize, file: Vec<u8>, repeat: Repeat },
    /// All is here. The last ACK is sent again whenever the last block is.
    Lingering { peer: SocketAddr, block: u16, until: Instant },
    /// Over.
    Ended,
}

/// A packet's repetition and its end.
#[derive(Clone, Copy, Debug)]
struct Repeat {
    interval: Duration,
    at: Instant,
    give_up_at: Instant,
}

impl Repeat {
    fn from(now: Instant, limits: &Limits) -> Self {
        Self { interval: limits.retry, at: now + limits.retry, give_up_at: now + limits.give_up }
    }

    fn next(&mut self, now: Instant, limits: &Limits) {
        self.interval = (self.interval * 2).min(limits.retry_longest);
        self.at = now + self.interval;
    }

    fn due(&self) -> Instant {
        self.at.min(self.give_up_at)
    }
}

impl Client {
    /// Asks `server` for a file.
    pub fn new(now: Instant, server: SocketAddr, name: &str, limits: Limits) -> Self {
        let request = Packet::Read { name: name.into(), mode: "octet".into() }.to_bytes();
        let outputs = VecDeque::from([Output::Transmit { to: server, bytes: request.clone() }]);
        Self { server, limits, state: State::Asking { request, repeat: Repeat::from(now, &limits) }, outputs }
    }

    /// Takes a datagram, or lets the timers act.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Datagram { from, bytes } => self.on_datagram(now, from, bytes),
            Input::Timeout => self.on_timeout(now),
        }
    }

    /// The next thing to do; `None` when all is done for now.
    pub fn poll_output(&mut self) -> Option<Output<ClientEvent>> {
        self.outputs.pop_front()
    }

    /// When [`Input::Timeout`] is due; `None` when the client is over and may be dropped.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Asking { repeat, .. } | State::Reading { repeat, .. } => Some(repeat.due()),
            State::Lingering { until, .. } => Some(*until),
            State::Ended => None,
        }
    }

    fn on_datagram(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) {
        if !self.is_from_peer(from) {
            // A stranger, or an answer to a request that was repeated: it is told so and the transfer goes on.
            if !matches!(self.state, State::Ended)
                && from.ip() == self.server.ip()
                && matches!(Packet::parse(bytes), Ok(Packet::Data { .. }))
            {
                self.send_error(from, ErrorCode::UnknownTransfer, "this transfer has another port");
            }
            return;
        }
        match Packet::parse(bytes) {
            Ok(Packet::Data { block, bytes }) => self.on_data(now, from, block, bytes),
            Ok(Packet::Error { code, message }) if !matches!(self.state, State::Lingering { .. }) => {
                self.end(ClientEvent::Failed(Failure::Peer { code, message: message.into_owned() }));
            }
            // Anything else is dropped: a damaged packet is repeated by the server, as a lost one is.
            Ok(_) | Err(_) => {}
        }
    }

    fn is_from_peer(&self, from: SocketAddr) -> bool {
        match &self.state {
            State::Asking { .. } => from.ip() == self.server.ip(),
            State::Reading { peer, .. } | State::Lingering { peer, .. } => *peer == from,
            State::Ended => false,
        }
    }

    fn on_data(&mut self, now: Instant, from: SocketAddr, number: u16, bytes: &[u8]) {
        match &mut self.state {
            State::Asking { .. } if number == 1 => {
                let repeat = Repeat::from(now, &self.limits);
                self.state = State::Reading { peer: from, block: 0, file: Vec::new(), repeat };
                self.take(now, bytes);
            }
            State::Reading { block, .. } if number == wire_number(*block + 1) => self.take(now, bytes),
            // The block before again: our ACK was lost. It is answered each time; the server's part is not to answer twice.
            State::Reading { block, .. } if number == wire_number(*block) => {
                let bytes = Packet::Ack { block: number }.to_bytes();
                self.outputs.push_back(Output::Transmit { to: from, bytes });
            }
            State::Lingering { block, .. } if number == *block => {
                let bytes = Packet::Ack { block: number }.to_bytes();
                self.outputs.push_back(Output::Transmit { to: from, bytes });
            }
            // Blocks from further back are late copies, those from further ahead cannot be: neither is answered.
            _ => {}
        }
    }

    /// Takes the block that is next in order.
    fn take(&mut self, now: Instant, bytes: &[u8]) {
        let State::Reading { peer, block, file, repeat } = &mut self.state else {
            return;
        };
        let peer = *peer;
        if file.len() + bytes.len() > self.limits.largest_file {
            self.send_error(peer, ErrorCode::DiskFull, "the file is too large");
            return self.end(ClientEvent::Failed(Failure::TooLarge { limit: self.limits.largest_file }));
        }
        file.extend_from_slice(bytes);
        *block += 1;
        *repeat = Repeat::from(now, &self.limits);
        let number = wire_number(*block);
        self.outputs.push_back(Output::Transmit { to: peer, bytes: Packet::Ack { block: number }.to_bytes() });
        if bytes.len() < BLOCK {
            let file = std::mem::take(file);
            self.state = State::Lingering { peer, block: number, until: now + self.limits.retry_longest };
            self.outputs.push_back(Output::Event(ClientEvent::Done(file)));
        }
    }

    fn on_timeout(&mut self, now: Instant) {
        match &mut self.state {
            State::Asking { repeat, .. } if repeat.give_up_at <= now => {
                self.time_out("an answer to the request".to_owned());
            }
            State::Reading { block, repeat, .. } if repeat.give_up_at <= now => {
                let waiting_for = format!("block {}", *block + 1);
                self.time_out(waiting_for);
            }
            State::Asking { request, repeat } if repeat.at <= now => {
                repeat.next(now, &self.limits);
                self.outputs.push_back(Output::Transmit { to: self.server, bytes: request.clone() });
            }
            State::Reading { peer, block, repeat, .. } if repeat.at <= now => {
                repeat.next(now, &self.limits);
                let bytes = Packet::Ack { block: wire_number(*block) }.to_bytes();
                self.outputs.push_back(Output::Transmit { to: *peer, bytes });
            }
            State::Lingering { until, .. } if *until <= now => self.state = State::Ended,
            _ => {}
        }
    }

    fn time_out(&mut self, waiting_for: String) {
        self.end(ClientEvent::Failed(Failure::TimedOut { waiting_for, after: self.limits.give_up }));
    }

    fn end(&mut self, event: ClientEvent) {
        self.state = State::Ended;
        self.outputs.push_back(Output::Event(event));
    }

    fn send_error(&mut self, to: SocketAddr, code: ErrorCode, message: &str) {
        let bytes = Packet::Error { code: code.code(), message: message.into() }.to_bytes();
        self.outputs.push_back(Output::Transmit { to, bytes });
    }
}

fn wire_number(block: usize) -> u16 {
    block as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: &str = "192.0.2.10:69";
    const TRANSFER: &str = "192.0.2.10:50000";

    struct Rig {
        client: Client,
        now: Instant,
    }

    impl Rig {
        #[expect(clippy::disallowed_methods, reason = "a test needs some instant to count from")]
        fn new(limits: Limits) -> Self {
            let now = Instant::now();
            let mut rig = Self { client: Client::new(now, SERVER.parse().unwrap(), "f", limits), now };
            assert_eq!(rig.drain().0, [(SERVER.to_owned(), b"\0\x01f\0octet\0".to_vec())]);
            rig
        }

        fn say(&mut self, from: &str, packet: &Packet<'_>) -> (Vec<(String, Vec<u8>)>, Vec<ClientEvent>) {
            let bytes = packet.to_bytes();
            self.client.handle_input(self.now, Input::Datagram { from: from.parse().unwrap(), bytes: &bytes });
            self.drain()
        }

        fn wait(&mut self) -> (Vec<(String, Vec<u8>)>, Vec<ClientEvent>) {
            self.now = self.client.poll_timeout().unwrap();
            self.client.handle_input(self.now, Input::Timeout);
            self.drain()
        }

        fn drain(&mut self) -> (Vec<(String, Vec<u8>)>, Vec<ClientEvent>) {
            let mut sent = (Vec::new(), Vec::new());
            while let Some(output) = self.client.poll_output() {
                match output {
                    Output::Transmit { to, bytes } => sent.0.push((to.to_string(), bytes)),
                    Output::Event(event) => sent.1.push(event),
                }
            }
            sent
        }
    }

    fn data(block: u16, bytes: &[u8]) -> Packet<'_> {
        Packet::Data { block, bytes }
    }

    fn ack(block: u16) -> (String, Vec<u8>) {
        (TRANSFER.to_owned(), Packet::Ack { block }.to_bytes())
    }

    #[test]
    fn blocks_are_put_together_and_the_last_ack_is_repeated_while_lingering() {
        let mut rig = Rig::new(Limits::default());
        assert_eq!(rig.say(TRANSFER, &data(1, &[7; 512])).0, [ack(1)]);
        let (sent, events) = rig.say(TRANSFER, &data(2, b"end"));
        assert_eq!((sent, events), (vec![ack(2)], vec![ClientEvent::Done([&[7; 512][..], b"end"].concat())]));
        assert_eq!(rig.say(TRANSFER, &data(2, b"end")), (vec![ack(2)], vec![]), "the server did not get it");
        assert_eq!(rig.wait(), (vec![], vec![]));
        assert_eq!(rig.client.poll_timeout(), None);
        assert_eq!(rig.say(TRANSFER, &data(2, b"end")), (vec![], vec![]));
    }

    #[test]
    fn the_block_before_is_acknowledged_again_and_older_or_later_ones_are_not() {
        let mut rig = Rig::new(Limits::default());
        assert_eq!(rig.say(TRANSFER, &data(2, &[0; 512])), (vec![], vec![]), "nothing begins with block 2");
        for block in 1..=3 {
            rig.say(TRANSFER, &data(block, &[block as u8; 512]));
        }
        assert_eq!(rig.say(TRANSFER, &data(3, &[3; 512])).0, [ack(3)]);
        assert_eq!(rig.say(TRANSFER, &data(2, &[2; 512])), (vec![], vec![]));
        assert_eq!(rig.say(TRANSFER, &data(5, &[5; 512])), (vec![], vec![]));
        let (_, events) = rig.say(TRANSFER, &data(4, &[]));
        let expected = [[1; 512], [2; 512], [3; 512]].concat();
        assert_eq!(events, [ClientEvent::Done(expected)]);
    }

    #[test]
    fn after_the_first_answer_only_its_port_counts() {
        let mut rig = Rig::new(Limits::default());
        assert_eq!(rig.say("198.51.100.1:69", &data(1, b"evil")), (vec![], vec![]), "another host");
        rig.say(TRANSFER, &data(1, &[1; 512]));
        let (sent, events) = rig.say("192.0.2.10:50001", &data(1, &[9; 512]));
        assert!(events.is_empty());
        assert_eq!(sent[0].0, "192.0.2.10:50001");
        assert!(matches!(Packet::parse(&sent[0].1), Ok(Packet::Error { code: 5, .. })));
        let error = Packet::Error { code: 1, message: "gone".into() };
        assert_eq!(rig.say("192.0.2.10:50001", &error), (vec![], vec![]), "an error of a stranger ends nothing");
        assert_eq!(rig.say(TRANSFER, &data(2, b"")).1.len(), 1);
    }

    #[test]
    fn a_missing_file_is_reported_in_the_servers_words() {
        let mut rig = Rig::new(Limits::default());
        let (sent, events) = rig.say(TRANSFER, &Packet::Error { code: 1, message: "no such file".into() });
        let [ClientEvent::Failed(failure)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(failure.to_string(), "the peer answered with tftp error 1 (file not found): \"no such file\"");
        assert_eq!((sent.len(), rig.client.poll_timeout()), (0, None));
    }

    #[test]
    fn request_and_ack_are_repeated_with_growing_waits_until_the_end() {
        let mut rig = Rig::new(Limits::default());
        let start = rig.now;
        rig.wait();
        assert_eq!(rig.wait().0.len(), 1, "the request");
        assert_eq!((rig.now - start).as_millis(), 1500);
        rig.say(TRANSFER, &data(1, &[0; 512]));
        let start = rig.now;
        let mut at = Vec::new();
        let failure = loop {
            let (sent, mut events) = rig.wait();
            if let Some(ClientEvent::Failed(failure)) = events.pop() {
                break failure;
            }
            assert_eq!(sent, [ack(1)]);
            at.push((rig.now - start).as_millis());
        };
        assert_eq!(at, [500, 1500, 3500, 7500, 11500]);
        assert_eq!(failure.to_string(), "no answer for 15000 ms while waiting for block 2");
        assert_eq!(rig.client.poll_timeout(), None);
    }

    #[test]
    fn a_file_beyond_the_limit_is_given_up_and_the_server_is_told() {
        let mut rig = Rig::new(Limits { largest_file: 600, ..Limits::default() });
        rig.say(TRANSFER, &data(1, &[0; 512]));
        let (sent, events) = rig.say(TRANSFER, &data(2, &[0; 89]));
        assert_eq!(events, [ClientEvent::Failed(Failure::TooLarge { limit: 600 })]);
        assert!(matches!(Packet::parse(&sent[0].1), Ok(Packet::Error { code: 3, .. })));
    }
}
