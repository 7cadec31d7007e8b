//! `mixedmode record`.

use std::io::{self, Write};
use std::path::Path;

use recorder::Seed;
use tokio::signal::unix::{Signal, SignalKind, signal};
use wire::{Net, NetOptions};

use crate::exit::Exit;

pub(crate) fn record(file: &Path, out: &mut impl Write, err: &mut impl Write) -> io::Result<Exit> {
    let config = match recorder::Config::load(file) {
        Ok(config) => config,
        Err(error) => {
            writeln!(err, "error: {error}")?;
            return Ok(Exit::BadFile);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let started = recorder::start(Net::os(NetOptions::default()), config, Seed::System).await;
        let recorder = match started {
            Ok(recorder) => recorder,
            Err(error) => {
                writeln!(err, "error: {error}")?;
                return Ok(Exit::Setup);
            }
        };
        // Before the first line: who waits for it may end us at once.
        let terminated = signal(SignalKind::terminate())?;
        for (transport, address) in recorder.addresses() {
            writeln!(out, "listening on {address} ({transport:?})")?;
        }
        writeln!(out, "recordings go to {}; end with Ctrl-C", recorder.folder().display())?;
        out.flush()?;
        stopped(terminated).await?;
        let summary = recorder.stop().await;
        writeln!(out, "{} recordings, {} alarms", summary.recordings.len(), summary.alarms.len())?;
        for alarm in &summary.alarms {
            writeln!(err, "alarm: {alarm}")?;
        }
        Ok(if summary.alarms.is_empty() { Exit::Pass } else { Exit::Setup })
    })
}

/// Ctrl-C, or the SIGTERM of whoever started the program.
async fn stopped(mut terminated: Signal) -> io::Result<()> {
    tokio::select! {
        biased;
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminated.recv() => Ok(()),
    }
}
