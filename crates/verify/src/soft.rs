//! Follows a voice through a file that does not hold it sample for sample: transcoded, filtered, resampled.
//!
//! Every quarter of a second of what was said is looked for near where the last one lay; half a second of speech is like nothing
//! else within reach. So it is known where the voice is, how fast it runs, where it jumps and where it is not, to about a
//! quarter of a second: no single frame, but no second is taken on trust either.

use crate::align::correlate;
use crate::fit::{dot, rms};
use crate::source::{MS, Source};

/// Samples that are looked for at once: half a second.
const WINDOW: usize = 4000;

/// How far apart they are.
const HOP: i64 = 2000;

/// How far from where it should be a window is looked for first: 50 ms.
const NEAR: i64 = 50 * MS;

/// Within this it is where it should be: 4 ms; elsewhere it must be so much more alike.
const CLOSE: i64 = 4 * MS;
const BETTER: f64 = 0.02;

/// What is so much alike is not looked for elsewhere.
const SURE: f64 = 0.95;

/// And how far where it is not there: 2 s, and behind that 20 s.
const FAR: [i64; 2] = [2000 * MS, 20_000 * MS];

/// How often it is looked for so far away.
const SEARCHES: usize = 200;

/// So many windows, four seconds of speech, of which hardly any is there: it is not the voice.
const HOPELESS: usize = 16;

/// A window is there if it is so much alike.
const THERE: f64 = 0.5;

/// And far away only if it is clearly so.
const CLEARLY: f64 = 0.6;

/// Windows fainter than this share of the voice say nothing.
const FAINT: f64 = 0.15;

/// The voice jumps if it is off by more than this from one window to the next: 8 ms.
const JUMP: f64 = 8.0 * MS as f64;

/// No voice is so high that it repeats itself sooner: 1.25 ms.
const PITCH: f64 = 1.25 * MS as f64;

/// Less than this share of the energy that should be there is silence.
const SILENT: f64 = 0.05;

/// A window that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Point {
    /// Where it begins on the voice's time line.
    at: i64,
    /// Where the time line would start in the file, by it.
    offset: f64,
    likeness: f64,
}

/// A stretch without a jump.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Segment {
    /// Where it begins and ends on the voice's time line.
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// Where the time line would start in the file, at its beginning and at its end.
    pub(crate) offsets: [f64; 2],
    /// By how much the file's clock is slower than the voice's, in millionths: the file is that much longer.
    pub(crate) ppm: f64,
    /// How far a window lies from where that puts it, at most, in samples.
    pub(crate) rest: f64,
}

/// What is in the place of a part of the voice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Instead {
    Silence,
    /// Another voice, by its number.
    Voice(usize),
    Unknown,
    /// The file does not reach so far.
    Nothing,
}

/// A part of the voice that is not there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Hole {
    /// On the voice's time line.
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// In the file.
    pub(crate) place: i64,
    pub(crate) instead: Instead,
}

/// A voice as it was followed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Soft {
    pub(crate) segments: Vec<Segment>,
    pub(crate) holes: Vec<Hole>,
    /// How much alike the windows are that were found (median).
    pub(crate) likeness: f64,
    /// Windows that were found, and all that say something.
    pub(crate) found: usize,
    pub(crate) telling: usize,
    /// The first and last frame of each stretch of the line that speaks and where the file is silent.
    pub(crate) silent: Vec<(usize, usize)>,
    /// What the windows that were found cover of the voice's time line, without overlap.
    pub(crate) heard: Vec<(i64, i64)>,
}

impl Soft {
    /// Where a place of the voice's time line lies in the file.
    pub(crate) fn place(&self, at: i64) -> i64 {
        let next = self.segments.partition_point(|segment| segment.to <= at);
        let segment = &self.segments[next.min(self.segments.len() - 1)];
        at + (segment.offsets[0] + segment.ppm / 1e6 * (at - segment.from) as f64).round() as i64
    }

    /// The drift of the longest segment.
    pub(crate) fn ppm(&self) -> f64 {
        self.segments.iter().max_by_key(|segment| segment.to - segment.from).map_or(0.0, |segment| segment.ppm)
    }
}

