use super::*;

const MINE: &str = r#"
[recorders.mine]
listens = { tls = 5061 }
x509_subject = ["recorder.example"]
certificates = { recorder = "{folder}/recorder.pem", call_manager = ["{folder}/trusted/cucm.pem"] }

[recorders.mine.start]
prepare = [["import", "{cucm_certificate}"]]
command = ["recorder", "--listen", "{address}:{port}"]
environment = { HOME = "{folder}" }
ready = { log = "listening", within = "20s" }

[[recorders.mine.start.files]]
path = "{folder}/recorder.json"
text = '{ "port": {port} }'

[recorders.mine.stop]
signal = "INT"
within = "3s"

[recorders.mine.recordings]
root = "{folder}/out"
near = "{date}/{refci}-near.wav"
far = "{date}/{refci}-far.wav"
unchanged_for = "250ms"
ready_within = "4s"
"#;

fn complaints(text: &str) -> Vec<String> {
    let told = |d: &Diagnostic| format!("{}: {} ({})", d.place.line, d.message, d.help.clone().unwrap_or_default());
    parse(text, Path::new("/project")).unwrap_err().iter().map(told).collect()
}

#[track_caller]
fn check(from: &str, to: &str, expected: &str) {
    assert!(MINE.contains(from), "{from} is not in the text");
    let wrong = complaints(&MINE.replace(from, to));
    assert!(wrong.iter().any(|w| w.contains(expected)), "{to}: expected {expected:?}, got {wrong:#?}");
}

