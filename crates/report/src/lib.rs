//! Reports: pure functions of an outcome. Nothing here decides anything.

mod bundle;
#[cfg(test)]
mod fixture;
mod gist;
mod github;
mod html;
mod json;
mod junit;
mod merge;
mod ndjson;
mod place;
mod sarif;
mod tap;
pub mod terminal;
mod words;

pub use bundle::{BUNDLE_SCHEMA, BundleError, bundle, read, read_bundle};
pub use github::{annotations, step_summary};
pub use html::html;
pub use json::json;
pub use junit::{JunitError, junit};
pub use merge::{MergeError, merge};
pub use ndjson::{EVENTS_SCHEMA, Ndjson};
pub use sarif::sarif;
pub use tap::tap;
