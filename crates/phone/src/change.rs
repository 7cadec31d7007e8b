//! What the built-in bridge can be told to change in the streams that it sends to a recorder.

use crate::codec::Codec;
use crate::packet_time::PacketTime;

/// A change of both streams of the built-in bridge, in the active call.
///
/// What signalling has to agree on (key, codec, packet time) is offered when CUCM asks the bridge again; the rest is done at once.
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
    /// The next offer has this packet time, and so have the streams: the bridge packs anew what it hears every 20 ms, so packets of
    /// another length leave up to 20 ms apart from their time.
    PacketTime(PacketTime),
}

/// What becomes of the SRTP roll-over count with a new key. RFC 3711 §3.3.1 keeps it; there are senders that do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RollOver {
    /// It goes on.
    Keep,
    /// It is 0 again, whatever the sequence number is.
    Reset,
}
