//! Nodes of the cluster.

use cucm::signalling::Closing;

/// A node that dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeFailure {
    /// Which, from 0.
    pub node: usize,
    /// Whether the bridges of its phones send on: the calls themselves are preserved.
    pub media_goes_on: bool,
    /// How its connections to recorders end; `None` where they stay and are silent.
    pub connections: Option<Closing>,
}
