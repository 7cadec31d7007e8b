//! Parties behind trunks: remote clusters and gateways.

use super::Outcome::Found;
use super::{Row, STEPS};

const IGNORES_UPDATE: (&str, &str) = (STEPS, "recorder: { fault: ignore-update }\nsteps:");

pub(super) const ROWS: &[Row] = &[
    Row(
        "outside/call-from-a-remote-cluster",
        &[(STEPS, "recorder: { fault: swap-channels }\nsteps:")],
        Found("swapped-legs"),
    ),
    Row("outside/call-to-a-gateway", &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")], Found("end-clipped")),
    Row(
        "outside/transferred-while-held",
        &[(STEPS, "recorder: { fault: overwrite-segment }\nsteps:")],
        Found("missing-recording"),
    ),
    Row(
        "outside/transferred-while-held-with-other-media",
        &[(STEPS, "recorder: { fault: swap-channels }\nsteps:")],
        Found("swapped-legs"),
    ),
    Row("outside/transfer-in-a-remote-cluster", &[IGNORES_UPDATE], Found("wrong-participants")),
    Row("outside/transfer-with-other-media", &[IGNORES_UPDATE], Found("wrong-participants")),
    Row(
        "outside/transfer-with-other-media",
        &[(STEPS, "recorder: { fault: double-near }\nsteps:")],
        Found("wrong-leg"),
    ),
    Row("outside/forwarded-in-a-remote-cluster", &[IGNORES_UPDATE], Found("wrong-participants")),
    Row(
        "outside/transfer-in-the-public-network",
        &[(STEPS, "recorder: { fault: double-near }\nsteps:")],
        Found("wrong-leg"),
    ),
    Row("outside/transfer-that-the-switch-tells", &[IGNORES_UPDATE], Found("wrong-participants")),
    Row(
        "outside/conference-in-a-remote-cluster",
        &[(STEPS, "recorder: { fault: drop-start }\nsteps:")],
        Found("start-clipped"),
    ),
    Row(
        "outside/conference-without-a-number",
        &[(STEPS, "recorder: { fault: store-nothing }\nsteps:")],
        Found("missing-recording"),
    ),
    Row("outside/remote-hold", &[(STEPS, "recorder: { fault: double-near }\nsteps:")], Found("wrong-leg")),
    Row("outside/remote-hold-restarts", &[("remote hold: restart", "remote hold: keep")], Found("missing-recording")),
    Row(
        "outside/agent-holds-a-remote-call",
        &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")],
        Found("end-clipped"),
    ),
    Row(
        "outside/pbx-transfers-to-a-phone",
        &[(STEPS, "recorder: { fault: ignore-update }\nsteps:")],
        Found("wrong-participants"),
    ),
];
