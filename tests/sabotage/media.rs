//! Keys, sources, sequences and codecs that change.

use super::Row;

pub(super) const ROWS: &[Row] = &[];
