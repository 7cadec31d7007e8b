//! Signals in files are what phones say.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use media::signal::{Signal, Voice};
use mixedmode::Exit;

fn mixedmode(args: &[&str]) -> (Exit, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = std::iter::once("mixedmode").chain(args.iter().copied()).map(Into::into);
    let exit = mixedmode::run(args, &mut out, &mut err);
    (exit, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

fn said(mut voice: Voice, frames: usize) -> Vec<i16> {
    let mut samples = vec![0; frames * 160];
    samples.chunks_mut(160).for_each(|frame| voice.next_frame(frame));
    samples
}

#[test]
fn every_signal_is_written_as_it_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("signal.wav").display().to_string();
    for signal in ["code leg 3 60ms", "chirps", "tone 440 -6", "steps", "square", "noise", "silence", "codes PCMA"] {
        let words: Vec<&str> = signal.split(' ').collect();
        let args = [&["signal", "--seconds", "2", "--identity", "7", file.as_str()], words.as_slice()].concat();
        let (exit, out, err) = mixedmode(&args);
        assert_eq!((exit, err.as_str()), (Exit::Pass, ""));
        assert_eq!(out, format!("written to {file}: 2 s of {signal}\n"));
        let wav = media::wav::read(&std::fs::read(&file).unwrap()).unwrap();
        assert_eq!((wav.rate, wav.channels, wav.defects.as_slice()), (8000, 1, [].as_slice()));
        assert_eq!(wav.samples[0], said(signal.parse::<Signal>().unwrap().voice(0, 7), 100), "{signal}");
    }
}

#[test]
fn speech_is_a_speaker_or_a_file_and_may_be_stored_in_a_law() {
    let folder = tempfile::tempdir().unwrap();
    let (file, again) = (folder.path().join("a.wav"), folder.path().join("b.wav"));
    let (file, again) = (file.display().to_string(), again.display().to_string());
    let (exit, _, err) = mixedmode(&["signal", "--seconds", "1", "--encoding", "mulaw", &file, "speech", "1"]);
    assert_eq!((exit, err.as_str()), (Exit::Pass, ""));
    let wav = media::wav::read(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!((wav.encoding, wav.frames()), (media::wav::Encoding::MuLaw, 8000));
    assert_eq!(mixedmode(&["signal", "--seconds", "1", &again, "speech", &file]).0, Exit::Pass);
    let words = wav.samples[0].clone();
    let spoken = media::wav::read(&std::fs::read(&again).unwrap()).unwrap();
    assert_eq!(spoken.samples[0], said(Voice::speech(words, 1), 50));
    let (exit, _, err) = mixedmode(&["signal", &again, "speech", "gone.wav"]);
    assert_eq!((exit, err.contains("gone.wav")), (Exit::BadFile, true), "{err}");
}

#[test]
fn what_is_no_signal_is_answered_with_those_there_are() {
    let (exit, _, err) = mixedmode(&["signal", "never.wav", "codes"]);
    assert_eq!(exit, Exit::Usage);
    assert!(err.starts_with("error: got the signal `codes`, expected one of: code ["), "{err}");
    let (exit, _, err) = mixedmode(&["signal", "/nowhere/at/all.wav", "noise"]);
    assert_eq!((exit, err.starts_with("error: cannot write /nowhere/at/all.wav: ")), (Exit::Setup, true), "{err}");
}
