//! Reports: pure functions of an outcome. Nothing here decides anything.

mod json;
pub mod terminal;

pub use json::json;
