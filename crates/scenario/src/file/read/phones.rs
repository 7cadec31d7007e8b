//! Phones, and whoever else talks.

use std::path::Path;

use cucm::config::RecordingMediaSource;

use super::{cluster_node, codec, keep, suite};
use crate::file::ast::{Codec, Phone, Release, Says};
use crate::file::diagnostic::Diagnostic;
use crate::file::fields::{Fields, flag, list, number, one_of, text};
use crate::file::forward::{clash, is_alone, read_forward};
use crate::file::shape::{Ask, note};
use crate::file::speech::speech;
use crate::file::tree::{Node, Value};

/// The most phones a scenario may have.
const MAX_PHONES: usize = 32;

pub(super) fn read_phones(
    node: &Node,
    (release, folder): (Release, Option<&Path>),
    wrong: &mut Vec<Diagnostic>,
) -> Vec<Phone> {
    note(node.place, || Ask::Names);
    let Value::Mapping(entries) = &node.value else {
        wrong.push(Diagnostic::new(node.place, "expected phones by name").help("such as `agent: { line: \"2000\" }`"));
        return Vec::new();
    };
    if entries.is_empty() {
        let none = Diagnostic::new(node.place, "got no phones, expected phones by name");
        wrong.push(none.help("such as `agent: { line: \"2000\" }`"));
    }
    if entries.len() > MAX_PHONES {
        let message = format!("got {} phones, expected at most {MAX_PHONES}", entries.len());
        wrong.push(Diagnostic::new(node.place, message));
    }
    let mut phones: Vec<Phone> = Vec::new();
    let names: Vec<&str> = entries.iter().map(|(key, _)| key.name.as_str()).collect();
    for (index, (key, node)) in entries.iter().take(MAX_PHONES).enumerate() {
        let phone = read_phone((index, &names), (release, folder), node, wrong);
        if let Some(other) = clash(&phones, &phone) {
            let message = format!("`{}` and `{}` have the same line {}", other.name, phone.name, phone.line);
            wrong.push(Diagnostic::new(key.place, message).help("`shared line: true` at both makes it a shared line"));
        }
        phones.push(phone);
    }
    for (phone, (key, _)) in phones.iter().zip(entries).filter(|(phone, _)| is_alone(&phones, phone)) {
        let message = format!("`{}` shares its line {} with no other phone", phone.name, phone.line);
        wrong.push(Diagnostic::new(key.place, message));
    }
    phones
}

pub(in crate::file) fn read_phone(
    (index, names): (usize, &[&str]),
    (release, folder): (Release, Option<&Path>),
    node: &Node,
    wrong: &mut Vec<Diagnostic>,
) -> Phone {
    let name = names[index];
    let mut f = Fields::of(node, "a phone", wrong);
    let words = [("encrypted", true), ("non-secure", false)];
    let security = |node: &Node| match text(node)?.as_str() {
        "authenticated" => {
            let message = "a phone cannot be authenticated: that is TLS with NULL-SHA, which no TLS library here has";
            Err(Diagnostic::new(node.place, message).help("one of: encrypted, non-secure"))
        }
        _ => one_of(node, &words),
    };
    let recording = [("automatic", (true, false)), ("selective", (false, true)), ("none", (false, false))];
    let (recorded, selective) = f.or("recording", (false, false), wrong, |n| one_of(n, &recording));
    let sources = [("phone", RecordingMediaSource::Phone), ("gateway", RecordingMediaSource::Gateway)];
    let line = f.required("line", wrong).and_then(|n| keep(directory_number(n), wrong)).unwrap_or_default();
    let phone = Phone {
        name: name.to_owned(),
        line,
        display: f.maybe("name", wrong, text).unwrap_or_else(|| capitalised(name)),
        encrypted: f.or("security", true, wrong, security),
        recorded,
        selective,
        node: f.or("node", 0, wrong, cluster_node),
        built_in_bridge: f.or("built-in bridge", true, wrong, |n| one_of(n, &[("on", true), ("off", false)])),
        source: f.or("recording media source", RecordingMediaSource::Phone, wrong, |n| one_of(n, &sources)),
        suites: f.or("suites", release.suites().to_vec(), wrong, |n| list(n, suite)),
        codecs: f.or("codecs", vec![Codec::Pcmu, Codec::Pcma], wrong, |n| list(n, codec)),
        says: f.or("says", Says::Speaker(index % 2), wrong, |n| says(n, folder, index)),
        first_sequence: f.maybe("first sequence", wrong, |n| number(n, 0, 65_535).map(|v| v as u16)),
        ssrc: f.maybe("SSRC", wrong, |n| number(n, 0, u64::from(u32::MAX)).map(|v| v as u32)),
        shared: f.or("shared line", false, wrong, flag),
        forward: f.optional("forward").map(|n| read_forward(n, index, names, wrong)).unwrap_or_default(),
        pickup_group: f.maybe("pickup group", wrong, text),
    };
    f.finish(wrong);
    phone
}

/// A WAV file; one in a known folder must be one that can be spoken. Or `signal` and which one.
fn says(node: &Node, folder: Option<&Path>, index: usize) -> Result<Says, Diagnostic> {
    let name = text(node)?;
    if let Some(signal) = name.strip_prefix("signal ") {
        let signal = signal.parse().map_err(|wrong| Diagnostic::new(node.place, format!("{wrong}")));
        return signal.map(|signal| Says::Signal(signal, index));
    }
    let Some(folder) = folder else { return Ok(Says::File(name.into())) };
    let path = folder.join(&name);
    match speech(&path) {
        Ok(_) => Ok(Says::File(path)),
        Err(why) => Err(Diagnostic::new(node.place, format!("`{name}` cannot be spoken: {why}"))),
    }
}

fn directory_number(node: &Node) -> Result<String, Diagnostic> {
    let line = text(node)?;
    let digits = line.strip_prefix('+').unwrap_or(&line);
    if (1..=24).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(line);
    }
    let message = format!("got `{line}`, expected a directory number of at most 24 digits");
    Err(Diagnostic::new(node.place, message).help("such as \"2000\""))
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
