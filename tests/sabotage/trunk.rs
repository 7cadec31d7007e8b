//! Several recorders and trunks: which one is called, and when.

use super::Row;

pub(super) const ROWS: &[Row] = &[];
