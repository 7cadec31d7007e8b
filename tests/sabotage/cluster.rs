//! Events that the cluster breaks: the harness's own CUCM does not do what the file is about, which the calls on paper miss.
//!
//! It is named, and in these rows the recorder is not: what cannot go on is an error of set-up, the rest inconclusive.

use super::Outcome::{Stopped, Undecided};
use super::Row;

pub(super) const ROWS: &[Row] = &[
    Row("call-after-call", RECORD_ONCE, Undecided("line 14: CUCM was to record agent")),
    Row("conference/a-law-member", OLD_FAR_END, Undecided("CUCM was to end its recording 2")),
    Row("conference/barge-far-holds", RECORD_ON_HOLD, Undecided("line 16: CUCM was to end its recording 1")),
    Row("conference/barge-far-transfers", OLD_FAR_END, Undecided("line 18: CUCM was to end its recording 2")),
    Row("conference/barge-target-parks", LOSE_PARKED, Stopped("line 18: expected CUCM to have retrieved the call")),
    Row("conference/barge-target-transfers", OLD_FAR_END, Undecided("line 18: CUCM was to end its recording 3")),
    Row("conference/controller-drops-a-member", OLD_FAR_END, Undecided("line 18: CUCM was to end its recording 3")),
    Row("conference/early-offer", OLD_FAR_END, Undecided("CUCM was to end its recording 3")),
    Row("conference/member-adds-another", OLD_FAR_END_TOO, Undecided("line 17: CUCM was to end its recording 2")),
    Row("conference/parked-and-back", LOSE_PARKED, Stopped("phone `expert`, as CUCM was to have it")),
    Row("hold/for-an-hour", RECORD_ONCE, Undecided("line 15: CUCM was to record agent")),
    Row("hold/hang-up-on-hold", RECORD_ON_HOLD, Undecided("CUCM was to end its recording 1")),
    Row("hold/over-udp", RECORD_ONCE, Undecided("line 16: CUCM was to record agent")),
    Row("hold/slow-recorder", RECORD_ONCE, Undecided("line 15: CUCM was to record agent")),
    Row("hold/far-end-hold-kept", RESTART_KEPT_TOO, Undecided("CUCM began 2 recordings, where the steps give 1")),
    Row("media/g722-music-kept", RESTART_KEPT_TOO, Undecided("CUCM began 2 recordings, where the steps give 1")),
    Row("outside/agent-holds-a-remote-call", RECORD_ON_HOLD, Undecided("line 15: CUCM was to end its recording 1")),
    Row("outside/conference-in-a-remote-cluster", OLD_FAR_END, Undecided("line 19: CUCM was to end its recording 3")),
    Row("outside/conference-without-a-number", RECORD_ONCE, Undecided("line 16: CUCM was to record agent")),
    Row(
        "outside/transferred-while-held-with-other-media",
        OLD_FAR_END,
        Undecided("line 21: CUCM was to end its recording 2"),
    ),
    Row("recording/gateway-hold", RECORD_ONCE, Undecided("line 20: CUCM was to record agent")),
    Row("recording/gateway-registration-unanswered", RECORD_ONCE, Undecided("line 18: CUCM was to record agent")),
    Row("recording/gateway-unanswered", RECORD_ONCE, Undecided("line 22: CUCM was to record agent")),
    Row("recording/nodes-both-recorded", RECORD_ON_HOLD, Undecided("line 14: CUCM was to end its recording 1")),
    Row("recording/selective-and-automatic", KEEP_RECORDING, Stopped("phone `agent`, as CUCM was to have it")),
    Row("recording/selective-by-application", KEEP_RECORDING, Stopped("phone `agent`, as CUCM was to have it")),
    Row("recording/selective-three-parts", KEEP_RECORDING, Stopped("phone `agent`, as CUCM was to have it")),
    Row("recording/selective-consult", RECORD_ON_HOLD, Undecided("line 16: CUCM was to end its recording 1")),
    Row("routing/far-consults-forwarding", IGNORE_FORWARDING, Stopped("phone `deputy`, as CUCM was to have it")),
    Row("routing/far-transfer-picked-up", IGNORE_PICKUP, Stopped("expected CUCM to have connected the call")),
    Row("routing/far-transfers-to-forwarding", IGNORE_FORWARDING, Stopped("phone `colleague`, as CUCM was to have it")),
    Row("routing/forward-all", IGNORE_FORWARDING, Stopped("phone `agent`, as CUCM was to have it")),
    Row("routing/forward-all-twice", IGNORE_FORWARDING, Stopped("phone `agent`, as CUCM was to have it")),
    Row("routing/forward-busy", IGNORE_FORWARDING, Stopped("phone `deputy`, as CUCM was to have it")),
    Row("routing/forward-from-outside", IGNORE_FORWARDING, Stopped("phone `agent`, as CUCM was to have it")),
    Row("routing/forward-no-answer", IGNORE_FORWARDING, Stopped("phone `agent`, as CUCM was to have it")),
    Row("routing/forward-no-answer-in-time", HASTY_FORWARDING, Stopped("phone `agent` could not answer")),
    Row("routing/near-sends-to-mobile", IGNORE_REDIRECT, Stopped("expected CUCM to have redirected the call")),
    Row("routing/park-by-far-kept", LOSE_PARKED_TOO, Stopped("expected CUCM to have retrieved the call")),
    Row("routing/park-directed-by-far", LOSE_PARKED, Stopped("expected CUCM to have retrieved the call")),
    Row("routing/park-directed-reversion", LOSE_PARKED, Stopped("phone `agent`, as CUCM was to have it")),
    Row("routing/pick-up", IGNORE_PICKUP, Stopped("expected CUCM to have connected the call")),
    Row("routing/redirect-far", IGNORE_REDIRECT, Stopped("expected CUCM to have redirected the call")),
    Row("routing/redirect-ringing", IGNORE_REDIRECT, Stopped("expected CUCM to have redirected the call")),
    Row("routing/selective-recording-is-parked", LOSE_PARKED, Stopped("expected CUCM to have retrieved the call")),
    Row("routing/shared-line", RING_ONE, Stopped("phone `home`, as CUCM was to have it")),
    Row("routing/shared-line-answered-unrecorded", RING_ONE, Stopped("phone `home`, as CUCM was to have it")),
    Row("routing/shared-line-both-recorded", RING_ONE, Stopped("phone `home`, as CUCM was to have it")),
    Row("routing/shared-line-declined", RING_ONE, Stopped("phone `home`, as CUCM was to have it")),
    Row("routing/shared-line-forwards", IGNORE_FORWARDING, Stopped("phone `agent`, as CUCM was to have it")),
    Row(
        "routing/shared-line-far-resumes-elsewhere",
        OLD_FAR_END,
        Undecided("line 16: CUCM was to end its recording 2"),
    ),
    Row("routing/shared-line-far-resumes-kept", OLD_FAR_END_TOO, Undecided("line 17: CUCM was to end its recording 2")),
    Row("transfer/agent-blind", RECORD_ON_HOLD, Undecided("CUCM was to end its recording 1")),
    Row("transfer/agent-early-attended", RECORD_ON_HOLD, Undecided("CUCM was to end its recording 1")),
    Row("transfer/agent-takes-back", RECORD_ONCE, Undecided("line 14: CUCM was to record agent")),
    Row("transfer/customer-consult", OLD_FAR_END, Undecided("line 17: CUCM was to end its recording 2")),
    Row("transfer/customer-consult-keep", OLD_FAR_END_TOO, Undecided("line 17: CUCM was to end its recording 2")),
    Row("transfer/customer-early-attended", OLD_FAR_END, Undecided("line 18: CUCM was to end its recording 2")),
    Row("transfer/released-at-once", OLD_FAR_END_TOO, Undecided("line 16: CUCM was to end its recording 2")),
    Row("transfer/target-declines", RECORD_ONCE, Undecided("line 16: CUCM was to record agent")),
    Row("transfer/transferrer-hangs-up", OLD_FAR_END, Undecided("line 17: CUCM was to end its recording 2")),
    Row("recording/gateway-inter-cluster", RECORD_ONCE, Undecided("line 20: CUCM was to record agent")),
    Row("routing/park", LOSE_PARKED, Stopped("expected CUCM to have retrieved the call")),
    Row("nodes/node-dies-in-a-transfer", RECORD_ON_HOLD, Undecided("line 14: CUCM was to end its recording 1")),
    Row("nodes/node-dies-on-hold", RECORD_ONCE, Undecided("line 19: CUCM was to record agent")),
    Row("nodes/transferrers-node-dies", OLD_FAR_END_TOO, Undecided("line 18: CUCM was to end its recording 2")),
    Row("routing/park-and-hang-up", KEEP_RECORDING, Undecided("line 12: CUCM was to end its recording 1")),
    Row("routing/park-unrecorded", LOSE_PARKED, Stopped("expected CUCM to have retrieved the call")),
    Row(
        "routing/shared-line-resumed-unrecorded",
        RECORD_ON_HOLD,
        Undecided("line 14: CUCM was to end its recording 1"),
    ),
];

