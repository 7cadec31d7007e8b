//! From packets to places on a time line, in samples.
//!
//! Inside a run of packets (one SSRC, one epoch) the RTP timestamp says where a packet belongs: loss leaves a gap,
//! reordering and delay do not matter. Two things end that trust: another run, and a timestamp clock that left the
//! wall clock by more than [`JUMP_US`]: one that leapt, as more than one packet says, or one that stands apart for a whole
//! [`WINDOW_US`], as that of a sender that stood still without counting. Then the arrival times decide how much time really
//! passed. So no timestamp, however absurd, makes a file longer than the call.
//!
//! "Transit" is arrival less the RTP time of the packet's end, before which it cannot leave: constant up to jitter while both clocks agree,
//! however much a packet holds.

mod runs;
#[cfg(test)]
mod tests;

use self::runs::{Step, lost_between, runs, stretch};
use crate::journal::Packet;

/// Samples and timestamp units a second, of all codecs known here.
pub(crate) const RATE: u64 = 8000;

/// By how much timestamps and arrival times may differ before the timestamps are doubted.
const JUMP_US: i64 = 1_000_000;
/// How long a doubt must hold before the timestamps are given up: a network that stood still catches up within it.
const WINDOW_US: i64 = 1_000_000;
/// The past packets that say what transit is usual now; clocks drift, so it is not those of the beginning.
const RECENT: usize = 50;
/// The least-delayed packet among those of the first seconds stands for when the leg began.
const BASE_US: i64 = 5_000_000;
/// A new run that would begin inside the old one, or hardly after it, is put at its end.
const SNAP_BEFORE: i64 = RATE as i64 / 2;
const SNAP_AFTER: i64 = RATE as i64 / 100;
/// How far beyond the wall clock a packet may lie before it is left out.
const SLACK: i64 = 10 * RATE as i64;

/// Where one leg's packets belong.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Timeline {
    /// `(first sample, index into the packets given)`, in order of runs and sequence numbers, each sequence number
    /// once.
    pub(crate) placed: Vec<(u64, usize)>,
    /// Length in samples.
    pub(crate) samples: u64,
    /// When the first sample was heard, microseconds since the recording's start.
    pub(crate) base_us: i64,
    /// Sequence numbers that never came.
    pub(crate) lost: u64,
    /// `timestamp-jump`, `sender-stalled`, `timestamp-absurd`.
    pub(crate) flags: Vec<&'static str>,
}

/// The mapping in force: sample = `time` + `shift`; `usual_us` is the transit it was made for.
struct Mapping {
    shift: i64,
    recent: Vec<i64>,
}

impl Mapping {
    fn usual_us(&self) -> i64 {
        self.recent.iter().copied().min().unwrap_or(0)
    }

    fn saw(&mut self, transit_us: i64) {
        if self.recent.len() == RECENT {
            self.recent.remove(0);
        }
        self.recent.push(transit_us);
    }
}

/// Lays out one leg's packets, given in order of arrival. `samples_of` says how many samples a packet holds.
pub(crate) fn lay_out<P>(packets: &[Packet<P>], samples_of: impl Fn(&Packet<P>) -> u32) -> Timeline {
    let mut timeline = Timeline::default();
    let mut layout = Layout { mapping: None, end: 0, last: 0, origin: 0, timeline: &mut timeline };
    layout.last = packets.iter().map(|packet| packet.arrival_us as i64).max().unwrap_or(0);
    for run in runs(packets, samples_of) {
        layout.run(&run);
    }
    timeline
}

struct Layout<'a> {
    mapping: Option<Mapping>,
    /// The sample after the last one placed.
    end: i64,
    /// Arrival of the leg's last packet, microseconds.
    last: i64,
    /// When sample 0 was heard, microseconds.
    origin: i64,
    timeline: &'a mut Timeline,
}

