//! The dialect of a cluster: how it reads what Cisco's texts leave open. Each key is a field of [`Dialect`], which tells its source.

use cucm::config::{
    AllOutOfService, BlindTransferRelease, CryptoAnswer, DestinationOrder, DeviceNames, Dialect,
    EncryptedPhoneOnNonSecureTrunk, FarEndHold, FarEndPark, FarEndTransfer, FromParameters, GatewayFrom, HoldAnswer,
    Hunt, MediaChange, MediaPortTold, NextSource, OneLegFails, RecorderOffer, RecorderSubscription, RecordingLegs,
    RefciAfterResume, RefreshOffer, RemoteHolds, RocAtReKey, SelectiveAfterHold, SessionIdWithoutPeer, SuiteMismatch,
    TrunkSecurityStatus, VirtualControllerLeaves,
};

use super::diagnostic::Diagnostic;
use super::fields::{Fields, number, one_of};
use super::tree::Node;

/// The most identifiers that CUCM may spend unseen.
const MOST_HIDDEN: u64 = 100;

/// Reads a dialect; what is not told stays as in `usual`.
pub(super) fn read_dialect(node: &Node, usual: Dialect, wrong: &mut Vec<Diagnostic>) -> Dialect {
    let mut f = Fields::of(node, "the dialect", wrong);
    let mut dialect = usual;
    read_events(&mut f, &mut dialect, wrong);
    read_trunk(&mut f, &mut dialect, wrong);
    read_texts(&mut f, &mut dialect, wrong);
    read_media(&mut f, &mut dialect, wrong);
    f.finish(wrong);
    dialect
}

/// What becomes of recordings when something happens to their calls.
fn read_events(f: &mut Fields<'_>, dialect: &mut Dialect, wrong: &mut Vec<Diagnostic>) {
    let holds = [("restart", FarEndHold::Restart), ("keep", FarEndHold::Keep)];
    let transfers = [("restart", FarEndTransfer::Restart), ("update", FarEndTransfer::Update)];
    let remote_holds = [("keep", RemoteHolds::Keep), ("restart", RemoteHolds::Restart)];
    let parks = [("end", FarEndPark::End), ("keep", FarEndPark::Keep)];
    let refcis = [("same", RefciAfterResume::Same), ("new", RefciAfterResume::New)];
    let selective = [("goes on", SelectiveAfterHold::GoesOn), ("ends", SelectiveAfterHold::Ends)];
    let answers = [("inactive", HoldAnswer::Inactive), ("recvonly", HoldAnswer::RecvOnly)];
    let releases = [("when answered", BlindTransferRelease::WhenAnswered), ("at once", BlindTransferRelease::AtOnce)];
    let halves = [("ends both", OneLegFails::EndsBoth), ("keeps other", OneLegFails::KeepsOther)];
    dialect.one_leg_fails = f.or("one leg fails", dialect.one_leg_fails, wrong, |n| one_of(n, &halves));
    dialect.far_end_hold = f.or("far-end hold", dialect.far_end_hold, wrong, |n| one_of(n, &holds));
    dialect.remote_hold = f.or("remote hold", dialect.remote_hold, wrong, |n| one_of(n, &remote_holds));
    dialect.far_end_transfer = f.or("far-end transfer", dialect.far_end_transfer, wrong, |n| one_of(n, &transfers));
    dialect.far_end_park = f.or("far-end park", dialect.far_end_park, wrong, |n| one_of(n, &parks));
    dialect.refci_after_resume = f.or("refci after resume", dialect.refci_after_resume, wrong, |n| one_of(n, &refcis));
    let standing = dialect.selective_after_hold;
    dialect.selective_after_hold = f.or("selective after hold", standing, wrong, |n| one_of(n, &selective));
    dialect.hold_answer = f.or("hold answer", dialect.hold_answer, wrong, |n| one_of(n, &answers));
    let standing = dialect.blind_transfer_release;
    dialect.blind_transfer_release = f.or("blind transfer release", standing, wrong, |n| one_of(n, &releases));
    let leaves =
        [("conference ends", VirtualControllerLeaves::ConferenceEnds), ("goes on", VirtualControllerLeaves::GoesOn)];
    let standing = dialect.virtual_controller_leaves;
    dialect.virtual_controller_leaves = f.or("virtual controller leaves", standing, wrong, |n| one_of(n, &leaves));
}

