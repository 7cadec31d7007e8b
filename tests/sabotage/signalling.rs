//! Messages that are lost, late, repeated or crossing.

use super::{Found, Outcome, Row, Undecided};

pub(super) const ROWS: &[Row] = &[
    Row("signalling/far-invite-first", &[SWAP_CHANNELS], Found("swapped-legs")),
    Row("signalling/far-ack-first", &[EARLY_NOISE], Found("noise-audio")),
    Row("signalling/near-ack-first", &[EARLY_NOISE], Found("noise-audio")),
    Row("signalling/invite-byte-by-byte", &[SEGMENT_IS_MESSAGE], Found("recording-failed")),
    Row("signalling/invite-in-many-records", &[SEGMENT_IS_MESSAGE], Found("recording-failed")),
    Row("signalling/two-in-one-segment", &[SWAP_CHANNELS], Found("swapped-legs")),
    Row("signalling/invite-of-1400-bytes", &[SMALL_BUFFER], Found("recording-failed")),
    Row("signalling/invite-of-4000-bytes", &[SMALL_BUFFER], Found("recording-failed")),
    Row("signalling/invite-repeated", &[TAKE_REPEAT_FOR_CALL], Found("dialog-twice")),
    Row("signalling/invite-repeated-before-answer", &[TAKE_REPEAT_FOR_CALL_TOO], Found("dialog-twice")),
    Row("signalling/invite-by-two-ways", &[TAKE_REPEAT_FOR_CALL], Found("dialog-twice")),
    Row("signalling/answer-lost", &[ANSWER_ONCE], Found("recording-failed")),
    Row("signalling/ack-lost-four-times", &[ANSWER_ONCE], Found("silent-channel")),
    Row("signalling/ack-never-comes", &[BYE_LOST_TOO, AWAIT_ACK_FOR_EVER], LEAK),
    Row("signalling/ack-over-another-connection", &[SAME_CONNECTION_ONLY], Found("missing-recording")),
    Row("signalling/bye-before-ack", &[IGNORE_BYE], LEAK),
    Row("signalling/bye-behind-ack", &[IGNORE_BYE], LEAK),
    Row("signalling/bye-lost", &[IGNORE_BYE], LEAK),
    Row("signalling/answer-to-bye-lost", &[IGNORE_BYE], LEAK),
    Row("signalling/bye-over-another-connection", &[SAME_CONNECTION_ONLY], LEAK),
    Row("signalling/bye-of-the-near-leg", &[END_TOGETHER], CLIPPED),
    Row("signalling/bye-of-the-far-leg", &[END_TOGETHER], CLIPPED),
    Row("signalling/cancel-at-once", &[KEEP_CANCELLED_TOO], LEAK),
    Row("signalling/cancel-before-the-answer", &[KEEP_CANCELLED_TOO], LEAK),
    Row("signalling/cancel-just-before-the-answer", &[KEEP_CANCELLED_TOO], LEAK),
    Row("signalling/cancel-crosses-the-answer", &[IGNORE_BYE_TOO], LEAK),
    Row("signalling/cancel-behind-the-answer", &[IGNORE_BYE_TOO], LEAK),
    Row("signalling/cancel-lost", &[KEEP_CANCELLED_TOO], LEAK),
    Row("signalling/info-in-a-call", &[IGNORE_REQUESTS], SILENT),
    Row("signalling/notify-in-a-call", &[IGNORE_REQUESTS], SILENT),
    Row("signalling/subscribe-in-a-call", &[IGNORE_REQUESTS], SILENT),
    Row("signalling/options-in-a-call", &[IGNORE_OPTIONS], SILENT),
    Row("signalling/options-in-a-call", &[REFUSE_OPTIONS], SILENT),
    Row("signalling/options-over-another-connection", &[("wait: 8s", "wait: 50s"), IGNORE_OPTIONS], OUT),
    Row("signalling/options-again-and-again", &[("wait: 6s\n  - call", "wait: 50s\n  - call"), REFUSE_OPTIONS], OUT),
    Row("signalling/connection-closed", &[FORGET_WITH_CONNECTION], CLIPPED),
    Row("signalling/connection-closed", &[SAME_CONNECTION_ONLY], LEAK),
    Row("signalling/connection-reset", &[FORGET_WITH_CONNECTION], CLIPPED),
    Row("signalling/connection-closed-behind-the-ack", &[FORGET_WITH_CONNECTION], CLIPPED),
    Row("signalling/connection-closed-behind-an-update", &[FORGET_WITH_CONNECTION], Found("recording-terminated")),
    Row("signalling/connection-closed-behind-the-bye", &[FORGET_WITH_CONNECTION], Found("wrong-end")),
    Row("signalling/refresh-by-update", &[SHORT_SESSION, ("31m", "100s"), IGNORE_UPDATE], Found("recorder-hung-up")),
    Row("signalling/refresh-without-offer", &[("talk: 100s", "talk: 40s")], Undecided("refresh the session")),
    Row(
        "signalling/refresh-by-recorder",
        &[("refreshes: true", "refreshes: false")],
        Undecided("recorder was to refresh"),
    ),
    Row("signalling/refresh-after-422", &[("shortest session: 120s", "shortest session: 90s")], NO_MESSAGE),
    Row("signalling/refresh-lost", &[IGNORE_UPDATE], Found("recorder-hung-up")),
    Row("signalling/refresh-over-another-connection", &[SAME_CONNECTION_ONLY], TERMINATED),
    Row("signalling/refresh-behind-the-wrap", &[RESET_KEYS], CLIPPED),
    Row("signalling/refresh-behind-the-wrap-without-offer", &[RESET_KEYS], CLIPPED),
    Row("signalling/update-in-a-call", &[LONGER, IGNORE_REQUESTS], TERMINATED),
    Row("signalling/recorder-hangs-up-near", &[IGNORE_BYE], LEAK),
    Row("signalling/recorder-hangs-up-far", &[IGNORE_BYE], LEAK),
    Row("signalling/recorder-hangs-up-near", &[CONNECT_TO_CONTACT], Found("another-connection")),
    Row("signalling/recorder-hangs-up-far", &[CONNECT_TO_CONTACT], Found("another-connection")),
    Row("signalling/recorder-hangs-up-both", &[CONNECT_TO_CONTACT], Found("another-connection")),
    Row("signalling/recorder-hangs-up-both", &[TRUNCATE_END], CLIPPED),
    Row("signalling/recorder-pauses", &[REFUSED], UNPAUSED),
    Row("signalling/recorder-pauses", &[CLOSE_GAPS], Found("closed-gap")),
    Row("signalling/pause-upon-resume", &[CLOSE_GAPS], Found("closed-gap")),
    Row("signalling/pause-upon-resume", &[KEEP_FIRST_KEY], Found("end-clipped")),
    Row("signalling/new-key-in-a-pause", &[REFUSED], UNPAUSED),
    Row("signalling/new-key-in-a-pause", &[FORGET_PAUSE], Found("pause-forgotten")),
    Row("signalling/new-codec-in-a-pause", &[CLOSE_GAPS], Found("closed-gap")),
    Row("signalling/recorder-pauses", &[REFUSED, SILENT_INSTEAD], UNPAUSED),
    Row("signalling/recorder-pauses-near", &[REFUSED], UNPAUSED),
    Row("signalling/recorder-pauses-to-the-end", &[REFUSED], UNPAUSED),
    Row("signalling/recorder-pauses-until-hold", &[REFUSED], UNPAUSED),
    Row("signalling/resume-answer-late", &[LOSE_AFTER_REKEY], Found("lost-frames")),
    Row("signalling/byes-cross", &[("  - hang up", "  - wait: 2s\n  - hang up")], CLIPPED),
    Row("signalling/update-of-the-near-leg-lost", &[IGNORE_UPDATE], Found("wrong-participants")),
    Row("signalling/update-of-the-far-leg-lost", &[IGNORE_UPDATE], Found("wrong-participants")),
    Row("signalling/near-leg-never-answered", &[DROP_HALVES], Found("empty-file")),
    Row("signalling/far-leg-never-answered", &[DROP_HALVES], Found("empty-file")),
    Row("signalling/connection-closed-behind-the-near-invite", &[LEFT_OPEN], Found("not-given-up")),
    Row("signalling/connection-closed-behind-the-far-invite", &[LEFT_OPEN], Found("not-given-up")),
    Row("signalling/near-leg-fails-alone", &[DROP_HALVES], Found("empty-file")),
    Row("signalling/far-leg-fails-alone", &[DROP_HALVES], Found("empty-file")),
    Row("signalling/near-leg-fails-alone", &[(": keeps other", ": ends both")], Found("recording-failed")),
    Row("signalling/far-leg-refused-488-both-end", &[DROP_HALVES], Found("empty-file")),
    Row("signalling/near-leg-refused-500-both-end", &[(": ends both", ": keeps other")], Found("unexpected-recording")),
    Row("signalling/far-leg-refused-503-kept", &[(": keeps other", ": ends both")], Found("recording-failed")),
    Row("signalling/near-leg-refused-488-kept", &[(": keeps other", ": ends both")], Found("recording-failed")),
    Row("signalling/pause-crosses-refresh", &[LATER_PAUSE], NO_MESSAGE),
    Row("signalling/refresh-crosses-pause", &[LATER_REFRESH], NO_MESSAGE),
    Row("signalling/both-re-invites-cross", &[LATER_PAUSE], NO_MESSAGE),
];

