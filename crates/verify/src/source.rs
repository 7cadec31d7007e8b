//! The truth in samples: every leg of every recording as frames on a time line.

use std::collections::HashMap;

use media::codec::{Codec, Decoder};
use media::g711::{self, Law};
use media::ledger::{Leg, Nature, Row, Stream};

use crate::fit::is_silent;
use crate::index::Index;
use crate::{Expected, Limits, Truth};

/// Samples a millisecond at 8 kHz.
pub(crate) const MS: i64 = 8;

/// Whether a frame has to be in the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duty {
    /// It was delivered in time: it must be there.
    Due,
    /// It came too late: it may be there.
    Late,
    /// It came before the recorder had to listen, or after it was told to stop: it may be there.
    Excused,
    /// It was never delivered: it cannot be there.
    Undelivered,
}

/// One packet's audio.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// Index into [`Truth::streams`].
    pub(crate) stream: u32,
    /// Index into the stream's rows.
    pub(crate) row: u32,
    /// Where it belongs on the leg's time line, in samples from the leg's first packet.
    pub(crate) at: i64,
    /// Where its samples start in [`Source::samples`].
    pub(crate) start: usize,
    /// Its length in samples.
    pub(crate) len: usize,
    /// Its sound is of 8 kHz.
    pub(crate) narrow: bool,
    pub(crate) duty: Duty,
    pub(crate) nature: Nature,
    /// All samples are equal, as in digital silence: it says nothing about where it belongs.
    pub(crate) weak: bool,
    /// Another frame of the voice within a second is the same, as in a tone: which of them is where cannot be told.
    pub(crate) alike: bool,
}

impl Frame {
    /// Where it ends on the time line.
    pub(crate) fn end(&self) -> i64 {
        self.at + self.len as i64
    }
}

/// One voice: a leg of a recording, or a stream that is part of none.
#[derive(Debug)]
pub(crate) struct Source {
    /// The recording and leg it belongs to.
    pub(crate) owner: Option<(usize, Leg)>,
    /// The phone that sent it.
    pub(crate) phone: String,
    /// The law its samples were decoded by, where they are not wide.
    pub(crate) law: Law,
    /// Whether any of it is G.722. Of 16 kHz every other sample is looked for, and those between are compared where it is found.
    pub(crate) wide: bool,
    samples: Vec<i16>,
    /// The samples between, as many, where it is wide.
    between: Vec<i16>,
    /// Genuine frames by time line, then all others.
    pub(crate) frames: Vec<Frame>,
    genuine: usize,
    /// Places on the time line that belong to packets without G.711 audio: comfort noise, telephone events.
    pub(crate) free: Vec<(i64, i64)>,
    /// Time line minus sending time, in samples (median).
    pub(crate) said: f64,
    /// Time line minus time of arrival, in samples: by the median packet, by the first, and by the one that was least on its way, which
    /// need not be usual where the length of packets changed.
    pub(crate) arrived: [f64; 3],
}

impl Source {
    /// The genuine frames in order of the time line.
    pub(crate) fn line(&self) -> &[Frame] {
        &self.frames[..self.genuine]
    }

    /// Whether the frame of this index is not genuine.
    pub(crate) fn is_stray(&self, frame: usize) -> bool {
        frame >= self.genuine
    }

    /// The frames that are not genuine.
    pub(crate) fn strays(&self) -> &[Frame] {
        &self.frames[self.genuine..]
    }

    pub(crate) fn samples(&self, frame: &Frame) -> &[i16] {
        &self.samples[frame.start..frame.start + frame.len]
    }

    /// The value nearest to this one that the codec can give.
    pub(crate) fn snap(&self, value: i16) -> i16 {
        if self.wide { value } else { g711::decode(self.law, g711::encode(self.law, value)) }
    }

    /// How the samples between those of a file, in which the frame is at `pos`, differ from the frame's: empty where they do not, as of a
    /// frame of 8 kHz, between whose samples anything may be.
    pub(crate) fn differs_between(&self, frame: &Frame, between: &[i16], pos: usize) -> Vec<i16> {
        let Some(own) = self.between.get(frame.start..frame.start + frame.len).filter(|_| !frame.narrow) else {
            return Vec::new();
        };
        let there = between.get(pos..).unwrap_or_default();
        // Where a file ends between two samples, the last one is not missed.
        let by: Vec<i16> = there.iter().zip(own).map(|(there, own)| there.wrapping_sub(*own)).collect();
        if by.iter().all(|by| *by == 0) { Vec::new() } else { by }
    }

