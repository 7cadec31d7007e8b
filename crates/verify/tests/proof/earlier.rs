//! Files of an earlier run: the same words, said in another call.

use crate::rig::Case;

#[test]
fn the_words_of_this_call_said_in_another_one_are_that_calls_audio() {
    for seed in 0..12 {
        let mut case = Case::new(seed);
        case.audio[0] = Case::of(seed, 0xfeed_0000).audio[0].clone();
        let verdict = case.judge();
        let of_call = verdict.findings.iter().filter(|finding| finding.recording == verdict.findings[0].recording);
        let rules: Vec<&str> = of_call.map(|finding| finding.rule).collect();
        assert_eq!(rules, ["other-call-audio"; 2], "{seed}: {:?}", verdict.findings);
    }
}
