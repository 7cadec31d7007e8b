//! What leaps, stands still, begins anew and gets lost.

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
            assert_eq!(places, (0..400).map(|n| 160 * n).collect::<Vec<_>>(), "{between} apart from {from}: {leaps:?}");
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
