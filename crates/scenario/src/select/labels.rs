//! What a scenario is marked with: its tags, and what its first comment says.

use serde::Serialize;

use crate::file::Scenario;

/// By what a scenario is found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Labels {
    /// Its `tags`.
    pub tags: Vec<String>,
    /// The `# Flow:` of its first comment: after which of Cisco's call flows it is.
    pub flow: Option<String>,
    /// The `# Field:` of its first comment: which rows of what is seen in the field it provokes.
    #[serde(rename = "field")]
    pub rows: Vec<String>,
}

impl Labels {
    /// The labels of a scenario.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        let comment = || scenario.text.lines().map_while(|line| line.strip_prefix('#')).map(str::trim);
        let named = |key: &str| comment().find_map(|line| line.strip_prefix(key)).map(|value| value.trim().to_owned());
        let rows = named("Field:").unwrap_or_default();
        let rows = rows.split(',').map(str::trim).filter(|row| !row.is_empty()).map(str::to_owned).collect();
        Self { tags: scenario.tags.clone(), flow: named("Flow:").filter(|flow| !flow.is_empty()), rows }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::item;
    use super::*;

    #[test]
    fn the_first_comment_and_the_tags_are_read() {
        let head = "# Shows something.\n# Flow: Whole call\n# Field: A6, D52\ntags: [slow, hold]\n# Field: Z9\n";
        let labels = Labels::of(&item("a.yaml", head).scenario);
        assert_eq!(labels.flow.as_deref(), Some("Whole call"));
        assert_eq!((labels.rows, labels.tags), (vec!["A6".into(), "D52".into()], vec!["slow".into(), "hold".into()]));
        let none = Labels::of(&item("a.yaml", "tags: x\n").scenario);
        assert_eq!(none, Labels { tags: vec!["x".into()], ..Labels::default() });
    }
}
