//! How a channel has to be read so that its audio is found: as it is, or with something undone first.

use media::g711::Law;

use crate::align::{CLEAR, Spot, locate};
use crate::chain::chain;
use crate::change::{Undone, undo_map, undo_mix};
use crate::finding::Rule;
use crate::fit::{decibels, dot, fit_one, fit_two, is_noise, is_silent};
use crate::mix::Mix;
use crate::renamed::is_named_otherwise;
use crate::scan::{Placement, scan};
use crate::soft::{Soft, follow};
use crate::source::{Source, World};
use crate::tempo::speed;
use crate::words::round;

/// The truth as it is, and as it would be if every payload were decoded by the other law.
pub(crate) struct Worlds<'a> {
    pub(crate) right: &'a World,
    /// Made only when a channel cannot be read otherwise.
    pub(crate) other_law: &'a dyn Fn() -> &'a World,
}

/// A channel as it was heard.
pub(crate) struct Heard<'a> {
    pub(crate) world: &'a World,
    /// The samples with whatever had to be undone undone; `None` if nothing had to be.
    pub(crate) undone: Option<Vec<i16>>,
    pub(crate) placements: Vec<Placement>,
    /// The share of samples that the leg's law can say.
    pub(crate) lattice: f64,
    /// How it was read.
    pub(crate) mode: String,
    /// What could not be seen in this mode.
    pub(crate) unseen: Vec<String>,
    /// The level against the truth.
    pub(crate) gain: f64,
    /// Whether it is one leg of a channel that holds both.
    pub(crate) part: bool,
    /// Where the leg is in a channel that does not hold it sample for sample.
    pub(crate) soft: Option<Soft>,
    /// What is wrong with the whole channel: the rule, what was expected, what is.
    pub(crate) faults: Vec<(Rule, String)>,
}

impl Heard<'_> {
    /// Frames found that say where they belong.
    pub(crate) fn strong(&self) -> usize {
        strong(self.world, &self.placements)
    }

    /// Whether the whole channel breaks this rule.
    pub(crate) fn is_faulty(&self, rule: Rule) -> bool {
        self.faults.iter().any(|(fault, _)| *fault == rule)
    }

    /// Samples found of each source.
    pub(crate) fn found(&self) -> Vec<u64> {
        let mut found = vec![0; self.world.sources.len()];
        for placement in &self.placements {
            let frame = placement.frame(self.world);
            if !frame.weak {
                found[placement.source] += frame.len as u64;
            }
        }
        found
    }
}

/// This many telling frames show how a channel is to be read.
const ENOUGH: usize = 3;

/// Below this share of samples on the lattice a channel's level may have been changed.
const ON_LATTICE: f64 = 0.999;

/// A voice is part of a mix if its factor is at least this.
const PART: f64 = 0.05;

/// A frame that leaves over less than this of its energy is there but for its level.
const THERE: f64 = 0.1;

/// A level that differs less than this, in dB, was not changed.
const SAME_LEVEL: f64 = 0.02;

/// Reads a channel. `home` is the leg it should hold, `other` the other leg of that recording.
pub(crate) fn hear<'a>(worlds: &Worlds<'a>, file: &[i16], home: usize, other: Option<usize>) -> Heard<'a> {
    let plain = as_it_is(worlds.right, file, home);
    let telling = worlds.right.sources[home].line().iter().filter(|frame| !frame.weak).count();
    let whole = plain.strong() >= ENOUGH && plain.strong() * 2 >= telling;
    if is_silent(file) || (whole && plain.lattice >= ON_LATTICE) {
        return plain;
    }
    let level = undo_level(worlds.right, &plain, file, home);
    // A level that was understood gives most of the frames; a few are chance, in the pauses of a mix.
    let most = worlds.right.sources[home].line().len() * 3 / 10;
    let better = |level: &Heard<'_>| level.strong() >= ENOUGH + plain.strong() * 13 / 10 && level.strong() > most;
    if let Some(level) = level.filter(better) {
        return level;
    }
    if let Some(undone) = undo_change(worlds.right, &plain, file, home, other) {
        return undone;
    }
    if plain.strong() >= ENOUGH && !is_chance(&plain, telling) {
        return plain;
    }
    let undone = undo_sign(worlds.right, file, home)
        .or_else(|| undo_law((worlds.other_law)(), file, home))
        .or_else(|| undo_sum(worlds.right, file, home, other?));
    undone.unwrap_or_else(|| name_it(worlds.right, plain, file, home, other))
}

/// Reads a channel as it is.
pub(crate) fn hear_exactly<'a>(worlds: &Worlds<'a>, file: &[i16], home: usize, _: Option<usize>) -> Heard<'a> {
    as_it_is(worlds.right, file, home)
}

