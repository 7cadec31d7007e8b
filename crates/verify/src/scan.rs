//! Finds every frame of the truth in a channel.

use crate::index::{Entry, Roller};
use crate::source::{Frame, World};

/// A frame found in a channel, sample for sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placement {
    pub(crate) source: usize,
    pub(crate) frame: usize,
    /// Where it starts in the channel.
    pub(crate) pos: usize,
}

impl Placement {
    pub(crate) fn frame<'w>(&self, world: &'w World) -> &'w Frame {
        &world.sources[self.source].frames[self.frame]
    }

    /// Where the start of the source's time line lies in the channel, by this frame.
    pub(crate) fn offset(&self, world: &World) -> i64 {
        self.pos as i64 - self.frame(world).at
    }

    pub(crate) fn end(&self, world: &World) -> usize {
        self.pos + self.frame(world).len
    }
}

/// Finds the frames of all sources in `file`, in the order of the file and without overlap.
///
/// Where a content is that of several frames, the one of `home` is taken, else of the other leg of the same recording,
/// else of another recording; among several of one source the one nearest to where it is expected. So a frame is
/// foreign only if nothing nearer explains it.
pub(crate) fn scan(world: &World, file: &[i16], home: usize) -> Vec<Placement> {
    let found = Scan::new(world, file, home, None).run();
    match tone_offset(world, file, home, &found) {
        Some(offset) => Scan::new(world, file, home, Some(Track { source: home, offset, next: 0 })).run(),
        None => found,
    }
}

/// How far a tone may lie from where its first frame was seen, in samples: a second.
const TONE_REACH: i64 = 8000;

/// Where the time line of a voice starts that repeats itself, if most of it lies elsewhere than was found: its frames say nothing of
/// that, its beginning and its end do.
fn tone_offset(world: &World, file: &[i16], home: usize, found: &[Placement]) -> Option<i64> {
    let source = world.sources.get(home)?;
    let line = source.line();
    if !source.is_tone() {
        return None;
    }
    let is_home = |placement: &&Placement| placement.source == home && !source.is_stray(placement.frame);
    let seen = found.iter().find(is_home)?.offset(world);
    let telling: Vec<&Frame> = line.iter().filter(|frame| !frame.weak).collect();
    let edge = telling.len().min(50);
    let some: Vec<&Frame> = telling[..edge].iter().chain(&telling[telling.len() - edge..]).copied().collect();
    let exact = |offset: i64| some.iter().filter(|frame| source.is_at(frame, file, frame.at + offset)).count();
    // Of equals the one that is nearest to what was seen.
    let best = (seen - TONE_REACH..=seen + TONE_REACH)
        .max_by_key(|&offset| (exact(offset), -offset.abs_diff(seen).cast_signed()))?;
    (best != seen && exact(best) > exact(seen)).then_some(best)
}

/// A time line that the file is being followed along.
#[derive(Clone, Copy, Debug)]
struct Track {
    source: usize,
    offset: i64,
    next: usize,
}

struct Scan<'a> {
    world: &'a World,
    file: &'a [i16],
    home: usize,
    /// The time line of the home source, once a few frames vouch for it.
    main: Option<Track>,
    /// Whatever was found last.
    side: Option<Track>,
    /// Telling frames found on `side` in a row.
    strong: u32,
    found: Vec<Placement>,
}

/// Telling frames in a row that make a side track of the home source the main one.
const VOUCHERS: u32 = 3;

impl<'a> Scan<'a> {
    fn new(world: &'a World, file: &'a [i16], home: usize, main: Option<Track>) -> Self {
        let found = Vec::with_capacity(world.sources.get(home).map_or(0, |source| source.frames.len()));
        Self { world, file, home, main, side: None, strong: 0, found }
    }

    fn run(mut self) -> Vec<Placement> {
        let mut roller = Roller::new(self.file);
        let mut at = 0;
        loop {
            if let Some(end) = self.follow(at) {
                at = end;
                continue;
            }
            let stop = self.next_stop(at);
            let mut from = at;
            at = loop {
                let Some((place, entries)) = roller.next(&self.world.index, from, stop) else { break stop };
                if let Some(best) = self.choose(place, entries) {
                    break self.take(best);
                }
                from = place + 1;
            };
            if at >= self.file.len() {
                return self.found;
            }
        }
    }

