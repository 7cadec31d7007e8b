//! Who forks the media of a recording.
//!
//! | preferred | the call | forks, else the next one |
//! |---|---|---|
//! | phone | in clear, through a gateway | the phone's built-in bridge, the gateway |
//! | gateway | in clear, through a gateway | the gateway, the phone's built-in bridge |
//! | any | any other | the phone's built-in bridge |
//!
//! A bridge forks unless it is off, a gateway by its `media forking`. Where nobody does there is no recording.

use cucm::config::{NextSource, RecordingMediaSource};
use phone::outside::Forking;

use super::super::ast::{Site, SiteKind};
use super::{Far, Paper, Recording};

/// What stands before a party outside.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trunk {
    kind: SiteKind,
    /// Whether it is TLS with SRTP.
    is_encrypted: bool,
    forking: Forking,
}

impl Trunk {
    pub(super) fn of(site: &Site) -> Self {
        Self { kind: site.kind, is_encrypted: site.encrypted, forking: site.forking }
    }
}

/// Whoever forks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Bridge,
    Gateway,
}

impl Paper {
    /// Whether a recording of a phone, begun now, would be forked by a gateway.
    pub(crate) fn is_at_gateway(&self, phone: usize) -> bool {
        let call = self.active(phone).filter(|call| call.conference.is_none());
        let far = call.and_then(|call| call.members.iter().find(|member| member.phone != phone));
        far.is_some_and(|far| self.source(phone, Far::Phone(far.phone)) == Some(Source::Gateway))
    }

    /// Whether the phone's bridge has no part in a recording.
    pub(super) fn is_forked_by_gateway(&self, recording: &Recording) -> bool {
        self.source(recording.phone, recording.far) == Some(Source::Gateway)
    }

    /// Whether anybody forks the media of a phone that talks with this far end.
    pub(super) fn has_source(&self, near: usize, far: Far) -> bool {
        self.source(near, far).is_some()
    }

    /// The table.
    fn source(&self, near: usize, far: Far) -> Option<Source> {
        let phone = self.phones.get(near)?;
        let bridge = phone.built_in_bridge.then_some(Source::Bridge);
        let Some(forking) = self.gateway(near, far) else { return bridge };
        let gateway = (forking == Forking::On).then_some(Source::Gateway);
        // One that refuses is known to do so when the dialogs with the recorder stand.
        let is_late = matches!(forking, Forking::Refused | Forking::Unanswered);
        match phone.source {
            RecordingMediaSource::Phone => bridge.or(gateway),
            RecordingMediaSource::Gateway if is_late && self.dialect.next_source == NextSource::Never => None,
            RecordingMediaSource::Gateway => gateway.or(bridge),
        }
    }

    /// What the gateway does in the path of a call in clear; `None` where there is none. A conference behind a gateway is the gateway's
    /// matter as well.
    fn gateway(&self, near: usize, far: Far) -> Option<Forking> {
        let (Far::Phone(far) | Far::Focus(far)) = far else { return None };
        let trunk = self.trunks.get(far).copied().flatten().filter(|trunk| trunk.kind == SiteKind::Gateway)?;
        let is_srtp = trunk.is_encrypted && self.phones.get(near)?.encrypted;
        (!is_srtp).then_some(trunk.forking)
    }
}