/// The share of samples that the leg's law can say.
fn lattice(world: &World, home: usize, file: &[i16]) -> f64 {
    if world.sources[home].wide {
        return 1.0;
    }
    let mut said = vec![false; 1 << 16];
    for &sample in world.sources[home].law.samples() {
        said[usize::from(sample as u16)] = true;
    }
    // A recorder fills pauses with nought, which A-law cannot say.
    said[0] = true;
    let on = file.iter().filter(|&&sample| said[usize::from(sample as u16)]).count();
    on as f64 / file.len().max(1) as f64
}

fn strong(world: &World, placements: &[Placement]) -> usize {
    placements.iter().filter(|placement| !placement.frame(world).weak).count()
}

fn as_it_is<'a>(world: &'a World, file: &[i16], home: usize) -> Heard<'a> {
    read(world, file, None, home, "exact", 1.0, Vec::new())
}

fn read<'a>(
    world: &'a World,
    file: &[i16],
    undone: Option<Vec<i16>>,
    home: usize,
    mode: impl Into<String>,
    gain: f64,
    faults: Vec<(Rule, String)>,
) -> Heard<'a> {
    let placements = scan(world, undone.as_deref().unwrap_or(file), home);
    let (mode, unseen) = (mode.into(), Vec::new());
    Heard {
        world,
        undone,
        placements,
        lattice: lattice(world, home, file),
        mode,
        unseen,
        gain,
        part: false,
        soft: None,
        faults,
    }
}

/// One leg of a channel that is a mix of both; `home` is the source of this part.
pub(crate) fn hear_part<'a>(world: &'a World, file: &[i16], mix: &mut Mix, part: usize, home: usize) -> Heard<'a> {
    let samples = std::mem::take(&mut mix.parts[part].samples);
    let heard = read(world, file, Some(samples), home, mix.mode(part), mix.parts[part].gain, Vec::new());
    Heard { unseen: mix.unseen(part), part: true, ..heard }
}

fn undo_sign<'a>(world: &'a World, file: &[i16], home: usize) -> Option<Heard<'a>> {
    let turned: Vec<i16> = file.iter().map(|sample| sample.saturating_neg()).collect();
    let fault = (Rule::InvertedAudio, "every sample has its sign turned round".to_owned());
    let heard = read(world, file, Some(turned), home, "exact after its sign was turned back", -1.0, vec![fault]);
    (heard.strong() >= ENOUGH).then_some(heard)
}

fn undo_law<'a>(world: &'a World, file: &[i16], home: usize) -> Option<Heard<'a>> {
    if world.sources[home].wide {
        return None;
    }
    let (right, wrong) = match world.sources[home].law {
        // This is the world of the other law: what it decodes by is the wrong one.
        Law::Mu => (Law::A, Law::Mu),
        Law::A => (Law::Mu, Law::A),
    };
    let fault = format!("{} was decoded as {}", right.encoding(), wrong.encoding());
    let heard = read(world, file, None, home, "exact after its law was put right", 1.0, vec![(Rule::WrongLaw, fault)]);
    (heard.strong() >= ENOUGH).then_some(heard)
}

/// Finds the factor between truth and file, divides by it and snaps to what the law can say.
fn undo_level<'a>(world: &'a World, plain: &Heard<'_>, file: &[i16], home: usize) -> Option<Heard<'a>> {
    let source = &world.sources[home];
    let offset = offset(world, plain, file, home)?;
    let gain = gain(world, home, file, offset)?;
    if gain > 0.0 && decibels(gain).abs() < SAME_LEVEL {
        return None;
    }
    let snap = |&sample: &i16| {
        let divided = (f64::from(sample) / gain).round() as i16;
        source.snap(divided)
    };
    let snapped: Vec<i16> = file.iter().map(snap).collect();
    let mut faults = Vec::new();
    if gain < 0.0 {
        faults.push((Rule::InvertedAudio, "every sample has its sign turned round".to_owned()));
    }
    let db = decibels(gain);
    if db.abs() >= SAME_LEVEL {
        faults.push((Rule::LevelChanged, format!("the level is changed by {db:+.2} dB")));
    }
    let sign = if gain < 0.0 { " and sign turned" } else { "" };
    let mut heard = read(world, file, Some(snapped), home, format!("exact after gain {db:+.2} dB{sign}"), gain, faults);
    heard.unseen.push("changes of a sample smaller than half a step of G.711".to_owned());
    Some(heard)
}

/// Where the leg's time line starts, by the frames found, else by likeness. A tone is like itself anywhere: of such only its
/// beginning says where it is.
fn offset(world: &World, plain: &Heard<'_>, file: &[i16], home: usize) -> Option<i64> {
    let voice = &world.sources[home];
    let run = chain(world, home, &plain.placements).runs.into_iter().max_by_key(|run| run.strong);
    let known = run.filter(|run| run.strong >= ENOUGH).map(|run| run.offset);
    known.or_else(|| match voice.is_tone() {
        true => onset(voice, file),
        false => locate(voice, file).filter(|spot| spot.speed == 1.0).map(|spot| spot.offset),
    })
}

