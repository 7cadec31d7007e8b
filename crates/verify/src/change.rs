//! What was done to all samples of a channel alike, found by laying the truth beside them: another value for each value,
//! or the other leg added.

use media::g711::Law;

use crate::align::locate;
use crate::finding::Rule;
use crate::fit::{decibels, fit_one};
use crate::source::Source;

/// A change that was understood, and the samples without it.
pub(crate) struct Undone {
    pub(crate) samples: Vec<i16>,
    pub(crate) rule: Rule,
    /// What was done, in words.
    pub(crate) what: String,
    /// How the channel was read.
    pub(crate) mode: String,
    /// The level against the truth.
    pub(crate) gain: f64,
}

/// This share of the samples must follow a rule for it to be the rule.
const MOST: f64 = 0.9;

/// Less of the other leg than this, as a factor, is not looked for.
const FAINTEST: f64 = 0.002;

/// A value that is off by no more than this is the same one in another decoder's table: half of mu-law's finest step.
const FINEST: u16 = 4;

/// Finds out whether each value of `voice`, whose time line starts at `offset`, became another one in `file`.
pub(crate) fn undo_map(voice: &Source, file: &[i16], offset: i64) -> Option<Undone> {
    if voice.wide {
        return None;
    }
    let map = Map::learn(voice, file, offset)?;
    let (rule, what) = map.name(voice.law)?;
    let gain = if rule == Rule::LevelChanged { map.level().unwrap_or(1.0) } else { 1.0 };
    let mode = match rule {
        Rule::LevelChanged => format!("exact after gain {:+.2} dB", decibels(gain)),
        _ => format!("exact after a change of all samples was undone: {what}"),
    };
    let samples = match map.raised() {
        Some(by) => file.iter().map(|sample| (i32::from(*sample) - by).clamp(-32768, 32767) as i16).collect(),
        None => map.replace(voice, file, offset),
    };
    Some(Undone { samples, rule, what, mode, gain })
}

/// Finds out whether `other` was added to `voice`, and at which level.
pub(crate) fn undo_mix(voice: &Source, other: &Source, file: &[i16], offset: i64) -> Option<Undone> {
    let own = voice.render(-offset, file.len());
    let rest: Vec<i16> = file.iter().zip(&own).map(|(heard, own)| heard.saturating_sub(*own)).collect();
    let spot = locate(other, &rest)?;
    let leaked = other.render(-spot.offset, file.len());
    let factor = fit_one(&rest, &leaked).own;
    if factor.abs() < FAINTEST || spot.speed != 1.0 {
        return None;
    }
    let without = |(heard, leaked): (&i16, &i16)| {
        let own = (f64::from(*heard) - factor * f64::from(*leaked)).round();
        voice.snap(own as i16)
    };
    let samples = file.iter().zip(&leaked).map(without).collect();
    let what = format!("the other leg is mixed in at {:+.1} dB", decibels(factor));
    Some(Undone {
        samples,
        rule: Rule::MixedLegs,
        mode: format!("exact after the other leg was taken out: {what}"),
        what,
        gain: 1.0,
    })
}

/// What became of each value that the voice has.
struct Map {
    /// By value as said: the value in the file.
    pairs: Vec<(i16, i16)>,
}

impl Map {
    fn learn(voice: &Source, file: &[i16], offset: i64) -> Option<Self> {
        let mut seen: Vec<(i16, i16)> = Vec::with_capacity(file.len());
        for frame in voice.line() {
            let start = usize::try_from(frame.at + offset).ok();
            let heard = start.and_then(|start| file.get(start..start + frame.len));
            seen.extend(
                heard.into_iter().flat_map(|heard| voice.samples(frame).iter().copied().zip(heard.iter().copied())),
            );
        }
        seen.sort_unstable();
        let (mut follow, mut pairs) = (0, Vec::new());
        for said in seen.chunk_by(|a, b| a.0 == b.0) {
            let most = said.chunk_by(|a, b| a.1 == b.1).max_by_key(|alike| alike.len())?;
            follow += said.iter().filter(|pair| pair.1 == most[0].1 || pair.0.abs_diff(pair.1) <= FINEST).count();
            pairs.push(most[0]);
        }
        let changed = pairs.iter().any(|(said, heard)| said != heard);
        // A few values say nothing: any file follows the rule of silence.
        let telling = pairs.len() >= 16 && follow as f64 >= seen.len() as f64 * MOST;
        (changed && telling).then_some(Self { pairs })
    }

