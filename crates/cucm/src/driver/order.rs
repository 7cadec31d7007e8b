//! What applications ask of the cluster, as over CTI.

use std::time::Instant;

use tokio::sync::oneshot;

use crate::engine::{Engine, RecordingRefused};
use crate::event::InvocationType;

/// Where the answer goes.
pub(super) type Reply = oneshot::Sender<Result<(), RecordingRefused>>;

/// A request of an application.
#[derive(Debug)]
pub(super) enum Order {
    StartRecording { device: String, invocation: InvocationType, reply: Reply },
    StopRecording { device: String, invocation: InvocationType, reply: Reply },
}

impl Order {
    /// Has the engine do it, and answers.
    pub(super) fn carry_out(self, engine: &mut Engine, now: Instant) {
        // An application that does not wait for its answer is not told.
        let _ = match self {
            Self::StartRecording { device, invocation, reply } => {
                reply.send(engine.start_recording(now, &device, invocation))
            }
            Self::StopRecording { device, invocation, reply } => {
                reply.send(engine.stop_recording(now, &device, invocation))
            }
        };
    }
}
