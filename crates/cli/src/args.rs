//! The command line.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use scenario::sound::Raw;

use crate::doctor::Doctor;
use crate::explain::Explain;
use crate::fmt::Fmt;
use crate::init::Init;
use crate::list::List;
use crate::reports::Reports;
use crate::schema;
use crate::selecting::Selecting;
use crate::signal::Signal;
use crate::trying::{Shown, Trying};

/// A Cisco CUCM in mixed mode with its phones, to test call recorders: real TLS, real SRTP, every frame proven.
#[derive(Debug, Parser)]
#[command(name = "mixedmode", version, after_help = EXIT_CODES)]
pub(crate) struct Command {
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Shown at the end of every help.
const EXIT_CODES: &str = "Exit codes: 0 pass, 1 usage, 2 a file is wrong or cannot be read, 3 could not be set up, 4 the recorder is wrong \
(finding), 5 inconclusive, or every scenario was skipped.\nSeveral scenarios: the first of 2, 3, 4, 5 that applies.";

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Begin a project: scenarios, and what else a template has. Never writes over anything.
    Init(Init),
    /// Run scenarios and prove what was recorded.
    Run(Box<Run>),
    /// Judge recordings again against the ledger that `run --keep` wrote.
    Verify(Verify),
    /// Run scenarios made at random, one for each seed, on the simulated network.
    Walk(Walk),
    /// List scenarios: their files, or with --json what they are tagged with too.
    List(List),
    /// Check scenario files without running them.
    Check {
        /// Files, or folders that are searched for `*.yaml`.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
    /// Bring scenario files into the usual layout; comments and meaning stay.
    Fmt(Fmt),
    /// Explain what a run has printed: a finding, a refusal, a verdict, an exit code.
    Explain(Explain),
    /// Look whether this machine and a recorder under test are fit for a run; some seconds.
    Doctor(Doctor),
    /// Print a JSON Schema, for editors and programs.
    Schema {
        /// Of what.
        #[arg(value_enum)]
        of: schema::Of,
    },
    /// Print a shell's completions, such as for `source <(mixedmode completions bash)`.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one for each verb to a folder.
    Man {
        /// The folder, which is made where it is missing.
        #[arg(long, value_name = "DIR")]
        into: Option<PathBuf>,
    },
    /// Write a test signal to a WAV file, 8 kHz mono: what phones say in scenarios.
    Signal(Signal),
    /// Run the bundled recorder on its own.
    Record {
        /// Its configuration.
        #[arg(long, value_name = "FILE", default_value = "recorder.toml")]
        config: PathBuf,
    },
    /// Make reports of outcomes that were kept.
    Report {
        /// What to do.
        #[command(subcommand)]
        verb: ReportVerb,
    },
    /// The recorder's certificates: its own, and those it trusts.
    Certs(Certs),
}

/// `mixedmode run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Files, or folders that are searched for `*.yaml`.
    #[arg(required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// The recorder under test: `bundled` is the reference recorder, any other name stands in `mixedmode.toml`.
    #[arg(long, value_name = "NAME", default_value = "bundled")]
    pub(crate) recorder: String,
    /// The file that tells how recorders under test are started and reached, and where their recordings are.
    #[arg(long, value_name = "FILE", default_value = scenario::under_test::DEFAULT_FILE)]
    pub(crate) config: PathBuf,
    /// The operating system's sockets in real time, or a simulated network in virtual time.
    #[arg(long, value_enum, default_value_t = Network::Os)]
    pub(crate) network: Network,
    /// Seed of what the network does to media; on the simulated network it replays a whole run.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// How many scenarios at once; by default 32 on the operating system's network, one a core on the simulated one.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=250))]
    pub(crate) jobs: Option<u16>,
    /// Write a pcapng for each scenario, which tshark and Wireshark decrypt by themselves; RTP stands in it in clear, too.
    #[arg(long, value_name = "DIR")]
    pub(crate) pcapng: Option<PathBuf>,
    /// Keep what the recorder wrote, and beside it the ledger of what was said, for `mixedmode verify`.
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
    /// Write events as they happen, one JSON object a line.
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    pub(crate) report_ndjson: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) reports: Reports,
    #[command(flatten)]
    pub(crate) selecting: Selecting,
    #[command(flatten)]
    pub(crate) trying: Trying,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

