//! The time line: streams from the ledger, and what happened to them.

use cucm::CucmEvent;
use media::ledger::{Fate, Leg, Nature, Stream, StreamKind};
use recorder::Deed;
use verify::emodel::{Connection, mos};

use super::since;
use crate::evidence::{Event, EventKind, Evidence, Message, MessageKind, Quality, Row, RowKind, Span};
use crate::file::Scenario;
use crate::kept::Session;
use crate::run::addresses::device_name;
use crate::run::play::Played;

/// The rows of all voices, then those of all legs.
pub(super) fn rows(
    evidence: &Evidence,
    (scenario, played, sessions): (&Scenario, &Played, &[Session]),
    began_us: u64,
) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for stream in played.ledger.streams.iter().filter(|stream| stream.kind == StreamKind::Voice) {
        let name = name_of(scenario, &stream.phone);
        let at = rows.iter().position(|row| row.name == name).unwrap_or_else(|| {
            let events = of_device(played, &stream.phone, began_us);
            let (kind, spans) = (RowKind::Voice, Vec::new());
            rows.push(Row { kind, name: name.clone(), recording: None, leg: String::new(), spans, events });
            rows.len() - 1
        });
        rows[at].spans.extend(span(stream, began_us));
    }
    for (number, session) in sessions.iter().enumerate() {
        for leg in session.legs() {
            let streams: Vec<&Stream> = streams_of(&played.ledger.streams, session, leg).collect();
            let mut events = changes(&streams, began_us);
            events.extend(of_session(session, began_us));
            events.extend(of_recorder(played, session, leg, began_us));
            for device in [&session.near.device, &session.far.device] {
                let of_call = of_device(played, device, began_us).into_iter();
                let lasts =
                    since(session.started_us, began_us)..=session.ended_us.map_or(i64::MAX, |at| since(at, began_us));
                events.extend(of_call.filter(|event| lasts.contains(&event.at_us)));
            }
            events.extend(offers(&evidence.messages, &session.leg(leg).recorder_call_id));
            events.sort_by_key(|event| event.at_us);
            events.dedup();
            rows.push(Row {
                kind: RowKind::Leg,
                name: format!("{} leg of {}", leg.name(), session.label()),
                recording: Some(number),
                leg: leg.name().to_owned(),
                spans: streams.iter().filter_map(|stream| span(stream, began_us)).collect(),
                events,
            });
        }
    }
    rows
}

/// The rows of all legs as far as ledger and sessions tell of them, long after the run.
pub(super) fn of_ledger(all: &[Stream], sessions: &[Session], began_us: u64) -> Vec<Row> {
    let row = |(number, session): (usize, &Session), leg: Leg| {
        let streams: Vec<&Stream> = streams_of(all, session, leg).collect();
        let mut events = changes(&streams, began_us);
        events.extend(of_session(session, began_us));
        events.sort_by_key(|event| event.at_us);
        Row {
            kind: RowKind::Leg,
            name: format!("{} leg of {}", leg.name(), session.label()),
            recording: Some(number),
            leg: leg.name().to_owned(),
            spans: streams.iter().filter_map(|stream| span(stream, began_us)).collect(),
            events,
        }
    };
    let of = |(number, session)| Session::legs(session).map(move |leg| row((number, session), leg));
    sessions.iter().enumerate().flat_map(of).collect()
}

