//! A seed replays a run on the simulated network, to the byte.

use scenario::run::Network;

const FILES: [&str; 2] = ["scenarios/plain-call.yaml", "scenarios/loss-and-reordering.yaml"];

fn outcome(seed: u64) -> String {
    report::json(&tests::run(&FILES, &tests::options(Network::Simulated, seed)).unwrap()).unwrap()
}

#[test]
fn twenty_runs_of_one_seed_give_the_same_bytes() {
    let first = outcome(7);
    for run in 1..20 {
        assert!(outcome(7) == first, "run {run} differs from the first");
    }
}

#[test]
fn another_seed_gives_another_run() {
    assert_ne!(outcome(7).replace("\"seed\": 7", ""), outcome(8).replace("\"seed\": 8", ""));
}
