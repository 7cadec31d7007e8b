//! The streams to the recorder change in mid-recording, or the numbers of calls between them.

use cucm::config::RocAtReKey;
use phone::PacketTime;

use super::super::ast::{Action, ChangedStream, Codec, Renumbered, Scenario, StreamChange};
use super::super::diagnostic::Diagnostic;
use super::super::fields::{Fields, duration, one_of};
use super::super::read::keep;
use super::super::tree::Node;
use super::{Verb, phone};

pub(super) const VERBS: &[Verb] = &[
    Verb { word: "re-key", read: read_rekey },
    Verb { word: "change SSRC", read: |n, scenario, wrong| change(n, scenario, ChangedStream::Source, wrong) },
    Verb { word: "restart sequence", read: |n, scenario, wrong| change(n, scenario, ChangedStream::Sequence, wrong) },
    Verb { word: "change codec", read: read_codec_change },
    Verb { word: "change ptime", read: read_packet_time_change },
    Verb { word: "renumber", read: read_renumber },
];

fn read_renumber(node: &Node, _: &Scenario, wrong: &mut Vec<Diagnostic>) -> Option<Action> {
    let reasons = [("restarted", Renumbered::Restarted), ("another cluster", Renumbered::OtherCluster)];
    keep(one_of(node, &reasons), wrong).map(Action::Renumber)
}

fn change(node: &Node, scenario: &Scenario, what: ChangedStream, wrong: &mut Vec<Diagnostic>) -> Option<Action> {
    let phone = keep(phone(node, scenario), wrong)?;
    Some(Action::ChangeStreams(StreamChange { phone, what }))
}

fn read_rekey(node: &Node, scenario: &Scenario, wrong: &mut Vec<Diagnostic>) -> Option<Action> {
    let roll_overs = [("keep", RocAtReKey::Keep), ("reset", RocAtReKey::Reset)];
    let mut f = Fields::of(node, "a re-key", wrong);
    let phone = f.required("on", wrong).and_then(|n| keep(phone(n, scenario), wrong));
    let roll_over = f.maybe("ROC", wrong, |n| one_of(n, &roll_overs));
    f.finish(wrong);
    Some(Action::ChangeStreams(StreamChange { phone: phone?, what: ChangedStream::Key { roll_over } }))
}

fn read_codec_change(node: &Node, scenario: &Scenario, wrong: &mut Vec<Diagnostic>) -> Option<Action> {
    let codecs = [("G722", Codec::G722), ("PCMU", Codec::Pcmu), ("PCMA", Codec::Pcma)];
    let mut f = Fields::of(node, "a change of codec", wrong);
    let phone = f.required("on", wrong).and_then(|n| keep(phone(n, scenario), wrong));
    let to = f.required("to", wrong);
    let codec = to.and_then(|n| keep(one_of(n, &codecs), wrong));
    f.finish(wrong);
    if let (Some(phone), Some(codec), Some(to)) = (phone.and_then(|at| scenario.phones.get(at)), codec, to)
        && !phone.codecs.contains(&codec)
    {
        let name = codecs.iter().find(|(_, known)| *known == codec).map_or("", |(name, _)| name);
        let message = format!("`{}` does not speak {name}", phone.name);
        wrong.push(Diagnostic::new(to.place, message).help("name one of its `codecs`, or give it more"));
        return None;
    }
    Some(Action::ChangeStreams(StreamChange { phone: phone?, what: ChangedStream::Codec(codec?) }))
}

fn read_packet_time_change(node: &Node, scenario: &Scenario, wrong: &mut Vec<Diagnostic>) -> Option<Action> {
    let mut f = Fields::of(node, "a change of ptime", wrong);
    let phone = f.required("on", wrong).and_then(|n| keep(phone(n, scenario), wrong));
    let to = f.required("to", wrong).and_then(|n| keep(packet_time(n), wrong));
    f.finish(wrong);
    Some(Action::ChangeStreams(StreamChange { phone: phone?, what: ChangedStream::PacketTime(to?) }))
}

fn packet_time(node: &Node) -> Result<PacketTime, Diagnostic> {
    let time = duration(node)?;
    let is_it = |known: &PacketTime| time.as_micros() == u128::from(known.ms()) * 1000;
    PacketTime::ALL.into_iter().find(is_it).ok_or_else(|| {
        Diagnostic::new(node.place, format!("got {time:?}, expected `10ms`, `20ms`, `30ms`, `40ms` or `60ms`"))
    })
}
