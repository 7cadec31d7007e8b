//! What the recorder stored.

use std::borrow::Cow;

use media::ledger::Leg;

/// One recording as the recorder stored it.
#[derive(Clone, Debug)]
pub struct Recorded<'a> {
    /// What the recorder calls it: its identifier or folder.
    pub label: String,
    /// Which of [`Truth::recordings`](crate::Truth::recordings) it says it is, by its metadata. With `None` the audio
    /// decides.
    pub expected: Option<usize>,
    /// Its audio files; each is judged, and a leg that is in none of them is missing.
    pub files: Vec<RecordedFile<'a>>,
}

/// One audio file of a recording.
#[derive(Clone, Debug)]
pub struct RecordedFile<'a> {
    /// Its name in findings.
    pub name: String,
    /// What it holds.
    pub content: Content<'a>,
    /// The leg each channel is said to hold, in the order of the channels; `None` or a missing entry lets the audio
    /// decide.
    pub claims: Vec<Option<Leg>>,
}

/// The content of a file.
#[derive(Clone, Debug)]
pub enum Content<'a> {
    /// The bytes of a WAV file.
    Wav(Cow<'a, [u8]>),
    /// The file should be there and is not.
    Missing,
    /// The file should be there and could not be read, with the reason.
    Unreadable(String),
}

impl<'a> RecordedFile<'a> {
    /// A stereo file, near on the left and far on the right.
    pub fn stereo(name: impl Into<String>, bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        Self { name: name.into(), content: Content::Wav(bytes.into()), claims: vec![Some(Leg::Near), Some(Leg::Far)] }
    }

    /// A mono file of one leg.
    pub fn mono(name: impl Into<String>, leg: Leg, bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        Self { name: name.into(), content: Content::Wav(bytes.into()), claims: vec![Some(leg)] }
    }
}
