//! The tree of a file → a [`Scenario`], telling every mistake.

use std::path::Path;
use std::time::Duration;

use cucm::config::{RecordingMediaSource, SessionRefresh};
use media::srtp::Suite;
use trust::rule::Refusal;

use super::ast::*;
use super::diagnostic::{Diagnostic, Place};
use super::dialect::read_dialect;
use super::fields::{Fields, duration, flag, list, number, one_of, share, text, unknown};
use super::forward::{clash, is_alone, read_forward};
use super::outside::read_outside;
use super::signalling::read_signalling;
use super::speech::speech;
use super::steps::read_steps;
use super::tree::{Key as Named, Node, Value};
use super::trunks::{Destination, UNDER_TEST, count, read_destinations, read_route_list};

/// The suites by their names in SDP.
const SUITES: [(&str, Suite); 4] = [
    ("AEAD_AES_256_GCM", Suite::AeadAes256Gcm),
    ("AEAD_AES_128_GCM", Suite::AeadAes128Gcm),
    ("AES_CM_128_HMAC_SHA1_80", Suite::AesCm128HmacSha1_80),
    ("AES_CM_128_HMAC_SHA1_32", Suite::AesCm128HmacSha1_32),
];
const TLS: [(&str, Tls); 2] = [("1.2", Tls::V1_2), ("1.3", Tls::V1_3)];
const CODECS: [(&str, Codec); 3] = [("PCMU", Codec::Pcmu), ("PCMA", Codec::Pcma), ("G729", Codec::G729)];
const PARTIES: [(&str, Party); 2] = [("cucm", Party::Cucm), ("recorder", Party::Recorder)];
/// The bundled recorder's faults by their names in `recorder.toml`.
const FAULTS: &[(&str, Fault)] = &[
    ("none", Fault::None),
    ("swap-channels", Fault::SwapChannels),
    ("drop-start", Fault::DropStart),
    ("ignore-authentication", Fault::IgnoreAuthentication),
    ("accept-replays", Fault::AcceptReplays),
    ("close-gaps", Fault::CloseGaps),
    ("double-near", Fault::DoubleNear),
    ("early-noise", Fault::EarlyNoise),
    ("truncate-end", Fault::TruncateEnd),
    ("quieter", Fault::Quieter),
    ("never-answer", Fault::NeverAnswer),
    ("close-at-once", Fault::CloseAtOnce),
    ("answer-garbage", Fault::AnswerGarbage),
    ("answer-half", Fault::AnswerHalf),
    ("close-in-call", Fault::CloseInCall),
    ("hang-up-in-call", Fault::HangUpInCall),
    ("ignore-options", Fault::IgnoreOptions),
    ("refuse-options", Fault::RefuseOptions),
    ("store-nothing", Fault::StoreNothing),
    ("take-repeat-for-call", Fault::TakeRepeatForCall),
    ("take-retry-for-call", Fault::TakeRetryForCall),
    ("forget-with-connection", Fault::ForgetWithConnection),
    ("ignore-update", Fault::IgnoreUpdate),
    ("busy-when-full", Fault::BusyWhenFull),
    ("answer-once", Fault::AnswerOnce),
    ("await-ack-for-ever", Fault::AwaitAckForEver),
    ("reset-keys", Fault::ResetKeys),
    ("ignore-requests", Fault::IgnoreRequests),
    ("ignore-bye", Fault::IgnoreBye),
    ("segment-is-message", Fault::SegmentIsMessage),
    ("small-buffer", Fault::SmallBuffer),
    ("same-connection-only", Fault::SameConnectionOnly),
    ("drop-halves", Fault::DropHalves),
    ("end-together", Fault::EndTogether),
    ("keep-cancelled", Fault::KeepCancelled),
    ("call-by-device", Fault::CallByDevice),
    ("unavailable", Fault::Unavailable),
    ("busy", Fault::Busy),
    ("ignore-focus", Fault::IgnoreFocus),
    ("forget-calls", Fault::ForgetCalls),
    ("keep-first-key", Fault::KeepFirstKey),
    ("forget-roll-over", Fault::ForgetRollOver),
    ("keep-roll-over", Fault::KeepRollOver),
    ("lose-after-rekey", Fault::LoseAfterRekey),
    ("lose-before-codec", Fault::LoseBeforeCodec),
    ("take-restart-for-replay", Fault::TakeRestartForReplay),
    ("first-source-only", Fault::FirstSourceOnly),
    ("mix-equal-sources", Fault::MixEqualSources),
    ("trust-told-port", Fault::TrustToldPort),
    ("first-codec-only", Fault::FirstCodecOnly),
    ("trust-timestamps", Fault::TrustTimestamps),
    ("chain-by-refci", Fault::ChainByRefci),
    ("merge-reused", Fault::MergeReused),
    ("merge-by-party", Fault::MergeByParty),
    ("trust-date", Fault::TrustDate),
    ("strict-crypto", Fault::StrictCrypto),
    ("drop-parameters", Fault::DropParameters),
    ("unknown-is-far", Fault::UnknownIsFar),
    ("mind-case", Fault::MindCase),
    ("no-alarms", Fault::NoAlarms),
    ("overwrite-segment", Fault::OverwriteSegment),
];
/// CUCM's alarms by their names in its catalogue.
const ALARMS: [(&str, &str); 6] = [
    ("RecordingCallSetupFail", "RecordingCallSetupFail"),
    ("RecordingResourcesNotAvailable", "RecordingResourcesNotAvailable"),
    ("RecordingSessionTerminatedUnexpectedly", "RecordingSessionTerminatedUnexpectedly"),
    ("SIPTrunkOOS", "SIPTrunkOOS"),
    ("SIPTrunkPartiallyISV", "SIPTrunkPartiallyISV"),
    ("SIPTrunkISV", "SIPTrunkISV"),
];
/// The rule of two parties that have no version of TLS in common: no certificate was judged yet.
const TLS_VERSION: &str = "tls-version";
/// The fault that takes a number: `{ lose-every: 50 }`.
const LOSE_EVERY: &str = "lose-every";
/// Rules by which CUCM gives a recording up.
const GIVEN_UP: [(&str, &str); 8] = [
    ("security-capability-mismatch", "security-capability-mismatch"),
    ("status", "status"),
    ("timeout", "timeout"),
    ("connect", "connect"),
    ("closed", "closed"),
    ("alert", "alert"),
    ("given-up", "given-up"),
    ("out-of-service", "out-of-service"),
];
/// The most phones a scenario may have.
const MAX_PHONES: usize = 32;
/// The most nodes a cluster may have.
const MAX_NODES: u64 = 4;

