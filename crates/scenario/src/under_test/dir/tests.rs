use std::path::PathBuf;

use super::*;
use crate::kept::{Party, SessionLeg};

struct Bench {
    _folder: tempfile::TempDir,
    root: PathBuf,
    profile: Profile,
}

fn bench(names: &str) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "[recorders.mine]\nlistens = {{ tcp = 5060 }}\nstart = {{ command = [\"x\"] }}\n[recorders.mine.recordings]\nroot = \"{{folder}}/out\"\nunchanged_for = \"150ms\"\nready_within = \"900ms\"\n{names}\n"
    );
    let root = folder.path().join("out");
    fs::create_dir(&root).unwrap();
    let profile = super::super::parse(&text, folder.path()).unwrap().remove(0);
    Bench { _folder: folder, root, profile }
}

pub(crate) fn session(refci: u32, near: &str, far: &str) -> Session {
    let party = |number: &str| Party { device: format!("SEP{number}"), number: number.to_owned() };
    let leg = |name: &str| SessionLeg {
        bridge_call_id: String::new(),
        recorder_call_id: format!("{name}-{refci}@192.0.2.5"),
        codec: "PCMU".to_owned(),
        suite: None,
        invited_us: None,
        told: None,
    };
    Session {
        refci,
        earlier: 0,
        farendrefci: refci + 1,
        cluster_id: "Stand".to_owned(),
        numbering: 0,
        near: party(near),
        far: party(far),
        near_leg: leg("n"),
        far_leg: leg("f"),
        only: None,
        hampered: Vec::new(),
        started_us: 0,
        ended_us: None,
        lost_us: None,
        ended_by_recorder: None,
        end_cause: None,
        updates: Vec::new(),
        run_unix_us: None,
        later: Vec::new(),
    }
}

impl Bench {
    fn write(&self, name: &str) {
        let path = self.root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "RIFF").unwrap();
    }

    fn shelf(&self) -> Shelf {
        let values = Values::from([("folder", self.root.parent().unwrap().display().to_string())]);
        Shelf::before(&self.profile, &values)
    }

    /// The folder as if nothing had been there before.
    fn shelf_of_nothing(&self) -> Shelf {
        let mut shelf = self.shelf();
        shelf.folder.earlier.clear();
        shelf
    }

    /// What is found where nothing was there before.
    async fn gather(&self, sessions: &[Session]) -> Gathered {
        self.shelf_of_nothing().gather(&self.profile, sessions).await.unwrap()
    }
}

/// Each recording as `expected: files`.
fn found(gathered: &Gathered) -> Vec<String> {
    let one = |stored: &Stored| {
        let files: Vec<&str> = stored.recorded.files.iter().map(|file| file.name.as_str()).collect();
        format!("{:?}: {}", stored.recorded.expected, files.join(" "))
    };
    gathered.stored.iter().map(one).collect()
}

#[tokio::test]
async fn files_are_found_by_what_cucm_told() {
    let bench = bench("near = \"**/{call_id}.wav\"\nfar = \"**/{call_id}.wav\"");
    bench.write("a/n-7@192.0.2.5.wav");
    bench.write("b/f-7@192.0.2.5.wav");
    let gathered = bench.gather(&[session(7, "2000", "1000")]).await;
    assert_eq!(found(&gathered), ["Some(0): a/n-7@192.0.2.5.wav b/f-7@192.0.2.5.wav"]);
    assert!(gathered.findings.is_empty(), "{:?}", gathered.findings);
    let claims: Vec<_> = gathered.stored[0].recorded.files.iter().map(|file| file.claims.clone()).collect();
    assert_eq!(claims, [[Some(Leg::Near)], [Some(Leg::Far)]]);
}