/// The verbs of `mixedmode report`.
#[derive(Debug, Subcommand)]
pub(crate) enum ReportVerb {
    /// Make one outcome of several, as of the shards of a run, and reports of it. A scenario that several tell of counts once, by its
    /// most severe outcome.
    Merge(Merge),
}

/// `mixedmode report merge`.
#[derive(Debug, Args)]
pub(crate) struct Merge {
    /// What `--report-bundle` wrote, or `--report-json` where no report with pictures is asked for.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) reports: Reports,
}

/// `mixedmode verify`.
#[derive(Debug, Args)]
#[command(after_long_help = VERIFY_HELP)]
pub(crate) struct Verify {
    /// The ledger: `ledger.json` in the scenario's folder below that of `run --keep`.
    pub(crate) ledger: PathBuf,
    /// Audio files to judge, of any recorder; without any, the recordings kept beside the ledger are judged as `run` did.
    pub(crate) files: Vec<PathBuf>,
    /// What files are that have nothing but samples: mulaw, alaw, pcm16 or pcm16be, then `:RATE` and `:CHANNELS` unless 8000 and 1.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) raw: Option<Raw>,
    #[command(flatten)]
    pub(crate) reports: Reports,
}

/// `mixedmode walk`.
#[derive(Debug, Args)]
pub(crate) struct Walk {
    /// A seed, or a range with both ends. A seed that fails prints its scenario file, which `run` replays.
    #[arg(long, value_name = "SEEDS", default_value = "1..100", value_parser = crate::walk::seeds)]
    pub(crate) seeds: RangeInclusive<u64>,
    /// How many scenarios at once; by default one a core.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=250))]
    pub(crate) jobs: Option<u16>,
    /// Print the scenario files and run nothing.
    #[arg(long)]
    pub(crate) print: bool,
}

/// How the files of `verify` are told apart.
const VERIFY_HELP: &str = "\
Without FILES, each recording.json beside the ledger says which recording it is of (by its Call-IDs) and what its files
hold; both are then proven, or found to be wrong.

With FILES, which recording and leg a file is of is found from its audio: the one of which most frames are in it. A file
whose name has the word near, far or stereo (as in near.wav or call-7_far.wav; stereo is near on the left) must hold
that, in any case of letters. In a file of two channels without such a name the legs may lie either way round, but both
must be there. A leg or recording of which no file is given is not missed; the output says which.

Files may be WAV (PCM, float, G.711, RF64), FLAC, which is as exact, MP3, Ogg/Vorbis and M4A (AAC), whose samples are no
longer those that were said, and with --raw samples without any header. Ogg/Opus and AMR have to be converted first.

What happened on the wire (refusals, leaked dialogs, audio in clear) is judged by `run` alone.

Exit codes: 0 pass, 1 usage, 2 the ledger or a file cannot be read, 3 the report cannot be written, 4 a recording is
wrong (finding), 5 inconclusive: nothing was compared, or the harness was late. What is no audio file is a finding.";

/// Which network carries a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Network {
    /// Loopback sockets, real time.
    Os,
    /// In memory, virtual time, bundled recorder only.
    Simulated,
}

/// `mixedmode certs`.
#[derive(Debug, Args)]
pub(crate) struct Certs {
    /// The folder that holds the certificates.
    #[arg(long, value_name = "DIR", default_value = "certificates", global = true)]
    pub(crate) store: PathBuf,
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: CertsVerb,
}

/// The verbs of `mixedmode certs`.
#[derive(Debug, Subcommand)]
pub(crate) enum CertsVerb {
    /// Create the recorder's certificate, self-signed, with its address as common name.
    Create {
        /// The recorder's IP address, which becomes the common name, as the trunk's X.509 Subject Name must have it.
        #[arg(long, value_name = "IP")]
        address: std::net::IpAddr,
        /// How many days it is valid.
        #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=7300))]
        days: u32,
        /// Replace a certificate that is there already.
        #[arg(long)]
        replace: bool,
    },
    /// List the recorder's certificate and the trusted ones.
    List,
    /// Write the recorder's certificate as PEM, to be uploaded to CUCM as CallManager-trust. Never writes the key.
    Export {
        /// Where to; `-` is standard output.
        #[arg(default_value = "-")]
        file: PathBuf,
    },
    /// Import a trusted certificate: the CallManager.pem downloaded from CUCM.
    Import {
        /// The PEM file.
        file: PathBuf,
    },
}