    /// Whether `file` holds the frame at `pos`.
    #[inline]
    pub(crate) fn is_at(&self, frame: &Frame, file: &[i16], pos: i64) -> bool {
        usize::try_from(pos).is_ok_and(|pos| file.get(pos..pos + frame.len) == Some(self.samples(frame)))
    }

    /// Whether something that had to be recorded can be told from silence.
    pub(crate) fn is_audible(&self) -> bool {
        self.line().iter().any(|frame| frame.duty == Duty::Due && !frame.weak)
    }

    /// Whether something that had to be recorded is louder than what counts as silence.
    pub(crate) fn is_loud(&self) -> bool {
        self.line().iter().any(|frame| frame.duty == Duty::Due && !is_silent(self.samples(frame)))
    }

    /// Whether it repeats itself most of the time, as a tone does: where a frame of it belongs cannot be told.
    pub(crate) fn is_tone(&self) -> bool {
        self.line().iter().filter(|frame| frame.alike && !frame.weak).count() * 2 > self.line().len()
    }

    /// The time line from `from` on, as far as it was delivered; silence elsewhere.
    pub(crate) fn render(&self, from: i64, len: usize) -> Vec<i16> {
        let mut out = vec![0; len];
        let first = self.line().partition_point(|frame| frame.end() <= from);
        for frame in &self.line()[first..] {
            if frame.at >= from + len as i64 {
                break;
            }
            for (k, &sample) in self.samples(frame).iter().enumerate() {
                if let Ok(place) = usize::try_from(frame.at + k as i64 - from)
                    && let Some(out) = out.get_mut(place)
                {
                    *out = sample;
                }
            }
        }
        out
    }
}

/// All voices of a run, and where their frames are found.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) sources: Vec<Source>,
    /// The source of each leg of each recording.
    pub(crate) legs: Vec<[usize; 2]>,
    pub(crate) index: Index,
}

impl World {
    /// Decodes and indexes everything; `law` maps the law a payload is coded in to the one it is decoded by.
    pub(crate) fn new(truth: &Truth<'_>, limits: &Limits, law: fn(Law) -> Law) -> Self {
        let mut sources = Vec::new();
        let mut owned = vec![false; truth.streams.len()];
        let legs = (truth.recordings.iter().enumerate())
            .map(|(number, expected)| {
                Leg::ALL.map(|leg| {
                    for stream in expected.streams(leg) {
                        if let Some(owned) = owned.get_mut(*stream) {
                            *owned = true;
                        }
                    }
                    let owner = Some((number, leg));
                    sources.push(
                        Builder::new(truth.streams, limits, Some(expected), law).build(owner, expected.streams(leg)),
                    );
                    sources.len() - 1
                })
            })
            .collect();
        for (number, _) in owned.iter().enumerate().filter(|(_, owned)| !**owned) {
            sources.push(Builder::new(truth.streams, limits, None, law).build(None, &[number]));
        }
        let index = Index::new(&sources);
        Self { sources, legs, index }
    }

    pub(crate) fn source_of(&self, recording: usize, leg: Leg) -> Option<usize> {
        self.legs.get(recording).map(|legs| legs[leg as usize])
    }
}

/// Makes one [`Source`].
struct Builder<'a> {
    streams: &'a [Stream],
    limits: &'a Limits,
    expected: Option<&'a Expected>,
    law: fn(Law) -> Law,
    samples: Vec<i16>,
    between: Vec<i16>,
    /// By SSRC: a stream that goes on under another key goes on in its decoder.
    decoders: HashMap<u32, Decoder>,
    genuine: Vec<Frame>,
    others: Vec<Frame>,
    free: Vec<(i64, i64)>,
}

impl<'a> Builder<'a> {
    fn new(streams: &'a [Stream], limits: &'a Limits, expected: Option<&'a Expected>, law: fn(Law) -> Law) -> Self {
        let (samples, genuine, others, free) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (between, decoders) = (Vec::new(), HashMap::new());
        Self { streams, limits, expected, law, samples, between, decoders, genuine, others, free }
    }

