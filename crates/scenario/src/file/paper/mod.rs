//! The calls of a scenario on paper: who rings, talks and holds, and which recordings run, moved step by step.
//!
//! Read with a file it finds orders that are impossible. Beside a run it says what CUCM is to do after each step: the runner waits
//! until phones and recordings are as they are here. Each group of verbs has its rules in a file of its own.

mod barge;
mod call;
mod conference;
mod hold;
mod media;
mod nodes;
mod outside;
mod recordings;
mod routing;
mod selective;
mod signalling;
mod sources;
#[cfg(test)]
mod tests;
mod transfer;

use ::media::ledger::Leg;
use cucm::config::Dialect;
use phone::PhoneState;

use super::ast::{Action, Phone, Scenario, Step};
use super::diagnostic::{Diagnostic, Place};
use conference::Controller;
use nodes::Nodes;
use outside::Behind;
use recordings::{Change, Recordings};
pub(crate) use recordings::{Far, Recording};
use routing::{Parked, Passed};
use sources::Trunk;

/// Why a step cannot be taken here, and what would help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Impossible {
    pub(crate) message: String,
    pub(crate) help: String,
}

impl Impossible {
    fn new(message: String, help: impl Into<String>) -> Self {
        Self { message, help: help.into() }
    }
}

/// Phones, and parties outside, are named by their number in [`Scenario::everybody`].
#[derive(Clone, Debug)]
pub(crate) struct Paper {
    phones: Vec<Phone>,
    /// Of each the site, if it is outside.
    sites: Vec<Option<usize>>,
    /// Of each the trunk before it, if it is outside.
    trunks: Vec<Option<Trunk>>,
    /// What CUCM does not see, or sees otherwise.
    behind: Vec<Behind>,
    dialect: Dialect,
    /// In the order in which they were dialled.
    calls: Vec<Call>,
    last_call: usize,
    /// Of each phone the call that its keys address.
    active: Vec<Option<CallNo>>,
    recordings: Recordings,
    nodes: Nodes,
    /// Phones whose microphone is off.
    muted: Vec<usize>,
    /// Recordings that the recorder has ended, or CUCM out of turn, by their numbers, and the legs of which both know that.
    hung_up: Vec<(usize, Leg)>,
    /// Legs whose media the recorder has stopped.
    paused: Vec<(usize, Leg)>,
    /// Destinations that are gone, by their index.
    gone: Vec<usize>,
    /// Whether all recordings are at the recorder under test.
    has_one_recorder: bool,
    /// Whether any member of a conference may add others.
    anybody_adds: bool,
    /// Whether messages between CUCM and recorders are lost or held up.
    is_meddled_with: bool,
    /// Whether CUCM has been started again.
    is_restarted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallNo(usize);

/// A call: who is in it, and who is to come.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    no: CallNo,
    /// The caller first; one until somebody answers, two in a plain call.
    members: Vec<Member>,
    /// Who is being rung.
    rings: Option<Ringing>,
    /// Who controls it, if it is a conference.
    conference: Option<Controller>,
    /// Who has barged into it by a built-in bridge.
    guest: Option<usize>,
    /// Who parked it, so that whoever is left waits.
    parked: Option<Parked>,
    /// Whose node died, so that the others know nothing of them.
    lost: Vec<usize>,
}

#[derive(Clone, Debug)]
struct Member {
    phone: usize,
    holds: bool,
    /// Whether the phone still has the call: one that transferred it may have left before another one answers in its place.
    is_here: bool,
}

#[derive(Clone, Debug)]
struct Ringing {
    /// All phones of one line; never empty.
    phones: Vec<usize>,
    /// Whose place it takes, where a call is transferred.
    instead_of: Option<usize>,
    /// How long they have rung.
    since: Passed,
    /// The lines on the way to theirs, and theirs.
    passed: Vec<String>,
}

impl Call {
    fn member(&self, phone: usize) -> Option<&Member> {
        self.members.iter().find(|member| member.phone == phone && member.is_here)
    }

    fn member_mut(&mut self, phone: usize) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.phone == phone && member.is_here)
    }

    fn is_answered(&self) -> bool {
        self.members.len() > 1 || !self.lost.is_empty()
    }

    fn rings_at(&self, phone: usize) -> bool {
        self.rings.as_ref().is_some_and(|ringing| ringing.phones.contains(&phone))
    }

    /// Everybody whose phone has to do with it.
    fn phones(&self) -> impl Iterator<Item = usize> {
        let here = self.members.iter().filter(|member| member.is_here).map(|member| member.phone);
        let here = here.chain(self.guest);
        here.chain(self.rings.iter().flat_map(|ringing| ringing.phones.iter().copied()))
    }
}

