//! What Cisco's texts and traces leave open, as named switches.
//!
//! Each default is the reading with the most support. A scenario may set any of them the other way, since a recorder must
//! survive both. *Inferred* means that no trace and no document shows it.

use wire::tls::{Ciphers, Versions};

/// Readings of CUCM's behaviour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// An encrypted phone whose recorder trunk has *SRTP Allowed* off. Cisco TAPI Developer Guide: "encrypted phones use
    /// secured recorders"; what else happens is inferred.
    pub encrypted_phone_on_non_secure_trunk: EncryptedPhoneOnNonSecureTrunk,
    /// How *Transmit Security Status* shows on a trunk INVITE. Cisco Security Guide tells to tick it for secure recording and
    /// shows no message; a public INVITE of 9.1 has `<urn:x-cisco-remotecc:callinfo>; security= ...; gci= ...` as the first entry of
    /// Call-Info. How releases with a second such URN write it is inferred.
    pub trunk_security_status: TrunkSecurityStatus,
    /// Which answers of a recorder let CUCM try the next destination, of the same trunk or of the next one of a route list: one rule for
    /// both. Cisco document 200788 names route lists as the way to redundant trunks, and Cisco's Collaboration Preferred Architecture
    /// 503 and silence as what sends a call on. By the service parameters *Stop Routing on User Busy Flag* and *Stop Routing on
    /// Unallocated Number Flag*, both true by default, a route list would also go on behind any other refusal but 486, 600 and 404: whether
    /// that holds for recordings is not told, and the default here is the narrower one (inferred).
    pub hunt: Hunt,
    /// In which order the destinations of one trunk are tried. Cisco's administration guide lists up to sixteen of them and names no
    /// order.
    pub destination_order: DestinationOrder,
    /// What becomes of a call whose destinations are all out of service by OPTIONS. Cisco Collaboration Preferred Architecture: such a
    /// trunk is out of service, and takes no calls.
    pub all_out_of_service: AllOutOfService,
    /// Whether the two dialogs of a recording look for a recorder each by itself. They are two calls (Cisco document 200788); that
    /// nothing ties their routing together is inferred.
    pub recording_legs: RecordingLegs,
    /// What becomes of a recording of whose two dialogs only one comes about. Inferred: Cisco's document 200788 shows both of them ended
    /// 2 ms apart where a codec does not fit, and calls them two calls of one recording session; no text says what a refusal or a
    /// time-out of one does to the other, and recorders have met one alone (ccc-recording-portal).
    pub one_leg_fails: OneLegFails,
    /// What becomes of a recording whose source turns out not to fork when the dialogs with the recorder stand. Cisco's Feature
    /// Configuration Guide has the order of the sources; that the dialogs end, and the next source begins new ones, is inferred, as a
    /// call that moves between gateway and bridge has new ones in its "Call Recording Examples for Network-Based and Phone-Based
    /// Recording".
    pub next_source: NextSource,
    /// A recorder's new offer in mid-recording. Cisco's CUBE chapter on Media Proxy says that its recorders must not; what CUCM itself
    /// does is inferred.
    pub recorder_offer: RecorderOffer,
    /// Which parameters stand in From. Cisco's "Call Recording Examples for Network-Based and Phone-Based Recording" lists them in several
    /// lengths, releases add some, and nothing promises an order.
    pub from_parameters: FromParameters,
    /// How the line that answers the recorder's `a=crypto` looks. RFC 4568 §5.1.3 has the answer bear the tag of the line that it chooses;
    /// rtpengine #2098 met answers that number anew. RFC 4568 §6.1 lets a key have a lifetime, which CUCM's lines have not.
    pub crypto_answer: CryptoAnswer,
    /// How From writes device names. The SCCP traces of Cisco document 200788 have `sep...`; the gateway traces of Cisco document 211385,
    /// of release 10.5 like them, have device and trunk in both cases, and so have all later ones.
    pub device_names: DeviceNames,
    /// Whose number is the user part of From where a gateway forks. Inferred: the recorded party's, as without a gateway; the numbers in
    /// the trace of Cisco document 211385 are made anonymous, and read either way.
    pub gateway_from: GatewayFrom,
    /// Who offers where the media of a recording that runs is agreed on anew. No public text has it; the first INVITE leaves the offer
    /// to the recorder, and Cisco's CUBE chapter on Media Proxy speaks of offers within the dialog.
    pub media_change: MediaChange,
    /// What becomes of the SRTP roll-over count of a phone's stream that goes on under another key. RFC 3711 §3.3.1 has it go on, and its
    /// §8.1 has it begin at 0 with a session; rtpengine #107 and #1277 and pjproject #4522 met senders of both kinds, and no text of
    /// Cisco's says which its phones are.
    pub roc_at_re_key: RocAtReKey,
    /// Which port the ACK names for the phone's media: SIP phones have theirs, SCCP phones the dummy 4000 (trace of Cisco document
    /// 200788), gateways 7000 (Cisco document 211385).
    pub media_port_told: MediaPortTold,
    /// Whether a re-INVITE that refreshes a session offers what stands, or leaves the offer to the recorder as the first INVITE did.
    /// Cisco's administration guide names the method only; RFC 4028 §7.4 recommends the offer.
    pub refresh_offer: RefreshOffer,
    /// A recorder's SUBSCRIBE for key presses. The recording INVITE lists `kpml` in Allow-Events (Cisco document 200788); the rest is
    /// inferred.
    pub recorder_subscription: RecorderSubscription,
    /// What CUCM writes as remote Session-ID of a recorder that sent none. Cisco document 200788 shows an invented one.
    pub session_id_without_peer: SessionIdWithoutPeer,
    /// Leg numbers that CUCM spends unseen between the callee's leg and the first bridge leg (Cisco document 200788: 104952, 104956).
    pub hidden_legs_before_bridge: u32,
    /// Leg numbers spent unseen between a bridge leg and its recorder leg (Cisco document 200788: 104956, 104958).
    pub hidden_legs_before_recorder: u32,
    /// Call identifiers spent unseen before the near bridge (Cisco document 200788: callee …625, bridge …628).
    pub hidden_identifiers_before_near: u32,
    /// Call identifiers spent unseen before the far bridge (Cisco document 200788: near recorder leg …629, far bridge …631).
    pub hidden_identifiers_before_far: u32,
    /// Both ends of a recording, or of a call, offer SRTP and have no suite in common. Inferred: Cisco's CUBE chapter says that
    /// CUCM cannot bridge two suites, and nobody shows what it does then.
    pub suite_mismatch: SuiteMismatch,
    /// Versions of TLS on all ports. Cisco Security Guide: releases up to 14 speak 1.2 at most, 1.3 came with 15SU2.
    pub tls_versions: Versions,
    /// Versions of TLS that trunks offer to recorders, where they are others: a node of 15SU2 speaks 1.3 with a recorder and 1.2 with
    /// older phones.
    pub trunk_tls_versions: Option<Versions>,
    /// Cipher suites on all ports. Cisco Security Guide, enterprise parameter *TLS Ciphers*: ECDHE with AES-256 and AES-128 in GCM, RSA
    /// preferred; its RSA key exchange with CBC is left out, as it has no forward secrecy to be tested.
    pub tls_ciphers: Ciphers,
    /// What becomes of a recording when the other party holds. Cisco's "Call Recording Examples for Network-Based and Phone-Based
    /// Recording" says in one place that it stops and restarts, in another that music on hold changes nothing.
    pub far_end_hold: FarEndHold,
    /// What becomes of a recording when another party takes the place of its far end: by a transfer, or by retrieving the call that the
    /// far end has parked, where the recording was kept so long ([`FarEndPark::Keep`]). The same document restarts it when that party
    /// answers; older guides update the far end in both dialogs. That a retrieval is like a transfer is inferred.
    pub far_end_transfer: FarEndTransfer,
    /// What becomes of a recording whose far end parks the call. Inferred: it ends, as that of the party that parks, and the same
    /// document has a new one at the retrieval.
    pub far_end_park: FarEndPark,
    /// Whether a recording after a resume has the `x-refci` of the one before the hold. Inferred: the call keeps its identifiers.
    pub refci_after_resume: RefciAfterResume,
    /// What becomes of a recording when the call is held behind the trunk of its far end. Inferred: Cisco's "Call Recording Examples for
    /// Network-Based and Phone-Based Recording" says of what happens in a remote cluster that the call stays active here.
    pub remote_hold: RemoteHolds,
    /// What becomes of a selective recording when its call is held. Cisco's TAPI Developer Guide has a recording end and start again
    /// over hold, redirect, transfer and conference; that it does so for every kind of phone is inferred.
    pub selective_after_hold: SelectiveAfterHold,
    /// How a phone that holds with `a=sendonly` is answered; RFC 3264 §6.1 allows both. Inferred: its media is disconnected.
    pub hold_answer: HoldAnswer,
    /// When the transferrer of a blind transfer is released. Cisco's SIP Line Messaging Guide tells it of the progress by NOTIFY; a
    /// public trace of release 14 with a third-party phone has a BYE right behind `202 Accepted`.
    pub blind_transfer_release: BlindTransferRelease,
    /// What becomes of a conference whose controller has transferred, parked or been redirected out of its place, when whoever has got
    /// that place hangs up. Cisco's Feature Configuration Guide ("Ad Hoc Conferencing", interaction with Call Park, Call Transfer, and
    /// Redirect) says that it ends; its service parameter *Drop Ad Hoc Conference* has conferences go on by default.
    pub virtual_controller_leaves: VirtualControllerLeaves,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            encrypted_phone_on_non_secure_trunk: EncryptedPhoneOnNonSecureTrunk::Fallback,
            trunk_security_status: TrunkSecurityStatus::OwnLine,
            hunt: Hunt::UnavailableOnly,
            destination_order: DestinationOrder::Listed,
            all_out_of_service: AllOutOfService::Skip,
            recording_legs: RecordingLegs::Apart,
            one_leg_fails: OneLegFails::EndsBoth,
            next_source: NextSource::NewPair,
            recorder_offer: RecorderOffer::AskPhone,
            from_parameters: FromParameters::Usual,
            crypto_answer: CryptoAnswer::Usual,
            device_names: DeviceNames::AsConfigured,
            gateway_from: GatewayFrom::RecordedParty,
            media_change: MediaChange::CucmOffers,
            roc_at_re_key: RocAtReKey::Keep,
            media_port_told: MediaPortTold::True,
            refresh_offer: RefreshOffer::WhatStands,
            recorder_subscription: RecorderSubscription::Accept,
            session_id_without_peer: SessionIdWithoutPeer::Invented,
            hidden_legs_before_bridge: 3,
            hidden_legs_before_recorder: 1,
            hidden_identifiers_before_near: 2,
            hidden_identifiers_before_far: 1,
            suite_mismatch: SuiteMismatch::Fail,
            tls_versions: Versions::Tls12,
            trunk_tls_versions: None,
            tls_ciphers: Ciphers::AesGcm,
            far_end_hold: FarEndHold::Restart,
            far_end_transfer: FarEndTransfer::Restart,
            far_end_park: FarEndPark::End,
            refci_after_resume: RefciAfterResume::Same,
            remote_hold: RemoteHolds::Keep,
            selective_after_hold: SelectiveAfterHold::GoesOn,
            hold_answer: HoldAnswer::Inactive,
            blind_transfer_release: BlindTransferRelease::WhenAnswered,
            virtual_controller_leaves: VirtualControllerLeaves::ConferenceEnds,
        }
    }
}

