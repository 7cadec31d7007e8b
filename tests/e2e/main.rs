//! Tests of the whole that are not one scenario file.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bad_recorders;
mod browser;
mod cli;
mod damaged;
mod evidence;
mod hostile;
mod quiet;
mod replay;
mod tidy;