/// What a listener to each leg could have expected of the network.
pub(super) fn quality(all: &[Stream], sessions: &[Session]) -> Vec<Quality> {
    let mut figures = Vec::new();
    for session in sessions {
        for leg in session.legs() {
            let rows = || {
                let rows = streams_of(all, session, leg).flat_map(|stream| &stream.rows);
                rows.filter(|row| row.nature == Nature::Genuine && row.fate != Fate::NotSent)
            };
            let delays: Vec<f64> =
                rows().filter_map(|row| row.fate.delay_us()).map(|us| f64::from(us) / 1000.0).collect();
            if rows().next().is_none() {
                continue;
            }
            let delay_ms = PACKET_MS + delays.iter().sum::<f64>() / delays.len().max(1) as f64;
            let connection = Connection { delay_ms, ..Connection::G711 };
            let connection = connection.with_losses(rows().map(|row| row.fate.delay_us().is_some()));
            let r = connection.rating();
            figures.push(Quality {
                name: format!("{} leg of {}", leg.name(), session.label()),
                r: hundredths(r),
                mos: hundredths(mos(r)),
                codec: session.leg(leg).codec.clone(),
                ie: connection.ie,
                bpl: connection.bpl,
                loss_percent: hundredths(connection.loss_percent),
                burst_ratio: hundredths(connection.burst_ratio),
                delay_ms: hundredths(delay_ms),
                model: MODEL.to_owned(),
            });
        }
    }
    figures
}

/// Whose audio fills a packet before it is sent.
const PACKET_MS: f64 = 20.0;
const MODEL: &str = "ITU-T G.107 (06/2015) with default values; Ie and Bpl of G.711 without concealment (ITU-T G.113 appendix I); \
     loss of the network, delay of network and packet";

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn streams_of<'a>(all: &'a [Stream], session: &'a Session, leg: Leg) -> impl Iterator<Item = &'a Stream> {
    let dialog = &session.leg(leg).bridge_call_id;
    all.iter().filter(move |s| s.kind == StreamKind::Bridge(leg) && s.dialog == *dialog)
}

/// A device by its name in the scenario.
fn name_of(scenario: &Scenario, device: &str) -> String {
    let phone = scenario.phones.iter().enumerate().find(|(index, _)| device_name(*index) == device);
    phone.map_or_else(|| device.to_owned(), |(_, phone)| phone.name.clone())
}

fn span(stream: &Stream, began_us: u64) -> Option<Span> {
    let count = |keep: &dyn Fn(&media::ledger::Row) -> bool| stream.rows.iter().filter(|row| keep(row)).count() as u64;
    Some(Span {
        from_us: since(stream.rows.first()?.sent_us, began_us),
        until_us: since(stream.rows.last()?.sent_us, began_us),
        ssrc: stream.ssrc,
        codec: stream.codec.encoding().to_owned(),
        suite: stream.suite.map(|suite| suite.name().to_owned()),
        source: stream.source.to_string(),
        destination: stream.destination.to_string(),
        packets: stream.rows.len() as u64,
        lost: count(&|row| row.fate == Fate::Dropped),
        not_genuine: count(&|row| row.nature != Nature::Genuine),
    })
}

/// Where one stream of a leg follows another, and where a stream goes on in another codec.
fn changes(streams: &[&Stream], began_us: u64) -> Vec<Event> {
    let mut events = Vec::new();
    let mut tell = |at_us: u64, kind, what: String| events.push(Event { at_us: since(at_us, began_us), kind, what });
    for pair in streams.windows(2) {
        let [before, now] = pair else { continue };
        let at_us = now.rows.first().map_or(now.started_us, |row| row.sent_us);
        if now.ssrc != before.ssrc {
            tell(at_us, EventKind::Ssrc, format!("SSRC {:#010x}, before it {:#010x}", now.ssrc, before.ssrc));
        }
        if now.key_fingerprint != before.key_fingerprint {
            tell(at_us, EventKind::Key, "another SRTP key".to_owned());
        }
        if now.codec != before.codec {
            tell(at_us, EventKind::Codec, format!("codec {}", now.codec.encoding()));
        }
    }
    for stream in streams {
        for pair in stream.rows.windows(2) {
            let [before, now] = pair else { continue };
            if let (Some(was), Some(is)) = (before.codec(), now.codec())
                && was != is
            {
                tell(now.sent_us, EventKind::Codec, format!("codec {}", is.encoding()));
            }
        }
    }
    events
}