const ANSWER_ONCE: (&str, &str) = ("steps:", "recorder: { fault: answer-once }\nsteps:");
const AWAIT_ACK_FOR_EVER: (&str, &str) = ("steps:", "recorder: { fault: await-ack-for-ever }\nsteps:");
const CLOSE_GAPS: (&str, &str) = ("steps:", "recorder: { fault: close-gaps }\nsteps:");
const EARLY_NOISE: (&str, &str) = ("steps:", "recorder: { fault: early-noise }\nsteps:");
const END_TOGETHER: (&str, &str) = ("steps:", "recorder: { fault: end-together }\nsteps:");
const FORGET_WITH_CONNECTION: (&str, &str) = ("steps:", "recorder: { fault: forget-with-connection }\nsteps:");
const LEFT_OPEN: (&str, &str) = ("what: close connection", "what: pass");
const CONNECT_TO_CONTACT: (&str, &str) = ("steps:", "recorder: { fault: connect-to-contact }\nsteps:");
const IGNORE_BYE: (&str, &str) = ("steps:", "recorder: { fault: ignore-bye }\nsteps:");
const IGNORE_BYE_TOO: (&str, &str) = (" }\nsignalling:", ", fault: ignore-bye }\nsignalling:");
const IGNORE_OPTIONS: (&str, &str) = ("steps:", "recorder: { fault: ignore-options }\nsteps:");
const IGNORE_REQUESTS: (&str, &str) = ("steps:", "recorder: { fault: ignore-requests }\nsteps:");
const IGNORE_UPDATE: (&str, &str) = ("steps:", "recorder: { fault: ignore-update }\nsteps:");
const KEEP_CANCELLED_TOO: (&str, &str) = (" }\nsignalling:", ", fault: keep-cancelled }\nsignalling:");
const REFUSE_OPTIONS: (&str, &str) = ("steps:", "recorder: { fault: refuse-options }\nsteps:");
const RESET_KEYS: (&str, &str) = ("steps:", "recorder: { fault: reset-keys }\nsteps:");
const LOSE_AFTER_REKEY: (&str, &str) = ("steps:", "recorder: { fault: lose-after-rekey }\nsteps:");
const SAME_CONNECTION_ONLY: (&str, &str) = ("steps:", "recorder: { fault: same-connection-only }\nsteps:");
const SEGMENT_IS_MESSAGE: (&str, &str) = ("steps:", "recorder: { fault: segment-is-message }\nsteps:");
const SMALL_BUFFER: (&str, &str) = ("steps:", "recorder: { fault: small-buffer }\nsteps:");
const SWAP_CHANNELS: (&str, &str) = ("steps:", "recorder: { fault: swap-channels }\nsteps:");
const DROP_HALVES: (&str, &str) = ("steps:", "recorder: { fault: drop-halves }\nsteps:");
const TAKE_REPEAT_FOR_CALL: (&str, &str) = ("steps:", "recorder: { fault: take-repeat-for-call }\nsteps:");
const TAKE_REPEAT_FOR_CALL_TOO: (&str, &str) = (" }\nsignalling:", ", fault: take-repeat-for-call }\nsignalling:");
const TRUNCATE_END: (&str, &str) = ("steps:", "recorder: { fault: truncate-end }\nsteps:");

