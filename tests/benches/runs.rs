//! The figures a user waits for: a call in virtual time, all scenarios in real time, the packet clock under load, and what
//! a report costs.
//!
//! `cargo bench -p tests -- simulated|hour|scenarios|clock|html|evidence` runs one part.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use scenario::outcome::{Lateness, RunOutcome};
use scenario::run::{Item, Network, Options};

/// Runs of one seed that must give the same bytes.
const REPLAYS: usize = 20;
/// Recorded calls at once: each has two voices and two forks, 200 streams in all.
const CALLS: usize = 50;

/// Runs whose median is told where one alone says little.
const ROUNDS: usize = 5;
/// Pairs of runs without and with evidence.
const PAIRS: usize = 7;

const LONG_CALL: &str = "scenarios/sixty-seconds.yaml";
const LONG_HOLDS: &str = "scenarios/hold/twenty-times-in-an-hour.yaml";
const RECORDED_CALL: &str = "scenarios/plain-call.yaml";

/// A part of the bench: its figures in words.
type Part = fn() -> Result<String, String>;

fn main() -> Result<(), String> {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let parts: [(&str, Part); 6] = [
        ("simulated", simulated),
        ("hour", hour),
        ("scenarios", scenarios),
        ("clock", clock),
        ("html", html),
        ("evidence", evidence),
    ];
    for (name, part) in parts {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            let figures = part()?;
            writeln!(io::stdout(), "{figures}").map_err(|e| e.to_string())?;
        }
    }
    Ok(())
}

fn simulated() -> Result<String, String> {
    let options = tests::options(Network::Simulated, 7);
    let (mut times, mut outcomes) = (Vec::new(), Vec::new());
    for _ in 0..REPLAYS {
        let (outcome, took) = timed(|| tests::run(&[LONG_CALL], &options))?;
        passed(&outcome)?;
        times.push(took);
        outcomes.push(report::json(&outcome).map_err(|e| e.to_string())?);
    }
    outcomes.dedup();
    times.sort_unstable();
    let (median, worst) = (times[REPLAYS / 2].as_secs_f64(), times[REPLAYS - 1].as_secs_f64());
    let different = outcomes.len();
    Ok(format!(
        "60 s call, simulated: median {median:.3} s (goal 1), worst {worst:.3} s; {different} different outcome in {REPLAYS} runs (goal 1)"
    ))
}

/// A call of an hour with twenty holds: twenty-one recordings, each proven.
fn hour() -> Result<String, String> {
    let (mut times, mut proven) = (Vec::new(), 0);
    for _ in 0..ROUNDS {
        let (outcome, took) = timed(|| tests::run(&[LONG_HOLDS], &tests::options(Network::Simulated, 7)))?;
        passed(&outcome)?;
        times.push(took);
        proven = outcome.scenarios.iter().map(|s| s.frames_compared).sum::<u64>();
    }
    let took = median(&mut times).as_secs_f64();
    Ok(format!(
        "1 h call with 20 hold/resume cycles, simulated: {took:.2} s (median of {ROUNDS}, goal 5); {proven} frames proven"
    ))
}

fn scenarios() -> Result<String, String> {
    let files = tests::scenario_files();
    let names: Vec<&str> = files.iter().map(String::as_str).collect();
    let mut options = tests::options(Network::Os, 7);
    options.jobs = names.len();
    let (outcome, took) = timed(|| tests::run(&names, &options))?;
    passed(&outcome)?;
    Ok(format!("{} scenarios, real sockets, in parallel: {:.1} s (goal 90)", names.len(), took.as_secs_f64()))
}

