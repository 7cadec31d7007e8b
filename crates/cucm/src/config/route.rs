//! How a recording destination's number gets to a trunk: partitions, calling search spaces, route lists.

use crate::config::{Config, ConfigError};

/// *Call Routing > Class of Control > Calling Search Space*.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallingSearchSpace {
    /// Name, by which recording profiles refer to it.
    pub name: String,
    /// Its partitions, in the order in which they are searched. `<None>` is searched behind them in any case.
    pub partitions: Vec<String>,
}

/// *Call Routing > Route/Hunt > Route Pattern*.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutePattern {
    /// The digits it matches, whole; wildcards are not interpreted.
    pub pattern: String,
    /// *Route Partition*; empty for `<None>`.
    pub partition: String,
    /// The route list: its groups, tried top-down.
    pub route_list: Vec<RouteGroup>,
}

impl RoutePattern {
    /// A pattern in `<None>` that leads to one trunk.
    pub fn to_trunk(pattern: &str, trunk: &str) -> Self {
        let group = RouteGroup { distribution: Distribution::TopDown, trunks: vec![trunk.to_owned()] };
        Self { pattern: pattern.to_owned(), partition: String::new(), route_list: vec![group] }
    }
}

/// *Call Routing > Route/Hunt > Route Group*.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteGroup {
    /// *Distribution Algorithm*.
    pub distribution: Distribution,
    /// Names of its trunks.
    pub trunks: Vec<String>,
}

/// Which member of a route group is tried first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// The first one, for each call.
    TopDown,
    /// The one behind that of the call before.
    Circular,
}

impl Config {
    /// The route pattern that a number matches for callers with this calling search space, with its place in
    /// [`Config::route_patterns`]. Partitions count in their order, `<None>` last.
    pub fn route(&self, calling_search_space: &str, number: &str) -> Option<(usize, &RoutePattern)> {
        let space = self.calling_search_spaces.iter().find(|space| space.name == calling_search_space);
        let partitions = space.map_or(&[][..], |space| &space.partitions).iter().map(String::as_str);
        partitions.chain([""]).find_map(|partition| {
            let mut patterns = self.route_patterns.iter().enumerate();
            patterns.find(|(_, pattern)| pattern.pattern == number && pattern.partition == partition)
        })
    }

    /// Route lists lead to trunks, recording profiles have calling search spaces that exist.
    pub(super) fn check_routes(&self) -> Result<(), ConfigError> {
        let unknown = |of: String, kind, name: &str| ConfigError::Unknown { of, kind, name: name.to_owned() };
        for pattern in &self.route_patterns {
            for name in pattern.route_list.iter().flat_map(|group| &group.trunks) {
                if self.trunk(name).is_none() {
                    return Err(unknown(format!("route pattern {}", pattern.pattern), "trunk", name));
                }
            }
        }
        for profile in self.recording_profiles.iter().filter(|profile| !profile.recording_css.is_empty()) {
            if !self.calling_search_spaces.iter().any(|space| space.name == profile.recording_css) {
                let of = format!("recording profile {}", profile.name);
                return Err(unknown(of, "calling search space", &profile.recording_css));
            }
        }
        Ok(())
    }
}
