//! Typed views of a message's headers. Each reads the header when asked; a view that fails leaves the others alone.

use std::str::FromStr;

use crate::cisco::{CallInfo, CiscoGuid, SessionId};
use crate::header::HeaderError;
use crate::message::Message;
use crate::name_addr::NameAddr;
use crate::text::{digits, split_outside};
use crate::values::{CSeq, Join, Reason, SessionExpires};
use crate::via::Via;

impl Message {
    /// The topmost Via.
    ///
    /// # Errors
    /// If there is none or it is malformed.
    pub fn via(&self) -> Result<Via, HeaderError> {
        let line = self.header("Via").ok_or(HeaderError::Missing { name: "Via" })?;
        split_outside(&line, b',')[0].trim().parse()
    }

    /// All Via entries from the top down, over all lines.
    ///
    /// # Errors
    /// If any is malformed.
    pub fn vias(&self) -> Result<Vec<Via>, HeaderError> {
        self.list("Via")
    }

    /// From.
    ///
    /// # Errors
    /// If it is missing, repeated or malformed.
    pub fn from_(&self) -> Result<NameAddr, HeaderError> {
        self.required("From")
    }

    /// To.
    ///
    /// # Errors
    /// If it is missing, repeated or malformed.
    pub fn to(&self) -> Result<NameAddr, HeaderError> {
        self.required("To")
    }