#[tokio::test]
async fn files_of_a_leg_each_are_of_one_recording_and_the_audio_decides_which_leg() {
    let bench = bench("leg = \"{refci}-*.wav\"");
    bench.write("7-n-7@192.0.2.5.wav");
    let one = bench.gather(&[session(7, "2000", "1000")]).await;
    assert_eq!(
        one.findings.iter().map(|f| f.rule.as_str()).collect::<Vec<_>>(),
        ["missing-file"],
        "one leg is not both"
    );
    bench.write("7-f-7@192.0.2.5.wav");
    let gathered = bench.gather(&[session(7, "2000", "1000")]).await;
    assert!(gathered.findings.is_empty(), "{:?}", gathered.findings);
    assert_eq!(found(&gathered), ["Some(0): 7-f-7@192.0.2.5.wav 7-n-7@192.0.2.5.wav"]);
    assert!(gathered.stored[0].recorded.files.iter().all(|file| file.claims == [None]));
}

#[tokio::test]
async fn files_of_a_leg_each_that_may_be_of_several_recordings_are_refused() {
    let bench = bench("leg = \"{refci}-*.wav\"");
    for name in ["7-a.wav", "7-b.wav", "7-c.wav", "7-d.wav"] {
        bench.write(name);
    }
    let again = Session { earlier: 1, ..session(7, "2000", "1000") };
    let both = [session(7, "2000", "1000"), again];
    let why = bench.shelf_of_nothing().gather(&bench.profile, &both).await.unwrap_err();
    let expected = "files of 2 recordings, 2000 with 1000 (refci 7) and 2000 with 1000 (refci 7, no. 2), and nothing in a name such as 7-a.wav";
    assert!(why.contains(expected) && why.contains("`{call_id}`"), "{why}");
    // Of a single recording more than two files are the recorder's doing.
    assert_eq!(bench.gather(&both[..1]).await.stored.len(), 4);
}

#[tokio::test]
async fn a_file_of_a_call_may_be_named_by_any_of_its_recordings() {
    let bench = bench("stereo = \"{call_id}.wav\"\nfile_per = \"call\"");
    bench.write("f-8@192.0.2.5.wav");
    let mut again = Session { earlier: 1, started_us: 9, ended_us: Some(11), ..session(7, "2000", "1000") };
    again.far_leg.recorder_call_id = "f-8@192.0.2.5".to_owned();
    let first = Session { ended_us: Some(5), ..session(7, "2000", "1000") };
    let other = session(8, "3000", "1000");
    let calls = Session::by_call(vec![first, other, again], PauseTime::Closed);
    let ends: Vec<_> = calls.iter().map(|call| (call.refci, call.ended_us, call.later.len())).collect();
    assert_eq!(ends, [(7, Some(11), 1), (8, None, 0)]);
    assert_eq!((calls[0].later[0].pause.from_us, calls[0].later[0].pause.until_us), (5, 9));
    let gathered = bench.gather(&calls[..1]).await;
    assert_eq!(found(&gathered), ["Some(0): f-8@192.0.2.5.wav"]);
}

