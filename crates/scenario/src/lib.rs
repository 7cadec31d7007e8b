//! Scenario files, their diagnostics, the recorders under test, the runner, its outcome as data, and verifying again
//! what was kept of a run.

pub mod advice;
pub mod evidence;
pub mod file;
pub mod kept;
pub mod outcome;
pub mod run;
pub mod schema;
pub mod select;
pub mod under_test;
pub mod walk;
