//! Clusters known to be bad: each fault is one way in which call control can be wrong.
//!
//! A harness whose own CUCM is wrong must say so, and never blame the recorder for it: its tests run scenarios with the very event
//! broken that they are about, and hold that the calls on paper are missed. Each place that asks for a fault is marked by a comment
//! `fault: ` with what goes wrong. No fault touches a call to which nothing happens between answer and hang-up.

/// What the cluster does wrong on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Numbers that forward ring on, or are busy.
    IgnoreForwarding,
    /// Numbers that forward when nobody answers do so a tenth of a second after they began to ring.
    HastyForwarding,
    /// Of a shared line only the first phone rings.
    RingOne,
    /// Nothing rings for whoever picks up.
    IgnorePickup,
    /// An application that redirects a call is told that it was done, and nothing is.
    IgnoreRedirect,
    /// A parked call can be retrieved by nobody, and does not come back.
    LoseParked,
    /// Recordings go on while their phone holds, or while the far end does where that would end them.
    RecordOnHold,
    /// What would go on while a far end holds or parks begins anew.
    RestartKept,
    /// A phone is recorded once: what is to begin anew does not.
    RecordOnce,
    /// Every recording of a phone names the far end of the first one, and so does every UPDATE.
    OldFarEnd,
    /// A new far end is not told in the dialogs that stand.
    ForgetUpdate,
    /// A recording that somebody is to stop, or that ends with its phone's part in the call, goes on.
    KeepRecording,
}

impl Fault {
    /// All of them, by the names that they have in files.
    pub const NAMED: [(&str, Self); 13] = [
        ("none", Self::None),
        ("ignore-forwarding", Self::IgnoreForwarding),
        ("hasty-forwarding", Self::HastyForwarding),
        ("ring-one", Self::RingOne),
        ("ignore-pickup", Self::IgnorePickup),
        ("ignore-redirect", Self::IgnoreRedirect),
        ("lose-parked", Self::LoseParked),
        ("record-on-hold", Self::RecordOnHold),
        ("restart-kept", Self::RestartKept),
        ("record-once", Self::RecordOnce),
        ("old-far-end", Self::OldFarEnd),
        ("forget-update", Self::ForgetUpdate),
        ("keep-recording", Self::KeepRecording),
    ];
}
