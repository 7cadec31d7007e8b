//! The far end of a running recording is replaced, and the recorder is told by UPDATE in both dialogs: same Call-ID and tags, another
//! From (Cisco's "Call Recording Examples for Network-Based and Phone-Based Recording").

use std::time::Instant;

use sip::Dialog;

use crate::event::{CucmEvent, RecordingId};
use crate::text::recording::{self, End, from_value};

use super::leg::{LegId, Owed};
use super::rules::FarEnd;
use super::{Asked, Engine};

impl Engine {
    /// Near is told before far.
    pub(super) fn update_far_end(&mut self, now: Instant, id: RecordingId, far: FarEnd) {
        let Some(recording) = self.recordings.get_mut(&id) else {
            return;
        };
        let FarEnd { party: far, identifier: farendrefci, is_focus } =
            self.config.fault.far_end(&recording.metadata, far);
        recording.metadata.is_focus = is_focus;
        recording.metadata.far.clone_from(&far);
        recording.metadata.farendrefci = farendrefci;
        let metadata = recording.metadata.clone();
        let legs = End::BOTH.map(|end| (end, recording.strand(end).recorder));
        for (end, leg) in legs {
            let Some((leg, known)) = leg.and_then(|leg| Some((leg, self.legs.get_mut(&leg)?))) else {
                continue;
            };
            let from = from_value(&metadata, end, &known.node);
            if let Some(dialog) = known.dialog.as_mut() {
                dialog.local = from;
            }
            self.owe(now, leg, Owed::FarEnd);
        }
        self.event(CucmEvent::RecordingUpdated { recording: id, farendrefci, far });
    }

    /// Sends the UPDATE; the leg has a connection. As it carries Session-Expires, its answer is that of a refresh.
    pub(super) fn send_far_end(&mut self, now: Instant, id: LegId) {
        let (date, timer) = (self.date(now), self.refresh_timer(id));
        let Some(cseq) = self.legs.get_mut(&id).and_then(|leg| leg.dialog.as_mut()).map(Dialog::next_cseq) else {
            return;
        };
        let Some(thread) = self.thread(id, cseq, date) else {
            return;
        };
        if let Some(leg) = self.legs.get(&id)
            && let Some(flow) = leg.flow
        {
            let update = recording::update(&leg.node, &thread, &leg.identity, &leg.session(), timer);
            let key = self.endpoint.send_request(now, flow, leg.node.transport, update);
            self.asked.insert(key, Asked::Refresh(id));
        }
    }
}