/// Follows a voice that begins at about `offset`; `others` may be in its place. `None` if less than half of it is there.
pub(crate) fn follow(voice: &Source, others: &[(usize, &Source)], file: &[i16], offset: i64) -> Option<Soft> {
    let (first, last) = (voice.line().first()?.at, voice.line().last()?.end());
    let mut walk = Walk { others, file, offset: offset as f64, searches: 0, points: Vec::new(), holes: Vec::new() };
    let level = loudness(voice, first, last);
    let mut telling = 0;
    for at in (first..last - WINDOW as i64).step_by(HOP as usize) {
        let window = voice.render(at, WINDOW);
        if rms(&window) > level * FAINT {
            telling += 1;
            walk.window(at, &window);
            if telling >= HOPELESS && walk.points.len() * 4 < telling {
                return None;
            }
        }
    }
    walk.drop_strays();
    let found = walk.points.len();
    if found * 2 < telling || found < 2 {
        return None;
    }
    let mut alike: Vec<f64> = walk.points.iter().map(|point| point.likeness).collect();
    alike.sort_by(f64::total_cmp);
    let segments: Vec<Segment> = walk.points.chunk_by(|a, b| (a.offset - b.offset).abs() < JUMP).map(segment).collect();
    // A window that a jump tears is in neither place.
    let torn = |hole: &Hole| {
        let segments: &Vec<Segment> = &segments;
        let is_edge = |pair: &[Segment]| pair[0].to >= hole.from - HOP && pair[1].from <= hole.to + HOP;
        hole.to - hole.from <= WINDOW as i64 + 2 * HOP && segments.windows(2).any(is_edge)
    };
    walk.holes.retain(|hole| !torn(hole));
    let heard = covered(&walk.points);
    let (holes, likeness, silent_yet) = (walk.holes, alike[found / 2], Vec::new());
    let mut soft = Soft { segments, holes, likeness, found, telling, silent: silent_yet, heard };
    soft.silent = silent(voice, file, &soft, level);
    Some(soft)
}

/// What windows cover, where they overlap as one.
fn covered(points: &[Point]) -> Vec<(i64, i64)> {
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for (from, to) in points.iter().map(|point| (point.at, point.at + WINDOW as i64)) {
        match ranges.last_mut() {
            Some(last) if from <= last.1 => last.1 = to,
            _ => ranges.push((from, to)),
        }
    }
    ranges
}

/// Where the voice speaks for two frames and more, and the file is silent.
fn silent(voice: &Source, file: &[i16], soft: &Soft, level: f64) -> Vec<(usize, usize)> {
    let line = voice.line();
    // Where exactly a jump is, is not known; where something else is, nothing is silent.
    let jumps = soft.segments.windows(2).map(|pair| pair[0].to - WINDOW as i64..pair[1].from + WINDOW as i64);
    let other =
        soft.holes.iter().filter(|hole| matches!(hole.instead, Instead::Voice(_))).map(|hole| hole.from..hole.to);
    let zones: Vec<_> = jumps.chain(other).collect();
    let measured = |number: usize| {
        if zones.iter().any(|zone| zone.contains(&line[number].at)) {
            return None;
        }
        let own = rms(voice.samples(&line[number]));
        let start = usize::try_from(soft.place(line[number].at)).ok()?;
        let heard = file.get(start..start + line[number].len)?;
        (own > level * FAINT * 2.0).then(|| (own, rms(heard)))
    };
    let mut gains: Vec<f64> = (0..line.len()).filter_map(measured).map(|(own, heard)| heard / own).collect();
    gains.sort_by(f64::total_cmp);
    let gain = gains.get(gains.len() / 2).copied().unwrap_or(1.0);
    let is_silent = |number: &usize| measured(*number).is_some_and(|(own, heard)| heard < own * gain * QUIET);
    let quiet: Vec<usize> = (0..line.len()).filter(is_silent).collect();
    let runs = quiet.chunk_by(|a, b| a + 1 == *b).filter(|run| run.len() > 1);
    runs.map(|run| (run[0], run[run.len() - 1])).collect()
}

/// A frame that speaks and of which less than this share of its amplitude is there is silent.
const QUIET: f64 = 0.08;

/// The loudness of the voice where it speaks.
fn loudness(voice: &Source, first: i64, last: i64) -> f64 {
    let step = ((last - first) / 400).max(WINDOW as i64 / 4);
    let parts = (first..last).step_by(step as usize).map(|at| rms(&voice.render(at, WINDOW / 4)));
    let mut parts: Vec<f64> = parts.collect();
    parts.sort_by(f64::total_cmp);
    parts.get(parts.len() * 9 / 10).copied().unwrap_or(0.0)
}

