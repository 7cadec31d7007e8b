//! Every scenario file is a named test on the simulated network; the plain call also runs on real sockets. What breaks each of
//! them are named tests too.

use libtest_mimic::{Arguments, Failed, Trial};
use scenario::outcome::Verdict;
use scenario::run::Network;

mod broken;
mod catalogue;
mod sabotage;
mod walk;

fn main() {
    let simulated = tests::scenario_files()
        .into_iter()
        .map(|file| Trial::test(file.clone(), move || passes(&file, Network::Simulated)));
    let real =
        Trial::test("scenarios/plain-call.yaml on real sockets", || passes("scenarios/plain-call.yaml", Network::Os));
    libtest_mimic::run(
        &Arguments::from_args(),
        simulated
            .chain([real])
            .chain(catalogue::trials())
            .chain(sabotage::trials())
            .chain(walk::trials())
            .chain(broken::trials())
            .collect(),
    )
    .exit();
}

fn passes(file: &str, network: Network) -> Result<(), Failed> {
    let outcome = tests::run_one(file, &tests::options(network, 1))?;
    if outcome.verdict == Verdict::Pass {
        return Ok(());
    }
    Err(report::terminal::scenario(&outcome).into())
}
