//! Scenario files, their diagnostics, the runner and its outcome as data.

pub mod file;
pub mod outcome;
pub mod run;
