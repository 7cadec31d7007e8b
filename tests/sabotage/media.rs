//! Keys, sources, sequences and codecs that change.

use super::Outcome::{Found, Undecided};
use super::{Row, STEPS};

const MEDIA_PORTS: &str = "media ports: 2";
const STORE_STALE: (&str, &str) = (MEDIA_PORTS, "media ports: 2, fault: store-stale");
const NOT_REUSED: &str = "no port that got a packet of a call that was over was given to another";

pub(super) const ROWS: &[Row] = &[
    Row("media/dtmf-agent", &[(STEPS, "recorder: { fault: close-gaps }\nsteps:")], Found("closed-gap")),
    Row("media/dtmf-customer", &[(STEPS, "recorder: { fault: close-gaps }\nsteps:")], Found("closed-gap")),
    Row("media/code-signal", &[(STEPS, "recorder: { fault: swap-channels }\nsteps:")], Found("swapped-legs")),
    Row("media/code-signal", &[(STEPS, "recorder: { fault: quieter }\nsteps:")], Found("level-changed")),
    Row("media/g722", &[("PCMA] }\nsteps", "PCMA], fault: swap-channels }\nsteps")], Found("swapped-legs")),
    Row("media/g722", &[("PCMA] }\nsteps", "PCMA], fault: { lose-every: 50 } }\nsteps")], Found("lost-frames")),
    Row("media/g722", &[("PCMA] }\nsteps", "PCMA], fault: quieter }\nsteps")], Found("altered-audio")),
    Row("media/g722-music-kept", &[("PCMA] }\nsteps", "PCMA], fault: swap-channels }\nsteps")], Found("swapped-legs")),
    Row("media/every-code", &[(STEPS, "recorder: { fault: { lose-every: 50 } }\nsteps:")], Found("lost-frames")),
    Row("media/edges-of-level", &[(STEPS, "recorder: { fault: swap-channels }\nsteps:")], Found("swapped-legs")),
    Row("media/mute-agent", &[(STEPS, "recorder: { fault: { lose-every: 50 } }\nsteps:")], Found("lost-frames")),
    Row("media/mute-customer", &[(STEPS, "recorder: { fault: quieter }\nsteps:")], Found("level-changed")),
    Row("media/dummy-port", &[(STEPS, "recorder: { fault: trust-told-port }\nsteps:")], Found("missing-recording")),
    Row("media/equal-ssrc", &[(STEPS, "recorder: { fault: mix-equal-sources }\nsteps:")], Found("identical-channels")),
    Row("media/equal-ssrc-two-calls", &[(STEPS, "recorder: { fault: mix-equal-sources }\nsteps:")], Found("wrong-leg")),
    Row("media/long-silence", &[(STEPS, "recorder: { fault: no-alarms }\nsteps:")], Found("missing-alarm")),
    Row("media/lost-behind-wrap", &[(STEPS, "recorder: { fault: close-gaps }\nsteps:")], Found("closed-gap")),
    Row("media/lost-over-wrap", &[(STEPS, "recorder: { fault: close-gaps }\nsteps:")], Found("closed-gap")),
    Row("media/new-codec", &[(STEPS, "recorder: { fault: first-codec-only }\nsteps:")], Found("noise-audio")),
    Row(
        "media/new-codec-recorder-offers",
        &[(STEPS, "recorder: { fault: first-codec-only }\nsteps:")],
        Found("noise-audio"),
    ),
    Row("media/new-codec-ack-late", &[(STEPS, "recorder: { fault: lose-before-codec }\nsteps:")], Found("lost-frames")),
    Row("media/new-codec-unused", &[(STEPS, "recorder: { fault: swap-channels }\nsteps:")], Found("swapped-legs")),
    Row("media/longer-packets", &[(STEPS, "recorder: { fault: fixed-frames }\nsteps:")], Found("damaged-frames")),
    Row("media/shorter-packets", &[(STEPS, "recorder: { fault: { lose-every: 50 } }\nsteps:")], Found("lost-frames")),
    Row(
        "media/packets-of-all-lengths",
        &[(STEPS, "recorder: { fault: fixed-frames }\nsteps:")],
        Found("damaged-frames"),
    ),
    Row("media/new-key", &[(STEPS, "recorder: { fault: keep-first-key }\nsteps:")], Found("end-clipped")),
    Row("media/new-key", &[(STEPS, "recorder: { fault: lose-after-rekey }\nsteps:")], Found("lost-frames")),
    // Without a recording there is no key to change: the recorder is blamed for what it did, not the step.
    Row("media/new-key", &[(STEPS, "recorder: { fault: unavailable }\nsteps:")], Found("recording-failed")),
    Row("media/new-key-after-wrap", &[(STEPS, "recorder: { fault: forget-roll-over }\nsteps:")], Found("end-clipped")),
    Row(
        "media/new-key-of-a-dialect-that-resets",
        &[(STEPS, "recorder: { fault: keep-roll-over }\nsteps:")],
        Found("end-clipped"),
    ),
    Row(
        "media/new-key-of-a-dialect-that-resets",
        &[(STEPS, "recorder: { fault: forget-roll-over }\nsteps:")],
        Found("lost-frames"),
    ),
    Row(
        "media/new-key-after-wrap-reset",
        &[(STEPS, "recorder: { fault: keep-roll-over }\nsteps:")],
        Found("end-clipped"),
    ),
    Row("media/new-key-before-wrap", &[(STEPS, "recorder: { fault: lose-after-rekey }\nsteps:")], Found("lost-frames")),
    Row("media/new-key-in-flight", &[(STEPS, "recorder: { fault: lose-after-rekey }\nsteps:")], Found("lost-frames")),
    Row(
        "media/new-key-recorder-offers",
        &[(STEPS, "recorder: { fault: keep-first-key }\nsteps:")],
        Found("end-clipped"),
    ),
    Row("media/new-keys-in-a-row", &[(STEPS, "recorder: { fault: first-source-only }\nsteps:")], Found("end-clipped")),
    Row(
        "media/new-sequence-in-clear",
        &[(STEPS, "recorder: { fault: take-restart-for-replay }\nsteps:")],
        Found("end-clipped"),
    ),
    Row("media/new-sequence", &[(STEPS, "recorder: { fault: take-restart-for-replay }\nsteps:")], Found("lost-frames")),
    Row(
        "media/new-sequence-after-wrap",
        &[(STEPS, "recorder: { fault: take-restart-for-replay }\nsteps:")],
        Found("end-clipped"),
    ),
    Row(
        "media/new-sequence-re-invite",
        &[(STEPS, "recorder: { fault: { lose-every: 50 } }\nsteps:")],
        Found("lost-frames"),
    ),
    Row("media/new-ssrc", &[(STEPS, "recorder: { fault: first-source-only }\nsteps:")], Found("end-clipped")),
    Row(
        "media/new-ssrc-after-wrap",
        &[(STEPS, "recorder: { fault: first-source-only }\nsteps:")],
        Found("end-clipped"),
    ),
    Row("media/stale-packets", &[STORE_STALE], Found("other-call-audio")),
    Row("media/stale-packets", &[(MEDIA_PORTS, "media ports: 2, fault: ignore-authentication")], Found("noise-audio")),
    Row("media/stale-packets", &[(MEDIA_PORTS, "media ports: 2, fault: no-alarms")], Found("missing-alarm")),
    Row("media/stale-packets", &[(MEDIA_PORTS, "media ports: 8")], Undecided(NOT_REUSED)),
    Row("media/stale-packets-in-clear", &[STORE_STALE], Found("other-call-audio")),
    Row("media/stale-packets-dummy-port", &[STORE_STALE], Found("other-call-audio")),
    Row("media/alarms-sooner", &[("5 }", "5, fault: no-alarms }")], Found("missing-alarm")),
    Row("media/silence", &[(STEPS, "recorder: { fault: close-gaps }\nsteps:")], Found("closed-gap")),
    Row("media/silence-stalled", &[(STEPS, "recorder: { fault: trust-timestamps }\nsteps:")], Found("closed-gap")),
    Row(
        "media/recording-tone-to-connected",
        &[(STEPS, "recorder: { fault: quieter }\nsteps:")],
        Found("level-changed"),
    ),
    Row("media/recording-tone-to-observed", &[(STEPS, "recorder: { fault: double-near }\nsteps:")], Found("wrong-leg")),
    Row("media/crypto-lifetime", &[(STEPS, "recorder: { fault: name-keys }\nsteps:")], Found("unusable-media")),
    Row("media/crypto-lifetime", &[(STEPS, "recorder: { fault: strict-crypto }\nsteps:")], Found("recording-failed")),
    Row(
        "media/crypto-tag-renumbered",
        &[(STEPS, "recorder: { fault: strict-crypto }\nsteps:")],
        Found("recording-failed"),
    ),
];
