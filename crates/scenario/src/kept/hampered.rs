//! What a scenario did to the messages of a recording, as far as the recorder cannot know better for it.

use cucm::signalling::{Answer, Deed, Disturbance, From, Method, Request};
use media::ledger::Leg;
use serde::{Deserialize, Serialize};

use crate::file::{Action, Scenario};

/// One leg's dialog, and what was done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hampered {
    /// Which leg.
    pub leg: Leg,
    /// By what.
    pub by: Hampering,
}

/// What was done to a dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hampering {
    /// The ACK came later than CUCM sent it.
    LateAck,
    /// The ACK never came, and with it nothing of what CUCM answered.
    NoAck,
    /// The BYE came later than CUCM sent it.
    LateBye,
    /// An UPDATE came later than CUCM sent it, or never.
    LateUpdate,
    /// The recorder hung up, and perhaps CUCM did too while that was on its way.
    HungUp,
    /// CUCM ended the dialog before the other one, in mid-call.
    EarlyBye,
}

/// A 200 is repeated ten times and gets as many ACKs (RFC 3261 §13.3.1.4: within 64*T1): if all of them are lost, none comes.
const ALL_ACKS: u32 = 11;

impl Hampered {
    /// What a scenario does: to messages, and to dialogs by its steps.
    pub(crate) fn of(scenario: &Scenario) -> Vec<Self> {
        let disturbances: Vec<_> = scenario.signalling.iter().map(|entry| &entry.disturbance).collect();
        let early = scenario.steps.iter().filter_map(|step| match step.action {
            Action::CucmSends { request: Request::Bye, leg } => leg,
            _ => None,
        });
        let hung_up = scenario.steps.iter().filter_map(|step| match step.action {
            Action::RecorderDoes { deed: recorder::Deed::HangUp, leg } => Some(leg),
            _ => None,
        });
        let hung_up =
            hung_up.flat_map(|only| Leg::ALL.into_iter().filter(move |leg| only.is_none_or(|only| only == *leg)));
        let hung_up = hung_up.map(|leg| Self { leg, by: Hampering::HungUp });
        let early = early.map(|leg| Self { leg, by: Hampering::EarlyBye });
        Self::by(&disturbances).into_iter().chain(early).chain(hung_up).collect()
    }

    /// What these disturbances did to either leg.
    fn by(disturbances: &[&Disturbance]) -> Vec<Self> {
        let of = |disturbance: &&Disturbance| {
            let (pick, deed) = (&disturbance.pick, &disturbance.deed);
            let is_late = matches!(deed, Deed::Lose | Deed::Delay(_) | Deed::Behind(_) | Deed::WithNext);
            if pick.kind.from != From::Node || pick.kind.answer != Answer::No || !is_late {
                return Vec::new();
            }
            let by = match pick.kind.method {
                Method::Ack if *deed == Deed::Lose && pick.times >= ALL_ACKS => Hampering::NoAck,
                Method::Ack => Hampering::LateAck,
                Method::Bye => Hampering::LateBye,
                Method::Update => Hampering::LateUpdate,
                _ => return Vec::new(),
            };
            let legs = Leg::ALL.into_iter().filter(|leg| pick.leg.is_none_or(|only| only == *leg));
            legs.map(|leg| Self { leg, by }).collect()
        };
        disturbances.iter().flat_map(of).collect()
    }
}
