//! Runs of packets whose timestamps belong together, and what is odd in them.

use super::{JUMP_US, RATE, WINDOW_US};
use crate::journal::Packet;

/// A packet as the layout sees it.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub(super) packet: usize,
    pub(super) index: u64,
    /// Timestamp, unwrapped, in samples.
    pub(super) time: i64,
    pub(super) arrival_us: i64,
    pub(super) samples: i64,
}

impl Step {
    /// When it came, less its RTP time.
    pub(super) fn transit_us(&self) -> i64 {
        self.arrival_us - (self.time + self.samples) * 125
    }

    /// Whether the timestamp of the packet after this one is neither what its number nor what its arrival lets expect.
    fn leaps_to(&self, next: &Self) -> bool {
        let expected = self.time.saturating_add((next.index - self.index) as i64 * self.samples);
        let is_off = (next.time - expected).abs() > RATE as i64;
        is_off && (next.transit_us() - self.transit_us()).abs() > JUMP_US
    }

    /// Whether a packet that comes behind one with a higher number is no late one: its timestamp is that of another time.
    fn begins_anew(&self, highest: &Self) -> bool {
        let Some(behind) = highest.index.checked_sub(self.index) else { return false };
        let between = i64::from((self.time - highest.time) as u32 as i32);
        let expected = i64::try_from(behind).unwrap_or(i64::MAX).saturating_mul(self.samples);
        between.saturating_add(expected).abs() > RATE as i64
    }
}

/// The packets by epoch and SSRC in order of appearance, each run by sequence number without repeats.
pub(super) fn runs<P>(packets: &[Packet<P>], samples_of: impl Fn(&Packet<P>) -> u32) -> Vec<Vec<Step>> {
    let mut names: Vec<(u16, u32)> = Vec::new();
    let mut runs: Vec<Vec<Step>> = Vec::new();
    for (at, packet) in packets.iter().enumerate() {
        let name = (packet.epoch, packet.ssrc);
        let run = names.iter().rposition(|known| *known == name).unwrap_or_else(|| {
            names.push(name);
            runs.push(Vec::new());
            runs.len() - 1
        });
        runs[run].push(Step {
            packet: at,
            index: packet.index,
            time: i64::from(packet.timestamp),
            arrival_us: packet.arrival_us as i64,
            samples: i64::from(samples_of(packet)),
        });
    }
    let mut runs: Vec<Vec<Step>> = runs.into_iter().flat_map(parted).collect();
    for run in &mut runs {
        run.sort_by_key(|step| step.index);
        run.dedup_by_key(|step| step.index);
        for at in 1..run.len() {
            let step = (run[at].time as u32).wrapping_sub(run[at - 1].time as u32) as i32;
            run[at].time = run[at - 1].time + i64::from(step);
        }
    }
    runs
}

/// A run, given in order of arrival, parted where its sender began numbers and timestamps anew a little below the highest: two packets
/// say so, as one may be odd.
fn parted(run: Vec<Step>) -> Vec<Vec<Step>> {
    let mut parts: Vec<Vec<Step>> = vec![Vec::new()];
    let mut highest: Option<Step> = None;
    for (at, step) in run.iter().enumerate() {
        let is_anew = highest.is_some_and(|highest| {
            step.begins_anew(&highest) && run.get(at + 1).is_some_and(|next| next.begins_anew(&highest))
        });
        if is_anew {
            parts.push(Vec::new());
            highest = None;
        }
        highest = highest.filter(|highest| highest.index > step.index).or(Some(*step));
        parts.last_mut().into_iter().for_each(|part| part.push(*step));
    }
    parts
}

/// The packets from the first of these on, for a while at most, until their timestamps leap: what they say together of how time passed.
pub(super) fn stretch(run: &[Step]) -> &[Step] {
    let ends = |pair: &[Step]| pair[0].leaps_to(&pair[1]) || pair[1].arrival_us - run[0].arrival_us > WINDOW_US;
    let end = run.windows(2).position(ends).map_or(run.len(), |at| at + 1);
    &run[..end]
}

/// How many numbers between two packets never came: none where the time between them was far too short for so many, since
/// then the sender began to count anew.
pub(super) fn lost_between(before: &Step, after: &Step) -> u64 {
    let missing = after.index - before.index - 1;
    let (sent_us, passed_us) = (missing as i64 * after.samples * 125, after.arrival_us - before.arrival_us);
    if sent_us > 2 * passed_us.max(0) + JUMP_US { 0 } else { missing }
}
