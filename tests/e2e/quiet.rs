//! Two phones of which neither says anything.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use media::wav::{Encoding, Writer, read};
use mixedmode::Exit;
use scenario::outcome::Verdict;
use scenario::run::{Network, Options};

/// Writes a WAV file of one channel.
fn write(path: &Path, samples: &[i16]) {
    let mut sink = Writer::new(Cursor::new(Vec::new()), 8000, 1, Encoding::Pcm16).unwrap();
    sink.write(samples).unwrap();
    std::fs::write(path, sink.finish().unwrap().into_inner()).unwrap();
}

fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    let paths = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    paths
        .into_iter()
        .find_map(|path| if path.is_dir() { find(&path, name) } else { (path.file_name()? == name).then_some(path) })
}

fn verify(ledger: &Path) -> (Exit, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = mixedmode::run(["mixedmode".into(), "verify".into(), ledger.into()], &mut out, &mut err);
    (exit, String::from_utf8_lossy(&out).into_owned())
}

#[test]
fn every_frame_of_silence_has_a_name_and_is_proven() {
    let folder = tempfile::tempdir().unwrap();
    for samples in [&[0; 8000][..], &[77][..]] {
        let silence = folder.path().join("silence.wav");
        write(&silence, samples);
        let keep = folder.path().join(samples.len().to_string());
        let says = silence.display();
        let text = format!(
            r#"
scenario: A call in which nobody says anything
phones:
  agent:    {{ line: "2000", security: encrypted, recording: automatic, says: "{says}" }}
  customer: {{ line: "1000", security: encrypted, says: "{says}" }}
steps:
  - call: {{ from: customer, to: agent }}
  - answer: agent
  - talk: 3s
  - hang up: agent
"#
        );
        let options = Options { keep: Some(keep.clone()), ..tests::options(Network::Simulated, 1) };
        let outcome = tests::run_text("quiet.yaml", &text, &options).unwrap();
        assert!(outcome.verdict == Verdict::Pass && outcome.frames_compared > 500, "{outcome:#?}");

        let near = find(&keep, "near.wav").unwrap();
        let mut leg = read(&std::fs::read(&near).unwrap()).unwrap().samples.remove(0);
        let (one, other) = leg[8000..8320].split_at_mut(160);
        one.swap_with_slice(other);
        write(&near, &leg);
        let (exit, said) = verify(&find(&keep, "ledger.json").unwrap());
        assert!(exit == Exit::Finding && said.contains("misplaced-frames"), "{said}");
    }
}
