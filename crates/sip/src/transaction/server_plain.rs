//! Non-INVITE server transaction (RFC 3261 §17.2.2).
//!
//! ```text
//!        |request
//!        v
//!    +--------+  1xx   +------------+
//!    | Trying |------->| Proceeding |  request: last provisional answer again
//!    +--------+        +------------+
//!        |200-699           |200-699
//!        v                  v
//!      +----------------------+
//!      | Completed, J         |  request: final answer again
//!      +----------------------+
//! ```

use std::time::Instant;

use super::{Action, Pace};
use crate::event::EndpointError;
use crate::message::Message;

#[derive(Debug)]
pub(crate) struct ServerPlain {
    pace: Pace,
    state: State,
}

#[derive(Debug)]
enum State {
    Trying,
    Proceeding { last: Message },
    Completed { response: Message, until: Instant },
    Terminated,
}

impl ServerPlain {
    pub(crate) fn new(pace: Pace) -> Self {
        Self { pace, state: State::Trying }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Completed { until, .. } => Some(until),
            _ => None,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::Terminated)
    }

    /// The request came again.
    pub(crate) fn on_repeat(&self, out: &mut Vec<Action>) {
        match &self.state {
            State::Proceeding { last: response } | State::Completed { response, .. } => {
                out.push(Action::Send(response.clone()));
            }
            State::Trying | State::Terminated => {}
        }
    }

    pub(crate) fn respond(
        &mut self,
        now: Instant,
        response: Message,
        out: &mut Vec<Action>,
    ) -> Result<(), EndpointError> {
        match self.state {
            State::Trying | State::Proceeding { .. } => {}
            State::Completed { .. } => return Err(EndpointError::AlreadyAnswered),
            State::Terminated => return Err(EndpointError::Gone),
        }
        out.push(Action::Send(response.clone()));
        let linger = self.pace.linger();
        self.state = match response.status() {
            Some(100..200) => State::Proceeding { last: response },
            _ if linger.is_zero() => State::Terminated,
            _ => State::Completed { response, until: now + linger },
        };
        Ok(())
    }

    pub(crate) fn on_timeout(&mut self, now: Instant) {
        if self.deadline().is_some_and(|until| now >= until) {
            self.state = State::Terminated;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rig::{answer, beginning, ms, pace};
    use super::*;
    use crate::event::{Timers, Transport};

    #[test]
    fn repeats_get_the_last_answer_until_timer_j() {
        let start = beginning();
        let mut machine = ServerPlain::new(pace(Transport::Udp));
        let (trying, ok) = (answer("BYE", 100, ""), answer("BYE", 200, "t"));
        let mut out = Vec::new();
        machine.on_repeat(&mut out);
        assert_eq!(out, []);
        machine.respond(start, trying.clone(), &mut out).unwrap();
        machine.on_repeat(&mut out);
        machine.respond(start, ok.clone(), &mut out).unwrap();
        machine.on_repeat(&mut out);
        let expected = [&trying, &trying, &ok, &ok].map(|message| Action::Send(message.clone()));
        assert_eq!(out, expected);
        assert_eq!(machine.respond(start, ok.clone(), &mut out), Err(EndpointError::AlreadyAnswered));
        assert_eq!(machine.deadline(), Some(start + ms(32_000)));
        machine.on_timeout(start + ms(32_000));
        assert!(machine.is_over());
        assert_eq!(machine.respond(start, ok, &mut out), Err(EndpointError::Gone));
    }

    #[test]
    fn over_tcp_nothing_lingers_unless_the_peer_repeats_there_too() {
        let start = beginning();
        let mut machine = ServerPlain::new(pace(Transport::Tcp));
        machine.respond(start, answer("BYE", 200, "t"), &mut Vec::new()).unwrap();
        assert!(machine.is_over());
        let timers = Timers { cucm_style: true, ..Timers::default() };
        let mut machine = ServerPlain::new(Pace::new(&timers, Transport::Tcp));
        machine.respond(start, answer("BYE", 200, "t"), &mut Vec::new()).unwrap();
        assert!(!machine.is_over());
    }
}
