//! From packets to places on a time line, in samples.
//!
//! Inside a run of packets (one SSRC, one epoch) the RTP timestamp says where a packet belongs: loss leaves a gap,
//! reordering and delay do not matter. Two things end that trust: another run, and a timestamp clock that left the
//! wall clock by more than [`JUMP_US`] for a whole [`WINDOW_US`], in either direction: a sender that stood still
//! without counting, or one that leapt. Then the arrival times decide how much time really passed. So no timestamp,
//! however absurd, makes a file longer than the call.
//!
//! "Transit" is arrival less the RTP time of the packet's end, before which it cannot leave: constant up to jitter while both clocks agree,
//! however much a packet holds.

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

/// A packet as the layout sees it.
#[derive(Clone, Copy)]
struct Step {
    packet: usize,
    index: u64,
    /// Timestamp, unwrapped, in samples.
    time: i64,
    arrival_us: i64,
    samples: i64,
}

impl Step {
    fn transit_us(&self) -> i64 {
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

/// The packets by epoch and SSRC in order of appearance, each run by sequence number without repeats.
fn runs<P>(packets: &[Packet<P>], samples_of: impl Fn(&Packet<P>) -> u32) -> Vec<Vec<Step>> {
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

/// The packets from the first of these on, for a while at most, until their timestamps leap: what they say together of how time passed.
fn stretch(run: &[Step]) -> &[Step] {
    let ends = |pair: &[Step]| pair[0].leaps_to(&pair[1]) || pair[1].arrival_us - run[0].arrival_us > WINDOW_US;
    let end = run.windows(2).position(ends).map_or(run.len(), |at| at + 1);
    &run[..end]
}

/// How many numbers between two packets never came: none where the time between them was far too short for so many, since
/// then the sender began to count anew.
fn lost_between(before: &Step, after: &Step) -> u64 {
    let missing = after.index - before.index - 1;
    let (sent_us, passed_us) = (missing as i64 * after.samples * 125, after.arrival_us - before.arrival_us);
    if sent_us > 2 * passed_us.max(0) + JUMP_US { 0 } else { missing }
}

/// Microseconds to samples, rounded to the nearest.
fn to_samples(us: i64) -> i64 {
    (us + if us < 0 { -62 } else { 62 }) / 125
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Side;

    fn packet(n: u64, timestamp: u32, arrival_us: u64) -> Packet<()> {
        Packet {
            side: Side::Near,
            epoch: 0,
            ssrc: 1,
            index: n,
            timestamp,
            arrival_us,
            payload_type: 0,
            marker: false,
            payload: (),
        }
    }

    /// `count` packets of 20 ms, the first with this timestamp, `n` counted from zero.
    fn steady(count: u64, first: u32) -> Vec<Packet<()>> {
        (0..count).map(|n| packet(n, first.wrapping_add(160 * n as u32), 1_000_000 + 20_000 * n)).collect()
    }

    fn lay(packets: &[Packet<()>]) -> Timeline {
        lay_out(packets, |_| 160)
    }

    fn sample_of(timeline: &Timeline, packet: usize) -> u64 {
        timeline.placed.iter().find(|(_, at)| *at == packet).unwrap().0
    }

    #[test]
    fn steady_packets_lie_side_by_side_over_a_timestamp_wrap() {
        let timeline = lay(&steady(100, u32::MAX - 1000));
        assert_eq!(timeline.samples, 16_000);
        assert_eq!(timeline.base_us, 1_000_000);
        assert!(timeline.placed.iter().enumerate().all(|(n, placed)| *placed == (160 * n as u64, n)));
        assert!(timeline.flags.is_empty());
    }

    #[test]
    fn loss_leaves_its_time_and_reordering_and_repeats_do_nothing() {
        let mut packets = steady(100, 7);
        packets.drain(20..25);
        packets.swap(50, 53);
        packets.push(packets[60]);
        let timeline = lay(&packets);
        assert_eq!((timeline.lost, timeline.samples, timeline.placed.len()), (5, 16_000, 95));
        assert_eq!(timeline.placed[20].0, 25 * 160);
    }

    #[test]
    fn the_base_is_that_of_the_least_delayed_packet() {
        let mut packets = steady(100, 0);
        for packet in &mut packets {
            packet.arrival_us += 3_000;
        }
        packets[0].arrival_us += 40_000;
        assert_eq!(lay(&packets).base_us, 1_003_000);
    }

    #[test]
    fn a_run_whose_numbers_and_timestamps_leap_soon_after_it_began_is_whole() {
        for (leap, behind) in [1_187_000_000u32, 0u32.wrapping_sub(1_187_000_000)]
            .into_iter()
            .flat_map(|leap| [1, 2, 5, 50].map(|n| (leap, n)))
        {
            let mut packets = steady(400, 100);
            packets[100..].iter_mut().for_each(|packet| packet.ssrc = 2);
            for packet in &mut packets[100 + behind..] {
                packet.index += 12_000;
                packet.timestamp = packet.timestamp.wrapping_add(leap);
            }
            let timeline = lay(&packets);
            let told = (timeline.samples, timeline.placed.len(), timeline.lost);
            assert_eq!(told, (64_000, 400, 0), "leap {leap} behind {behind}");
            assert_eq!(timeline.flags.len(), 1, "{:?}", timeline.flags);
        }
    }

    #[test]
    fn a_sender_that_begins_anew_a_little_below_goes_on() {
        for below in [2, 60, 110] {
            let mut packets = steady(300, 3_324_447_100);
            for packet in &mut packets[150..] {
                packet.index -= below;
                packet.timestamp = packet.timestamp.wrapping_add(1_187_000_000);
            }
            let timeline = lay(&packets);
            let places: Vec<u64> = timeline.placed.iter().map(|(sample, _)| *sample).collect();
            assert_eq!(places, (0..300).map(|n| 160 * n).collect::<Vec<_>>(), "{below} below");
        }
    }

    #[test]
    fn packets_that_hold_less_from_now_on_lie_where_they_were_said() {
        // 60 ms until then; two of 30 ms of a run that began 20 ms later.
        let mut packets: Vec<Packet<()>> = (0..20).map(|n| packet(n, 480 * n as u32, 1_000_000 + 60_000 * n)).collect();
        let begins = 1_000_000 + 60_000 * 19 + 80_000;
        for n in 0..3u64 {
            packets.push(packet(n, 480 * n as u32, begins + 60_000 * n));
        }
        for n in 0..2u64 {
            packets.push(packet(3 + n, 1440 + 240 * n as u32, begins + 150_000 + 30_000 * n));
        }
        packets[20..].iter_mut().for_each(|packet| packet.ssrc = 2);
        let timeline = lay_out(&packets, |packet| if packet.ssrc == 2 && packet.index > 2 { 240 } else { 480 });
        assert_eq!(sample_of(&timeline, 20), 480 * 20 + 160);
        assert_eq!(timeline.samples, 480 * 23 + 160 + 480);
    }

    #[test]
    fn a_source_that_follows_another_lies_where_it_was_said_whatever_their_packets_held() {
        // Packets of these lengths, each sent when its end was said; then, 100 ms later, those of another source.
        for (before, after) in
            [([160, 320], [320, 320]), ([320, 160], [160, 160]), ([160, 480], [160, 240]), ([480, 480], [80, 480])]
        {
            let (mut packets, mut begun, mut said) = (Vec::new(), Vec::new(), 8000u32);
            for (ssrc, both) in [(1, before), (2, after)] {
                let mut timestamp = 1000 * ssrc;
                // The first length is heard less than a second long.
                for (n, length) in (0..40).map(|n| (n, both[usize::from(n >= 10)])) {
                    said += length;
                    let sent = packet(n, timestamp, u64::from(said) * 125 + 1000);
                    packets.push(Packet { ssrc, ..sent });
                    begun.push((said - length) as u64);
                    timestamp += length;
                }
                said += 800;
            }
            let of = |packet: &Packet<()>| {
                let both = if packet.ssrc == 1 { before } else { after };
                both[usize::from(packet.index >= 10)]
            };
            let timeline = lay_out(&packets, of);
            let places: Vec<u64> = timeline.placed.iter().map(|(sample, _)| *sample).collect();
            let said: Vec<u64> = begun.iter().map(|at| at - 8000).collect();
            assert_eq!(places, said, "{before:?} then {after:?}");
        }
    }

    #[test]
    fn a_leap_that_comes_early_or_late_costs_no_sample() {
        for off_us in [-3_000i64, 4_000] {
            let mut packets = steady(200, 100);
            for packet in &mut packets[100..] {
                packet.timestamp = packet.timestamp.wrapping_add(1_000_000_000);
                packet.arrival_us = packet.arrival_us.saturating_add_signed(off_us);
            }
            let timeline = lay(&packets);
            assert_eq!((sample_of(&timeline, 100), timeline.samples), (16_000, 32_000), "{off_us} us");
        }
    }

    #[test]
    fn numbers_that_were_lost_while_their_time_passed_are_lost() {
        let mut packets = steady(6000, 7);
        packets.drain(100..5000);
        assert_eq!(lay(&packets).lost, 4900);
    }

    #[test]
    fn a_pause_that_the_timestamps_count_is_silence_once() {
        let mut packets = steady(100, 0);
        for packet in &mut packets[50..] {
            packet.timestamp += 80_000;
            packet.arrival_us += 10_000_000;
        }
        let timeline = lay(&packets);
        assert_eq!(timeline.samples, 16_000 + 80_000);
        assert!(timeline.flags.is_empty());
    }

    #[test]
    fn a_pause_that_the_timestamps_do_not_count_is_silence_too() {
        let mut packets = steady(100, 0);
        packets[50..].iter_mut().for_each(|packet| packet.arrival_us += 10_000_000);
        let timeline = lay(&packets);
        assert_eq!(timeline.samples, 16_000 + 80_000);
        assert_eq!(timeline.flags, ["sender-stalled"]);
    }

    #[test]
    fn a_network_that_stood_still_and_caught_up_changes_nothing() {
        let mut packets = steady(400, 0);
        for packet in &mut packets[100..250] {
            packet.arrival_us = packet.arrival_us.max(1_000_000 + 20_000 * 250);
        }
        let timeline = lay(&packets);
        assert_eq!((timeline.samples, timeline.flags.len()), (400 * 160, 0));
    }

    #[test]
    fn a_leap_of_the_timestamps_makes_no_silence() {
        for leap in [3_600 * 8_000u32, 1 << 31, 0u32.wrapping_sub(800_000)] {
            let mut packets = steady(100, 0);
            packets[50..].iter_mut().for_each(|packet| packet.timestamp = packet.timestamp.wrapping_add(leap));
            let timeline = lay(&packets);
            assert_eq!(timeline.samples, 16_000, "leap {leap}");
            assert!(!timeline.flags.is_empty());
        }
    }

    #[test]
    fn what_follows_a_leap_lies_over_nothing_where_it_was_a_little_early() {
        for early_us in [1_000, 9_000] {
            let mut packets = steady(100, 0);
            for packet in &mut packets[50..] {
                packet.index += 6800;
                packet.timestamp += 8_618_484;
                packet.arrival_us -= early_us;
            }
            let timeline = lay(&packets);
            let places: Vec<u64> = timeline.placed.iter().map(|(sample, _)| *sample).collect();
            assert_eq!(places, (0..100).map(|n| 160 * n).collect::<Vec<_>>(), "{early_us} us early");
        }
    }

    #[test]
    fn leaps_that_follow_each_other_soon_cost_no_sample() {
        for (from, between) in [(10, 1), (10, 2), (10, 11), (100, 11), (100, 40), (100, 60)] {
            for leaps in
                [[518_000_000u32, 1_118_000_000], [0u32.wrapping_sub(518_000_000), 1_118_000_000], [1 << 30, 1 << 29]]
            {
                let mut packets = steady(400, 2_040_438_302);
                for (packet, leap) in leaps.iter().enumerate().map(|(n, leap)| (from + n * between, leap)) {
                    for later in &mut packets[packet..] {
                        later.timestamp = later.timestamp.wrapping_add(*leap);
                        later.index += 1000;
                    }
                }
                let timeline = lay(&packets);
                let places: Vec<u64> = timeline.placed.iter().map(|(sample, _)| *sample).collect();
                assert_eq!(
                    places,
                    (0..400).map(|n| 160 * n).collect::<Vec<_>>(),
                    "{between} apart from {from}: {leaps:?}"
                );
            }
        }
    }

    #[test]
    fn a_single_absurd_timestamp_is_placed_by_its_sequence_number() {
        for odd in [8_000 * 3_600u32, 0u32.wrapping_sub(8_000 * 3_600)] {
            let mut packets = steady(100, 100_000);
            packets[40].timestamp = packets[40].timestamp.wrapping_add(odd);
            let timeline = lay(&packets);
            assert_eq!(timeline.samples, 16_000);
            assert_eq!(sample_of(&timeline, 40), 40 * 160);
            assert_eq!(sample_of(&timeline, 41), 41 * 160);
        }
    }

    #[test]
    fn another_ssrc_goes_on_where_the_wall_clock_stands() {
        let mut packets = steady(100, 0);
        for packet in &mut packets[50..] {
            (packet.ssrc, packet.timestamp, packet.index) =
                (2, packet.timestamp.wrapping_add(123_456_789), packet.index + 9_000);
            packet.arrival_us += 2_000_000;
        }
        let timeline = lay(&packets);
        assert_eq!(timeline.samples, 16_000 + 16_000);
        assert_eq!(timeline.lost, 0);
        packets[50..].iter_mut().for_each(|packet| packet.arrival_us -= 2_001_000);
        assert_eq!(lay(&packets).samples, 16_000, "a run that comes a little early begins at the old one's end");
    }

    #[test]
    fn slow_clocks_drift_without_a_jump() {
        let packets: Vec<_> = (0..60_000u64).map(|n| packet(n, 160 * n as u32, 20_004 * n)).collect();
        let timeline = lay(&packets);
        assert_eq!((timeline.samples, timeline.flags.len()), (60_000 * 160, 0));
    }

    #[test]
    fn random_packets_never_make_more_than_the_call() {
        use rand_core::{Rng, SeedableRng};
        let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(11);
        for _ in 0..300 {
            let mut packets = steady(60, rng.next_u32());
            for _ in 0..10 {
                let at = rng.next_u32() as usize % packets.len();
                let odd = &mut packets[at];
                match rng.next_u32() % 4 {
                    0 => odd.timestamp = rng.next_u32(),
                    1 => odd.index = u64::from(rng.next_u32()),
                    2 => odd.ssrc = rng.next_u32() % 3,
                    _ => odd.epoch = (rng.next_u32() % 3) as u16,
                }
            }
            let timeline = lay(&packets);
            assert!(timeline.samples < 8_000 * 30, "{}", timeline.samples);
        }
    }

    #[test]
    fn no_packet_makes_an_empty_time_line() {
        assert_eq!(lay(&[]), Timeline::default());
    }
}
