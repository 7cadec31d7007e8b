//! A gateway forks the media of its calls.

use ::media::ledger::{Leg, StreamKind};
use rand_core::Rng;

use super::site::{Order, Site};
use super::xmf::{Request, Wish};
use crate::packet_time::PacketTime;
use crate::talk::Opening;

impl Site {
    /// Begins or ends the fork of a call; why not, where it cannot.
    pub(super) fn fork(&mut self, request: &Request) -> Result<(), String> {
        let [first, second] = request.call;
        let is_it = |words: [u32; 4]| words[0] == first && words[1] == second;
        let call = self.calls.iter().find(|call| is_it(call.guid.0)).ok_or("got the numbers of no call")?;
        let no = call.no;
        let (near, far) = match request.wish {
            Wish::Stop => {
                self.order(Order::Unfork { call: no });
                return Ok(());
            }
            Wish::Fork { near, far } => (near, far),
        };
        let settled = call.settled.clone().ok_or("the call has no media yet")?;
        if settled.own.is_some() || settled.peer.is_some() {
            return Err("the media of this call is SRTP, which no gateway forks".to_owned());
        }
        let main_dialog = call.dialog.as_ref().map(|dialog| dialog.call_id.clone()).unwrap_or_default();
        let opening = |site: &mut Self, leg, remote| Opening {
            phone: site.settings.name.clone(),
            kind: StreamKind::Bridge(leg),
            dialog: request.transaction.clone(),
            main_dialog: main_dialog.clone(),
            remote,
            codec: settled.codec,
            packet_time: PacketTime::default(),
            events: settled.events,
            key: None,
            ssrc: site.rng.next_u32(),
            first_index: u64::from(site.rng.next_u32() as u16 & 0x7fff),
            first_timestamp: site.rng.next_u32(),
        };
        let openings = Box::new([opening(self, Leg::Near, near), opening(self, Leg::Far, far)]);
        self.order(Order::Fork { call: no, openings });
        Ok(())
    }
}
