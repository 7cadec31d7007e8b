//! Recorders whose recordings are told of by a service: this program's own `record` as a process of its own, and who stands for the
//! service in front of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bench;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use bench::{Bench, STARTED};
use mixedmode::Exit;
use serde_json::{Value, json};

/// The recordings below a folder: what is written about each, and where it lies.
fn recordings(root: &Path) -> Vec<(Value, PathBuf)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else if entry.file_name() == "recording.json" {
                let text = std::fs::read_to_string(entry.path()).unwrap();
                found.extend(serde_json::from_str(&text).ok().map(|told: Value| (told, folder.clone())));
            }
        }
    }
    found
}

/// A service in front of the recordings of the scenario that runs: `/calls?refci=…` has what was written about them, `/ID/NAME` the
/// files. Whoever does not know the word is refused. The file `mood` beside the recordings may make it answer `other` calls, or `half`
/// of each file.
fn serve(root: PathBuf) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            answer(&mut stream, &root);
        }
    });
    port
}

fn answer(stream: &mut TcpStream, root: &Path) {
    let mut request = Vec::new();
    let mut piece = [0; 2048];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut piece) {
            Ok(read @ 1..) => request.extend_from_slice(&piece[..read]),
            _ => return,
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let target = request.split(' ').nth(1).unwrap_or_default();
    // `now` is a link: what is beside it is not what is above where it leads.
    let beside = root.parent().and_then(Path::parent).unwrap();
    let mood = std::fs::read_to_string(beside.join("mood")).unwrap_or_default();
    let (status, body) = if !request.contains("x-word: open sesame") {
        ("403 Forbidden", b"no".to_vec())
    } else if let Some(refci) = target.strip_prefix("/calls?refci=") {
        let is_told = |told: &Value| (told["refci"] == *refci) != (mood == "other");
        let of: Vec<Value> = recordings(root).into_iter().map(|(told, _)| told).filter(is_told).collect();
        ("200 OK", json!({ "items": of }).to_string().into_bytes())
    } else {
        let (id, name) = target.trim_start_matches('/').split_once('/').unwrap_or_default();
        let file =
            recordings(root).into_iter().find(|(told, _)| told["id"] == *id).map(|(_, folder)| folder.join(name));
        match file.map(std::fs::read) {
            Some(Ok(bytes)) if mood == "half" => ("200 OK", bytes[..bytes.len() / 2].to_vec()),
            Some(Ok(bytes)) => ("200 OK", bytes),
            _ => ("404 Not Found", Vec::new()),
        }
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
}

/// Our recorder behind that service; `now` in the bench's folder is the folder of the scenario that runs.
fn told_over_http() -> String {
    let (before, _) = STARTED.split_once("root = ").unwrap();
    let here = "    [\"ln\", \"-sfn\", \"{folder}\", \"{project}/now\"],\n";
    let rest = r#"adapter = "http"

[recorders.ours.recordings.http]
url = "http://127.0.0.1:SERVICE/calls?refci={refci}"
authentication = { header = "X-Word", value = { file = "word" } }
recordings = "$.items[*]"
id = "$.id"
ready = { path = "$.status", is = "complete" }

[[recorders.ours.recordings.http.files]]
each = "$.files[*]"
id = "$.name"
url = "http://127.0.0.1:SERVICE/{id}/{file_id}"
content = { path = "$.content", stereo = "stereo", near = "near", far = "far" }

[recorders.ours.recordings.metadata]
refci = "$.refci"
near = "$.near.address"
far = "$.far.address"
started = "$.started"
ended = "$.ended"
milliseconds = "$.duration_ms"
"#;
    before.replace("prepare = [\n", &format!("prepare = [\n{here}")) + rest
}

fn service(config: &str) -> Bench {
    let bench = Bench::new("");
    let port = serve(bench.path("now/recordings"));
    let program = config.replace("SERVICE", &port.to_string()).replace("PROGRAM", bench::PROGRAM);
    std::fs::write(bench.path("mixedmode.toml"), program).unwrap();
    std::fs::write(bench.path("word"), "open sesame\n").unwrap();
    bench
}

#[test]
fn recordings_and_what_is_said_of_them_are_had_over_http() {
    let bench = service(&told_over_http());
    // One after the other, since there is one service.
    let hold = bench.scenario("scenarios/hold-resume.yaml", |text| text);
    let (exit, said) = bench.run("ours", &[&bench.plain_call(), &hold], &["--jobs", "1"]);
    assert_eq!(exit, Exit::Pass, "{said}");
    let but = "what the recorder wrote about its recordings but for refci, near, far, started, ended, milliseconds";
    assert!(said.contains("2 passed") && said.contains(but), "{said}");

    let swapped = told_over_http().replace("# fault", "fault = \"swap-channels\"");
    let (exit, said) = {
        let b = service(&swapped);
        b.run("ours", &[&b.plain_call()], &[])
    };
    assert!(exit == Exit::Finding && said.contains("swapped-legs"), "{said}");

    let wrong = told_over_http().replace("near = \"$.near.address\"", "near = \"$.far.address\"");
    let (exit, said) = {
        let b = service(&wrong);
        b.run("ours", &[&b.plain_call()], &[])
    };
    assert_eq!(exit, Exit::Finding, "{said}");
    assert!(said.contains("wrong-metadata") && said.contains("at `$.far.address`"), "{said}");
}

#[test]
fn a_wrong_password_is_a_set_up_error_and_hides_no_other_scenario() {
    let bench = service(&told_over_http());
    std::fs::write(bench.path("word"), "open barley\n").unwrap();
    let refused = bench.scenario("scenarios/refused/cucm-unknown.yaml", |text| text);
    let (exit, said) = bench.run("ours", &[&bench.plain_call(), &refused], &["--jobs", "1"]);
    assert_eq!(exit, Exit::Setup, "{said}");
    assert!(said.contains("answered with 403 Forbidden, `no`: the service does not accept"), "{said}");
    assert!(said.contains("1 passed") && !said.contains("barley"), "{said}");
}

#[test]
fn another_calls_files_and_half_a_file_are_held_against_the_recorder() {
    for (mood, rule) in [("other", "exchanged-recordings"), ("half", "truncated-file")] {
        let bench = service(&told_over_http());
        std::fs::write(bench.path("mood"), mood).unwrap();
        let calls = bench.scenario("scenarios/two-calls-at-once.yaml", |text| text);
        let (exit, said) = bench.run("ours", &[&calls], &[]);
        assert_eq!(exit, Exit::Finding, "{mood}: {said}");
        assert!(said.contains(rule), "{mood}: {said}");
    }
}
