//! Sources of speech and test signals.