impl Layout<'_> {
    fn run(&mut self, run: &[Step]) {
        if run.is_empty() {
            return;
        }
        self.timeline.lost += run.windows(2).map(|pair| lost_between(&pair[0], &pair[1])).sum::<u64>();
        let mut mapping = self.enter(run);
        for at in 0..run.len() {
            let time = self.time_of(run, at, &mut mapping);
            self.place(&run[at], time + mapping.shift);
        }
        self.mapping = Some(mapping);
    }

    /// The mapping for a run's first packets: the leg's origin, or the old mapping moved by the change of transit.
    fn enter(&mut self, run: &[Step]) -> Mapping {
        let begin = run[0].arrival_us;
        // Timestamps that leap meanwhile, or one that is odd, say nothing: most of them agree.
        let least = |run: &[Step], within_us: i64| {
            let near = run.iter().filter(|step| step.arrival_us - begin <= within_us);
            let mut transits: Vec<i64> = near.map(Step::transit_us).collect();
            transits.sort_unstable();
            let middle = transits.get((transits.len() - 1) / 2).copied().unwrap_or_default();
            transits.into_iter().find(|transit| middle - transit <= JUMP_US).unwrap_or(middle)
        };
        // Where timestamps leap soon after, those before say where the run begins.
        let agrees = |step: &&Step| (step.transit_us() - run[0].transit_us()).abs() <= JUMP_US;
        let before_leap = run.iter().take_while(agrees).count();
        let Some(old) = self.mapping.take() else {
            let origin = (run[0].time + run[0].samples) * 125 + least(&run[..before_leap], BASE_US);
            // A first packet whose timestamp is far from the others' says nothing; its arrival does.
            self.origin = if (origin - begin).abs() > JUMP_US { begin } else { origin };
            self.timeline.base_us = self.origin;
            return Mapping { shift: -run[0].time, recent: Vec::new() };
        };
        let usual = least(&run[..before_leap], WINDOW_US);
        let shift = self.snapped(run[0].time, old.shift + to_samples(usual - old.usual_us()));
        Mapping { shift, recent: Vec::new() }
    }

    /// The shift, moved where the packet of this time would begin a little before the end of what was placed, or hardly
    /// after it: there was no pause.
    fn snapped(&self, time: i64, shift: i64) -> i64 {
        let off = self.end - (time + shift);
        if (-SNAP_AFTER..SNAP_BEFORE).contains(&off) { shift + off } else { shift }
    }

    /// The packet's time in samples; moves the mapping where the timestamps left the wall clock for good.
    fn time_of(&mut self, run: &[Step], at: usize, mapping: &mut Mapping) -> i64 {
        let step = &run[at];
        let transit = step.transit_us();
        let usual = mapping.usual_us();
        if mapping.recent.is_empty() || (transit - usual).abs() <= JUMP_US {
            mapping.saw(transit);
            return step.time;
        }
        let stretch = stretch(&run[at..]);
        // Only this packet is odd: its neighbours say where it belongs.
        if stretch.len() == 1 && run.get(at + 1).is_some_and(|next| (next.transit_us() - usual).abs() <= JUMP_US) {
            let Some(before) = at.checked_sub(1).map(|before| &run[before]) else { return step.time };
            let expected = before.time + (step.index - before.index) as i64 * step.samples;
            // Where its timestamp agrees with its neighbour's it was merely late on the way.
            if (step.time - expected).abs() <= RATE as i64 {
                return step.time;
            }
            self.flag("timestamp-jump");
            return expected;
        }
        let (least, most) =
            stretch.iter().map(Step::transit_us).fold((transit, transit), |(a, b), t| (a.min(t), b.max(t)));
        if least - usual > JUMP_US || usual - most > JUMP_US {
            let stalled = least > usual;
            self.flag(if stalled { "sender-stalled" } else { "timestamp-jump" });
            mapping.shift += to_samples(least - usual);
            mapping.shift = self.snapped(step.time, mapping.shift);
            mapping.recent.clear();
            mapping.saw(transit);
        }
        step.time
    }

    fn place(&mut self, step: &Step, sample: i64) {
        let latest = to_samples(self.last - self.origin) + SLACK;
        if sample < 0 || sample > latest {
            self.flag("timestamp-absurd");
            return;
        }
        self.end = self.end.max(sample + step.samples);
        self.timeline.samples = self.end as u64;
        self.timeline.placed.push((sample as u64, step.packet));
    }

    fn flag(&mut self, word: &'static str) {
        if !self.timeline.flags.contains(&word) {
            self.timeline.flags.push(word);
        }
    }
}

/// Microseconds to samples, rounded to the nearest.
fn to_samples(us: i64) -> i64 {
    (us + if us < 0 { -62 } else { 62 }) / 125
}
