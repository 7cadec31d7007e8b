use std::fs;

use super::super::dir::tests::session;
use super::super::profile::Adapter;
use verify::Content;

use super::*;

/// What a shell script that stands for the adapter leads to.
async fn gather(script: &str, sessions: &[Session]) -> Result<Gathered, String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("adapter.sh"), script).unwrap();
    fs::write(folder.path().join("7.wav"), "RIFF").unwrap();
    let text = "[recorders.mine]\nlistens = { tcp = 5060 }\nstart = { command = [\"x\"] }\n[recorders.mine.recordings]\nadapter = \"exec\"\ncommand = [\"sh\", \"adapter.sh\", \"{folder}\"]\nwithin = \"2s\"\nready_within = \"2s\"\n";
    let profile = super::super::parse(text, folder.path()).unwrap().remove(0);
    let values = Values::from([("folder", folder.path().display().to_string())]);
    let Adapter::Exec(exec) = &profile.recordings.adapter else { panic!("{:?}", profile.recordings.adapter) };
    Program::new(values).gather(&profile, exec, sessions).await
}

/// Each recording as `expected: files with claims`.
async fn found(script: &str, sessions: &[Session]) -> Vec<String> {
    let gathered = gather(script, sessions).await.unwrap();
    assert!(gathered.findings.is_empty(), "{:?}", gathered.findings);
    let one = |stored: &Stored| {
        let files = stored.recorded.files.iter().map(|file| {
            let legs: Vec<&str> = file.claims.iter().flatten().map(|leg| leg.name()).collect();
            let missing = if matches!(file.content, Content::Missing) { "?" } else { "" };
            format!("{}{missing}={}", file.name, legs.join("+"))
        });
        format!("{:?}: {}", stored.recorded.expected, files.collect::<Vec<_>>().join(" "))
    };
    gathered.stored.iter().map(one).collect()
}

fn two() -> [Session; 2] {
    [session(7, "2000", "1000"), session(8, "1000", "2000")]
}

fn answer(recordings: &str) -> String {
    format!("cat > /dev/null\ncat <<'.'\n{{ \"recordings\": [{recordings}], \"complete\": true }}\n.\n")
}

#[tokio::test]
async fn a_program_says_which_files_hold_which_call() {
    let by_refci = r#"{ "refci": 8, "files": [{ "path": "7.wav", "content": "stereo", "left": "far" }] }"#;
    assert_eq!(found(&answer(by_refci), &two()).await, ["Some(1): 7.wav=far+near"]);
    let by_leg = r#"{ "call_id": "n-7@192.0.2.5", "files": [{ "path": "7.wav", "content": "near" }] },
        { "call_id": "f-7@192.0.2.5", "files": [{ "path": "7.wav", "content": "far" }] }"#;
    assert_eq!(found(&answer(by_leg), &two()).await, ["Some(0): 7.wav=near 7.wav=far"]);
    let nameless = r#"{ "files": [{ "path": "7.wav", "content": "stereo" }] }"#;
    assert_eq!(found(&answer(nameless), &two()).await, ["None: 7.wav=near+far"], "the audio decides");
    assert_eq!(found(&answer(nameless), &two()[..1]).await, ["None: 7.wav=near+far"]);
    let of_others = r#"{ "refci": 9, "files": [{ "path": "7.wav", "content": "stereo" }] }"#;
    assert!(found(&answer(of_others), &two()).await.is_empty());
}

#[tokio::test]
async fn one_recording_told_twice_stays_two() {
    let one = r#"{ "refci": 7, "files": [{ "path": "7.wav", "content": "stereo" }] }"#;
    let twice = found(&answer(&format!("{one}, {one}")), &two()).await;
    assert_eq!(twice, ["Some(0): 7.wav=near+far", "Some(0): 7.wav=near+far"]);
}

