//! What the built-in bridge can be told to change in the streams that it sends to a recorder.

use crate::codec::Codec;

/// A change of both streams of the built-in bridge, in the active call.
///
/// What signalling has to agree on (key, codec) is offered when CUCM asks the bridge again; the rest is done at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BridgeChange {
    /// Another SSRC under the same key; sequence numbers and timestamps begin anew.
    Source,
    /// Sequence numbers and timestamps begin anew, under the same SSRC and key, with a roll-over count of 0.
    Sequence,
    /// The next offer has new keys. SSRC, sequence numbers and timestamps go on.
    Key(RollOver),
    /// The next offer has this codec, and so have the streams: G.711, the bridge translates.
    Codec(Codec),
}

/// What becomes of the SRTP roll-over count with a new key. RFC 3711 §3.3.1 keeps it; there are senders that do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RollOver {
    /// It goes on.
    Keep,
    /// It is 0 again, whatever the sequence number is.
    Reset,
}
