//! Recorders known to be bad: each fault is one way in which recorders in the field fail.
//!
//! A harness that tests recorders must itself be tested by recorders that are wrong in a known way. All of them are named
//! here, and what more than a condition makes up is here, too. Elsewhere each place that asks for a fault is marked by a
//! comment `fault: ` with what goes wrong, so that the sound recorder reads straight past it; a test holds the marks.

use std::collections::BTreeSet;

use serde::de::value::{Error, StrDeserializer};
use serde::de::{IntoDeserializer, Visitor};
use serde::{Deserialize, Deserializer, Serialize, forward_to_deserialize_any};
use sip::Message;

use crate::metadata::{Call, Recording, Segment};
use crate::store::track::Track;

/// What this recorder does wrong on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Nothing: the reference recorder.
    #[default]
    None,
    /// Near and far change places.
    SwapChannels,
    /// The first 80 ms of each leg are missing.
    DropStart,
    /// Packets that fail authentication, plain ones and replayed ones are written too.
    IgnoreAuthentication,
    /// A replayed packet is appended like a new one, so that all that follows is late by its length.
    AcceptReplays,
    /// Lost packets leave no silence: what follows moves up.
    CloseGaps,
    /// Every n-th packet of a leg is not written.
    LoseEvery(u32),
    /// The near leg's sound is in both channels.
    DoubleNear,
    /// Packets that came before the keys are written as they came, undecrypted.
    EarlyNoise,
    /// The last second of each leg is missing.
    TruncateEnd,
    /// Everything is 3 dB quieter.
    Quieter,
    /// INVITE gets no answer.
    NeverAnswer,
    /// Connections are closed as soon as they stand.
    CloseAtOnce,
    /// INVITE is answered by bytes that are no SIP.
    AnswerGarbage,
    /// INVITE is answered by the first half of a 200, and nothing more.
    AnswerHalf,
    /// The connection is closed as soon as both ends of a call talk.
    CloseInCall,
    /// The recorder ends each leg with BYE three seconds after its 200, while the call goes on.
    HangUpInCall,
    /// OPTIONS gets no answer, so that CUCM takes the recorder for dead.
    IgnoreOptions,
    /// OPTIONS is answered 503.
    RefuseOptions,
    /// Calls are answered but no file is written.
    StoreNothing,
    /// An INVITE that comes again begins another call.
    TakeRepeatForCall,
    /// A voice that is invited again, since its first dialog never stood, is another call.
    TakeRetryForCall,
    /// A dialog is forgotten with the connection it came by.
    ForgetWithConnection,
    /// UPDATE is answered 200 and changes nothing: neither the session timer nor who takes part.
    IgnoreUpdate,
    /// A call too many is answered 486, for which CUCM looks no further.
    BusyWhenFull,
    /// INVITE is answered once: its 200 is not sent again.
    AnswerOnce,
    /// A dialog whose ACK never comes is kept for ever.
    AwaitAckForEver,
    /// Each answer or offer within a call begins its decryption anew, as if the key were another one.
    ResetKeys,
    /// INFO, NOTIFY, SUBSCRIBE and UPDATE get no answer.
    IgnoreRequests,
    /// Sessions never expire: a dialog that nobody ends or refreshes is kept for ever.
    KeepUnrefreshed,
    /// Each request within a dialog opens a connection of its own, to where the peer's Contact says.
    ConnectToContact,
    /// BYE is answered, and the call goes on.
    IgnoreBye,
    /// What comes in one segment, or one TLS record, is taken for one message.
    SegmentIsMessage,
    /// Datagrams are read into a buffer of 1280 bytes; what is longer is cut off.
    SmallBuffer,
    /// A request within a dialog that comes by another connection than the one before belongs to nothing.
    SameConnectionOnly,
    /// The sound of a recording of one leg alone is thrown away.
    DropHalves,
    /// With one leg of a recording the other one ends too.
    EndTogether,
    /// A cancelled INVITE is answered 487, and its leg is kept.
    KeepCancelled,
    /// A call that goes on at another device is taken for another call.
    CallByDevice,
    /// INVITE is answered 503: what a recorder does that can take no call.
    Unavailable,
    /// INVITE is answered 486.
    Busy,
    /// `isfocus` is overlooked: a conference bridge is taken for a party like any other.
    IgnoreFocus,
    /// Each recording is written as a call of its own: segments of one call are not found again.
    ForgetCalls,
    /// A leg is opened with its first key, whatever is agreed on later.
    KeepFirstKey,
    /// With another key the roll-over count is taken to be 0.
    ForgetRollOver,
    /// With another key the roll-over count is taken to go on.
    KeepRollOver,
    /// The first packets under another key, 200 ms of them, are not written.
    LoseAfterRekey,
    /// Packets in a codec that is not agreed on yet are lost, however soon it is.
    LoseBeforeCodec,
    /// A sequence that begins anew under its key, or in clear, is taken for a replay.
    TakeRestartForReplay,
    /// What comes from another SSRC than the leg's first is not written.
    FirstSourceOnly,
    /// Legs of one SSRC are one stream: the near leg's sound is in both channels then.
    MixEqualSources,
    /// What comes from another address or port than CUCM told is not written.
    TrustToldPort,
    /// What a call that is over still sends into a port is stored with the call that has it now: in clear every source is taken, and
    /// the keys of the call before stay in force.
    StoreStale,
    /// Everything is decoded by the codec that was agreed on first.
    FirstCodecOnly,
    /// RTP timestamps are believed, whatever the clock says.
    TrustTimestamps,
    /// Recordings are segments of one call where their `x-refci` is the same, and nowhere else.
    ChainByRefci,
    /// Recordings that share a call leg's number are one call, whosever it is, in whichever cluster.
    MergeReused,
    /// Recordings of the same party are one call, whatever its call leg.
    MergeByParty,
    /// The Date of an INVITE is taken for the time.
    TrustDate,
    /// A key is taken only where its tag is one that was offered, and nothing stands behind it.
    StrictCrypto,
    /// The `x-` parameters of From are not read.
    DropParameters,
    /// A leg that names no side is taken for the far one without a word.
    UnknownIsFar,
    /// Device names are compared letter by letter.
    MindCase,
    /// Nothing is ever alarming.
    NoAlarms,
    /// Each key has a master key identifier behind it, which Cisco's phones do not take.
    NameKeys,
    /// An answer to CUCM's offer says that the stream goes on, although it is paused.
    ForgetPause,
    /// Every packet is taken for 20 ms: what a longer one holds beyond them is not heard.
    FixedFrames,
    /// A recording takes the place of an earlier one with the same `x-refci`.
    OverwriteSegment,
    /// Who was gone before the end is not written, nor is a conference bridge.
    ForgetParticipants,
    /// A recording is said to have begun when it ended, as where the time is that of its file.
    StampAtEnd,
}

