//! RTP, SRTP and SRTCP from outside the crate.

/// What a context does with packets that are genuine, repeated, late, forged, altered or cut.
#[cfg(test)]
mod context;
/// Seeded random packets.
#[cfg(test)]
mod packets;
/// Byte equality with webrtc-srtp, and agreement with the `rtp` crate where that one is right.
#[cfg(test)]
mod peers;
