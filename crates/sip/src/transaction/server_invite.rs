//! INVITE server transaction (RFC 3261 §17.2.1, RFC 6026 §8.5, and the 2xx repeats of RFC 3261 §13.3.1.4).
//!
//! ```text
//!              |INVITE               100 Trying by itself after 200 ms
//!              v
//!        +------------+              INVITE: last provisional answer again
//!        | Proceeding |
//!        +------------+
//!   300-699 |      | 2xx
//!           v      +----------------------+
//!     +-----------+                       v
//!     | Completed |  Timer G: again  +----------+  again after T1, 2*T1 up to T2 until the ACK
//!     +-----------+  Timer H: lost   | Accepted |  Timer L, 64*T1: over; lost if there was no ACK
//!           |ACK                     +----------+  INVITE: absorbed
//!           v
//!     +-----------+
//!     | Confirmed |  Timer I: over
//!     +-----------+
//! ```

use std::time::Instant;

use super::{Action, Pace, Repeat, earliest};
use crate::builder::Builder;
use crate::event::EndpointError;
use crate::message::Message;

#[derive(Debug)]
pub(crate) struct ServerInvite {
    invite: Message,
    pace: Pace,
    state: State,
}

#[derive(Debug)]
enum State {
    Proceeding {
        last: Option<Message>,
        trying: Option<Instant>,
    },
    Completed {
        response: Message,
        repeat: Option<Repeat>,
        give_up: Instant,
    },
    Confirmed {
        until: Instant,
    },
    /// Without a repeat, the ACK has come.
    Accepted {
        response: Message,
        repeat: Option<Repeat>,
        until: Instant,
    },
    Terminated,
}

