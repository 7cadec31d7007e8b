//! Two legs in one channel: where each lies, how loud it is, and what of each is there.
//!
//! What a mix holds is the sum of two voices that are known, so nothing has to be guessed: laid over the file and
//! multiplied by their levels they must add up to every sample of it. The file is walked from frame edge to frame edge;
//! between two edges both legs are there, or one, or none, whichever adds up. Where nothing does the voices are looked for
//! anew, since something may have been cut out. A leg apart is then its own frames where they were proven, and elsewhere
//! what is left when the other leg is taken out: what is wrong with it is seen by whoever judges it as a leg.

mod levels;
mod walk;

use crate::align::locate;
use crate::fit::{decibels, fit_one};
use crate::source::{Frame, Source};

pub(crate) use levels::Closeness;

/// The legs of a mix, each apart.
pub(crate) struct Mix {
    /// In the order in which the legs were given.
    pub(crate) parts: [Part; 2],
    /// How near the sum comes to the file.
    pub(crate) closeness: Closeness,
}

/// One leg of a mix.
pub(crate) struct Part {
    /// The leg by itself, as long as the file.
    pub(crate) samples: Vec<i16>,
    /// Its level in the mix, as a factor.
    pub(crate) gain: f64,
    /// Samples that are there by likeness alone: something that is not the other leg lies over them.
    pub(crate) likely: u64,
    /// Samples that are too faint to be told from none at the steps in which the mix was coded.
    pub(crate) masked: u64,
    /// Samples of it that were proven.
    pub(crate) proven: u64,
}

/// A leg that adds less than this, as a factor, is not part of a mix.
const PART: f64 = 0.02;

/// Fewer proven samples of each leg than this, a quarter of a second, are chance.
const LEAST: u64 = 2000;

impl Mix {
    /// Takes the legs of `file` apart; `None` if it is no mix of these two that adds up.
    pub(crate) fn apart(legs: [&Source; 2], file: &[i16]) -> Option<Self> {
        let offsets = places(legs, file)?;
        let (gains, closeness) = levels::measure(legs, file, offsets)?;
        if gains.iter().any(|gain| gain.abs() < PART) {
            return None;
        }
        let parts = walk::Walk::new(legs, file, offsets, gains, closeness).run();
        // A leg that is not there at all is no sign against a mix: it is what has to be told of it.
        let proven: u64 = parts.iter().map(|part| part.proven).max()?;
        (proven >= LEAST).then_some(Self { parts, closeness })
    }

    /// How a leg was read, in words.
    pub(crate) fn mode(&self, part: usize) -> String {
        let db = decibels(self.parts[part].gain);
        match self.closeness {
            Closeness::Exact(_) => format!("exact in a mono mix, this leg at {db:+.2} dB"),
            Closeness::Coded(law, _) => {
                format!("in a mono mix that was coded as {}, this leg at {db:+.2} dB", law.encoding())
            }
        }
    }

    /// What could not be seen of a leg.
    pub(crate) fn unseen(&self, part: usize) -> Vec<String> {
        let part = &self.parts[part];
        let ms = |samples: u64| samples as f64 / 8.0;
        let mut unseen = Vec::new();
        match self.closeness {
            Closeness::Exact(off) if off < 1.0 => {}
            Closeness::Exact(_) => unseen.push("changes of a sample by no more than the mix was rounded".to_owned()),
            Closeness::Coded(law, _) => {
                unseen.push(format!("changes of a sample smaller than the steps of {}", law.encoding()));
            }
        }
        if part.masked > 0 {
            unseen.push(format!("{} ms of the leg, fainter than those steps under the other leg", ms(part.masked)));
        }
        if part.likely > 0 {
            unseen.push(format!("{} ms of the leg under sound that is not the other leg", ms(part.likely)));
        }
        unseen
    }
}

/// Where the time line of each leg starts in the file, by likeness: each in the file as it is, and one that is drowned by the
/// other in what that leaves.
fn places(legs: [&Source; 2], file: &[i16]) -> Option<[i64; 2]> {
    let find = |leg: &Source, file: &[i16]| locate(leg, file).filter(|spot| spot.speed == 1.0).map(|spot| spot.offset);
    let rest = |leg: &Source, offset: i64| -> Vec<i16> {
        let own = leg.render(-offset, file.len());
        let factor = fit_one(file, &own).own;
        let without = |(heard, own): (&i16, &i16)| (f64::from(*heard) - factor * f64::from(*own)).round() as i16;
        file.iter().zip(&own).map(without).collect()
    };
    match legs.map(|leg| find(leg, file)) {
        [Some(near), Some(far)] => Some([near, far]),
        [Some(near), None] => find(legs[1], &rest(legs[0], near)).map(|far| [near, far]),
        [None, Some(far)] => find(legs[0], &rest(legs[1], far)).map(|near| [near, far]),
        [None, None] => None,
    }
}

/// The frames of a leg's line that arrived, by their places in the file.
fn frame_at(leg: &Source, at: i64) -> usize {
    leg.line().partition_point(|frame: &Frame| frame.end() <= at)
}
