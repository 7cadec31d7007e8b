//! Scenario files: strict YAML whose every mistake is shown with line, caret and what would be right.

mod ast;
mod clear;
pub(crate) mod diagnostic;
mod dialect;
pub(crate) mod fields;
mod format;
mod forward;
mod outside;
pub(crate) mod paper;
pub(crate) mod read;
#[cfg(test)]
mod reference;
pub(crate) mod shape;
mod signalling;
mod speech;
pub(crate) mod steps;
pub(crate) mod tree;
mod trunks;

use std::path::{Path, PathBuf};

pub use ast::{
    Action, Asker, ChangedStream, Cluster, Codec, DIRECTED_PARK_NUMBERS, Deed, Expect, Fault, Forward, Hook, Inject,
    Injected, Key, MEDIA_PORTS, Network, NodeFailure, OptionsPing, Party, Patience, Phone, Recorder,
    RecorderCertificate, Refused, Release, Renumbered, Says, Scenario, SessionTimer, Site, SiteKind, SrtpPolicy, Step,
    StreamChange, Tls, Told, Transport, Trunk,
};
pub use diagnostic::{Diagnostic, Place};
pub(crate) use fields::span;
pub use format::format;
pub use signalling::Disturbed;
pub(crate) use speech::{speech, speech_of};
pub use tree::MAX_FILE;
pub use trunks::{Destination, Does, RouteList};

/// A file of the user's that is wrong: all its mistakes.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}: {} mistakes", path.display(), diagnostics.len())]
pub struct Broken {
    /// The file.
    pub path: PathBuf,
    /// Its text, as far as it could be read.
    pub text: String,
    /// What is wrong, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

impl Broken {
    /// Every mistake as the user sees it.
    #[must_use]
    pub fn render(&self) -> String {
        let file = self.path.display().to_string();
        self.diagnostics.iter().map(|d| d.render(&file, &self.text)).collect::<Vec<_>>().join("\n")
    }
}

/// Reads a scenario from its text. WAV files that it names are not looked at.
///
/// # Errors
/// Every mistake in the text, at least one.
pub fn parse(text: &str) -> Result<Scenario, Vec<Diagnostic>> {
    parse_in(None, text)
}

/// Reads the text of a scenario in `folder`, and what the WAV files beside it are worth.
fn parse_in(folder: Option<&Path>, text: &str) -> Result<Scenario, Vec<Diagnostic>> {
    let root = tree::parse(text)?;
    let mut wrong = Vec::new();
    let scenario = read::read(&root, folder, &mut wrong);
    if wrong.is_empty() {
        return Ok(Scenario { text: text.into(), ..scenario });
    }
    wrong.sort_by_key(|d| d.place);
    Err(wrong)
}

/// Reads a scenario file, and sees to it that the WAV files it names can be spoken.
///
/// # Errors
/// [`Broken`] with every mistake; a file that cannot be read is one mistake in line 1.
pub fn load(path: &Path) -> Result<Scenario, Broken> {
    let broken = |text: &str, diagnostics| Broken { path: path.to_owned(), text: text.to_owned(), diagnostics };
    let text = match read_text(path) {
        Ok(text) => text,
        Err((text, diagnostic)) => return Err(broken(&text, vec![diagnostic])),
    };
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    parse_in(Some(folder), &text).map_err(|wrong| broken(&text, wrong))
}

/// The text of a scenario file in the usual layout; `None` where that is how it is.
///
/// # Errors
/// [`Broken`] where it cannot be read, or is no YAML of a scenario.
pub fn formatted(path: &Path) -> Result<Option<String>, Broken> {
    let broken = |text: &str, diagnostics| Broken { path: path.to_owned(), text: text.to_owned(), diagnostics };
    let text = read_text(path).map_err(|(text, wrong)| broken(&text, vec![wrong]))?;
    let tidy = format(&text).map_err(|wrong| broken(&text, wrong))?;
    Ok((tidy != text).then_some(tidy))
}

/// The text of a file, or as much of it as can be shown and what is wrong with it.
pub(crate) fn read_text(path: &Path) -> Result<String, (String, Diagnostic)> {
    let whole = |message: String| (String::new(), Diagnostic::new(Place::START, message));
    let unreadable = |e: std::io::Error| whole(format!("the file cannot be read: {e}"));
    let bytes = wire::file::read(path, MAX_FILE as u64).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|e| {
        let (at, bytes) = (e.utf8_error().valid_up_to(), e.into_bytes());
        let before = String::from_utf8_lossy(&bytes[..at]);
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let place = Place { line: before.matches('\n').count() + 1, column, length: 1 };
        let message = format!("the file is not UTF-8: got the byte 0x{:02x}", bytes[at]);
        (String::from_utf8_lossy(&bytes).into_owned(), Diagnostic::new(place, message).help("save the file as UTF-8"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "scenario: An encrypted call is recorded on both sides\nphones:\n  agent: { line: \"2000\", recording: automatic }\n  customer: { line: \"1000\" }\nsteps:\n  - call: { from: customer, to: agent }\n  - answer: agent\n  - talk: 10s\n  - hang up: agent\n";

    fn complaints(text: &str) -> Vec<String> {
        parse(text).unwrap_err().iter().map(|d| format!("{}: {}", d.place.line, d.message)).collect()
    }

    #[test]
    fn a_plain_call_needs_little_and_gets_secure_defaults() {
        let s = parse(PLAIN).unwrap();
        assert!(s.cluster.mixed && s.phones[0].encrypted && s.phones[0].recorded && !s.phones[1].recorded);
        assert_eq!(s.trunk.transport, Transport::Tls);
        assert!(s.trunk.srtp_allowed && s.trunk.transmit_security_status);
        assert_eq!(s.steps.len(), 4);
        assert_eq!(s.steps[2].line, 8);
    }

    #[test]
    fn every_mistake_of_a_file_is_told_at_once() {
        let text = "scenario: x\ncluster: { release: \"99\" }\nphones:\n  agent: { lin: \"2000\" }\n  b: { line: abc, security: maybe }\nsteps:\n  - tlak: 10s\n  - call: { from: agent, to: nobody }\n  - talk: 10\nexpct: {}\n";
        let all = complaints(text);
        assert_eq!(all.len(), 9, "{all:#?}");
    }

    #[test]
    fn steps_that_cannot_happen_are_mistakes_of_the_file() {
        let twice = PLAIN.replace("- answer: agent", "- answer: customer");
        assert!(complaints(&twice)[0].contains("not ringing"));
        let open = PLAIN.replace("  - hang up: agent\n", "");
        assert!(complaints(&open)[0].contains("still up"));
        let early = PLAIN.replace("  - answer: agent\n", "");
        assert!(complaints(&early)[0].contains("nobody"));
    }

    #[test]
    fn mutated_files_never_panic_and_render_every_mistake() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = |n: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize % n
        };
        let spice: Vec<char> = ":-{}[]\"'&*!<>|%@`#,\n\t 09azé\u{0}\u{feff}".chars().collect();
        for _ in 0..4000 {
            let mut text: Vec<char> = PLAIN.chars().collect();
            for _ in 0..1 + next(8) {
                let at = next(text.len());
                match next(3) {
                    0 => text[at] = spice[next(spice.len())],
                    1 => text.insert(at, spice[next(spice.len())]),
                    _ => text.truncate(at.max(1)),
                }
            }
            let text: String = text.into_iter().collect();
            if let Err(wrong) = parse(&text) {
                assert!(!wrong.is_empty());
                for d in wrong {
                    assert!(d.render("f.yaml", &text).contains("f.yaml:"));
                }
            }
        }
    }
}
