//! The TFTP port takes requests; each transfer then runs over a port of its own (RFC 1350 §4).

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use trust::tftp::{Input, Limits, Output, Packet, Server};
use wire::{Clock, Datagram, Net};

use super::provision::Files;

/// Serves files until it is ended.
pub(super) async fn serve(net: Net, socket: Datagram, files: Files) {
    let mut desk = Desk { net, files, running: BTreeMap::new(), tasks: JoinSet::new() };
    let mut doorman = Server::new(Limits::default(), |_| None);
    let mut buf = vec![0; 2048];
    loop {
        tokio::select! {
            biased;
            Some(_) = desk.tasks.join_next() => desk.running.retain(|_, requests| !requests.is_closed()),
            received = socket.recv_from(&mut buf) => match received {
                Ok((length, from)) if is_request(&buf[..length]) => desk.take(&socket, from, &buf[..length]).await,
                // What is no request is refused from here.
                Ok((length, from)) => {
                    doorman.handle_input(desk.net.clock().now(), Input::Datagram { from, bytes: &buf[..length] });
                    transmit(&mut doorman, &socket).await;
                }
                // An ICMP error of an earlier datagram.
                Err(_) => tokio::task::yield_now().await,
            },
        }
    }
}

/// Where requests become transfers.
struct Desk {
    net: Net,
    files: Files,
    /// Transfers under way, with the way to them for repeats of the request.
    running: BTreeMap<SocketAddr, mpsc::Sender<Vec<u8>>>,
    tasks: JoinSet<()>,
}

impl Desk {
    /// A request opens a transfer, unless it repeats the one that did.
    async fn take(&mut self, at: &Datagram, from: SocketAddr, request: &[u8]) {
        if let Some(requests) = self.running.get(&from)
            && !matches!(requests.try_send(request.to_vec()), Err(mpsc::error::TrySendError::Closed(_)))
        {
            return;
        }
        if self.running.len() >= Limits::default().transfers {
            // The phone repeats it.
            return;
        }
        let own = SocketAddr::new(at.local_addr().ip(), 0);
        // Without a port the transfer cannot be; the phone repeats its request.
        let Ok(socket) = self.net.datagram(own).await else {
            return;
        };
        let (requests, repeats) = mpsc::channel(REPEATS);
        let files = self.files.clone();
        let server = Server::new(Limits::default(), move |name| files.get(name).cloned());
        let transfer = Transfer { socket, server, peer: from, clock: self.net.clock().clone() };
        self.tasks.spawn(transfer.run(request.to_vec(), repeats));
        self.running.insert(from, requests);
    }
}

/// One file on its way to one phone.
struct Transfer {
    socket: Datagram,
    server: Server,
    peer: SocketAddr,
    clock: Clock,
}

impl Transfer {
    async fn run(mut self, request: Vec<u8>, mut repeats: mpsc::Receiver<Vec<u8>>) {
        let mut buf = vec![0; 2048];
        self.input(Some(&request));
        loop {
            transmit(&mut self.server, &self.socket).await;
            if self.server.active() == 0 {
                return;
            }
            let due = self.server.poll_timeout();
            tokio::select! {
                biased;
                received = self.socket.recv_from(&mut buf) => self.on_received(received, &buf).await,
                Some(repeat) = repeats.recv() => self.input(Some(&repeat)),
                () = sleep_until(&self.clock, due) => self.input(None),
            }
        }
    }

    async fn on_received(&mut self, received: io::Result<(usize, SocketAddr)>, buf: &[u8]) {
        match received {
            Ok((length, from)) if from == self.peer => self.input(Some(&buf[..length])),
            // The machine tells a stranger that this is not its transfer, and opens none for it.
            Ok((length, from)) if !is_request(&buf[..length]) => {
                let now = self.clock.now();
                self.server.handle_input(now, Input::Datagram { from, bytes: &buf[..length] });
            }
            Ok(_) => {}
            // An ICMP error of an earlier datagram.
            Err(_) => tokio::task::yield_now().await,
        }
    }

    /// A datagram of the peer, or the time that was waited for.
    fn input(&mut self, datagram: Option<&[u8]>) {
        let from = self.peer;
        let input = datagram.map_or(Input::Timeout, |bytes| Input::Datagram { from, bytes });
        self.server.handle_input(self.clock.now(), input);
    }
}

async fn transmit(server: &mut Server, socket: &Datagram) {
    while let Some(output) = server.poll_output() {
        if let Output::Transmit { to, bytes } = output {
            // What is lost is repeated.
            let _ = socket.send_to(&bytes, to).await;
        }
    }
}

fn is_request(datagram: &[u8]) -> bool {
    matches!(Packet::parse(datagram), Ok(Packet::Read { .. }))
}

/// Waits for a deadline; without one, for ever.
pub(super) async fn sleep_until(clock: &Clock, due: Option<std::time::Instant>) {
    match due {
        Some(due) => clock.sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Repeats of a request that wait for their transfer; more are dropped.
const REPEATS: usize = 8;
