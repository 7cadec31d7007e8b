//! Terminal and JSON reports from an outcome.