/// Reads a whole file's tree; what is wrong goes to `wrong`, and the result is then of no use. The WAV files it names
/// are looked for in `folder`, if there is one.
pub(super) fn read(root: &Node, folder: Option<&Path>, wrong: &mut Vec<Diagnostic>) -> Scenario {
    let mut fields = Fields::of(root, "a scenario", wrong);
    let title = fields.required("scenario", wrong).and_then(|n| keep(text(n), wrong)).unwrap_or_default();
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
        title,
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

fn read_cluster(node: Option<&Node>, wrong: &mut Vec<Diagnostic>) -> Cluster {
    let none = empty();
    let mut f = Fields::of(node.unwrap_or(&none), "the cluster", wrong);
    let releases = Release::ALL.map(|release| (release.name(), release));
    let release = f.or("release", Release::V14, wrong, |n| one_of(n, &releases));
    let modes = [("mixed", true), ("non-secure", false)];
    let keys = [("RSA-2048", Key::Rsa2048), ("EC-P256", Key::EcP256)];
    let cluster = Cluster {
        release,
        mixed: f.or("mode", true, wrong, |n| one_of(n, &modes)),
        key: f.or("CallManager key", Key::Rsa2048, wrong, |n| one_of(n, &keys)),
        known_to_recorder: f.or("certificate known to recorder", true, wrong, flag),
        unknown_nodes: f.or("unknown nodes", Vec::new(), wrong, |n| list(n, cluster_node)),
        presents_certificate: f.or("presents certificate", true, wrong, flag),
        clock_ahead: f.or("clock ahead", Duration::ZERO, wrong, duration),
        clock_behind: f.or("clock behind", Duration::ZERO, wrong, duration),
        tone_to_observed: f.or("recording tone to observed target", false, wrong, flag),
        tone_to_connected: f.or("recording tone to connected target", false, wrong, flag),
        dialect: match f.optional("dialect") {
            Some(node) => read_dialect(node, release.dialect(), wrong),
            None => release.dialect(),
        },
    };
    f.finish(wrong);
    cluster
}

/// A node of the cluster, from 1 in the file.
fn cluster_node(node: &Node) -> Result<usize, Diagnostic> {
    number(node, 1, MAX_NODES).map(|node| node as usize - 1)
}

fn read_phones(node: &Node, (release, folder): (Release, Option<&Path>), wrong: &mut Vec<Diagnostic>) -> Vec<Phone> {
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

pub(super) fn read_phone(
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
        source: f.or("recording media source", RecordingMediaSource::Phone, wrong, |n| one_of(n, &sources)),
        suites: f.or("suites", release.suites().to_vec(), wrong, |n| list(n, suite)),
        codecs: f.or("codecs", vec![Codec::Pcmu, Codec::Pcma], wrong, |n| list(n, codec)),
        says: f.or("says", Says::Speaker(index % 2), wrong, |n| says(n, folder)),
        first_sequence: f.maybe("first sequence", wrong, |n| number(n, 0, 65_535).map(|v| v as u16)),
        ssrc: f.maybe("SSRC", wrong, |n| number(n, 0, u64::from(u32::MAX)).map(|v| v as u32)),
        shared: f.or("shared line", false, wrong, flag),
        forward: f.optional("forward").map(|n| read_forward(n, index, names, wrong)).unwrap_or_default(),
        pickup_group: f.maybe("pickup group", wrong, text),
    };
    f.finish(wrong);
    phone
}

/// A WAV file; one in a known folder must be one that can be spoken.
fn says(node: &Node, folder: Option<&Path>) -> Result<Says, Diagnostic> {
    let name = text(node)?;
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

fn read_trunk(node: Option<&Node>, mixed: bool, wrong: &mut Vec<Diagnostic>) -> Trunk {
    let none = empty();
    let mut f = Fields::of(node.unwrap_or(&none), "the trunk", wrong);
    let transports = [("TLS", Transport::Tls), ("TCP", Transport::Tcp), ("UDP", Transport::Udp)];
    let default = if mixed { Transport::Tls } else { Transport::Tcp };
    let transport = f.or("transport", default, wrong, |n| one_of(n, &transports));
    let trunk = Trunk {
        transport,
        srtp_allowed: f.or("SRTP allowed", transport == Transport::Tls, wrong, flag),
        transmit_security_status: f.or("transmit security status", transport == Transport::Tls, wrong, flag),
        x509_subject: f.or("X.509 subject name", Vec::new(), wrong, |n| list(n, text)),
        tls: f.maybe("tls", wrong, |n| one_of(n, &TLS)),
        options_ping: f.optional("OPTIONS ping").and_then(|n| read_options_ping(n, wrong)),
        session: read_session_timer(&mut f, wrong),
        early_offer: f.or("early offer", false, wrong, flag),
        ack_after: f.or("ACK after", Duration::ZERO, wrong, duration),
    };
    f.finish(wrong);
    trunk
}

/// CUCM's own values where nothing is told.
fn read_session_timer(f: &mut Fields<'_>, wrong: &mut Vec<Diagnostic>) -> SessionTimer {
    let methods = [("INVITE", SessionRefresh::Invite), ("UPDATE", SessionRefresh::Update)];
    let usual = Duration::from_secs(1800);
    SessionTimer {
        refresh: f.or("session refresh", SessionRefresh::Invite, wrong, |n| one_of(n, &methods)),
        expires: f.or("session expires", usual, wrong, session),
        least: f.or("Min-SE", usual, wrong, session),
    }
}

/// Whole seconds, at least 90 (RFC 4028 §5).
fn session(node: &Node) -> Result<Duration, Diagnostic> {
    let time = duration(node)?;
    if time >= Duration::from_secs(90) && time.subsec_nanos() == 0 {
        return Ok(time);
    }
    Err(Diagnostic::new(node.place, format!("got {time:?}, expected whole seconds, at least 90s")))
}

/// `true` with CUCM's own intervals, or the intervals.
fn read_options_ping(node: &Node, wrong: &mut Vec<Diagnostic>) -> Option<OptionsPing> {
    let usual = OptionsPing { in_service: Duration::from_secs(60), out_of_service: Duration::from_secs(120) };
    let Value::Mapping(_) = &node.value else {
        return keep(flag(node), wrong).and_then(|on| on.then_some(usual));
    };
    let mut f = Fields::of(node, "the OPTIONS ping", wrong);
    let ping = OptionsPing {
        in_service: f.or("in service", usual.in_service, wrong, ping_interval),
        out_of_service: f.or("out of service", usual.out_of_service, wrong, ping_interval),
    };
    f.finish(wrong);
    Some(ping)
}

/// What CUCM's page takes: 5 to 600 seconds.
fn ping_interval(node: &Node) -> Result<Duration, Diagnostic> {
    let interval = duration(node)?;
    if (Duration::from_secs(5)..=Duration::from_secs(600)).contains(&interval) {
        return Ok(interval);
    }
    Err(Diagnostic::new(node.place, format!("got {interval:?}, expected an interval from 5s to 600s")))
}

pub(super) fn read_recorder(node: Option<&Node>, mixed: bool, wrong: &mut Vec<Diagnostic>) -> Recorder {
    let none = empty();
    let mut f = Fields::of(node.unwrap_or(&none), "the recorder", wrong);
    let policies = [("required", SrtpPolicy::Required), ("allowed", SrtpPolicy::Allowed), ("off", SrtpPolicy::Off)];
    let default = if mixed { SrtpPolicy::Allowed } else { SrtpPolicy::Off };
    let recorder = Recorder {
        suites: f.or("suites", Vec::new(), wrong, |n| list(n, suite)),
        codecs: f.or("codecs", Vec::new(), wrong, |n| list(n, codec)),
        answers_after: f.or("answers after", Duration::ZERO, wrong, duration),
        far_first: f.or("answers far first", false, wrong, flag),
        tls: f.maybe("tls", wrong, |n| one_of(n, &TLS)),
        srtp: f.or("SRTP", default, wrong, |n| one_of(n, &policies)),
        refreshes: f.or("refreshes", false, wrong, flag),
        least_session: f.or("shortest session", Duration::from_secs(90), wrong, session),
        most_sessions: f.or("most recordings", 1000, wrong, count),
        certificate: f.optional("certificate").map(|n| read_certificate(n, wrong)).unwrap_or_default(),
        fault: f.or("fault", Fault::None, wrong, fault),
    };
    f.finish(wrong);
    recorder
}

/// A fault by its name, or `lose-every` with its number.
fn fault(node: &Node) -> Result<Fault, Diagnostic> {
    let Value::Mapping(entries) = &node.value else {
        let needs = || Diagnostic::new(node.place, format!("`{LOSE_EVERY}` needs a number"));
        return match text(node)?.as_str() {
            LOSE_EVERY => Err(needs().help("such as `{ lose-every: 50 }`")),
            _ => one_of(node, FAULTS),
        };
    };
    match entries.as_slice() {
        [(key, every)] if key.name == LOSE_EVERY => number(every, 2, 1_000_000).map(|n| Fault::LoseEvery(n as u32)),
        [(key, _)] => Err(unknown(&format!("no fault with a number is called `{}`", key.name), key, &[LOSE_EVERY])),
        _ => {
            Err(Diagnostic::new(node.place, "got several keys, expected one fault")
                .help("such as `{ lose-every: 50 }`"))
        }
    }
}

fn read_certificate(node: &Node, wrong: &mut Vec<Diagnostic>) -> RecorderCertificate {
    let mut f = Fields::of(node, "the recorder's certificate", wrong);
    let certificate = RecorderCertificate {
        name: f.maybe("name", wrong, text),
        untrusted: !f.or("in CallManager-trust", true, wrong, flag),
        expired: f.or("expired", false, wrong, flag),
    };
    f.finish(wrong);
    certificate
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

fn read_expect(node: Option<&Node>, destinations: &[Destination], wrong: &mut Vec<Diagnostic>) -> Expect {
    let Some(node) = node else { return Expect::default() };
    let mut f = Fields::of(node, "what is expected", wrong);
    let media = [("SRTP", false), ("RTP", true)];
    let expect = Expect {
        line: node.place.line,
        recordings: f.maybe("recordings", wrong, |n| number(n, 0, 1000).map(|v| v as usize)),
        clear: f.or("media", false, wrong, |n| one_of(n, &media)),
        clear_call: f.maybe("main call", wrong, |n| one_of(n, &media)),
        user_agent: f.maybe("user agent", wrong, text),
        suite: f.maybe("suite", wrong, suite),
        refused: f.optional("refused").map(|n| read_refused(n, wrong)),
        bye_cause: f.maybe("BYE cause", wrong, |n| number(n, 1, 127).map(|v| v as u16)),
        sequence_wraps: f.or("sequence wraps", false, wrong, flag),
        session_refreshed: f.or("session refreshed", false, wrong, flag),
        media_before_ack: f.or("media before ACK", false, wrong, flag),
        alarms: f.or("alarms", Vec::new(), wrong, |n| list(n, |alarm| one_of(alarm, &ALARMS).map(str::to_owned))),
        far_answered_first: f.or("far answered first", false, wrong, flag),
        ended_by_recorder: f.or("ended by recorder", false, wrong, flag),
        given_up: f.maybe("given up", wrong, |n| one_of(n, &GIVEN_UP)).map(str::to_owned),
        recordings_at: f.optional("recordings at").map(|n| read_places(n, destinations, wrong)).unwrap_or_default(),
        out_of_service: f.or("destinations out", Vec::new(), wrong, |n| list(n, |d| place(d, destinations))),
        back_in_service: f.or("destinations back", Vec::new(), wrong, |n| list(n, |d| place(d, destinations))),
        refreshed_by_recorder: f.or("refreshed by recorder", false, wrong, flag),
        legs_apart: f.or("legs apart", false, wrong, flag),
        one_leg: f.maybe("one-leg recordings", wrong, |n| number(n, 0, 1000).map(|v| v as usize)),
        duplicates: f.maybe("duplicates", wrong, |n| number(n, 0, 1000).map(|v| v as usize)),
    };
    f.finish(wrong);
    expect
}

/// The recorder under test or a destination, by its name.
fn place(node: &Node, destinations: &[Destination]) -> Result<usize, Diagnostic> {
    let name = text(node)?;
    place_of(&Named { name, place: node.place }, destinations)
}

fn place_of(key: &Named, destinations: &[Destination]) -> Result<usize, Diagnostic> {
    let names: Vec<&str> = [UNDER_TEST].into_iter().chain(destinations.iter().map(|d| d.name.as_str())).collect();
    let found = names.iter().position(|known| *known == key.name);
    found.ok_or_else(|| unknown(&format!("no destination is called `{}`", key.name), key, &names))
}

/// How many recordings each of some recorders must have.
fn read_places(node: &Node, destinations: &[Destination], wrong: &mut Vec<Diagnostic>) -> Vec<(usize, usize)> {
    let Value::Mapping(entries) = &node.value else {
        wrong.push(
            Diagnostic::new(node.place, "expected recorders by name").help("such as `{ recorder: 0, backup: 1 }`"),
        );
        return Vec::new();
    };
    let mut places = Vec::new();
    for (key, count) in entries {
        let place = keep(place_of(key, destinations), wrong);
        let count = keep(number(count, 0, 1000), wrong);
        places.extend(place.zip(count.map(|count| count as usize)));
    }
    places
}

fn read_refused(node: &Node, wrong: &mut Vec<Diagnostic>) -> Refused {
    let mut f = Fields::of(node, "a refusal", wrong);
    let by = f.required("by", wrong).and_then(|n| keep(one_of(n, &PARTIES), wrong)).unwrap_or(Party::Cucm);
    let rules: Vec<(&str, &str)> = Refusal::RULES.iter().chain(&[TLS_VERSION]).map(|rule| (*rule, *rule)).collect();
    let rule = f.required("rule", wrong).and_then(|n| keep(one_of(n, &rules), wrong)).unwrap_or_default().to_owned();
    f.finish(wrong);
    Refused { by, rule }
}

#[cfg(test)]
mod tests {
    use super::super::tree::parse;
    use super::*;

    #[test]
    fn faults_have_the_names_that_the_recorders_own_configuration_has() {
        for (name, fault) in FAULTS.iter().copied() {
            assert_eq!(serde_json::to_value(fault).unwrap(), serde_json::Value::String(name.to_owned()));
        }
        let named = parse("{ lose-every: 50 }").unwrap();
        assert_eq!(fault(&named).unwrap(), Fault::LoseEvery(50));
        assert_eq!(serde_json::to_string(&Fault::LoseEvery(50)).unwrap(), format!("{{\"{LOSE_EVERY}\":50}}"));
    }

    #[test]
    fn a_fault_that_does_not_exist_is_answered_with_the_nearest() {
        let help = |text: &str| fault(&parse(text).unwrap()).unwrap_err().help;
        assert_eq!(help("swop-channels").unwrap(), "did you mean `swap-channels`?");
        assert_eq!(help("{ loose-every: 50 }").unwrap(), "did you mean `lose-every`?");
        assert!(fault(&parse("{ lose-every: 0 }").unwrap()).is_err());
        assert!(fault(&parse("{ lose-every: 5, quieter: 3 }").unwrap()).is_err());
    }
}