#[test]
fn a_profile_is_read_with_all_it_says() {
    let mine = parse(MINE, Path::new("/project")).unwrap().remove(0);
    assert_eq!((mine.name.as_str(), mine.user.as_str(), mine.listens.tls), ("mine", "7878", Some(5061)));
    let start = mine.start.as_ref().unwrap();
    assert_eq!((&start.ready, start.ready_within.as_secs()), (&Ready::Log("listening".into()), 20));
    assert_eq!(start.files[0].1.to_string(), r#"{ "port": {port} }"#);
    assert_eq!(mine.stop, Stop { signal: Signal::Int, within: std::time::Duration::from_secs(3) });
    assert_eq!(mine.recordings.near.as_ref().unwrap().to_string(), "{date}/{refci}-near.wav");
    assert_eq!(mine.jobs(32), 32);
    assert!(mine.has_folder_of_its_own());
}

#[test]
fn a_recorder_at_an_address_of_its_own_has_one_scenario_at_a_time_unless_it_says_otherwise() {
    let running = "[recorders.r]\naddress = \"127.0.0.1\"\nlistens = { tcp = 5060 }\nrecordings = { root = \"/r\", stereo = \"{refci}.wav\" }\n";
    let profile = parse(running, Path::new("/p")).unwrap().remove(0);
    assert_eq!(profile.jobs(32), 1);
    let four = running.replace("listens", "jobs = 4\nlistens");
    assert_eq!(parse(&four, Path::new("/p")).unwrap()[0].jobs(32), 4);
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_the_way_out() {
    check("listens = {", "lisens = {", "2: a recorder needs `listens`");
    check("listens = {", "lisens = {", "3: unknown key `lisens` in a recorder (did you mean `listens`?)");
    check("tls = 5061", "tls = 99999", "3: got `99999`, expected a whole number from 1 to 65535");
    check("signal = \"INT\"", "signal = \"TRM\"", "did you mean `TERM`?");
    check("{folder}/out", "{foldr}/out", "did you mean `{folder}`?");
    check("{refci}-near", "{reffci}-near", "did you mean `{refci}`?");
    check("within = \"3s\"", "within = 3", "expected a duration");
    check("far = \"", "fer = \"", "`near` and `far` need each other");
    check(
        "log = \"listening\",",
        "log = \"listening\", port = 1,",
        "by one of `port`, `log` and `http`, not by several",
    );
    check("log = \"listening\",", "http = \"https://{address}/health\",", "expected a URL that begins with `http://`");
    check("log = \"listening\",", "http = \"http://{address}:99999/\",", "`99999`, which is no port");
    check("log = \"listening\",", "http = \"http://{adress}/\",", "did you mean `{address}`?");
    check("ready_within = \"4s\"", "ready_within = \"100ms\"", "shorter than `unchanged_for`");
    check("listens = {", "in_clear = true\nlistens = {", "takes TLS, and `in_clear` is for one that does not");
    check(
        "near = \"{date}",
        "file_per = \"call\"\nmixed = \"a\"\nnear = \"{date}",
        "cannot be proven in a file per call",
    );
    check("ready_within = \"4s\"", "pauses = \"kept\"", "`pauses` are between recordings that are in one file");
    check("near = \"{date}", "adapter = \"exec\"\nnear = \"{date}", "the adapter `exec` needs `command`");
    let exec = "adapter = \"exec\"\ncommand = [\"a\", \"{recorder_key}\"]\nnear = \"{date}";
    check("near = \"{date}", exec, "`near`, `far`, `leg` and `mixed` are for the adapters `dir` and `s3`");
    check(
        "near = \"{date}",
        "metadata = { near = \"$.a\" }\nnear = \"{date}",
        "the adapters `dir` and `s3` need the `file`",
    );
    check("near = \"{date}", "http = { url = \"http://x\" }\nnear = \"{date}", "`http` is for the adapter `http`");
    check("near = \"{date}", exec, "a certificate that is there only when it is made");
    check("near = \"{date}", "within = \"1s\"\nnear = \"{date}", "`command` and `within` are for the adapter `exec`");
    check("near = \"{date}", "leg = \"*.wav\"\nnear = \"{date}", "`leg` stands for files whose names do not say");
    check("near = \"{date}", "leg = \"*.wav\"\nnear = \"{date}", "tells which two files belong together");
    check("near = \"{date}", "adapter = \"exce\"\nnear = \"{date}", "did you mean `exec`?");
    check("recorder = \"{folder}/recorder.pem\", ", "", "listens on TLS and no certificate");
    check("recorder = \"{folder}/recorder.pem\"", "recorder = \"a\", make = true", "leave one of them out");
    check("\"import\", \"{cucm_certificate}\"", "\"x\", \"{recorder_key}\"", "only when they are made");
    check("[[\"import\", \"{cucm_certificate}\"]]", "\"import\"", "expected a list of commands");
    check(
        "command = [\"recorder\", \"--listen\", \"{address}:{port}\"]",
        "command = \"recorder\"",
        "a program and its arguments",
    );
    check("tls = 5061", "tls = ", "this is not TOML");
    check("recorders.mine]\nlistens", "recorders.bundled]\nlistens", "cannot be the name of a recorder");
    assert!(
        complaints(
            "[recorders.r]\nlistens = { udp = 5060 }\nstart = { command = [\"x\"] }\nrecordings = { stereo = \"a\" }\n"
        )[0]
        .contains("UDP alone")
    );
    let nowhere = complaints("[recorders.r]\nlistens = { tcp = 1 }\nrecordings = { stereo = \"a\" }\n");
    assert!(nowhere.iter().any(|w| w.contains("neither `start` nor `address`")), "{nowhere:?}");
    assert!(nowhere.iter().any(|w| w.contains("need `root`")), "{nowhere:?}");
    let far = "[recorders.r]\naddress = \"192.0.2.1\"\nlistens = { tcp = 1 }\nrecordings = { root = \"/\", stereo = \"a\" }\n";
    assert!(complaints(far)[0].contains("another machine"));
}

#[test]
fn every_mistake_of_a_file_is_told_at_once() {
    let all = complaints(
        "[recorders.a]\nlisten = 1\n[recorders.b]\nlistens = { tls = 1 }\nuser = \"x\"\nrecordings = { root = \"{x}\" }\n",
    );
    assert!(all.len() >= 7, "{all:#?}");
}

#[test]
fn mutated_files_never_panic_and_render_every_mistake() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize % n
    };
    let spice: Vec<char> = "=[]{}\"'.,#\n\t 09aé\\\u{0}\u{feff}".chars().collect();
    for _ in 0..2000 {
        let mut text: Vec<char> = MINE.chars().collect();
        for _ in 0..1 + next(6) {
            let at = next(text.len());
            match next(3) {
                0 => text[at] = spice[next(spice.len())],
                1 => text.insert(at, spice[next(spice.len())]),
                _ => text.truncate(at.max(1)),
            }
        }
        let text: String = text.into_iter().collect();
        if let Err(wrong) = parse(&text, Path::new("/")) {
            assert!(!wrong.is_empty());
            for d in wrong {
                assert!(d.render("mixedmode.toml", &text).contains("mixedmode.toml:"));
            }
        }
    }
}

