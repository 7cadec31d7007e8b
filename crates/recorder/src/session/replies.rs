//! The texts of responses and of our own BYE.

use std::fmt::Display;

use sip::{Builder, Dialog, Message, Refresher, Transport};

use super::timer::Terms;
use crate::config::{Config, SrtpPolicy};

/// The option tag by which both sides agree to take RTP for SRTP.
pub(crate) const FALLBACK: &str = "X-cisco-srtp-fallback";
/// The name in User-Agent and Server.
const PRODUCT: &str = concat!("mixedmode-recorder/", env!("CARGO_PKG_VERSION"));
const ALLOW: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, INFO";

/// A response with no body.
pub(crate) fn plain(request: &Message, code: u16, reason: &str, tag: &str) -> Builder {
    Builder::reply(request, code, reason, Some(tag)).header("Server", PRODUCT)
}

/// 200 to OPTIONS, 503 where nothing can be stored: the trunk then goes elsewhere.
pub(crate) fn options(request: &Message, tag: &str, healthy: bool) -> Message {
    if !healthy {
        return plain(request, 503, "Service Unavailable", tag).header("Retry-After", 60).finish();
    }
    let accept = plain(request, 200, "OK", tag).header("Accept", "application/sdp");
    accept.header("Allow", ALLOW).header("Supported", "timer").finish()
}

/// A refusal that lists what is allowed.
pub(crate) fn not_allowed(request: &Message, tag: &str) -> Message {
    plain(request, 405, "Method Not Allowed", tag).header("Allow", ALLOW).finish()
}

/// 200 to INVITE or UPDATE in a dialog, with SDP and session timer where there are any to agree on.
pub(crate) fn accepted(
    config: &Config,
    request: &Message,
    tag: &str,
    contact: &str,
    (sdp, terms): (Option<&str>, Option<Terms>),
) -> Message {
    let mut reply = plain(request, 200, "OK", tag);
    // Both sides take their routes from these (RFC 3261 §12.1.1).
    for route in request.record_route() {
        reply = reply.header("Record-Route", route);
    }
    reply = reply.header("Contact", contact).header("Allow", ALLOW).header("Supported", "timer");
    if config.srtp == SrtpPolicy::Fallback {
        reply = reply.header("Supported", FALLBACK);
    }
    if let Some(Terms { seconds, refresher }) = terms {
        // Only where the peer must refresh must it know what that is (RFC 4028 §9).
        let who = match refresher {
            Refresher::Uac => {
                reply = reply.header("Require", "timer");
                "uac"
            }
            Refresher::Uas => "uas",
        };
        reply = reply.header("Session-Expires", format_args!("{seconds};refresher={who}"));
    }
    match sdp {
        Some(sdp) => reply.body("application/sdp", sdp.as_bytes()).finish(),
        None => reply.finish(),
    }
}

/// Our Contact: the recording number where we listen.
pub(crate) fn contact(config: &Config, transport: Transport) -> String {
    let user = if config.user.is_empty() { String::new() } else { format!("{}@", config.user) };
    let name = transport.via_name().to_ascii_lowercase();
    format!("<sip:{user}{};transport={name}>", here(config, transport))
}

/// A BYE of ours.
pub(crate) fn bye(
    config: &Config,
    dialog: &mut Dialog,
    transport: Transport,
    branch: u64,
    reason: impl Display,
) -> Message {
    request(config, dialog, transport, branch, "BYE").header("Reason", reason).finish()
}

/// The beginning of a request of ours within a dialog.
pub(crate) fn request(
    config: &Config,
    dialog: &mut Dialog,
    transport: Transport,
    branch: u64,
    method: &str,
) -> Builder {
    let cseq = dialog.next_cseq();
    numbered(config, dialog, transport, branch, (cseq, method))
}

/// The ACK to the 2xx of an INVITE of ours.
pub(crate) fn ack(config: &Config, dialog: &Dialog, transport: Transport, branch: u64, number: u32) -> Message {
    numbered(config, dialog, transport, branch, (number, "ACK")).finish()
}

fn numbered(
    config: &Config,
    dialog: &Dialog,
    transport: Transport,
    branch: u64,
    (cseq, method): (u32, &str),
) -> Builder {
    let (target, routes) = dialog.routing();
    let via = format!("SIP/2.0/{} {};branch=z9hG4bK{branch:016x}", transport.via_name(), here(config, transport));
    let mut request = Builder::request(method, &target).header("Via", via);
    for route in routes {
        request = request.header("Route", route);
    }
    request
        .header("From", dialog.local_header())
        .header("To", dialog.remote_header())
        .header("Call-ID", &dialog.call_id)
        .header("CSeq", format_args!("{cseq} {method}"))
        .header("Max-Forwards", 70)
        .header("User-Agent", PRODUCT)
}

/// Whether an option tag is listed.
pub(crate) fn lists(tags: &[String], tag: &str) -> bool {
    tags.iter().any(|listed| listed.eq_ignore_ascii_case(tag))
}

fn here(config: &Config, transport: Transport) -> String {
    let port = if transport == Transport::Tls { config.local_port } else { config.plain_port };
    std::net::SocketAddr::new(config.address, port).to_string()
}
