//! `mixedmode doctor`: whether this machine and a recorder under test are fit for a run.

mod machine;
mod recorder;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use crate::exit::Exit;

/// `mixedmode doctor`.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// The recorder that is started and asked: `bundled`, or one of `mixedmode.toml`.
    #[arg(long, value_name = "NAME", default_value = "bundled")]
    recorder: String,
    /// The file that tells of recorders under test.
    #[arg(long, value_name = "FILE", default_value = scenario::under_test::DEFAULT_FILE)]
    config: PathBuf,
    /// The folder of `mixedmode certs`, whose certificates' dates are looked at where it is there.
    #[arg(long, value_name = "DIR", default_value = "certificates")]
    store: PathBuf,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Health {
    Ok,
    Warn,
    Fail,
}

/// A line of the examination.
#[derive(Debug)]
struct Check {
    health: Health,
    what: &'static str,
    /// What was seen and, where it is not well, what to do.
    said: String,
}

impl Check {
    fn ok(what: &'static str, said: impl Into<String>) -> Self {
        Self { health: Health::Ok, what, said: said.into() }
    }

    fn warn(what: &'static str, said: impl Into<String>) -> Self {
        Self { health: Health::Warn, what, said: said.into() }
    }

    fn fail(what: &'static str, said: impl Into<String>) -> Self {
        Self { health: Health::Fail, what, said: said.into() }
    }
}

pub(crate) fn doctor(args: &Doctor, out: &mut impl Write) -> io::Result<Exit> {
    let mut worst = Health::Ok;
    let mut show = |checks: Vec<Check>| -> io::Result<()> {
        for Check { health, what, said } in checks {
            let word = match health {
                Health::Ok => "ok  ",
                Health::Warn => "warn",
                Health::Fail => "FAIL",
            };
            writeln!(out, "{word}  {what:<14} {said}")?;
            worst = worst.max(health);
        }
        out.flush()
    };
    show(machine::checks())?;
    let profiles = match recorder::config(&args.config, &args.recorder) {
        Ok((check, profiles)) => {
            show(vec![check])?;
            profiles
        }
        Err(broken) => {
            show(vec![Check::fail("mixedmode.toml", broken)])?;
            return Ok(Exit::BadFile);
        }
    };
    show(recorder::dates(&args.store, &profiles))?;
    show(recorder::answers(&args.recorder, profiles))?;
    Ok(if worst == Health::Fail { Exit::Setup } else { Exit::Pass })
}
