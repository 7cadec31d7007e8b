//! JSON Schemas of what mixedmode reads and writes, and the reference of a scenario's keys. Which keys and values there are is learned from
//! the readers (`file::shape`), what they mean is taken from the tables of the documentation, and the outcome's is derived from its structs.

mod json;
mod reference;
#[cfg(test)]
mod tests;
mod words;

use std::path::Path;

use serde_json::{Value, json};

use crate::file::read;
use crate::file::shape::{Form, learn};
use crate::outcome::RunOutcome;

pub use reference::keys;

/// The dialect of JSON Schema in which all are written.
const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// What a scenario file may have.
fn scenario_form() -> Form {
    learn(|node, wrong| drop(read::read(node, None, wrong)))
}

/// What a `mixedmode.toml` may have.
fn config_form() -> Form {
    learn(|node, wrong| drop(crate::under_test::read_tree(node, Path::new("/"), wrong)))
}

/// The schema of scenario files.
#[must_use]
pub fn scenario() -> Value {
    whole("mixedmode-scenario-v1", "A scenario of mixedmode", &scenario_form(), &words::of_scenarios())
}

/// The schema of `mixedmode.toml`.
#[must_use]
pub fn config() -> Value {
    whole("mixedmode-config-v1", "mixedmode.toml: recorders under test", &config_form(), &words::of_recorders())
}

/// The schema of `--report-json`.
#[must_use]
pub fn outcome() -> Value {
    let mut schema = schemars::schema_for!(RunOutcome).to_value();
    if let Some(object) = schema.as_object_mut() {
        object.insert("$id".to_owned(), json!(crate::outcome::SCHEMA));
    }
    schema
}

fn whole(id: &str, title: &str, form: &Form, words: &words::Words) -> Value {
    let (mut schema, definitions) = json::schema(form, words);
    if let Some(object) = schema.as_object_mut() {
        object.insert("$schema".to_owned(), json!(DRAFT));
        object.insert("$id".to_owned(), json!(id));
        object.insert("title".to_owned(), json!(title));
        object.insert("$defs".to_owned(), Value::Object(definitions));
    }
    schema
}
