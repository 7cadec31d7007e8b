//! Scenario files, their diagnostics, the recorders under test, the runner, its outcome as data, and verifying again
//! what was kept of a run.
//!
//! # In a test of your own
//!
//! ```
//! use scenario::outcome::Verdict;
//! use scenario::run::{Item, Network, Options};
//!
//! let text = r#"
//! scenario: A call is recorded
//! phones:
//!   agent:    { line: "2000", recording: automatic }
//!   customer: { line: "1000" }
//! steps:
//!   - call: { from: customer, to: agent }
//!   - answer: agent
//!   - talk: 2s
//!   - hang up: agent
//! "#;
//! let scenario = scenario::file::parse(text).expect("a scenario without mistakes");
//! let items = vec![Item { file: "call.yaml".to_owned(), scenario }];
//! // `under_test: scenario::under_test::load("mixedmode.toml".as_ref(), "mine")?` is a recorder of your own, in real time.
//! let options = Options { network: Network::Simulated, ..Options::default() };
//! let outcome = scenario::run::run(items, &options, &Default::default(), |_| {}).expect("a run");
//! assert_eq!(outcome.verdict(), Some(Verdict::Pass), "{:#?}", outcome.scenarios);
//! ```

pub mod advice;
pub mod evidence;
pub mod file;
pub mod kept;
pub mod outcome;
pub mod run;
pub mod schema;
pub mod select;
pub mod sound;
pub mod under_test;
pub mod walk;
