//! The requests of the adapter `http`.

use std::time::Duration;

use super::super::http::{Authentication, FILE, Files, Holding, Http, Request, Where, url as parse_url};
use super::super::path::JsonPath;
use super::super::secret::Secret;
use super::super::template::{Template, Values};
use super::super::told::{CALL, HOLDS, Holds, LeftLeg};
use super::recordings::path;
use super::{FOLDER, START, template};
use crate::file::diagnostic::{Diagnostic, Place};
use crate::file::fields::{Fields, duration, kind, list, one_of, text};
use crate::file::read::keep;
use crate::file::shape::{Ask, note};
use crate::file::tree::{Key, Node, Value};

const METHODS: [(&str, bool); 2] = [("GET", false), ("POST", true)];
/// Which leg is on the left.
pub(super) const LEFT: [(&str, LeftLeg); 2] = [("near", LeftLeg::Near), ("far", LeftLeg::Far)];

/// Reads the requests, where the adapter is `http`.
pub(super) fn read(node: Option<&Node>, is_asked: bool, place: Place, wrong: &mut Vec<Diagnostic>) -> Option<Http> {
    let node = match (node, is_asked) {
        (Some(node), true) => node,
        (Some(node), false) => {
            wrong.push(Diagnostic::new(node.place, "`http` is for the adapter `http`").help("`adapter = \"http\"`"));
            node
        }
        (None, true) => {
            let help = "such as `http = { url = \"https://archive.example/calls?refci={refci}\", files = [ … ] }`";
            wrong.push(Diagnostic::new(place, "the adapter `http` needs `http`").help(help));
            return None;
        }
        (None, false) => return None,
    };
    let mut f = Fields::of(node, "the requests for recordings", wrong);
    let http = Http {
        within: f.or("within", Duration::from_secs(10), wrong, duration),
        ca: f.maybe("ca", wrong, |n| template(n, &FOLDER)),
        authentication: f.optional("authentication").map(|n| authentication(n, wrong)).unwrap_or_default(),
        find: Request {
            is_post: f.or("method", false, wrong, |n| one_of(n, &METHODS)),
            url: f.required("url", wrong).and_then(|n| keep(url(n, &CALL), wrong)).unwrap_or_default(),
            headers: f.optional("headers").map(|n| headers(n, wrong)).unwrap_or_default(),
            body: f.maybe("body", wrong, |n| filled(n, &CALL)),
        },
        next: f.maybe("next", wrong, path),
        recordings: f.or("recordings", JsonPath::root(), wrong, path),
        refci: f.maybe("refci", wrong, path),
        call_id: f.maybe("call_id", wrong, path),
        id: f.maybe("id", wrong, path),
        ready: f.optional("ready").and_then(|n| ready(n, wrong)),
        files: f
            .required("files", wrong)
            .and_then(|n| keep(list(n, |n| Ok(n.clone())), wrong))
            .unwrap_or_default()
            .iter()
            .filter_map(|n| files(n, wrong))
            .collect(),
    };
    f.finish(wrong);
    if http.find.body.is_some() && !http.find.is_post {
        wrong.push(Diagnostic::new(node.place, "a GET has no `body`").help("`method = \"POST\"`"));
    }
    Some(http)
}

