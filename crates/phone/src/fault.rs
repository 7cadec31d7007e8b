//! What a phone can be told to do wrong on the streams of its built-in bridge.
//!
//! What is not genuine has rows of its own [`Nature`](media::ledger::Nature) in the ledger, so the truth stays the truth: a recorder
//! that stores any of them has stored something nobody said.

use media::ledger::Leg;

/// One misbehaviour of one bridge stream. Several may be active at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Sends RTP in clear to the recorder's SRTP port: from the same port, with the SSRC and sequence of the genuine packet.
    ///
    /// Beside the genuine packet (`instead` false) the clear one carries other audio, the genuine frame with its sign turned, so that a
    /// recorder which takes it is found by its samples; it goes out before every second genuine packet and behind the others, so that
    /// a recorder which keeps the first of two packets is found as well as one that keeps the last. Instead of the genuine packet, it
    /// carries the frame itself.
    Plain {
        /// The stream it applies to.
        leg: Leg,
        /// Replace the genuine packets instead of adding to them.
        instead: bool,
    },
    /// Flips one bit of the authentication tag in every `every`-th packet (1 = all). On a stream in clear it does nothing.
    BadTag {
        /// The stream it applies to.
        leg: Leg,
        /// Every how many packets.
        every: u32,
    },
    /// After every `every`-th packet sends again, bit for bit, the one that went out `back` packets earlier.
    Replay {
        /// The stream it applies to.
        leg: Leg,
        /// Every how many packets.
        every: u32,
        /// How far back, 1..=64; 0 repeats the packet just sent.
        back: u32,
    },
    /// Sends `times` forged packets for each genuine one, from another port, under another key, with the SSRC and the coming sequence
    /// numbers of the stream.
    Forge {
        /// The stream it applies to.
        leg: Leg,
        /// Forged packets per genuine packet.
        times: u32,
    },
    /// Protects the packets themselves with another key than the one announced.
    WrongKey {
        /// The stream it applies to.
        leg: Leg,
    },
    /// Sends nothing at all, as if nothing were said.
    Silence {
        /// The stream it applies to.
        leg: Leg,
        /// Whether RTP time stands still meanwhile; else it goes on.
        stalls: bool,
    },
    /// Goes on with the stream when it is over, under its SSRC and key and from its port, until the phone behaves again. What it
    /// says then are its words with their sign turned; the ledger has them as genuine packets behind the end of their dialog.
    Stale {
        /// The stream it applies to.
        leg: Leg,
    },
    /// Has every packet lost on its way.
    Loss {
        /// The stream it applies to.
        leg: Leg,
    },
}

impl Fault {
    /// The stream it applies to.
    pub fn leg(self) -> Leg {
        match self {
            Self::Plain { leg, .. }
            | Self::BadTag { leg, .. }
            | Self::Replay { leg, .. }
            | Self::Forge { leg, .. }
            | Self::Silence { leg, .. }
            | Self::Stale { leg }
            | Self::Loss { leg }
            | Self::WrongKey { leg } => leg,
        }
    }
}
