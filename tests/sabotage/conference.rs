//! Conferences and barging in.

use super::Row;

pub(super) const ROWS: &[Row] = &[];
