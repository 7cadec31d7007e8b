//! CPU time to seal and to open a packet of 172 bytes (G.711, 20 ms), per suite, with 1 and with 1,000 contexts in
//! turn: `cargo bench -p media`. A word after `--` picks the suites whose name holds it.
//!
//! `tests/oracles` compares the same figures with other engines.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on should stop")]

use std::hint::black_box;

use media::rtp::Header;
use media::srtp::{Context, MasterKey, OVERHEAD, Suite};
use rustix::time::{ClockId, clock_gettime};

fn main() {
    let wanted = std::env::args().skip(1).find(|word| !word.starts_with("--")).unwrap_or_default();
    println!("{:<24} {:>8} {:>13} {:>13} {:>13}", "suite", "contexts", "protect ns", "unprotect ns", "context ns");
    for suite in Suite::ALL.into_iter().filter(|suite| suite.name().contains(&wanted.to_uppercase())) {
        for contexts in [1, 1000] {
            let [protect, unprotect, new] = measure(suite, contexts);
            println!("{:<24} {contexts:>8} {protect:>13.0} {unprotect:>13.0} {new:>13.0}", suite.name());
        }
    }
}

/// Medians over the rounds of nanoseconds to seal a packet, to open one, and to make a context.
fn measure(suite: Suite, count: usize) -> [f64; 3] {
    let key = MasterKey::from_bytes(suite, &[0x5a; 44][..suite.key_len() + suite.salt_len()]).unwrap();
    let contexts = || (0..count).map(|_| Context::new(suite, &key).unwrap()).collect::<Vec<_>>();
    let (mut sealers, start) = (contexts(), cpu_ns());
    let mut openers = contexts();
    let new = (cpu_ns() - start) as f64 / count as f64;
    let mut packets = vec![([0u8; PLAIN + OVERHEAD], PLAIN); CHUNK];
    let (mut sequence, mut rounds) = (vec![0u16; count], Vec::new());
    for _ in 0..ROUNDS {
        let mut spent = [0; 2];
        for _ in 0..CHUNKS {
            fill(&mut packets, &mut sequence);
            let start = cpu_ns();
            for (i, (buf, len)) in packets.iter_mut().enumerate() {
                *len = sealers[i % count].protect(buf, *len).unwrap();
            }
            let middle = cpu_ns();
            for (i, (buf, len)) in packets.iter_mut().enumerate() {
                *len = openers[i % count].unprotect(buf, *len).unwrap();
            }
            spent = [spent[0] + middle - start, spent[1] + cpu_ns() - middle];
            black_box(&packets);
        }
        rounds.push(spent.map(|ns| ns as f64 / (CHUNK * CHUNKS) as f64));
    }
    // The first round warms up.
    let [protect, unprotect] = [0, 1].map(|which| median(rounds[1..].iter().map(|round| round[which])));
    [protect, unprotect, new]
}

/// The next packet of each context in turn.
fn fill(packets: &mut [([u8; PLAIN + OVERHEAD], usize)], sequence: &mut [u16]) {
    let contexts = sequence.len();
    for (i, (buf, len)) in packets.iter_mut().enumerate() {
        let sequence = &mut sequence[i % contexts];
        buf[..PLAIN].fill(0xd5);
        Header { sequence: *sequence, ssrc: 0xcafe_0000 + (i % contexts) as u32, ..Default::default() }.write(buf);
        *len = PLAIN;
        *sequence = sequence.wrapping_add(1);
    }
}

/// CPU time of this thread: what else the machine does costs little accuracy.
fn cpu_ns() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Header and 160 samples of G.711.
const PLAIN: usize = 172;
/// Packets between two readings of the clock; also one of each context where there are 1,000.
const CHUNK: usize = 1000;
const CHUNKS: usize = 20;
const ROUNDS: usize = 10;