struct Walk<'a> {
    others: &'a [(usize, &'a Source)],
    file: &'a [i16],
    /// Where the time line starts, by the last window.
    offset: f64,
    searches: usize,
    points: Vec<Point>,
    holes: Vec<Hole>,
}

impl Walk<'_> {
    fn window(&mut self, at: i64, window: &[i16]) {
        let place = at + self.offset.round() as i64;
        // A vowel is like itself one pitch on: of two places as good the one is taken where it should be.
        let close = self.near(window, place, CLOSE);
        let wide = if close.is_some_and(|close| close.1 >= SURE) { None } else { self.near(window, place, NEAR) };
        let near = match (wide, close) {
            (Some(wide), Some(close)) if close.1 < wide.1 - BETTER => Some(wide),
            (wide, close) => close.or(wide),
        };
        let near = near.filter(|(_, likeness)| *likeness >= THERE);
        let found = near.or_else(|| self.far(window, place));
        if let Some((place, likeness)) = found {
            self.offset = place - at as f64;
            self.points.push(Point { at, offset: self.offset, likeness });
            return;
        }
        let instead = self.instead(window, place);
        match self.holes.last_mut() {
            Some(hole) if hole.to >= at && hole.instead == instead => hole.to = at + WINDOW as i64,
            _ => self.holes.push(Hole { from: at, to: at + WINDOW as i64, place, instead }),
        }
    }

    /// Drops up to three windows that are elsewhere while those around them are not: a file does not go astray and come back
    /// within a second, a vowel that is like the last one does.
    fn drop_strays(&mut self) {
        let points = std::mem::take(&mut self.points);
        let off = |a: &Point, b: &Point| (a.offset - b.offset).abs() >= JUMP;
        let mut at = 0;
        while let Some(point) = points.get(at) {
            let back =
                self.points.last().filter(|last| off(last, point)).and_then(|last| {
                    (at + 1..=at + 3).find(|next| points.get(*next).is_some_and(|next| !off(next, last)))
                });
            match back {
                Some(back) => at = back,
                None => {
                    self.points.push(*point);
                    at += 1;
                }
            }
        }
    }

    /// The likeliest place of a window within `reach` of `place`, to a fraction of a sample.
    fn near(&self, window: &[i16], place: i64, reach: i64) -> Option<(f64, f64)> {
        const COARSE: usize = 4;
        let start = place - reach;
        let region = self.part(start, WINDOW + 2 * reach as usize);
        let (slow, thin) = (thinned(&region, COARSE), thinned(window, COARSE));
        let rough: Vec<f32> = (0..=slow.len() - thin.len()).map(|lag| alike(&slow[lag..], &thin)).collect();
        let best = (0..rough.len()).max_by(|a, b| rough[*a].total_cmp(&rough[*b]))? * COARSE;
        let (from, to) = (best.saturating_sub(COARSE + 2), (best + COARSE + 2).min(region.len() - WINDOW));
        let fine = likenesses(&region[from..to + WINDOW], window);
        let at = (0..fine.len()).max_by(|a, b| fine[*a].total_cmp(&fine[*b]))?;
        let (lag, beside) = (from + at, |at: Option<usize>| at.and_then(|at| fine.get(at)).copied().unwrap_or(-1.0));
        let (left, middle, right) = (beside(at.checked_sub(1)), fine[at], beside(at.checked_add(1)));
        let bend = left - 2.0 * middle + right;
        let part = if bend < 0.0 { ((left - right) / (2.0 * bend)).clamp(-0.5, 0.5) } else { 0.0 };
        Some((start as f64 + lag as f64 + part, middle))
    }

    fn far(&mut self, window: &[i16], place: i64) -> Option<(f64, f64)> {
        FAR.into_iter().find_map(|reach| {
            if self.searches >= SEARCHES {
                return None;
            }
            self.searches += 1;
            let start = (place - reach).max(0);
            let end = (place + reach + WINDOW as i64).min(self.file.len() as i64);
            let region = self.file.get(start as usize..end.max(start) as usize)?;
            let (at, likeness) = correlate(window, region)?;
            let found = || self.near(window, start + at as i64, 16);
            if likeness < CLEARLY { None } else { found() }
        })
    }

    /// The samples of the file from `start` on; silence outside of it.
    fn part(&self, start: i64, len: usize) -> Vec<i16> {
        let mut out = vec![0; len];
        let from = start.clamp(0, self.file.len() as i64);
        let to = (start + len as i64).clamp(from, self.file.len() as i64);
        let there = &self.file[from as usize..to as usize];
        if let Some(out) = usize::try_from(from - start).ok().and_then(|from| out.get_mut(from..from + there.len())) {
            out.copy_from_slice(there);
        }
        out
    }

    /// What is where a window should be.
    fn instead(&mut self, window: &[i16], place: i64) -> Instead {
        let whole = place >= 0 && place + WINDOW as i64 <= self.file.len() as i64;
        let heard = self.part(place, WINDOW);
        if !whole {
            return Instead::Nothing;
        }
        if rms(&heard) < rms(window) * SILENT {
            return Instead::Silence;
        }
        let other = self.others.iter().find(|(_, other)| {
            if self.searches >= SEARCHES {
                return false;
            }
            self.searches += 1;
            let line = other.line();
            let Some((first, last)) = line.first().zip(line.last()) else { return false };
            let from = (place - FAR[1]).max(first.at - WINDOW as i64);
            let to = (place + FAR[1]).min(last.end() + WINDOW as i64);
            let said = other.render(from, usize::try_from(to - from).unwrap_or(0));
            correlate(&heard, &said).is_some_and(|(_, likeness)| likeness >= CLEARLY)
        });
        other.map_or(Instead::Unknown, |(number, _)| Instead::Voice(*number))
    }
}

