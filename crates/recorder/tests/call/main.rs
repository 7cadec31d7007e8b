//! A recorder that runs, from the first INVITE to the files.

#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

mod broken;
mod calls;
mod connections;
mod media;
mod support;
