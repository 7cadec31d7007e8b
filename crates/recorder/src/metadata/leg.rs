//! One leg: its dialog, and what became of its packets.

use serde::{Deserialize, Serialize};

use super::Side;

/// One SIP dialog and the stream it carried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leg {
    /// Whose voice.
    pub side: Side,
    /// Call-ID, verbatim.
    pub call_id: String,
    /// Our tag (To of the INVITE).
    pub local_tag: String,
    /// CUCM's tag (From of the INVITE).
    pub remote_tag: String,
    /// The CUCM node and the transport the INVITE came by, `tls 127.0.0.2:34567`.
    pub node: String,
    /// Session-ID, verbatim.
    pub session_id: Option<String>,
    /// Cisco-Guid, verbatim. It differs between the two legs of one call.
    pub cisco_guid: Option<String>,
    /// User-Agent, verbatim.
    pub user_agent: Option<String>,
    /// Date, verbatim: what CUCM's clock said when it sent the INVITE. All other times here are ours.
    #[serde(default)]
    pub date: Option<String>,
    /// By how many seconds CUCM's clock was ahead of ours then; negative where it was behind. A Date has whole seconds.
    #[serde(default)]
    pub clock_ahead_s: Option<i64>,
    /// P-Asserted-Identity, verbatim.
    pub p_asserted_identity: Option<String>,
    /// Remote-Party-ID, verbatim.
    pub remote_party_id: Option<String>,
    /// Every parameter of the From URI of the INVITE, in order.
    pub parameters: Vec<Parameter>,
    /// Later states of the parameters.
    pub changes: Vec<Change>,
    /// When the INVITE came, our 200 left, the ACK came.
    pub invited: String,
    /// When our 200 left.
    pub answered: Option<String>,
    /// When the ACK came.
    pub acknowledged: Option<String>,
    /// When the leg ended; where nobody ended it, when its last packet came.
    pub ended: Option<String>,
    /// The Reason header of the BYE, verbatim, or our own words.
    pub end_reason: Option<String>,
    /// Who ended it: `peer`, `recorder`, `inactivity`, `no-ack`, `cancel`, `refused`,
    /// `session-timer`, `connection` (lost before the answer), `crash`.
    pub ended_by: Option<String>,
    /// The agreed codec's name.
    pub codec: Option<String>,
    /// The agreed payload type.
    pub payload_type: Option<u8>,
    /// `srtp` or `rtp`.
    pub protection: Option<String>,
    /// The SRTP suite's name.
    pub suite: Option<String>,
    /// How often the peer changed its key.
    pub rekeyed: u32,
    /// The address and port we received on.
    pub received_on: Option<String>,
    /// The address and port the peer signalled; CUCM often writes a dummy port here.
    pub signalled_source: Option<String>,
    /// Where genuine packets really came from, in order of appearance.
    pub sources: Vec<String>,
    /// The SSRCs of genuine packets, in order of appearance.
    pub ssrcs: Vec<u32>,
    /// When the first and the last genuine packet came.
    pub first_packet: Option<String>,
    /// When the last genuine packet came.
    pub last_packet: Option<String>,
    /// The packet counts.
    pub packets: Packets,
    /// Length of the leg's sound in samples at 8 kHz.
    pub samples: u64,
}

/// One parameter of the From URI, as it was spelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// The name as spelled.
    pub name: String,
    /// The value, where there was one.
    pub value: Option<String>,
}

/// The parameters as they stood from a moment on; CUCM changes them by UPDATE or re-INVITE after a transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// When the request came.
    pub at: String,
    /// `INVITE` or `UPDATE`.
    pub method: String,
    /// All parameters, new ones included.
    pub parameters: Vec<Parameter>,
}

impl Leg {
    /// A leg of which only the side is known.
    pub(crate) fn blank(side: Side) -> Self {
        Self {
            side,
            call_id: String::new(),
            local_tag: String::new(),
            remote_tag: String::new(),
            node: String::new(),
            session_id: None,
            cisco_guid: None,
            user_agent: None,
            date: None,
            clock_ahead_s: None,
            p_asserted_identity: None,
            remote_party_id: None,
            parameters: Vec::new(),
            changes: Vec::new(),
            invited: String::new(),
            answered: None,
            acknowledged: None,
            ended: None,
            end_reason: None,
            ended_by: None,
            codec: None,
            payload_type: None,
            protection: None,
            suite: None,
            rekeyed: 0,
            received_on: None,
            signalled_source: None,
            sources: Vec::new(),
            ssrcs: Vec::new(),
            first_packet: None,
            last_packet: None,
            packets: Packets::default(),
            samples: 0,
        }
    }
}

/// What became of every packet that reached a leg's port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packets {
    /// Datagrams on the RTP port.
    pub received: u64,
    /// Genuine packets in the journal.
    pub stored: u64,
    /// Sequence numbers between the first and the last that never came.
    pub lost: u64,
    /// Genuine sequence numbers that came again (plain RTP; on SRTP they count as replayed).
    pub duplicate: u64,
    /// Genuine packets that came after a later one.
    pub reordered: u64,
    /// SRTP packets whose tag did not verify.
    pub auth_failed: u64,
    /// SRTP packets whose number came before, or lies before the replay window. That is looked at before the tag, so
    /// forged packets with such numbers count here.
    pub replayed: u64,
    /// Plain RTP packets on an SRTP leg: dropped.
    pub plain: u64,
    /// Packets from another address than the latched one, on a plain RTP leg: dropped.
    pub foreign: u64,
    /// Datagrams that are no RTP.
    pub malformed: u64,
    /// Packets that came before the keys were known. They are kept and counted in the other fields too.
    pub before_ack: u64,
    /// Packets before the ACK beyond what is kept.
    pub early_overflow: u64,
    /// Genuine packets that are no audio of the agreed codec (telephone-event, comfort noise): not stored.
    pub other_payload: u64,
    /// Genuine packets that could not be written.
    pub not_stored: u64,
    /// Datagrams on the RTCP port: counted, never used.
    pub rtcp: u64,
}

impl Packets {
    /// Adds another leg's counts.
    pub(crate) fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.received, other.received),
            (&mut self.stored, other.stored),
            (&mut self.lost, other.lost),
            (&mut self.duplicate, other.duplicate),
            (&mut self.reordered, other.reordered),
            (&mut self.auth_failed, other.auth_failed),
            (&mut self.replayed, other.replayed),
            (&mut self.plain, other.plain),
            (&mut self.foreign, other.foreign),
            (&mut self.malformed, other.malformed),
            (&mut self.before_ack, other.before_ack),
            (&mut self.early_overflow, other.early_overflow),
            (&mut self.other_payload, other.other_payload),
            (&mut self.not_stored, other.not_stored),
            (&mut self.rtcp, other.rtcp),
        ];
        for (sum, count) in pairs {
            *sum += count;
        }
    }
}