/// The mean of every `by` samples.
fn thinned(samples: &[i16], by: usize) -> Vec<f32> {
    samples.chunks_exact(by).map(|part| part.iter().map(|&sample| f32::from(sample)).sum()).collect()
}

/// How much alike the beginning of `heard` is to `said`.
fn alike(heard: &[f32], said: &[f32]) -> f32 {
    let (mut cross, mut energy) = (0.0f32, 1.0f32);
    for (heard, said) in heard.iter().zip(said) {
        cross += heard * said;
        energy += heard * heard;
    }
    cross / energy.sqrt()
}

/// How much alike `said` is to `heard` from each of its samples on.
fn likenesses(heard: &[i16], said: &[i16]) -> Vec<f64> {
    let own = dot(said, said);
    let square = |sample: i16| f64::from(sample) * f64::from(sample);
    let mut energy = dot(&heard[..said.len()], &heard[..said.len()]);
    (0..=heard.len() - said.len())
        .map(|lag| {
            if lag > 0 {
                energy += square(heard[lag + said.len() - 1]) - square(heard[lag - 1]);
            }
            dot(&heard[lag..lag + said.len()], said) / (energy * own).sqrt().max(1.0)
        })
        .collect()
}

/// The line through the points of a segment: the median of the slopes between them (Theil and Sen), which does not mind some
/// that are wrong.
fn segment(points: &[Point]) -> Segment {
    const PAIRS: usize = 60;
    let thin: Vec<&Point> = points.iter().step_by(points.len() / PAIRS + 1).collect();
    let pairs = thin.iter().enumerate().flat_map(|(n, a)| thin[n + 1..].iter().map(move |b| (*a, *b)));
    let mut slopes: Vec<f64> = pairs.map(|(a, b)| (b.offset - a.offset) / (b.at - a.at) as f64).collect();
    slopes.sort_by(f64::total_cmp);
    let slope = slopes.get(slopes.len() / 2).copied().unwrap_or(0.0);
    let mut bases: Vec<f64> = points.iter().map(|point| point.offset - slope * point.at as f64).collect();
    bases.sort_by(f64::total_cmp);
    let base = bases[bases.len() / 2];
    // A vowel that is like the last one is one pitch off, and is none of the clock's doing.
    let off = || bases.iter().map(|own| (own - base).abs());
    let rest = match off().filter(|off| *off <= PITCH).count() * 4 >= points.len() * 3 {
        true => off().filter(|off| *off <= PITCH).fold(0.0, f64::max),
        false => off().fold(0.0, f64::max),
    };
    let (from, to) = (points[0].at, points[points.len() - 1].at + WINDOW as i64);
    let offsets = [from, to].map(|at| base + slope * at as f64);
    Segment { from, to, offsets, ppm: slope * 1e6, rest }
}
