//! A scenario as the runner sees it: checked, with defaults filled in, each step knowing its line.
//!
//! The words are CUCM's own where CUCM has one ("SRTP allowed", "X.509 subject name", "transmit security status").

use std::path::PathBuf;
use std::time::Duration;

pub use cucm::config::Release;
use cucm::config::{Dialect, RecordingMediaSource, SessionRefresh};
use cucm::signalling::{Closing, Request};
use media::ledger::Leg;
use media::srtp::Suite;
pub use recorder::{Deed, Fault};

use super::signalling::Disturbed;
use super::trunks::{Destination, RouteList};

/// One scenario file.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What it shows, in a sentence.
    pub title: String,
    /// The cluster that drives the call.
    pub cluster: Cluster,
    /// The phones, in the order of the file.
    pub phones: Vec<Phone>,
    /// What stands behind other trunks, in the order of the file.
    pub outside: Vec<Site>,
    /// The SIP trunk to the recorder.
    pub trunk: Trunk,
    /// What is asked of the bundled recorder.
    pub recorder: Recorder,
    /// What stands behind other addresses.
    pub destinations: Vec<Destination>,
    /// In which order addresses are tried.
    pub route_list: RouteList,
    /// What happens to single messages between CUCM and recorders.
    pub signalling: Vec<Disturbed>,
    /// What the network does to media.
    pub network: Network,
    /// Whether it is for virtual time alone, since it lasts too long in real time.
    pub only_simulated: bool,
    /// What happens, one after the other.
    pub steps: Vec<Step>,
    /// What differs from a plain pass.
    pub expect: Expect,
}

/// The cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Which release's messages it sends.
    pub release: Release,
    /// Enterprise parameter *Cluster Security Mode*: mixed (1) or non-secure (0).
    pub mixed: bool,
    /// The kind of key in CallManager.pem.
    pub key: Key,
    /// Whether CallManager.pem was imported at the recorder.
    pub known_to_recorder: bool,
    /// Nodes, from 0, whose CallManager.pem was not imported there.
    pub unknown_nodes: Vec<usize>,
    /// Whether CUCM shows its certificate when it connects to the recorder.
    pub presents_certificate: bool,
    /// By how much its clock is ahead of everybody else's.
    pub clock_ahead: Duration,
    /// By how much it is behind.
    pub clock_behind: Duration,
    /// *Play Recording Notification Tone to Observed Target*.
    pub tone_to_observed: bool,
    /// *Play Recording Notification Tone to Connected Target*.
    pub tone_to_connected: bool,
    /// How it reads what Cisco's texts leave open.
    pub dialect: Dialect,
}

/// Kinds of certificate keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// RSA with 2048 bits, CUCM's default.
    Rsa2048,
    /// ECDSA on P-256.
    EcP256,
}

/// A phone.
#[derive(Clone, Debug)]
pub struct Phone {
    /// Its name in the file.
    pub name: String,
    /// Its directory number.
    pub line: String,
    /// The name shown to the other party.
    pub display: String,
    /// Whether its phone security profile is encrypted (else non-secure).
    pub encrypted: bool,
    /// Whether its line's recording option is automatic (else none).
    pub recorded: bool,
    /// Whether its line's recording option is selective: recordings are started and stopped by steps.
    pub selective: bool,
    /// The node, from 0, with which it registers: the first one of its CUCM group.
    pub node: usize,
    /// Who is to fork the media of its recordings.
    pub source: RecordingMediaSource,
    /// The SRTP suites it offers, in order.
    pub suites: Vec<Suite>,
    /// The codecs it offers, in order.
    pub codecs: Vec<Codec>,
    /// What it says: a WAV file beside the scenario, or one of the bundled speakers.
    pub says: Says,
    /// The first sequence number of its bridge streams, where the scenario sets it.
    pub first_sequence: Option<u16>,
    /// The SSRC of its bridge streams, where the scenario sets it.
    pub ssrc: Option<u32>,
    /// Whether other phones have its line too.
    pub shared: bool,
    /// Where calls go that its line does not take.
    pub forward: Forward,
    /// *Call Pickup Group* of its line.
    pub pickup_group: Option<String>,
}

