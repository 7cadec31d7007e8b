//! Nodes that die.

use super::Outcome::Found;
use super::{Row, STEPS};

const KEEP_UNREFRESHED: (&str, &str) = (STEPS, "recorder: { fault: keep-unrefreshed }\nsteps:");
const FORGET_WITH_CONNECTION: (&str, &str) = (STEPS, "recorder: { fault: forget-with-connection }\nsteps:");
const IGNORE_BYE: (&str, &str) = (STEPS, "recorder: { fault: ignore-bye }\nsteps:");
const SWAP: (&str, &str) = (STEPS, "recorder: { fault: swap-channels }\nsteps:");
const TRUNCATE_END: (&str, &str) = (STEPS, "recorder: { fault: truncate-end }\nsteps:");

const UNKNOWN_SECOND: (&str, &str) = ("cluster: { ", "cluster: { unknown nodes: [2], ");

pub(super) const ROWS: &[Row] = &[
    Row("nodes/node-dies-media-goes-on", &[FORGET_WITH_CONNECTION], Found("end-clipped")),
    Row("nodes/node-dies-media-goes-on", &[KEEP_UNREFRESHED], Found("leak")),
    Row("nodes/node-dies-media-stops", &[FORGET_WITH_CONNECTION], Found("wrong-end")),
    Row("nodes/node-dies-media-stops", &[KEEP_UNREFRESHED], Found("leak")),
    Row("nodes/node-dies-recorder-waits-for-media", &[("30s }", "30s, fault: truncate-end }")], Found("end-clipped")),
    Row("nodes/node-dies-recorder-waits-for-media", &[("inactivity: 30s", "fault: keep-unrefreshed")], Found("leak")),
    Row("nodes/node-dies-in-silence", &[KEEP_UNREFRESHED], Found("leak")),
    Row("nodes/node-fails-over", &[FORGET_WITH_CONNECTION], Found("wrong-end")),
    Row("nodes/node-fails-over", &[(STEPS, "cluster: { unknown nodes: [1] }\nsteps:")], Found("refused")),
    Row("nodes/far-node-dies", &[TRUNCATE_END], Found("end-clipped")),
    Row("nodes/first-node-dies-between-calls", &[(STEPS, "cluster: { unknown nodes: [2] }\nsteps:")], Found("refused")),
    Row("nodes/node-comes-back", &[(STEPS, "cluster: { unknown nodes: [1] }\nsteps:")], Found("refused")),
    Row("nodes/node-comes-back-in-a-call", &[FORGET_WITH_CONNECTION], Found("wrong-end")),
    Row("nodes/phone-goes-back-behind-a-call", &[UNKNOWN_SECOND], Found("refused")),
    Row("nodes/node-dies-on-hold", &[TRUNCATE_END], Found("end-clipped")),
    Row("nodes/far-node-dies-on-hold", &[IGNORE_BYE], Found("leak")),
    Row("nodes/node-dies-in-a-consultation", &[KEEP_UNREFRESHED], Found("leak")),
    Row("nodes/node-dies-while-it-rings", &[SWAP], Found("swapped-legs")),
    Row("nodes/node-dies-with-a-parked-call", &[IGNORE_BYE], Found("leak")),
    Row("nodes/node-dies-in-a-conference", &[IGNORE_BYE], Found("leak")),
    Row("nodes/node-dies-in-a-conference-of-four", &[KEEP_UNREFRESHED], Found("leak")),
    Row("nodes/node-dies-in-a-transfer", &[TRUNCATE_END], Found("end-clipped")),
    Row("nodes/transferrers-node-dies", &[IGNORE_BYE], Found("leak")),
    Row("nodes/node-dies-in-a-barge", &[TRUNCATE_END], Found("end-clipped")),
    Row("nodes/both-recorded-one-node-dies", &[FORGET_WITH_CONNECTION], Found("wrong-end")),
];
