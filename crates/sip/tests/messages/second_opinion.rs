//! The crate `rsip` as a second reader: where it can read a message or a header, both must see the same.
//!
//! It cannot read folded headers, IPv6 addresses, bodies' ends or values that are not UTF-8, and does not know compact
//! names; such messages show as an error there, or are listed below.

use rsip::headers::{ToTypedHeader, UntypedHeader};
use rsip::prelude::HeadersExt;
use rsip::{Header, SipMessage};
use sip::{Message, NameAddr, Params, Uri};

use crate::corpus::{torture, traces};

/// What both readers are asked, by name, in words that do not depend on either.
type Seen = Vec<(&'static str, String)>;

fn params(params: &Params) -> String {
    // rsip keeps quotes and writes known parameters in its own case.
    params.iter().map(|(name, value)| format!(";{name}={}", value.unwrap_or("-"))).collect::<String>().to_lowercase()
}

fn their_params(params: &[rsip::Param]) -> String {
    let text: String = params.iter().map(ToString::to_string).collect();
    let one = |piece: &str| match piece.split_once('=') {
        Some((name, value)) => format!(";{name}={}", value.trim_matches('"')),
        None => format!(";{piece}=-"),
    };
    text.split(';').filter(|piece| !piece.is_empty()).map(one).collect::<String>().to_lowercase()
}

fn uri(uri: &Uri) -> String {
    let port = uri.port.map(|port| port.to_string()).unwrap_or_default();
    let scheme = uri.scheme.to_lowercase();
    format!("{scheme} {} {} {port} {}", uri.user.as_deref().unwrap_or("-"), uri.host, params(&uri.params))
}

fn their_uri(uri: &rsip::Uri) -> String {
    let scheme = uri.scheme.as_ref().map(ToString::to_string).unwrap_or_default().to_lowercase();
    let user = uri.auth.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    let port = uri.host_with_port.port.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("{scheme} {user} {} {port} {}", uri.host_with_port.host, their_params(&uri.params))
}

fn address(address: &NameAddr) -> String {
    let display = address.display.as_deref().unwrap_or_default();
    format!("{display} {} {}", uri(&address.uri), params(&address.params))
}

fn their_address(display: Option<&String>, uri: &rsip::Uri, params: &[rsip::Param]) -> String {
    let display = display.map(|name| name.trim_matches('"')).unwrap_or_default();
    format!("{display} {} {}", their_uri(uri), their_params(params))
}

fn ours(message: &Message) -> Seen {
    let mut seen = vec![
        ("method", message.method().unwrap_or_default().to_owned()),
        ("status", message.status().map(|status| status.to_string()).unwrap_or_default()),
        ("body", String::from_utf8_lossy(message.body()).into_owned()),
        ("names", message.headers().map(|field| field.name().to_lowercase() + " ").collect()),
        ("values", message.headers().map(|field| field.value().into_owned() + "\n").collect()),
    ];
    seen.extend(message.request_uri().and_then(|text| text.parse().ok()).map(|target| ("target", uri(&target))));
    seen.extend(message.from_().ok().map(|from| ("From", address(&from))));
    seen.extend(message.to().ok().map(|to| ("To", address(&to))));
    seen.extend(message.contact().ok().flatten().map(|contact| ("Contact", address(&contact))));
    seen.extend(message.cseq().ok().map(|cseq| ("CSeq", cseq.to_string())));
    seen.extend(message.call_id().ok().map(|id| ("Call-ID", id)));
    seen.extend(message.max_forwards().ok().flatten().map(|hops| ("Max-Forwards", hops.to_string())));
    seen.extend(
        message
            .via()
            .ok()
            .map(|via| ("Via", format!("{} {} {}", via.transport.to_lowercase(), via.sent_by(), params(&via.params)))),
    );
    seen
}

fn theirs(message: &SipMessage) -> Seen {
    let headers = rsip::prelude::HasHeaders::headers(message);
    let split = |header: &Header| {
        let text = header.to_string();
        let (name, value) = text.split_once(':').unwrap_or((&text, ""));
        (name.trim().to_lowercase(), value.trim().to_owned())
    };
    let mut seen = vec![
        ("body", String::from_utf8_lossy(message.body()).into_owned()),
        ("names", headers.iter().map(|header| split(header).0 + " ").collect()),
        ("values", headers.iter().map(|header| split(header).1 + "\n").collect()),
    ];
    match message {
        SipMessage::Request(request) => {
            seen.push(("method", request.method().to_string()));
            seen.push(("target", their_uri(request.uri())));
        }
        SipMessage::Response(response) => seen.push(("status", response.status_code().code().to_string())),
    }
    let from = message.from_header().ok().and_then(|header| header.typed().ok());
    seen.extend(from.map(|it| ("From", their_address(it.display_name.as_ref(), &it.uri, &it.params))));
    let to = message.to_header().ok().and_then(|header| header.typed().ok());
    seen.extend(to.map(|it| ("To", their_address(it.display_name.as_ref(), &it.uri, &it.params))));
    let contact = message.contact_header().ok().and_then(|header| header.typed().ok());
    seen.extend(contact.map(|it| ("Contact", their_address(it.display_name.as_ref(), &it.uri, &it.params))));
    let cseq = message.cseq_header().ok().and_then(|header| header.typed().ok());
    seen.extend(cseq.map(|it| ("CSeq", format!("{} {}", it.seq, it.method))));
    seen.extend(message.call_id_header().ok().map(|header| ("Call-ID", header.value().to_owned())));
    let hops = message.max_forwards_header().ok().and_then(|header| header.num().ok());
    seen.extend(hops.map(|hops| ("Max-Forwards", hops.to_string())));
    let via = message.via_header().ok().and_then(|header| header.typed().ok());
    seen.extend(via.map(|via| {
        let transport = via.transport.to_string().to_lowercase();
        ("Via", format!("{transport} {} {}", via.uri.host_with_port, their_params(&via.params)))
    }));
    seen
}

/// Where the two differ, and why `rsip` is wrong or asks for less.
const DIFFERENCES: [(&str, &[(&str, &str)]); 6] = [
    (
        "rsip takes a user with a dot in it for a part of the host",
        &[
            ("badaspec", "From"),
            ("badinv01", "To"),
            ("dblreq", "From"),
            ("dblreq", "To"),
            ("dblreq", "Contact"),
            ("invut", "To"),
            ("mismatch01", "To"),
            ("regaut01", "From"),
            ("regaut01", "To"),
        ],
    ),
    (
        "rsip does not look at Content-Length: what follows the body counts as body (RFC 3261 section 18.3)",
        &[("39-update-midcall-connected-party-cucm10.5", "body"), ("dblreq", "body")],
    ),
    (
        "rsip takes the first of several where one is allowed (RFC 4475 section 3.3.8)",
        &[
            ("multi01", "From"),
            ("multi01", "To"),
            ("multi01", "CSeq"),
            ("multi01", "Call-ID"),
            ("multi01", "Max-Forwards"),
        ],
    ),
    ("rsip does not compare CSeq with the request line (RFC 4475 section 3.1.2.17)", &[("mismatch01", "CSeq")]),
    ("rsip reads an unclosed quote (RFC 4475 section 3.1.2.6)", &[("quotbal", "To")]),
    (
        "rsip reads any scheme as if it were sip; here what follows an unknown scheme stays whole",
        &[("novelsc", "target"), ("unksm2", "From")],
    ),
];

/// Messages that are proper and that `rsip` cannot read: folds, escapes, characters and schemes it does not know, a
/// version that is not 2.0, a number beyond its integers.
const ONLY_OURS: [&str; 11] = [
    "badvers",
    "esc01",
    "esc02",
    "escruri",
    "intmeth",
    "longreq",
    "mismatch02",
    "scalar02",
    "semiuri",
    "unkscm",
    "wsinv",
];

#[test]
fn both_readers_see_the_same() {
    let mut compared = 0;
    let mut only_ours = Vec::new();
    let mut found = Vec::new();
    for (name, bytes) in traces().into_iter().chain(torture()) {
        let (ours, theirs) = match (Message::parse(&bytes), SipMessage::try_from(bytes.as_slice())) {
            (Ok(message), Ok(other)) => (ours(&message), theirs(&other)),
            (Ok(_), Err(_)) => {
                only_ours.push(name);
                continue;
            }
            (Err(_), _) => continue,
        };
        for (what, theirs) in theirs {
            let same = ours.iter().any(|(have, value)| *have == what && *value == theirs);
            compared += 1;
            if !same {
                found.push((name.clone(), what));
            }
        }
    }
    let mut known: Vec<_> = DIFFERENCES.iter().flat_map(|(_, at)| *at).map(|(n, w)| ((*n).to_owned(), *w)).collect();
    known.sort();
    found.sort();
    assert_eq!(found, known);
    assert_eq!(only_ours, ONLY_OURS);
    assert!(compared > 600, "only {compared} values were compared");
}
