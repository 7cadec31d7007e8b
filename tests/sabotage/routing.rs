//! Forwarding, parking, pickup, redirection, shared lines.

use super::Row;

pub(super) const ROWS: &[Row] = &[];