impl ServerInvite {
    pub(crate) fn new(now: Instant, invite: Message, pace: Pace) -> Self {
        let trying = pace.trying_after.map(|after| now + after);
        Self { invite, pace, state: State::Proceeding { last: None, trying } }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Proceeding { trying, .. } => *trying,
            State::Completed { repeat, give_up: until, .. } | State::Accepted { repeat, until, .. } => {
                Some(earliest(repeat.as_ref(), *until))
            }
            State::Confirmed { until } => Some(*until),
            State::Terminated => None,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::Terminated)
    }

    /// Whether there is no final answer yet, so that a CANCEL has something to cancel.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Proceeding { .. })
    }

    /// Whether a final answer waits for its ACK.
    pub(crate) fn awaits_ack(&self) -> bool {
        matches!(self.state, State::Completed { .. } | State::Accepted { repeat: Some(_), .. })
    }

    /// Whether another flow may still bring what this waits for: the ACK to a 2xx.
    pub(crate) fn outlives_its_flow(&self) -> bool {
        matches!(self.state, State::Accepted { repeat: Some(_), .. })
    }

    /// The answer sent last, if any.
    pub(crate) fn last_response(&self) -> Option<&Message> {
        match &self.state {
            State::Proceeding { last, .. } => last.as_ref(),
            State::Completed { response, .. } | State::Accepted { response, .. } => Some(response),
            State::Confirmed { .. } | State::Terminated => None,
        }
    }

    /// The INVITE came again.
    pub(crate) fn on_repeat(&self, out: &mut Vec<Action>) {
        match &self.state {
            State::Proceeding { last: Some(last), .. } => out.push(Action::Send(last.clone())),
            State::Completed { response, .. } => out.push(Action::Send(response.clone())),
            _ => {}
        }
    }

    /// An ACK came; the first one to a 2xx is delivered.
    pub(crate) fn on_ack(&mut self, now: Instant, ack: Message, out: &mut Vec<Action>) {
        match &mut self.state {
            State::Completed { .. } => {
                let settle = self.pace.settle();
                self.state =
                    if settle.is_zero() { State::Terminated } else { State::Confirmed { until: now + settle } };
            }
            State::Accepted { repeat, .. } if repeat.is_some() => {
                *repeat = None;
                out.push(Action::Deliver(ack));
            }
            _ => {}
        }
    }

    pub(crate) fn respond(
        &mut self,
        now: Instant,
        response: Message,
        out: &mut Vec<Action>,
    ) -> Result<(), EndpointError> {
        match &self.state {
            State::Proceeding { .. } => {}
            State::Terminated => return Err(EndpointError::Gone),
            _ => return Err(EndpointError::AlreadyAnswered),
        }
        out.push(Action::Send(response.clone()));
        let until = now + self.pace.patience();
        self.state = match response.status().unwrap_or_default() {
            100..200 => State::Proceeding { last: Some(response), trying: None },
            // The repeats of a 2xx do not depend on the transport: the next hop may be a proxy (RFC 3261 §13.3.1.4).
            200..300 => State::Accepted { response, repeat: Some(Repeat::new(now, self.pace.t1)), until },
            _ => State::Completed { response, repeat: self.pace.repeats(now), give_up: until },
        };
        Ok(())
    }

    pub(crate) fn on_timeout(&mut self, now: Instant, out: &mut Vec<Action>) {
        match &mut self.state {
            State::Proceeding { last, trying: trying @ Some(_) } if trying.is_some_and(|at| now >= at) => {
                let response = Builder::reply(&self.invite, 100, "Trying", None).finish();
                *trying = None;
                *last = Some(response.clone());
                out.push(Action::Send(response));
            }
            State::Completed { give_up, .. } if now >= *give_up => {
                self.state = State::Terminated;
                out.push(Action::AckMissing);
            }
            State::Accepted { repeat, until, .. } if now >= *until => {
                if repeat.is_some() {
                    out.push(Action::AckMissing);
                }
                self.state = State::Terminated;
            }
            State::Completed { response, repeat: Some(repeat), .. }
            | State::Accepted { response, repeat: Some(repeat), .. }
                if now >= repeat.at =>
            {
                *repeat = repeat.next(now, Some(self.pace.t2));
                out.push(Action::Send(response.clone()));
            }
            State::Confirmed { until } if now >= *until => self.state = State::Terminated,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rig::{answer, beginning, ms, pace, request, run};
    use super::*;
    use crate::event::Transport;

    fn ringing(transport: Transport) -> (ServerInvite, Instant) {
        let start = beginning();
        (ServerInvite::new(start, request("INVITE"), pace(transport)), start)
    }

    fn drive(machine: &mut ServerInvite, start: Instant) -> Vec<(u128, Action)> {
        run(start, ms(100_000), |now, out| {
            if let Some(now) = now {
                machine.on_timeout(now, out);
            }
            machine.deadline()
        })
    }

    fn ack() -> Message {
        Builder::companion(&request("INVITE"), "ACK", &answer("INVITE", 200, "t")).finish()
    }

    const REPEATS: [u128; 11] = [500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500, 32_000];

    #[test]
    fn trying_goes_out_after_200_ms_unless_something_else_did() {
        let (mut machine, start) = ringing(Transport::Tcp);
        let log = drive(&mut machine, start);
        assert!(
            matches!(log.as_slice(), [(200, Action::Send(m))] if m.status() == Some(100) && m.to().unwrap().tag().is_none())
        );
        let mut out = Vec::new();
        machine.on_repeat(&mut out);
        assert_eq!(out, [log[0].1.clone()]);
        let (mut machine, start) = ringing(Transport::Tcp);
        machine.respond(start, answer("INVITE", 180, "t"), &mut out).unwrap();
        assert_eq!(machine.deadline(), None);
    }

    #[test]
    fn a_2xx_is_repeated_on_every_transport_until_its_ack_or_64_t1() {
        for transport in [Transport::Udp, Transport::Tls] {
            let (mut machine, start) = ringing(transport);
            let ok = answer("INVITE", 200, "t");
            machine.respond(start, ok.clone(), &mut Vec::new()).unwrap();
            let log = drive(&mut machine, start);
            assert_eq!(log.iter().map(|(at, _)| *at).collect::<Vec<_>>(), REPEATS);
            assert_eq!(log[0].1, Action::Send(ok));
            assert_eq!(log.last().unwrap().1, Action::AckMissing);
        }
    }

    #[test]
    fn the_ack_to_a_2xx_ends_repeats_and_is_delivered_once() {
        let (mut machine, start) = ringing(Transport::Udp);
        machine.respond(start, answer("INVITE", 200, "t"), &mut Vec::new()).unwrap();
        let mut out = Vec::new();
        machine.on_ack(start + ms(100), ack(), &mut out);
        machine.on_ack(start + ms(600), ack(), &mut out);
        machine.on_repeat(&mut out);
        assert_eq!(out, [Action::Deliver(ack())]);
        assert_eq!(drive(&mut machine, start), []);
        assert!(machine.is_over(), "timer L has run");
    }

    #[test]
    fn timer_g_repeats_a_refusal_over_udp_and_timer_h_ends_it() {
        let (mut machine, start) = ringing(Transport::Udp);
        let busy = answer("INVITE", 486, "t");
        machine.respond(start, busy.clone(), &mut Vec::new()).unwrap();
        let mut out = Vec::new();
        machine.on_repeat(&mut out);
        assert_eq!(out, [Action::Send(busy)], "the INVITE came again");
        let log = drive(&mut machine, start);
        assert_eq!(log.iter().map(|(at, _)| *at).collect::<Vec<_>>(), REPEATS);
        assert_eq!(log.last().unwrap().1, Action::AckMissing);
        let (mut machine, start) = ringing(Transport::Tcp);
        machine.respond(start, answer("INVITE", 486, "t"), &mut Vec::new()).unwrap();
        assert_eq!(drive(&mut machine, start), [(32_000, Action::AckMissing)]);
    }

    #[test]
    fn the_ack_to_a_refusal_is_absorbed_and_timer_i_ends_it() {
        let (mut machine, start) = ringing(Transport::Udp);
        let mut out = Vec::new();
        machine.respond(start, answer("INVITE", 486, "t"), &mut out).unwrap();
        machine.on_ack(start + ms(100), ack(), &mut out);
        assert_eq!(out.len(), 1);
        assert_eq!(machine.deadline(), Some(start + ms(5100)));
        assert_eq!(machine.respond(start, answer("INVITE", 200, "t"), &mut out), Err(EndpointError::AlreadyAnswered));
        drive(&mut machine, start);
        assert!(machine.is_over());
        assert_eq!(machine.respond(start, answer("INVITE", 200, "t"), &mut out), Err(EndpointError::Gone));
    }
}