    /// Takes the next frame of a track if it is at `at`; returns its end.
    fn follow(&mut self, at: usize) -> Option<usize> {
        if let Some(frame) = self.is_next(self.main, at) {
            let track = self.main.as_mut()?;
            track.next = frame + 1;
            let placement = Placement { source: track.source, frame, pos: at };
            self.found.push(placement);
            return Some(placement.end(self.world));
        }
        let frame = self.is_next(self.side, at)?;
        let source = self.side?.source;
        Some(self.take(Placement { source, frame, pos: at }))
    }

    fn is_next(&self, track: Option<Track>, at: usize) -> Option<usize> {
        let track = track?;
        let source = &self.world.sources[track.source];
        let line = source.line();
        let next = skip(line, track, at);
        let frame = line.get(next)?;
        (frame.at + track.offset == at as i64 && source.is_at(frame, self.file, at as i64)).then_some(next)
    }

    /// The first place behind `at` at which a track's next frame would start; the end of the file if there is none.
    fn next_stop(&mut self, at: usize) -> usize {
        let mut stop = self.file.len();
        for track in [&mut self.main, &mut self.side].into_iter().flatten() {
            let line = self.world.sources[track.source].line();
            track.next = skip(line, *track, at + 1);
            if let Some(frame) = line.get(track.next) {
                stop = stop.min((frame.at + track.offset) as usize);
            }
        }
        stop
    }

    /// The best frame among those of one hash that really is at `place`.
    fn choose(&self, place: usize, entries: &[Entry]) -> Option<Placement> {
        let mut best: Option<((u8, u64), Placement)> = None;
        for entry in entries {
            let (source, frame) = (entry.source as usize, entry.frame as usize);
            let placement = Placement { source, frame, pos: place };
            let off = placement.offset(self.world).abs_diff(self.expected_offset(source));
            let cost = (self.rank(placement), off);
            if best.is_none_or(|(least, _)| cost < least)
                && self.world.sources[source].is_at(placement.frame(self.world), self.file, place as i64)
            {
                best = Some((cost, placement));
            }
        }
        best.map(|(_, placement)| placement)
    }

    /// How far a frame's source is from the home source.
    fn rank(&self, placement: Placement) -> u8 {
        let source = &self.world.sources[placement.source];
        let recording = self.world.sources.get(self.home).and_then(|home| home.owner).map(|(recording, _)| recording);
        let distance = match source.owner {
            _ if placement.source == self.home => 0,
            Some((owner, _)) if Some(owner) == recording => 1,
            Some(_) => 2,
            None => 3,
        };
        2 * distance + u8::from(source.is_stray(placement.frame))
    }

    /// Where the source's time line should start in the file: as on the home track, by the time of sending.
    fn expected_offset(&self, source: usize) -> i64 {
        let Some(main) = self.main else { return 0 };
        let sources = &self.world.sources;
        main.offset + (sources[main.source].said - sources[source].said) as i64
    }

    /// Notes a placement and follows its track from now on; returns its end.
    fn take(&mut self, placement: Placement) -> usize {
        let source = &self.world.sources[placement.source];
        let end = placement.end(self.world);
        if source.is_stray(placement.frame) {
            self.found.push(placement);
            return end;
        }
        let track = Track { source: placement.source, offset: placement.offset(self.world), next: placement.frame + 1 };
        let same = self.side.is_some_and(|side| side.source == track.source && side.offset == track.offset);
        if !same {
            self.strong = 0;
            self.look_back(placement, track.offset);
        }
        self.found.push(placement);
        self.strong += u32::from(!placement.frame(self.world).weak);
        self.side = Some(track);
        if track.source == self.home && (self.main.is_none() || self.strong >= VOUCHERS) {
            self.main = Some(track);
        }
        end
    }

    /// Finds the frames just before a new track's first one that were passed over because they say too little.
    fn look_back(&mut self, placement: Placement, offset: i64) {
        let free = self.found.last().map_or(0, |last| last.end(self.world)) as i64;
        let source = &self.world.sources[placement.source];
        let mut before = Vec::new();
        for (number, frame) in source.line()[..placement.frame].iter().enumerate().rev() {
            let pos = frame.at + offset;
            if pos < free || !source.is_at(frame, self.file, pos) {
                break;
            }
            before.push(Placement { source: placement.source, frame: number, pos: pos as usize });
        }
        self.found.extend(before.into_iter().rev());
    }
}

/// The first frame from `track.next` on that is not before `at`.
fn skip(line: &[Frame], track: Track, at: usize) -> usize {
    let mut next = track.next;
    while line.get(next).is_some_and(|frame| frame.at + track.offset < at as i64) {
        next += 1;
    }
    next
}
