//! What a run must come to.

use media::srtp::Suite;

/// What differs from a plain pass, where every recording is complete, encrypted and right.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expect {
    /// Line of the key `expect`, for findings.
    pub line: usize,
    /// How many recordings; `None` is as many as the steps give.
    pub recordings: Option<usize>,
    /// Whether all audio goes to the recorder in clear (`true`) or encrypted; `None` is by who forks it: a non-secure phone
    /// and a gateway in clear, everybody else encrypted.
    pub clear: Option<bool>,
    /// Whether the phones must have talked to each other in clear (`true`) or encrypted.
    pub clear_call: Option<bool>,
    /// The `User-Agent` of CUCM that the recorder must have noted.
    pub user_agent: Option<String>,
    /// The suite that must have been chosen.
    pub suite: Option<Suite>,
    /// Who must refuse the TLS connection, and by which rule.
    pub refused: Option<Refused>,
    /// The Q.850 cause in the BYE of a recording that was given up.
    pub bye_cause: Option<u16>,
    /// Whether a leg's sequence number must have wrapped.
    pub sequence_wraps: bool,
    /// Whether CUCM must have refreshed the session with the recorder.
    pub session_refreshed: bool,
    /// Whether media must have come before the ACK.
    pub media_before_ack: bool,
    /// Alarms of CUCM's, by name, each of which must be raised.
    pub alarms: Vec<String>,
    /// Whether the recorder must have answered the far leg first.
    pub far_answered_first: bool,
    /// Whether the recorder must have ended a recording.
    pub ended_by_recorder: bool,
    /// By which rule CUCM must have given up a recording.
    pub given_up: Option<String>,
    /// How many recordings must be where: 0 is the recorder under test, others are one more than their index in
    /// [`Scenario::destinations`](super::Scenario::destinations).
    pub recordings_at: Vec<(usize, usize)>,
    /// Destinations that OPTIONS must find out of service, as in [`Expect::recordings_at`].
    pub out_of_service: Vec<usize>,
    /// Destinations that must come back into service after that.
    pub back_in_service: Vec<usize>,
    /// Whether the recorder must have refreshed the session.
    pub refreshed_by_recorder: bool,
    /// Whether the two legs of a recording must be at different recorders.
    pub legs_apart: bool,
    /// How many recordings of one leg alone there must be.
    pub one_leg: Option<usize>,
    /// How many recordings must be marked as a duplicate of another one.
    pub duplicates: Option<usize>,
}

/// A refusal that must happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Who refuses.
    pub by: Party,
    /// The rule's code, as [`trust::rule::Refusal::rule`] names it.
    pub rule: String,
}

/// The two ends of the trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// CUCM.
    Cucm,
    /// The recorder.
    Recorder,
}
