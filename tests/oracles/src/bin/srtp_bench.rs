//! Our SRTP against rtc-srtp and webrtc-srtp in one run: CPU nanoseconds for a packet of 172 bytes (G.711, 20 ms).
//!
//! Each round times the three engines one after the other over the same packets; a figure is the median of the
//! rounds, a ratio the median of the rounds' ratios, so that a busy machine slows all three alike.

use std::hint::black_box;

use media::srtp::{Context, MasterKey, Suite};
use rustix::time::{ClockId, clock_gettime};

fn main() {
    println!(
        "{:<24} {:>5} {:<9} {:>6} {:>6} {:>7} {:>9} {:>12}",
        "suite", "ctx", "", "ours", "rtc", "webrtc", "vs rtc", "vs webrtc"
    );
    let mut missed = Vec::new();
    for suite in Suite::ALL {
        for contexts in [1, 1000] {
            for operation in [Operation::Protect, Operation::Unprotect] {
                let row = compare(suite, contexts, operation);
                println!(
                    "{:<24} {contexts:>5} {:<9} {:>6.0} {:>6.0} {:>7.0} {:>8.2}x {:>11.2}x",
                    suite.name(),
                    operation.name(),
                    row.ns[0],
                    row.ns[1],
                    row.ns[2],
                    row.ratio[0],
                    row.ratio[1]
                );
                let goal = if suite.is_aead() { 1.0 } else { 1.5 };
                if row.ratio.iter().any(|ratio| *ratio < goal) {
                    missed.push(format!("{suite} {} with {contexts} contexts: goal {goal}x", operation.name()));
                }
            }
        }
    }
    match missed.is_empty() {
        true => println!("all goals met: counter mode 1.5x of both peers, GCM 1.0x"),
        false => println!("missed: {}", missed.join("; ")),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Operation {
    Protect,
    Unprotect,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Protect => "protect",
            Self::Unprotect => "unprotect",
        }
    }
}

struct Row {
    /// Ours, rtc-srtp, webrtc-srtp.
    ns: [f64; 3],
    /// How many times as many packets a second as rtc-srtp and webrtc-srtp.
    ratio: [f64; 2],
}

fn compare(suite: Suite, contexts: usize, operation: Operation) -> Row {
    let key = MasterKey::from_bytes(suite, &KEY[..suite.key_len() + suite.salt_len()]).unwrap();
    let mut sealers: Vec<Context> = (0..contexts).map(|_| Context::new(suite, &key).unwrap()).collect();
    let mut ours: Vec<Context> = (0..contexts).map(|_| Context::new(suite, &key).unwrap()).collect();
    let mut rtc: Vec<_> = (0..contexts).map(|_| rtc_context(&key)).collect();
    let mut webrtc: Vec<_> = (0..contexts).map(|_| webrtc_context(&key)).collect();
    let mut packets = vec![Packet { bytes: [0; 256], len: PLAIN }; CHUNK];
    let (mut sequence, mut rounds) = (vec![0u16; contexts], Vec::new());
    for _ in 0..ROUNDS {
        let mut spent = [0u64; 3];
        for _ in 0..CHUNKS {
            fill(&mut packets, &mut sequence);
            if operation == Operation::Unprotect {
                for (i, packet) in packets.iter_mut().enumerate() {
                    packet.len = sealers[i % contexts].protect(&mut packet.bytes, PLAIN).unwrap();
                }
            }
            spent[1] += time(&packets, |i, p| match operation {
                Operation::Protect => drop(black_box(rtc[i % contexts].encrypt_rtp(p.sent()).unwrap())),
                Operation::Unprotect => drop(black_box(rtc[i % contexts].decrypt_rtp(p.sent()).unwrap())),
            });
            spent[2] += time(&packets, |i, p| match operation {
                Operation::Protect => drop(black_box(webrtc[i % contexts].encrypt_rtp(p.sent()).unwrap())),
                Operation::Unprotect => drop(black_box(webrtc[i % contexts].decrypt_rtp(p.sent()).unwrap())),
            });
            let start = cpu_ns();
            for (i, packet) in packets.iter_mut().enumerate() {
                let context = &mut ours[i % contexts];
                packet.len = match operation {
                    Operation::Protect => context.protect(&mut packet.bytes, packet.len).unwrap(),
                    Operation::Unprotect => context.unprotect(&mut packet.bytes, packet.len).unwrap(),
                };
            }
            spent[0] += cpu_ns() - start;
            black_box(&packets);
        }
        rounds.push(spent.map(|ns| ns as f64 / (CHUNK * CHUNKS) as f64));
    }
    rounds.remove(0);
    Row {
        ns: [0, 1, 2].map(|engine| median(rounds.iter().map(|round| round[engine]))),
        ratio: [1, 2].map(|peer| median(rounds.iter().map(|round| round[peer] / round[0]))),
    }
}

