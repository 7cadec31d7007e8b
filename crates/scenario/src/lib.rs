//! Scenario files, their diagnostics, the runner, its outcome as data, and what it keeps.

pub mod file;
pub mod kept;
pub mod outcome;
pub mod run;
