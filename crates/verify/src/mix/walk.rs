//! Walks a mix from frame edge to frame edge and says of each stretch which of the legs are in it.

use media::g711::{decode, encode};

use super::{Closeness, Part, frame_at};
use crate::align::correlate;
use crate::fit::{dot, fit_two};
use crate::source::{MS, Source};

/// So much without an explanation, and the legs are looked for anew: 30 ms.
const LOST: usize = 30 * MS as usize;

/// Samples that are laid over the legs to find them again.
const PROBE: usize = 4096;

/// How far from where they should be they are looked for: 4 s, and behind that 60 s.
const AROUND: [i64; 2] = [4000 * MS, 60_000 * MS];

/// How often they are looked for.
const SEARCHES: usize = 64;

/// This share of a probe must add up.
const SOME: f64 = 0.4;

/// A stretch of fewer samples may be what it is by chance.
const TELLING: usize = 24;

/// Which legs are in a stretch.
type There = [bool; 2];

/// What may be in a stretch, the likeliest first.
const MODELS: [There; 4] = [[true, true], [true, false], [false, true], [false, false]];

/// A stretch in which each leg has one frame or none.
#[derive(Clone, Copy)]
struct Stretch {
    from: usize,
    to: usize,
    /// The frame of each leg and the first of its samples.
    frames: [Option<(usize, usize)>; 2],
}

/// What was seen in a stretch.
struct Seen {
    model: There,
    /// Samples that add up.
    fit: usize,
}

