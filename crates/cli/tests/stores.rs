//! Whole runs against recorders whose recordings are in a database, behind a service, in a bucket: `examples/adapters`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bench;

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bench::{Bench, STARTED, top};
use mixedmode::Exit;

/// Whether Python can import these; without it the test is skipped.
fn can_import(modules: &str) -> bool {
    let is_there = Command::new("python3").args(["-c", &format!("import {modules}")]).output();
    let is_there = is_there.is_ok_and(|output| output.status.success());
    if !is_there {
        eprintln!("skipped: there is no python3 with {modules} here, which examples/adapters/stores.py needs");
    }
    is_there
}

/// The examples with a change, and a call in clear.
fn run(recorder: &str, change: impl Fn(String) -> String) -> (Exit, String) {
    let config = std::fs::read_to_string(top().join("examples/adapters/mixedmode.toml")).unwrap();
    let stores = top().join("examples/adapters/stores.py").display().to_string();
    let bench = Bench::new(&change(config.replace("stores.py", &stores)));
    let plain = bench.scenario("scenarios/non-secure-cluster.yaml", |text| text);
    bench.run(recorder, &[&plain], &[])
}

#[test]
fn recordings_are_found_by_a_query_of_sqlite() {
    if !can_import("sqlite3") {
        return;
    }
    let (exit, said) = run("books", |config| config);
    assert_eq!(exit, Exit::Pass, "{said}");
    assert!(said.contains("but for seconds"), "{said}");
    let sides = "CASE side WHEN 'near' THEN 'far' ELSE 'near' END AS content";
    let (exit, said) = run("books", |config| config.replace("side AS content", sides));
    assert_eq!(exit, Exit::Finding, "{said}");
    assert!(said.contains("finding: swapped-legs"), "{said}");
    let (exit, said) = run("books", |config| config.replace("seconds FROM", "2 * seconds AS seconds FROM"));
    assert_eq!(exit, Exit::Finding, "{said}");
    assert!(said.contains("finding: wrong-metadata") && said.contains("seconds"), "{said}");
    let (exit, said) = run("books", |config| config.replace("FROM recordings", "FROM calls"));
    assert_eq!(exit, Exit::Setup, "{said}");
    assert!(said.contains("no such table: calls"), "{said}");
}

#[test]
fn recordings_are_told_of_by_a_service() {
    if !can_import("http.server") {
        return;
    }
    let (exit, said) = run("service", |config| config);
    assert_eq!(exit, Exit::Pass, "{said}");
    let swapped = |config: String| config.replace("near = \"near\", far = \"far\"", "near = \"far\", far = \"near\"");
    let (exit, said) = run("service", swapped);
    assert_eq!(exit, Exit::Finding, "{said}");
    assert!(said.contains("finding: swapped-legs"), "{said}");
    let (exit, said) = run("service", |config| config.replace("/audio/{file_id}", "/sound/{file_id}x"));
    assert_eq!(exit, Exit::Finding, "{said}");
    assert!(said.contains("finding: missing-file"), "{said}");
}

/// Somebody else's server that speaks S3, ended with the test.
struct Moto(Child);

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn recordings_are_fetched_from_a_bucket() {
    if !can_import("moto.server, flask") {
        return;
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut server = Command::new("python3");
    let script = "import sys; from moto.server import main; main(['-H', '127.0.0.1', '-p', sys.argv[1]])";
    server.args(["-c", script, &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
    let _moto = Moto(server.spawn().unwrap());
    let make = format!(
        "import urllib.request as r; r.urlopen(r.Request('http://127.0.0.1:{port}/recordings', method='PUT'), timeout=5)"
    );
    let made = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(200));
        Command::new("python3").args(["-c", &make]).output().is_ok_and(|output| output.status.success())
    });
    assert!(made, "moto does not answer");
    let here = |config: String| config.replace(":9000", &format!(":{port}"));
    let (exit, said) = run("bucket", here);
    assert_eq!(exit, Exit::Pass, "{said}");
    let (exit, said) =
        run("bucket", |config| here(config).replace("far = \"{refci}/far.wav\"", "far = \"{refci}/fa.wav\""));
    assert_eq!(exit, Exit::Finding, "{said}");
    assert!(said.contains("finding: missing-file"), "{said}");
}

/// A script for each hook: what befalls the recorder is left in a file, and the call is recorded all the same.
#[test]
fn each_hook_is_a_command_of_the_profile() {
    let names = ["fill_disk", "rotate_certificate", "step_clock"];
    let command =
        |name: &str| format!("{name} = [\"sh\", \"-c\", \"echo {name} {{address}} >> {{project}}/befell\"]\n");
    let hooks: String = names.into_iter().map(command).collect();
    let bench = Bench::new(&format!("{STARTED}\n[recorders.ours.hooks]\n{hooks}"));
    let plain = bench.plain_call();
    let befalls = "  - hook: fill disk\n  - hook: rotate certificate\n  - hook: step clock\n  - hang up: agent\n";
    let text = std::fs::read_to_string(&plain).unwrap();
    std::fs::write(&plain, text.replace("  - hang up: agent\n", befalls)).unwrap();
    let (exit, said) = bench.run("ours", &[&plain], &[]);
    assert_eq!(exit, Exit::Pass, "{said}");
    let befell = std::fs::read_to_string(bench.path("befell")).unwrap();
    let words: Vec<&str> = befell.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(words, ["fill_disk", "rotate_certificate", "step_clock"], "{befell}");
    assert!(befell.lines().all(|line| line.contains(" 127.")), "{befell}");
}