#[tokio::test]
async fn a_file_that_is_named_and_not_there_is_the_recorders_and_is_kept_as_missing() {
    let gone = r#"{ "refci": 7, "files": [{ "path": "gone.wav", "content": "stereo" }] }"#;
    assert_eq!(found(&answer(gone), &two()).await, ["Some(0): gone.wav?=near+far"]);
}

#[tokio::test]
async fn recordings_of_other_calls_are_passed_over_and_told_of() {
    let old = r#"{ "refci": 1, "files": [{ "path": "old.wav", "content": "stereo" }] }"#;
    let gathered = gather(&answer(&format!("{old}, {old}")), &two()).await.unwrap();
    assert!(gathered.stored.is_empty() && gathered.findings.is_empty());
    assert!(gathered.told[0].starts_with("the adapter told of 2 recordings of other calls"), "{:?}", gathered.told);
}

#[tokio::test]
async fn a_program_is_asked_again_until_all_is_there() {
    let script = r#"if test -e asked; then cat; done=true; else done=false; touch asked; fi >&2
echo "{ \"recordings\": [], \"complete\": $done }""#;
    assert!(gather(script, &two()).await.unwrap().findings.is_empty());
    let never = "echo '{ \"recordings\": [], \"complete\": false }'";
    let late = gather(never, &two()).await.unwrap().findings;
    assert_eq!(late.iter().map(|f| f.rule.as_str()).collect::<Vec<_>>(), ["late-file"]);
    assert!(late[0].found.contains("names 0 recordings with 0 files"), "{}", late[0].found);
}

#[tokio::test]
async fn a_program_gets_the_calls_that_cucm_recorded() {
    let mut told = session(7, "2000", "1000");
    (told.run_unix_us, told.started_us, told.ended_us) = (Some(1_767_225_600_000_000), 1_500_000, Some(3_000_000));
    let asked = serde_json::to_string(&Call::of(&told)).unwrap();
    assert!(asked.ends_with(r#""started":"2026-01-01T00:00:01.5Z","ended":"2026-01-01T00:00:03Z"}"#), "{asked}");
    let why = gather("cat >&2; false", &[told]).await.unwrap_err();
    let call = r#"{"calls":[{"refci":7,"farend_refci":8,"cluster":"Stand","near":{"number":"2000","device":"SEP2000","call_id":"n-7@192.0.2.5"}"#;
    assert!(why.contains(call), "{why}");
    let asked = serde_json::to_string(&Call::of(&two()[0])).unwrap();
    assert!(asked.ends_with(r#""started":null,"ended":null}"#), "{asked}");
}

#[tokio::test]
async fn what_is_wrong_with_the_program_is_told_as_such() {
    for (script, expected) in [
        ("echo no database >&2; exit 3", "failed (exit status: 3); its last lines:\n      | no database"),
        ("exec sleep 60", "did not end within 2s; it printed nothing"),
        ("echo hello", "printed `hello`, expected `{ \"recordings\": [ … ], \"complete\": true }`"),
        ("", "printed nothing, expected"),
        ("echo '{ \"recordings\": [], \"compleat\": true }'", "unknown field `compleat`"),
        ("echo '{ \"recordings\": [] }'", "missing field `complete`"),
        (&answer(r#"{ "files": [{ "path": "a", "content": "mono" }] }"#), "unknown variant `mono`"),
    ] {
        let why = gather(script, &two()).await.unwrap_err();
        assert!(why.starts_with("`sh adapter.sh ") && why.contains(expected), "{script}: {why}");
    }
}

#[tokio::test]
async fn the_calls_are_given_however_many_there_are_and_whoever_reads_them() {
    let many: Vec<Session> = (0..2000).map(|refci| session(refci, "2000", "1000")).collect();
    assert!(found(&answer(""), &many).await.is_empty());
    assert!(found("echo '{ \"recordings\": [], \"complete\": true }'", &many).await.is_empty());
    let wordy = format!("printf '%200000s' ''\n{}", answer(""));
    assert!(found(&wordy, &many).await.is_empty(), "both pipes are full");
}
