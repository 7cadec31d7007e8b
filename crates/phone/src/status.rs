//! What a phone is doing, as its display would show it.

use std::fmt;
use std::net::IpAddr;

/// Where a call of the phone stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CallState {
    /// No call.
    #[default]
    Idle,
    /// Dialled, nothing heard yet.
    Calling,
    /// Dialled, the other side rings.
    RingingBack,
    /// Rings.
    Ringing,
    /// Answered here, CUCM's ACK is not in yet.
    Answering,
    /// Talking, or held by the other side.
    Connected,
    /// Put on hold here.
    Held,
}

/// The security of the whole call as CUCM tells it in `Call-Info` (Cisco SIP Line Messaging Guide; the lowest of all its legs).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Security {
    /// Not told.
    #[default]
    Unknown,
    /// No icon.
    NotAuthenticated,
    /// Shield.
    Authenticated,
    /// Lock.
    Encrypted,
}

impl Security {
    /// Reads the value of the `security=` parameter; anything else is [`Security::Unknown`].
    pub(crate) fn parse(text: &str) -> Self {
        match text.trim().to_ascii_lowercase().as_str() {
            "notauthenticated" => Self::NotAuthenticated,
            "authenticated" => Self::Authenticated,
            "encrypted" => Self::Encrypted,
            _ => Self::Unknown,
        }
    }
}

/// The phone at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status {
    /// Registered with a CUCM over a live connection.
    pub registered: bool,
    /// The node that it is registered with, or was last.
    pub server: Option<IpAddr>,
    /// The active call: the one that commands address.
    pub call: CallState,
    /// The other call, which is held or waits.
    pub other: CallState,
    /// The active call's own media is SRTP in both directions.
    pub secured: bool,
    /// The active call's security as CUCM tells it.
    pub security: Security,
    /// Bridge streams of the active call that run towards a recorder: 0 to 2.
    pub forks: u8,
    /// The display says that the active call is recorded, and the softkey *Record* has become *StopRec*: CUCM has begun a recording in
    /// user mode.
    pub recording_shown: bool,
    /// Bridge dialogs that CUCM has not ended yet; one can outlive its stream.
    pub bridges: u8,
    /// Calls on other phones of the line.
    pub remote: RemoteUse,
}

/// How a shared line is in use at other phones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RemoteUse {
    /// Not at all.
    #[default]
    None,
    /// Somebody talks there.
    InUse,
    /// A call is held there, which this phone may resume.
    Held,
}

/// What [`Phone::wait_for`](crate::Phone::wait_for) can wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhoneState {
    /// Registered, whatever the call does.
    Registered,
    /// No registration.
    Unregistered,
    /// Registered and no call.
    Idle,
    /// Dialled, no answer yet (nothing heard, or ringing).
    Calling,
    /// Dialled, and the other side rings.
    RingingBack,
    /// Rings, beside another call or alone.
    Ringing,
    /// Talking.
    Connected,
    /// On hold by its own user.
    Held,
    /// Talking, while another call is held.
    Consulting,
    /// Talking, and both bridge streams run towards a recorder.
    Recorded,
    /// Talking, and the softkey is *StopRec*.
    RecordingShown,
    /// No call whose recording the display shows: the softkey is *Record*.
    RecordingNotShown,
    /// No bridge stream of the active call runs.
    NotRecorded,
    /// No call, and CUCM has ended every bridge dialog.
    AtRest,
    /// Another phone of the line is in a call, held or not.
    RemoteInUse,
    /// Another phone of the line holds a call.
    RemoteHeld,
}

impl PhoneState {
    /// Is this so at that moment?
    pub fn holds(self, status: &Status) -> bool {
        match self {
            Self::Registered => status.registered,
            Self::Unregistered => !status.registered,
            Self::Idle => status.registered && status.call == CallState::Idle,
            Self::Calling => matches!(status.call, CallState::Calling | CallState::RingingBack),
            Self::RingingBack => status.call == CallState::RingingBack,
            Self::Ringing => [status.call, status.other].contains(&CallState::Ringing),
            Self::Connected => status.call == CallState::Connected,
            Self::Held => status.call == CallState::Held,
            Self::Consulting => (status.call, status.other) == (CallState::Connected, CallState::Held),
            Self::Recorded => status.call == CallState::Connected && status.forks >= 2,
            Self::RecordingShown => status.call == CallState::Connected && status.recording_shown,
            Self::RecordingNotShown => !status.recording_shown,
            Self::NotRecorded => status.forks == 0,
            Self::RemoteInUse => status.remote != RemoteUse::None,
            Self::RemoteHeld => status.remote == RemoteUse::Held,
            Self::AtRest => status.call == CallState::Idle && status.bridges == 0,
        }
    }
}

