//! The whole cluster over the simulated network and over loopback, with phones and a recorder that are raw text.

mod peer;
mod refusals;
mod whole;
