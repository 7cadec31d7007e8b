//! What applications ask of the cluster, as over CTI, and what tests do.

use std::time::Instant;

use tokio::sync::oneshot;

use crate::engine::{DropRefused, Engine, RecordingRefused, RedirectRefused};
use crate::event::InvocationType;
use crate::signalling::Provocation;

/// Where the answer goes.
pub(super) type Reply<E> = oneshot::Sender<Result<(), E>>;

/// A request of an application, or of a test.
#[derive(Debug)]
pub(super) enum Order {
    StartRecording { device: String, invocation: InvocationType, reply: Reply<RecordingRefused> },
    StopRecording { device: String, invocation: InvocationType, reply: Reply<RecordingRefused> },
    Redirect { device: String, number: Option<String>, to: String, reply: Reply<RedirectRefused> },
    Drop { by: String, device: String, number: Option<String>, reply: Reply<DropRefused> },
    CallsAt { device: String, reply: oneshot::Sender<usize> },
    IsIdle { reply: oneshot::Sender<bool> },
    RecorderDialogs { reply: oneshot::Sender<usize> },
    IsRecordingSettled { reply: oneshot::Sender<bool> },
    ChangeMedia { device: String },
    Renumber { other_cluster: Option<String> },
    Provoke(Provocation),
}

impl Order {
    /// Has the engine do it, and answers; what is no matter of the engine's is given back.
    pub(super) fn carry_out(self, engine: &mut Engine, now: Instant) -> Option<Provocation> {
        // An application that does not wait for its answer is not told.
        match self {
            Self::Provoke(provocation) => return Some(provocation),
            Self::Renumber { other_cluster } => {
                engine.renumber(other_cluster);
                return None;
            }
            Self::ChangeMedia { device } => {
                engine.change_media(now, &device);
                return None;
            }
            Self::CallsAt { device, reply } => {
                let _ = reply.send(engine.calls_at(&device));
            }
            Self::IsIdle { reply } => {
                let _ = reply.send(engine.is_idle());
            }
            Self::RecorderDialogs { reply } => {
                let _ = reply.send(engine.recorder_dialogs());
            }
            Self::IsRecordingSettled { reply } => {
                let _ = reply.send(engine.is_recording_settled());
            }
            Self::StartRecording { device, invocation, reply } => {
                let _ = reply.send(engine.start_recording(now, &device, invocation));
            }
            Self::StopRecording { device, invocation, reply } => {
                let _ = reply.send(engine.stop_recording(now, &device, invocation));
            }
            Self::Redirect { device, number, to, reply } => {
                let _ = reply.send(engine.redirect(now, (&device, number.as_deref()), &to));
            }
            Self::Drop { by, device, number, reply } => {
                let _ = reply.send(engine.drop_from_conference(now, &by, (&device, number.as_deref())));
            }
        }
        None
    }
}