/// Where a voice starts if it begins with the first sound of the file.
fn onset(voice: &Source, file: &[i16]) -> Option<i64> {
    const LOUD: u16 = 200;
    const TURNED: f64 = 0.005;
    let first = voice.line().iter().find(|frame| !frame.weak)?;
    let loud = |samples: &[i16]| samples.iter().position(|sample| sample.unsigned_abs() > LOUD);
    let offset = loud(file)? as i64 - first.at - loud(voice.samples(first))? as i64;
    // At another level its first loud sample is another one: a few are tried.
    let fit = |offset: i64| {
        let len = file.len().min(8000);
        let fit = fit_one(&file[..len], &voice.render(-offset, len));
        // Half a period on, a tone is itself upside down.
        fit.rest + if fit.own < 0.0 { TURNED } else { 0.0 }
    };
    let best = (offset - 20..=offset + 20).min_by(|a, b| fit(*a).total_cmp(&fit(*b)))?;
    (fit(best) < THERE).then_some(best)
}

/// Undoes what was done to all samples alike, if most of the frames are there then.
fn undo_change<'a>(
    world: &'a World,
    plain: &Heard<'_>,
    file: &[i16],
    home: usize,
    other: Option<usize>,
) -> Option<Heard<'a>> {
    let voice = &world.sources[home];
    let offset = offset(world, plain, file, home)?;
    let mapped = undo_map(voice, file, offset);
    let mixed = || other.and_then(|other| undo_mix(voice, &world.sources[other], file, offset));
    let most = voice.line().iter().filter(|frame| !frame.weak).count() / 2;
    let read = |undone: Undone| {
        let faults = vec![(undone.rule, undone.what)];
        read(world, file, Some(undone.samples), home, undone.mode, undone.gain, faults)
    };
    let better = |heard: &Heard<'_>| heard.strong() > most && heard.strong() > plain.strong() + ENOUGH;
    mapped.map(read).filter(better).or_else(|| mixed().map(read).filter(better))
}

/// Takes the other leg out of a channel that holds both, at whatever level.
fn undo_sum<'a>(world: &'a World, file: &[i16], home: usize, other: usize) -> Option<Heard<'a>> {
    let mut mix = Mix::apart([home, other].map(|leg| &world.sources[leg]), file)?;
    let [own, leaked] = [0, 1].map(|part| decibels(mix.parts[part].gain));
    let mut heard = hear_part(world, file, &mut mix, 0, home);
    let found =
        format!("both legs are mixed into one channel, its own at {own:+.2} dB and the other at {leaked:+.2} dB");
    heard.faults.push((Rule::MixedLegs, found));
    (heard.strong() >= ENOUGH).then_some(heard)
}

/// The least squares factor of `file` on the leg laid at `offset`, over the frames that are there.
fn gain(world: &World, home: usize, file: &[i16], offset: i64) -> Option<f64> {
    let source = &world.sources[home];
    let step = source.line().len() / 3000 + 1;
    let (mut cross, mut norm, mut all) = (0.0, 0.0, 0.0);
    for frame in source.line().iter().step_by(step) {
        let Ok(start) = usize::try_from(frame.at + offset) else { continue };
        let Some(heard) = file.get(start..start + frame.len) else { continue };
        let own = source.samples(frame);
        // A frame that is lost or overwritten says nothing about the level of the others.
        if fit_one(heard, own).rest < THERE {
            cross += dot(heard, own);
            norm += dot(own, own);
        }
        all += dot(own, own);
    }
    let gain = cross / norm;
    (norm > all * 0.3 && gain.is_finite() && gain.abs() > 0.02).then_some(gain)
}