    fn build(mut self, owner: Option<(usize, Leg)>, numbers: &[usize]) -> Source {
        let (mut start_us, mut before) = (None, None);
        for &number in numbers {
            let Some(stream) = self.streams.get(number) else { continue };
            let genuine = || stream.rows.iter().filter(|row| row.nature == Nature::Genuine);
            let Some(first) = genuine().next() else { continue };
            // The packets of a key that is pressed already bear the timestamp of its press: sound says where the stream is.
            let heard = genuine().find(|row| row.codec().is_some()).unwrap_or(first);
            let start_us = *start_us.get_or_insert_with(|| said_us(heard));
            let sent = (said_us(heard) - start_us) * MS / 1000;
            let base = before.and_then(|before| goes_on(before, stream.ssrc, heard.timestamp, sent)).unwrap_or(sent);
            let ahead = i64::from(heard.timestamp.wrapping_sub(first.timestamp) as i32);
            before = Some(self.add(number as u32, stream, first.timestamp, base - ahead));
        }
        // Genuine packets are nearly always sent in order, which this sort takes at one comparison a packet.
        self.genuine.sort_by_key(|frame| frame.at);
        mark_alike(&mut self.genuine, &self.samples);
        let first = numbers.first().and_then(|&number| self.streams.get(number));
        let phone = first.map_or_else(String::new, |stream| stream.phone.clone());
        let law = (self.law)(first.and_then(|stream| stream.codec.law()).unwrap_or(Law::Mu));
        let wide = !self.between.is_empty();
        let (said, arrived) = self.clocks();
        let genuine = self.genuine.len();
        let mut frames = self.genuine;
        frames.append(&mut self.others);
        let (samples, between) = (self.samples, self.between);
        Source { owner, phone, law, wide, samples, between, frames, genuine, free: self.free, said, arrived }
    }

    /// Adds a stream whose first packet has this place; where it ended.
    fn add(&mut self, number: u32, stream: &Stream, timestamp: u32, base: i64) -> Last {
        self.samples.reserve(stream.payloads.len());
        self.genuine.reserve(stream.rows.len());
        let fastest = stream.rows.iter().filter_map(|row| row.fate.delay_us()).min().unwrap_or(0);
        let (mut last, mut at, mut due) = (timestamp, base, None);
        let began = stream.rows.first().map_or(0, |row| row.sent_us);
        for (row_number, row) in stream.rows.iter().enumerate() {
            let step = i64::from(row.timestamp.wrapping_sub(last) as i32);
            let here = at + step.max(stalled(due, row, step));
            if row.nature == Nature::Genuine {
                (last, at, due) = (row.timestamp, here, Some(due_us(row)));
            }
            let Some(codec) = row.codec() else {
                self.free.push((here, here + free_samples(stream, row)));
                continue;
            };
            let payload = stream.payload(row);
            if payload.is_empty() {
                continue;
            }
            let start = self.samples.len();
            match codec.law() {
                Some(law) => {
                    let table = (self.law)(law).samples();
                    self.samples.extend(payload.iter().map(|&code| table[usize::from(code)]));
                }
                None => self.hear_wide(stream.ssrc, codec, row, payload),
            }
            let samples = &self.samples[start..];
            let frame = Frame {
                stream: number,
                row: row_number as u32,
                at: here,
                start,
                len: samples.len(),
                narrow: codec.law().is_some(),
                duty: self.duty(row, began, fastest),
                nature: row.nature,
                weak: samples.iter().all(|&sample| sample == samples[0]),
                alike: false,
            };
            let list = if row.nature == Nature::Genuine { &mut self.genuine } else { &mut self.others };
            list.push(frame);
        }
        Last { ssrc: stream.ssrc, timestamp: last, at }
    }

    /// Decodes a packet of 16 kHz. Only what arrived is in the decoder's memory.
    fn hear_wide(&mut self, ssrc: u32, codec: Codec, row: &Row, payload: &[u8]) {
        let mut decoder = self.decoders.remove(&ssrc).unwrap_or_else(|| Decoder::new(codec));
        let (before, mut wide) = (decoder.clone(), Vec::with_capacity(payload.len() * 2));
        decoder.decode(payload, &mut wide);
        let took = row.nature == Nature::Genuine && row.fate.delay_us().is_some();
        self.decoders.insert(ssrc, if took { decoder } else { before });
        self.between.resize(self.samples.len(), 0);
        self.samples.extend(wide.iter().step_by(2));
        self.between.extend(wide.iter().skip(1).step_by(2));
    }

