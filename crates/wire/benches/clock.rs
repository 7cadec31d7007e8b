//! The packet clock on real sockets: one pacer sends for many streams, a packet each 20 ms, spread over 1 ms slots.
//!
//! Prints how late the packets were and whether a stream ever sent two at once. `STREAMS` and `SECONDS` in the
//! environment change the size.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use wire::{MediaSocket, Net, NetOptions, Pace, PacerError};

const SLOT: Duration = Duration::from_millis(1);
const SLOTS: usize = 20;
const PACKET: [u8; 182] = [0; 182];

struct Stream {
    socket: MediaSocket,
    last: Option<Instant>,
}

#[derive(Default)]
struct Figures {
    late: Vec<Duration>,
    doubled: usize,
    skipped: usize,
    not_sent: usize,
}

fn main() {
    let number = |name: &str, default| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (streams, seconds) = (number("STREAMS", 200), number("SECONDS", 10));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let figures = runtime.block_on(run(streams, seconds)).expect("the pacer runs to its end");
    print(streams, seconds, figures);
}

async fn run(streams: usize, seconds: usize) -> Result<Figures, PacerError> {
    let net = Net::os(NetOptions::default());
    let local = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
    let mut sink = net.media(local).expect("a socket");
    let mut wheel: Vec<Vec<Stream>> = (0..SLOTS).map(|_| Vec::new()).collect();
    for n in 0..streams {
        let mut socket = net.media(local).expect("a socket");
        socket.connect(sink.local_addr()).expect("a peer");
        wheel[n % SLOTS].push(Stream { socket, last: None });
    }
    let (report, figures) = std::sync::mpsc::channel();
    let mut measured = Figures { late: Vec::with_capacity(streams * seconds * 51), ..Figures::default() };
    let mut slots_left = seconds * 1000;
    let mut slot = 0;
    let mut buf = [0; 256];
    let mut pacer = net.pacer(SLOT, move |due, _now| {
        for stream in &mut wheel[slot % SLOTS] {
            send(stream, due, &mut measured);
        }
        while sink.try_recv(&mut buf).is_some() {}
        slot += 1;
        slots_left -= 1;
        if slots_left == 0 {
            let _ = report.send(std::mem::take(&mut measured));
            return Pace::Stop;
        }
        Pace::Next(due + SLOT)
    });
    pacer.ended().await?;
    println!("slots: {}", pacer.lateness());
    Ok(figures.recv().expect("the body reports before it stops"))
}

fn send(stream: &mut Stream, due: Instant, figures: &mut Figures) {
    let now = Instant::now();
    figures.late.push(now - due);
    if let Some(last) = stream.last {
        let gap = now - last;
        figures.doubled += usize::from(gap < SLOT * 10);
        figures.skipped += usize::from(gap > SLOT * 30);
    }
    stream.last = Some(now);
    if stream.socket.send(now, &PACKET) == wire::Fate::NotSent {
        figures.not_sent += 1;
    }
}

fn print(streams: usize, seconds: usize, figures: Figures) {
    let Figures { mut late, doubled, skipped, not_sent } = figures;
    late.sort_unstable();
    let at = |share: f64| late[((late.len() - 1) as f64 * share) as usize];
    let within = late.partition_point(|late| *late <= SLOT) as f64 / late.len() as f64;
    println!("{streams} streams, {seconds} s, {} packets, {not_sent} not sent", late.len());
    println!("late: p50 {:?}, p95 {:?}, p99 {:?}, max {:?}", at(0.5), at(0.95), at(0.99), at(1.0));
    println!(
        "within 1 ms: {:.2} % (goal 95), p50 goal 0.3 ms, doubled: {doubled} (goal 0), skipped: {skipped}",
        within * 100.0
    );
}
