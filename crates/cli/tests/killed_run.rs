//! `mixedmode run` killed in the midst of a call: what it captured until then can be read.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mixedmode");

/// The lengths of the whole blocks, and how many of them are packets of each interface.
fn blocks(file: &[u8]) -> [usize; 2] {
    let long = |at: usize| file.get(at..at + 4).map(|bytes| u32::from_le_bytes(bytes.try_into().unwrap()) as usize);
    let (mut at, mut packets) = (0, [0, 0]);
    while let (Some(kind), Some(length)) = (long(at), long(at + 4)) {
        assert!(length >= 12 && length.is_multiple_of(4), "a block of {length} bytes at {at}");
        let Some(again) = long(at + length - 4) else { break };
        assert_eq!(again, length, "the block at {at} has two lengths");
        if kind == 6 {
            packets[long(at + 8).unwrap()] += 1;
        }
        at += length;
    }
    packets
}

#[test]
fn a_run_that_is_killed_in_a_call_leaves_a_capture_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios/plain-call.yaml");
    let mut child = Command::new(PROGRAM)
        .args(["run", scenario, "--pcapng"])
        .arg(folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let capture = || {
        let entry = std::fs::read_dir(folder.path()).unwrap().flatten().next();
        entry.and_then(|entry| std::fs::read(entry.path()).ok()).unwrap_or_default()
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    while blocks(&capture())[1] < 200 {
        assert!(Instant::now() < deadline, "no media was captured within a minute");
        assert!(child.try_wait().unwrap().is_none(), "the run ended by itself");
        std::thread::sleep(Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let file = capture();
    let [wire, clear] = blocks(&file);
    assert!(wire > clear && clear >= 200, "{wire} packets, {clear} in clear");
    let has = |text: &str| file.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(has("plain-call.yaml:11 call: { from: customer, to: agent }"), "the line that was played");
}
