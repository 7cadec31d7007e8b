//! INVITE client transaction (RFC 3261 §17.1.1, RFC 6026 §8.4).
//!
//! ```text
//!            |INVITE                 Timer A: send again, double A
//!            v                       Timer B, 64*T1: timed out
//!       +---------+  1xx   +------------+
//!       | Calling |------->| Proceeding |  1xx: deliver
//!       +---------+        +------------+
//!         |     | 300-699: ACK  |   |
//!      2xx|     v               v   |2xx
//!         |  +-------------------+  |
//!         |  | Completed, D      |  |   300-699: ACK again
//!         v  +-------------------+  v
//!       +------------------------------+
//!       | Accepted, M                  |  2xx: deliver, or ACK again
//!       +------------------------------+
//! ```

use std::time::Instant;

use super::{Action, Pace, Repeat, earliest};
use crate::builder::Builder;
use crate::event::EndpointError;
use crate::message::Message;

#[derive(Debug)]
pub(crate) struct ClientInvite {
    invite: Message,
    pace: Pace,
    state: State,
}

#[derive(Debug)]
enum State {
    Calling {
        repeat: Option<Repeat>,
        give_up: Instant,
        cancel: bool,
    },
    /// The wait has an end only after a CANCEL (RFC 3261 §9.1).
    Proceeding {
        give_up: Option<Instant>,
    },
    Completed {
        ack: Message,
        until: Instant,
    },
    Accepted {
        answers: Vec<Answer>,
        until: Instant,
    },
    Terminated,
}

/// A 2xx of one branch of the call, by its To tag, and the ACK it got.
#[derive(Debug)]
struct Answer {
    tag: String,
    ack: Option<Message>,
}

impl ClientInvite {
    pub(crate) fn new(now: Instant, invite: Message, pace: Pace, out: &mut Vec<Action>) -> Self {
        out.push(Action::Send(invite.clone()));
        let state = State::Calling { repeat: pace.repeats(now), give_up: now + pace.patience(), cancel: false };
        Self { invite, pace, state }
    }