/// What becomes of the recording of an encrypted phone whose trunk does not allow SRTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncryptedPhoneOnNonSecureTrunk {
    /// The recording is RTP: the phone's bridge falls back (`X-cisco-srtp-fallback`).
    Fallback,
    /// The recording fails; the call goes on.
    Fail,
}

/// The Call-Info that *Transmit Security Status* adds to a trunk INVITE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrunkSecurityStatus {
    /// A line of its own, the first one: `Call-Info: <urn:x-cisco-remotecc:callinfo>; security= Encrypted; gci= 1-2029`.
    OwnLine,
    /// Appended to the line with `x-cisco-video-traffic-class`.
    Appended,
    /// Not written even where the box is ticked.
    Never,
}

/// After which refusals the next destination is tried. A connection that fails and an INVITE without answer always go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hunt {
    /// Only 503 goes on to the next destination.
    UnavailableOnly,
    /// Every refusal but 486 and 600 goes on: service parameter *Stop Routing on User Busy Flag* as it is by default. That for numbers
    /// that are not allocated (404) is taken to be false.
    AnythingButBusy,
    /// Every refusal goes on: the same parameter set to false.
    Anything,
}

/// The order of a trunk's destinations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DestinationOrder {
    /// As they are listed, for each call.
    Listed,
    /// Beginning with the one behind that of the call before.
    Circular,
}

