//! Conferences and barging in.

use super::Outcome::Found;
use super::{Row, STEPS};

pub(super) const ROWS: &[Row] = &[
    Row("conference/barge-far-holds", &[(STEPS, "recorder: { fault: drop-start }\nsteps:")], Found("start-clipped")),
    Row(
        "conference/barge-far-transfers",
        &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")],
        Found("end-clipped"),
    ),
    Row(
        "conference/barge-and-changed-streams",
        &[(STEPS, "recorder: { fault: swap-channels }\nsteps:")],
        Found("swapped-legs"),
    ),
    Row(
        "conference/controller-drops-a-member",
        &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")],
        Found("end-clipped"),
    ),
    Row(
        "conference/member-drops-another",
        &[(STEPS, "recorder: { fault: ignore-focus }\nsteps:")],
        Found("wrong-metadata"),
    ),
    Row(
        "conference/all-recorded",
        &[(STEPS, "recorder: { fault: ignore-focus }\nsteps:")],
        Found("wrong-participants"),
    ),
    Row(
        "conference/member-holds",
        &[(STEPS, "recorder: { fault: forget-participants }\nsteps:")],
        Found("wrong-participants"),
    ),
    Row(
        "conference/agent-makes-conference",
        &[(STEPS, "recorder: { fault: ignore-focus }\nsteps:")],
        Found("wrong-metadata"),
    ),
    Row(
        "conference/agent-makes-conference",
        &[(STEPS, "recorder: { fault: forget-calls }\nsteps:")],
        Found("wrong-call"),
    ),
    Row(
        "conference/customer-makes-conference",
        &[(STEPS, "recorder: { fault: ignore-focus }\nsteps:")],
        Found("wrong-metadata"),
    ),
    Row(
        "conference/agent-leaves-conference",
        &[(STEPS, "recorder: { fault: forget-calls }\nsteps:")],
        Found("wrong-call"),
    ),
    Row(
        "conference/fourth-member",
        &[(STEPS, "recorder: { fault: { lose-every: 50 } }\nsteps:")],
        Found("lost-frames"),
    ),
    Row("conference/agent-adds-a-fourth", &[(STEPS, "recorder: { fault: forget-calls }\nsteps:")], Found("wrong-call")),
    Row(
        "conference/member-adds-another",
        &[(STEPS, "recorder: { fault: swap-channels }\nsteps:")],
        Found("swapped-legs"),
    ),
    Row("conference/all-recorded", &[(STEPS, "recorder: { fault: swap-channels }\nsteps:")], Found("swapped-legs")),
    Row("conference/all-recorded", &[(STEPS, "recorder: { fault: double-near }\nsteps:")], Found("wrong-leg")),
    Row("conference/member-holds", &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")], Found("end-clipped")),
    Row("conference/non-secure-member", &[(STEPS, "recorder: { SRTP: off }\nsteps:")], Found("audio-in-clear")),
    Row("conference/a-law-member", &[(STEPS, "recorder: { fault: swap-channels }\nsteps:")], Found("swapped-legs")),
    Row("conference/c-barge", &[(STEPS, "recorder: { fault: ignore-focus }\nsteps:")], Found("wrong-metadata")),
    Row("conference/c-barge", &[("cBarge: supervisor", "barge: supervisor")], Found("missing-recording")),
    Row(
        "conference/c-barge-takes-the-call",
        &[(STEPS, "recorder: { fault: forget-calls }\nsteps:")],
        Found("wrong-call"),
    ),
    Row("conference/barge", &[(STEPS, "recorder: { fault: swap-channels }\nsteps:")], Found("swapped-legs")),
    Row("conference/barge", &[("barge: supervisor", "cBarge: supervisor")], Found("unexpected-recording")),
    Row("conference/barge-target-leaves", &[(STEPS, "recorder: { fault: forget-calls }\nsteps:")], Found("wrong-call")),
    Row("conference/barge-target-holds", &[(STEPS, "recorder: { fault: forget-calls }\nsteps:")], Found("wrong-call")),
    Row(
        "conference/barge-target-transfers",
        &[(STEPS, "recorder: { fault: swap-channels }\nsteps:")],
        Found("swapped-legs"),
    ),
    Row("conference/barge-target-parks", &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")], Found("end-clipped")),
    Row("conference/barge-to-the-end", &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")], Found("end-clipped")),
    Row(
        "conference/non-secure-bridge-member-leaves",
        &[(STEPS, "recorder: { SRTP: off }\nsteps:")],
        Found("audio-in-clear"),
    ),
    Row(
        "conference/customer-outside",
        &[(STEPS, "recorder: { fault: ignore-focus }\nsteps:")],
        Found("wrong-metadata"),
    ),
    Row("conference/kept-over-the-hold", &[(STEPS, "recorder: { fault: forget-calls }\nsteps:")], Found("wrong-call")),
    Row("conference/drops-while-held", &[(STEPS, "recorder: { fault: forget-calls }\nsteps:")], Found("wrong-call")),
    Row(
        "conference/selective",
        &[("recording: selective", "recording: automatic"), ("  - start recording: { on: agent, by: user }\n", "")],
        Found("unexpected-recording"),
    ),
    Row("conference/early-offer", &[(STEPS, "recorder: { fault: drop-start }\nsteps:")], Found("start-clipped")),
    Row("conference/in-clear", &[("mode: non-secure", "mode: mixed")], Found("unexpected-srtp")),
    Row(
        "conference/member-transfers-blind",
        &[(STEPS, "recorder: { fault: ignore-focus }\nsteps:")],
        Found("wrong-metadata"),
    ),
    Row(
        "conference/member-consults-and-transfers",
        &[(STEPS, "recorder: { fault: forget-calls }\nsteps:")],
        Found("wrong-call"),
    ),
    Row(
        "conference/consultation-brought-in",
        &[(STEPS, "recorder: { fault: ignore-focus }\nsteps:")],
        Found("wrong-metadata"),
    ),
    Row(
        "conference/controller-transfers",
        &[(STEPS, "recorder: { fault: forget-calls }\nsteps:")],
        Found("wrong-call"),
    ),
    Row(
        "conference/controller-transfers-goes-on",
        &[(STEPS, "recorder: { fault: ignore-focus }\nsteps:")],
        Found("wrong-metadata"),
    ),
    Row("conference/parked", &[(STEPS, "recorder: { fault: forget-calls }\nsteps:")], Found("wrong-call")),
    Row("conference/parked-and-back", &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")], Found("end-clipped")),
    Row("conference/redirected", &[(STEPS, "recorder: { fault: ignore-focus }\nsteps:")], Found("wrong-metadata")),
    Row(
        "conference/c-barge-target-adds",
        &[(STEPS, "recorder: { fault: ignore-focus }\nsteps:")],
        Found("wrong-metadata"),
    ),
    Row("conference/consulted-first", &[(STEPS, "recorder: { fault: ignore-focus }\nsteps:")], Found("wrong-metadata")),
    Row(
        "conference/agent-makes-conference",
        &[(STEPS, "recorder: { fault: forget-participants }\nsteps:")],
        Found("wrong-participants"),
    ),
    Row(
        "conference/customer-makes-conference",
        &[(STEPS, "recorder: { fault: forget-participants }\nsteps:")],
        Found("wrong-participants"),
    ),
    Row(
        "conference/fourth-member",
        &[(STEPS, "recorder: { fault: forget-participants }\nsteps:")],
        Found("wrong-participants"),
    ),
];