    /// What a packet of a stream that `began` then is due to be.
    fn duty(&self, row: &Row, began: u64, fastest: u32) -> Duty {
        let (Some(delay), Some(arrived)) = (row.fate.delay_us(), row.arrived_us()) else {
            return Duty::Undelivered;
        };
        let ms = |ms: u32| u64::from(ms) * 1000;
        let (from, until) = self.expected.map_or((None, None), |expected| {
            let pause = expected.pause_behind(began);
            (expected.from_us, pause.map(|pause| pause.from_us).or(expected.until_us))
        });
        if from.is_some_and(|from| arrived < from + ms(self.limits.start_clip_ms))
            || until.is_some_and(|until| arrived + ms(self.limits.end_clip_ms) > until)
        {
            Duty::Excused
        } else if u64::from(delay - fastest) > ms(self.limits.late_ms) {
            Duty::Late
        } else {
            Duty::Due
        }
    }

    /// How the time line lies against the times of sending and of arrival.
    fn clocks(&self) -> (f64, [f64; 3]) {
        let row = |frame: &Frame| &self.streams[frame.stream as usize].rows[frame.row as usize];
        let samples = |us: u64| us as f64 * MS as f64 / 1000.0;
        let step = self.genuine.len() / 1000 + 1;
        let some = || self.genuine.iter().step_by(step);
        let said = median(some().map(|frame| frame.at as f64 - samples(row(frame).sent_us)).collect());
        let arrival = |frame: &Frame| row(frame).arrived_us().map(|us| frame.at as f64 - samples(us));
        let arrived = median(some().filter_map(arrival).collect());
        let first = self.genuine.iter().find_map(arrival).unwrap_or(said);
        let least = self.genuine.iter().filter_map(arrival).max_by(f64::total_cmp).unwrap_or(said);
        (said, [arrived, first, least])
    }
}

/// Where a stream's last genuine packet stands.
#[derive(Clone, Copy)]
struct Last {
    ssrc: u32,
    timestamp: u32,
    at: i64,
}

/// When what a packet holds was begun to be said: it leaves when that ends.
fn said_us(row: &Row) -> i64 {
    // A key is told in packets of no sound, one every 20 ms.
    let samples = row.codec().map_or(20 * MS, |_| i64::from(row.payload_len));
    row.sent_us as i64 - samples * 1000 / MS
}

/// The place of the first packet of the next stream, said at the place `sent`, by its timestamp: one sender that goes on under another
/// key or with packets of another length goes on in RTP time too.
fn goes_on(before: Last, ssrc: u32, timestamp: u32, sent: i64) -> Option<i64> {
    let at = before.at + i64::from(timestamp.wrapping_sub(before.timestamp) as i32);
    (before.ssrc == ssrc && (at - sent).abs() <= LONGEST_PACKET).then_some(at)
}

/// 60 ms.
const LONGEST_PACKET: i64 = 60 * MS;

/// When a packet was to be sent: the sender itself may be late, and then catches up.
fn due_us(row: &Row) -> i64 {
    row.sent_us as i64 - i64::from(row.late_us)
}

/// How much time really passed since the packet before was due, where RTP time stood still meanwhile; else nothing.
fn stalled(before_us: Option<i64>, row: &Row, step: i64) -> i64 {
    let passed = before_us.map_or(0, |before_us| (due_us(row) - before_us) * MS / 1000);
    if passed - step >= STALL { passed } else { 0 }
}

/// A sender whose RTP time falls behind by so much from one packet to the next has stood still.
const STALL: i64 = 500 * MS;

/// Marks the frames that are like another one near them.
fn mark_alike(frames: &mut [Frame], samples: &[i16]) {
    let mut seen: HashMap<&[i16], usize> = HashMap::with_capacity(frames.len());
    for number in 0..frames.len() {
        let content = &samples[frames[number].start..][..frames[number].len];
        let before = seen.insert(content, number);
        if let Some(before) = before.filter(|&before| frames[number].at - frames[before].at <= 1000 * MS) {
            frames[before].alike = true;
            frames[number].alike = true;
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// How much of the time line a packet without G.711 audio takes. A telephone event says how long its key has been held (RFC 4733
/// §2.3.5); all its packets bear the timestamp at which it was pressed.
fn free_samples(stream: &Stream, row: &Row) -> i64 {
    let held = match stream.payload(row) {
        [_, _, high, low] if row.payload_type >= FIRST_DYNAMIC => u16::from_be_bytes([*high, *low]).into(),
        _ => 0,
    };
    i64::from(stream.samples_per_packet).max(held)
}

/// The first payload type that a description gives a meaning to (RFC 3551 §6); telephone events have one of these.
const FIRST_DYNAMIC: u8 = 96;
