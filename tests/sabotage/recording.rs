//! What is recorded, by whom, from which source and node.

use super::Row;

pub(super) const ROWS: &[Row] = &[];