const HASTY_FORWARDING: &[(&str, &str)] = &[("steps:", "cluster: { fault: hasty-forwarding }\nsteps:")];
const IGNORE_FORWARDING: &[(&str, &str)] = &[("steps:", "cluster: { fault: ignore-forwarding }\nsteps:")];
const IGNORE_PICKUP: &[(&str, &str)] = &[("steps:", "cluster: { fault: ignore-pickup }\nsteps:")];
const IGNORE_REDIRECT: &[(&str, &str)] = &[("steps:", "cluster: { fault: ignore-redirect }\nsteps:")];
const KEEP_RECORDING: &[(&str, &str)] = &[("steps:", "cluster: { fault: keep-recording }\nsteps:")];
const LOSE_PARKED: &[(&str, &str)] = &[("steps:", "cluster: { fault: lose-parked }\nsteps:")];
const LOSE_PARKED_TOO: &[(&str, &str)] = &[("cluster: {", "cluster: { fault: lose-parked,")];
const OLD_FAR_END: &[(&str, &str)] = &[("steps:", "cluster: { fault: old-far-end }\nsteps:")];
const OLD_FAR_END_TOO: &[(&str, &str)] = &[("cluster: {", "cluster: { fault: old-far-end,")];
const RECORD_ONCE: &[(&str, &str)] = &[("steps:", "cluster: { fault: record-once }\nsteps:")];
const RECORD_ON_HOLD: &[(&str, &str)] = &[("steps:", "cluster: { fault: record-on-hold }\nsteps:")];
const RESTART_KEPT_TOO: &[(&str, &str)] = &[("cluster: {", "cluster: { fault: restart-kept,")];
const RING_ONE: &[(&str, &str)] = &[("steps:", "cluster: { fault: ring-one }\nsteps:")];
