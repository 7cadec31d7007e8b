//! The tree of a file → a [`Scenario`], telling every mistake.

mod cluster;
mod expect;
mod phones;
mod recorder;

use std::path::Path;
use std::time::Duration;

use media::srtp::Suite;

use self::cluster::{read_cluster, read_trunk};
use self::expect::read_expect;
use self::phones::read_phones;
use super::ast::{Codec, Expect, Network, Scenario, Tls};
use super::diagnostic::{Diagnostic, Place};
use super::fields::{Fields, duration, list, number, one_of, share, text};
use super::outside::read_outside;
use super::shape::{Ask, note};
use super::signalling::read_signalling;
use super::steps::read_steps;
use super::tree::{Node, Value};
use super::trunks::{read_destinations, read_route_list};

pub(super) use self::phones::read_phone;
pub(super) use self::recorder::read_recorder;

/// The suites by their names in SDP.
const SUITES: [(&str, Suite); 4] = [
    ("AEAD_AES_256_GCM", Suite::AeadAes256Gcm),
    ("AEAD_AES_128_GCM", Suite::AeadAes128Gcm),
    ("AES_CM_128_HMAC_SHA1_80", Suite::AesCm128HmacSha1_80),
    ("AES_CM_128_HMAC_SHA1_32", Suite::AesCm128HmacSha1_32),
];

const TLS: [(&str, Tls); 2] = [("1.2", Tls::V1_2), ("1.3", Tls::V1_3)];

const CODECS: [(&str, Codec); 4] =
    [("G722", Codec::G722), ("PCMU", Codec::Pcmu), ("PCMA", Codec::Pcma), ("G729", Codec::G729)];

/// The longest tag, in characters.
const LONGEST_TAG: usize = 40;

/// The most nodes a cluster may have.
const MAX_NODES: u64 = 4;

/// Reads a whole file's tree; what is wrong goes to `wrong`, and the result is then of no use. The WAV files it names
/// are looked for in `folder`, if there is one.
pub(crate) fn read(root: &Node, folder: Option<&Path>, wrong: &mut Vec<Diagnostic>) -> Scenario {
    let mut fields = Fields::of(root, "a scenario", wrong);
    let title = fields.required("scenario", wrong).and_then(|n| keep(text(n), wrong)).unwrap_or_default();
    let tags = fields.optional("tags").map(|n| read_tags(n, wrong)).unwrap_or_default();
    let cluster = read_cluster(fields.optional("cluster"), wrong);
    let phones =
        fields.required("phones", wrong).map(|n| read_phones(n, (cluster.release, folder), wrong)).unwrap_or_default();
    let outside = fields
        .optional("outside")
        .map(|n| read_outside(n, (&phones, cluster.release, folder), wrong))
        .unwrap_or_default();
    let trunk = read_trunk(fields.optional("trunk"), cluster.mixed, wrong);
    let recorder = read_recorder(fields.optional("recorder"), cluster.mixed, wrong);
    let destinations = read_destinations(fields.optional("destinations"), cluster.mixed, wrong);
    let route_list = read_route_list(fields.optional("route list"), &destinations, wrong);
    let signalling = read_signalling(fields.optional("signalling"), wrong);
    let network = read_network(fields.optional("network"), wrong);
    let only_simulated = fields.maybe("only", wrong, |n| one_of(n, &[("simulated", ())])).is_some();
    let (steps, expect) = (Vec::new(), Expect::default());
    let mut scenario = Scenario {
        text: "".into(),
        title,
        tags,
        cluster,
        phones,
        outside,
        trunk,
        recorder,
        destinations,
        route_list,
        signalling,
        network,
        only_simulated,
        steps,
        expect,
    };
    scenario.steps = fields.required("steps", wrong).map(|n| read_steps(n, &scenario, wrong)).unwrap_or_default();
    scenario.expect = read_expect(fields.optional("expect"), &scenario.destinations, wrong);
    fields.finish(wrong);
    scenario
}

/// The value, or its mistake told.
pub(crate) fn keep<T>(result: Result<T, Diagnostic>, wrong: &mut Vec<Diagnostic>) -> Option<T> {
    result.map_err(|diagnostic| wrong.push(diagnostic)).ok()
}

fn empty() -> Node {
    Node { place: Place::START, value: Value::Mapping(Vec::new()) }
}

fn suite(node: &Node) -> Result<Suite, Diagnostic> {
    one_of(node, &SUITES)
}

fn codec(node: &Node) -> Result<Codec, Diagnostic> {
    one_of(node, &CODECS)
}

fn read_tags(node: &Node, wrong: &mut Vec<Diagnostic>) -> Vec<String> {
    note(node.place, || Ask::List);
    match &node.value {
        Value::Sequence(items) if !items.is_empty() => items.iter().filter_map(|n| keep(tag(n), wrong)).collect(),
        _ => keep(list(node, tag), wrong).unwrap_or_default(),
    }
}

/// A word by which scenarios are found.
fn tag(node: &Node) -> Result<String, Diagnostic> {
    let word = text(node)?;
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    if word.len() <= LONGEST_TAG && word.chars().all(is_plain) {
        return Ok(word);
    }
    let expected = format!("expected lower-case letters, digits, `-` and `.`, at most {LONGEST_TAG}");
    Err(Diagnostic::new(node.place, format!("got the tag `{word}`, {expected}")).help("such as `slow` or `pci-dss`"))
}

/// A node of the cluster, from 1 in the file.
pub(super) fn cluster_node(node: &Node) -> Result<usize, Diagnostic> {
    number(node, 1, MAX_NODES).map(|node| node as usize - 1)
}

/// Whole seconds, at least 90 (RFC 4028 §5).
fn session(node: &Node) -> Result<Duration, Diagnostic> {
    let time = duration(node)?;
    if time >= Duration::from_secs(90) && time.subsec_nanos() == 0 {
        return Ok(time);
    }
    Err(Diagnostic::new(node.place, format!("got {time:?}, expected whole seconds, at least 90s")))
}

fn read_network(node: Option<&Node>, wrong: &mut Vec<Diagnostic>) -> Network {
    let none = empty();
    let mut f = Fields::of(node.unwrap_or(&none), "the network", wrong);
    let network = Network {
        loss: f.or("loss", 0.0, wrong, share),
        burst: f.or("burst", 0.0, wrong, |n| number(n, 1, 1000).map(|v| v as f64)),
        reorder: f.or("reorder", 0.0, wrong, share),
        duplicate: f.or("duplicate", 0.0, wrong, share),
        delay: f.or("delay", Duration::ZERO, wrong, duration),
        jitter: f.or("jitter", Duration::ZERO, wrong, duration),
    };
    f.finish(wrong);
    network
}
