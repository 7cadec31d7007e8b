//! Hold and resume.

use super::Outcome::Found;
use super::{Row, STEPS};

pub(super) const ROWS: &[Row] = &[
    Row("hold/both-hold", &[(STEPS, "recorder: { fault: forget-calls }\nsteps:")], Found("wrong-call")),
    Row("hold/both-recorded", &[(STEPS, "recorder: { fault: forget-calls }\nsteps:")], Found("wrong-call")),
    Row("hold/three-times", &[(STEPS, "recorder: { fault: forget-calls }\nsteps:")], Found("wrong-segment")),
    Row(
        "hold/twenty-times-in-an-hour",
        &[(STEPS, "recorder: { fault: forget-calls }\nsteps:")],
        Found("wrong-segment"),
    ),
    Row(
        "customer-holds",
        &[("hold: customer\n  - wait: 3s\n  - resume: customer", "wait: 3s")],
        Found("missing-recording"),
    ),
    Row("customer-holds", &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")], Found("end-clipped")),
    Row("hold-resume", &[("hold: agent\n  - wait: 3s\n  - resume: agent", "wait: 3s")], Found("missing-recording")),
    Row("hold-resume", &[(STEPS, "recorder: { fault: drop-start }\nsteps:")], Found("start-clipped")),
    Row("hold/three-times", &[(STEPS, "recorder: { fault: drop-start }\nsteps:")], Found("start-clipped")),
    Row("hold/three-times", &[(STEPS, "recorder: { fault: swap-channels }\nsteps:")], Found("swapped-legs")),
    Row("hold/both-hold", &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")], Found("end-clipped")),
    Row("hold/hang-up-on-hold", &[(STEPS, "recorder: { fault: store-nothing }\nsteps:")], Found("missing-recording")),
    Row("hold/both-recorded", &[(STEPS, "recorder: { fault: double-near }\nsteps:")], Found("wrong-leg")),
    Row("hold/over-udp", &[(STEPS, "recorder: { fault: never-answer }\nsteps:")], Found("recording-failed")),
    Row("hold/in-clear", &[(STEPS, "recorder: { SRTP: required }\nsteps:")], Found("recording-failed")),
    Row("hold/early-offer", &[(STEPS, "recorder: { codecs: G729 }\nsteps:")], Found("recording-failed")),
    Row("hold/slow-recorder", &[("1500ms }", "1500ms, fault: drop-start }")], Found("start-clipped")),
    Row("hold/for-an-hour", &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")], Found("end-clipped")),
    Row("hold/twenty-times-in-an-hour", &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")], Found("end-clipped")),
    Row("hold/kept-and-changed", &[(STEPS, "recorder: { fault: { lose-every: 50 } }\nsteps:")], Found("lost-frames")),
    Row("hold/far-end-hold-kept", &[(STEPS, "recorder: { fault: { lose-every: 50 } }\nsteps:")], Found("lost-frames")),
    Row("hold/release-10-5", &[("release: \"10.5\"", "release: \"12.5\"")], Found("unexpected-recording")),
    Row("hold/release-10-5", &[(STEPS, "recorder: { fault: swap-channels }\nsteps:")], Found("swapped-legs")),
    Row("hold/music-to-the-end", &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")], Found("end-clipped")),
];
