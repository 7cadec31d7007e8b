//! SRTP and SRTCP (RFC 3711, RFC 7714).

mod suite;

pub use suite::{Suite, UnknownSuite};
