//! Dialogs (RFC 3261 §12).

use crate::header::HeaderError;
use crate::message::Message;
use crate::name_addr::{Parts, without_tag};

/// Why a dialog is not made, or does not take a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DialogError {
    /// A header the dialog is made of is missing or malformed.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The request carries no Contact, which is where the dialog's requests would go.
    #[error("got no Contact, expected one in a message that opens a dialog")]
    NoContact,
    /// The message opens no dialog.
    #[error("got {got:?}, expected an INVITE and a response of 101 to 299 to it")]
    NotOpening {
        /// Its start line.
        got: String,
    },
    /// The request is of another dialog.
    #[error("the request belongs to another dialog")]
    Foreign,
    /// The request is older than one already taken (RFC 3261 §12.2.2: answer 500).
    #[error("got CSeq {got}, expected more than {last}")]
    OutOfOrder {
        /// The request's.
        got: u32,
        /// The highest taken.
        last: u32,
    },
}

/// One side's view of a dialog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialog {
    /// Call-ID.
    pub call_id: String,
    /// This side's From or To value without its tag, else verbatim.
    pub local: String,
    /// The other side's.
    pub remote: String,
    /// This side's tag.
    pub local_tag: String,
    /// The other side's tag; empty if it gave none (RFC 2543).
    pub remote_tag: String,
    /// The CSeq number of the last request this side sent; 0 before the first. A side that was called may set it, so
    /// that its numbers start where its make starts them (CUCM: 101).
    pub local_cseq: u32,
    /// The CSeq number of the last request the other side sent.
    pub remote_cseq: Option<u32>,
    /// The URI of the other side's Contact: the target of requests.
    pub remote_target: String,
    /// Route entries, each verbatim, in the order in which they go into requests.
    pub route_set: Vec<String>,
}

impl Dialog {
    /// The caller's side, from its INVITE and a response of 101 to 299 (RFC 3261 §12.1.2).
    ///
    /// # Errors
    /// [`DialogError`] if the response opens no dialog or lacks what one is made of.
    pub fn from_response(invite: &Message, response: &Message) -> Result<Self, DialogError> {
        let opens = response.status().is_some_and(|code| (101..300).contains(&code));
        if !opens || !invite.is_request() {
            return Err(DialogError::NotOpening { got: response.start_line().into_owned() });
        }
        let (local, local_tag) = side(response, "From")?;
        let (remote, remote_tag) = side(response, "To")?;
        let mut route_set = response.record_route();
        route_set.reverse();
        Ok(Self {
            call_id: response.call_id()?,
            local,
            remote,
            local_tag: local_tag.unwrap_or_default(),
            remote_tag: remote_tag.unwrap_or_default(),
            local_cseq: invite.cseq()?.number,
            remote_cseq: None,
            remote_target: target(response)?.ok_or(DialogError::NoContact)?,
            route_set,
        })
    }

    /// The callee's side, from the INVITE it received and the tag it puts into To (RFC 3261 §12.1.1).
    ///
    /// # Errors
    /// [`DialogError`] if the request lacks what a dialog is made of.
    pub fn from_request(invite: &Message, local_tag: &str) -> Result<Self, DialogError> {
        if !invite.is_request() {
            return Err(DialogError::NotOpening { got: invite.start_line().into_owned() });
        }
        let (remote, remote_tag) = side(invite, "From")?;
        let (local, _) = side(invite, "To")?;
        Ok(Self {
            call_id: invite.call_id()?,
            local,
            remote,
            local_tag: local_tag.to_owned(),
            remote_tag: remote_tag.unwrap_or_default(),
            local_cseq: 0,
            remote_cseq: Some(invite.cseq()?.number),
            remote_target: target(invite)?.ok_or(DialogError::NoContact)?,
            route_set: invite.record_route(),
        })
    }

    /// Whether a message received, request or response, belongs to this dialog (RFC 3261 §12.2).
    pub fn matches(&self, message: &Message) -> bool {
        let (Ok(from), Ok(to), Ok(call_id)) = (message.from_(), message.to(), message.call_id()) else {
            return false;
        };
        let (remote, local) = if message.is_request() { (from, to) } else { (to, from) };
        call_id == self.call_id
            && local.tag().unwrap_or_default() == self.local_tag
            && remote.tag().unwrap_or_default() == self.remote_tag
    }

