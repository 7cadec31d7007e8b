//! What `mixedmode.toml` says of a recorder under test, checked and with defaults filled in.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use verify::PauseTime;

use super::http::Http;
use super::s3::S3;
use super::said::Metadata;
#[cfg(feature = "sql")]
use super::sql::Sql;
use super::template::Template;
use crate::file::{Hook, Transport};

/// How long a command before the start may take.
pub(crate) const PREPARE: Duration = Duration::from_secs(60);

/// A recorder that is not ours.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its name in the file.
    pub name: String,
    /// The file, as it was named.
    pub file: PathBuf,
    /// The folder of the file, absolute: `{project}`.
    pub project: PathBuf,
    /// Where it listens, if not on an address that each scenario has for itself.
    pub address: Option<IpAddr>,
    /// Where CUCM and the phones live, if not on addresses that each scenario has for itself.
    pub cucm_address: Option<IpAddr>,
    /// Over what the trunk may reach it, and on which port.
    pub listens: Listens,
    /// The recording destination number that it answers.
    pub user: String,
    /// Whether scenarios of encrypted calls are run with it as calls in clear.
    pub in_clear: bool,
    /// How many scenarios may run against it at once; `None` is as many as the run allows.
    pub jobs: Option<usize>,
    /// The trunk security profile's *X.509 Subject Name*; empty stands for the recorder's address.
    pub x509_subject: Vec<String>,
    /// Who knows whose certificate, and how.
    pub certificates: Certificates,
    /// How it is started; `None`: it runs already.
    pub start: Option<Start>,
    /// How it is stopped.
    pub stop: Stop,
    /// The commands for what may befall it.
    pub hooks: BTreeMap<Hook, Vec<Template>>,
    /// Where its recordings are.
    pub recordings: Recordings,
}

/// The ports of a recorder, by transport.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Listens {
    /// TLS.
    pub tls: Option<u16>,
    /// TCP.
    pub tcp: Option<u16>,
    /// UDP.
    pub udp: Option<u16>,
}

impl Listens {
    /// The port for this transport, if the recorder takes it.
    #[must_use]
    pub const fn port(&self, transport: Transport) -> Option<u16> {
        match transport {
            Transport::Tls => self.tls,
            Transport::Tcp => self.tcp,
            Transport::Udp => self.udp,
        }
    }
}

/// Who knows whose certificate, and how.
#[derive(Clone, Debug, Default)]
pub struct Certificates {
    /// The recorder's own.
    pub recorder: RecorderCertificate,
    /// The files that CallManager.pem is copied to before the recorder starts.
    pub call_manager: Vec<Template>,
    /// Where CallManager's certificate and key are kept from run to run; `None`: a fresh one for each run.
    pub cucm_identity: Option<PathBuf>,
}

/// The certificate that the recorder presents.
#[derive(Clone, Debug, Default)]
pub enum RecorderCertificate {
    /// None: the recorder takes no TLS.
    #[default]
    None,
    /// This PEM file, read after the recorder has started, goes into CallManager-trust.
    File(Template),
    /// One is made for each scenario: `{recorder_certificate}`, `{recorder_key}`, and both in one file, `{recorder_identity}`.
    Made,
}

/// How a recorder is started.
#[derive(Clone, Debug)]
pub struct Start {
    /// Files that are written first.
    pub files: Vec<(Template, Template)>,
    /// Commands that are run first, to their end.
    pub prepare: Vec<Vec<Template>>,
    /// The program and its arguments.
    pub command: Vec<Template>,
    /// Where it and the commands before it are run.
    pub working_folder: Template,
    /// Variables beside those that this program has itself.
    pub environment: Vec<(String, Template)>,
    /// What shows that it can take calls.
    pub ready: Ready,
    /// How long that may take.
    pub ready_within: Duration,
}

impl Start {
    /// Where and with what commands are run for a recorder that we did not start.
    pub(crate) fn of_nothing() -> Self {
        Self {
            files: Vec::new(),
            prepare: Vec::new(),
            command: Vec::new(),
            working_folder: Template::default(),
            environment: Vec::new(),
            ready: Ready::Port(0),
            ready_within: Duration::ZERO,
        }
    }
}

