//! SDP, SDES, RTP, SRTP, codecs, WAV, test signals and the ledger of what was said, without sockets or clock.
//!
//! The crate is the part of the harness that every party shares and none may disagree about: how a media offer
//! reads ([`sdp`], [`sdes`]), how a packet is cut and sealed ([`rtp`], [`srtp`]), what a sample is on the wire and
//! in a file ([`codec`], [`wav`]), what is said ([`signal`]), when it is due ([`wheel`]) and what was truly sent
//! ([`ledger`]).
//!
//! Absent on purpose: tokio, sockets, any clock (time is an argument) and any knowledge of SIP. Input from the wire
//! or from a file is answered with a value or a typed error, never with a panic.

pub mod codec;
pub mod g711;
pub mod g722;
pub mod ledger;
pub mod rtp;
pub mod sdes;
pub mod sdp;
pub mod signal;
pub mod srtp;
pub mod wav;
pub mod wheel;
