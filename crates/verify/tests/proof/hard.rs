//! What is hard to tell: very short files, tones, faint noise, single samples.

use media::g711::encode_all;
use media::ledger::Leg;
use media::signal::Voice;
use verify::{Expected, Level, Limits, Recorded, RecordedFile, Truth, Verdict, judge, judge_files};

use crate::rig::{Case, FRAME, FRAMES, Layout, wav};

fn told(verdict: &Verdict) -> Vec<(&str, &str)> {
    verdict.findings.iter().map(|finding| (finding.rule, finding.found.as_str())).collect()
}

fn rules(verdict: &Verdict) -> Vec<&str> {
    verdict.findings.iter().map(|finding| finding.rule).collect()
}

#[test]
fn a_file_of_one_packet_is_that_packet() {
    for (said, stored) in [(1, 1), (2, 1), (2, 2), (FRAMES, 1)] {
        let mut case = Case::new(1);
        case.layout = Layout::Mono;
        case.streams[0].rows.truncate(said);
        case.record();
        let bytes = wav(1, &case.audio[0][0][..stored * FRAME]);
        let expected = Expected { label: "call 0".into(), near: vec![0], ..Expected::default() };
        let truth = Truth { streams: &case.streams, recordings: vec![expected] };
        let files = vec![RecordedFile::mono("near.wav", Leg::Near, &bytes)];
        let wanted: &[&str] = if said == stored { &[] } else { &["end-clipped"] };
        for verdict in [
            judge(&truth, &[Recorded { label: "r".into(), expected: None, files: files.clone() }], &Limits::default()),
            judge_files(&truth, &files, &Limits::default()),
        ] {
            assert_eq!(rules(&verdict), wanted, "{said} {stored}: {:?}", told(&verdict));
        }
    }
}

#[test]
fn what_is_cut_off_is_told_to_the_sample() {
    let mut case = Case::new(1);
    case.layout = Layout::Mono;
    case.record();
    case.audio[0][0].drain(..5);
    let length = case.audio[0][1].len();
    case.audio[0][1].truncate(length - 1);
    let verdict = case.judge();
    let found = told(&verdict);
    assert!(found[0].1.starts_with("the first 0.625 ms of the near leg are missing"), "{found:?}");
    assert!(found[1].1.starts_with("the last 0.125 ms of the far leg are missing"), "{found:?}");
}

#[test]
fn faint_noise_where_nobody_spoke_is_sound_that_nobody_sent_and_a_steady_value_is_not() {
    let lead = |fill: fn(usize) -> i16| {
        let mut case = Case::new(1);
        case.recorded = vec![0];
        case.layout = Layout::Stereo;
        case.record();
        for leg in &mut case.audio[0] {
            leg.splice(0..0, (0..1500).map(fill));
        }
        let verdict = case.judge();
        let mut rules: Vec<String> = verdict.findings.iter().map(|finding| finding.rule.to_owned()).collect();
        rules.retain(|rule| rule != "missing-recording");
        rules
    };
    assert_eq!(lead(|n| ((n * n * 31 + n * 7) % 17) as i16 - 8), ["unknown-audio"; 2]);
    assert!(lead(|_| 0).is_empty());
    assert!(lead(|_| 8).is_empty());
    assert!(lead(|n| (n * n % 5) as i16 - 2).is_empty());
}

/// A call whose legs say tones, 0 Hz is silence.
fn tones(hertz: [f64; 2]) -> Case {
    let mut case = Case::new(2);
    case.layout = Layout::Stereo;
    case.recorded = vec![0];
    case.streams.truncate(2);
    for (stream, hertz) in case.streams.iter_mut().zip(hertz) {
        let mut voice = if hertz == 0.0 { Voice::silence() } else { Voice::tone(hertz, -20.0) };
        stream.payloads.clear();
        for _ in 0..FRAMES {
            let mut samples = [0; FRAME];
            voice.next_frame(&mut samples);
            stream.payloads.extend(encode_all(case.law, &samples));
        }
    }
    case.record_call(0);
    case
}

/// The verdict on the first call alone.
fn judged(mut case: Case) -> Verdict {
    let files = case.write()[0].clone();
    let truth = Truth { streams: &case.streams, recordings: vec![Expected::new("call 0", 0, 1)] };
    let files = vec![RecordedFile::stereo("stereo.wav", &files[0])];
    judge(&truth, &[Recorded { label: "r".into(), expected: Some(0), files }], &Limits::default())
}

const TONES: [[f64; 2]; 6] =
    [[440.0, 440.0], [440.0, 1000.0], [1000.0, 1000.0], [400.0, 425.0], [1004.0, 0.0], [433.3, 433.3]];

#[test]
fn a_tone_lies_where_its_beginning_and_its_end_are() {
    for hertz in TONES {
        let verdict = judged(tones(hertz));
        assert_eq!(verdict.findings, [], "{hertz:?}");
        assert_eq!(verdict.level == Level::Pass, verdict.compared_frames > 0, "{hertz:?}");
    }
}

#[test]
fn what_is_wrong_with_a_tone_has_the_name_that_it_has_in_speech() {
    for hertz in TONES {
        let mut case = tones(hertz);
        let at = case.place(0, 100);
        case.audio[0][0][at..at + 3 * FRAME].fill(0);
        assert_eq!(rules(&judged(case)), ["lost-frames"], "{hertz:?}");
        let mut case = tones(hertz);
        case.audio[0][0].iter_mut().for_each(|sample| *sample = (f64::from(*sample) * 0.7).round() as i16);
        let verdict = judged(case);
        assert_eq!(rules(&verdict), ["level-changed"], "{hertz:?}: {:?}", told(&verdict));
    }
}
