//! All transactions of one party, over all its flows (RFC 3261 §17, RFC 6026).

use std::collections::VecDeque;
use std::time::Instant;

use crate::event::{ClientKey, EndpointError, FlowId, Output, ServerKey, Timers, Transport};
use crate::message::Message;

/// Matches messages to transactions, runs their timers, and tells the layer above what matters.
///
/// No sockets, no clock: feed it with `handle_*`, then drain [`poll_output`](Self::poll_output) until `None`, then sleep
/// until [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct Endpoint {
    timers: Timers,
    outputs: VecDeque<Output>,
}

impl Endpoint {
    /// An endpoint without transactions.
    pub fn new(timers: Timers) -> Self {
        Self { timers, outputs: VecDeque::new() }
    }

    /// Takes a message that arrived.
    pub fn handle_message(&mut self, _now: Instant, _flow: FlowId, _transport: Transport, _message: Message) {
        let _ = self.timers;
    }

    /// A flow is gone: its client transactions fail, its server transactions end.
    pub fn handle_flow_closed(&mut self, _now: Instant, _flow: FlowId) {}

    /// Runs what is due at `now`.
    pub fn handle_timeout(&mut self, _now: Instant) {}

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// The next thing to do; `None` when all is done.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Sends a request and opens its client transaction. The top Via must carry a branch that is new. The ACK to a
    /// non-2xx answer is made here; the ACK to a 2xx is the caller's ([`send_ack`](Self::send_ack)).
    pub fn send_request(
        &mut self,
        _now: Instant,
        _flow: FlowId,
        _transport: Transport,
        _message: Message,
    ) -> ClientKey {
        ClientKey(0)
    }

    /// Cancels an INVITE: at once if a provisional answer came, else with the first one (RFC 3261 §9.1). The returned
    /// transaction is the CANCEL's; its response is reported as any other.
    ///
    /// # Errors
    /// [`EndpointError`] if the transaction is over, has its final answer, or is no INVITE's.
    pub fn send_cancel(&mut self, _now: Instant, _invite: &ClientKey) -> Result<(), EndpointError> {
        Err(EndpointError::Gone)
    }

    /// Sends the ACK to a 2xx, and again whenever that 2xx is repeated.
    pub fn send_ack(&mut self, _now: Instant, _flow: FlowId, _invite: &ClientKey, _ack: Message) {}

    /// Answers a request. A final answer to an INVITE is repeated until its ACK comes.
    ///
    /// # Errors
    /// [`EndpointError`] if the transaction is over or has its final answer, or `response` is none.
    pub fn respond(&mut self, _now: Instant, _key: &ServerKey, _response: Message) -> Result<(), EndpointError> {
        Err(EndpointError::Gone)
    }

    /// How many transactions are open; 0 after a quiet time means that nothing leaked.
    pub fn active(&self) -> usize {
        0
    }
}
