//! Ctrl-C, and the SIGTERM of whoever started the program: a run ends, and what is known of it is still reported.

use std::io::{self, Write};
use std::thread::JoinHandle;

use scenario::run::Stop;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// What a process ends with that a second Ctrl-C ended: 128 and the number of SIGINT, as shells have it.
const INTERRUPTED: i32 = 130;

/// Heeds signals until it is dropped.
pub(crate) struct Heeded {
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The first signal asks `stop`, the second ends the process at once.
pub(crate) fn heed(stop: &Stop) -> io::Result<Heeded> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Before the run begins: whoever waits for its first line may end us at once.
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    let (end, mut ended) = oneshot::channel();
    let stop = stop.clone();
    let heeding = async move {
        loop {
            tokio::select! {
                biased;
                _ = &mut ended => return,
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if stop.is_asked() {
                std::process::exit(INTERRUPTED);
            }
            stop.ask();
            let _ = writeln!(io::stderr(), "\nthe run is ended, its reports are written; once more ends it at once");
        }
    };
    let thread = std::thread::spawn(move || runtime.block_on(heeding));
    Ok(Heeded { end: Some(end), thread: Some(thread) })
}

impl Drop for Heeded {
    fn drop(&mut self) {
        drop(self.end.take());
        // It ends at once and cannot have failed: nothing in it does.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
