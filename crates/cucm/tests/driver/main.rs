//! The whole cluster over the simulated network and over loopback, with phones and a recorder that are raw text.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod connections;
mod malformed;
mod music;
mod peer;
mod refusals;
mod tftp;
mod whole;