impl fmt::Display for PhoneState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Registered => "registered",
            Self::Unregistered => "unregistered",
            Self::Idle => "idle",
            Self::Calling => "calling",
            Self::RingingBack => "ringing back",
            Self::Ringing => "ringing",
            Self::Connected => "connected",
            Self::Held => "held",
            Self::Consulting => "consulting",
            Self::Recorded => "recorded",
            Self::RecordingShown => "shown as recorded",
            Self::RecordingNotShown => "not shown as recorded",
            Self::NotRecorded => "not recorded",
            Self::AtRest => "at rest",
            Self::RemoteInUse => "remote in use",
            Self::RemoteHeld => "remote on hold",
        })
    }
}

/// Something that happened at the phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhoneEvent {
    /// CUCM accepted the registration (or its refresh) for so many seconds.
    Registered {
        /// Seconds until it must be refreshed, as granted.
        expires: u32,
    },
    /// The registration is gone.
    Unregistered {
        /// Why.
        why: String,
    },
    /// A call comes in.
    Ringing {
        /// The caller's number.
        from: String,
    },
    /// The other side rings.
    RingingBack,
    /// Talking.
    Connected {
        /// The Call-ID of the phone's dialog.
        call_id: String,
        /// SRTP suite of the call, none for RTP.
        suite: Option<media::srtp::Suite>,
    },
    /// CUCM told the security of the call.
    Security(Security),
    /// A bridge stream began.
    ForkStarted {
        /// Which voice.
        leg: media::ledger::Leg,
        /// The Call-ID of the bridge dialog.
        call_id: String,
        /// Where it goes.
        to: std::net::SocketAddr,
        /// Its suite, none for RTP.
        suite: Option<media::srtp::Suite>,
    },
    /// A bridge stream ended.
    ForkStopped {
        /// Which voice.
        leg: media::ledger::Leg,
        /// The Call-ID of the bridge dialog.
        call_id: String,
    },
    /// CUCM has joined the two calls, or the call and the number it was transferred to; it ends this phone's dialogs next.
    Transferred {
        /// The Call-ID of the call that was transferred.
        call_id: String,
    },
    /// The call was not transferred. It is still held.
    TransferFailed {
        /// The Call-ID of the call that was to be transferred.
        call_id: String,
        /// Status and reason, as CUCM gave them.
        why: String,
    },
    /// CUCM took a softkey (`Conference`, `Park`, `StartRecording`, `StopRecording`); what comes of it follows.
    SoftkeyTaken {
        /// As in `softkeyevent`.
        softkey: &'static str,
    },
    /// A call is over.
    Ended {
        /// The Call-ID of the phone's dialog.
        call_id: String,
        /// `normal`, or the status and reason CUCM gave.
        why: String,
    },
    /// What the peer says of a stream of the built-in bridge cannot be used, and nothing is sent.
    ForkRefused {
        /// Whose voice it was to carry.
        leg: media::ledger::Leg,
        /// What is wrong with it.
        why: String,
    },
    /// Something went wrong that a user of the harness must see.
    Problem(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_needs_a_registration_and_recorded_needs_both_forks() {
        let mut status = Status::default();
        assert!(!PhoneState::Idle.holds(&status));
        status.registered = true;
        assert!(PhoneState::Idle.holds(&status));
        status.call = CallState::Connected;
        status.forks = 1;
        assert!(!PhoneState::Recorded.holds(&status) && !PhoneState::NotRecorded.holds(&status));
        status.forks = 2;
        assert!(PhoneState::Recorded.holds(&status) && PhoneState::Connected.holds(&status));
    }

    #[test]
    fn a_bridge_dialog_without_a_stream_is_no_rest() {
        let mut status = Status { bridges: 1, ..Status::default() };
        assert!(PhoneState::NotRecorded.holds(&status) && !PhoneState::AtRest.holds(&status));
        status.bridges = 0;
        assert!(PhoneState::AtRest.holds(&status));
    }

    #[test]
    fn security_values_are_read_in_any_case() {
        assert_eq!(Security::parse(" Encrypted"), Security::Encrypted);
        assert_eq!(Security::parse("notauthenticated"), Security::NotAuthenticated);
        assert_eq!(Security::parse("locked"), Security::Unknown);
    }
}
