//! What CUCM and the recorder do in dialogs of their own accord.

use cucm::signalling::Request;
use recorder::Deed;

use super::super::ast::{Action, Scenario};
use super::super::diagnostic::Diagnostic;
use super::super::fields::{Fields, one_of, text, unknown};
use super::super::read::keep;
use super::super::signalling::{CLOSINGS, LEGS};
use super::super::tree::{Key, Node};
use super::Verb;

pub(super) const VERBS: &[Verb] = &[
    Verb {
        word: "close connection",
        read: |n, _, wrong| keep(one_of(n, &CLOSINGS), wrong).map(Action::CloseConnection),
    },
    Verb { word: "CUCM sends", read: read_request },
    Verb { word: "recorder hangs up", read: |n, _, wrong| recorder(Deed::HangUp, n, wrong) },
    Verb { word: "recorder pauses", read: |n, _, wrong| recorder(Deed::Pause, n, wrong) },
    Verb { word: "recorder resumes", read: |n, _, wrong| recorder(Deed::Resume, n, wrong) },
    Verb { word: "destination fails", read: |n, scenario, wrong| destination(false, n, scenario, wrong) },
    Verb { word: "destination returns", read: |n, scenario, wrong| destination(true, n, scenario, wrong) },
];

fn recorder(deed: Deed, node: &Node, wrong: &mut Vec<Diagnostic>) -> Option<Action> {
    keep(one_of(node, &LEGS), wrong).map(|leg| Action::RecorderDoes { deed, leg })
}

fn read_request(node: &Node, _: &Scenario, wrong: &mut Vec<Diagnostic>) -> Option<Action> {
    let requests = [
        ("INFO", Request::Info),
        ("NOTIFY", Request::Notify),
        ("SUBSCRIBE", Request::Subscribe),
        ("OPTIONS", Request::Options),
        ("UPDATE", Request::Update),
        ("re-INVITE", Request::Reinvite),
        ("re-INVITE without offer", Request::ReinviteWithoutOffer),
        ("BYE", Request::Bye),
    ];
    let mut f = Fields::of(node, "a request of CUCM", wrong);
    let request = f.required("request", wrong).and_then(|n| keep(one_of(n, &requests), wrong));
    let leg = f.or("leg", None, wrong, |n| one_of(n, &LEGS));
    f.finish(wrong);
    Some(Action::CucmSends { request: request?, leg })
}

/// A destination that is a bundled recorder, by its name.
fn destination(is_up: bool, node: &Node, scenario: &Scenario, wrong: &mut Vec<Diagnostic>) -> Option<Action> {
    let name = keep(text(node), wrong)?;
    let names: Vec<&str> = scenario.destinations.iter().map(|destination| destination.name.as_str()).collect();
    let Some(index) = names.iter().position(|known| *known == name) else {
        let key = Key { name: name.clone(), place: node.place };
        wrong.push(unknown(&format!("no destination is called `{name}`"), &key, &names));
        return None;
    };
    Some(Action::Destination { index, is_up })
}