/// What shows that a recorder can take calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ready {
    /// A TCP connection to this port is accepted.
    Port(u16),
    /// A GET of this `http` URL is answered with a status of 200 to 299.
    Http(Template),
    /// It has written this text.
    Log(String),
}

/// How a recorder is stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// What it is sent.
    pub signal: Signal,
    /// How long it may take before it is killed.
    pub within: Duration,
}

/// Signals that end a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM.
    Term,
    /// SIGINT.
    Int,
    /// SIGHUP.
    Hup,
    /// SIGQUIT.
    Quit,
    /// SIGKILL.
    Kill,
}

/// A program that tells which files hold which call: the adapter `exec`.
#[derive(Clone, Debug)]
pub struct Exec {
    /// The program and its arguments.
    pub command: Vec<Template>,
    /// How long one run of it may take.
    pub within: Duration,
}

/// Who tells where recordings are.
#[derive(Clone, Debug, Default)]
pub enum Adapter {
    /// They are files below a folder, found by their names.
    #[default]
    Dir,
    /// A program tells.
    Exec(Exec),
    /// A service tells over HTTP, and has their audio.
    Http(Box<Http>),
    /// They are objects in a bucket, found by their names.
    S3(Box<S3>),
    /// A database tells.
    #[cfg(feature = "sql")]
    Sql(Box<Sql>),
}

/// Where recordings are.
#[derive(Clone, Debug)]
pub struct Recordings {
    /// Who tells.
    pub adapter: Adapter,
    /// Where what the recorder says of a recording can be read; `None`: it is not looked at.
    pub metadata: Option<Metadata>,
    /// The folder.
    pub root: Template,
    /// Files with both legs, by their path below the folder.
    pub stereo: Option<Template>,
    /// Files of the near leg.
    pub near: Option<Template>,
    /// Files of the far leg.
    pub far: Option<Template>,
    /// Files of one channel with both legs.
    pub mixed: Option<Template>,
    /// Files of one leg each whose names do not say which.
    pub leg: Option<Template>,
    /// Whether a file holds all recordings of a call, one behind the other, and then what it has of the time between them; `None`: each
    /// recording has its own.
    pub whole_calls: Option<PauseTime>,
    /// Whether the left channel of stereo files is the far leg (else the near leg).
    pub left_is_far: bool,
    /// A file counts as finished when it has not changed for so long.
    pub unchanged_for: Duration,
    /// How long after the last call the files may take to be there and finished.
    pub ready_within: Duration,
}

impl Recordings {
    /// How much longer it is looked whether files that are missing come late, or never.
    pub(crate) fn grace(&self) -> Duration {
        (self.ready_within / 2).min(Duration::from_secs(5))
    }
}

impl Profile {
    /// How many scenarios may run at once where the run would allow `wanted`.
    #[must_use]
    pub fn jobs(&self, wanted: usize) -> usize {
        wanted.min(self.jobs.unwrap_or(usize::MAX)).max(1)
    }

    /// How much longer than its calls a scenario may take because of this recorder.
    #[must_use]
    pub fn patience(&self) -> Duration {
        let start = self
            .start
            .as_ref()
            .map_or(Duration::ZERO, |start| start.ready_within + PREPARE * start.prepare.len().min(1000) as u32);
        let asked = match &self.recordings.adapter {
            Adapter::Dir => Duration::ZERO,
            Adapter::Exec(exec) => exec.within,
            // The last requests may begin when time is up: one that tells, one for a file.
            Adapter::Http(http) => http.within * 4,
            Adapter::S3(s3) => s3.within * 8,
            #[cfg(feature = "sql")]
            Adapter::Sql(sql) => sql.within * 2,
        };
        start
            .saturating_add(self.stop.within)
            .saturating_add(self.recordings.ready_within + self.recordings.grace())
            .saturating_add(asked)
    }

    /// Whether it can be brought about that this befalls it: by its command, or by ourselves where we started it.
    #[must_use]
    pub fn has_hook(&self, hook: Hook) -> bool {
        let by_us = matches!(hook, Hook::Kill | Hook::Restart) && self.start.is_some();
        by_us || self.hooks.contains_key(&hook)
    }

    /// Whether the folder of recordings is one that no other scenario writes to.
    pub(crate) fn has_folder_of_its_own(&self) -> bool {
        self.recordings.root.has("folder") || self.jobs == Some(1)
    }
}
