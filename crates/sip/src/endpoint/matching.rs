//! What a message has in common with the transaction it belongs to.

use crate::header::HeaderError;
use crate::message::Message;

/// What every branch since RFC 3261 begins with.
const COOKIE: &str = "z9hG4bK";

/// Responses match by branch and CSeq method (RFC 3261 §17.1.3).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ClientId {
    branch: String,
    method: String,
}

impl ClientId {
    pub(super) fn of_request(request: &Message) -> Option<Self> {
        let branch = request.via().ok()?.branch()?.to_owned();
        Some(Self { branch, method: request.method()?.to_owned() })
    }

    pub(super) fn of_response(response: &Message) -> Option<Self> {
        let branch = response.via().ok()?.branch()?.to_owned();
        Some(Self { branch, method: response.cseq().ok()?.method })
    }
}

/// Requests match by branch, sent-by and method, where ACK and CANCEL look for their INVITE (RFC 3261 §17.2.3).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ServerId {
    branch: String,
    sent_by: String,
    method: String,
}

impl ServerId {
    /// The identity of a request, if it has all the headers that a transaction needs.
    pub(super) fn of(request: &Message) -> Result<Self, HeaderError> {
        let via = request.via()?;
        let cseq = request.cseq()?;
        let (call_id, from) = (request.call_id()?, request.from_()?);
        request.to()?;
        let branch = match via.branch().filter(|branch| branch.starts_with(COOKIE) && branch.len() > COOKIE.len()) {
            Some(branch) => branch.to_owned(),
            // A sender older than RFC 3261 is known by everything else that its repeats, ACK and CANCEL share.
            None => format!(
                "{}|{call_id}|{}|{}|{}",
                request.request_uri().unwrap_or_default(),
                from.tag().unwrap_or_default(),
                cseq.number,
                request.header("Via").unwrap_or_default()
            ),
        };
        Ok(Self { branch, sent_by: via.sent_by().to_ascii_lowercase(), method: cseq.method })
    }

    /// The same identity with the method INVITE.
    pub(super) fn of_invite(&self) -> Self {
        Self { method: "INVITE".to_owned(), ..self.clone() }
    }
}

/// What a request has in common with itself when it comes by two ways, each with a branch of its own (RFC 3261
/// §8.2.2.2).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MergeId {
    call_id: String,
    from_tag: String,
    number: u32,
    method: String,
}

impl MergeId {
    /// The identity of a request outside a dialog; one within a dialog can come by one way only. An ACK is matched
    /// by other means, and a CANCEL goes with the INVITE that came its way. Without a From tag, as before RFC 3261,
    /// nothing can be told.
    pub(super) fn of(request: &Message) -> Option<Self> {
        let cseq = request.cseq().ok()?;
        let is_alone = request.to().ok()?.tag().is_none() && !matches!(cseq.method.as_str(), "ACK" | "CANCEL");
        let from_tag = request.from_().ok()?.tag().filter(|tag| !tag.is_empty())?.to_owned();
        is_alone.then_some(Self {
            call_id: request.call_id().ok()?,
            from_tag,
            number: cseq.number,
            method: cseq.method,
        })
    }
}

/// The ACK to a 2xx matches by dialog and CSeq number (RFC 3261 §13.3.1.4).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AckId {
    call_id: String,
    from_tag: String,
    to_tag: String,
    number: u32,
}

impl AckId {
    pub(super) fn of(message: &Message) -> Option<Self> {
        let tag = |address: Result<crate::NameAddr, HeaderError>| {
            address.ok().map(|address| address.tag().unwrap_or_default().to_owned())
        };
        Some(Self {
            call_id: message.call_id().ok()?,
            from_tag: tag(message.from_())?,
            to_tag: tag(message.to())?,
            number: message.cseq().ok()?.number,
        })
    }
}
