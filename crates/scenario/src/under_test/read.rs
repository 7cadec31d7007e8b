//! The tree of `mixedmode.toml` → profiles, telling every mistake.

mod http;
mod recordings;
mod s3;
#[cfg(feature = "sql")]
mod sql;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use super::profile::*;
use super::template::{Template, Values};
use super::{DEFAULT_FILE, health};
use crate::file::Hook;
use crate::file::diagnostic::{Diagnostic, Place};
use crate::file::fields::{Fields, duration, flag, kind, list, number, one_of, text};
use crate::file::read::keep;
use crate::file::shape::{Ask, note};
use crate::file::tree::{Node, Value};

/// The recording destination where a profile names none: as the bundled recorder's.
const USER: &str = "7878";
/// What can be filled in where a recorder is started.
pub(super) const START: [&str; 10] = [
    "address",
    "port",
    "user",
    "folder",
    "project",
    "cucm_address",
    "cucm_certificate",
    "recorder_certificate",
    "recorder_key",
    "recorder_identity",
];
/// Those of them that are there only with `make`.
const MADE: [&str; 3] = ["recorder_certificate", "recorder_key", "recorder_identity"];
/// What can be filled in where a folder is named.
pub(super) const FOLDER: [&str; 3] = ["folder", "project", "address"];
/// What can be filled in where a recording is named.
pub(super) const RECORDING: [&str; 10] =
    ["refci", "farend_refci", "call_id", "near", "far", "near_device", "far_device", "cluster", "date", "time"];
const SIGNALS: [(&str, Signal); 5] = [
    ("TERM", Signal::Term),
    ("INT", Signal::Int),
    ("HUP", Signal::Hup),
    ("QUIT", Signal::Quit),
    ("KILL", Signal::Kill),
];

/// Reads a whole file's tree; what is wrong goes to `wrong`, and the result is then of no use.
pub(crate) fn read(root: &Node, project: &Path, wrong: &mut Vec<Diagnostic>) -> Vec<Profile> {
    let mut f = Fields::of(root, "mixedmode.toml", wrong);
    let recorders = f.required("recorders", wrong);
    f.finish(wrong);
    let Some(node) = recorders else { return Vec::new() };
    note(node.place, || Ask::Names);
    let Value::Mapping(entries) = &node.value else {
        let message = format!("got {}, expected recorders by name", kind(node));
        wrong.push(Diagnostic::new(node.place, message).help("such as `[recorders.mine]`"));
        return Vec::new();
    };
    let mut profiles = Vec::new();
    for (key, node) in entries {
        let fine = key.name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if key.name == "bundled" || key.name.is_empty() || !fine {
            let message = format!("`{}` cannot be the name of a recorder", key.name);
            let help = "letters, digits, `-` and `_`; `bundled` is the one that comes with this program";
            wrong.push(Diagnostic::new(key.place, message).help(help));
        }
        profiles.push(read_profile(&key.name, node, project, wrong));
    }
    profiles
}

fn read_profile(name: &str, node: &Node, project: &Path, wrong: &mut Vec<Diagnostic>) -> Profile {
    let mut f = Fields::of(node, "a recorder", wrong);
    let address = f.maybe("address", wrong, ip);
    let cucm_address = f.maybe("cucm_address", wrong, ip);
    let listens = f.required("listens", wrong).map(|n| read_listens(n, wrong)).unwrap_or_default();
    let made = f.optional("certificates");
    let certificates = read_certificates(made, project, wrong);
    let start_node = f.optional("start");
    let start = start_node.map(|n| read_start(n, listens, &certificates, wrong));
    let stop = f.optional("stop").map(|n| read_stop(n, wrong));
    let hooks = f.optional("hooks").map(|n| read_hooks(n, wrong)).unwrap_or_default();
    let shared = start.is_none() || address.is_some() || cucm_address.is_some();
    let jobs = f.maybe("jobs", wrong, |n| number(n, 1, 250).map(|v| v as usize));
    let profile = Profile {
        name: name.to_owned(),
        file: DEFAULT_FILE.into(),
        project: project.to_owned(),
        address,
        cucm_address,
        listens,
        user: f.or("user", USER.to_owned(), wrong, user),
        in_clear: f.or("in_clear", false, wrong, flag),
        jobs: jobs.or_else(|| shared.then_some(1)),
        x509_subject: f.or("x509_subject", Vec::new(), wrong, |n| list(n, text)),
        certificates,
        hooks,
        stop: stop.unwrap_or(Stop { signal: Signal::Term, within: Duration::from_secs(5) }),
        recordings: f
            .required("recordings", wrong)
            .map_or_else(recordings::nowhere, |n| recordings::read(n, start.is_some(), wrong)),
        start,
    };
    f.finish(wrong);
    check(&profile, node.place, wrong);
    profile
}

