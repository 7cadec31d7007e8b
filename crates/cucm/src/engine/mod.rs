//! Registrations, calls, recordings and trunks as one machine without sockets or clock.

pub use crate::ident::Numbering;
