//! The HTML report in a real browser: `tests/browser/check_report.py` opens it in headless Chromium. `make browser`
//! installs what that needs; here it is skipped, and says so, where something is missing.

use std::path::{Path, PathBuf};
use std::process::Command;

use scenario::evidence::Class;
use scenario::outcome::{RunOutcome, ScenarioOutcome, Try, Verdict};
use scenario::run::Network;

/// A call whose recording has holes, one that is whole, and texts that would like to be markup.
fn outcome() -> RunOutcome {
    let mut options = tests::options(Network::Simulated, 7);
    options.evidence = true;
    let whole = std::fs::read_to_string(tests::root().join("scenarios/plain-call.yaml")).unwrap();
    let whole = whole.replace("talk: 10s", "talk: 3s");
    let holes = whole.replace("steps:", "recorder: { fault: { lose-every: 37 } }\nsteps:");
    let title = "scenario: An encrypted call is recorded on both sides";
    let hostile = "scenario: '</script><script>document.title = 1</script><img src=x onerror=\"document.title = 2\">'";
    let texts =
        [("holes.yaml", holes), ("whole.yaml", whole.clone()), ("<i>hostile.yaml", whole.replace(title, hostile))];
    let mut scenarios = texts.map(|(file, text)| tests::run_text(file, &text, &options).unwrap());
    let [holes, whole, _] = &mut scenarios;
    (whole.verdict, whole.earlier) = (
        Verdict::Flaky,
        vec![Try { number: 1, verdict: holes.verdict, reason: None, findings: holes.findings[..1].to_vec() }],
    );
    let scenarios = scenarios.iter().cloned().chain([altered()]).collect();
    RunOutcome { scenarios, ..tests::run(&[], &options).unwrap() }
}

/// The recordings of a call as a recorder would have them that stores lossily, and loses a second: judged again from what was kept.
fn altered() -> ScenarioOutcome {
    let kept = tempfile::tempdir().unwrap();
    let mut options = tests::options(Network::Simulated, 7);
    options.keep = Some(kept.path().to_owned());
    tests::run(&["scenarios/plain-call.yaml"], &options).unwrap();
    let files: Vec<PathBuf> = ["near.wav", "far.wav"].map(|name| found(kept.path(), name)).to_vec();
    for file in &files {
        std::fs::write(file, lossy(&std::fs::read(file).unwrap())).unwrap();
    }
    let ledger = found(kept.path(), "ledger.json");
    let mut judged = scenario::kept::verify(&ledger, &files, None, true).unwrap().scenarios.remove(0);
    judged.file = "altered/ledger.json".to_owned();
    judged
}

/// The same sound with a little noise on each sample, and its third second silent but for that.
fn lossy(file: &[u8]) -> Vec<u8> {
    let wav = media::wav::read(file).unwrap();
    let mut noise = 1_u32;
    let mut samples = wav.samples[0].clone();
    for (at, sample) in samples.iter_mut().enumerate() {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let said = if (16_000..24_000).contains(&at) { 0 } else { *sample };
        *sample = said.saturating_add((noise >> 27) as i16 - 16);
    }
    let sink = std::io::Cursor::new(Vec::new());
    let mut writer = media::wav::Writer::new(sink, 8000, 1, media::wav::Encoding::Pcm16).unwrap();
    writer.write(&samples).unwrap();
    writer.finish().unwrap().into_inner()
}

/// The only file of this name anywhere in a folder.
fn found(folder: &Path, name: &str) -> PathBuf {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path if path.ends_with(name) => return path,
                _ => {}
            }
        }
    }
    panic!("there is no {name}")
}

#[test]
fn a_leg_that_is_there_by_its_likeness_alone_is_drawn_so_and_in_its_place() {
    let judged = altered();
    let evidence = judged.evidence.unwrap();
    assert_eq!(evidence.channels.len(), 2);
    for (channel, row) in evidence.channels.iter().zip(&evidence.rows) {
        let frames =
            |class: Class| channel.strip.iter().filter(|run| run.class == class).map(|run| run.frames).sum::<u32>();
        let [altered, lost, unseen] = [Class::Altered, Class::Lost, Class::Unseen].map(frames);
        let all: u32 = channel.strip.iter().map(|run| run.frames).sum();
        assert!(
            altered > 400 && (25..=50).contains(&lost) && altered + lost + unseen == all,
            "{altered} {lost} {unseen} of {all}"
        );
        assert!(channel.mode.starts_with("softly: ") && !channel.unseen.is_empty(), "{}", channel.mode);
        let began = channel.file_began_us.unwrap() + channel.offset_samples.unwrap() * 125;
        assert!((began - row.spans[0].from_us).abs() < 1000, "{began} is not {}", row.spans[0].from_us);
        let cell = &channel.matrix[0];
        assert!(cell.leg == channel.leg && cell.found_ms > 8000.0, "{cell:?}");
    }
    let figures = &judged.channels[0].figures;
    assert!(figures["frames"]["lost"]["delivered"].as_u64().unwrap() <= 50, "{figures}");
    assert!(figures["mode"].as_str().unwrap().starts_with("softly: "), "{figures}");
}

/// Ninety scenarios have to stay below 20 MB; half of that is for the clips of those that fail.
const MOST_BYTES: usize = 20_000_000 / 90 / 2;

#[test]
fn the_html_of_a_call_is_small_and_the_same_again() {
    let mut options = tests::options(Network::Simulated, 7);
    options.evidence = true;
    let page = || report::html(&tests::run(&["scenarios/plain-call.yaml"], &options).unwrap()).unwrap();
    let (one, other) = (page(), page());
    assert!(one == other, "two runs of one seed give different pages");
    let bare = report::html(&tests::run(&[], &options).unwrap()).unwrap();
    let bytes = one.len() - bare.len();
    assert!(bytes < MOST_BYTES, "a call of ten seconds takes {bytes} bytes, expected less than {MOST_BYTES}");
}

#[test]
fn the_html_report_works_in_chromium() {
    let needed: [(&str, &[&str]); 3] = [
        ("python3", &["python3"]),
        ("chromedriver", &["chromedriver"]),
        ("chromium", &["chromium", "chromium-browser", "google-chrome"]),
    ];
    for (name, names) in needed {
        if !names.iter().any(|name| Command::new(name).arg("--version").output().is_ok()) {
            eprintln!("skipped: there is no {name} here, which tests/browser needs (`make browser` installs it)");
            return;
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    std::fs::write(&file, report::html(&outcome()).unwrap()).unwrap();
    let check = tests::root().join("tests/browser/check_report.py");
    let done = Command::new("python3").arg("-B").arg(check).arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stderr));
}
