//! Non-INVITE client transaction (RFC 3261 §17.1.2).
//!
//! ```text
//!            |request                Timer E: send again, double E up to T2
//!            v                       Timer F, 64*T1: timed out
//!       +---------+  1xx   +------------+
//!       | Trying  |------->| Proceeding |  1xx: deliver; E is T2
//!       +---------+        +------------+
//!            |200-699           |200-699: deliver
//!            v                  v
//!          +----------------------+
//!          | Completed, K         |  absorbs repeats
//!          +----------------------+
//! ```

use std::time::Instant;

use super::{Action, Pace, Repeat, earliest};
use crate::message::Message;

#[derive(Debug)]
pub(crate) struct ClientPlain {
    request: Message,
    pace: Pace,
    state: State,
}

#[derive(Debug)]
enum State {
    Trying { repeat: Option<Repeat>, give_up: Instant },
    Proceeding { repeat: Option<Repeat>, give_up: Instant },
    Completed { until: Instant },
    Terminated,
}

impl ClientPlain {
    pub(crate) fn new(now: Instant, request: Message, pace: Pace, out: &mut Vec<Action>) -> Self {
        out.push(Action::Send(request.clone()));
        let state = State::Trying { repeat: pace.repeats(now), give_up: now + pace.patience() };
        Self { request, pace, state }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Trying { repeat, give_up } | State::Proceeding { repeat, give_up } => {
                Some(earliest(repeat.as_ref(), *give_up))
            }
            State::Completed { until } => Some(*until),
            State::Terminated => None,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::Terminated)
    }

    /// Whether the layer above still waits for a final answer.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Trying { .. } | State::Proceeding { .. })
    }

    pub(crate) fn on_response(&mut self, now: Instant, response: Message, out: &mut Vec<Action>) {
        let (State::Trying { repeat, give_up } | State::Proceeding { repeat, give_up }) = &self.state else { return };
        let is_final = response.status().is_some_and(|code| code >= 200);
        let settle = self.pace.settle();
        self.state = match is_final {
            false => State::Proceeding { repeat: *repeat, give_up: *give_up },
            true if settle.is_zero() => State::Terminated,
            true => State::Completed { until: now + settle },
        };
        out.push(Action::Deliver(response));
    }

    pub(crate) fn on_timeout(&mut self, now: Instant, out: &mut Vec<Action>) {
        match &mut self.state {
            State::Trying { give_up, .. } | State::Proceeding { give_up, .. } if now >= *give_up => {
                self.state = State::Terminated;
                out.push(Action::TimedOut);
            }
            State::Trying { repeat: Some(repeat), .. } if now >= repeat.at => {
                *repeat = repeat.next(now, Some(self.pace.t2));
                out.push(Action::Send(self.request.clone()));
            }
            State::Proceeding { repeat: Some(repeat), .. } if now >= repeat.at => {
                *repeat = Repeat::new(now, self.pace.t2);
                out.push(Action::Send(self.request.clone()));
            }
            State::Completed { until } if now >= *until => self.state = State::Terminated,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rig::{answer, beginning, ms, pace, request, run};
    use super::*;
    use crate::event::{Timers, Transport};

    fn trying(pace: Pace) -> (ClientPlain, Instant) {
        let start = beginning();
        (ClientPlain::new(start, request("BYE"), pace, &mut Vec::new()), start)
    }

    fn times(machine: &mut ClientPlain, start: Instant) -> Vec<u128> {
        let step = |now: Option<Instant>, out: &mut Vec<Action>| {
            if let Some(now) = now {
                machine.on_timeout(now, out);
            }
            machine.deadline()
        };
        run(start, ms(100_000), step).into_iter().map(|(at, _)| at).collect()
    }

    #[test]
    fn timer_e_doubles_up_to_t2_until_timer_f() {
        let (mut machine, start) = trying(pace(Transport::Udp));
        let expected = [500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500, 32_000];
        assert_eq!(times(&mut machine, start), expected);
        assert!(machine.is_over());
    }

    #[test]
    fn a_provisional_answer_slows_repeats_down_to_t2() {
        let (mut machine, start) = trying(pace(Transport::Udp));
        machine.on_response(start + ms(100), answer("BYE", 100, ""), &mut Vec::new());
        assert_eq!(times(&mut machine, start)[..3], [500, 4500, 8500]);
    }

    #[test]
    fn cucm_repeats_requests_over_tcp_too() {
        let (mut machine, start) = trying(pace(Transport::Tcp));
        assert_eq!(times(&mut machine, start), [32_000]);
        let timers = Timers { cucm_style: true, ..Timers::default() };
        let (mut machine, start) = trying(Pace::new(&timers, Transport::Tls));
        assert_eq!(times(&mut machine, start)[..3], [500, 1500, 3500]);
    }

    #[test]
    fn the_final_answer_is_reported_once_and_timer_k_absorbs_repeats() {
        let (mut machine, start) = trying(pace(Transport::Udp));
        let ok = answer("BYE", 200, "t");
        let mut out = Vec::new();
        machine.on_response(start, ok.clone(), &mut out);
        machine.on_response(start, ok.clone(), &mut out);
        assert_eq!(out, [Action::Deliver(ok.clone())]);
        assert_eq!(machine.deadline(), Some(start + ms(5000)));
        machine.on_timeout(start + ms(5000), &mut out);
        assert!(machine.is_over());
        let (mut machine, start) = trying(pace(Transport::Tcp));
        machine.on_response(start, ok, &mut out);
        assert!(machine.is_over());
    }
}
