//! How the bytes of a file have to be read so that the audio in them is found.

use std::rc::Rc;

use media::g711::{self, Law};
use media::g722;
use media::ledger::Leg;
use media::wav::{Encoding, Wav};

use super::Case;
use super::container::{RATE, Track, channels};
use crate::RecordedFile;
use crate::finding::{Finding, Rule};
use crate::fit::{decibels, is_silent};
use crate::hear::{Heard, Worlds, hear, hear_exactly, hear_part};
use crate::mix::Mix;
use crate::words::{Place, count, round, span};

/// Levels of the legs of a mix that differ by less than this, in dB, are the same.
const SAME_LEVEL: f64 = 0.1;

/// Whoever mixes may halve both legs, so that their sum is never too loud.
const HALVED: f64 = -6.03;

/// A way to hear a channel.
type Ear = for<'a> fn(&Worlds<'a>, &[i16], usize, Option<usize>) -> Heard<'a>;

/// Finds out how the channels of a file have to be read.
pub(crate) struct Opener<'o, 'a> {
    pub(crate) case: &'o Case<'a>,
    pub(crate) file: &'o RecordedFile<'o>,
    /// The recording it is said to be.
    pub(crate) named: Option<usize>,
    pub(crate) place: &'o Place,
}

impl<'a> Opener<'_, 'a> {
    /// The channels, and of a channel that holds both legs each leg.
    pub(crate) fn channels(&self, bytes: &[u8], wav: Wav, findings: &mut Vec<Finding>) -> Vec<Track<'a>> {
        let single = wav.samples.len() == 1 && self.file.claims.iter().all(Option::is_none);
        if single
            && self.case.limits.mono_mix
            && wav.rate == RATE
            && let Some(legs) = self.legs_of_mix(0, &Rc::from(wav.samples[0].as_slice()))
        {
            return legs;
        }
        let told = findings.len();
        let tracks = self.as_they_are(bytes, wav, findings);
        match tracks.as_slice() {
            [track] if single && (!is_whole(track) || track.heard.is_faulty(Rule::MixedLegs)) => {
                let Some(mut legs) = self.legs_of_mix(0, &track.samples) else { return tracks };
                let [near, far] = [0, 1].map(|leg| decibels(legs[leg].heard.gain));
                let found =
                    format!("both legs are mixed into one channel, near at {near:+.2} dB and far at {far:+.2} dB");
                legs[0].heard.faults.push((Rule::MixedLegs, found));
                findings.truncate(told);
                legs
            }
            _ => tracks,
        }
    }

    /// The legs of a channel that holds both, if they add up to it: those of the recording it should be, else of another.
    fn legs_of_mix(&self, channel: u16, samples: &Rc<[i16]>) -> Option<Vec<Track<'a>>> {
        let world = self.case.worlds.right;
        let first = self.named.unwrap_or(0);
        let others = (0..world.legs.len()).filter(|recording| *recording != first);
        std::iter::once(first).chain(others).find_map(|recording| {
            // Of 16 kHz not every value is on a lattice, by which legs are taken apart.
            let legs = world.legs.get(recording).filter(|legs| legs.iter().all(|leg| !world.sources[*leg].wide))?;
            let legs = *legs;
            let mut mix = Mix::apart(legs.map(|leg| &world.sources[leg]), samples)?;
            let track = |leg: Leg| Track {
                channel,
                claimed: Some(leg),
                scanned_for: legs[leg as usize],
                samples: Rc::clone(samples),
                heard: hear_part(world, samples, &mut mix, leg as usize, legs[leg as usize]),
            };
            let mut tracks = Leg::ALL.map(track);
            if self.case.limits.mono_mix {
                self.name_levels(&mut tracks);
            }
            Some(tracks.into())
        })
    }

    /// Names levels that no mixing makes: legs of different level, or both far from what they were.
    fn name_levels(&self, tracks: &mut [Track<'a>; 2]) {
        let [near, far] = [0, 1].map(|leg| decibels(tracks[leg].heard.gain));
        let odd = usize::from(far.abs() > near.abs());
        let allowed = SAME_LEVEL + self.case.limits.gain_db;
        let apart = (near - far).abs();
        let both = (near + far) / 2.0;
        let found = if apart > allowed {
            format!("its level is {apart:.2} dB from that of the other leg ({near:+.2} dB and {far:+.2} dB)")
        } else if both > allowed || both < HALVED - allowed {
            format!("both legs are at {both:+.2} dB")
        } else {
            return;
        };
        tracks[odd].heard.faults.push((Rule::LevelChanged, found));
    }

    /// The channels, read as they are if their audio is found so, else in the way in which it is.
    fn as_they_are(&self, bytes: &[u8], wav: Wav, findings: &mut Vec<Finding>) -> Vec<Track<'a>> {
        let (rate, channels, encoding, data) = (wav.rate, wav.channels, wav.encoding, wav.data.clone());
        let wide = rate == g722::RATE && self.is_wide();
        let plain: Vec<Track<'a>> = if wide { self.halves(&wav.samples) } else { self.tracks(wav.samples) };
        let silent = plain.iter().all(|track| is_silent(track.stored()));
        // A law in the header that is not the law of the bytes looks like a file decoded by the wrong law.
        let law = matches!(encoding, Encoding::MuLaw | Encoding::ALaw);
        let doubtful = law && plain.iter().any(|track| track.heard.is_faulty(Rule::WrongLaw));
        let stored = Stored { raw: bytes.get(data).unwrap_or_default(), encoding, count: usize::from(channels) };
        if !silent && (doubtful || strength(&plain) == 0) {
            if let Some(tracks) = self.reinterpret(&stored, findings) {
                return tracks;
            }
            let is_there = |rule| plain.iter().any(|track| track.heard.is_faulty(rule));
            let there = is_there(Rule::AlteredAudio) || is_there(Rule::OtherCallAudio);
            if let Some(tracks) = if there { None } else { self.resample(&plain, rate, findings) } {
                return tracks;
            }
        }
        if let Some(tracks) = self.realign(&stored, &plain, findings) {
            return tracks;
        }
        if rate != RATE && !wide {
            let speed = round(f64::from(rate) / f64::from(RATE), 3);
            let found = format!("{rate} Hz in the header of audio of {RATE} Hz: it plays at {speed} times its speed");
            findings.push(self.place.finding(Rule::WrongRate, format!("{RATE} Hz"), found));
        }
        plain
    }

    /// Whether what the file should hold is of 16 kHz.
    fn is_wide(&self) -> bool {
        let world = self.case.worlds.right;
        match self.named {
            Some(named) => {
                Leg::ALL.iter().any(|leg| world.source_of(named, *leg).is_some_and(|at| world.sources[at].wide))
            }
            None => world.sources.iter().any(|source| source.wide),
        }
    }

    /// Channels of 16 kHz, each by every other sample; a frame is there if those between are there too. It may begin at an odd sample.
    fn halves(&self, samples: &[Vec<i16>]) -> Vec<Track<'a>> {
        let tracks = |first: usize| -> Vec<Track<'a>> {
            let half = |from: usize| {
                samples.iter().map(move |channel| channel.iter().skip(from).step_by(2).copied().collect())
            };
            let between: Vec<Vec<i16>> = half(first + 1).collect();
            let mut tracks = self.tracks(half(first).collect());
            for (track, between) in tracks.iter_mut().zip(&between).filter(|(track, _)| track.heard.undone.is_none()) {
                let mut samples = track.samples.to_vec();
                let Heard { world, placements, .. } = &mut track.heard;
                placements.retain(|at| {
                    let (source, frame) = (&world.sources[at.source], at.frame(world));
                    let differs = source.differs_between(frame, between, at.pos);
                    // What is wrong with a sample between is told of the one before it.
                    for (sample, by) in samples[at.pos..].iter_mut().zip(&differs) {
                        *sample = sample.wrapping_add(*by);
                    }
                    differs.is_empty()
                });
                track.samples = samples.into();
            }
            tracks
        };
        let even = tracks(0);
        if strength(&even) > 0 {
            return even;
        }
        let odd = tracks(1);
        if strength(&odd) > 0 { odd } else { even }
    }

    fn tracks(&self, samples: Vec<Vec<i16>>) -> Vec<Track<'a>> {
        samples.into_iter().enumerate().map(|(number, samples)| self.track(number, samples, hear)).collect()
    }

    /// Tracks in which only exact audio is looked for.
    fn exactly(&self, samples: Vec<Vec<i16>>) -> Vec<Track<'a>> {
        samples.into_iter().enumerate().map(|(number, samples)| self.track(number, samples, hear_exactly)).collect()
    }

    fn track(&self, number: usize, samples: Vec<i16>, hear: Ear) -> Track<'a> {
        let world = self.case.worlds.right;
        let claimed = self.file.claims.get(number).copied().flatten();
        let recording = self.named.unwrap_or(0);
        let leg = claimed.unwrap_or(Leg::Near);
        let home = world.source_of(recording, leg).unwrap_or(0);
        let other = world.source_of(recording, leg.other());
        let heard = hear(self.case.worlds, &samples, home, other);
        Track { channel: number as u16, claimed, scanned_for: home, samples: samples.into(), heard }
    }

    /// Reads the bytes in every other way the header might have said, and takes the one in which most is found.
    fn reinterpret(&self, stored: &Stored<'_>, findings: &mut Vec<Finding>) -> Option<Vec<Track<'a>>> {
        let readings = [Reading::Is(Encoding::Pcm16), Reading::Is(Encoding::MuLaw), Reading::Is(Encoding::ALaw)];
        let readings = readings.into_iter().chain([Reading::Swapped, Reading::Shifted]);
        let candidates = readings.flat_map(|reading| [(reading, 1), (reading, 2)]);
        let (reading, count, tracks) = candidates
            .filter(|&(reading, count)| reading != Reading::Is(stored.encoding) || count != stored.count)
            .map(|(reading, count)| (reading, count, self.exactly(stored.read(reading, count))))
            // In the bytes of one channel two are there only if both hold something: else it was stored at twice the rate.
            .filter(|(_, count, tracks)| *count <= stored.count || are_channels(tracks))
            .max_by_key(|(_, _, tracks)| strength(tracks))
            .filter(|(_, _, tracks)| strength(tracks) > 0)?;
        let (rule, told) = if reading == Reading::Is(stored.encoding) {
            (Rule::WrongChannelCount, channels(count))
        } else {
            (Rule::WrongEncoding, format!("{} with {}", reading.name(), channels(count)))
        };
        let said = format!("{} with {}", stored.encoding, channels(stored.count));
        let found = format!("the header says {said}, the audio is {told}");
        findings.push(self.place.finding(rule, "a header that says how the samples are stored", found));
        Some(tracks)
    }

    /// Looks for bytes that went missing in the midst of the audio, after which all samples are cut in the wrong place.
    fn realign(&self, stored: &Stored<'_>, plain: &[Track<'a>], findings: &mut Vec<Finding>) -> Option<Vec<Track<'a>>> {
        let found = strength(plain);
        if found == 0 || stored.encoding != Encoding::Pcm16 || plain.iter().all(is_whole) {
            return None;
        }
        let ends =
            plain.iter().filter_map(|track| track.heard.placements.last().map(|last| last.end(track.heard.world)));
        let (end, block) = (ends.min()?, stored.encoding.bytes() * stored.count);
        let (head, tail) = stored.raw.split_at_checked(end * block)?;
        let without = |bytes: usize| {
            let raw = [head, tail.get(bytes..).unwrap_or_default()].concat();
            self.exactly(Stored { raw: &raw, ..*stored }.read(Reading::Is(stored.encoding), stored.count))
        };
        let candidates = (1..block).map(|bytes| (bytes, without(bytes)));
        let (bytes, tracks) = candidates
            .max_by_key(|(_, tracks)| (strength(tracks), in_place(tracks)))
            .filter(|(_, tracks)| strength(tracks) > found + found / 20 + 3)?;
        let at = span(end as i64, (stored.raw.len() / block) as i64);
        let told = format!(
            "from {:.2} s on the samples are off by {}: bytes are missing or too many",
            at.start_s,
            count(bytes as u64, "byte")
        );
        findings.push(self.place.finding(Rule::WrongEncoding, "samples that stay where they are", told).at(at));
        Some(tracks)
    }

    /// Brings the audio to 8 kHz if it is found then: by the header's rate, or at twice or half the rate it says.
    fn resample(&self, plain: &[Track<'a>], rate: u32, findings: &mut Vec<Finding>) -> Option<Vec<Track<'a>>> {
        let factors: &[f64] = if rate == RATE { &[2.0, 0.5] } else { &[f64::from(rate) / f64::from(RATE)] };
        for &factor in factors {
            let tracks = self.tracks(plain.iter().map(|track| at_rate(track.stored(), factor)).collect());
            let known = |track: &Track<'_>| track.heard.strong() > 0 || track.heard.is_faulty(Rule::AlteredAudio);
            if tracks.iter().any(known) {
                let real = (f64::from(RATE) * factor).round();
                let found = if rate == RATE {
                    format!("the header says {rate} Hz, the audio runs at {real} Hz")
                } else {
                    format!("the audio was resampled to {rate} Hz")
                };
                findings.push(self.place.finding(Rule::WrongRate, format!("audio of {RATE} Hz as it was sent"), found));
                return Some(tracks);
            }
        }
        None
    }
}

/// Whether nearly all of the leg that was looked for is in a channel.
fn is_whole(track: &Track<'_>) -> bool {
    let line = track.heard.world.sources[track.scanned_for].line().len();
    track.heard.strong() * 10 >= line * 9
}

/// Whether every other sample belongs to a channel of its own.
fn are_channels(tracks: &[Track<'_>]) -> bool {
    let there = |track: &Track<'_>| track.heard.strong() > 0 || is_silent(track.stored());
    tracks.iter().all(there) && tracks[0].stored() != tracks[1].stored()
}

/// Telling frames that were found in a file.
fn strength(tracks: &[Track<'_>]) -> usize {
    tracks.iter().map(|track| track.heard.strong()).sum()
}

/// Samples of each channel's own leg.
fn in_place(tracks: &[Track<'_>]) -> u64 {
    tracks.iter().map(|track| track.heard.found()[track.scanned_for]).sum()
}

/// The audio of a file as bytes, and what its header says of them.
struct Stored<'b> {
    raw: &'b [u8],
    encoding: Encoding,
    count: usize,
}

/// Another way to read bytes as samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    Is(Encoding),
    /// 16 bit PCM, high byte first.
    Swapped,
    /// 16 bit PCM, one byte further.
    Shifted,
}

impl Reading {
    fn name(self) -> String {
        match self {
            Self::Is(encoding) => encoding.to_string(),
            Self::Swapped => "16 bit PCM with its bytes swapped".to_owned(),
            Self::Shifted => "16 bit PCM shifted by one byte".to_owned(),
        }
    }
}

impl Stored<'_> {
    fn read(&self, reading: Reading, count: usize) -> Vec<Vec<i16>> {
        let words = |raw: &[u8], join: fn([u8; 2]) -> i16| -> Vec<i16> {
            raw.as_chunks().0.iter().map(|&pair| join(pair)).collect()
        };
        let samples = match reading {
            Reading::Is(Encoding::MuLaw) => g711::decode_all(Law::Mu, self.raw),
            Reading::Is(Encoding::ALaw) => g711::decode_all(Law::A, self.raw),
            Reading::Is(_) => words(self.raw, i16::from_le_bytes),
            Reading::Swapped => words(self.raw, i16::from_be_bytes),
            Reading::Shifted => words(self.raw.get(1..).unwrap_or_default(), i16::from_le_bytes),
        };
        if count == 1 {
            return vec![samples];
        }
        (0..count).map(|channel| samples.iter().skip(channel).step_by(count).copied().collect()).collect()
    }
}

/// `samples` at a `factor`th of their rate, by linear interpolation.
fn at_rate(samples: &[i16], factor: f64) -> Vec<i16> {
    let count = (samples.len() as f64 / factor) as usize;
    (0..count)
        .map(|n| {
            let at = n as f64 * factor;
            let (low, part) = (at as usize, at.fract());
            let here = f64::from(samples[low.min(samples.len() - 1)]);
            let next = f64::from(samples[(low + 1).min(samples.len() - 1)]);
            (here + (next - here) * part).round() as i16
        })
        .collect()
}
