//! Who talked to whom, in which call.

use super::Row;

pub(super) const ROWS: &[Row] = &[];
