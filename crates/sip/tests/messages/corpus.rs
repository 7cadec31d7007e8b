//! The messages under `testdata/`, and one call of everything that can be asked of a message.

use std::fs;
use std::path::{Path, PathBuf};

use sip::{HeaderError, Message, Uri};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(name)
}

fn files(name: &str, extension: &str) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<_> = fs::read_dir(folder(name))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|have| have == extension))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
        .collect();
    found.sort();
    found
}

/// Name and bytes of each message of RFC 4475.
pub(crate) fn torture() -> Vec<(String, Vec<u8>)> {
    files("rfc4475", "dat")
}

/// Name and bytes of each trace, as on the wire: CRLF, and an empty line behind the header block. A file that has CRLF already is
/// kept to the byte.
pub(crate) fn traces() -> Vec<(String, Vec<u8>)> {
    let wire = |bytes: Vec<u8>| {
        let mut text = String::from_utf8(bytes).unwrap();
        if text.contains("\r\n") {
            return text.into_bytes();
        }
        text = text.replace('\n', "\r\n");
        if !text.contains("\r\n\r\n") {
            text.push_str("\r\n");
        }
        text.into_bytes()
    };
    files("traces", "sip").into_iter().map(|(name, bytes)| (name, wire(bytes))).collect()
}

/// One trace, strictly read.
pub(crate) fn trace(name: &str) -> Message {
    let (_, bytes) = traces().into_iter().find(|(have, _)| have.starts_with(name)).unwrap();
    Message::parse(&bytes).unwrap()
}

/// What each typed view of a message says, by name.
pub(crate) fn views(message: &Message) -> Vec<(&'static str, Result<(), HeaderError>)> {
    let target = message.request_uri().map_or(Ok(()), |uri| uri.parse::<Uri>().map(drop));
    vec![
        ("Request-URI", target),
        ("Via", message.via().map(drop)),
        ("all Vias", message.vias().map(drop)),
        ("From", message.from_().map(drop)),
        ("To", message.to().map(drop)),
        ("Contact", message.contacts().map(drop)),
        ("CSeq", message.cseq().map(drop)),
        ("Call-ID", message.call_id().map(drop)),
        ("Max-Forwards", message.max_forwards().map(drop)),
        ("Expires", message.expires().map(drop)),
        ("Call-Info", message.call_info().map(drop)),
        ("Session-Expires", message.session_expires().map(drop)),
        ("Min-SE", message.min_se().map(drop)),
        ("Reason", message.reasons().map(drop)),
        ("Cisco-Guid", message.cisco_guid().map(drop)),
        ("Session-ID", message.session_id().map(drop)),
        ("Join", message.join().map(drop)),
        ("Replaces", message.replaces().map(drop)),
        ("P-Asserted-Identity", message.p_asserted_identity().map(drop)),
        ("Remote-Party-ID", message.remote_party_id().map(drop)),
    ]
}

/// The names of the views that refuse.
pub(crate) fn refused(message: &Message) -> Vec<&'static str> {
    views(message).into_iter().filter(|(_, view)| view.is_err()).map(|(name, _)| name).collect()
}