/// Names a channel in which hardly anything was found.
fn name_it<'a>(world: &'a World, mut plain: Heard<'a>, file: &[i16], home: usize, other: Option<usize>) -> Heard<'a> {
    let own = locate(&world.sources[home], file);
    let clear = |spot: &Spot| spot.likeness.abs() >= CLEAR;
    let other = other.and_then(|other| locate(&world.sources[other], file).map(|spot| (other, spot)));
    let fit = own.zip(other).map(|(own, (other, spot))| {
        let at = own.offset.max(spot.offset).max(0);
        let len = file.len().saturating_sub(at as usize).min(8000 * 20);
        let heard = &file[file.len().min(at as usize)..][..len];
        let near = world.sources[home].render(at - own.offset, len);
        let far = world.sources[other].render(at - spot.offset, len);
        fit_two(heard, &near, &far)
    });
    let fault = match (own, other) {
        _ if is_backwards(world, file, home) => (Rule::AlteredAudio, "the audio runs backwards".to_owned()),
        (Some(spot), Some((other, lain)))
            if let Some(fit) = fit.filter(|fit| fit.own.abs() > PART && fit.other.abs() > PART && fit.rest < 0.5)
                && (softly(world, file, home, spot.offset).is_none()
                    || softly(world, file, other, lain.offset).is_some()) =>
        {
            let text = format!(
                "both legs are mixed into one channel, its own at {:+.1} dB and the other at {:+.1} dB",
                decibels(fit.own),
                decibels(fit.other)
            );
            (Rule::MixedLegs, text)
        }
        (Some(spot), _) if spot.speed != 1.0 => (Rule::AlteredAudio, paced(spot.speed)),
        (Some(spot), _) if clear(&spot) && is_named_otherwise(&world.sources[home], file, spot.offset) => {
            let text = "the same words with another name under them, which every call of every run has of its own: audio of \
                        another call, perhaps of an earlier run";
            (Rule::OtherCallAudio, text.to_owned())
        }
        (Some(spot), _) if clear(&spot) => {
            let likeness = round(spot.likeness.abs() * 100.0, 0);
            let text = format!(
                "the audio is there ({likeness} % alike) but not sample for sample: transcoded, resampled or filtered"
            );
            (Rule::AlteredAudio, text)
        }
        (_, Some((_, spot))) if clear(&spot) => {
            let likeness = round(spot.likeness.abs() * 100.0, 0);
            (Rule::WrongLeg, format!("the other leg is there ({likeness} % alike), and not sample for sample"))
        }
        _ if let Some(speed) = speed(&world.sources[home], file) => (Rule::AlteredAudio, paced(speed)),
        _ if is_noise(file) => (Rule::NoiseAudio, "noise, as undecrypted SRTP sounds".to_owned()),
        _ => (Rule::UnknownAudio, "sound that is neither leg".to_owned()),
    };
    let telling = world.sources[home].line().iter().filter(|frame| !frame.weak).count();
    if is_chance(&plain, telling)
        && fault.0 == Rule::AlteredAudio
        && let Some(soft) = softly(world, file, home, own.map_or(0, |spot| spot.offset))
    {
        let (alike, ppm) = (round(soft.likeness * 100.0, 0), round(soft.ppm(), 1));
        plain.mode = format!("softly: {alike} % alike, {ppm:+} ppm");
        let unseen = "what is shorter than half a second, but for silence of 40 ms and more; jumps of less than 15 ms";
        plain.unseen.push(unseen.to_owned());
        let how = if ppm.abs() > STEADY {
            format!("resampled: it runs {ppm:+} ppm long")
        } else {
            "transcoded or filtered".to_owned()
        };
        let found = format!("the audio is there ({alike} % alike) but not sample for sample: {how}");
        plain.faults.push((Rule::AlteredAudio, found));
        plain.soft = Some(soft);
    } else if plain.strong() == 0 {
        plain.mode = "not found".to_owned();
        plain.unseen.push("the leg frame by frame: nothing of it is there sample for sample".to_owned());
        plain.faults.push(fault);
    }
    plain
}

/// Whether so few of the telling frames were found that they may be there by chance: the first ones before a slow clock is off.
fn is_chance(plain: &Heard<'_>, telling: usize) -> bool {
    plain.strong() * 10 < telling
}

/// Drift that is not told from none, in millionths.
const STEADY: f64 = 3.0;

/// Follows the leg through a file in which it is not there sample for sample.
fn softly(world: &World, file: &[i16], home: usize, offset: i64) -> Option<Soft> {
    let owner = world.sources[home].owner.map(|(recording, _)| recording);
    let all = world.sources.iter().enumerate().filter(|(number, source)| *number != home && source.owner.is_some());
    let mut others: Vec<(usize, &Source)> = all.collect();
    others.sort_by_key(|(_, source)| source.owner.map(|(recording, _)| recording) != owner);
    follow(&world.sources[home], &others, file, offset)
}

/// What audio at this speed is called.
fn paced(speed: f64) -> String {
    let way = if speed > 1.0 { "faster" } else { "slower" };
    match round((speed - 1.0).abs() * 100.0, 2) {
        0.0 => "the audio rises and falls as it was said, but not sample for sample: transcoded or filtered".to_owned(),
        percent => format!("the audio runs {percent} % {way} than it was said: resampled or stretched"),
    }
}

fn is_backwards(world: &World, file: &[i16], home: usize) -> bool {
    let turned: Vec<i16> = file.iter().rev().copied().collect();
    strong(world, &scan(world, &turned, home)) >= ENOUGH
}