impl Paper {
    /// Nobody is in a call yet. The steps of the scenario are not looked at.
    pub(crate) fn of(scenario: &Scenario) -> Self {
        Self {
            phones: scenario.everybody().cloned().collect(),
            sites: (0..scenario.everybody().count()).map(|who| scenario.site_of(who).map(|(site, _)| site)).collect(),
            trunks: (0..scenario.everybody().count())
                .map(|who| scenario.outside.get(scenario.site_of(who)?.0).map(Trunk::of))
                .collect(),
            behind: Vec::new(),
            dialect: scenario.cluster.dialect.clone(),
            calls: Vec::new(),
            last_call: 0,
            active: vec![None; scenario.everybody().count()],
            recordings: Recordings::default(),
            nodes: Nodes::of(scenario),
            muted: Vec::new(),
            hung_up: Vec::new(),
            paused: Vec::new(),
            gone: Vec::new(),
            has_one_recorder: scenario.destinations.is_empty(),
            anybody_adds: scenario.cluster.advanced_ad_hoc,
            is_meddled_with: !scenario.signalling.is_empty(),
            is_restarted: false,
        }
    }

    /// Takes a step.
    ///
    /// # Errors
    /// [`Impossible`] where it cannot be taken now; nothing has changed then that matters any more.
    pub(crate) fn take(&mut self, action: &Action) -> Result<(), Impossible> {
        self.must_suit_guests(action)?;
        self.must_suit_preserved(action)?;
        match action {
            Action::Call { from, to } => self.call(*from, *to)?,
            Action::Answer(phone) => self.answer(*phone)?,
            Action::HangUp(phone) => self.hang_up(*phone)?,
            Action::Hold(phone) => self.hold(*phone)?,
            Action::Resume(phone) => self.resume(*phone)?,
            Action::Transfer { by, to } => self.transfer(*by, *to)?,
            Action::Consult { by, to } => self.consult(*by, *to)?,
            Action::CompleteTransfer(by) => self.complete_transfer(*by)?,
            Action::Conference(by) => self.conference(*by)?,
            Action::Drop { by, party } => self.drop_from_conference(*by, *party)?,
            Action::Barge(phone) => self.barge(*phone)?,
            Action::CBarge(phone) => self.c_barge(*phone)?,
            Action::Park(phone) => self.park(*phone)?,
            Action::ParkAt { by, at } => self.park_at(*by, *at)?,
            Action::Retrieve { by, parked_by } => self.retrieve(*by, *parked_by)?,
            Action::PickUp(phone) => self.pick_up(*phone)?,
            Action::Redirect { call_of, to } => self.redirect(*call_of, *to)?,
            Action::Dtmf { by, .. } => self.dtmf(*by)?,
            Action::Mute(phone, off) => self.mute(*phone, *off)?,
            Action::TransferOutside { from, to, told } => self.transfer_outside(*from, *to, *told)?,
            Action::ConferOutside { by, with, .. } => self.confer_outside(*by, with)?,
            Action::LeaveOutside(party) => self.leave_outside(*party)?,
            Action::StartRecording { on, by } => self.start_recording(*on, *by)?,
            Action::StopRecording(phone) => self.stop_recording(*phone)?,
            Action::Inject(inject) => self.inject(inject)?,
            Action::ChangeStreams(change) => self.change_streams(*change)?,
            Action::Renumber(why) => self.renumber(*why)?,
            Action::Talk(_) => self.talk()?,
            Action::CloseConnection(_) => self.in_dialog()?,
            Action::CucmSends { request, leg } => self.cucm_sends(*request, *leg)?,
            Action::RecorderDoes { deed, leg } => self.recorder_does(*deed, *leg)?,
            Action::FailNode(failure) => self.fail_node(*failure)?,
            Action::RestoreNode(node) => self.restore_node(*node)?,
            Action::Destination { index, is_up } => self.destination(*index, *is_up)?,
            Action::Wait(_) | Action::Hook(_) => {}
        }
        self.forget_ended();
        self.elapse(Passed::by(action))?;
        self.go_to_nodes(action.lasts())?;
        self.settle(Change::Other);
        Ok(())
    }

    /// The recordings that are to run now.
    pub(crate) fn recordings(&self) -> &[Recording] {
        self.recordings.running()
    }

