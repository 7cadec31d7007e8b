//! Holds impaired datagrams back on the operating system's network.
//!
//! Only an impairment with a delay needs it, so its thread starts with the first such datagram; the pacer that sends
//! pays a lock and a copy.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::pacer::AbsoluteSleep;

/// A queue of datagrams that leave later. Cloning gives another handle to the same queue.
#[derive(Clone, Debug, Default)]
pub(crate) struct DelayLine(Arc<Handle>);

/// Ends the thread with the last sender.
#[derive(Debug, Default)]
struct Handle(Arc<Line>);

#[derive(Debug, Default)]
struct Line {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    held: BinaryHeap<Reverse<Held>>,
    serial: u64,
    has_thread: bool,
    is_closed: bool,
}

#[derive(Debug)]
struct Held {
    due: Instant,
    serial: u64,
    socket: Arc<UdpSocket>,
    to: Option<SocketAddr>,
    bytes: Vec<u8>,
}

impl DelayLine {
    /// Sends the datagram at `due`, to the peer of the socket unless `to` names another.
    pub(crate) fn hold(&self, due: Instant, socket: &Arc<UdpSocket>, to: Option<SocketAddr>, bytes: &[u8]) {
        let line = &self.0.0;
        let mut queue = line.queue();
        queue.serial += 1;
        let held = Held { due, serial: queue.serial, socket: Arc::clone(socket), to, bytes: bytes.to_vec() };
        queue.held.push(Reverse(held));
        if !queue.has_thread {
            let theirs = Arc::clone(line);
            let spawned = std::thread::Builder::new().name("delay".into()).spawn(move || theirs.run());
            queue.has_thread = spawned.is_ok();
        }
        line.changed.notify_one();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.queue().is_closed = true;
        self.0.changed.notify_one();
    }
}

impl Line {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends what is due every millisecond, waits where nothing is held, and ends once closed and empty.
    fn run(&self) {
        let sleep = AbsoluteSleep::new();
        loop {
            let mut queue = self.queue();
            while queue.held.is_empty() && !queue.is_closed {
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            let now = Instant::now();
            while let Some(held) = queue.due(now) {
                drop(queue);
                held.send();
                queue = self.queue();
            }
            let Some(Reverse(next)) = queue.held.peek() else {
                if queue.is_closed {
                    return;
                }
                continue;
            };
            // A datagram that is due sooner may come while this one is waited for.
            let due = next.due.min(now + Duration::from_millis(1));
            drop(queue);
            sleep.until(due);
        }
    }
}

impl Queue {
    fn due(&mut self, now: Instant) -> Option<Held> {
        if self.held.peek().is_some_and(|Reverse(next)| next.due <= now) {
            return self.held.pop().map(|Reverse(held)| held);
        }
        None
    }
}

impl Held {
    fn send(&self) {
        // A failure here is a loss behind the first hop; the sender was told the delay and has moved on.
        let _ = match self.to {
            Some(to) => self.socket.send_to(&self.bytes, to),
            None => self.socket.send(&self.bytes),
        };
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        (self.due, self.serial) == (other.due, other.serial)
    }
}

impl Eq for Held {}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Held {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.serial).cmp(&(other.due, other.serial))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_leave_when_due_and_in_the_order_of_their_times() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        receiver.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let sender = Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap());
        let to = receiver.local_addr().unwrap();
        let (line, start) = (DelayLine::default(), Instant::now());
        line.hold(start + Duration::from_millis(30), &sender, Some(to), b"second");
        line.hold(start + Duration::from_millis(10), &sender, Some(to), b"first");
        let mut buf = [0; 16];
        for (text, ms) in [(&b"first"[..], 10), (b"second", 30)] {
            let length = receiver.recv(&mut buf).unwrap();
            assert_eq!(&buf[..length], text);
            assert!(start.elapsed() >= Duration::from_millis(ms), "{text:?} left early");
        }
    }

    #[test]
    fn what_is_held_still_leaves_after_the_last_sender_has_gone() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        receiver.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let sender = Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap());
        let line = DelayLine::default();
        let due = Instant::now() + Duration::from_millis(20);
        line.hold(due, &sender, Some(receiver.local_addr().unwrap()), b"late");
        drop((line, sender));
        assert_eq!(receiver.recv(&mut [0; 16]).unwrap(), 4);
    }
}