pub(super) struct Walk<'a> {
    legs: [&'a Source; 2],
    file: &'a [i16],
    gains: [f64; 2],
    closeness: Closeness,
    /// Where each leg's time line starts, as far as the walk has come.
    offsets: [i64; 2],
    parts: [Part; 2],
    searches: usize,
    /// Which legs were in the stretch before, if that did not add up.
    before: Option<There>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        legs: [&'a Source; 2],
        file: &'a [i16],
        offsets: [i64; 2],
        gains: [f64; 2],
        closeness: Closeness,
    ) -> Self {
        let part = |gain| Part { samples: Vec::with_capacity(file.len()), gain, likely: 0, masked: 0, proven: 0 };
        Self { legs, file, gains, closeness, offsets, parts: gains.map(part), searches: 0, before: None }
    }

    pub(super) fn run(mut self) -> [Part; 2] {
        let (mut at, mut astray) = (0, 0);
        // The offsets may have been found in the midst of the file: those at its start are looked for first.
        while at < self.file.len() {
            let stretch = self.stretch(at);
            let seen = self.look(stretch);
            let heard = &self.file[stretch.from..stretch.to];
            let whole = seen.fit * 20 >= heard.len() * 19;
            astray = if whole { 0 } else { astray + heard.len() };
            if astray >= LOST && self.searches < SEARCHES {
                let from = stretch.to - astray;
                self.searches += 1;
                astray = 0;
                if let Some((edge, offsets)) = self.search(from) {
                    at = self.turn(from.min(edge), edge, offsets);
                    continue;
                }
            }
            self.take(stretch, &seen);
            at = stretch.to;
        }
        self.parts
    }

    /// The stretch that begins at `at`.
    fn stretch(&self, at: usize) -> Stretch {
        let mut to = (at + 20 * MS as usize).min(self.file.len());
        let frames = [0, 1].map(|leg| {
            let here = at as i64 - self.offsets[leg];
            let number = frame_at(self.legs[leg], here);
            let frame = self.legs[leg].line().get(number)?;
            let edge = if frame.at > here { frame.at } else { frame.end() };
            to = to.min((edge + self.offsets[leg]).max(0) as usize);
            (frame.at <= here).then_some((number, (here - frame.at) as usize))
        });
        Stretch { from: at, to, frames }
    }

    /// The samples of a leg in a stretch; none where it has no frame.
    fn samples(&self, stretch: &Stretch, leg: usize) -> &'a [i16] {
        let Some((number, first)) = stretch.frames[leg] else { return &[] };
        let source = self.legs[leg];
        &source.samples(&source.line()[number])[first..first + stretch.to - stretch.from]
    }

    /// Which legs are there: those with which most samples add up.
    fn look(&self, stretch: Stretch) -> Seen {
        let own = [0, 1].map(|leg| self.samples(&stretch, leg));
        let length = stretch.to - stretch.from;
        let mut best = Seen { model: MODELS[0], fit: 0 };
        for model in MODELS {
            if (0..2).any(|leg| model[leg] && own[leg].is_empty()) && model != MODELS[0] {
                continue;
            }
            let fit = self.count(&stretch, own, model);
            if fit > best.fit {
                best = Seen { model, fit };
            }
            if fit == length {
                break;
            }
        }
        best
    }

    fn count(&self, stretch: &Stretch, own: [&[i16]; 2], model: There) -> usize {
        let heard = &self.file[stretch.from..stretch.to];
        (0..heard.len()).filter(|&n| self.closeness.fits(heard[n], self.sum(own, model, n))).count()
    }

    #[inline]
    fn sum(&self, own: [&[i16]; 2], model: There, n: usize) -> f64 {
        let of = |leg: usize| match own[leg].get(n) {
            Some(sample) if model[leg] => self.gains[leg] * f64::from(*sample),
            _ => 0.0,
        };
        of(0) + of(1)
    }

    /// Writes what a stretch holds of each leg.
    fn take(&mut self, stretch: Stretch, seen: &Seen) {
        let heard = &self.file[stretch.from..stretch.to];
        let own = [0, 1].map(|leg| self.samples(&stretch, leg));
        if seen.fit * 2 < heard.len() {
            return self.take_apart(&stretch, own);
        }
        self.before = None;
        let coded = matches!(self.closeness, Closeness::Coded(..));
        for leg in 0..2 {
            let there = seen.model[leg] && !own[leg].is_empty();
            // Under the steps of a coded mix a faint leg and none are the same.
            let mut without = seen.model;
            without[leg] = false;
            let masked = coded && there && self.count(&stretch, own, without) == heard.len();
            let part = &mut self.parts[leg];
            if there {
                part.proven += heard.len() as u64;
                part.masked += if masked { heard.len() as u64 } else { 0 };
            }
        }
        if seen.fit == heard.len() {
            for (leg, said) in own.iter().enumerate() {
                let part = &mut self.parts[leg].samples;
                match seen.model[leg] && !said.is_empty() {
                    true => part.extend_from_slice(said),
                    false => part.resize(part.len() + heard.len(), 0),
                }
            }
            return;
        }
        for (n, &heard) in heard.iter().enumerate() {
            // A leg may stop or begin between two edges.
            let models = std::iter::once(seen.model).chain(MODELS);
            let model = models.into_iter().find(|model| self.closeness.fits(heard, self.sum(own, *model, n)));
            for (leg, said) in own.iter().enumerate() {
                let there = |model: There| if model[leg] { said.get(n).copied().unwrap_or(0) } else { 0 };
                let sample = model.map_or_else(|| self.rest(leg, heard, seen.model, own, n), there);
                self.parts[leg].samples.push(sample);
            }
        }
    }

    /// A sample without the other leg, if that is there, as the leg's law would say it.
    fn rest(&self, leg: usize, heard: i16, model: There, own: [&[i16]; 2], n: usize) -> i16 {
        let mut other = model;
        other[leg] = false;
        let alone = (f64::from(heard) - self.sum(own, other, n)) / self.gains[leg];
        let law = self.legs[leg].law;
        decode(law, encode(law, alone.round().clamp(-32768.0, 32767.0) as i16))
    }

    /// Writes a stretch that does not add up: of a leg that is in it, itself, and of the other one what that leaves. Where
    /// neither is, what is there has nothing to do with either.
    fn take_apart(&mut self, stretch: &Stretch, own: [&[i16]; 2]) {
        let heard = &self.file[stretch.from..stretch.to];
        let proven = [0, 1].map(|leg| self.leaves_speech(heard, own, leg));
        let likely = match proven {
            [false, false] if heard.len() < TELLING => self.before.unwrap_or_else(|| self.ahead(stretch.from)),
            [false, false] => self.likely(heard, own),
            proven => proven,
        };
        self.before = Some(likely);
        for leg in 0..2 {
            let other = 1 - leg;
            let part: Vec<i16> = match (likely[leg] && !own[leg].is_empty(), likely[other]) {
                (true, false) => own[leg].to_vec(),
                (_, true) => {
                    let mut model = [false; 2];
                    model[other] = true;
                    (0..heard.len()).map(|n| self.rest(leg, heard[n], model, own, n)).collect()
                }
                (false, false) => self.strange(leg, heard),
            };
            let out = &mut self.parts[leg];
            out.likely += if likely[leg] && !likely[other] && !proven[leg] { heard.len() as u64 } else { 0 };
            out.proven += if proven[leg] && !proven[other] { heard.len() as u64 } else { 0 };
            out.samples.extend(part);
        }
    }

    /// Whether a leg must be in a stretch because without it, and only so, the rest is something that the other leg's law can say.
    fn leaves_speech(&self, heard: &[i16], own: [&[i16]; 2], leg: usize) -> bool {
        let Closeness::Exact(off) = self.closeness else { return false };
        if own[leg].is_empty() || heard.len() < TELLING {
            return false;
        }
        let mut model = [false; 2];
        model[leg] = true;
        let other = 1 - leg;
        let said = |n: &usize| {
            let alone = (f64::from(heard[*n]) - self.sum(own, model, *n)) / self.gains[other];
            (alone - f64::from(self.rest(other, heard[*n], model, own, *n))).abs() <= off / self.gains[other].abs()
        };
        (0..heard.len()).filter(said).count() * 20 >= heard.len() * 19
    }

    /// What is neither leg: as it is if the leg's law can say it, else as if it had been mixed at the leg's level.
    fn strange(&self, leg: usize, heard: &[i16]) -> Vec<i16> {
        let law = self.legs[leg].law;
        if heard.iter().all(|heard| *heard == 0 || law.samples().contains(heard)) {
            return heard.to_vec();
        }
        (0..heard.len()).map(|n| self.rest(leg, heard[n], [false; 2], [&[], &[]], n)).collect()
    }

    /// Which legs are in the 20 ms from `at` on, none of which add up.
    fn ahead(&self, at: usize) -> There {
        let heard = &self.file[at..(at + 20 * MS as usize).min(self.file.len())];
        let laid = [0, 1].map(|leg| self.legs[leg].render(at as i64 - self.offsets[leg], heard.len()));
        let own = [&laid[0][..], &laid[1][..]];
        match [0, 1].map(|leg| self.leaves_speech(heard, own, leg)) {
            [false, false] => self.likely(heard, own),
            proven => proven,
        }
    }

    /// Which legs are in a stretch by likeness.
    fn likely(&self, heard: &[i16], own: [&[i16]; 2]) -> There {
        let silence = vec![0; heard.len()];
        let laid = own.map(|own| if own.is_empty() { &silence[..] } else { own });
        let fit = fit_two(heard, laid[0], laid[1]);
        let found = [fit.own, fit.other];
        let loud = dot(heard, heard);
        [0, 1].map(|leg| {
            let is_heard = dot(laid[leg], laid[leg]) * self.gains[leg].powi(2) > loud * 0.01;
            is_heard && (found[leg] / self.gains[leg] - 1.0).abs() < 0.3
        })
    }

    /// Looks for the legs behind `from`, where the walk went astray: the sample from which on they lie elsewhere, and where.
    fn search(&self, from: usize) -> Option<(usize, [i64; 2])> {
        let probe = &self.file[from..(from + PROBE).min(self.file.len())];
        if probe.len() < PROBE / 4 {
            return None;
        }
        let shifts = |around: i64| {
            [0, 1].map(|leg| {
                let (line, here) = (self.legs[leg].line(), from as i64 - self.offsets[leg]);
                let start = (here - around).max(line.first()?.at - probe.len() as i64);
                let end = (here + around + probe.len() as i64).min(line.last()?.end() + probe.len() as i64);
                let region = self.legs[leg].render(start, usize::try_from(end - start).ok()?);
                let (place, likeness) = correlate(probe, &region)?;
                // The leg is further on its line than it should be by so much: the file is that much shorter.
                (likeness * self.gains[leg].signum() > 0.2).then_some(here - start - place as i64)
            })
        };
        AROUND.into_iter().find_map(|around| {
            let [near, far] = shifts(around);
            let moves = [
                near.map(|near| [near, near]),
                far.map(|far| [far, far]),
                near.map(|near| [near, 0]),
                far.map(|far| [0, far]),
                near.zip(far).map(|(near, far)| [near, far]),
            ];
            let offsets = |by: [i64; 2]| [self.offsets[0] + by[0], self.offsets[1] + by[1]];
            let share =
                |offsets: &[i64; 2]| self.fitting(from, probe.len(), *offsets).iter().filter(|fit| **fit).count();
            let candidates = moves.into_iter().flatten().filter(|by| *by != [0, 0]).map(offsets);
            let (fit, best) = candidates.map(|offsets| (share(&offsets), offsets)).max_by_key(|(fit, _)| *fit)?;
            (fit as f64 > SOME * probe.len() as f64).then(|| (self.edge(from, best), best))
        })
    }

    /// Which samples add up if both legs lie so.
    fn fitting(&self, from: usize, length: usize, offsets: [i64; 2]) -> Vec<bool> {
        let end = (from + length).min(self.file.len());
        let laid = [0, 1].map(|leg| self.legs[leg].render(from as i64 - offsets[leg], end - from));
        let own = [&laid[0][..], &laid[1][..]];
        (from..end).map(|at| self.closeness.fits(self.file[at], self.sum(own, MODELS[0], at - from))).collect()
    }

    /// The sample at which the legs leave their places for others: most before it fit the old ones, most behind it the new.
    fn edge(&self, from: usize, offsets: [i64; 2]) -> usize {
        let start = from.saturating_sub(20 * MS as usize);
        let length = PROBE.min(self.file.len() - start);
        let (old, new) = (self.fitting(start, length, self.offsets), self.fitting(start, length, offsets));
        let mut score = new.iter().filter(|fit| **fit).count() as i64;
        let (mut best, mut edge) = (score, 0);
        for n in 0..length {
            let is_none = self.closeness.fits(self.file[start + n], 0.0);
            score += i64::from(old[n] || is_none) - i64::from(new[n]);
            if score > best {
                (best, edge) = (score, n + 1);
            }
        }
        start + edge
    }

    /// Goes back to `from`, takes what is left of the legs in their old places up to `edge`, and goes on with the new ones.
    fn turn(&mut self, from: usize, edge: usize, offsets: [i64; 2]) -> usize {
        for part in &mut self.parts {
            part.samples.truncate(from);
        }
        let mut at = from.min(self.parts[0].samples.len());
        while at < edge {
            let mut stretch = self.stretch(at);
            stretch.to = stretch.to.min(edge);
            let seen = self.look(stretch);
            self.take(stretch, &seen);
            at = stretch.to;
        }
        self.offsets = offsets;
        edge.max(at)
    }
}
