//! A hundred random walks over calls: each must pass and leave nothing behind. One that fails prints its scenario file.

use libtest_mimic::{Failed, Trial};
use scenario::outcome::{ScenarioOutcome, Verdict};
use scenario::run::Network;

const SEEDS: std::ops::RangeInclusive<u64> = 1..=100;

/// A test for every seed, and one that a walk can fail.
pub(crate) fn trials() -> impl Iterator<Item = Trial> {
    let seeds = SEEDS.map(|seed| Trial::test(format!("random walk {seed}"), move || passes(seed)));
    seeds.chain([
        Trial::test("a random walk with a bad recorder is found wrong", finds_a_bad_recorder),
        Trial::test("random walks leave no file open", leave_no_file_open),
    ])
}

fn walk(seed: u64, text: &str) -> Result<ScenarioOutcome, Failed> {
    Ok(tests::run_text(&format!("walk-{seed}.yaml"), text, &tests::options(Network::Simulated, 1))?)
}

/// What a scenario leaves behind in CUCM, phones, recorder and runtime is part of its verdict.
fn passes(seed: u64) -> Result<(), Failed> {
    let text = scenario::walk::scenario(seed);
    let outcome = walk(seed, &text)?;
    if outcome.verdict == Verdict::Pass {
        return Ok(());
    }
    Err(format!("{}\nreplay it as walk-{seed}.yaml:\n\n{text}", report::terminal::scenario(&outcome)).into())
}

fn finds_a_bad_recorder() -> Result<(), Failed> {
    for (fault, rule) in [("swap-channels", "swapped-legs"), ("ignore-bye", "leak"), ("truncate-end", "end-clipped")] {
        let text = scenario::walk::scenario(1);
        let text: String = text.split_inclusive('\n').filter(|line| !line.starts_with("recorder:")).collect();
        let text = text.replacen("phones:", &format!("recorder: {{ fault: {fault} }}\nphones:"), 1);
        let outcome = walk(1, &text)?;
        if !outcome.findings.iter().any(|finding| finding.rule == rule) {
            return Err(format!("expected {rule} of {fault}, got\n{}", report::terminal::scenario(&outcome)).into());
        }
    }
    Ok(())
}

/// In a process of its own: other tests open files meanwhile.
fn leave_no_file_open() -> Result<(), Failed> {
    let open = || Ok::<_, Failed>(std::fs::read_dir("/proc/self/fd").map(Iterator::count).unwrap_or_default());
    if std::env::var_os(ALONE).is_some() {
        walk(1, &scenario::walk::scenario(1))?;
        let before = open()?;
        for seed in 2..=6 {
            walk(seed, &scenario::walk::scenario(seed))?;
        }
        let after = open()?;
        return if after <= before { Ok(()) } else { Err(format!("{before} files were open, now {after}").into()) };
    }
    let mut again = std::process::Command::new(std::env::current_exe()?);
    let ended = again.args(["--exact", "random walks leave no file open"]).env(ALONE, "1").output()?;
    if ended.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&ended.stdout).into_owned().into()) }
}

const ALONE: &str = "MIXEDMODE_WALK_ALONE";
