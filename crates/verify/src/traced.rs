//! A channel frame by frame, for whoever draws it.

use media::ledger::{Leg, Nature};

use crate::classify::{Analysis, Channel, Status, Stuff, Why};
use crate::judge::Track;
use crate::likely;
use crate::soft::Soft;
use crate::source::{Duty, MS};
use crate::verdict::{ChannelFigures, MatrixCell};
use crate::words::Place;

/// What became of a frame of a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FrameClass {
    /// In its place, sample for sample.
    Exact,
    /// The same, and all its samples are equal: it proves nothing.
    Silent,
    /// In its place, and in the file a second time.
    Repeated,
    /// In the file, elsewhere.
    Misplaced,
    /// Silence is in its place.
    Lost,
    /// Something that passes for concealment is in its place.
    Concealed,
    /// There but for some samples.
    Damaged,
    /// There with another level, raised, or mixed with the other leg; or followed by its likeness, where it must be there
    /// sample for sample.
    Altered,
    /// Followed by its likeness, in a file that need not hold it sample for sample.
    Likely,
    /// Whether it is there cannot be told by likeness: it is too faint, or too near to a jump.
    Unseen,
    /// Something else is in its place.
    Overwritten,
    /// Cut out: the time line jumps over it.
    Removed,
    /// Before the start or behind the end of the file.
    Clipped,
    /// It came too late, and is not there, which is excused.
    Late,
    /// It is not there and did not have to be: it came before the recorder had to listen, or after it was told to stop.
    Excused,
    /// It never arrived, and is not there.
    Gap,
    /// It never arrived, and is there.
    Undelivered,
}

impl FrameClass {
    /// The class of a frame by its own place alone.
    pub(crate) const fn of(duty: Duty, weak: bool, status: Status) -> Self {
        let why = match (status, duty) {
            (Status::Exact, _) => return if weak { Self::Silent } else { Self::Exact },
            (Status::Missing(why), duty) if !why.is_excused(duty) => why,
            (Status::Missing(_), Duty::Late) => return Self::Late,
            (Status::Missing(_), Duty::Undelivered) => return Self::Gap,
            (Status::Missing(_), Duty::Due | Duty::Excused) => return Self::Excused,
        };
        match why {
            Why::Misplaced => Self::Misplaced,
            Why::StartClipped | Why::EndClipped => Self::Clipped,
            Why::Removed(_) => Self::Removed,
            Why::Silent => Self::Lost,
            Why::Concealed => Self::Concealed,
            Why::Damaged { .. } => Self::Damaged,
            Why::Altered(_) | Why::Mixed(_) | Why::Raised(_) => Self::Altered,
            Why::Covered(_) => Self::Overwritten,
        }
    }

    /// A stable lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Silent => "silent",
            Self::Repeated => "repeated",
            Self::Misplaced => "misplaced",
            Self::Lost => "lost",
            Self::Concealed => "concealed",
            Self::Damaged => "damaged",
            Self::Altered => "altered",
            Self::Likely => "likely",
            Self::Unseen => "unseen",
            Self::Overwritten => "overwritten",
            Self::Removed => "removed",
            Self::Clipped => "clipped",
            Self::Late => "late",
            Self::Excused => "excused",
            Self::Gap => "gap",
            Self::Undelivered => "undelivered",
        }
    }
}

/// One frame of a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TracedFrame {
    /// Index into [`Truth::streams`](crate::Truth::streams).
    pub stream: usize,
    /// Index into the stream's rows.
    pub row: usize,
    /// Where it belongs on the leg's time line, in samples from the leg's first packet.
    pub at: i64,
    /// Its length in samples.
    pub len: usize,
    /// What became of it.
    pub class: FrameClass,
}

/// A stretch of the file that is not the leg in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TracedPatch {
    /// What it is, in words.
    pub what: &'static str,
    /// Where it starts in the file, in samples.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// Frames it is made of.
    pub frames: u64,
}

/// A channel taken apart.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelTrace {
    /// The recording's label.
    pub recording: String,
    /// The file.
    pub file: String,
    /// The channel, from 0.
    pub channel: u16,
    /// The leg it was judged as; `None` where that could not be told.
    pub leg: Option<Leg>,
    /// Where the leg's first packet lies in the file, in samples; `None` where the leg was not found.
    pub offset: Option<i64>,
    /// How it had to be read to find the audio: see [`ChannelFigures::mode`].
    pub mode: String,
    /// What could not be seen in this mode, in words.
    pub unseen: Vec<String>,
    /// How much of each leg of each recording is in it.
    pub matrix: Vec<MatrixCell>,
    /// Every frame of the leg, in order of its time line.
    pub frames: Vec<TracedFrame>,
    /// What is beside it.
    pub patches: Vec<TracedPatch>,
    /// The samples of the channel, as they are stored.
    pub stored: Vec<i16>,
    /// What should be there, sample by sample: each frame that arrived in its place by the stretch of the time line that it
    /// is in, silence elsewhere. As long as [`stored`](Self::stored). A leg that was not found is taken to begin with the file.
    pub said: Vec<i16>,
}