    /// The CSeq number of the next request from this side; counts up. ACK and CANCEL take the INVITE's instead.
    pub fn next_cseq(&mut self) -> u32 {
        self.local_cseq = self.local_cseq.saturating_add(1);
        self.local_cseq
    }

    /// Takes a request of the other side into account (RFC 3261 §12.2.2).
    ///
    /// # Errors
    /// [`DialogError`] if it is of another dialog, malformed or out of order; nothing has changed then.
    pub fn accept(&mut self, request: &Message) -> Result<(), DialogError> {
        if !self.matches(request) {
            return Err(DialogError::Foreign);
        }
        let cseq = request.cseq()?;
        if matches!(cseq.method.as_str(), "ACK" | "CANCEL") {
            return Ok(());
        }
        match self.remote_cseq {
            Some(last) if cseq.number <= last => Err(DialogError::OutOfOrder { got: cseq.number, last }),
            _ => {
                self.remote_cseq = Some(cseq.number);
                Ok(())
            }
        }
    }

    /// Takes the Contact of a target refresh (re-INVITE, UPDATE, or a 2xx to one) as the new target; a message without
    /// a readable Contact changes nothing.
    pub fn refresh_target(&mut self, message: &Message) {
        if let Ok(Some(uri)) = target(message) {
            self.remote_target = uri;
        }
    }

    /// From of this side's requests, To of its responses.
    pub fn local_header(&self) -> String {
        with_tag(&self.local, &self.local_tag)
    }

    /// To of this side's requests, From of its responses.
    pub fn remote_header(&self) -> String {
        with_tag(&self.remote, &self.remote_tag)
    }

    /// Request-URI and Route entries of this side's requests (RFC 3261 §12.2.1.1): with a strict router first, its URI
    /// is the Request-URI and the target moves to the end of the route.
    pub fn routing(&self) -> (String, Vec<String>) {
        let uri_of = |entry: &str| Parts::cut(entry).ok().map(|parts| parts.uri.to_owned());
        let Some(first) = self.route_set.first().and_then(|entry| uri_of(entry)) else {
            return (self.remote_target.clone(), self.route_set.clone());
        };
        if first.parse::<crate::Uri>().is_ok_and(|uri| uri.params.has("lr")) {
            return (self.remote_target.clone(), self.route_set.clone());
        }
        let mut routes = self.route_set[1..].to_vec();
        routes.push(format!("<{}>", self.remote_target));
        (first, routes)
    }
}

fn side(message: &Message, name: &'static str) -> Result<(String, Option<String>), HeaderError> {
    let value = message.header(name).ok_or(HeaderError::Missing { name })?;
    without_tag(&value)
}

/// The URI of the first Contact, verbatim.
fn target(message: &Message) -> Result<Option<String>, HeaderError> {
    if message.contact()?.is_none() {
        return Ok(None);
    }
    let line = message.header("Contact").unwrap_or_default();
    let first = crate::text::split_outside(&line, b',').into_iter().find(|entry| !entry.trim().is_empty());
    first.map(|entry| Parts::cut(entry.trim()).map(|parts| parts.uri.to_owned())).transpose()
}

