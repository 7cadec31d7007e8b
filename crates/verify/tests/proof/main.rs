//! The verifier verified: recordings that are right, and recordings that are wrong in every way we could think of.

mod clean;
mod earlier;
mod edges;
mod frames;
mod hard;
mod joined;
mod lossy;
mod mix;
mod mutants;
mod rig;
mod shared;
mod wide;