    /// The first Contact; `None` without one and for `Contact: *`.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn contact(&self) -> Result<Option<NameAddr>, HeaderError> {
        Ok(self.contacts()?.into_iter().next())
    }

    /// All Contact entries over all lines; empty for `Contact: *`.
    ///
    /// # Errors
    /// If any is malformed.
    pub fn contacts(&self) -> Result<Vec<NameAddr>, HeaderError> {
        if self.has_wildcard_contact() { Ok(Vec::new()) } else { self.list("Contact") }
    }

    /// Whether the message says `Contact: *`, which removes all registrations (RFC 3261 §10.2.2).
    pub fn has_wildcard_contact(&self) -> bool {
        self.header("Contact").is_some_and(|value| value == "*")
    }

    /// CSeq.
    ///
    /// # Errors
    /// If it is missing, repeated or malformed, or, in a request, names another method than the request line.
    pub fn cseq(&self) -> Result<CSeq, HeaderError> {
        let cseq: CSeq = self.required("CSeq")?;
        match self.method() {
            Some(method) if method != cseq.method => Err(HeaderError::Malformed {
                name: "CSeq",
                value: cseq.to_string(),
                expected: "the method of the request line (RFC 3261 section 8.1.1.5)",
            }),
            _ => Ok(cseq),
        }
    }

    /// Call-ID, verbatim.
    ///
    /// # Errors
    /// If it is missing, repeated or empty.
    pub fn call_id(&self) -> Result<String, HeaderError> {
        match self.single("Call-ID")? {
            None => Err(HeaderError::Missing { name: "Call-ID" }),
            Some(id) if id.is_empty() || id.contains(' ') => {
                Err(HeaderError::Malformed { name: "Call-ID", value: id, expected: "one word" })
            }
            Some(id) => Ok(id),
        }
    }

    /// Whether all can be read that every message has, since it ties it to a transaction and a dialog: Via, From, To,
    /// Call-ID and CSeq (RFC 3261 §8.1.1, §8.2.6.2).
    ///
    /// # Errors
    /// The first of them that is missing, repeated or malformed.
    pub fn check_mandatory(&self) -> Result<(), HeaderError> {
        self.via()?;
        self.from_()?;
        self.to()?;
        self.call_id()?;
        self.cseq()?;
        Ok(())
    }

    /// Content-Type, verbatim with its parameters.
    pub fn content_type(&self) -> Option<String> {
        self.header("Content-Type").map(Into::into)
    }

    /// Whether Content-Type is this media type, parameters aside.
    pub fn has_content_type(&self, media_type: &str) -> bool {
        let value = self.header("Content-Type").unwrap_or_default();
        value.split(';').next().is_some_and(|have| have.trim().eq_ignore_ascii_case(media_type))
    }

    /// Max-Forwards.
    ///
    /// # Errors
    /// If it is no number or repeated.
    pub fn max_forwards(&self) -> Result<Option<u32>, HeaderError> {
        self.number("Max-Forwards")
    }

    /// Expires in seconds.
    ///
    /// # Errors
    /// If it is no number of 32 bits or repeated.
    pub fn expires(&self) -> Result<Option<u32>, HeaderError> {
        self.number("Expires")
    }

    /// All Call-Info entries over all lines, whatever their URI.
    ///
    /// # Errors
    /// If any is malformed.
    pub fn call_info(&self) -> Result<Vec<CallInfo>, HeaderError> {
        self.list("Call-Info")
    }

    /// The first Call-Info entry of Cisco's `urn:x-cisco-remotecc:callinfo`; an unreadable entry counts as absent.
    pub fn cisco_call_info(&self) -> Option<CallInfo> {
        self.header_all("Call-Info").iter().filter_map(|line| line.parse().ok()).find(CallInfo::is_cisco)
    }

    /// All option tags of all Supported lines, as spelled (`X-cisco-srtp-fallback`).
    pub fn supported(&self) -> Vec<String> {
        self.words("Supported")
    }

    /// All option tags of all Require lines, as spelled.
    pub fn require(&self) -> Vec<String> {
        self.words("Require")
    }

    /// All methods of all Allow lines.
    pub fn allow(&self) -> Vec<String> {
        self.words("Allow")
    }

    /// Session-Expires.
    ///
    /// # Errors
    /// If it is malformed or repeated.
    pub fn session_expires(&self) -> Result<Option<SessionExpires>, HeaderError> {
        self.optional("Session-Expires")
    }

    /// Min-SE in seconds.
    ///
    /// # Errors
    /// If it is no number or repeated.
    pub fn min_se(&self) -> Result<Option<u32>, HeaderError> {
        self.number("Min-SE")
    }

    /// The first Reason.
    ///
    /// # Errors
    /// If any Reason is malformed.
    pub fn reason_header(&self) -> Result<Option<Reason>, HeaderError> {
        Ok(self.reasons()?.into_iter().next())
    }

    /// All Reason entries; there may be one for each protocol.
    ///
    /// # Errors
    /// If any is malformed.
    pub fn reasons(&self) -> Result<Vec<Reason>, HeaderError> {
        self.list("Reason")
    }

    /// Cisco-Guid.
    ///
    /// # Errors
    /// If it is malformed or repeated.
    pub fn cisco_guid(&self) -> Result<Option<CiscoGuid>, HeaderError> {
        self.optional("Cisco-Guid")
    }

    /// Session-ID.
    ///
    /// # Errors
    /// If it is malformed or repeated.
    pub fn session_id(&self) -> Result<Option<SessionId>, HeaderError> {
        self.optional("Session-ID")
    }

    /// Join.
    ///
    /// # Errors
    /// If it is malformed or repeated.
    pub fn join(&self) -> Result<Option<Join>, HeaderError> {
        self.optional("Join")
    }

    /// Replaces, which has the form of Join.
    ///
    /// # Errors
    /// If it is malformed or repeated.
    pub fn replaces(&self) -> Result<Option<Join>, HeaderError> {
        self.optional("Replaces")
    }

    /// All P-Asserted-Identity entries.
    ///
    /// # Errors
    /// If any is malformed.
    pub fn p_asserted_identity(&self) -> Result<Vec<NameAddr>, HeaderError> {
        self.list("P-Asserted-Identity")
    }

    /// All Remote-Party-ID entries; CUCM adds a second one, `party=x-cisco-original-called`, to answers.
    ///
    /// # Errors
    /// If any is malformed.
    pub fn remote_party_id(&self) -> Result<Vec<NameAddr>, HeaderError> {
        self.list("Remote-Party-ID")
    }

    /// The Record-Route entries from the top down, each verbatim.
    pub fn record_route(&self) -> Vec<String> {
        self.words("Record-Route")
    }

    fn single(&self, name: &'static str) -> Result<Option<String>, HeaderError> {
        match self.header_all(name).as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(one.to_string())),
            many => Err(HeaderError::Repeated { name, count: many.len() }),
        }
    }

    fn optional<T: FromStr<Err = HeaderError>>(&self, name: &'static str) -> Result<Option<T>, HeaderError> {
        self.single(name)?.map(|value| value.parse()).transpose()
    }

    fn required<T: FromStr<Err = HeaderError>>(&self, name: &'static str) -> Result<T, HeaderError> {
        self.optional(name)?.ok_or(HeaderError::Missing { name })
    }

    fn number(&self, name: &'static str) -> Result<Option<u32>, HeaderError> {
        let Some(value) = self.single(name)? else {
            return Ok(None);
        };
        let number = digits(&value);
        number.map(Some).ok_or(HeaderError::Malformed { name, value, expected: "a decimal number of 32 bits" })
    }

    fn list<T: FromStr<Err = HeaderError>>(&self, name: &str) -> Result<Vec<T>, HeaderError> {
        self.words(name).iter().map(|entry| entry.parse()).collect()
    }

    /// The entries of a comma-separated header over all its lines; empty entries are skipped.
    fn words(&self, name: &str) -> Vec<String> {
        let cut = |line: &str| -> Vec<String> {
            let entries = split_outside(line, b',').into_iter().map(str::trim);
            entries.filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
        };
        self.header_all(name).iter().flat_map(|line| cut(line)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Builder;

    fn request(lines: &[&str]) -> Message {
        let start = Builder::request("INVITE", "sip:b@h");
        lines.iter().fold(start, |built, line| built.raw_line(line.as_bytes())).finish()
    }

    #[test]
    fn lists_run_over_lines_and_commas() {
        let message = request(&[
            "Supported: timer,resource-priority, replaces",
            "k: X-cisco-srtp-fallback",
            "Supported: Geolocation",
            "Via: SIP/2.0/TCP a;branch=1, SIP/2.0/UDP b;branch=2",
            "v: SIP/2.0/TLS c;branch=3",
            "Contact: \"a, b\" <sip:x,y@h>;q=1, sip:z@h",
        ]);
        let tags = ["timer", "resource-priority", "replaces", "X-cisco-srtp-fallback", "Geolocation"];
        assert_eq!(message.supported(), tags);
        let hosts: Vec<_> = message.vias().unwrap().into_iter().map(|via| via.host).collect();
        assert_eq!(hosts, ["a", "b", "c"]);
        assert_eq!(message.via().unwrap().branch(), Some("1"));
        assert_eq!(message.contacts().unwrap().len(), 2);
    }

    #[test]
    fn headers_that_must_be_alone_are_refused_in_company() {
        let message =
            request(&["From: <sip:a>", "f: <sip:b>", "CSeq: 1 INVITE", "CSeq: 2 INVITE", "Call-ID: 1", "i: 1"]);
        assert_eq!(message.from_().unwrap_err(), HeaderError::Repeated { name: "From", count: 2 });
        assert!(message.cseq().is_err() && message.call_id().is_err());
        assert_eq!(message.to().unwrap_err(), HeaderError::Missing { name: "To" });
    }

    #[test]
    fn cseq_must_name_the_requests_method() {
        assert!(request(&["CSeq: 1 INVITE"]).cseq().is_ok());
        assert!(request(&["CSeq: 1 BYE"]).cseq().is_err());
    }

    #[test]
    fn a_wildcard_contact_is_no_address() {
        let message = request(&["Contact: *"]);
        assert!(message.has_wildcard_contact());
        assert_eq!(message.contact().unwrap(), None);
    }

    #[test]
    fn media_types_are_compared_without_parameters() {
        let message = request(&["c: Application/SDP ; charset=x"]);
        assert!(message.has_content_type("application/sdp"));
        assert_eq!(message.content_type().unwrap(), "Application/SDP ; charset=x");
    }
}
