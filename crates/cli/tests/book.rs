//! The documentation: its links lead somewhere, every chapter is in the book, and the tutorial's commands do as it says.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::process::Command;

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn chapters() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(top().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|e| e == "md")).collect();
    all.sort();
    all
}

/// A heading as mdBook and GitHub name it in a link.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase().replace(' ', "-");
    kept.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
}

fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#'))).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let pages = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map(|name| top().join(name));
    let mut broken = Vec::new();
    for page in pages.into_iter().chain(chapters()) {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") || link.contains(' ') {
                continue;
            }
            let (file, at) = link.split_once('#').map_or((link, None), |(file, at)| (file, Some(at)));
            let to = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let is_there = match at {
                _ if !to.exists() => false,
                None => true,
                Some(at) => anchors(&std::fs::read_to_string(&to).unwrap()).contains(&at.to_owned()),
            };
            if !is_there {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}

#[test]
fn every_chapter_is_in_the_book() {
    let summary = std::fs::read_to_string(top().join("docs/SUMMARY.md")).unwrap();
    for chapter in chapters() {
        let name = chapter.file_name().unwrap().to_str().unwrap();
        assert!(name == "SUMMARY.md" || summary.contains(&format!("({name})")), "docs/SUMMARY.md does not have {name}");
    }
}

/// The lines of the tutorial that are typed.
fn commands() -> Vec<String> {
    let text = std::fs::read_to_string(top().join("docs/tutorial.md")).unwrap();
    let blocks = text.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.flat_map(str::lines).filter_map(|line| line.strip_prefix("$ ")).map(str::to_owned).collect()
}

/// From `init` to a verdict on a recorder that this program does not know.
#[test]
fn the_tutorial_leads_to_a_verdict_in_ten_commands() {
    let commands = commands();
    assert!((5..=10).contains(&commands.len()), "{commands:?}");
    let program = Path::new(env!("CARGO_BIN_EXE_mixedmode"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut at = folder.path().to_owned();
    let has_python = Command::new("python3").arg("--version").output().is_ok();
    let mut verdict = false;
    for command in &commands {
        if let Some(to) = command.strip_prefix("cd ") {
            at = at.join(to);
            continue;
        }
        if command.starts_with("cargo build") {
            // It is built: this is its test.
            continue;
        }
        let of_stand_in = command.contains("--recorder mine");
        if of_stand_in && !has_python {
            eprintln!("skipped: there is no python3 here, which the tutorial's stand-in is written in: {command}");
            continue;
        }
        let run = || Command::new("sh").args(["-c", command]).current_dir(&at).env("PATH", &path).output().unwrap();
        let mut ran = run();
        for _ in 0..3 {
            if String::from_utf8_lossy(&ran.stdout).contains("the harness itself sent") {
                ran = run();
            }
        }
        let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        // A busy machine is none of the tutorial's.
        let is_busy = command.contains("doctor") && said.contains("FAIL  timer");
        // The stand-in is wrong where a call is held, as the tutorial says.
        let is_verdict = of_stand_in && command.contains(" run ");
        let expected = if is_verdict { 4 } else { 0 };
        assert!(ran.status.code() == Some(expected) || is_busy, "{command}: {said}");
        if is_verdict {
            let parts = [
                "finding: file-written-over",
                "-far.wav are the names of 2 recordings and hold ",
                "1 passed, 1 with findings, 1 skipped",
                "PASS         scenarios/plain.yaml",
            ];
            assert!(parts.iter().all(|part| said.contains(part)), "{said}");
            verdict = true;
        }
    }
    assert!(verdict || !has_python, "no verdict on the stand-in");
    assert!(!has_python || at.join("report.html").exists());
}

#[test]
fn the_image_is_made_of_what_is_there() {
    let text = std::fs::read_to_string(top().join("Dockerfile")).unwrap();
    let copied = text.lines().filter_map(|line| line.strip_prefix("COPY ")).filter(|line| !line.starts_with("--from"));
    let mut count = 0;
    for line in copied {
        let words: Vec<&str> = line.split_whitespace().collect();
        for source in &words[..words.len() - 1] {
            assert!(top().join(source).exists(), "Dockerfile copies {source}, which is not there");
            count += 1;
        }
    }
    assert!(count >= 6, "{count} copied");
    // Members of the workspace, and what is built into the program, must all be copied.
    for needed in ["crates", "tests", "docs", "scenarios", "testdata", "examples"] {
        assert!(text.contains(&format!("COPY {needed} {needed}")), "Dockerfile lacks {needed}");
    }
    let manifest = std::fs::read_to_string(top().join("Cargo.toml")).unwrap();
    let version =
        manifest.lines().find_map(|line| line.strip_prefix("rust-version = \"")).unwrap().trim_end_matches('"');
    assert!(text.contains(&format!("FROM rust:{version}")), "Dockerfile builds with another Rust than {version}");
}
