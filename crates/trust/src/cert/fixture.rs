//! Identities that tests share, since an RSA key takes long to make.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Identity, KeyKind, Request};

/// 2026-01-01 00:00:00 UTC, when the fixtures' validity begins.
pub(crate) fn start() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_767_225_600)
}

/// A moment when all fixtures are valid.
pub(crate) fn now() -> SystemTime {
    start() + Duration::from_secs(3600)
}

/// CUCM's publisher: RSA-2048, CN only.
pub(crate) fn publisher() -> &'static Identity {
    static MADE: OnceLock<Identity> = OnceLock::new();
    MADE.get_or_init(|| Identity::self_signed(&Request::call_manager("cucm-pub", start())).unwrap())
}

/// Another node with a key of its own.
pub(crate) fn subscriber() -> &'static Identity {
    static MADE: OnceLock<Identity> = OnceLock::new();
    MADE.get_or_init(|| Identity::self_signed(&Request::call_manager("cucm-sub", start())).unwrap())
}

/// A CAPF with a curve key, which is quick.
pub(crate) fn capf() -> &'static Identity {
    static MADE: OnceLock<Identity> = OnceLock::new();
    MADE.get_or_init(|| {
        Identity::self_signed(&Request::authority("CAPF-a1b2c3d4", start()).with_key(KeyKind::EcP256)).unwrap()
    })
}

/// A self-signed certificate with a curve key.
pub(crate) fn quick(request: Request) -> Identity {
    Identity::self_signed(&request.with_key(KeyKind::EcP256)).unwrap()
}
