//! The dialogs as `recording.json` has them, against the INVITEs that CUCM sent.

use std::net::SocketAddr;

use media::ledger::Leg;
use recorder::metadata::{self, Parameter, Recording};

use super::{differs, side};
use crate::kept::{Hampering, Session, Told};
use crate::outcome::Finding;

/// Compares how each leg is protected, and all that its INVITE told.
pub(super) fn compare(session: &Session, written: &Recording, findings: &mut Vec<Finding>) {
    for leg in session.legs() {
        let told = session.leg(leg);
        let Some(written) = written.leg(side(leg)) else { continue };
        let protection = if told.suite.is_some() { "srtp" } else { "rtp" };
        findings.extend(differs("protection", text(protection), written.protection.clone(), Some(leg)));
        if let Some(told) = &told.told {
            dialog(told, (leg, session.is_hampered(leg, Hampering::NoAck)), written, findings);
        }
    }
    if let Some(told) = &session.near_leg.told {
        parties(told, session, written, findings);
    }
}

fn dialog(told: &Told, (leg, is_unanswered): (Leg, bool), written: &metadata::Leg, findings: &mut Vec<Finding>) {
    let header = |name: &str| told.header(name).map(|value| value.trim().to_owned());
    let rows = [
        ("Session-ID", header("Session-ID"), written.session_id.clone()),
        ("Cisco-Guid", header("Cisco-Guid"), written.cisco_guid.clone()),
        ("User-Agent", header("User-Agent"), written.user_agent.clone()),
        ("Date", header("Date"), written.date.clone()),
        ("clock_ahead_s", clock_ahead(told, written), written.clock_ahead_s.map(|ahead| ahead.to_string())),
        ("P-Asserted-Identity", header("P-Asserted-Identity"), written.p_asserted_identity.clone()),
        ("Remote-Party-ID", header("Remote-Party-ID"), written.remote_party_id.clone()),
        ("node", header("Via").and_then(|via| node(&via)), without_port(&written.node)),
        ("CUCM's tag", told.header("From").and_then(tag), text(&written.remote_tag)),
        ("the recorder's tag", text(&told.recorder_tag), text(&written.local_tag)),
        ("the recorder's media address", text(&told.recorder_media.to_string()), written.received_on.clone()),
        (
            "the phone's media address",
            text(&told.phone_media.to_string()).filter(|_| !is_unanswered),
            written.signalled_source.clone(),
        ),
        (
            "From parameters",
            told.header("From").map(|from| words(&parameters(from))),
            text(&words(&written.parameters)),
        ),
    ];
    findings.extend(rows.into_iter().filter_map(|(what, told, written)| differs(what, told, written, Some(leg))));
}

/// Transport and address of the node that a Via names (RFC 3261 §20.42).
fn node(via: &str) -> Option<String> {
    let (protocol, sent_by) = via.split_once(' ')?;
    let transport = protocol.rsplit('/').next()?.to_ascii_lowercase();
    let address: SocketAddr = sent_by.split(';').next()?.trim().parse().ok()?;
    Some(format!("{transport} {}", address.ip()))
}

/// The same of what is written; its port is one of the moment.
fn without_port(written: &str) -> Option<String> {
    let (transport, address) = written.split_once(' ')?;
    Some(format!("{transport} {}", address.parse::<SocketAddr>().ok()?.ip()))
}

/// By how many seconds CUCM's clock was ahead of the recorder's.
fn clock_ahead(told: &Told, written: &metadata::Leg) -> Option<String> {
    let date = told.header("Date")?.trim().strip_suffix("GMT")?.to_owned() + "+0000";
    let date = jiff::fmt::rfc2822::parse(&date).ok()?.timestamp().as_second();
    Some((date - metadata::unix_us(&written.invited)?.div_euclid(1_000_000)).to_string())
}

/// What the recording says of the two parties beyond their numbers and devices.
fn parties(told: &Told, session: &Session, written: &Recording, findings: &mut Vec<Finding>) {
    let from = told.header("From").unwrap_or_default();
    let name = name_of(from);
    let cluster = |name| text(&session.cluster_id).filter(|_| tells(session, name));
    let conference = parameters(from).iter().any(|parameter| parameter.name == "isfocus");
    let rows = [
        ("the near party's name", name, written.near.name.clone()),
        ("the far party's name", None, written.far.name.clone()),
        ("x-nearendclusterid of the near party", cluster("x-nearendclusterid"), written.near.cluster_id.clone()),
        ("x-farendclusterid of the far party", cluster("x-farendclusterid"), written.far.cluster_id.clone()),
        ("near party in a conference", text("false"), text(&written.near.conference.to_string())),
        ("far party in a conference", text(&conference.to_string()), text(&written.far.conference.to_string())),
    ];
    findings.extend(rows.into_iter().filter_map(|(what, told, written)| differs(what, told, written, None)));
}

/// The display name in a From header, and what stands behind it (RFC 3261 §25.1).
fn split(from: &str) -> (Option<String>, &str) {
    let from = from.trim_start();
    let Some(quoted) = from.strip_prefix('"') else {
        let (name, behind) = from.split_at(from.find('<').unwrap_or(0));
        return (Some(name.trim().to_owned()).filter(|name| !name.is_empty()), behind);
    };
    let (mut name, mut escaped) = (String::new(), false);
    for (at, letter) in quoted.char_indices() {
        match letter {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return (Some(name).filter(|name| !name.is_empty()), &quoted[at + 1..]),
            _ => {
                name.push(letter);
                escaped = false;
            }
        }
    }
    (None, from)
}

/// The display name in a From header.
pub(super) fn name_of(from: &str) -> Option<String> {
    split(from).0
}

/// Whether the recorder was told this parameter; where it is not known what it was told, it is taken to have been.
pub(super) fn tells(session: &Session, name: &str) -> bool {
    let from = session.near_leg.told.as_ref().and_then(|told| told.header("From"));
    from.is_none_or(|from| parameters(from).iter().any(|parameter| parameter.name == name))
}

/// The parameters of the URI in a From header, in order.
pub(super) fn parameters(from: &str) -> Vec<Parameter> {
    let uri = split(from).1.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(uri, _)| uri);
    let one = |parameter: &str| match parameter.split_once('=') {
        Some((name, value)) => Parameter { name: name.to_owned(), value: Some(value.to_owned()) },
        None => Parameter { name: parameter.to_owned(), value: None },
    };
    uri.split(';').skip(1).map(one).collect()
}

fn tag(from: &str) -> Option<String> {
    let (_, behind) = split(from).1.split_once('>')?;
    behind.split(';').find_map(|parameter| parameter.trim().strip_prefix("tag=")).map(str::to_owned)
}

fn words(parameters: &[Parameter]) -> String {
    let one = |p: &Parameter| match &p.value {
        Some(value) => format!("{}={value}", p.name),
        None => p.name.clone(),
    };
    parameters.iter().map(one).collect::<Vec<_>>().join(";")
}

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}
