//! Both phones of a call recorded: each voice is in two recordings, near in one and far in the other.

use crate::rig::{Case, Layout};
use verify::Verdict;

/// Two recordings of one call, of which the second began three packets later and ended two earlier.
fn both_recorded(layout: Layout) -> Case {
    let mut case = Case::new(1);
    case.layout = layout;
    for (own, same) in [(2, 1), (3, 0)] {
        let mut stream = case.streams[same].clone();
        (stream.kind, stream.ssrc) = (case.streams[own].kind, case.streams[own].ssrc);
        stream.rows.drain(..3);
        stream.rows.truncate(stream.rows.len() - 2);
        stream.started_us += 60_000;
        case.streams[own] = stream;
    }
    case.record();
    case
}

fn rules(verdict: &Verdict) -> Vec<(&str, &str)> {
    verdict.findings.iter().map(|finding| (finding.rule, finding.recording.as_str())).collect()
}

#[test]
fn recordings_without_a_name_are_told_apart_by_legs_start_and_end() {
    for layout in [Layout::Stereo, Layout::Mono] {
        for order in [[0, 1], [1, 0]] {
            let mut case = both_recorded(layout);
            case.named = [None, None];
            case.recorded = order.to_vec();
            let verdict = case.judge();
            assert!(verdict.passed(), "{layout:?} {order:?}: {:#?}", verdict.findings);
        }
    }
}

#[test]
fn legs_that_are_exchanged_are_not_taken_for_the_other_recording() {
    for layout in [Layout::Stereo, Layout::Mono] {
        for named in [[None, None], [Some(0), Some(1)]] {
            let mut case = both_recorded(layout);
            case.named = named;
            case.audio[0].swap(0, 1);
            assert_eq!(rules(&case.judge()), [("swapped-legs", "call 0")], "{layout:?} {named:?}");
        }
    }
}

#[test]
fn recordings_that_are_exchanged_are_called_so() {
    for layout in [Layout::Stereo, Layout::Mono] {
        let mut case = both_recorded(layout);
        case.named = [Some(1), Some(0)];
        let verdict = case.judge();
        assert!(
            verdict.findings.iter().all(|finding| finding.rule == "exchanged-recordings"),
            "{:#?}",
            rules(&verdict)
        );
        assert_eq!(verdict.findings.len(), 4, "{layout:?}: each leg of each");
        assert!(verdict.findings.iter().all(|finding| finding.found.ends_with("; the two are exchanged")));
    }
}
