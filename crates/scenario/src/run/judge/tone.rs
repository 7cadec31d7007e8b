//! Whether the recording tone was really in the streams to the recorder: where it was not, nothing was shown.

use std::f64::consts::TAU;

use media::g711;
use media::ledger::{Leg, Stream, StreamKind};

use crate::file::Cluster;

/// The tone's frequency, and the share of a frame's power from which it is taken to be there.
const HERTZ: f64 = 1400.0;
const SHARE: f64 = 0.2;
/// Packets of one beep, less those at its edges.
const BEEP: usize = 8;

/// Adds what is missing to `undecided`.
pub(super) fn check(cluster: &Cluster, streams: &[Stream], undecided: &mut Vec<String>) {
    for (leg, wanted) in [(Leg::Near, cluster.tone_to_connected), (Leg::Far, cluster.tone_to_observed)] {
        let of_leg = streams.iter().filter(|stream| stream.kind == StreamKind::Bridge(leg));
        if wanted && of_leg.map(beeps).max().unwrap_or(0) < BEEP {
            undecided.push(format!("the {} leg was to have a recording tone and had none", leg.name()));
        }
    }
}

/// How many packets of a stream have the tone in them.
fn beeps(stream: &Stream) -> usize {
    stream.rows.iter().filter(|row| row.law().is_some_and(|law| has_tone(law, stream.payload(row)))).count()
}

/// By the share of the power at the tone's frequency (Goertzel's algorithm).
fn has_tone(law: g711::Law, payload: &[u8]) -> bool {
    let samples: Vec<f64> = payload.iter().map(|code| f64::from(g711::decode(law, *code))).collect();
    let turn = 2.0 * (TAU * HERTZ / 8000.0).cos();
    let (last, before) =
        samples.iter().fold((0.0, 0.0), |(last, before), sample| (sample + turn * last - before, last));
    let at = last * last + before * before - turn * last * before;
    let all: f64 = samples.iter().map(|sample| sample * sample).sum();
    let loud = all / samples.len().max(1) as f64 > 100.0 * 100.0;
    loud && 2.0 * at / (samples.len() as f64 * all) > SHARE
}

#[cfg(test)]
mod tests {
    use media::signal::Voice;

    use super::*;

    #[test]
    fn the_tone_is_told_from_other_tones_and_from_silence() {
        let of = |mut voice: Voice| {
            let mut frame = [0; 160];
            voice.next_frame(&mut frame);
            has_tone(g711::Law::Mu, &frame.map(|sample| g711::encode(g711::Law::Mu, sample)))
        };
        assert!(of(Voice::tone(1400.0, -20.0)));
        assert!(!of(Voice::tone(1000.0, -20.0)));
        assert!(!of(Voice::speech(Vec::new(), 7)));
    }
}