/// What [`Fault::AnswerGarbage`] sends.
pub(crate) const GARBAGE: &[u8] = b"\x00\x01\xffSIP/9.9 dreihundert vielleicht\r\n\r\n\x00\x00";

/// What [`Fault::AnswerHalf`] sends.
pub(crate) const HALF: &[u8] = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/TLS 192.0";

impl Fault {
    /// All that take no number, by their names in `recorder.toml`.
    pub fn named() -> impl Iterator<Item = (&'static str, Self)> {
        let mut names: &'static [&'static str] = &[];
        // It hands out the names and gives no value.
        let _ = Self::deserialize(Names(&mut names));
        let named = |name: &&'static str| {
            let named: StrDeserializer<'_, Error> = (*name).into_deserializer();
            Self::deserialize(named).ok().map(|fault| (*name, fault))
        };
        names.iter().filter_map(named)
    }

    /// Whether a genuine packet, the `nth` of its leg counted from one, is written.
    pub(crate) fn keeps_packet(self, nth: u64) -> bool {
        match self {
            Self::LoseEvery(every) => every == 0 || !nth.is_multiple_of(u64::from(every)),
            Self::StoreNothing => false,
            _ => true,
        }
    }

    /// Whether gaps in the RTP time line stay silence.
    pub(crate) fn keeps_gaps(self) -> bool {
        self != Self::CloseGaps
    }

    /// The call and the place in it under which a recording is written.
    pub(crate) fn call_of(self, recording: &str, (call, segment): (Call, Segment)) -> (Call, Segment) {
        match self {
            Self::ForgetCalls => {
                let own = Call { id: recording.to_owned(), joins: Vec::new() };
                (own, Segment { number: 1, previous: None })
            }
            _ => (call, segment),
        }
    }

    /// Whether a party that is a conference bridge is written as one.
    pub(crate) fn sees_focus(self) -> bool {
        self != Self::IgnoreFocus
    }

    /// What is written when all is over.
    pub(crate) fn at_the_end(self, written: &mut Recording) {
        match (self, &written.ended) {
            (Self::ForgetParticipants, ended) => {
                written.participants.retain(|one| one.until == *ended && !one.party.conference);
            }
            (Self::StampAtEnd, Some(ended)) => written.started.clone_from(ended),
            _ => {}
        }
    }

    /// What stands behind the keys that we tell: an MKI of four bytes (RFC 4568 §6.1).
    pub(crate) fn behind_keys(self) -> &'static str {
        if self == Self::NameKeys { "|1:4" } else { "" }
    }

    /// How many samples of a payload are heard.
    pub(crate) fn heard(self, len: u32) -> u32 {
        match self {
            Self::FixedFrames => len.min(160),
            _ => len,
        }
    }

    /// When a packet is taken to have come, in microseconds, `first` being the first one of its leg (arrival, timestamp).
    pub(crate) fn arrival(self, first: (u64, u32), arrival_us: u64, timestamp: u32) -> u64 {
        match self {
            Self::TrustTimestamps => first.0 + u64::from(timestamp.wrapping_sub(first.1)) * 125,
            _ => arrival_us,
        }
    }

    /// What happens to both legs' sound (near, far) before it is written, their SSRCs being these.
    pub(crate) fn spoil(self, legs: &mut [Track; 2], sources: [&[u32]; 2]) {
        match self {
            Self::MixEqualSources if sources[0] == sources[1] => legs[1] = legs[0].clone(),
            Self::SwapChannels => legs.swap(0, 1),
            Self::DoubleNear => legs[1] = legs[0].clone(),
            Self::DropStart => legs.iter_mut().for_each(|leg| leg.drop_start(8 * 80)),
            Self::TruncateEnd => legs.iter_mut().for_each(|leg| leg.drop_end(8000)),
            Self::DropHalves if legs.iter().any(Track::is_empty) => {
                legs.iter_mut().for_each(|leg| leg.drop_end(leg.len()));
            }
            Self::Quieter => legs.iter_mut().for_each(|leg| leg.change(quieter)),
            _ => {}
        }
    }
}

