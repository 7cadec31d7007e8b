//! Certificates for the tests, and rules that believe them.

use std::time::Duration;

use trust::cert::{Identity, KeyKind, Request};
use trust::rule::{PeerRule, TrustList};
use wire::{Net, default_wall};

/// A self-signed certificate valid for a day around the given time.
pub(crate) fn identity(name: &str, net: &Net) -> Identity {
    let day = Duration::from_secs(86_400);
    let request = Request::new(name, net.clock().wall() - day / 2).with_key(KeyKind::EcP256).valid_for(day);
    Identity::self_signed(&request).unwrap()
}

/// A certificate that expired an hour before the simulated runs start, and long before now.
#[allow(dead_code, reason = "each test binary uses a part of it")]
pub(crate) fn expired(name: &str) -> Identity {
    let hour = Duration::from_secs(3600);
    let request = Request::new(name, default_wall() - 2 * hour).with_key(KeyKind::EcP256).valid_for(hour);
    Identity::self_signed(&request).unwrap()
}

/// Believes exactly these.
pub(crate) fn only(identities: &[&Identity]) -> PeerRule {
    let list = TrustList::new();
    PeerRule::listed(identities.iter().fold(list, |list, identity| list.with(identity.certificate.clone())))
}