/// Text that may name where a recorder listens, and what `more` has.
fn filled(node: &Node, more: &[&'static str]) -> Result<Template, Diagnostic> {
    template(node, &[&START[..], more].concat())
}

pub(super) fn url(node: &Node, more: &[&'static str]) -> Result<Template, Diagnostic> {
    let url = filled(node, more)?;
    let known = START.into_iter().chain(more.iter().copied());
    // An address that is filled in stands for itself here.
    let sample = known.map(|name| (name, if name == "port" { "1" } else { "192.0.2.1" }.to_owned()));
    parse_url(&url.fill(&sample.collect::<Values>()))
        .map(|_| url)
        .map_err(|why| Diagnostic::new(node.place, why).help("such as \"http://{address}:8080/calls?refci={refci}\""))
}

fn headers(node: &Node, wrong: &mut Vec<Diagnostic>) -> Vec<(String, Template)> {
    note(node.place, || Ask::Names);
    let Value::Mapping(entries) = &node.value else {
        let message = format!("got {}, expected headers", kind(node));
        wrong.push(Diagnostic::new(node.place, message).help("such as `{ Accept = \"application/json\" }`"));
        return Vec::new();
    };
    let header = |(key, node): &(Key, Node)| {
        let fine = !key.name.is_empty() && key.name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        if !fine {
            wrong.push(Diagnostic::new(key.place, format!("`{}` is no header", key.name)));
        }
        if ["authorization", "cookie"].contains(&key.name.to_ascii_lowercase().as_str()) {
            let message = format!("`{}` would keep a secret in this file", key.name);
            let help = "`authentication = { header = \"…\", value = { environment = \"…\" } }`";
            wrong.push(Diagnostic::new(key.place, message).help(help));
        }
        Some((key.name.clone(), keep(filled(node, &CALL), wrong)?))
    };
    entries.iter().filter_map(header).collect()
}

/// `{ environment = "NAME" }` or `{ file = "PATH" }`.
pub(super) fn secret(node: &Node, wrong: &mut Vec<Diagnostic>) -> Option<Secret> {
    let help = "`{ environment = \"NAME\" }` or `{ file = \"PATH\" }`";
    if !matches!(node.value, Value::Mapping(_)) {
        let message = "a secret does not stand in this file itself";
        wrong.push(Diagnostic::new(node.place, message).help(help));
        return None;
    }
    let mut f = Fields::of(node, "where a secret is", wrong);
    let environment = f.maybe("environment", wrong, text);
    let file = f.maybe("file", wrong, |n| template(n, &FOLDER));
    f.finish(wrong);
    match (environment, file) {
        (Some(name), None) => Some(Secret::Environment(name)),
        (None, Some(file)) => Some(Secret::File(file)),
        _ => {
            wrong.push(Diagnostic::new(node.place, "a secret is in the environment or in a file").help(help));
            None
        }
    }
}

fn authentication(node: &Node, wrong: &mut Vec<Diagnostic>) -> Authentication {
    let mut f = Fields::of(node, "the authentication", wrong);
    let user = f.maybe("user", wrong, text);
    let password = f.optional("password").and_then(|n| secret(n, wrong));
    let bearer = f.optional("bearer").and_then(|n| secret(n, wrong));
    let header = f.maybe("header", wrong, text);
    let value = f.optional("value").and_then(|n| secret(n, wrong));
    f.finish(wrong);
    match (user, password, bearer, header, value) {
        (Some(user), Some(password), None, None, None) => Authentication::Basic { user, password },
        (None, None, Some(token), None, None) => Authentication::Bearer(token),
        (None, None, None, Some(name), Some(value)) => Authentication::Header { name, value },
        _ => {
            let message = "expected `user` and `password`, or `bearer`, or `header` and `value`";
            wrong.push(Diagnostic::new(node.place, message).help("such as `{ bearer = { environment = \"TOKEN\" } }`"));
            Authentication::None
        }
    }
}

fn ready(node: &Node, wrong: &mut Vec<Diagnostic>) -> Option<(JsonPath, Vec<String>)> {
    let mut f = Fields::of(node, "what shows that a recording is complete", wrong);
    let at = f.required("path", wrong).and_then(|n| keep(path(n), wrong));
    let words = f.required("is", wrong).and_then(|n| keep(words(n), wrong));
    f.finish(wrong);
    at.zip(words)
}

/// One word or several.
fn words(node: &Node) -> Result<Vec<String>, Diagnostic> {
    note(node.place, || Ask::List);
    if matches!(node.value, Value::Sequence(_)) { list(node, text) } else { Ok(vec![text(node)?]) }
}

fn files(node: &Node, wrong: &mut Vec<Diagnostic>) -> Option<Files> {
    let mut f = Fields::of(node, "the files of a recording", wrong);
    let each = f.or("each", JsonPath::root(), wrong, path);
    let id = f.maybe("id", wrong, path);
    let fixed = f.maybe("url", wrong, |n| url(n, &[&CALL[..], &FILE].concat()));
    let link = f.maybe("link", wrong, path);
    let content = f.required("content", wrong).and_then(|n| holding(n, wrong));
    let left = f.or("left", LeftLeg::Near, wrong, |n| one_of(n, &LEFT));
    f.finish(wrong);
    let at = match (fixed, link) {
        (Some(url), None) => Where::Url(url),
        (None, Some(link)) => Where::Link(link),
        _ => {
            let help = "`link = \"$.href\"`, or `url = \"https://…/{id}/audio\"`";
            wrong.push(Diagnostic::new(node.place, "a file is at its `url` or at a `link`").help(help));
            return None;
        }
    };
    Some(Files { each, id, at, content: content?, left })
}

fn holding(node: &Node, wrong: &mut Vec<Diagnostic>) -> Option<Holding> {
    if !matches!(node.value, Value::Mapping(_)) {
        return keep(one_of(node, &HOLDS), wrong).map(Holding::Always);
    }
    let mut f = Fields::of(node, "what a file holds", wrong);
    let at = f.required("path", wrong).and_then(|n| keep(path(n), wrong));
    let mut all: Vec<(String, Holds)> = Vec::new();
    for (name, holds) in HOLDS {
        let told = f.maybe(name, wrong, words).unwrap_or_default();
        all.extend(told.into_iter().map(|word| (word, holds)));
    }
    f.finish(wrong);
    if all.is_empty() {
        let help = "such as `{ path = \"$.side\", near = \"agent\", far = \"caller\" }`";
        wrong.push(Diagnostic::new(node.place, "no word for `stereo`, `near` or `far`").help(help));
    }
    at.map(|path| Holding::Word { path, words: all })
}
