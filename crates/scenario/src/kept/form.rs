//! `ledger.json`: the kept ledger as one JSON object.
//!
//! ```text
//! { "schema": "mixedmode-ledger-v1", "crc32c": "9ae0daaf",
//!   "run":     { "file", "title", "network", "seed", "recorder", "expected_recordings", "lateness" },
//!   "sessions": [ { "refci", ..., "near_leg": { "bridge_call_id", "recorder_call_id", ... }, ... } ],
//!   "streams":  [ { "phone", "kind", "dialog", "ssrc", ..., "rows": [[...], ...], "payloads": "base64" } ] }
//! ```
//!
//! A row is `[sequence, index, timestamp, sent_us, late_us, marker, payload_type, payload_len, fate, nature, heard]`,
//! fields of [`Row`]; the payloads follow each other in the order of the rows. The checksum is over the text
//! from the comma behind it to the end: a ledger that changed on the disk blames no recorder.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use media::codec::Codec;
use media::ledger::{Fate, Ledger, Nature, Row, Stream, StreamKind};
use media::srtp::Suite;
use serde::{Deserialize, Serialize};

use super::ledger::KeptLedger;
use super::session::Session;
use crate::outcome::Lateness;

/// The name and version of the form. It grows when a field changes its meaning or goes away.
pub const SCHEMA: &str = "mixedmode-ledger-v1";

/// Why a ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The operating system does not give it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A folder, a device, a pipe.
    #[error("it is no file (name the ledger.json that `run --keep` wrote)")]
    NoFile,
    /// Larger than any run makes it.
    #[error("it has {bytes} bytes, expected at most {most}")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The largest that is read.
        most: u64,
    },
    /// Not UTF-8.
    #[error("it is no text, expected JSON")]
    NotText,
    /// Not JSON, or cut off.
    #[error("it is no whole JSON object: {0}")]
    Json(serde_json::Error),
    /// Another kind of document, or a later version.
    #[error("got schema `{got}`, expected `{SCHEMA}`")]
    Schema {
        /// The schema it names; empty for none.
        got: String,
    },
    /// Fields are missing, unknown or of another type.
    #[error("it does not have the fields of {SCHEMA}: {0}")]
    Shape(serde_json::Error),
    /// It reads, and makes no sense.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Defects(Vec<Defect>),
}

/// Something in a ledger that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// Where: `streams[3].payloads`.
    pub place: String,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema: String,
    crc32c: String,
    run: Run,
    sessions: Vec<Session>,
    streams: Vec<StreamForm>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    file: String,
    title: String,
    network: String,
    seed: u64,
    recorder: String,
    expected_recordings: usize,
    lateness: Lateness,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StreamForm {
    phone: String,
    kind: StreamKind,
    dialog: String,
    main_dialog: String,
    ssrc: u32,
    codec: Codec,
    suite: Option<Suite>,
    source: SocketAddr,
    destination: SocketAddr,
    clock: u32,
    samples_per_packet: u32,
    started_us: u64,
    ended_us: u64,
    rows: Vec<RowForm>,
    payloads: String,
}

/// Sequence, index, timestamp, sent, late, marker, payload type, payload length, fate, nature, heard.
#[derive(Serialize, Deserialize)]
struct RowForm(u16, u64, u32, u64, u32, bool, u8, u16, Fate, Nature, Option<u32>);

pub(super) fn write(kept: &KeptLedger) -> Result<String, serde_json::Error> {
    let document = Document {
        schema: SCHEMA.to_owned(),
        crc32c: String::new(),
        run: Run {
            file: kept.file.clone(),
            title: kept.title.clone(),
            network: kept.network.clone(),
            seed: kept.seed,
            recorder: kept.recorder.clone(),
            expected_recordings: kept.expected_recordings,
            lateness: kept.lateness,
        },
        sessions: kept.sessions.clone(),
        streams: kept.ledger.streams.iter().map(StreamForm::of).collect(),
    };
    let mut text = serde_json::to_string(&document)?;
    text.push('\n');
    Ok(sealed(text))
}

pub(super) fn read(text: &str) -> Result<KeptLedger, LedgerError> {
    #[derive(Deserialize)]
    struct Named {
        #[serde(default)]
        schema: String,
    }
    let Named { schema } = serde_json::from_str(text).map_err(LedgerError::Json)?;
    if schema != SCHEMA {
        return Err(LedgerError::Schema { got: schema });
    }
    let document: Document = serde_json::from_str(text).map_err(LedgerError::Shape)?;
    let mut defects = Vec::new();
    let sum = checksum(text).unwrap_or_default();
    if sum != document.crc32c {
        let what = format!("got {}, expected {sum}: the file was changed after it was written", document.crc32c);
        defects.push(Defect { place: "crc32c".to_owned(), what });
    }
    check_sessions(&document.sessions, &mut defects);
    let streams = document.streams.into_iter().enumerate();
    let streams = streams.map(|(number, stream)| stream.read(number, &mut defects)).collect();
    if !defects.is_empty() {
        return Err(LedgerError::Defects(defects));
    }
    let Run { file, title, network, seed, recorder, expected_recordings, lateness } = document.run;
    let (sessions, ledger) = (document.sessions, Ledger { streams });
    Ok(KeptLedger { file, title, network, seed, recorder, expected_recordings, lateness, sessions, ledger })
}