const LEAK: Outcome = Found("leak");
const CLIPPED: Outcome = Found("end-clipped");
const SILENT: Outcome = Found("improper-answer");
const OUT: Outcome = Found("out-of-service");
const TERMINATED: Outcome = Found("recording-terminated");
const NO_MESSAGE: Outcome = Undecided("there was no such message");
const UNPAUSED: Outcome = Undecided("was to pause");
const KEEP_FIRST_KEY: (&str, &str) = ("steps:", "recorder: { fault: keep-first-key }\nsteps:");
const FORGET_PAUSE: (&str, &str) = ("steps:", "recorder: { fault: forget-pause }\nsteps:");
/// Nothing is said where the pause should be.
const SILENT_INSTEAD: (&str, &str) =
    ("  - recorder pauses", "  - inject: { on: agent, what: silence, for: 5s }\n  - recorder pauses");
const REFUSED: (&str, &str) = ("phones:", "cluster: { dialect: { recorder offer: refuse } }\nphones:");
const LATER_PAUSE: (&str, &str) = ("  - recorder pauses", "  - wait: 5s\n  - recorder pauses");
const LATER_REFRESH: (&str, &str) = ("  - CUCM sends", "  - wait: 5s\n  - CUCM sends");
const LONGER: (&str, &str) = ("talk: 2s\n  - hang up", "talk: 40s\n  - hang up");
const SHORT_SESSION: (&str, &str) = ("UPDATE }", "UPDATE, session expires: 90s, Min-SE: 90s }");
const BYE_LOST_TOO: (&str, &str) =
    ("times: 1000 }", "times: 1000 }\n  - { what: lose, message: BYE, leg: near, times: 20 }");