fn with_tag(value: &str, tag: &str) -> String {
    if tag.is_empty() { value.to_owned() } else { format!("{value};tag={tag}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Builder;

    fn invite(lines: &[&str]) -> Message {
        let start = Builder::request("INVITE", "sip:b@h")
            .header("Via", "SIP/2.0/TCP a;branch=z9hG4bK1")
            .header("From", "\"A  B\" <sip:a@h;x-nearend;x-refci=1>;tag=f;x=1")
            .header("To", "<sip:b@h>")
            .header("Call-ID", "1@a")
            .header("CSeq", "101 INVITE");
        lines.iter().fold(start, |built, line| built.raw_line(line.as_bytes())).finish()
    }

    fn answer(invite: &Message, code: u16, lines: &[&str]) -> Message {
        let start = Builder::reply(invite, code, "Reason", Some("t"));
        lines.iter().fold(start, |built, line| built.raw_line(line.as_bytes())).finish()
    }

    fn within(method: &str, number: u32, to_tag: &str) -> Message {
        Builder::request(method, "sip:b@h")
            .header("From", "<sip:a@h>;tag=f")
            .header("To", format_args!("<sip:b@h>;tag={to_tag}"))
            .header("Call-ID", "1@a")
            .header("CSeq", format_args!("{number} {method}"))
            .finish()
    }

    const CONTACT: &str = "Contact: \"C, c\" <sip:a@1.2.3.4:5060;transport=TCP>;isFocus, <sip:second@h>";

    #[test]
    fn both_sides_keep_addresses_to_the_letter_and_routes_in_their_order() {
        let invite = invite(&[CONTACT, "Record-Route: <sip:p2;lr>", "Record-Route: <sip:p1;lr>, <sip:p0;lr>"]);
        let callee = Dialog::from_request(&invite, "t").unwrap();
        assert_eq!(callee.remote, "\"A  B\" <sip:a@h;x-nearend;x-refci=1>;x=1");
        assert_eq!(callee.remote_header(), "\"A  B\" <sip:a@h;x-nearend;x-refci=1>;x=1;tag=f");
        assert_eq!(callee.local_header(), "<sip:b@h>;tag=t");
        assert_eq!(callee.remote_target, "sip:a@1.2.3.4:5060;transport=TCP");
        assert_eq!(callee.route_set, ["<sip:p2;lr>", "<sip:p1;lr>", "<sip:p0;lr>"]);
        assert_eq!((callee.local_cseq, callee.remote_cseq), (0, Some(101)));
        let routes = ["Record-Route: <sip:p2;lr>, <sip:p1;lr>", "Contact: <sip:b@5.6.7.8>"];
        let caller = Dialog::from_response(&invite, &answer(&invite, 200, &routes)).unwrap();
        assert_eq!(caller.route_set, ["<sip:p1;lr>", "<sip:p2;lr>"]);
        assert_eq!((caller.local_cseq, caller.remote_cseq), (101, None));
    }

    #[test]
    fn only_answers_of_101_to_299_with_a_contact_open_a_dialog() {
        let invite = invite(&[CONTACT]);
        let contact = ["Contact: <sip:b@h>"];
        for code in [100, 300, 486] {
            let error = Dialog::from_response(&invite, &answer(&invite, code, &contact)).unwrap_err();
            assert!(matches!(error, DialogError::NotOpening { .. }), "{code}");
        }
        assert!(Dialog::from_response(&invite, &answer(&invite, 183, &contact)).is_ok());
        assert_eq!(Dialog::from_response(&invite, &answer(&invite, 200, &[])), Err(DialogError::NoContact));
        assert!(matches!(
            Dialog::from_request(&answer(&invite, 200, &contact), "t"),
            Err(DialogError::NotOpening { .. })
        ));
    }

    #[test]
    fn requests_are_taken_in_order_and_of_this_dialog_only() {
        let mut callee = Dialog::from_request(&invite(&[CONTACT]), "t").unwrap();
        assert_eq!(callee.accept(&within("BYE", 102, "x")), Err(DialogError::Foreign));
        callee.accept(&within("ACK", 101, "t")).unwrap();
        assert_eq!(callee.accept(&within("BYE", 101, "t")), Err(DialogError::OutOfOrder { got: 101, last: 101 }));
        callee.accept(&within("UPDATE", 110, "t")).unwrap();
        assert_eq!(callee.accept(&within("BYE", 109, "t")), Err(DialogError::OutOfOrder { got: 109, last: 110 }));
        assert_eq!(callee.remote_cseq, Some(110));
        assert_eq!((callee.next_cseq(), callee.next_cseq()), (1, 2));
    }

    #[test]
    fn a_target_refresh_moves_the_target_and_nothing_else() {
        let mut dialog = Dialog::from_request(&invite(&[CONTACT]), "t").unwrap();
        dialog.refresh_target(&invite(&[]));
        assert_eq!(dialog.remote_target, "sip:a@1.2.3.4:5060;transport=TCP");
        dialog.refresh_target(&invite(&["m: <sip:new@h>"]));
        assert_eq!(dialog.remote_target, "sip:new@h");
    }

    #[test]
    fn a_strict_router_takes_the_request_uri() {
        let mut dialog = Dialog::from_request(&invite(&[CONTACT]), "t").unwrap();
        let target = dialog.remote_target.clone();
        assert_eq!(dialog.routing(), (target.clone(), vec![]));
        dialog.route_set = vec!["<sip:p1;lr>".into(), "<sip:p2>".into()];
        assert_eq!(dialog.routing(), (target.clone(), dialog.route_set.clone()));
        dialog.route_set = vec!["<sip:p1>".into(), "<sip:p2;lr>".into()];
        assert_eq!(dialog.routing(), ("sip:p1".into(), vec!["<sip:p2;lr>".into(), format!("<{target}>")]));
    }
}
