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
    Reading {
        peer: SocketAddr,
        block: usize,
        file: Vec<u8>,
        repeat: Repeat,
    },
    /// All is here. The last ACK is sent again whenever the last block is.
    Lingering {
        peer: SocketAddr,
        block: u16,
        until: Instant,
    },
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
        Self {
            interval: limits.retry,
            at: now + limits.retry,
            give_up_at: now + limits.give_up,
        }
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
        let request = Packet::Read {
            name: name.into(),
            mode: "octet".into(),
        }
        .to_bytes();
        let outputs = VecDeque::from([Output::Transmit {
            to: server,
            bytes: request.clone(),
        }]);
        Self {
            server,
            limits,
            state: State::Asking {
                request,
                repeat: Repeat::from(now, &limits),
            },
            outputs,
        }
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
            if from.ip() == self.server.ip()
                && matches!(Packet::parse(bytes), Ok(Packet::Data { .. }))
            {
                self.send_error(
                    from,
                    ErrorCode::UnknownTransfer,
                    "this transfer has another port",
                );
            }
            return;
        }
        match Packet::parse(bytes) {
            Ok(Packet::Data { block, bytes }) => self.on_data(now, from, block, bytes),
            Ok(Packet::Error { code, message })
                if !matches!(self.state, State::Lingering { .. }) =>
            {
                self.end(ClientEvent::Failed(Failure::Peer {
                    code,
                    message: message.into_owned(),
                }));
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
                self.state = State::Reading {
                    peer: from,
                    block: 0,
                    file: Vec::new(),
                    repeat,
                };
                self.take(now, bytes);
            }
            State::Reading { block, .. } if number == wire_number(*block + 1) => {
                self.take(now, bytes)
            }
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
        let State::Reading {
            peer,
            block,
            file,
            repeat,
        } = &mut self.state
        else {
            return;
        };
        let peer = *peer;
        if file.len() + bytes.len() > self.limits.largest_file {
            self.send_error(peer, ErrorCode::DiskFull, "the file is too large");
            return self.end(ClientEvent::Failed(Failure::TooLarge {
                limit: self.limits.largest_file,
            }));
        }
        file.extend_from_slice(bytes);
        *block += 1;
        *repeat = Repeat::from(now, &self.limits);
        let number = wire_number(*block);
        self.outputs.push_back(Output::Transmit {
            to: peer,
            bytes: Packet::Ack { block: number }.to_bytes(),
        });
        if bytes.len() < BLOCK {
            let file = std::mem::take(file);
            self.state = State::Lingering {
                peer,
                block: number,
                until: now + self.limits.retry_longest,
            };
            self.outputs
                .push_back(Output::Event(ClientEvent::Done(file)));
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
                self.outputs.push_back(Output::Transmit {
                    to: self.server,
                    bytes: request.clone(),
                });
            }
            State::Reading {
                peer,
                block,
                repeat,
                ..
            } if repeat.at <= now => {
                repeat.next(now, &self.limits);
                let bytes = Packet::Ack {
                    block: wire_number(*block),
                }
                .to_bytes();
                self.outputs
                    .push_back(Output::Transmit { to: *peer, bytes });
            }
            State::Lingering { until, .. } if *until <= now => self.state = State::Ended,
            _ => {}
        }
    }

    fn time_out(&mut self, waiting_for: String) {
        self.end(ClientEvent::Failed(Failure::TimedOut {
            waiting_for,
            after: self.limits.give_up,
        }));
    }

    fn end(&mut self, event: ClientEvent) {
        self.state = State::Ended;
        self.outputs.push_back(Output::Event(event));
    }

    fn send_error(&mut self, to: SocketAddr, code: ErrorCode, message: &str) {
        let bytes = Packet::Error {
            code: code.code(),
            message: message.into(),
        }
        .to_bytes();
        self.outputs.push_back(Output::Transmit { to, bytes });
    }
}

fn wire_number(block: usize) -> u16 {
    block as u16
}