/// What each key alone cannot tell.
fn check(profile: &Profile, place: Place, wrong: &mut Vec<Diagnostic>) {
    let mut tell = |message: &str, help: &str| {
        wrong.push(Diagnostic::new(place, format!("recorder `{}` {message}", profile.name)).help(help));
    };
    if profile.start.is_none() && profile.address.is_none() {
        tell("has neither `start` nor `address`", "say how it is started, or at which address it runs already");
    }
    if profile.in_clear
        && (profile.listens.tls.is_some() || profile.listens == Listens { tls: None, tcp: None, udp: None })
    {
        tell("takes TLS, and `in_clear` is for one that does not", "leave it out");
    }
    if profile.listens.tls.is_some() && matches!(profile.certificates.recorder, RecorderCertificate::None) {
        tell(
            "listens on TLS and no certificate of it is known",
            "`certificates.recorder` or `certificates.make = true`",
        );
    }
    if profile.start.is_none() && matches!(profile.certificates.recorder, RecorderCertificate::Made) {
        tell("runs already, so no certificate can be made for it", "name its own with `certificates.recorder`");
    }
    let command = match &profile.recordings.adapter {
        Adapter::Exec(exec) => &exec.command[..],
        _ => &[],
    };
    let mut of_adapter = command.iter();
    let made = matches!(profile.certificates.recorder, RecorderCertificate::Made);
    if !made && of_adapter.any(|word| MADE.iter().any(|name| word.has(name))) {
        tell("tells its adapter of a certificate that is there only when it is made", "`certificates.make = true`");
    }
    let real = profile.address.is_some_and(|address| !address.is_loopback());
    if real && profile.cucm_address.is_none() {
        tell("is on another machine, which cannot reach CUCM on loopback", "give this machine's `cucm_address`");
    }
}

fn ip(node: &Node) -> Result<IpAddr, Diagnostic> {
    let word = text(node)?;
    let wrong =
        |_| Diagnostic::new(node.place, format!("got `{word}`, expected an IP address")).help("such as \"192.0.2.10\"");
    word.parse().map_err(wrong)
}

fn user(node: &Node) -> Result<String, Diagnostic> {
    let word = text(node)?;
    let digits = word.strip_prefix('+').unwrap_or(&word);
    if (1..=24).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(word);
    }
    Err(Diagnostic::new(node.place, format!("got `{word}`, expected the number of a recording profile"))
        .help("such as \"7878\""))
}

fn read_listens(node: &Node, wrong: &mut Vec<Diagnostic>) -> Listens {
    let mut f = Fields::of(node, "what a recorder listens on", wrong);
    let port = |n: &Node| number(n, 1, 65_535).map(|v| v as u16);
    let listens = Listens {
        tls: f.maybe("tls", wrong, port),
        tcp: f.maybe("tcp", wrong, port),
        udp: f.maybe("udp", wrong, port),
    };
    if listens == Listens::default() && matches!(&node.value, Value::Mapping(entries) if entries.is_empty()) {
        wrong.push(Diagnostic::new(node.place, "listens on nothing").help("such as `{ tls = 5061 }`"));
    }
    f.finish(wrong);
    listens
}