/// *Call Forward and Call Pickup Settings* of a line: the phones to whose lines it forwards, by their index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forward {
    /// *Forward All*.
    pub all: Option<usize>,
    /// *Forward Busy*.
    pub busy: Option<usize>,
    /// *Forward No Answer*, and the *No Answer Ring Duration*.
    pub no_answer: Option<(usize, Duration)>,
}

/// What stands behind a trunk for calls: a remote cluster or a gateway.
#[derive(Clone, Debug)]
pub struct Site {
    /// The name of the trunk.
    pub name: String,
    /// What it is.
    pub kind: SiteKind,
    /// Whether the trunk is TLS with SRTP (else TCP with RTP).
    pub encrypted: bool,
    /// Who talks there.
    pub parties: Vec<Phone>,
}

/// Kinds of sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SiteKind {
    /// A remote cluster behind an inter-cluster trunk.
    Cluster,
    /// A gateway to the public network.
    Gateway,
}

impl Scenario {
    /// Everybody whom steps name: the phones, then the parties outside. The place in this list is the number of each.
    pub fn everybody(&self) -> impl Iterator<Item = &Phone> {
        self.phones.iter().chain(self.outside.iter().flat_map(|site| &site.parties))
    }

    /// The site of a party outside, and its number there; `None` for a phone.
    #[must_use]
    pub fn site_of(&self, number: usize) -> Option<(usize, usize)> {
        let mut party = number.checked_sub(self.phones.len())?;
        for (index, site) in self.outside.iter().enumerate() {
            if party < site.parties.len() {
                return Some((index, party));
            }
            party -= site.parties.len();
        }
        None
    }
}

/// What a phone says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// The bundled speaker with this number (0 or 1).
    Speaker(usize),
    /// A WAV file.
    File(PathBuf),
}

/// Codecs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// G.711 mu-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// G.729: offered and refused only; nothing here encodes it.
    G729,
}

/// How the trunk is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Mutual TLS.
    Tls,
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// The SIP trunk and its security profile.
#[derive(Clone, Debug)]
pub struct Trunk {
    /// Outgoing transport.
    pub transport: Transport,
    /// *SRTP Allowed*.
    pub srtp_allowed: bool,
    /// *Transmit Security Status*.
    pub transmit_security_status: bool,
    /// *X.509 Subject Name*; empty stands for the recorder's address.
    pub x509_subject: Vec<String>,
    /// Early offer support for voice calls (else delayed offer).
    pub early_offer: bool,
    /// The version of TLS that CUCM speaks, where the scenario sets it.
    pub tls: Option<Tls>,
    /// *Enable OPTIONS Ping to monitor destination status*, with its intervals.
    pub options_ping: Option<OptionsPing>,
    /// How long a session holds, and how it is refreshed.
    pub session: SessionTimer,
    /// Extra time between ACKing the phone and ACKing the recorder, so that RTP comes before the ACK.
    pub ack_after: Duration,
}

/// Session timer (RFC 4028).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimer {
    /// *Session Refresh Method* of the SIP profile.
    pub refresh: SessionRefresh,
    /// Service parameter *SIP Session Expires Timer*.
    pub expires: Duration,
    /// Service parameter *SIP Min-SE Value*.
    pub least: Duration,
}

/// Versions of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// 1.2.
    V1_2,
    /// 1.3.
    V1_3,
}

/// Intervals of the OPTIONS ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionsPing {
    /// *Ping Interval for In-service and Partially In-service Trunks (seconds)*.
    pub in_service: Duration,
    /// *Ping Interval for Out-of-service Trunks (seconds)*.
    pub out_of_service: Duration,
}

/// What is asked of the bundled recorder; no effect on an external one.
#[derive(Clone, Debug)]
pub struct Recorder {
    /// The suites it offers, in order; empty is the default order.
    pub suites: Vec<Suite>,
    /// The codecs it offers; empty is the default.
    pub codecs: Vec<Codec>,
    /// How long it takes to answer an INVITE.
    pub answers_after: Duration,
    /// Whether it answers the far leg before the near leg.
    pub far_first: bool,
    /// The version of TLS that it speaks, where the scenario sets it.
    pub tls: Option<Tls>,
    /// Its policy on SRTP.
    pub srtp: SrtpPolicy,
    /// Whether it refreshes the session where CUCM leaves open who does.
    pub refreshes: bool,
    /// The shortest session that it takes.
    pub least_session: Duration,
    /// How many recordings it takes at one time.
    pub most_sessions: usize,
    /// Its certificate.
    pub certificate: RecorderCertificate,
    /// A fault planted in it.
    pub fault: Fault,
}

