//! Where a packet may be missing, at the edges of a recording, it may be missing; what is there is right all the same.

use crate::rig::{Case, FRAME, FRAMES, Layout, wav};
use media::ledger::Leg;
use verify::{Expected, Limits, Recorded, RecordedFile, Truth, Verdict, judge};

/// A damage by the rule that it breaks.
type Named = (&'static str, fn(&mut Vec<i16>));

/// Judges the near leg of a call in a file of its own, and in others, when its last packet came just before the BYE.
fn judged(damage: fn(&mut Vec<i16>), beside: &[Option<Leg>]) -> Verdict {
    let mut case = Case::new(1);
    case.layout = Layout::Mono;
    case.record();
    let whole = case.audio[0][0].clone();
    let mut near = whole.clone();
    damage(&mut near);
    let until_us = Some(1_000_000 + 20_000 * FRAMES as u64);
    let expected = Expected { label: "call 0".into(), near: vec![0], until_us, ..Expected::default() };
    let truth = Truth { streams: &case.streams, recordings: vec![expected] };
    let mut files = vec![RecordedFile::mono("near.wav", Leg::Near, wav(1, &near))];
    for claim in beside {
        let copy = RecordedFile::mono("copy.wav", Leg::Near, wav(1, &whole));
        files.push(RecordedFile { claims: vec![*claim], ..copy });
    }
    judge(&truth, &[Recorded { label: "r".into(), expected: Some(0), files }], &Limits::default())
}

fn last(samples: &mut [i16]) -> &mut [i16] {
    let start = samples.len() - FRAME;
    &mut samples[start..]
}

#[test]
fn a_packet_just_before_the_bye_may_be_missing_but_never_changed() {
    let absent: [fn(&mut Vec<i16>); 3] =
        [|s| s.truncate(s.len() - FRAME), |s| s.truncate(s.len() - 33), |s| last(s).fill(0)];
    for damage in absent {
        assert_eq!(judged(damage, &[]).findings, []);
    }
    let changed: [Named; 5] = [
        ("inverted-audio", |s| last(s).iter_mut().for_each(|x| *x = -*x)),
        ("level-changed", |s| last(s).iter_mut().for_each(|x| *x *= 2)),
        ("dc-offset", |s| last(s).iter_mut().for_each(|x| *x += 4)),
        ("damaged-frames", |s| last(s)[FRAME - 1] += 4),
        ("damaged-frames", |s| {
            s.truncate(s.len() - 33);
            *s.last_mut().unwrap() += 4000;
        }),
    ];
    for (rule, damage) in changed {
        let verdict = judged(damage, &[]);
        let [finding] = verdict.findings.as_slice() else { panic!("{rule}: {:#?}", verdict.findings) };
        assert_eq!(finding.rule, rule, "{}", finding.found);
    }
}

#[test]
fn what_one_file_has_did_arrive_and_is_in_every_file() {
    let cases: [Named; 3] = [
        ("end-clipped", |s| s.truncate(s.len() - FRAME)),
        ("end-clipped", |s| s.truncate(s.len() - 33)),
        ("lost-frames", |s| last(s).fill(0)),
    ];
    for (rule, damage) in cases {
        let verdict = judged(damage, &[Some(Leg::Near)]);
        let [finding] = verdict.findings.as_slice() else { panic!("{:#?}", verdict.findings) };
        assert_eq!((finding.rule, finding.file.as_deref()), (rule, Some("near.wav")));
        assert!(finding.found.starts_with("copy.wav has packet "), "{}", finding.found);
    }
}
