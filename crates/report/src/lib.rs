//! Reports: pure functions of an outcome. Nothing here decides anything.

mod bundle;
mod json;
pub mod terminal;

pub use bundle::{BUNDLE_SCHEMA, BundleError, bundle, read_bundle};
pub use json::json;