#[derive(Clone)]
struct Packet {
    bytes: [u8; 256],
    len: usize,
}

impl Packet {
    fn sent(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// The next packet of each context in turn; payload type and SSRC are those of a phone.
fn fill(packets: &mut [Packet], sequence: &mut [u16]) {
    let contexts = sequence.len();
    for (i, packet) in packets.iter_mut().enumerate() {
        let sequence = &mut sequence[i % contexts];
        let header =
            media::rtp::Header { sequence: *sequence, ssrc: 0xcafe_0000 + (i % contexts) as u32, ..Default::default() };
        packet.bytes[..PLAIN].fill(0xd5);
        header.write(&mut packet.bytes);
        packet.len = PLAIN;
        *sequence = sequence.wrapping_add(1);
    }
}

fn time(packets: &[Packet], mut handle: impl FnMut(usize, &Packet)) -> u64 {
    let start = cpu_ns();
    packets.iter().enumerate().for_each(|(i, packet)| handle(i, packet));
    cpu_ns() - start
}

fn rtc_context(key: &MasterKey) -> rtc_srtp::context::Context {
    use rtc_srtp::protection_profile::ProtectionProfile as Profile;
    let profile = match key.suite() {
        Suite::AesCm128HmacSha1_80 => Profile::Aes128CmHmacSha1_80,
        Suite::AesCm128HmacSha1_32 => Profile::Aes128CmHmacSha1_32,
        Suite::AeadAes128Gcm => Profile::AeadAes128Gcm,
        Suite::AeadAes256Gcm => Profile::AeadAes256Gcm,
    };
    let (key, salt) = key.as_bytes().split_at(key.suite().key_len());
    let provider = rtc_crypto::default_provider().unwrap();
    let replay = Some(rtc_srtp::option::srtp_replay_protection(128));
    rtc_srtp::context::Context::new(key, salt, profile, replay, None, provider.crypto()).unwrap()
}

fn webrtc_context(key: &MasterKey) -> webrtc_srtp::context::Context {
    use webrtc_srtp::protection_profile::ProtectionProfile as Profile;
    let profile = match key.suite() {
        Suite::AesCm128HmacSha1_80 => Profile::Aes128CmHmacSha1_80,
        Suite::AesCm128HmacSha1_32 => Profile::Aes128CmHmacSha1_32,
        Suite::AeadAes128Gcm => Profile::AeadAes128Gcm,
        Suite::AeadAes256Gcm => Profile::AeadAes256Gcm,
    };
    let (key, salt) = key.as_bytes().split_at(key.suite().key_len());
    let replay = Some(webrtc_srtp::option::srtp_replay_protection(128));
    webrtc_srtp::context::Context::new(key, salt, profile, replay, None).unwrap()
}

/// CPU time of this thread.
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
/// The first round warms up and is not counted.
const ROUNDS: usize = 10;
const KEY: [u8; 44] = [0x5a; 44];
