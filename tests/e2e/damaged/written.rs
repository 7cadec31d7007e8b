//! Lies in `recording.json`, and damages to the journal: the audio is whole in all of them.

use serde_json::{Value, json};

use super::Damage;
use super::bench::Copy;

const fn lie(name: &'static str, leg: Option<&'static str>, harm: fn(&Copy)) -> Damage {
    super::audio(name, "wrong-metadata", leg, None, &[], harm)
}

const fn journal(name: &'static str, leg: Option<&'static str>, harm: fn(&Copy)) -> Damage {
    super::audio(name, "wrong-journal", leg, None, &[], harm)
}

/// What the journal says besides, where a time is not its time either.
const JOURNAL: &[&str] = &["wrong-journal"];
const NEAR: Option<&str> = Some("near");

pub(super) const DAMAGES: &[Damage] = &[
    // What CUCM told.
    lie("RTP for SRTP", NEAR, |copy| put(copy, "/legs/0/protection", json!("rtp"))),
    lie("a protection of nobody's", NEAR, |copy| put(copy, "/legs/0/protection", json!("zrtp"))),
    lie("another P-Asserted-Identity", NEAR, |copy| put(copy, "/legs/0/p_asserted_identity", json!("<sip:1@x>"))),
    lie("no Remote-Party-ID", NEAR, |copy| put(copy, "/legs/0/remote_party_id", Value::Null)),
    lie("another Session-ID", NEAR, |copy| put(copy, "/legs/0/session_id", json!("0;remote=0"))),
    lie("another Cisco-Guid", NEAR, |copy| put(copy, "/legs/0/cisco_guid", json!("1-2-3-4"))),
    lie("another User-Agent", NEAR, |copy| put(copy, "/legs/0/user_agent", json!("Cisco-CUCM9.1"))),
    lie("another tag of CUCM's", NEAR, |copy| put(copy, "/legs/0/remote_tag", json!("1"))),
    lie("another tag of the recorder's", NEAR, |copy| put(copy, "/legs/0/local_tag", json!("1"))),
    lie("an x- parameter changed", NEAR, |copy| put(copy, "/legs/0/parameters/1/value", json!("7"))),
    lie("an x- parameter removed", NEAR, |copy| copy.json(|json| drop(parameters(json).remove(3)))),
    lie("an x- parameter added", NEAR, |copy| {
        copy.json(|json| parameters(json).push(json!({ "name": "x-farendname", "value": "Eve" })));
    }),
    lie("another name of the near party", None, |copy| put(copy, "/near/name", json!("Eve"))),
    lie("a name of the far party", None, |copy| put(copy, "/far/name", json!("Eve"))),
    lie("another cluster of the far party", None, |copy| put(copy, "/far/cluster_id", json!("Other"))),
    lie("a conference that was none", None, |copy| put(copy, "/far/conference", json!(true))),
    lie("received elsewhere", NEAR, |copy| put(copy, "/legs/0/received_on", json!("192.0.2.1:4000"))),
    lie("signalled from elsewhere", NEAR, |copy| put(copy, "/legs/0/signalled_source", json!("192.0.2.1:4000"))),
    // What was sent.
    lie("other SSRCs", NEAR, |copy| put(copy, "/legs/0/ssrcs", json!([7]))),
    lie("an SSRC more", NEAR, |copy| copy.json(|json| list(json, "/legs/0/ssrcs").push(json!(7)))),
    lie("no source", NEAR, |copy| put(copy, "/legs/0/sources", json!([]))),
    lie("another payload type", NEAR, |copy| put(copy, "/legs/0/payload_type", json!(8))),
    lie("one packet more received", NEAR, |copy| add(copy, "/legs/0/packets/received", 1)),
    lie("one packet more stored", NEAR, |copy| add(copy, "/legs/0/packets/stored", 1)),
    lie("one packet lost", NEAR, |copy| add(copy, "/legs/0/packets/lost", 1)),
    lie("one packet that failed authentication", NEAR, |copy| add(copy, "/legs/0/packets/auth_failed", 1)),
    lie("one plain packet", NEAR, |copy| add(copy, "/legs/0/packets/plain", 1)),
    lie("a forged packet for a stored one", NEAR, |copy| {
        add(copy, "/legs/0/packets/auth_failed", 1);
        add(copy, "/legs/0/packets/stored", -1);
    }),
    // Times.
    lie("started later", None, |copy| put(copy, "/started", json!("2026-01-01T00:00:03.000000Z"))).with(JOURNAL),
    lie("ended before it started", None, |copy| put(copy, "/ended", json!("2020-01-01T00:00:00.000000Z"))),
    lie("ended at no time", None, |copy| put(copy, "/legs/0/ended", json!("yesterday"))),
    lie("answered before it was invited", None, |copy| {
        put(copy, "/legs/0/answered", json!("2020-01-01T00:00:00.000000Z"));
    }),
    lie("another first packet", NEAR, |copy| {
        put(copy, "/legs/0/first_packet", json!("2026-01-01T00:00:00.700000Z"));
    }),
    lie("everything a day later", NEAR, |copy| {
        copy.bytes("recording.json", |bytes| {
            *bytes = String::from_utf8_lossy(bytes).replace("2026-01-01T", "2026-01-02T").into_bytes();
        });
    })
    .with(&["wrong-journal", "wrong-participants"]),
    // The document itself.
    lie("another id", None, |copy| put(copy, "/id", json!("another"))).with(&["wrong-call"]),
    lie("the folder renamed", None, |copy| {
        let renamed = copy.recording().with_file_name("renamed");
        std::fs::rename(copy.recording(), renamed).unwrap();
    }),
    lie("a flag of nobody's", None, |copy| put(copy, "/flags", json!(["all-is-well"]))),
    lie("a status of one leg", None, |copy| put(copy, "/status", json!("one-leg"))),
    lie("an unknown key", None, |copy| copy.json(|json| json["colour"] = json!("red"))),
    lie("an unknown key of a leg", None, |copy| copy.json(|json| json["legs"][0]["colour"] = json!("red"))),
    lie("a key of SRTP", None, |copy| put(copy, "/reason", json!("inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"))),
    // The files.
    lie("another size of a file", None, |copy| add(copy, "/files/0/bytes", 2)),
    lie("another rate of a file", None, |copy| put(copy, "/files/0/rate", json!(16_000))),
    lie("another length of a leg", None, |copy| add(copy, "/legs/0/samples", 160)),
    // The journal.
    journal("no journal", None, |copy| std::fs::remove_file(copy.path(JOURNAL_FILE)).unwrap()),
    journal("an empty journal", None, |copy| copy.bytes(JOURNAL_FILE, Vec::clear)),
    journal("half a journal", None, |copy| copy.bytes(JOURNAL_FILE, |bytes| bytes.truncate(bytes.len() / 2)))
        .with(&["wrong-metadata"]),
    journal("a journal of text", None, |copy| copy.bytes(JOURNAL_FILE, |bytes| bytes.fill(b'x'))),
    journal("a folder for a journal", None, |copy| {
        std::fs::remove_file(copy.path(JOURNAL_FILE)).unwrap();
        std::fs::create_dir(copy.path(JOURNAL_FILE)).unwrap();
    }),
    journal("one byte of the journal", None, |copy| copy.bytes(JOURNAL_FILE, |bytes| bytes[60_000] ^= 1))
        .with(&["wrong-metadata"]),
    journal("a journal without its end", None, |copy| {
        copy.bytes(JOURNAL_FILE, |bytes| bytes.truncate(bytes.len() - 9));
    }),
    journal("the journal of another call", NEAR, |copy| {
        std::fs::copy(copy.other(JOURNAL_FILE), copy.path(JOURNAL_FILE)).unwrap();
    })
    .with(&["wrong-metadata"]),
];

const JOURNAL_FILE: &str = "journal.mmj";

pub(super) fn put(copy: &Copy, place: &str, value: Value) {
    copy.json(|json| *json.pointer_mut(place).unwrap() = value);
}

fn add(copy: &Copy, place: &str, more: i64) {
    copy.json(|json| {
        let count = json.pointer_mut(place).unwrap();
        *count = json!(count.as_i64().unwrap() + more);
    });
}

pub(super) fn list<'a>(json: &'a mut Value, place: &str) -> &'a mut Vec<Value> {
    json.pointer_mut(place).unwrap().as_array_mut().unwrap()
}

fn parameters(json: &mut Value) -> &mut Vec<Value> {
    list(json, "/legs/0/parameters")
}
