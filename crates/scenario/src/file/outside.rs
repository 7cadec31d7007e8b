//! The section `outside`: what stands behind trunks for calls, and who talks there.

use std::path::Path;

use phone::outside::Forking;

use super::ast::{Forward, Phone, Release, Site, SiteKind};
use super::diagnostic::Diagnostic;
use super::fields::{Fields, kind, one_of};
use super::read::read_phone;
use super::shape::{Ask, note};
use super::tree::{Key, Node, Value};

/// The most trunks, and the most parties behind one of them.
const MOST: usize = 8;
const KINDS: [(&str, SiteKind); 2] = [("cluster", SiteKind::Cluster), ("gateway", SiteKind::Gateway)];
const FORKING: [(&str, Forking); 5] = [
    ("on", Forking::On),
    ("registration rejected", Forking::RegistrationRejected),
    ("registration unanswered", Forking::RegistrationUnanswered),
    ("refused", Forking::Refused),
    ("unanswered", Forking::Unanswered),
];
const SECURITY: [(&str, bool); 2] = [("encrypted", true), ("non-secure", false)];

/// Reads the section. Names and numbers of parties are none of the phones'.
pub(super) fn read_outside(
    node: &Node,
    (phones, release, folder): (&[Phone], Release, Option<&Path>),
    wrong: &mut Vec<Diagnostic>,
) -> Vec<Site> {
    let Some(entries) = entries(node, "trunks by name", wrong) else { return Vec::new() };
    let mut sites: Vec<Site> = Vec::new();
    for (key, node) in entries {
        if !key.name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
            let message = format!("`{}` is no name of a trunk", key.name);
            wrong.push(Diagnostic::new(key.place, message).help("letters, digits and `-`, `_`, `.` only"));
        }
        let known: Vec<&Phone> = phones.iter().chain(sites.iter().flat_map(|site| &site.parties)).collect();
        let site = read_site(key, node, (&known, release, folder), wrong);
        sites.push(site);
    }
    sites
}

fn entries<'a>(node: &'a Node, what: &str, wrong: &mut Vec<Diagnostic>) -> Option<&'a [(Key, Node)]> {
    note(node.place, || Ask::Names);
    match &node.value {
        Value::Mapping(entries) if (1..=MOST).contains(&entries.len()) => Some(entries),
        Value::Mapping(entries) => {
            let message = format!("got {} {what}, expected 1 to {MOST}", entries.len());
            wrong.push(Diagnostic::new(node.place, message));
            None
        }
        _ => {
            wrong.push(Diagnostic::new(node.place, format!("got {}, expected {what}", kind(node))));
            None
        }
    }
}

fn read_site(
    key: &Key,
    node: &Node,
    (known, release, folder): (&[&Phone], Release, Option<&Path>),
    wrong: &mut Vec<Diagnostic>,
) -> Site {
    let mut f = Fields::of(node, "a trunk for calls", wrong);
    let encrypted = f.or("security", true, wrong, |n| one_of(n, &SECURITY));
    let kind = f.or("is", SiteKind::Cluster, wrong, |n| one_of(n, &KINDS));
    let forking = f.maybe("media forking", wrong, |n| one_of(n, &FORKING).map(|forking| (forking, n.place)));
    if let Some((_, place)) = forking.filter(|_| kind == SiteKind::Cluster) {
        let message = format!("`{}` is a cluster, and only gateways fork media", key.name);
        wrong.push(Diagnostic::new(place, message).help("say `is: gateway`, or leave `media forking` out"));
    }
    let forking = forking.map_or(Forking::On, |(forking, _)| forking);
    let parties = f.required("parties", wrong);
    let parties = parties.map(|n| read_parties(n, (known, release, folder), wrong)).unwrap_or_default();
    f.finish(wrong);
    Site { name: key.name.clone(), kind, forking, encrypted, parties }
}

fn read_parties(
    node: &Node,
    (known, release, folder): (&[&Phone], Release, Option<&Path>),
    wrong: &mut Vec<Diagnostic>,
) -> Vec<Phone> {
    let Some(entries) = entries(node, "parties by name", wrong) else { return Vec::new() };
    let mut parties: Vec<Phone> = Vec::new();
    for (index, (key, node)) in entries.iter().enumerate() {
        let parties_before = parties.iter().map(|party| party.name.as_str());
        let names: Vec<&str> =
            known.iter().map(|known| known.name.as_str()).chain(parties_before).chain([key.name.as_str()]).collect();
        let party = read_phone((known.len() + index, &names), (release, folder), node, wrong);
        let mut others = known.iter().copied().chain(&parties);
        // A phone may be called back over the trunk: to the other switch it is one of its parties.
        let is_called_back = |other: &Phone| other.display == party.display && other.line == party.line;
        let is_taken = |other: &&Phone| other.line == party.line && !is_called_back(other);
        if let Some(other) = others.find(|other| other.name == party.name || is_taken(other)) {
            let message = format!("`{}` is named or numbered as `{}` is", party.name, other.name);
            wrong.push(Diagnostic::new(key.place, message));
        }
        if party.shared || party.forward != Forward::default() || party.pickup_group.is_some() {
            let message = format!("`{}` is outside, and its line is none of CUCM's", party.name);
            let help = "only phones have `shared line`, `forward` and `pickup group`";
            wrong.push(Diagnostic::new(key.place, message).help(help));
        }
        if party.recorded || party.selective {
            let message = format!("`{}` is outside, where CUCM records nobody", party.name);
            wrong.push(Diagnostic::new(key.place, message).help("only lines of phones have `recording`"));
        }
        if !party.built_in_bridge {
            let message = format!("`{}` is outside, and has no built-in bridge of which CUCM knows", party.name);
            wrong.push(Diagnostic::new(key.place, message).help("only phones have `built-in bridge`"));
        }
        parties.push(party);
    }
    parties
}