fn of_session(session: &Session, began_us: u64) -> Vec<Event> {
    let event = |at_us, kind, what: String| Event { at_us: since(at_us, began_us), kind, what };
    let mut events = vec![event(session.started_us, EventKind::RecordingBegins, "recording begins".to_owned())];
    if let Some(ended_us) = session.ended_us {
        let by = if session.ended_by_recorder == Some(true) { "the recorder" } else { "CUCM" };
        events.push(event(ended_us, EventKind::RecordingEnds, format!("recording ended by {by}")));
    }
    let far = |update: &crate::kept::Update| {
        event(update.at_us, EventKind::Other, format!("the far end is {} now", update.far.number))
    };
    events.extend(session.updates.iter().map(far));
    events
}

/// What the recorder was told to do of its own accord.
fn of_recorder(played: &Played, session: &Session, leg: Leg, began_us: u64) -> Vec<Event> {
    let lasts = session.started_us..=session.ended_us.unwrap_or(u64::MAX);
    let asked = played.asked.iter().filter(|asked| asked.is_of(leg) && lasts.contains(&asked.at_us));
    let event = |asked: &crate::run::play::Asked| {
        let (kind, what) = match asked.deed {
            Deed::Pause => (EventKind::Pause, "the recorder pauses"),
            Deed::Resume => (EventKind::Continue, "the recorder goes on"),
            Deed::HangUp => (EventKind::Other, "the recorder hangs up"),
        };
        Event { at_us: since(asked.at_us, began_us), kind, what: what.to_owned() }
    };
    asked.map(event).collect()
}

/// What CUCM told of calls of a device.
fn of_device(played: &Played, device: &str, began_us: u64) -> Vec<Event> {
    let is = |party: &cucm::Party| party.device == device;
    let event = |(at_us, event): &(u64, CucmEvent)| {
        let (kind, what) = match event {
            CucmEvent::CallConnected(call) if is(&call.caller.party) || is(&call.callee.party) => {
                let (from, to) = (&call.caller.party.number, &call.callee.party.number);
                (EventKind::Connected, format!("{from} and {to} talk, {}", call.security.word()))
            }
            CucmEvent::Held { by, .. } if is(by) => (EventKind::Hold, format!("{} holds", by.number)),
            CucmEvent::Resumed { by, .. } if is(by) => (EventKind::Resume, format!("{} resumed", by.number)),
            CucmEvent::Parked { by, party, number, .. } if is(by) || is(party) => {
                (EventKind::Other, format!("{} is parked at {number}", party.number))
            }
            CucmEvent::Retrieved { by, number, .. } if is(by) => {
                (EventKind::Other, format!("{} retrieved {number}", by.number))
            }
            CucmEvent::Transferred(done) if [&done.by, &done.party, &done.target].into_iter().any(is) => {
                let (party, target) = (&done.party.number, &done.target.number);
                (EventKind::Other, format!("{} transferred {party} to {target}", done.by.number))
            }
            CucmEvent::Conferenced(made) if made.members.iter().any(|(_, member)| is(member)) => {
                (EventKind::Other, format!("conference of {}", made.members.len()))
            }
            CucmEvent::ConferenceDropped { parties, .. } if parties.iter().any(is) => {
                (EventKind::Other, "the conference has dropped to two".to_owned())
            }
            _ => return None,
        };
        Some(Event { at_us: since(*at_us, began_us), kind, what })
    };
    played.events.iter().filter_map(event).collect()
}

/// Offers in a dialog that stands.
fn offers(messages: &[Message], call_id: &str) -> Vec<Event> {
    let asks = |message: &&Message| message.kind == MessageKind::Request && message.call_id == call_id;
    let mut invited = false;
    let event = |message: &Message| {
        let kind = match message.label.as_str() {
            // The first one opens the dialog; the same number again is a repetition.
            "INVITE" if std::mem::replace(&mut invited, true) => EventKind::Reinvite,
            "UPDATE" => EventKind::Update,
            _ => return None,
        };
        let what = if kind == EventKind::Reinvite { "re-INVITE" } else { "UPDATE" };
        Some(Event { at_us: message.at_us, kind, what: format!("{what} (CSeq {})", message.cseq) })
    };
    messages.iter().filter(asks).filter_map(event).collect()
}
