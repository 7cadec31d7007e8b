//! What CUCM says in a message, whatever the message is about.

use media::sdp::{Audio, Sdp};
use sip::Message;

use crate::identifiers::NO_SESSION;
use crate::status::Security;

/// The audio of a message's description; none if it has no body.
pub(super) fn audio(message: &Message) -> Result<Option<Audio>, String> {
    if message.body().is_empty() {
        return Ok(None);
    }
    let sdp = Sdp::parse(message.body()).map_err(|error| error.to_string())?;
    sdp.audio().map(Some).map_err(|error| error.to_string())
}

/// The Session-ID half of the party that sent the message.
pub(super) fn peer_session(message: &Message) -> String {
    message.session_id().ok().flatten().map_or_else(|| NO_SESSION.to_owned(), |id| id.local)
}

/// The Reason header in words, `normal` without one.
pub(super) fn reason(message: &Message) -> String {
    match message.header("Reason") {
        Some(reason) => reason.into_owned(),
        None => "normal".to_owned(),
    }
}

/// The security that CUCM tells in Call-Info.
pub(super) fn security(message: &Message) -> Option<Security> {
    message.cisco_call_info()?.security().map(Security::parse)
}
