//! Tests of the whole that are not one scenario file.

mod bad_recorders;
mod cli;
mod replay;
mod tidy;
