//! The outcome as JSON, for machines.

use scenario::outcome::{RunOutcome, ScenarioOutcome};

/// The outcome as JSON, without what other reports draw ([`scenario::evidence`]), with a newline at its end; two runs of one seed on the simulated network give the same bytes.
///
/// # Errors
/// Never for an outcome the runner made; the error is passed on all the same.
pub fn json(run: &RunOutcome) -> Result<String, serde_json::Error> {
    let scenarios = run.scenarios.iter().map(ScenarioOutcome::without_evidence).collect();
    let (schema, network, recorder) = (run.schema.clone(), run.network.clone(), run.recorder.clone());
    let plain = RunOutcome { schema, network, seed: run.seed, recorder, scenarios };
    let mut text = serde_json::to_string_pretty(&plain)?;
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use scenario::outcome::SCHEMA;

    use super::*;

    #[test]
    fn what_is_written_can_be_read_again() {
        let run = RunOutcome {
            schema: SCHEMA.into(),
            network: "os".into(),
            seed: 7,
            recorder: "bundled".into(),
            scenarios: Vec::new(),
        };
        let text = json(&run).unwrap();
        assert!(text.ends_with("}\n"));
        assert_eq!(serde_json::from_str::<RunOutcome>(&text).unwrap(), run);
    }
}