/// The key in front of the checksum.
const SEAL: &str = "\"crc32c\":\"";

/// The checksum of a ledger's text; `None` where it has no place for one.
fn checksum(text: &str) -> Option<String> {
    let (_, behind) = text.split_once(SEAL)?;
    let (_, behind) = behind.split_once('"')?;
    Some(format!("{:08x}", crc32c::crc32c(behind.as_bytes())))
}

/// The text with its checksum in its place.
fn sealed(text: String) -> String {
    match (checksum(&text), text.split_once(SEAL)) {
        (Some(sum), Some((before, behind))) => format!("{before}{SEAL}{sum}{behind}"),
        _ => text,
    }
}

/// A Call-ID stands for one leg: two legs of one Call-ID could not be told apart.
fn check_sessions(sessions: &[Session], defects: &mut Vec<Defect>) {
    let mut seen: BTreeMap<&str, String> = BTreeMap::new();
    for (number, session) in sessions.iter().enumerate() {
        for leg in session.legs() {
            let place = format!("sessions[{number}].{}_leg.recorder_call_id", leg.name());
            let id = session.leg(leg).recorder_call_id.as_str();
            if let Some(other) = seen.insert(id, place.clone()) {
                defects.push(Defect { place, what: format!("the Call-ID {id} of {other} again") });
            }
        }
        if session.ended_us.is_some_and(|ended| ended < session.started_us) {
            let what = format!("ends before it starts at {} µs", session.started_us);
            defects.push(Defect { place: format!("sessions[{number}].ended_us"), what });
        }
    }
}

impl StreamForm {
    fn of(stream: &Stream) -> Self {
        let row = |row: &Row| {
            let Row { sequence, index, timestamp, sent_us, late_us, marker, payload_type, fate, nature, heard, .. } =
                *row;
            let length = row.payload_len;
            RowForm(sequence, index, timestamp, sent_us, late_us, marker, payload_type, length, fate, nature, heard)
        };
        let payloads: Vec<u8> = stream.rows.iter().flat_map(|row| stream.payload(row)).copied().collect();
        Self {
            phone: stream.phone.clone(),
            kind: stream.kind,
            dialog: stream.dialog.clone(),
            main_dialog: stream.main_dialog.clone(),
            ssrc: stream.ssrc,
            codec: stream.codec,
            suite: stream.suite,
            source: stream.source,
            destination: stream.destination,
            clock: stream.clock,
            samples_per_packet: stream.samples_per_packet,
            started_us: stream.started_us,
            ended_us: stream.ended_us,
            rows: stream.rows.iter().map(row).collect(),
            payloads: BASE64.encode(payloads),
        }
    }

    fn read(self, number: usize, defects: &mut Vec<Defect>) -> Stream {
        let mut tell = |field: &str, what: String| {
            defects.push(Defect { place: format!("streams[{number}].{field}"), what });
        };
        let declared: usize = self.rows.iter().map(|row| usize::from(row.7)).sum();
        let payloads = BASE64.decode(&self.payloads);
        match &payloads {
            Err(error) => tell("payloads", format!("not base64: {error}")),
            Ok(bytes) if bytes.len() != declared => {
                tell("payloads", format!("got {} bytes, expected the {declared} of all rows", bytes.len()));
            }
            Ok(_) => {}
        }
        let payloads = payloads.unwrap_or_default();
        if self.clock != 8000 {
            tell("clock", format!("got {} Hz, expected 8000 Hz", self.clock));
        }
        let mut stream = Stream {
            phone: self.phone,
            kind: self.kind,
            dialog: self.dialog,
            main_dialog: self.main_dialog,
            ssrc: self.ssrc,
            codec: self.codec,
            suite: self.suite,
            key_fingerprint: None,
            source: self.source,
            destination: self.destination,
            clock: self.clock,
            samples_per_packet: self.samples_per_packet,
            started_us: self.started_us,
            ended_us: self.ended_us,
            rows: Vec::with_capacity(self.rows.len()),
            payloads: Vec::with_capacity(payloads.len()),
        };
        let mut rest = payloads.as_slice();
        for row in self.rows {
            let RowForm(
                sequence,
                index,
                timestamp,
                sent_us,
                late_us,
                marker,
                payload_type,
                length,
                fate,
                nature,
                heard,
            ) = row;
            let (payload, behind) = rest.split_at(usize::from(length).min(rest.len()));
            rest = behind;
            let row = Row {
                sequence,
                index,
                timestamp,
                sent_us,
                late_us,
                payload: 0,
                payload_len: 0,
                marker,
                payload_type,
                fate,
                nature,
                heard,
            };
            stream.push(row, payload);
        }
        stream
    }
}

#[cfg(test)]
mod tests {
    use media::ledger::Fate;
    use media::ledger::Leg;

    use super::*;
    use crate::kept::{Party, SessionLeg};