fn template(node: &Node, known: &[&'static str]) -> Result<Template, Diagnostic> {
    let word = text(node)?;
    Template::parse(&word, known).map_err(|e| Diagnostic::new(node.place, e.message).help(e.help))
}

fn start_template(node: &Node) -> Result<Template, Diagnostic> {
    template(node, &START)
}

fn command(node: &Node) -> Result<Vec<Template>, Diagnostic> {
    note(node.place, || Ask::Items);
    match &node.value {
        Value::Sequence(items) if !items.is_empty() => items.iter().map(start_template).collect(),
        _ => Err(Diagnostic::new(node.place, format!("got {}, expected a program and its arguments", kind(node)))
            .help("a list, such as `[\"recorder\", \"--port\", \"{port}\"]`")),
    }
}

fn read_certificates(node: Option<&Node>, project: &Path, wrong: &mut Vec<Diagnostic>) -> Certificates {
    let Some(node) = node else { return Certificates::default() };
    let mut f = Fields::of(node, "the certificates", wrong);
    let file = f.maybe("recorder", wrong, |n| template(n, &FOLDER));
    let make = f.or("make", false, wrong, flag);
    let recorder = match (file, make) {
        (Some(_), true) => {
            let message = "`recorder` names a certificate and `make` asks for another";
            wrong.push(Diagnostic::new(node.place, message).help("leave one of them out"));
            RecorderCertificate::None
        }
        (Some(file), false) => RecorderCertificate::File(file),
        (None, true) => RecorderCertificate::Made,
        (None, false) => RecorderCertificate::None,
    };
    let certificates = Certificates {
        recorder,
        call_manager: f.or("call_manager", Vec::new(), wrong, |n| list(n, |n| template(n, &FOLDER))),
        cucm_identity: f.maybe("cucm_identity", wrong, |n| text(n).map(|file| project.join(file))),
    };
    f.finish(wrong);
    certificates
}

fn read_start(node: &Node, listens: Listens, certificates: &Certificates, wrong: &mut Vec<Diagnostic>) -> Start {
    let mut f = Fields::of(node, "the start of a recorder", wrong);
    let program = f.required("command", wrong).and_then(|n| keep(command(n), wrong)).unwrap_or_default();
    let (ready, ready_within) = read_ready(f.optional("ready"), listens, node.place, wrong);
    let start = Start {
        files: f
            .or("files", Vec::new(), wrong, |n| list(n, |n| Ok(n.clone())))
            .iter()
            .filter_map(|n| file(n, wrong))
            .collect(),
        prepare: f.optional("prepare").map(|n| prepare(n, wrong)).unwrap_or_default(),
        command: program,
        working_folder: f.or("working_folder", Template::parse("{project}", &FOLDER).unwrap_or_default(), wrong, |n| {
            template(n, &FOLDER)
        }),
        environment: f.optional("environment").map(|n| environment(n, wrong)).unwrap_or_default(),
        ready,
        ready_within,
    };
    f.finish(wrong);
    let texts = || {
        let all = start.prepare.iter().flatten().chain(&start.command);
        all.chain(start.files.iter().flat_map(|(path, text)| [path, text]))
            .chain(start.environment.iter().map(|(_, v)| v))
    };
    let key = texts().any(|t| MADE.iter().any(|name| t.has(name)));
    if key && !matches!(certificates.recorder, RecorderCertificate::Made) {
        let message =
            "`{recorder_certificate}`, `{recorder_key}` and `{recorder_identity}` are there only when they are made";
        wrong.push(Diagnostic::new(node.place, message).help("`certificates.make = true`"));
    }
    start
}

fn file(node: &Node, wrong: &mut Vec<Diagnostic>) -> Option<(Template, Template)> {
    let mut f = Fields::of(node, "a file", wrong);
    let path = f.required("path", wrong).and_then(|n| keep(start_template(n), wrong));
    let text = f.required("text", wrong).and_then(|n| keep(start_template(n), wrong));
    f.finish(wrong);
    path.zip(text)
}

fn prepare(node: &Node, wrong: &mut Vec<Diagnostic>) -> Vec<Vec<Template>> {
    note(node.place, || Ask::Items);
    let Value::Sequence(items) = &node.value else {
        let message = format!("got {}, expected a list of commands", kind(node));
        wrong.push(Diagnostic::new(node.place, message).help("such as `[[\"import\", \"{cucm_certificate}\"]]`"));
        return Vec::new();
    };
    items.iter().filter_map(|item| keep(command(item), wrong)).collect()
}

fn environment(node: &Node, wrong: &mut Vec<Diagnostic>) -> Vec<(String, Template)> {
    note(node.place, || Ask::Names);
    let Value::Mapping(entries) = &node.value else {
        let message = format!("got {}, expected variables", kind(node));
        wrong.push(Diagnostic::new(node.place, message).help("such as `{ HOME = \"{folder}\" }`"));
        return Vec::new();
    };
    let variable = |(key, node): &(crate::file::tree::Key, Node)| {
        if key.name.is_empty() || key.name.contains(['=', '\0']) {
            wrong.push(Diagnostic::new(key.place, format!("`{}` cannot be the name of a variable", key.name)));
        }
        Some((key.name.clone(), keep(start_template(node), wrong)?))
    };
    entries.iter().filter_map(variable).collect()
}

fn read_ready(node: Option<&Node>, listens: Listens, start: Place, wrong: &mut Vec<Diagnostic>) -> (Ready, Duration) {
    let mut within = Duration::from_secs(10);
    let (mut port, mut log, mut http) = (None, None, None);
    if let Some(node) = node {
        let mut f = Fields::of(node, "when a recorder is ready", wrong);
        port = f.maybe("port", wrong, |n| number(n, 1, 65_535).map(|v| v as u16));
        log = f.maybe("log", wrong, text);
        http = f.maybe("http", wrong, url);
        within = f.or("within", within, wrong, duration);
        f.finish(wrong);
        if [port.is_some(), log.is_some(), http.is_some()].into_iter().filter(|set| *set).count() > 1 {
            let message = "a recorder is ready by one of `port`, `log` and `http`, not by several";
            wrong.push(Diagnostic::new(node.place, message));
        }
    }
    if let Some(url) = http {
        return (Ready::Http(url), within);
    }
    let ready = match (log, port.or(listens.tls).or(listens.tcp)) {
        (Some(text), _) => Ready::Log(text),
        (None, Some(port)) => Ready::Port(port),
        (None, None) => {
            if listens.udp.is_some() {
                let message = "nothing shows when a recorder that listens on UDP alone is ready";
                wrong.push(Diagnostic::new(start, message).help("`ready = { log = \"the line it then writes\" }`"));
            }
            Ready::Port(0)
        }
    };
    (ready, within)
}

/// Where a recorder tells of its health.
fn url(node: &Node) -> Result<Template, Diagnostic> {
    let url = start_template(node)?;
    // An address that is filled in stands for itself here.
    let sample = Values::from(START.map(|name| (name, if name == "port" { "1" } else { "192.0.2.1" }.to_owned())));
    health::Url::parse(&url.fill(&sample))
        .map(|_| url)
        .map_err(|why| Diagnostic::new(node.place, why).help("such as \"http://{address}:8080/health\""))
}

/// The commands for what may befall a recorder.
fn read_hooks(node: &Node, wrong: &mut Vec<Diagnostic>) -> BTreeMap<Hook, Vec<Template>> {
    let mut f = Fields::of(node, "the hooks of a recorder", wrong);
    let all = [
        (Hook::Kill, f.optional("kill")),
        (Hook::Restart, f.optional("restart")),
        (Hook::FillDisk, f.optional("fill_disk")),
        (Hook::RotateCertificate, f.optional("rotate_certificate")),
        (Hook::StepClock, f.optional("step_clock")),
    ];
    f.finish(wrong);
    let named = all.into_iter().filter_map(|(hook, node)| Some((hook, keep(command(node?), wrong)?)));
    named.collect()
}

fn read_stop(node: &Node, wrong: &mut Vec<Diagnostic>) -> Stop {
    let mut f = Fields::of(node, "the stop of a recorder", wrong);
    let stop = Stop {
        signal: f.or("signal", Signal::Term, wrong, |n| one_of(n, &SIGNALS)),
        within: f.or("within", Duration::from_secs(5), wrong, duration),
    };
    f.finish(wrong);
    stop
}
