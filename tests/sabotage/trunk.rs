//! Several recorders and trunks: which one is called, and when.

use super::{Found, Row, Undecided};

pub(super) const ROWS: &[Row] = &[
    Row("trunk/failover-on-503", &[("does: answers 503", "does: answers 486")], Found("wrong-recorder")),
    Row("trunk/failover-on-503", &[("[[dead, recorder]]", "[[recorder, dead]]"), BUSY_RECORDER], BUSY),
    Row("trunk/failover-on-timeout", &[("does: never answers", "does: records")], Found("wrong-recorder")),
    Row("trunk/failover-on-refused-tls", &[("does: refuses TLS", "does: records")], Found("wrong-recorder")),
    Row("trunk/failover-on-refused-connection", &[("does: nothing listens", "does: records")], Found("wrong-recorder")),
    Row("trunk/failover-on-refused-connection", &[STORES_NOTHING], Found("missing-recording")),
    Row("trunk/no-failover-on-486", &[("does: answers 486", "does: answers 503")], Found("not-given-up")),
    Row("trunk/failover-on-486-by-switch", &[("hunt: any refusal", "hunt: all but busy")], Found("wrong-recorder")),
    Row("trunk/circular", &[("distribution: circular, ", "")], ELSEWHERE),
    Row("trunk/circular", &[SWAPPED_THERE], Found("swapped-legs")),
    Row("trunk/failover-to-second-trunk", &[("[dead, backup, recorder]", "[dead, recorder, backup]")], ELSEWHERE),
    Row("trunk/failover-to-second-trunk", &[SWAPPED_THERE], Found("swapped-legs")),
    Row("trunk/legs-apart", &[("distribution: circular, ", "")], ELSEWHERE),
    Row("trunk/legs-apart", &[("talk: 12s", "talk: 8s")], Found("wrong-mark")),
    Row("trunk/legs-apart", &[HALVES_DROPPED_THERE], Found("empty-file")),
    Row("trunk/legs-apart", &[SWAPPED_THERE], Found("wrong-leg")),
    Row("trunk/legs-by-turns", &[("distribution: circular, ", "")], ELSEWHERE),
    Row("trunk/legs-by-turns", &[SWAPPED_THERE], Found("wrong-leg")),
    Row("trunk/out-of-service", &[("does: nothing listens", "does: records")], ELSEWHERE),
    Row("trunk/out-of-service", &[("alarms: SIPTrunkPartiallyISV", "alarms: SIPTrunkOOS")], Undecided("SIPTrunkOOS")),
    Row("trunk/out-of-service", &[("wait: 6s", "wait: 40s"), IGNORANT], Found("out-of-service")),
    Row("trunk/back-in-service", &[("  - destination returns: first\n", "")], ELSEWHERE),
    Row("trunk/options-fine-calls-refused", &[("does: answers 503", "does: records")], ELSEWHERE),
    Row("trunk/slow-answer-then-retry", &[RETRY_IS_CALL], Found("unexpected-recording")),
    Row("trunk/recorder-restarts", &[STORES_NOTHING], Found("missing-recording")),
    Row(
        "trunk/full-recorder",
        &[("recordings: 1 }", "recordings: 1, fault: busy-when-full }")],
        Found("wrong-recorder"),
    ),
    Row("trunk/full-recorder", &[("{ most recordings: 1 }", "{ most recordings: 2 }")], ELSEWHERE),
];

const BUSY: super::Outcome = Found("recording-failed");
const ELSEWHERE: super::Outcome = Found("wrong-recorder");
const STORES_NOTHING: (&str, &str) = ("steps:", "recorder: { fault: store-nothing }\nsteps:");
const SWAPPED_THERE: (&str, &str) = ("{ does: records }", "{ does: records, recorder: { fault: swap-channels } }");
const RETRY_IS_CALL: (&str, &str) = ("steps:", "recorder: { fault: take-retry-for-call }\nsteps:");
const HALVES_DROPPED_THERE: (&str, &str) = ("{ does: records }", "{ does: records, recorder: { fault: drop-halves } }");
const BUSY_RECORDER: (&str, &str) = ("steps:", "recorder: { fault: busy }\nsteps:");
const IGNORANT: (&str, &str) = ("steps:", "recorder: { fault: ignore-options }\nsteps:");
