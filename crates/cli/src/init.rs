//! `mixedmode init`: the files that a project begins with.

use std::fs::{OpenOptions, create_dir_all};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::exit::Exit;

/// `mixedmode init`.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// What to begin with.
    #[arg(value_enum, default_value_t = Template::Minimal)]
    template: Template,
    /// The folder to write to, which is made where it is missing. What is there already is never written over.
    #[arg(long, value_name = "DIR", default_value = ".")]
    into: PathBuf,
}

/// What a project begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Template {
    /// One scenario, for the bundled recorder.
    Minimal,
    /// What must be refused, and what must not be recorded: certificates, TLS versions, suites, forged and replayed packets.
    SecurityMatrix,
    /// A mixedmode.toml with a small recorder to be replaced by your own, and three scenarios.
    OwnRecorder,
    /// A workflow for GitHub Actions and two short scenarios.
    Ci,
}

/// A file of a template: where it goes, and what is in it.
type File = (&'static str, &'static str);

macro_rules! template {
    ($($to:literal = $from:literal),+ $(,)?) => { &[$(($to, include_str!(concat!("../", $from)))),+] };
}

const MINIMAL: &[File] = template! {
    "scenarios/first-call.yaml" = "templates/minimal/scenarios/first-call.yaml",
    ".gitignore" = "templates/gitignore",
};

const SECURITY_MATRIX: &[File] = template! {
    "scenarios/security/plain-call.yaml" = "../../scenarios/plain-call.yaml",
    "scenarios/security/tls-1.2.yaml" = "../../scenarios/tls-1.2.yaml",
    "scenarios/security/tls-1.3.yaml" = "../../scenarios/tls-1.3.yaml",
    "scenarios/security/no-common-tls-version.yaml" = "../../scenarios/refused/no-common-tls-version.yaml",
    "scenarios/security/cucm-unknown.yaml" = "../../scenarios/refused/cucm-unknown.yaml",
    "scenarios/security/no-client-certificate.yaml" = "../../scenarios/refused/no-client-certificate.yaml",
    "scenarios/security/recorder-expired.yaml" = "../../scenarios/refused/recorder-expired.yaml",
    "scenarios/security/recorder-wrong-name.yaml" = "../../scenarios/refused/recorder-wrong-name.yaml",
    "scenarios/security/recorder-not-in-callmanager-trust.yaml" = "../../scenarios/refused/recorder-not-in-callmanager-trust.yaml",
    "scenarios/security/suite-aead-aes-256-gcm.yaml" = "../../scenarios/suite-aead-aes-256-gcm.yaml",
    "scenarios/security/suite-aead-aes-128-gcm.yaml" = "../../scenarios/suite-aead-aes-128-gcm.yaml",
    "scenarios/security/suite-aes-cm-128-sha1-80.yaml" = "../../scenarios/suite-aes-cm-128-sha1-80.yaml",
    "scenarios/security/suite-aes-cm-128-sha1-32.yaml" = "../../scenarios/suite-aes-cm-128-sha1-32.yaml",
    "scenarios/security/flipped-tag.yaml" = "../../scenarios/refused/flipped-tag.yaml",
    "scenarios/security/forged.yaml" = "../../scenarios/refused/forged.yaml",
    "scenarios/security/plain-rtp.yaml" = "../../scenarios/refused/plain-rtp.yaml",
    "scenarios/security/replayed.yaml" = "../../scenarios/refused/replayed.yaml",
    ".gitignore" = "templates/gitignore",
};

const OWN_RECORDER: &[File] = template! {
    "mixedmode.toml" = "templates/own-recorder/mixedmode.toml",
    "recorder/plain_rtp.py" = "../../examples/recorders/plain_rtp.py",
    "scenarios/plain.yaml" = "templates/own-recorder/scenarios/plain.yaml",
    "scenarios/hold.yaml" = "templates/own-recorder/scenarios/hold.yaml",
    "scenarios/encrypted.yaml" = "templates/own-recorder/scenarios/encrypted.yaml",
    ".gitignore" = "templates/gitignore",
};

const CI: &[File] = template! {
    ".github/workflows/recorder.yml" = "../../examples/github-actions/workflow.yml",
    "scenarios/smoke.yaml" = "templates/ci/scenarios/smoke.yaml",
    "scenarios/smoke-hold.yaml" = "templates/ci/scenarios/smoke-hold.yaml",
};

impl Template {
    const fn files(self) -> &'static [File] {
        match self {
            Self::Minimal => MINIMAL,
            Self::SecurityMatrix => SECURITY_MATRIX,
            Self::OwnRecorder => OWN_RECORDER,
            Self::Ci => CI,
        }
    }

    /// What to type next.
    const fn next(self) -> &'static str {
        match self {
            Self::Minimal | Self::SecurityMatrix => "mixedmode run scenarios",
            Self::OwnRecorder => "mixedmode doctor --recorder mine\n      mixedmode run scenarios --recorder mine",
            Self::Ci => "mixedmode run scenarios",
        }
    }
}

pub(crate) fn init(args: &Init, out: &mut impl Write, err: &mut impl Write) -> io::Result<Exit> {
    let files = args.template.files();
    // A link that leads nowhere is there, too.
    let is_there = |name: &str| args.into.join(name).symlink_metadata().is_ok();
    let taken: Vec<&str> = files.iter().map(|(name, _)| *name).filter(|name| is_there(name)).collect();
    if !taken.is_empty() {
        for name in taken {
            writeln!(err, "error: {} is there already", args.into.join(name).display())?;
        }
        writeln!(err, "nothing was written; move it away, or name another folder with --into")?;
        return Ok(Exit::Usage);
    }
    for (name, text) in files {
        let path = args.into.join(name);
        if let Err(error) = write_new(&path, text) {
            writeln!(err, "error: cannot write {}: {error}", path.display())?;
            return Ok(Exit::Setup);
        }
        writeln!(out, "wrote {}", path.display())?;
    }
    let folder = args.into.display().to_string();
    let enter = if folder == "." { String::new() } else { format!("cd {folder}\n      ") };
    writeln!(out, "next: {enter}{}", args.template.next())?;
    Ok(Exit::Pass)
}

/// Writes a file that is not there, even if somebody makes one at the same time.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        create_dir_all(folder)?;
    }
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}