    /// By how much every value was raised, if by the same.
    fn raised(&self) -> Option<i32> {
        let by = |(said, heard): &(i16, i16)| i32::from(*heard) - i32::from(*said);
        let first = self.pairs.iter().find(|(said, _)| said.unsigned_abs() < 1000).map(by)?;
        let free = |(said, heard): &&(i16, i16)| heard.unsigned_abs() < 32_000 && said.unsigned_abs() < 32_000;
        (first != 0 && self.pairs.iter().filter(free).all(|pair| by(pair) == first)).then_some(first)
    }

    /// The factor of all values, if it is one: by those that say most of it.
    fn level(&self) -> Option<f64> {
        let free = |(said, heard): &&(i16, i16)| said.unsigned_abs() > 1000 && heard.unsigned_abs() < 32_000;
        let factor = |(said, heard): &(i16, i16)| f64::from(*heard) / f64::from(*said);
        let mut factors: Vec<f64> = self.pairs.iter().filter(free).map(factor).collect();
        factors.sort_by(f64::total_cmp);
        let factor = *factors.get(factors.len() / 2)?;
        let scaled = |said: i16| (f64::from(said) * factor).round().clamp(-32768.0, 32767.0) as i16;
        ((factor - 1.0).abs() > 1e-4 && factor > 0.0 && self.is(scaled)).then_some(factor)
    }

    /// The value that is furthest off, and what it became, where none is off by more than a decoder's rounding: G.711 has a
    /// positive and a negative nought, and some decode them as 2 and -2.
    fn rounded(&self) -> Option<(i16, i16)> {
        let off = |(said, heard): &&(i16, i16)| said.abs_diff(*heard);
        let most = self.pairs.iter().max_by_key(off)?;
        (off(&most) <= FINEST).then_some(*most)
    }

    fn is(&self, change: impl Fn(i16) -> i16) -> bool {
        let alike = self.pairs.iter().filter(|(said, heard)| change(*said).abs_diff(*heard) <= 1).count();
        alike as f64 >= self.pairs.len() as f64 * 0.95
    }

    /// Whether every value became one near it that this law can say. Encoders differ in where they round to.
    fn is_coded_by(&self, law: Law) -> bool {
        let near = |said: i16, heard: i16| said.abs_diff(heard) <= 32 + said.unsigned_abs() / 8;
        self.pairs.iter().all(|(said, heard)| near(*said, *heard) && law.samples().contains(heard))
    }

    /// What was done; `None` for a rule that is nothing a recorder does, such as bytes read in the wrong order.
    fn name(&self, law: Law) -> Option<(Rule, String)> {
        let other = match law {
            Law::Mu => Law::A,
            Law::A => Law::Mu,
        };
        let peak = self.pairs.iter().map(|(_, heard)| heard.unsigned_abs()).max().unwrap_or(0).min(32_767) as i16;
        Some(if let Some(by) = self.raised() {
            (Rule::DcOffset, format!("every sample is raised by {by}"))
        } else if self.is_coded_by(other) {
            (Rule::RecodedAudio, format!("{} was coded again as {}", law.encoding(), other.encoding()))
        } else if self.pairs.iter().all(|(_, heard)| heard % 256 == 0) {
            (Rule::RecodedAudio, "the samples were cut to 8 bits".to_owned())
        } else if let Some(factor) = self.level() {
            (Rule::LevelChanged, format!("the level is changed by {:+.3} dB", decibels(factor)))
        } else if let Some((said, heard)) = self.rounded() {
            (
                Rule::AlteredAudio,
                format!("its decoder has another table than {}'s: {said} became {heard}", law.encoding()),
            )
        } else if self.pairs.iter().any(|(said, _)| said.unsigned_abs() > peak.unsigned_abs())
            && self.is(|said| said.clamp(-peak, peak))
        {
            (Rule::AlteredAudio, format!("the samples are limited to {peak}"))
        } else {
            return None;
        })
    }

    /// The file with every sample that is what the voice's sample there became replaced by that.
    fn replace(&self, voice: &Source, file: &[i16], offset: i64) -> Vec<i16> {
        let mut out = file.to_vec();
        let rounded = self.rounded().is_some();
        for frame in voice.line() {
            let Ok(start) = usize::try_from(frame.at + offset) else { continue };
            let Some(heard) = out.get_mut(start..start + frame.len) else { continue };
            for (heard, said) in heard.iter_mut().zip(voice.samples(frame)) {
                let became = self.pairs.binary_search_by_key(said, |(said, _)| *said).map(|at| self.pairs[at].1);
                if became == Ok(*heard) || (rounded && said.abs_diff(*heard) <= FINEST) {
                    *heard = *said;
                }
            }
        }
        out
    }
}