#[tokio::test]
async fn what_is_said_beside_the_audio_is_waited_for_and_read() {
    let names = "near = \"{refci}-*-n.wav\"\nfar = \"{refci}-*-f.wav\"\nmetadata = { near = \"$.agent\", file = \"{refci}-*.json\" }";
    let bench = bench(names);
    for name in ["7-1-n.wav", "7-1-f.wav", "7-2-n.wav", "7-2-f.wav"] {
        bench.write(name);
    }
    let again = Session { earlier: 1, ..session(7, "2000", "1000") };
    let both = [session(7, "2000", "1000"), again];
    let without = bench.gather(&both).await;
    let rules: Vec<&str> = without.findings.iter().map(|f| f.rule.as_str()).collect();
    assert_eq!((rules, found(&without).len()), (vec!["missing-file", "missing-file"], 2), "{:?}", without.findings);
    fs::write(bench.root.join("7-1.json"), r#"{ "agent": 2000 }"#).unwrap();
    fs::write(bench.root.join("7-2.json"), r#"{ "agent": "1000" }"#).unwrap();
    let gathered = bench.gather(&both).await;
    assert_eq!(found(&gathered), ["None: 7-1-n.wav 7-1-f.wav", "None: 7-2-n.wav 7-2-f.wav"]);
    let wrong = |stored: &Stored| {
        let mut findings = Vec::new();
        stored.said.iter().for_each(|said| said.compare(&both[0], &mut findings));
        findings.iter().map(|f| f.found.clone()).collect::<Vec<_>>()
    };
    let all: Vec<_> = gathered.stored.iter().map(wrong).collect();
    assert_eq!(all, [vec![], vec!["`1000`".to_owned()]]);
    fs::write(bench.root.join("7-2.json"), "{ half").unwrap();
    let gathered = bench.gather(&both).await;
    let named: Vec<_> = gathered.findings.iter().map(|f| (f.rule.as_str(), f.file.as_deref())).collect();
    assert_eq!(named, [("unreadable-metadata", Some("7-2.json"))]);
}

#[tokio::test]
async fn what_a_recorder_prints_is_none_of_its_files() {
    let mut bench = bench("near = \"{refci}-n.wav\"\nfar = \"{refci}-f.wav\"");
    bench.profile.recordings.root = Template::plain(&bench.root.parent().unwrap().display().to_string());
    bench.write("../recorder.log");
    let gathered = bench.gather(&[session(7, "2000", "1000")]).await;
    assert_eq!(gathered.findings[0].rule, "missing-file");
    assert_eq!(gathered.findings[0].found, "no file of this run is there");
    bench.write("deep/recorder.log");
    let gathered = bench.gather(&[session(7, "2000", "1000")]).await;
    assert!(gathered.findings[0].found.contains("out/deep/recorder.log"), "{:?}", gathered.findings);
}

#[tokio::test]
async fn two_recordings_of_one_call_are_told_apart_by_their_numbers() {
    let bench = bench("stereo = \"{near}-{far}.wav\"\nleft = \"far\"");
    bench.write("1000-2000.wav");
    bench.write("2000-1000.wav");
    let gathered = bench.gather(&[session(7, "2000", "1000"), session(8, "1000", "2000")]).await;
    assert_eq!(found(&gathered), ["Some(0): 2000-1000.wav", "Some(1): 1000-2000.wav"]);
    assert_eq!(gathered.stored[0].recorded.files[0].claims, [Some(Leg::Far), Some(Leg::Near)]);
}

#[tokio::test]
async fn names_that_tell_nothing_leave_it_to_the_audio_and_wildcards_pair_the_legs() {
    let bench = bench("near = \"*/near.wav\"\nfar = \"*/far.wav\"");
    for name in ["a/near.wav", "b/near.wav", "b/far.wav", "a/far.wav"] {
        bench.write(name);
    }
    let gathered = bench.gather(&[session(7, "2000", "1000"), session(8, "1000", "2000")]).await;
    assert_eq!(found(&gathered), ["None: a/near.wav a/far.wav", "None: b/near.wav b/far.wav"]);
}

#[tokio::test]
async fn a_file_that_is_missing_is_named_by_its_pattern_with_what_is_there() {
    let bench = bench("near = \"{refci}-near.wav\"\nfar = \"{refci}-far.wav\"");
    bench.write("7-near.wav");
    bench.write("7-fare.wav");
    let gathered = bench.gather(&[session(7, "2000", "1000")]).await;
    assert_eq!(gathered.findings.len(), 1);
    let missing = &gathered.findings[0];
    assert_eq!((missing.rule.as_str(), missing.leg.as_deref()), ("missing-file", Some("far")));
    assert!(missing.expected.contains("`{refci}-far.wav` with refci = 7 below"), "{}", missing.expected);
    assert_eq!(missing.found, "no such file, but 7-fare.wav, 7-near.wav");
    assert_eq!(found(&gathered), ["Some(0): 7-near.wav"]);
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_said_so() {
    let bench = bench("stereo = \"{refci}.wav\"");
    fs::remove_dir(&bench.root).unwrap();
    let gathered = bench.gather(&[session(7, "2000", "1000")]).await;
    assert_eq!(gathered.findings[0].found, "the folder is not there");
}

#[tokio::test]
async fn a_file_that_comes_in_time_is_waited_for_and_one_that_still_grows_is_late() {
    let bench = bench("stereo = \"{refci}.wav\"");
    let path = bench.root.join("7.wav");
    let writer = tokio::spawn(async move {
        let mut text = String::new();
        for _ in 0..40 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            text.push('x');
            fs::write(&path, &text).unwrap();
        }
    });
    let late = bench.gather(&[session(7, "2000", "1000")]).await;
    assert_eq!(late.findings.iter().map(|f| f.rule.as_str()).collect::<Vec<_>>(), ["late-file"]);
    assert!(late.findings[0].expected.contains("`{refci}.wav`"), "{}", late.findings[0].expected);
    writer.await.unwrap();
    let in_time = bench.gather(&[session(7, "2000", "1000")]).await;
    assert!(in_time.findings.is_empty(), "{:?}", in_time.findings);
}

#[tokio::test]
async fn files_of_earlier_runs_are_not_looked_at_and_recordings_nobody_asked_for_are() {
    let bench = bench("stereo = \"{refci}.wav\"");
    bench.write("7.wav");
    let old = SystemTime::now() - Duration::from_secs(3600);
    fs::File::options().write(true).open(bench.root.join("7.wav")).unwrap().set_modified(old).unwrap();
    assert!(found(&bench.gather(&[]).await).is_empty());
    let gathered = bench.gather(&[session(7, "2000", "1000")]).await;
    assert_eq!(gathered.findings[0].found, "no file of this run is there");

    bench.write("7.wav");
    let shelf = bench.shelf();
    let gathered = shelf.gather(&bench.profile, &[session(7, "2000", "1000")]).await.unwrap();
    assert_eq!(gathered.findings[0].found, "no file of this run is there", "written just before is before");

    fs::remove_file(bench.root.join("7.wav")).unwrap();
    let wav = include_bytes!("../../../../../testdata/speech/agent.wav");
    fs::write(bench.root.join("9.wav"), wav).unwrap();
    fs::write(bench.root.join("empty.wav"), &wav[..44]).unwrap();
    assert_eq!(found(&bench.gather(&[]).await), ["None: 9.wav"]);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_unreadable_and_not_missing() {
    let bench = bench("stereo = \"{refci}.wav\"");
    let huge = fs::File::create(bench.root.join("7.wav")).unwrap();
    huge.set_len(LARGEST_WAV + 1).unwrap();
    let gathered = bench.gather(&[session(7, "2000", "1000")]).await;
    match &gathered.stored[0].recorded.files[0].content {
        Content::Unreadable(why) => assert!(why.contains("bytes"), "{why}"),
        Content::Missing | Content::Wav(_) => panic!("a file larger than that was read"),
    }
}

#[tokio::test]
async fn a_file_that_several_recordings_must_share_is_not_waited_for_any_longer() {
    let began = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros() as i64;
    let first = Session { run_unix_us: Some(began), ended_us: Some(1000), ..session(7, "2000", "1000") };
    let both = [first.clone(), Session { earlier: 1, ..first }];
    let waited = async |names| {
        let bench = bench(names);
        bench.write("7.wav");
        let asked = Instant::now();
        let gathered = bench.gather(&both).await;
        assert_eq!((gathered.stored[0].fits.as_slice(), gathered.findings.len()), (&[0, 1][..], 0));
        (gathered.stored[0].is_shared, asked.elapsed())
    };
    let (is_shared, waited_for) = waited("stereo = \"{refci}.wav\"").await;
    assert!(is_shared && waited_for < Duration::from_millis(700), "{waited_for:?}");
    // There may be another one, whose name differs.
    let (is_shared, waited_for) = waited("stereo = \"{refci}*.wav\"").await;
    assert!(!is_shared && waited_for >= Duration::from_millis(900), "{waited_for:?}");
}

#[tokio::test]
async fn a_file_that_comes_when_its_time_is_over_is_late_and_not_missing() {
    let bench = bench("stereo = \"{refci}.wav\"");
    let path = bench.root.join("7.wav");
    let writer = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(1000)).await;
        fs::write(&path, "RIFF").unwrap();
    });
    let gathered = bench.gather(&[session(7, "2000", "1000")]).await;
    writer.await.unwrap();
    let found: Vec<_> = gathered.findings.iter().map(|f| (f.rule.as_str(), f.found.as_str())).collect();
    assert!(matches!(found[..], [("late-file", found)] if found.starts_with("they were 1.")), "{found:?}");
    assert_eq!(gathered.stored.len(), 1);
}
