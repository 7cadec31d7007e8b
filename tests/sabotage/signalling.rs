//! Messages that are lost, late, repeated or crossing.

use super::Row;

pub(super) const ROWS: &[Row] = &[];