/// A call that finds every destination out of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllOutOfService {
    /// It fails.
    Skip,
    /// It is tried all the same.
    Try,
}

/// The two dialogs of one recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingLegs {
    /// Each is routed by itself: with circular distribution, or when one fails over, they may reach two recorders.
    Apart,
    /// Both go the same way; when one has to try the next, so does the other.
    Together,
}

/// A recording of whose two dialogs one is refused, or never answered, at every destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OneLegFails {
    /// The other one ends too: they are one session.
    EndsBoth,
    /// The other one goes on: they are two calls.
    KeepsOther,
}

/// A recording whose source does not fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextSource {
    /// Its dialogs end, and a new pair begins with the next source.
    NewPair,
    /// It fails.
    Never,
}

/// How the line that answers the recorder's `a=crypto` looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CryptoAnswer {
    /// With the tag of the recorder's line.
    Usual,
    /// With a tag that the recorder has not given.
    Renumbered,
    /// With a lifetime of 2^31 packets.
    WithLifetime,
}

/// Which parameters stand in the From URI of a recorder's dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FromParameters {
    /// Those of release 10.5 and later (trace of Cisco document 200788).
    Usual,
    /// Without clusters and without the number of the near end, which is the user part: the short form of the examples.
    Short,
    /// Without the number of the far end.
    NoFarAddress,
    /// Without `x-nearend` and `x-farend`.
    NoSide,
    /// With device names in lower case in the far dialog: in a trace of Cisco document 200788 one dialog has them in both cases.
    MixedCase,
    /// In the other order.
    Reversed,
    /// With others beside them: a flag in front, `x-sessionid` (Cisco's CUBE chapter on Media Proxy) and names of nobody's behind.
    WithOthers,
}

