//! The outcome of a run with all its evidence as one file: what other reports are made of, also those of several shards.

use scenario::outcome::{RunOutcome, SCHEMA};
use serde::{Deserialize, Serialize};

/// The name and version of the form. It grows when a field changes its meaning or goes away.
pub const BUNDLE_SCHEMA: &str = "mixedmode-bundle-v1";

/// Why a file is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// Not JSON, cut off, or without the fields of a bundle.
    #[error("it is no whole bundle: {0}")]
    Shape(#[from] serde_json::Error),
    /// Another kind of document, or a later version.
    #[error("got schema `{got}`, expected `{expected}` (`run --report-bundle` writes it)")]
    Schema {
        /// The schema it names; empty for none.
        got: String,
        /// The one that can be read.
        expected: &'static str,
    },
}

#[derive(Serialize)]
struct Written<'a> {
    schema: &'static str,
    outcome: &'a RunOutcome,
}

#[derive(Deserialize)]
struct Read {
    outcome: RunOutcome,
}

#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    schema: String,
}

/// The outcome with its evidence, as JSON on one line with a newline at its end.
///
/// # Errors
/// Never for an outcome the runner made; the error is passed on all the same.
pub fn bundle(run: &RunOutcome) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string(&Written { schema: BUNDLE_SCHEMA, outcome: run })?;
    text.push('\n');
    Ok(text)
}

/// Reads what [`bundle`] wrote.
///
/// # Errors
/// What is wrong with the text.
pub fn read_bundle(text: &str) -> Result<RunOutcome, BundleError> {
    let is = |got: String, expected| if got == expected { Ok(()) } else { Err(BundleError::Schema { got, expected }) };
    is(serde_json::from_str::<Head>(text)?.schema, BUNDLE_SCHEMA)?;
    let outcome = serde_json::from_str::<Read>(text)?.outcome;
    is(outcome.schema.clone(), SCHEMA)?;
    Ok(outcome)
}

/// Reads what [`bundle`] or [`json`](crate::json()) wrote; only the former has evidence.
///
/// # Errors
/// What is wrong with the text.
pub fn read(text: &str) -> Result<RunOutcome, BundleError> {
    match serde_json::from_str::<Head>(text)?.schema.as_str() {
        SCHEMA => Ok(serde_json::from_str(text)?),
        _ => read_bundle(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> RunOutcome {
        RunOutcome {
            schema: SCHEMA.into(),
            network: "os".into(),
            seed: 7,
            recorder: "bundled".into(),
            scenarios: Vec::new(),
        }
    }

    #[test]
    fn an_outcome_is_read_with_and_without_evidence() {
        assert_eq!(read(&bundle(&run()).unwrap()).unwrap(), run());
        assert_eq!(read(&crate::json(&run()).unwrap()).unwrap(), run());
        assert!(matches!(read(r#"{"schema":"x-v9"}"#), Err(BundleError::Schema { .. })));
        assert!(matches!(read("{"), Err(BundleError::Shape(_))));
    }

    #[test]
    fn what_is_written_can_be_read_again() {
        let text = bundle(&run()).unwrap();
        assert!(text.ends_with("}\n"));
        assert_eq!(read_bundle(&text).unwrap(), run());
    }

    #[test]
    fn what_is_no_bundle_says_what_it_is() {
        let wrong = |text: &str| read_bundle(text).unwrap_err().to_string();
        let other =
            "got schema `mixedmode-bundle-v9`, expected `mixedmode-bundle-v1` (`run --report-bundle` writes it)";
        assert_eq!(wrong(r#"{ "schema": "mixedmode-bundle-v9" }"#), other);
        assert!(wrong(&crate::json(&run()).unwrap()).starts_with("got schema `mixedmode-outcome-v1`"));
        let text = bundle(&run()).unwrap();
        assert!(wrong(&text[..text.len() / 2]).starts_with("it is no whole bundle: "));
        assert!(wrong(&text.replace(SCHEMA, "mixedmode-outcome-v0")).starts_with("got schema `mixedmode-outcome-v0`"));
    }
}
