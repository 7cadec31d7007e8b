//! Whom to believe: the judgement of a certificate that a TLS peer presented.
//!
//! CUCM, its phones and recorders compare certificates with lists they were given, so a [`PeerRule`] accepts a leaf that is
//! listed byte for byte, or one whose chain ends at a listed CA. What such pinning would skip is judged by hand: validity,
//! extended key usage, the X.509 subject rule of a SIP trunk. The order is fixed: readable, trusted, valid, usable, named;
//! the first rule that refuses gives the [`Refusal`].

mod chain;
mod list;
mod name;
mod peer;
mod refusal;
#[cfg(test)]
mod tests;

pub use list::TrustList;
pub use name::{matches_device, matches_name, parse_x509_names};
pub use peer::{Names, PeerRule, Purpose, Trust};
pub use refusal::Refusal;
