//! The rules of the workspace that ARCHITECTURE.md states, so that they cannot rot.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Which of our crates each crate may depend on.
const MAY_USE: [(&str, &[&str]); 11] = [
    ("sip", &[]),
    ("media", &[]),
    ("trust", &[]),
    ("verify", &["media"]),
    ("wire", &["media", "trust"]),
    ("cucm", &["sip", "media", "trust", "wire"]),
    ("phone", &["sip", "media", "trust", "wire"]),
    ("recorder", &["sip", "media", "trust", "wire"]),
    ("scenario", &["sip", "media", "trust", "wire", "cucm", "phone", "recorder", "verify"]),
    ("report", &["scenario"]),
    ("mixedmode", &["scenario", "report", "recorder", "media", "wire"]),
];

/// Crates without sockets, runtime or clock.
const PURE: [&str; 4] = ["sip", "media", "trust", "verify"];

fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = MetadataCommand::new()
        .manifest_path(tests::root().join("Cargo.toml"))
        .no_deps()
        .other_options(vec!["--offline".to_owned()])
        .exec()
        .unwrap();
    let normal = |p: &cargo_metadata::Package| {
        let kept = p.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal);
        kept.map(|d| d.name.clone()).collect()
    };
    metadata.packages.iter().map(|p| (p.name.to_string(), normal(p))).collect()
}

#[test]
fn every_crate_uses_only_what_lies_below_it() {
    let all = dependencies();
    let ours: BTreeSet<&str> = MAY_USE.iter().map(|(name, _)| *name).collect();
    for (name, allowed) in MAY_USE {
        for used in all[name].iter().filter(|used| ours.contains(used.as_str())) {
            assert!(allowed.contains(&used.as_str()), "{name} must not depend on {used}");
        }
    }
    // The tests themselves, and the example that shows how others would have them.
    let others = ["tests", "recorder-tests"];
    assert_eq!(all.len(), MAY_USE.len() + others.len(), "a crate joined: say here what it may use");
}

#[test]
fn the_pure_crates_have_no_runtime() {
    let all = dependencies();
    for name in PURE {
        for forbidden in ["tokio", "tokio-rustls", "socket2", "rustls"] {
            assert!(!all[name].contains(forbidden), "{name} must not depend on {forbidden}");
        }
    }
}

#[test]
fn the_pure_crates_never_read_a_clock() {
    for name in PURE {
        never(name, &["Instant::now(", "SystemTime::now("], "reads a clock");
    }
}

#[test]
fn only_wire_has_sockets() {
    for (name, _) in MAY_USE.iter().filter(|(name, _)| *name != "wire") {
        never(folder(name), &["TcpListener::", "TcpStream::", "UdpSocket::", "tokio::net"], "has a socket of its own");
    }
}

#[test]
fn nothing_prints_by_itself() {
    for (name, _) in MAY_USE {
        never(folder(name), &["println!(", "eprintln!(", "print!(", "dbg!("], "prints");
    }
}

/// No line of code of the crate, tests apart, has any of `words`.
fn never(folder: &str, words: &[&str], does: &str) {
    for (file, text) in sources(folder) {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (line, code) in code.lines().enumerate().filter(|(_, l)| !l.trim_start().starts_with("//")) {
            assert!(!words.iter().any(|word| code.contains(word)), "{file}:{} {does}", line + 1);
        }
    }
}

/// Where a crate lies below `crates/`.
fn folder(name: &str) -> &str {
    if name == "mixedmode" { "cli" } else { name }
}

/// Where a file is split at the latest.
const LONGEST: usize = 700;

#[test]
fn no_file_outgrows_a_room() {
    let files = ["crates", "tests"].into_iter().flat_map(|folder| rust_files(tests::root().join(folder)));
    let long = files.filter_map(|(path, text)| {
        let lines = text.lines().count();
        (lines > LONGEST).then(|| format!("{} has {lines} lines", path.display()))
    });
    let long: Vec<String> = long.collect();
    assert!(long.is_empty(), "files of more than {LONGEST} lines, to be split by meaning:\n{}", long.join("\n"));
}

/// The files of a crate but for those that hold only tests.
fn sources(name: &str) -> Vec<(String, String)> {
    let files = rust_files(tests::root().join("crates").join(name).join("src"));
    let is_code = |path: &Path| {
        let inner = path.components().rev().take_while(|part| part.as_os_str() != "src");
        !path.ends_with("tests.rs") && !inner.into_iter().any(|part| part.as_os_str() == "tests")
    };
    let code = files.into_iter().filter(|(path, _)| is_code(path));
    code.map(|(path, text)| (path.display().to_string(), text)).collect()
}

/// All Rust files below a folder, but for what was built there.
fn rust_files(folder: PathBuf) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found
}
