//! Certificates and their keys: made for a fake cluster, read from the wire and from PEM files.
//!
//! A [`Request`] says what a certificate is to hold; [`Identity::self_signed`] and [`Identity::issued_by`] make it with
//! its key; a [`Certificate`] is what anybody may see of it. Reading accepts more than making writes: X.509 v1, SHA-1
//! and CA certificates are described as they are, and it is [`crate::rule`] that refuses them.

mod certificate;
mod error;
mod facts;
#[cfg(test)]
pub(crate) mod fixture;
mod identity;
mod issue;
mod pem;
mod request;
mod signature;

pub use certificate::Certificate;
pub use error::CertError;
pub use identity::{Identity, PrivateKey};
pub use issue::entropy;
pub use request::{KeyKind, KeyUse, Request, San, Usages};

pub(crate) use facts::utc;
pub(crate) use signature::SignatureError;