    pub(crate) fn invite(&self) -> &Message {
        &self.invite
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Calling { repeat, give_up, .. } => Some(earliest(repeat.as_ref(), *give_up)),
            State::Proceeding { give_up } => *give_up,
            State::Completed { until, .. } | State::Accepted { until, .. } => Some(*until),
            State::Terminated => None,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::Terminated)
    }

    /// Whether the layer above still waits for a final answer.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Calling { .. } | State::Proceeding { .. })
    }

    pub(crate) fn on_response(&mut self, now: Instant, response: Message, out: &mut Vec<Action>) {
        match response.status().unwrap_or_default() {
            100..200 => self.on_provisional(now, response, out),
            200..300 => self.on_success(now, response, out),
            _ => self.on_refusal(now, response, out),
        }
    }

    /// Asks for a CANCEL: it goes at once after a provisional answer, else with the first one.
    pub(crate) fn cancel(&mut self, now: Instant, out: &mut Vec<Action>) -> Result<(), EndpointError> {
        match &mut self.state {
            State::Calling { cancel, .. } => *cancel = true,
            State::Proceeding { give_up } => {
                if give_up.is_none() {
                    *give_up = Some(now + self.pace.patience());
                    out.push(Action::Cancel);
                }
            }
            State::Completed { .. } | State::Accepted { .. } => return Err(EndpointError::AlreadyAnswered),
            State::Terminated => return Err(EndpointError::Gone),
        }
        Ok(())
    }

    /// Remembers the ACK to a 2xx, to be sent again with each repeat of that 2xx.
    pub(crate) fn keep_ack(&mut self, ack: &Message) {
        let State::Accepted { answers, .. } = &mut self.state else { return };
        let tag = to_tag(ack);
        // A harness may acknowledge with a wrong tag on purpose; then nothing is repeated.
        if let Some(answer) = answers.iter_mut().find(|answer| answer.tag == tag) {
            answer.ack = Some(ack.clone());
        }
    }

    pub(crate) fn on_timeout(&mut self, now: Instant, out: &mut Vec<Action>) {
        match &mut self.state {
            State::Calling { give_up, .. } if now >= *give_up => self.time_out(out),
            State::Calling { repeat: Some(repeat), .. } if now >= repeat.at => {
                *repeat = repeat.next(now, None);
                out.push(Action::Send(self.invite.clone()));
            }
            State::Proceeding { give_up: Some(give_up) } if now >= *give_up => self.time_out(out),
            State::Completed { until, .. } | State::Accepted { until, .. } if now >= *until => {
                self.state = State::Terminated;
            }
            _ => {}
        }
    }

    fn time_out(&mut self, out: &mut Vec<Action>) {
        self.state = State::Terminated;
        out.push(Action::TimedOut);
    }

    fn on_provisional(&mut self, now: Instant, response: Message, out: &mut Vec<Action>) {
        match self.state {
            State::Calling { cancel, .. } => {
                out.push(Action::Deliver(response));
                self.state = State::Proceeding { give_up: cancel.then(|| now + self.pace.patience()) };
                if cancel {
                    out.push(Action::Cancel);
                }
            }
            State::Proceeding { .. } => out.push(Action::Deliver(response)),
            _ => {}
        }
    }

    fn on_success(&mut self, now: Instant, response: Message, out: &mut Vec<Action>) {
        let tag = to_tag(&response);
        match &mut self.state {
            State::Calling { .. } | State::Proceeding { .. } => {
                let answers = vec![Answer { tag, ack: None }];
                self.state = State::Accepted { answers, until: now + self.pace.patience() };
                out.push(Action::Deliver(response));
            }
            State::Accepted { answers, .. } => match answers.iter().find(|answer| answer.tag == tag) {
                Some(Answer { ack: Some(ack), .. }) => out.push(Action::Send(ack.clone())),
                Some(_) => {}
                None => {
                    answers.push(Answer { tag, ack: None });
                    out.push(Action::Deliver(response));
                }
            },
            _ => {}
        }
    }

    fn on_refusal(&mut self, now: Instant, response: Message, out: &mut Vec<Action>) {
        match &self.state {
            State::Calling { .. } | State::Proceeding { .. } => {
                let ack = ack_to_refusal(&self.invite, &response);
                out.push(Action::Send(ack.clone()));
                out.push(Action::Deliver(response));
                let linger = self.pace.linger();
                self.state =
                    if linger.is_zero() { State::Terminated } else { State::Completed { ack, until: now + linger } };
            }
            State::Completed { ack, .. } => out.push(Action::Send(ack.clone())),
            _ => {}
        }
    }
}

/// The ACK to an answer of 300 and above: the INVITE's own top Via, Route, From, Call-ID and number, the answer's To
/// (RFC 3261 §17.1.1.3).
fn ack_to_refusal(invite: &Message, response: &Message) -> Message {
    Builder::companion(invite, "ACK", response).finish()
}

