//! Reports: pure functions of an outcome. Nothing here decides anything.

mod bundle;
mod html;
mod json;
pub mod terminal;
mod words;

pub use bundle::{BUNDLE_SCHEMA, BundleError, bundle, read_bundle};
pub use html::html;
pub use json::json;