/// A recorder's policy on SRTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SrtpPolicy {
    /// A leg without SRTP is refused.
    Required,
    /// SRTP is offered, RTP is taken where both sides support the fallback.
    Allowed,
    /// RTP is offered.
    Off,
}

/// What is wrong with the recorder's certificate, if anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecorderCertificate {
    /// Its common name, where it is not the recorder's address.
    pub name: Option<String>,
    /// Whether it was left out of CallManager-trust.
    pub untrusted: bool,
    /// Whether it has expired.
    pub expired: bool,
}

/// What the network does to media on the way to the recorder.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Network {
    /// Share of packets lost.
    pub loss: f64,
    /// Mean length of a loss burst in packets; 0 and 1 are independent losses.
    pub burst: f64,
    /// Share of packets that overtake.
    pub reorder: f64,
    /// Share of packets that come twice.
    pub duplicate: f64,
    /// Delay of every packet.
    pub delay: Duration,
    /// Largest additional random delay.
    pub jitter: Duration,
}

impl Network {
    /// Whether it does anything at all.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        *self == Self::default()
    }
}

/// A step and its line in the file.
#[derive(Clone, Debug)]
pub struct Step {
    /// Line, from 1.
    pub line: usize,
    /// What happens.
    pub action: Action,
}

/// What a step does; phones are named by their index in [`Scenario::phones`].
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// `from` dials the line of `to` and waits until it rings.
    Call {
        /// Who dials.
        from: usize,
        /// Whose line.
        to: usize,
    },
    /// The phone answers; waits until the call is up and its recordings were set up or failed.
    Answer(usize),
    /// Time passes, in a call or without one.
    Wait(Duration),
    /// The phone puts its call on hold; waits until its recordings have ended.
    Hold(usize),
    /// The phone takes its call back from hold; waits until its recordings were set up anew or failed.
    Resume(usize),
    /// `by` has its call connected with another phone without talking to that first.
    Transfer {
        /// Who transfers.
        by: usize,
        /// Whose line.
        to: usize,
    },
    /// `by` holds its call and calls another phone.
    Consult {
        /// Who asks.
        by: usize,
        /// Whose line.
        to: usize,
    },
    /// The phone has its held call connected with its active one, which may still ring.
    CompleteTransfer(usize),
    /// The phone parks its call.
    Park(usize),
    /// `by` takes the call that another phone parked.
    Retrieve {
        /// Who takes it.
        by: usize,
        /// Who parked it.
        parked_by: usize,
    },
    /// The phone takes a call that rings at another one of its call pickup group.
    PickUp(usize),
    /// An application has the call of a phone, ringing or connected, go to another one.
    Redirect {
        /// Whose call.
        call_of: usize,
        /// Whose line.
        to: usize,
    },
    /// Keys are pressed at a phone in a call.
    Dtmf {
        /// Where.
        by: usize,
        /// Which, one after the other.
        digits: String,
    },
    /// A phone's microphone is switched off (`true`), or on again.
    Mute(usize, bool),
    /// Both parties talk.
    Talk(Duration),
    /// The phone hangs up; waits until everything has ended.
    HangUp(usize),
    /// The call of a party outside becomes that of another one there.
    TransferOutside {
        /// Whose call it was.
        from: usize,
        /// Whose it is.
        to: usize,
        /// How CUCM is told.
        told: Told,
    },
    /// A party outside makes a conference of its call with others there.
    ConferOutside {
        /// Whose call it is.
        by: usize,
        /// Who joins it.
        with: Vec<usize>,
        /// The number of the bridge, where it is delivered.
        number: Option<String>,
    },
    /// A party outside leaves its conference.
    LeaveOutside(usize),
    /// Somebody has the call of a phone recorded, whose line is recorded selectively.
    StartRecording {
        /// Whose call.
        on: usize,
        /// Who asks for it.
        by: Asker,
    },
    /// Whoever had it started has the recording of a phone's call stopped.
    StopRecording(usize),
    /// The phone makes a conference of its held call and its active one, or adds the active one to its conference; waits until all its
    /// members hear each other.
    Conference(usize),
    /// The phone comes into a call in which another phone of its line talks, by that phone's built-in bridge.
    Barge(usize),
    /// The phone comes into a call in which another phone of its line talks, and all of them move to a conference bridge.
    CBarge(usize),
    /// A phone's built-in bridge does something wrong towards the recorder.
    Inject(Inject),
    /// CUCM closes its connections to recorders; the next request opens a new one.
    CloseConnection(Closing),
    /// CUCM sends a request in the dialogs of the recordings.
    CucmSends {
        /// Which.
        request: Request,
        /// In which of the two dialogs of each; `None` for both.
        leg: Option<Leg>,
    },
    /// The bundled recorder does something with its calls.
    RecorderDoes {
        /// What.
        deed: Deed,
        /// With which leg of each; `None` for both.
        leg: Option<Leg>,
    },
    /// A bundled recorder beside the one under test goes, or comes back.
    Destination {
        /// Which of [`Scenario::destinations`].
        index: usize,
        /// Whether it comes back.
        is_up: bool,
    },
    /// CUCM gives out its call identifiers from the beginning again.
    Renumber(Renumbered),
    /// A phone's built-in bridge has other streams from now on; waits until CUCM has told the recorder what it must know.
    ChangeStreams(StreamChange),
}