fn to_tag(message: &Message) -> String {
    message.to().ok().and_then(|to| to.tag().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::rig::{answer, beginning, ms, pace, request, run};
    use super::*;
    use crate::event::Transport;

    fn calling(transport: Transport) -> (ClientInvite, Instant) {
        let start = beginning();
        let mut out = Vec::new();
        let machine = ClientInvite::new(start, request("INVITE"), pace(transport), &mut out);
        assert_eq!(out, [Action::Send(request("INVITE"))]);
        (machine, start)
    }

    fn drive(machine: &mut ClientInvite, start: Instant) -> Vec<(u128, Action)> {
        run(start, ms(100_000), |now, out| {
            if let Some(now) = now {
                machine.on_timeout(now, out);
            }
            machine.deadline()
        })
    }

    #[test]
    fn timer_a_doubles_without_end_until_timer_b() {
        let (mut machine, start) = calling(Transport::Udp);
        let log = drive(&mut machine, start);
        let times: Vec<_> = log.iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [500, 1500, 3500, 7500, 15_500, 31_500, 32_000]);
        assert_eq!(log.last().unwrap().1, Action::TimedOut);
        assert!(machine.is_over());
    }

    #[test]
    fn over_tcp_only_timer_b_runs() {
        let (mut machine, start) = calling(Transport::Tcp);
        assert_eq!(drive(&mut machine, start), [(32_000, Action::TimedOut)]);
    }

    #[test]
    fn a_provisional_answer_ends_repeats_and_the_wait_has_no_end() {
        let (mut machine, start) = calling(Transport::Udp);
        let mut out = Vec::new();
        let ringing = answer("INVITE", 180, "t");
        machine.on_response(start + ms(10), ringing.clone(), &mut out);
        machine.on_response(start + ms(20), ringing.clone(), &mut out);
        assert_eq!(out, [Action::Deliver(ringing.clone()), Action::Deliver(ringing)]);
        assert_eq!(machine.deadline(), None);
    }

    #[test]
    fn a_refusal_is_acknowledged_each_time_and_reported_once() {
        let (mut machine, start) = calling(Transport::Udp);
        let busy = answer("INVITE", 486, "t");
        let mut out = Vec::new();
        machine.on_response(start, busy.clone(), &mut out);
        let Action::Send(ack) = out[0].clone() else { panic!("{out:?}") };
        assert_eq!(out[1], Action::Deliver(busy.clone()));
        assert_eq!(
            String::from_utf8_lossy(ack.as_bytes()),
            "ACK sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nRoute: <sip:p;lr>\r\nFrom: <sip:a@h>;tag=f\r\n\
             To: <sip:b@h>;tag=t\r\nCall-ID: 1@a\r\nCSeq: 101 ACK\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        );
        let mut out = Vec::new();
        machine.on_response(start + ms(500), busy, &mut out);
        assert_eq!(out, [Action::Send(ack)]);
        drive(&mut machine, start);
        assert!(machine.is_over());
        assert_eq!(machine.deadline(), None);
    }

    #[test]
    fn timer_d_is_64_t1_over_udp_and_nothing_over_tcp() {
        let (mut machine, start) = calling(Transport::Udp);
        machine.on_response(start, answer("INVITE", 486, "t"), &mut Vec::new());
        assert_eq!(machine.deadline(), Some(start + ms(32_000)));
        let (mut machine, start) = calling(Transport::Tls);
        machine.on_response(start, answer("INVITE", 486, "t"), &mut Vec::new());
        assert!(machine.is_over());
    }

    #[test]
    fn a_repeated_2xx_repeats_its_ack_and_a_fork_is_reported() {
        let (mut machine, start) = calling(Transport::Tcp);
        let (ok, fork) = (answer("INVITE", 200, "t"), answer("INVITE", 200, "u"));
        let mut out = Vec::new();
        machine.on_response(start, ok.clone(), &mut out);
        assert_eq!(out, [Action::Deliver(ok.clone())]);
        assert_eq!(machine.deadline(), Some(start + ms(32_000)), "timer M");
        // Until the layer above has acknowledged, a repeat has no news.
        machine.on_response(start, ok.clone(), &mut out);
        assert_eq!(out.len(), 1);
        let ack = Builder::request("ACK", "sip:b").copy(&ok, "To").finish();
        machine.keep_ack(&ack);
        out.clear();
        machine.on_response(start + ms(500), ok, &mut out);
        machine.on_response(start + ms(600), fork.clone(), &mut out);
        assert_eq!(out, [Action::Send(ack), Action::Deliver(fork)]);
    }

    #[test]
    fn a_cancel_waits_for_a_provisional_answer_and_then_limits_the_wait() {
        let (mut machine, start) = calling(Transport::Udp);
        let mut out = Vec::new();
        machine.cancel(start, &mut out).unwrap();
        assert!(out.is_empty());
        machine.on_response(start + ms(100), answer("INVITE", 100, ""), &mut out);
        assert_eq!(out.pop(), Some(Action::Cancel));
        machine.cancel(start + ms(200), &mut out).unwrap();
        assert_eq!(out.len(), 1, "one CANCEL is enough");
        assert_eq!(drive(&mut machine, start), [(32_100, Action::TimedOut)]);
        assert_eq!(machine.cancel(start, &mut out), Err(EndpointError::Gone));
    }
}