/// The class of each frame of a channel's leg by its own place: where the leg was followed by its likeness by that, else by what
/// was found sample for sample.
pub(crate) fn classes(track: &Track<'_>, channel: &Channel<'_>, analysis: &Analysis, allowed: bool) -> Vec<FrameClass> {
    let line = channel.source().line();
    match &track.heard.soft {
        Some(soft) => likely::classes(line, soft, track.samples().len(), allowed),
        None => line.iter().zip(&analysis.status).map(|(f, status)| FrameClass::of(f.duty, f.weak, *status)).collect(),
    }
}

pub(crate) fn trace(
    track: &Track<'_>,
    channel: &Channel<'_>,
    analysis: &Analysis,
    place: &Place,
    (figures, classes): (&ChannelFigures, &[FrameClass]),
) -> ChannelTrace {
    let line = channel.source().line();
    // Compared once: a channel of an hour has 180,000 frames.
    let undone = track.stored() != track.samples();
    let mut frames: Vec<TracedFrame> = (line.iter().zip(classes))
        .map(|(frame, class)| TracedFrame {
            stream: frame.stream as usize,
            row: frame.row as usize,
            at: frame.at,
            len: frame.len,
            class: match class {
                FrameClass::Exact if frame.duty == Duty::Undelivered => FrameClass::Undelivered,
                // It was found only after something had been undone in the whole channel.
                FrameClass::Exact if undone => FrameClass::Altered,
                class => *class,
            },
        })
        .collect();
    for patch in analysis.patches.iter().filter(|patch| patch.frames > 0 && patch.stuff == Stuff::Repeat) {
        let Some((first, last)) = patch.placed else { continue };
        for frame in frames.iter_mut().take(last.frame + 1).skip(first.frame) {
            if frame.class == FrameClass::Exact {
                frame.class = FrameClass::Repeated;
            }
        }
    }
    let patches = analysis.patches.iter().filter(|patch| patch.frames > 0);
    ChannelTrace {
        recording: place.recording.clone(),
        file: place.file.clone().unwrap_or_default(),
        channel: place.channel.unwrap_or_default(),
        leg: place.leg,
        offset: figures.offset_samples,
        mode: figures.mode.clone(),
        unseen: figures.unseen.clone(),
        matrix: figures.matrix.clone(),
        frames,
        patches: patches
            .map(|patch| TracedPatch {
                what: words(patch.stuff),
                start: patch.start,
                end: patch.end,
                frames: patch.frames,
            })
            .collect(),
        stored: track.stored().to_vec(),
        said: match &track.heard.soft {
            Some(soft) => said_about(track.stored().len(), channel, soft),
            None => said(track.stored().len(), channel, analysis),
        },
    }
}

/// What should be in the file. Where the time line jumps two frames may belong to one place: what is there goes first.
fn said(len: usize, channel: &Channel<'_>, analysis: &Analysis) -> Vec<i16> {
    let mut out = vec![0; len];
    let source = channel.source();
    let mut paint = |wanted: &dyn Fn(Status) -> bool| {
        for (number, frame) in source.line().iter().enumerate() {
            if frame.duty == Duty::Undelivered || !wanted(analysis.status[number]) {
                continue;
            }
            let pos = channel.place(&analysis.line, number).unwrap_or(frame.at);
            for (k, sample) in source.samples(frame).iter().enumerate() {
                if let Some(out) = usize::try_from(pos + k as i64).ok().and_then(|at| out.get_mut(at)) {
                    *out = *sample;
                }
            }
        }
    };
    paint(&|status| matches!(status, Status::Missing(Why::Removed(_))));
    paint(&|status| status != Status::Exact && !matches!(status, Status::Missing(Why::Removed(_))));
    paint(&|status| status == Status::Exact);
    out
}

/// What should be in a file whose leg was followed by likeness: each frame that arrived where the voice is by that.
fn said_about(len: usize, channel: &Channel<'_>, soft: &Soft) -> Vec<i16> {
    let mut out = vec![0; len];
    let source = channel.source();
    for frame in source.line().iter().filter(|frame| frame.duty != Duty::Undelivered) {
        let place = soft.place(frame.at);
        for (k, sample) in source.samples(frame).iter().enumerate() {
            if let Some(out) = usize::try_from(place + k as i64).ok().and_then(|at| out.get_mut(at)) {
                *out = *sample;
            }
        }
    }
    out
}

const fn words(stuff: Stuff) -> &'static str {
    match stuff {
        Stuff::Stray(nature) => match nature {
            Nature::Genuine => "packets of no leg",
            Nature::Replayed => "replayed packets",
            Nature::Forged => "forged packets",
            Nature::Plain => "packets in clear",
            Nature::BadTag => "packets with a wrong authentication tag",
            Nature::WrongKey => "packets under another key",
        },
        Stuff::Repeat => "the leg a second time",
        Stuff::Misplaced(shift) if shift.abs() < MS => "the leg off by some samples",
        Stuff::Misplaced(shift) if shift < 0 => "the leg too early",
        Stuff::Misplaced(_) => "the leg too late",
        Stuff::OtherLeg => "the other leg",
        Stuff::OtherCall => "another call",
        Stuff::Noise => "noise",
        Stuff::Unknown => "sound that nobody sent",
    }
}