/// Device names in the From URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceNames {
    /// As they are configured.
    AsConfigured,
    /// `SEP...` in small letters, all others as configured.
    SmallSep,
}

impl DeviceNames {
    /// A device as From names it.
    pub(crate) fn write(self, device: &str) -> String {
        let is_phone = device.get(..3).is_some_and(|prefix| prefix.eq_ignore_ascii_case("SEP"));
        match self {
            Self::SmallSep if is_phone => device.to_ascii_lowercase(),
            Self::SmallSep | Self::AsConfigured => device.to_owned(),
        }
    }
}

/// The user part of From where a gateway forks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GatewayFrom {
    /// The number of the recorded party.
    RecordedParty,
    /// The number of the party at the gateway.
    FarEnd,
}

/// Who offers where the media of a recording that runs is agreed on anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaChange {
    /// The phone's bridge is asked first; the re-INVITE to the recorder carries its offer.
    CucmOffers,
    /// The re-INVITE to the recorder has no SDP, and the ACK answers.
    RecorderOffers,
}

/// What becomes of the SRTP roll-over count with another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RocAtReKey {
    /// It goes on.
    Keep,
    /// It is 0 again.
    Reset,
}

/// Which port the ACK names for the phone's media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaPortTold {
    /// The one that the phone sends from.
    True,
    /// One that nothing comes from.
    Dummy(u16),
}

/// What becomes of a recorder's re-INVITE or UPDATE with another direction, address or key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecorderOffer {
    /// The phone's bridge is asked, and both are told of each other anew.
    AskPhone,
    /// 488.
    Refuse,
}

/// The body of a re-INVITE that refreshes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshOffer {
    /// What stands, offered again.
    WhatStands,
    /// None: the recorder offers, and the ACK answers.
    Nothing,
}

/// What becomes of a recorder's SUBSCRIBE for `kpml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecorderSubscription {
    /// 200, and a NOTIFY that tells that it is active.
    Accept,
    /// 489.
    Refuse,
}

/// The remote half of Session-ID when the peer sent none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionIdWithoutPeer {
    /// One made by CUCM that ends in `aa` on the line side, `ab` on a trunk, and the leg number.
    Invented,
    /// Thirty-two zeros.
    Zero,
}

/// What becomes of media whose ends share no crypto suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuiteMismatch {
    /// As a codec that does not fit: ACK without SDP, then BYE with cause 47.
    Fail,
    /// RTP, where both ends list `X-cisco-srtp-fallback`.
    Fallback,
}

/// A recording whose far end holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FarEndHold {
    /// Both dialogs end; a new pair begins at the resume.
    Restart,
    /// Both dialogs stay, and the far end's one carries the music.
    Keep,
}

/// A recording whose far end is replaced by a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FarEndTransfer {
    /// Both dialogs end; a new pair begins when the new party is connected.
    Restart,
    /// UPDATE in both dialogs names the new party.
    Update,
}

/// A recording whose far end parks the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FarEndPark {
    /// Both dialogs end; a new pair begins at the retrieval.
    End,
    /// Both dialogs stay, with the music; whoever retrieves the call is a far end like the target of a transfer.
    Keep,
}

/// The near end's call identifier behind a resume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefciAfterResume {
    /// That of the call, as before.
    Same,
    /// A new one.
    New,
}

/// A recording whose far end is behind a trunk and holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoteHolds {
    /// Both dialogs stay, and the far end's one carries what the phone hears meanwhile.
    Keep,
    /// Both dialogs end; a new pair begins at the resume.
    Restart,
}

/// A selective recording behind a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelectiveAfterHold {
    /// A new pair of dialogs begins with the resume, as with an automatic recording.
    GoesOn,
    /// It has ended: whoever wants it starts it again.
    Ends,
}

/// The direction in the answer to `a=sendonly`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldAnswer {
    /// `a=inactive`.
    Inactive,
    /// `a=recvonly`.
    RecvOnly,
}

/// When a blind transfer is over for the transferrer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlindTransferRelease {
    /// When the target is connected; until then NOTIFY tells of its progress, and if it fails the call is the transferrer's again.
    WhenAnswered,
    /// At once; a transfer that fails ends the call.
    AtOnce,
}

/// What a conference does when the heir of its controller leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VirtualControllerLeaves {
    /// All members are released.
    ConferenceEnds,
    /// The others stay.
    GoesOn,
}