    /// How many recordings were to begin so far.
    pub(crate) fn begun(&self) -> usize {
        self.recordings.begun()
    }

    /// How many calls there are, ringing ones among them.
    pub(crate) fn calls(&self) -> usize {
        self.calls.len()
    }

    /// How many calls a phone is in, or that ring at it.
    pub(crate) fn calls_at(&self, phone: usize) -> usize {
        self.calls_of(phone).count()
    }

    /// What a phone shows of its active call, and whether it has another one.
    pub(crate) fn display(&self, phone: usize) -> (PhoneState, bool) {
        (self.shown(phone), self.calls_at(phone) > 1)
    }

    /// What a phone shows now.
    pub(crate) fn shown(&self, phone: usize) -> PhoneState {
        if self.is_conferred(phone) {
            return PhoneState::Connected;
        }
        let mut calls: Vec<&Call> = self.calls_of(phone).collect();
        calls.sort_by_key(|call| Some(call.no) != self.active[phone]);
        let of = |call: &Call| match call.member(phone) {
            None if call.guest == Some(phone) => PhoneState::Connected,
            None => PhoneState::Ringing,
            Some(member) if member.holds => PhoneState::Held,
            Some(_) if !call.is_answered() => PhoneState::RingingBack,
            Some(_) => PhoneState::Connected,
        };
        match calls.as_slice() {
            [] => PhoneState::Idle,
            [active, other, ..] if (of(active), of(other)) == (PhoneState::Connected, PhoneState::Held) => {
                PhoneState::Consulting
            }
            [active, ..] => of(active),
        }
    }

    fn name(&self, phone: usize) -> &str {
        self.phones.get(phone).map_or("", |phone| phone.name.as_str())
    }

    /// The calls that a phone is in, or that ring at it.
    fn calls_of(&self, phone: usize) -> impl Iterator<Item = &Call> {
        self.calls.iter().filter(move |call| call.phones().any(|other| other == phone))
    }

    /// The call that the keys of a phone address.
    fn active(&self, phone: usize) -> Option<&Call> {
        let no = *self.active.get(phone)?;
        self.calls.iter().find(|call| Some(call.no) == no)
    }

    /// The place of a phone in its active call, where that is answered.
    fn place_mut(&mut self, phone: usize) -> Option<&mut Member> {
        let no = *self.active.get(phone)?;
        let call = self.calls.iter_mut().find(|call| Some(call.no) == no)?;
        if call.is_answered() { call.member_mut(phone) } else { None }
    }

    fn begin(&mut self, members: Vec<Member>, rings: Option<Ringing>) -> CallNo {
        self.last_call += 1;
        let no = CallNo(self.last_call);
        self.calls.push(Call { no, members, rings, conference: None, guest: None, parked: None, lost: Vec::new() });
        no
    }

    /// A call is no more. Whoever was in it is left with its other one.
    fn end(&mut self, no: CallNo) {
        let Some(at) = self.calls.iter().position(|call| call.no == no) else { return };
        let call = self.calls.remove(at);
        for phone in call.phones() {
            self.leave(phone, no);
        }
    }

    /// A phone has to do with a call no more.
    fn leave(&mut self, phone: usize, no: CallNo) {
        if self.active.get(phone) == Some(&Some(no)) {
            let other = self.calls_of(phone).map(|call| call.no).find(|other| *other != no);
            self.active[phone] = other;
        }
    }
}

/// Steps that cannot happen in this order are a mistake of the file, not a finding about a recorder. The first one is told: those
/// behind it depend on it.
pub(super) fn check_order<'a>(
    scenario: &Scenario,
    steps: impl Iterator<Item = (Place, &'a Step)>,
) -> Option<Diagnostic> {
    let mut paper = Paper::of(scenario);
    let mut last = None;
    for (place, step) in steps {
        if let Err(Impossible { message, help }) = paper.take(&step.action) {
            return Some(Diagnostic::new(place, message).help(help));
        }
        last = Some(place);
    }
    let Impossible { message, help } = paper.still_up()?;
    Some(Diagnostic::new(last?, message).help(help))
}

/// How many recordings a whole scenario gives.
pub(crate) fn recordings_of(scenario: &Scenario) -> usize {
    let mut paper = Paper::of(scenario);
    for step in &scenario.steps {
        // The steps were checked when the file was read.
        let _ = paper.take(&step.action);
    }
    paper.begun()
}

const CALL_FIRST: &str = "begin a call with `- call: { from: <phone>, to: <phone> }`";
const ANSWER_FIRST: &str = "answer a call first, with `- answer: <phone>`";