/// Learns the names of an enum's variants from its [`Deserialize`].
struct Names<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = Error;

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Error> {
        *self.0 = variants;
        Err(serde::de::Error::custom("the names are all that is wanted"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Error> {
        Err(serde::de::Error::custom("got another type, expected an enum"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

/// What has come and gone, for the faults that are about repeats.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    seen: BTreeSet<Vec<u8>>,
    count: u32,
}

impl Repeats {
    /// fault: an INVITE that came before is given a number and a branch of its own.
    pub(crate) fn as_another(&mut self, fault: Fault, message: Message) -> Message {
        if fault != Fault::TakeRepeatForCall || message.method() != Some("INVITE") {
            return message;
        }
        let request =
            format!("{} {}", message.header("CSeq").unwrap_or_default(), message.call_id().unwrap_or_default());
        if self.seen.insert(request.into_bytes()) {
            return message;
        }
        self.count += 1;
        let text = String::from_utf8_lossy(message.as_bytes()).into_owned();
        let text = text.replacen("branch=z9hG4bK", &format!("branch=z9hG4bK{}.", self.count), 1);
        let text = text.replacen("CSeq: 101", &format!("CSeq: {}", 101 + self.count), 1);
        Message::parse(text.as_bytes()).unwrap_or(message)
    }

    /// fault: whether these bytes are a 200 to INVITE that was sent before.
    pub(crate) fn withholds(&mut self, fault: Fault, bytes: &[u8]) -> bool {
        let is_answer = |message: &Message| {
            message.status() == Some(200) && message.cseq().is_ok_and(|cseq| cseq.method == "INVITE")
        };
        fault == Fault::AnswerOnce
            && Message::parse(bytes).is_ok_and(|message| is_answer(&message))
            && !self.seen.insert(bytes.to_vec())
    }
}

/// 3 dB down: a factor of 0.7079.
fn quieter(sample: i16) -> i16 {
    ((i32::from(sample) * 23_198) >> 15) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_recorder_keeps_every_packet_and_a_bad_one_loses_some() {
        assert!((1..1000).all(|nth| Fault::None.keeps_packet(nth)));
        assert!(!Fault::LoseEvery(50).keeps_packet(100));
        assert!(Fault::LoseEvery(50).keeps_packet(101));
        assert!(Fault::LoseEvery(0).keeps_packet(7));
    }

    #[test]
    fn every_fault_has_its_name_but_the_one_with_a_number() {
        let named: Vec<_> = Fault::named().collect();
        for (name, fault) in &named {
            assert_eq!(serde_json::to_value(fault).unwrap(), *name);
        }
        assert_eq!(named.first(), Some(&("none", Fault::None)));
        assert!(named.contains(&("store-stale", Fault::StoreStale)));
        assert!(named.iter().all(|(name, _)| *name != "lose-every"));
        let declared = include_str!("fault.rs").split("pub enum Fault {").nth(1).unwrap().split("\n}").next().unwrap();
        let variants = declared.lines().filter(|line| line.trim_end().ends_with(',')).count();
        assert_eq!(named.len() + 1, variants);
    }

    #[test]
    fn every_place_that_asks_for_a_fault_is_marked() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut folders = vec![root];
        let mut unmarked = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                if path.is_dir() && name != "tests" {
                    folders.push(path);
                } else if name.ends_with(".rs") && name != "fault.rs" && name != "tests.rs" {
                    unmarked.extend(asked_unmarked(&name, &std::fs::read_to_string(&path).unwrap()));
                }
            }
        }
        assert!(unmarked.is_empty(), "add a comment `fault: ...` above:\n{}", unmarked.join("\n"));
    }

    /// Lines of a file that name a fault without a mark within the eight lines above.
    fn asked_unmarked(name: &str, text: &str) -> Vec<String> {
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let lines: Vec<&str> = code.lines().collect();
        let asks = |line: &str| {
            let line = line.trim_start();
            line.contains("Fault::") && !line.starts_with("//") && !line.contains("Fault::None")
        };
        let is_marked = |at: usize| lines[at.saturating_sub(8)..=at].iter().any(|line| line.contains("fault:"));
        let found = lines.iter().enumerate().filter(|(at, line)| asks(line) && !is_marked(*at));
        found.map(|(at, line)| format!("{name}:{}: {}", at + 1, line.trim())).collect()
    }

    #[test]
    fn three_decibels_are_three_decibels() {
        assert_eq!((quieter(1000), quieter(0), quieter(i16::MIN)), (707, 0, -23_198));
    }
}