#[test]
fn a_name_that_is_not_there_is_answered_with_the_nearest() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mixedmode.toml");
    std::fs::write(&file, MINE).unwrap();
    assert_eq!(load(&file, "mine").unwrap().name(), "mine");
    assert!(load(&file, "mind").unwrap_err().to_string().contains("did you mean `mine`?"));
    assert!(load(&file, "other").unwrap_err().to_string().contains("it has mine"));
}

const DOCS: &str = include_str!("../../../../docs/recorders.md");
const README: &str = include_str!("../../../../README.md");
const ADAPTERS: &str = include_str!("../../../../examples/adapters/mixedmode.toml");
const EXAMPLE: &str = include_str!("../../../../examples/recorders/mixedmode.toml");

#[test]
fn every_example_in_the_documentation_is_valid() {
    let blocks = |text: &'static str| text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let profiles = blocks(DOCS).chain(blocks(README)).filter(|block| block.contains("[recorders."));
    let all: Vec<&str> = profiles.chain([EXAMPLE, ADAPTERS]).collect();
    assert_eq!(all.len(), 9);
    for text in all {
        let broken = |d: &Diagnostic| d.render("mixedmode.toml", text);
        let parsed = parse(text, Path::new("/project")).map_err(|wrong| wrong.iter().map(broken).collect::<String>());
        assert!(parsed.is_ok(), "{}", parsed.unwrap_err());
    }
}

/// The keys that the reader asks for.
fn keys() -> Vec<&'static str> {
    let source = concat!(
        include_str!("read.rs"),
        include_str!("read/recordings.rs"),
        include_str!("read/http.rs"),
        include_str!("read/s3.rs"),
        include_str!("read/sql.rs")
    );
    let asked = [".optional(\"", ".required(\"", ".or(\"", ".maybe(\""];
    let all = asked.into_iter().flat_map(|call| source.split(call).skip(1)).filter_map(|rest| rest.split('"').next());
    let named = told::HOLDS.iter().map(|(name, _)| *name).chain(said::FACTS.iter().map(|(name, _)| *name));
    all.chain(named).collect()
}

#[test]
fn every_key_and_every_place_is_documented_and_nothing_else_is() {
    let keys = keys();
    assert!(keys.len() > 30, "{keys:?}");
    for key in &keys {
        let shown = [format!("`{key}`"), format!("{key} = "), format!("[{key}.")];
        assert!(shown.iter().any(|shown| DOCS.contains(shown)), "docs/recorders.md does not tell of the key `{key}`");
    }
    let places = [&read::START[..], &read::FOLDER, &read::RECORDING, &told::CALL, &http::FILE].concat();
    for place in places {
        assert!(DOCS.contains(&format!("{{{place}}}")), "docs/recorders.md does not tell of `{{{place}}}`");
    }
    let told = DOCS.split("## What can be filled in").next().unwrap_or_default().lines();
    for row in told.filter(|line| line.starts_with("| `")) {
        let first = row.split('|').nth(1).unwrap_or_default();
        for key in first.split('`').skip(1).step_by(2) {
            assert!(keys.contains(&key), "docs/recorders.md tells of `{key}`, which is no key");
        }
    }
}