/// What recorders are told of parties and streams.
fn read_media(f: &mut Fields<'_>, dialect: &mut Dialect, wrong: &mut Vec<Diagnostic>) {
    let forms = [
        ("usual", FromParameters::Usual),
        ("short", FromParameters::Short),
        ("no far address", FromParameters::NoFarAddress),
        ("no side", FromParameters::NoSide),
        ("mixed case", FromParameters::MixedCase),
        ("reversed", FromParameters::Reversed),
        ("with others", FromParameters::WithOthers),
    ];
    dialect.from_parameters = f.or("From parameters", dialect.from_parameters, wrong, |n| one_of(n, &forms));
    let answers = [
        ("usual", CryptoAnswer::Usual),
        ("renumbered", CryptoAnswer::Renumbered),
        ("with lifetime", CryptoAnswer::WithLifetime),
    ];
    dialect.crypto_answer = f.or("crypto answer", dialect.crypto_answer, wrong, |n| one_of(n, &answers));
    let devices = [("as configured", DeviceNames::AsConfigured), ("small SEP", DeviceNames::SmallSep)];
    dialect.device_names = f.or("device names", dialect.device_names, wrong, |n| one_of(n, &devices));
    let numbers = [("recorded party", GatewayFrom::RecordedParty), ("far end", GatewayFrom::FarEnd)];
    dialect.gateway_from = f.or("gateway From", dialect.gateway_from, wrong, |n| one_of(n, &numbers));
    let changes = [("CUCM offers", MediaChange::CucmOffers), ("recorder offers", MediaChange::RecorderOffers)];
    dialect.media_change = f.or("media change", dialect.media_change, wrong, |n| one_of(n, &changes));
    let counts = [("keep", RocAtReKey::Keep), ("reset", RocAtReKey::Reset)];
    dialect.roc_at_re_key = f.or("ROC at re-key", dialect.roc_at_re_key, wrong, |n| one_of(n, &counts));
    dialect.media_port_told = f.or("media port told", dialect.media_port_told, wrong, |n| {
        number(n, 1, 65_535).map(|port| MediaPortTold::Dummy(port as u16))
    });
}

/// How recorders are found and what they may ask for.
fn read_trunk(f: &mut Fields<'_>, dialect: &mut Dialect, wrong: &mut Vec<Diagnostic>) {
    let hunts =
        [("503", Hunt::UnavailableOnly), ("all but busy", Hunt::AnythingButBusy), ("any refusal", Hunt::Anything)];
    let orders = [("listed", DestinationOrder::Listed), ("circular", DestinationOrder::Circular)];
    let out = [("skip", AllOutOfService::Skip), ("try", AllOutOfService::Try)];
    let legs = [("apart", RecordingLegs::Apart), ("together", RecordingLegs::Together)];
    let offers = [("ask phone", RecorderOffer::AskPhone), ("refuse", RecorderOffer::Refuse)];
    let next = [("new pair", NextSource::NewPair), ("never", NextSource::Never)];
    let refreshes = [("what stands", RefreshOffer::WhatStands), ("nothing", RefreshOffer::Nothing)];
    let subscriptions = [("accept", RecorderSubscription::Accept), ("refuse", RecorderSubscription::Refuse)];
    dialect.hunt = f.or("hunt", dialect.hunt, wrong, |n| one_of(n, &hunts));
    dialect.destination_order = f.or("destination order", dialect.destination_order, wrong, |n| one_of(n, &orders));
    dialect.all_out_of_service = f.or("all out of service", dialect.all_out_of_service, wrong, |n| one_of(n, &out));
    dialect.recording_legs = f.or("recording legs", dialect.recording_legs, wrong, |n| one_of(n, &legs));
    dialect.next_source = f.or("next source", dialect.next_source, wrong, |n| one_of(n, &next));
    dialect.recorder_offer = f.or("recorder offer", dialect.recorder_offer, wrong, |n| one_of(n, &offers));
    dialect.refresh_offer = f.or("refresh offer", dialect.refresh_offer, wrong, |n| one_of(n, &refreshes));
    let standing = dialect.recorder_subscription;
    dialect.recorder_subscription = f.or("recorder subscription", standing, wrong, |n| one_of(n, &subscriptions));
}

/// What is written into messages, and which protection they agree on.
fn read_texts(f: &mut Fields<'_>, dialect: &mut Dialect, wrong: &mut Vec<Diagnostic>) {
    let statuses = [
        ("own line", TrunkSecurityStatus::OwnLine),
        ("appended", TrunkSecurityStatus::Appended),
        ("never", TrunkSecurityStatus::Never),
    ];
    let encrypted =
        [("fallback", EncryptedPhoneOnNonSecureTrunk::Fallback), ("fail", EncryptedPhoneOnNonSecureTrunk::Fail)];
    let sessions = [("invented", SessionIdWithoutPeer::Invented), ("zero", SessionIdWithoutPeer::Zero)];
    let mismatches = [("fail", SuiteMismatch::Fail), ("fallback", SuiteMismatch::Fallback)];
    let standing = dialect.trunk_security_status;
    dialect.trunk_security_status = f.or("trunk security status", standing, wrong, |n| one_of(n, &statuses));
    let standing = dialect.encrypted_phone_on_non_secure_trunk;
    dialect.encrypted_phone_on_non_secure_trunk =
        f.or("encrypted phone on non-secure trunk", standing, wrong, |n| one_of(n, &encrypted));
    let standing = dialect.session_id_without_peer;
    dialect.session_id_without_peer = f.or("Session-ID without peer", standing, wrong, |n| one_of(n, &sessions));
    dialect.suite_mismatch = f.or("suite mismatch", dialect.suite_mismatch, wrong, |n| one_of(n, &mismatches));
    let hidden = |n: &Node| number(n, 0, MOST_HIDDEN).map(|hidden| hidden as u32);
    dialect.hidden_legs_before_bridge =
        f.or("hidden legs before bridge", dialect.hidden_legs_before_bridge, wrong, hidden);
    dialect.hidden_legs_before_recorder =
        f.or("hidden legs before recorder", dialect.hidden_legs_before_recorder, wrong, hidden);
    dialect.hidden_identifiers_before_near =
        f.or("hidden identifiers before near", dialect.hidden_identifiers_before_near, wrong, hidden);
    dialect.hidden_identifiers_before_far =
        f.or("hidden identifiers before far", dialect.hidden_identifiers_before_far, wrong, hidden);
}
