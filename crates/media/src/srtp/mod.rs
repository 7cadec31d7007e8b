//! SRTP and SRTCP (RFC 3711) with the suites of RFC 4568 and RFC 7714 that CUCM offers, in place.
//!
//! A [`MasterKey`] comes from SDP ([`crate::sdes`]); a [`Context`] seals or opens the packets of one direction:
//!
//! ```
//! use media::srtp::{Context, MasterKey, OVERHEAD, Suite};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = MasterKey::from_bytes(Suite::AesCm128HmacSha1_80, &[7; 30])?;
//! let (mut ours, mut theirs) = (Context::new(key.suite(), &key)?, Context::new(key.suite(), &key)?);
//! let mut buf = [0; 32 + OVERHEAD];
//! media::rtp::Header { sequence: 1, ssrc: 9, ..Default::default() }.write(&mut buf);
//! let sealed = ours.protect(&mut buf, 32)?;
//! assert_eq!((sealed, theirs.unprotect(&mut buf, sealed)?), (42, 32));
//! # Ok(())
//! # }
//! ```
//!
//! Absent on purpose: key derivation rates other than zero, F8, NULL ciphers, and re-keying inside a context (a new
//! key in SDP is a new context, whose roll-over count may be set).

mod cm;
mod context;
mod error;
mod gcm;
mod key;
mod replay;
#[cfg(test)]
mod rfc_vectors;
mod session;
mod source;
mod suite;

pub use context::{Context, OVERHEAD};
pub use error::{KeyError, SrtpError};
pub use key::MasterKey;
pub use suite::{Suite, UnknownSuite};
