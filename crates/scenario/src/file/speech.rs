//! What a phone says: a WAV file as its samples.

use std::path::Path;

/// The largest file that is spoken: half a day at 8 kHz and 16 bits.
const LARGEST: u64 = 512 << 20;
/// How a file is made to fit.
const CONVERT: &str = "convert with `sox in.wav -r 8000 -c 1 out.wav`";

/// The samples of the WAV file at `path`.
///
/// # Errors
/// Why it cannot be spoken, and what to do.
pub(crate) fn speech(path: &Path) -> Result<Vec<i16>, String> {
    let bytes = wire::file::read(path, LARGEST).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "the file is not there".to_owned(),
        _ => error.to_string(),
    })?;
    speech_of(&bytes)
}

/// The samples of a WAV file.
///
/// # Errors
/// Why they cannot be spoken, and what to do.
pub(crate) fn speech_of(bytes: &[u8]) -> Result<Vec<i16>, String> {
    let wav = media::wav::read(bytes).map_err(|error| error.to_string())?;
    if !wav.finished {
        // Of a file that was cut off, nobody knows what it was to say.
        let defects: Vec<String> = wav.defects.iter().map(ToString::to_string).collect();
        return Err(format!("the file is not whole: {}", defects.join("; ")));
    }
    if wav.rate != 8000 || wav.channels != 1 {
        return Err(format!("got {} Hz and {} channels, expected 8000 Hz mono ({CONVERT})", wav.rate, wav.channels));
    }
    match wav.samples.into_iter().next() {
        Some(samples) if !samples.is_empty() => Ok(samples),
        _ => Err("the file holds no audio".to_owned()),
    }
}