/// The longest that a key takes, with the pause behind it.
const KEY: Duration = Duration::from_millis(300);

impl Action {
    /// How long it lasts by itself.
    #[must_use]
    pub fn lasts(&self) -> Duration {
        match self {
            Self::Talk(time) | Self::Wait(time) => *time,
            Self::Dtmf { digits, .. } => KEY * u32::try_from(digits.len()).unwrap_or(u32::MAX),
            _ => Duration::ZERO,
        }
    }
}

/// How CUCM learns who talks behind a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// By a re-INVITE, with other media.
    ByInvite,
    /// By UPDATE; the media stays.
    ByUpdate,
    /// Not at all.
    NotAtAll,
}

/// Who asks for a selective recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// The phone's user, by softkey.
    User,
    /// An application, so that the phone shows it.
    Application,
    /// An application, unseen.
    SilentApplication,
}

/// Something wrong on a media stream, on purpose.
#[derive(Clone, Debug, PartialEq)]
pub struct Inject {
    /// Whose bridge.
    pub phone: usize,
    /// On which of its legs.
    pub legs: Vec<Leg>,
    /// What.
    pub what: Injected,
    /// For how long, from now; the step itself takes no time.
    pub lasts: Duration,
}

/// What is injected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Injected {
    /// Plain RTP beside the genuine stream.
    PlainRtp,
    /// One bit of the authentication tag flipped in every n-th packet, which is then lost.
    FlippedTag {
        /// Every how many packets.
        every: u32,
    },
    /// Every n-th packet sent once more, later.
    Replay {
        /// Every how many packets.
        every: u32,
    },
    /// Packets under a key of the attacker's own.
    Forged {
        /// How many for each genuine packet.
        times: u32,
    },
    /// Nothing is sent.
    Silence {
        /// Whether RTP time stands still meanwhile.
        stalls: bool,
    },
    /// Everything is lost on its way.
    Loss,
}

/// A change of the streams to the recorder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamChange {
    /// Whose bridge.
    pub phone: usize,
    /// What changes.
    pub what: ChangedStream,
}

/// Why call identifiers are given out from the beginning again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renumbered {
    /// The node was started again.
    Restarted,
    /// It is another cluster, behind the same trunk.
    OtherCluster,
}

/// What changes in the streams to the recorder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangedStream {
    /// The SRTP key.
    Key {
        /// Whether the roll-over count goes on; else it is 0 again.
        keeps_roll_over: bool,
    },
    /// The SSRC.
    Source,
    /// The sequence begins anew.
    Sequence,
    /// The codec.
    Codec(Codec),
}

/// What differs from a plain pass, where every recording is complete, encrypted and right.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expect {
    /// Line of the key `expect`, for findings.
    pub line: usize,
    /// How many recordings; `None` is as many as the steps give.
    pub recordings: Option<usize>,
    /// Whether audio goes to the recorder in clear.
    pub clear: bool,
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
    /// [`Scenario::destinations`].
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
