//! The reference recorder: sessions, legs, journal, files, metadata and certificates.
//!
//! The modules that speak SIP and SRTP are joined here once the crates below them are.

mod fault;
pub mod journal;
pub mod metadata;

pub use fault::Fault;
