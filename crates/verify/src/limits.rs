//! What a recording may differ by.

use serde::{Deserialize, Serialize};

/// The limits of the verdict. The defaults are strict: on a network that delivers everything nothing may be missing
/// and nothing may be added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Frames of a channel that were delivered in time and may be missing or damaged.
    pub lost_frames: u64,
    /// How much later than the fastest of its stream a packet may arrive and still has to be recorded, in ms. A later
    /// one may be exact or silent.
    pub late_ms: u32,
    /// How much audio a channel may hold that does not belong there (another leg or call, repeated, unknown), in ms.
    /// Audio of packets that were not genuine is never excused.
    pub foreign_ms: u32,
    /// By how many samples the time line may jump at one place.
    pub position_samples: u32,
    /// How far the channels of a file may be from the time at which they were said, against each other, in ms. A recorder
    /// knows only when packets arrived; half a frame is allowed, so that a channel off by a whole frame is always seen.
    pub alignment_ms: f64,
    /// How much may be missing behind the SDP answer, in ms; see [`Expected::from_us`](crate::Expected::from_us).
    pub start_clip_ms: u32,
    /// How much may be missing before the BYE, in ms; see [`Expected::until_us`](crate::Expected::until_us).
    pub end_clip_ms: u32,
    /// How much silence a file may have before its first and behind its last packet beyond what passed between answer
    /// and first packet, or last packet and BYE, in ms.
    pub padding_ms: u32,
    /// How long a recorder may go on concealing after a packet that did not come, in ms.
    pub concealment_ms: u32,
    /// By how much the level may be changed, in dB. In a mono mix: by how much the legs' levels may differ from each other.
    pub gain_db: f64,
    /// A file of one channel of which no leg is claimed holds both legs: that is how this recorder stores, and no fault.
    /// Both are judged frame by frame. Without it a mix is found by [`Rule::MixedLegs`](crate::Rule::MixedLegs), and
    /// judged all the same.
    pub mono_mix: bool,
    /// The recorder stores by a lossy codec or transcodes: audio that is there, but not sample for sample, is no fault. What
    /// is cut out, put in, silent or foreign still is, as far as [`ChannelFigures::unseen`](crate::ChannelFigures::unseen) lets it be seen.
    pub lossy: bool,
    /// By how much the clock of audio that is not there sample for sample may differ, in millionths.
    pub drift_ppm: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lost_frames: 0,
            late_ms: 200,
            foreign_ms: 0,
            position_samples: 0,
            alignment_ms: 10.0,
            start_clip_ms: 40,
            end_clip_ms: 20,
            padding_ms: 200,
            concealment_ms: 60,
            gain_db: 0.0,
            mono_mix: false,
            lossy: false,
            drift_ppm: 50.0,
        }
    }
}

impl Limits {
    /// The limits that differ from the defaults, each as `name: value (default value)`.
    pub fn changed(&self) -> Vec<String> {
        let default = Self::default();
        macro_rules! compare {
            ($($field:ident),*) => {
                [$((stringify!($field), self.$field.to_string(), default.$field.to_string())),*]
            };
        }
        compare!(
            lost_frames,
            late_ms,
            foreign_ms,
            position_samples,
            alignment_ms,
            start_clip_ms,
            end_clip_ms,
            padding_ms,
            concealment_ms,
            gain_db,
            mono_mix,
            lossy,
            drift_ppm
        )
        .into_iter()
        .filter(|(_, own, default)| own != default)
        .map(|(name, own, default)| format!("{name}: {own} (default {default})"))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_limit_is_told_with_its_default() {
        assert!(Limits::default().changed().is_empty());
        let limits = Limits { alignment_ms: 40.0, lost_frames: 3, mono_mix: true, ..Limits::default() };
        let changed = ["lost_frames: 3 (default 0)", "alignment_ms: 40 (default 10)", "mono_mix: true (default false)"];
        assert_eq!(limits.changed(), changed);
    }
}
