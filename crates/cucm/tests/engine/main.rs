//! The engine driven by inputs: traces repeated to the byte, every rule of calls and recordings, damage of every kind.

mod bench;
mod calls;
mod damage;
mod recordings;
mod registrations;
mod replay;
mod trunks;