    fn kept() -> KeptLedger {
        let party = |number: &str| Party { device: format!("SEP{number}"), number: number.to_owned() };
        let leg = |name: &str| SessionLeg {
            bridge_call_id: format!("bridge-{name}"),
            recorder_call_id: format!("recorder-{name}"),
            codec: "PCMU".to_owned(),
            suite: Some(Suite::AeadAes256Gcm),
            invited_us: None,
            told: None,
        };
        let session = Session {
            refci: 7,
            earlier: 0,
            farendrefci: 8,
            cluster_id: "Cluster".to_owned(),
            numbering: 0,
            near: party("2000"),
            far: party("1000"),
            near_leg: leg("near"),
            far_leg: leg("far"),
            only: None,
            hampered: Vec::new(),
            started_us: 10,
            ended_us: Some(20),
            lost_us: None,
            ended_by_recorder: None,
            end_cause: None,
            updates: Vec::new(),
            run_unix_us: None,
            later: Vec::new(),
        };
        let mut stream = Stream {
            phone: "SEP2000".to_owned(),
            kind: StreamKind::Bridge(Leg::Near),
            dialog: "bridge-near".to_owned(),
            main_dialog: "main".to_owned(),
            ssrc: 5,
            codec: Codec::Pcmu,
            suite: None,
            key_fingerprint: None,
            source: ([127, 0, 0, 1], 4000).into(),
            destination: ([127, 0, 0, 1], 5000).into(),
            clock: 8000,
            samples_per_packet: 160,
            started_us: 1,
            ended_us: 2,
            rows: Vec::new(),
            payloads: Vec::new(),
        };
        stream.push(Row { sequence: 1, heard: Some(9), ..Row::base() }, &[1, 2, 3]);
        let fate = Fate::Duplicated { delay_us: 1, again_us: 2 };
        stream.push(Row { sequence: 2, fate, nature: Nature::Replayed, ..Row::base() }, &[4; 160]);
        KeptLedger {
            file: "call.yaml".to_owned(),
            title: "A call".to_owned(),
            network: "simulated".to_owned(),
            seed: 3,
            recorder: "bundled".to_owned(),
            expected_recordings: 1,
            lateness: Lateness::default(),
            sessions: vec![session],
            ledger: Ledger { streams: vec![stream] },
        }
    }

    /// The text with `change` made to it and the checksum made right again.
    fn changed(change: impl FnOnce(&mut Document)) -> String {
        let mut document: Document = serde_json::from_str(&write(&kept()).unwrap()).unwrap();
        change(&mut document);
        document.crc32c = String::new();
        sealed(serde_json::to_string(&document).unwrap())
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let error = read(text).unwrap_err().to_string();
        assert!(error.contains(expected), "expected {expected:?}, got {error:?}");
    }

    #[test]
    fn what_is_written_reads_back_equal() {
        assert_eq!(read(&write(&kept()).unwrap()).unwrap(), kept());
    }

    #[test]
    fn every_defect_is_named_with_its_place() {
        let text = write(&kept()).unwrap();
        check("", "no whole JSON object: EOF");
        check(&text[..text.len() / 2], "no whole JSON object: EOF");
        check("7", "no whole JSON object: invalid type: integer");
        check("{}", "got schema ``, expected `mixedmode-ledger-v1`");
        check(&text.replace("ledger-v1", "ledger-v2"), "got schema `mixedmode-ledger-v2`");
        check(&text.replace("\"refci\"", "\"refcj\""), "unknown field `refcj`");
        check(&text.replace("\"refci\":7", "\"refci\":-7"), "invalid value: integer `-7`");
        check(&text.replace("\"refci\":7", "\"refci\":6"), "crc32c: got");
        check(&changed(|d| d.streams[0].payloads.insert(0, '*')), "streams[0].payloads: not base64");
        check(&changed(|d| d.streams[0].rows[0].7 = 9), "streams[0].payloads: got 163 bytes, expected the 169");
        check(&changed(|d| d.streams[0].clock = 16_000), "streams[0].clock: got 16000 Hz");
        check(&changed(|d| d.sessions[0].ended_us = Some(1)), "sessions[0].ended_us: ends before it starts");
        let twice = changed(|d| d.sessions.push(d.sessions[0].clone()));
        check(&twice, "sessions[1].near_leg.recorder_call_id: the Call-ID recorder-near of sessions[0]");
        let two = changed(|d| (d.streams[0].clock, d.sessions[0].ended_us) = (1, Some(1)));
        assert!(matches!(read(&two), Err(LedgerError::Defects(defects)) if defects.len() == 2));
    }

    #[test]
    fn no_changed_byte_passes_or_panics() {
        let text = write(&kept()).unwrap();
        let mut state = 7u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as usize
        };
        for _ in 0..3000 {
            let mut bytes = text.clone().into_bytes();
            let at = random() % bytes.len();
            bytes[at] = b" \"{}[],:0189-+eEnulltruefalse"[random() % 29];
            let same = bytes == text.as_bytes();
            let read = String::from_utf8(bytes).map(|text| read(&text));
            if let Ok(Ok(read)) = read {
                assert!(same || read == kept(), "byte {at} was changed and the ledger is another");
            }
        }
    }
}