fn clock() -> Result<String, String> {
    let outcome = many_calls(false)?;
    let late: Vec<Lateness> = outcome.scenarios.iter().map(|s| s.lateness).collect();
    let (packets, over, doubled) = late.iter().fold((0, 0, 0), |(packets, over, doubled), late| {
        (packets + late.packets, over + late.over_1ms, doubled + late.doubled)
    });
    let mut medians: Vec<u32> = late.iter().map(|late| late.p50_us).collect();
    medians.sort_unstable();
    let within = 100.0 - 100.0 * over as f64 / packets.max(1) as f64;
    let (streams, p50) = (CALLS * 4, medians[CALLS / 2]);
    let proven: u64 = outcome.scenarios.iter().map(|s| s.frames_compared).sum();
    Ok(format!(
        "packet clock, {streams} SRTP streams on real sockets with their recorders in this process: {packets} packets, \
         p50 {p50} us (goal 300), {within:.2} % within 1 ms (goal 95), {doubled} doubled (goal 0); {proven} frames proven"
    ))
}

/// What a report of a call of a minute adds to its run, and its page.
fn html() -> Result<String, String> {
    let (mut plain, mut told, mut bytes) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        let options = tests::options(Network::Simulated, 7);
        plain.push(timed(|| tests::run(&[LONG_CALL], &options))?.1);
        let options = Options { evidence: true, ..options };
        let (page, took) = timed(|| report::html(&tests::run(&[LONG_CALL], &options)?).map_err(|e| e.to_string()))?;
        told.push(took);
        bytes = page.len();
    }
    let (plain, told) = (median(&mut plain).as_secs_f64(), median(&mut told).as_secs_f64());
    Ok(format!(
        "HTML of a 60 s call: {:.2} s more than the {plain:.2} s without (medians of {ROUNDS}, goal 1), {:.2} MB",
        told - plain,
        bytes as f64 / 1e6
    ))
}

/// Whether evidence slows media: the same calls by turns without and with it, each pair in the other order, since what else the
/// machine does changes from minute to minute.
fn evidence() -> Result<String, String> {
    let (mut without, mut with, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..PAIRS {
        let mut late = [0; 2];
        for drawn in [round % 2 == 1, round % 2 == 0] {
            let mut p99: Vec<u32> = many_calls(drawn)?.scenarios.iter().map(|s| s.lateness.p99_us).collect();
            late[usize::from(drawn)] = median(&mut p99);
        }
        without.push(late[0]);
        with.push(late[1]);
        ratios.push(i64::from(late[1]) * 1000 / i64::from(late[0].max(1)) - 1000);
    }
    let pairs: Vec<String> = without.iter().zip(&with).map(|(a, b)| format!("{a}/{b}")).collect();
    let (without, with, ratio) = (median(&mut without), median(&mut with), median(&mut ratios));
    Ok(format!(
        "packets of {CALLS} calls at once: p99 {without} us late, {with} us with evidence, {:+.1} % (goal 10; medians of {PAIRS} pairs: {})",
        ratio as f64 / 10.0,
        pairs.join(", ")
    ))
}

/// [`CALLS`] recorded calls at once on real sockets.
fn many_calls(evidence: bool) -> Result<RunOutcome, String> {
    let scenario = scenario::file::load(&tests::root().join(RECORDED_CALL)).map_err(|broken| broken.render())?;
    let items = (0..CALLS).map(|_| Item { file: RECORDED_CALL.to_owned(), scenario: scenario.clone() }).collect();
    let options = Options { jobs: CALLS, evidence, ..tests::options(Network::Os, 7) };
    scenario::run::run(items, &options, &Default::default(), |_| ()).map_err(|e| e.to_string())
}

fn median<T: Ord + Copy>(values: &mut [T]) -> T {
    values.sort_unstable();
    values[values.len() / 2]
}

fn timed<T>(work: impl FnOnce() -> Result<T, String>) -> Result<(T, Duration), String> {
    let begin = Instant::now();
    let result = work()?;
    Ok((result, begin.elapsed()))
}

/// A figure of a run that went wrong is worth nothing.
fn passed(outcome: &RunOutcome) -> Result<(), String> {
    let bad = outcome.scenarios.iter().find(|s| s.verdict != scenario::outcome::Verdict::Pass);
    bad.map_or(Ok(()), |s| Err(report::terminal::scenario(s)))
}
