//! The engine driven by inputs: traces repeated to the byte, every rule of calls and recordings, damage of every kind.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod barges;
mod bench;
mod calls;
mod conferences;
mod configuration;
mod damage;
mod forking;
mod forwards;
mod halves;
mod holds;
mod hunting;
mod media_changes;
mod mixes;
mod models;
mod nodes;
mod office;
mod outside;
mod parks;
mod pickups;
mod places;
mod recorder;
mod recordings;
mod refresh;
mod registrations;
mod releases;
mod replay;
mod selective;
mod shared;
mod transfers;
mod trunks;
mod unprompted;
mod walk;
