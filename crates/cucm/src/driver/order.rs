//! What applications ask of the cluster, as over CTI, and what tests do.

use std::time::Instant;

use tokio::sync::oneshot;

use crate::engine::{Engine, RecordingRefused};
use crate::event::InvocationType;
use crate::signalling::Provocation;

/// Where the answer goes.
pub(super) type Reply = oneshot::Sender<Result<(), RecordingRefused>>;

/// A request of an application, or of a test.
#[derive(Debug)]
pub(super) enum Order {
    StartRecording { device: String, invocation: InvocationType, reply: Reply },
    StopRecording { device: String, invocation: InvocationType, reply: Reply },
    Provoke(Provocation),
}

impl Order {
    /// Has the engine do it, and answers; what is no matter of the engine's is given back.
    pub(super) fn carry_out(self, engine: &mut Engine, now: Instant) -> Option<Provocation> {
        // An application that does not wait for its answer is not told.
        let _ = match self {
            Self::Provoke(provocation) => return Some(provocation),
            Self::StartRecording { device, invocation, reply } => {
                reply.send(engine.start_recording(now, &device, invocation))
            }
            Self::StopRecording { device, invocation, reply } => {
                reply.send(engine.stop_recording(now, &device, invocation))
            }
        };
        None
    }
}
