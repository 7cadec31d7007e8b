//! The mixedmode command line.
