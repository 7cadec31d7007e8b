//! Whether audio is that of another call in which the same was said: the words are the same, the name under them is another.
//!
//! Phones of every run say the same words, with a dither under them that is each stream's own ([`media::signal`]). Where the words
//! pause, nothing is left but the dither.

use crate::fit::{dot, peak};
use crate::source::Source;

/// No louder a frame is a pause: the dither, and what little the words leave of it.
const PAUSE: u16 = 64;
/// So many pauses decide.
const ENOUGH: usize = 5;
/// Two dithers have less in common; a dither that was coded again has more.
const UNLIKE: f64 = 0.35;

/// Whether `file`, which is like `voice` laid at `offset`, is untouched G.711 audio that has another name than `voice` under it.
/// Audio that was transcoded, filtered or changed in its level is not untouched.
pub(crate) fn is_named_otherwise(voice: &Source, file: &[i16], offset: i64) -> bool {
    // Zero is none of A-law's values, and what recorders fill gaps with.
    let is_said = |sample: &i16| *sample == 0 || voice.snap(*sample) == *sample;
    if !file.iter().all(is_said) {
        return false;
    }
    let (mut own, mut other) = (0, 0);
    for frame in voice.line().iter().filter(|frame| !frame.weak) {
        let truth = voice.samples(frame);
        let start = usize::try_from(frame.at + offset).ok();
        let Some(heard) = start.and_then(|start| file.get(start..start + frame.len)) else { continue };
        if peak(truth) > PAUSE || peak(heard) > PAUSE {
            continue;
        }
        let (was, is) = (dot(truth, truth), dot(heard, heard));
        // A pause that was made silent, or filled with more than a name, says nothing.
        if is > was * 0.25 && is < was * 4.0 {
            *(if dot(truth, heard) / (was * is).sqrt() < UNLIKE { &mut other } else { &mut own }) += 1;
        }
    }
    other >= ENOUGH && own * 10 < other
}
