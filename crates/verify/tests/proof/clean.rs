//! Recordings that are right raise no finding, whatever the network did.

use crate::rig::{Case, FRAME, FRAMES, KEY_PACKETS, Layout};
use media::ledger::{Fate, Row, Stream};
use verify::{Expected, Level, Limits, Recorded, RecordedFile, Truth, Verdict, judge};

/// Seeds of each kind of clean run; `CLEAN_RUNS` asks for more.
fn runs() -> u64 {
    std::env::var("CLEAN_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(20)
}

fn check(seed: u64, verdict: &Verdict) {
    assert_eq!(verdict.findings, [], "seed {seed}");
    assert_eq!(verdict.level, Level::Pass, "seed {seed}");
}

#[test]
fn a_perfect_recording_passes_and_says_what_it_compared() {
    for seed in 0..runs() {
        let verdict = Case::new(seed).judge();
        check(seed, &verdict);
        assert_eq!(verdict.compared_frames, 4 * FRAMES as u64, "seed {seed}");
        for channel in &verdict.channels {
            assert_eq!(channel.frames["exact"]["delivered"], FRAMES as u64);
            assert_eq!((channel.segments, channel.mode.as_str()), (1, "exact"));
            assert_eq!((channel.lattice_percent, channel.gain_db), (100.0, 0.0));
        }
        for recording in &verdict.recordings {
            assert!(recording.alignment_ms.values().all(|ms| ms.abs() < 0.2), "{recording:?}");
        }
    }
}

fn impaired(seed: u64, impair: fn(&mut Case, stream: usize, frame: usize)) -> Verdict {
    let mut case = Case::new(seed);
    for stream in 0..4 {
        for frame in 0..FRAMES {
            impair(&mut case, stream, frame);
        }
    }
    case.record();
    case.judge()
}

#[test]
fn packets_the_network_lost_are_silence_and_no_finding() {
    for seed in 0..runs() {
        let verdict = impaired(seed, |case, stream, frame| {
            if case.below(20) == 0 && frame + 1 < FRAMES {
                case.streams[stream].rows[frame].fate = Fate::Dropped;
            }
        });
        check(seed, &verdict);
        assert!(verdict.channels.iter().all(|channel| channel.frames["gap"]["dropped"] > 0));
    }
}

#[test]
fn bursts_of_loss_keep_their_time() {
    for seed in 0..runs() {
        let verdict = impaired(seed, |case, stream, frame| {
            if frame / 10 % 7 == stream && frame + 1 < FRAMES {
                case.streams[stream].rows[frame].fate = Fate::Dropped;
            }
        });
        check(seed, &verdict);
    }
}

#[test]
fn lost_packets_may_be_concealed_by_the_last_one() {
    for seed in 0..runs() {
        let mut case = Case::new(seed);
        let (leg, frame) = case.somewhere();
        case.streams[leg].rows[frame].fate = Fate::Dropped;
        case.record();
        let at = case.place(leg, frame);
        case.audio[0][leg].copy_within(at - FRAME..at, at);
        check(seed, &case.judge());
    }
}

#[test]
fn reordered_duplicated_and_delayed_packets_are_recorded_in_place() {
    for seed in 0..runs() {
        let verdict = impaired(seed, |case, stream, frame| {
            let fate = match case.below(10) {
                0 => Fate::Delayed { delay_us: 30_000 },
                1 => Fate::Duplicated { delay_us: 300, again_us: 5_000 },
                _ => Fate::Delivered { delay_us: 300 + case.below(15_000) as u32 },
            };
            case.streams[stream].rows[frame].fate = fate;
        });
        check(seed, &verdict);
    }
}

#[test]
fn a_packet_later_than_the_budget_may_be_there_or_not() {
    for seed in 0..runs() {
        for missing in [false, true] {
            let mut case = Case::new(seed);
            let (leg, frame) = case.somewhere();
            case.streams[leg].rows[frame].fate = Fate::Delayed { delay_us: 250_000 };
            if missing {
                let at = case.place(leg, frame);
                case.audio[0][leg][at..at + FRAME].fill(0);
            }
            check(seed, &case.judge());
        }
    }
}

#[test]
fn a_hold_in_which_the_time_line_goes_on_is_silence() {
    for seed in 0..runs() {
        let mut case = Case::new(seed);
        for stream in 0..2 {
            for row in &mut case.streams[stream].rows[150..] {
                row.timestamp = row.timestamp.wrapping_add(8000 * 3);
                row.sent_us += 3_000_000;
            }
        }
        case.record();
        check(seed, &case.judge());
    }
}

#[test]
fn a_key_is_silence_or_whatever_the_recorder_puts_there_and_the_voice_behind_it_is_judged() {
    for seed in 0..runs() {
        for is_heard in [false, true] {
            let mut case = Case::new(seed);
            let (leg, frame) = case.somewhere();
            case.press(leg, frame);
            case.record();
            if is_heard {
                let at = case.place(leg, frame);
                let tone = case.noise(5 * FRAME);
                case.audio[0][leg][at..at + 5 * FRAME].copy_from_slice(&tone);
            }
            let verdict = case.judge();
            check(seed, &verdict);
            assert_eq!(verdict.compared_frames, (4 * FRAMES - KEY_PACKETS) as u64, "seed {seed}");
        }
    }
}

#[test]
fn a_time_line_that_stands_still_while_the_clock_goes_on_is_a_pause() {
    for seed in 0..runs() {
        for by_the_clock in [false, true] {
            let mut case = Case::new(seed);
            for stream in 0..2 {
                for row in &mut case.streams[stream].rows[150..] {
                    row.sent_us += 3_000_000;
                }
                if by_the_clock {
                    let at = case.place(stream, 150);
                    case.audio[0][stream].splice(at..at, vec![0; 8000 * 3]);
                }
            }
            let verdict = case.judge();
            if !by_the_clock {
                assert!(verdict.has("closed-gap"), "seed {seed}: {:?}", verdict.findings);
                continue;
            }
            check(seed, &verdict);
        }
    }
}

#[test]
fn a_new_ssrc_within_a_leg_continues_on_the_clock() {
    let mut case = Case::new(1);
    let mut second = case.streams[0].clone();
    second.ssrc ^= 1;
    second.rows.drain(..150);
    for row in &mut second.rows {
        row.timestamp = row.timestamp.wrapping_add(123_456_789);
    }
    case.streams[0].rows.truncate(150);
    case.streams.push(second);
    case.write();
    let files = case.files.take().unwrap();
    let mut expected = Expected::new("call 0", 0, 1);
    expected.near.push(5);
    let truth = Truth { streams: &case.streams, recordings: vec![expected] };
    let file = RecordedFile::stereo("stereo.wav", &files[0][0]);
    let recorded = Recorded { label: "r".into(), expected: Some(0), files: vec![file] };
    check(1, &judge(&truth, &[recorded], &Limits::default()));
}

/// The same voice in packets of 10 ms, of which two leave together.
fn in_pairs(stream: &Stream) -> Stream {
    let mut pairs = Stream { rows: Vec::new(), payloads: Vec::new(), samples_per_packet: 80, ..stream.clone() };
    for row in &stream.rows {
        for (half, payload) in (0..).zip(stream.payload(row).chunks(80)) {
            let (index, timestamp) = (2 * row.index + half, row.timestamp.wrapping_add(80 * half as u32));
            pairs.push(Row { index, sequence: index as u16, timestamp, ..*row }, payload);
        }
    }
    pairs
}

#[test]
fn a_pause_behind_packets_that_left_together_is_known_as_well_as_any() {
    for (off, is_fine) in [(-24, true), (0, true), (72, true), (-88, false), (88, false)] {
        let mut case = Case::new(1);
        case.record();
        let (from, to) = (case.place(0, 150), case.place(0, 250));
        let whole = case.audio[0][0].len();
        case.audio[0][0].splice(from..to, vec![0; (100 * FRAME as i64 + off) as usize]);
        let longer = case.audio[0][0].len().max(whole);
        case.audio[0][0].resize(longer, 0);
        let mut first = in_pairs(&case.streams[0]);
        let mut second = first.clone();
        second.ssrc ^= 1;
        second.rows.drain(..500);
        first.rows.truncate(300);
        case.streams[0] = first;
        case.streams.push(second);
        case.write();
        let files = case.files.take().unwrap();
        let mut expected = Expected::new("call 0", 0, 1);
        expected.near.push(5);
        let truth = Truth { streams: &case.streams, recordings: vec![expected] };
        let file = RecordedFile::stereo("stereo.wav", &files[0][0]);
        let recorded = Recorded { label: "r".into(), expected: Some(0), files: vec![file] };
        let verdict = judge(&truth, &[recorded], &Limits::default());
        assert_eq!(verdict.findings.is_empty(), is_fine, "{off}: {:#?}", verdict.findings);
    }
}

/// The same voice in packets of 60 ms, each sent when its last sample was said.
fn in_threes(stream: &Stream) -> Stream {
    let mut threes = Stream { rows: Vec::new(), payloads: Vec::new(), samples_per_packet: 480, ..stream.clone() };
    for (number, rows) in stream.rows.chunks_exact(3).enumerate() {
        let payload: Vec<u8> = rows.iter().flat_map(|row| stream.payload(row)).copied().collect();
        let (index, sent_us) = (rows[0].index + number as u64, rows[2].sent_us);
        threes.push(Row { index, sequence: index as u16, sent_us, ..rows[0] }, &payload);
    }
    threes
}

#[test]
fn a_stream_that_follows_one_of_longer_packets_lies_where_it_was_said() {
    for (off, is_fine) in [(0, true), (72, true), (-72, true), (320, false), (-320, false)] {
        let mut case = Case::new(1);
        case.record();
        // Packets of 60 ms until the 240th frame, ten frames that never were, and 20 ms from then on.
        let (from, to) = (case.place(0, 240), case.place(0, 250));
        let whole = case.audio[0][0].len();
        case.audio[0][0].splice(from..to, vec![0; (10 * FRAME as i64 + off) as usize]);
        let longer = case.audio[0][0].len().max(whole);
        case.audio[0][0].resize(longer, 0);
        let mut first = case.streams[0].clone();
        first.rows.truncate(240);
        let mut second = case.streams[0].clone();
        second.ssrc ^= 1;
        second.rows.drain(..250);
        case.streams[0] = in_threes(&first);
        case.streams.push(second);
        case.write();
        let files = case.files.take().unwrap();
        let mut expected = Expected::new("call 0", 0, 1);
        expected.near.push(5);
        let truth = Truth { streams: &case.streams, recordings: vec![expected] };
        let file = RecordedFile::stereo("stereo.wav", &files[0][0]);
        let recorded = Recorded { label: "r".into(), expected: Some(0), files: vec![file] };
        let verdict = judge(&truth, &[recorded], &Limits::default());
        assert_eq!(verdict.findings.is_empty(), is_fine, "{off}: {:#?}", verdict.findings);
    }
}

#[test]
fn a_pause_behind_a_packet_that_left_late_is_known_as_well_as_any() {
    for (off, is_fine) in [(-8, true), (72, true), (-72, true), (-88, false), (88, false)] {
        let mut case = Case::new(1);
        case.record();
        // The 240th frame is a stream's only one, half of what was to be said at once; nine frames never were.
        let (from, to) = (case.place(0, 241), case.place(0, 250));
        let whole = case.audio[0][0].len();
        case.audio[0][0].splice(from..to, vec![0; (9 * FRAME as i64 + off) as usize]);
        let longer = case.audio[0][0].len().max(whole);
        case.audio[0][0].resize(longer, 0);
        let mut alone = case.streams[0].clone();
        alone.rows.drain(..240);
        let mut second = alone.clone();
        alone.rows.truncate(1);
        alone.rows[0].sent_us += 20_000;
        second.ssrc ^= 1;
        second.rows.drain(..10);
        case.streams[0].rows.truncate(240);
        case.streams.extend([alone, second]);
        case.write();
        let files = case.files.take().unwrap();
        let mut expected = Expected::new("call 0", 0, 1);
        expected.near.extend([5, 6]);
        let truth = Truth { streams: &case.streams, recordings: vec![expected] };
        let file = RecordedFile::stereo("stereo.wav", &files[0][0]);
        let recorded = Recorded { label: "r".into(), expected: Some(0), files: vec![file] };
        let verdict = judge(&truth, &[recorded], &Limits::default());
        assert_eq!(verdict.findings.is_empty(), is_fine, "{off}: {:#?}", verdict.findings);
    }
}

#[test]
fn a_stream_that_begins_in_the_last_packets_of_a_key_lies_where_its_voice_does() {
    let mut case = Case::new(1);
    case.press(0, 146);
    case.record();
    // The last packet of the key is the first one of a source whose numbers and timestamps begin anew; another key follows.
    let mut second = case.streams[0].clone();
    second.rows.drain(..152);
    for row in &mut second.rows {
        row.timestamp = row.timestamp.wrapping_add(123_456_789);
    }
    let mut third = second.clone();
    third.rows.drain(..50);
    second.rows.truncate(50);
    case.streams[0].rows.truncate(152);
    case.streams.extend([second, third]);
    case.write();
    let files = case.files.take().unwrap();
    let mut expected = Expected::new("call 0", 0, 1);
    expected.near.extend([5, 6]);
    let truth = Truth { streams: &case.streams, recordings: vec![expected] };
    let file = RecordedFile::stereo("stereo.wav", &files[0][0]);
    let recorded = Recorded { label: "r".into(), expected: Some(0), files: vec![file] };
    check(1, &judge(&truth, &[recorded], &Limits::default()));
}

#[test]
fn the_edges_of_a_call_are_excused_by_answer_and_bye_only() {
    let judged = |from_us, until_us| {
        let mut case = Case::new(1);
        case.layout = Layout::Mono;
        case.record();
        case.audio[0][0].drain(..2 * FRAME);
        let end = case.audio[0][0].len() - FRAME;
        case.audio[0][0].truncate(end);
        case.write();
        let files = case.files.take().unwrap();
        let expected = Expected { near: vec![0], from_us, until_us, label: "call 0".into(), ..Expected::default() };
        let truth = Truth { streams: &case.streams, recordings: vec![expected] };
        let file = RecordedFile::mono("near.wav", media::ledger::Leg::Near, &files[0][0]);
        judge(&truth, &[Recorded { label: "r".into(), expected: Some(0), files: vec![file] }], &Limits::default())
    };
    check(1, &judged(Some(1_000_000), Some(1_000_000 + 20_000 * FRAMES as u64)));
    let strict = judged(None, None);
    assert!(strict.has("start-clipped") && strict.has("end-clipped"), "{:#?}", strict.findings);
}

#[test]
fn files_that_claim_nothing_are_recognised_by_their_audio() {
    for seed in 0..6 {
        let mut case = Case::new(seed);
        case.named = [None, None];
        let verdict = case.judge();
        check(seed, &verdict);
    }
}

#[test]
fn tones_and_silence_are_matched_by_their_place() {
    use media::g711::{Law, encode_all};
    for law in Law::ALL {
        let mut case = Case::new(if law == Law::Mu { 2 } else { 1 });
        case.layout = Layout::Stereo;
        for (stream, mut voice) in
            [(0, media::signal::Voice::tone(1000.0, -20.0)), (1, media::signal::Voice::silence())]
        {
            case.streams[stream].payloads.clear();
            for _ in 0..FRAMES {
                let mut samples = [0; FRAME];
                voice.next_frame(&mut samples);
                case.streams[stream].payloads.extend(encode_all(law, &samples));
            }
        }
        case.streams.truncate(4);
        case.record();
        check(1, &case.judge());
    }
}

#[test]
fn nothing_compared_is_never_a_pass() {
    let truth = Truth { streams: &[], recordings: Vec::new() };
    assert_eq!(judge(&truth, &[], &Limits::default()).level, Level::Undecided);
    let truth = Truth { streams: &[], recordings: vec![Expected::default()] };
    let verdict = judge(&truth, &[], &Limits::default());
    assert!(verdict.has("missing-recording"));
}

#[test]
fn equal_input_gives_equal_json() {
    let json = |seed| serde_json::to_string(&Case::new(seed).judge()).unwrap();
    assert_eq!(json(4), json(4));
    assert!(json(4).contains("\"level\":\"pass\""));
}

#[test]
fn a_tone_whose_frames_are_all_the_same_proves_nothing() {
    let mut case = Case::new(1);
    let tone: Vec<i16> = (0..FRAME).map(|n| [0, 900, 4000, 900, 0, -900, -4000, -900][n % 8]).collect();
    let codes = media::g711::encode_all(case.law, &tone);
    for stream in &mut case.streams {
        stream.payloads = codes.repeat(FRAMES);
    }
    case.record();
    let verdict = case.judge();
    assert!(verdict.compared_frames == 0 && !verdict.passed(), "{} compared", verdict.compared_frames);
}

#[test]
fn a_leg_may_be_laid_out_by_the_packet_that_was_least_on_its_way() {
    const EARLY_MS: usize = 12;
    for seed in 0..runs() {
        let mut case = Case::new(seed);
        case.layout = Layout::Stereo;
        // As behind a change of packet time: one packet of the far leg leaves before its time.
        case.streams[1].rows[FRAMES - 1].sent_us -= EARLY_MS as u64 * 1000;
        case.record();
        let [near, far] = &mut case.audio[0];
        near.splice(0..0, vec![0; EARLY_MS * 8]);
        far.resize(near.len(), 0);
        check(seed, &case.judge());
    }
}
