//! Why CUCM gives recordings up.

use super::Advice;

/// A reason: all are seen in the same place.
const fn reason(
    name: &'static str,
    means: &'static str,
    causes: &'static str,
    fix: &'static str,
    source: &'static str,
) -> Advice {
    let look = "both INVITEs of the recording and what came of them, in the ladder";
    Advice { name, means, causes, look, fix, source }
}

pub(super) const TABLE: &[Advice] = &[
    reason(
        "status",
        "the recorder answered an INVITE, or a refresh, by a failure",
        "a number that it does not know (404), too many recordings (486, 503), an offer that is expected in the INVITE (488)",
        "answer an INVITE without SDP to the recording number by 200 with an offer",
        "RFC 3261 §13.2.1; RFC 3264 §4",
    ),
    reason(
        "timeout",
        "no answer came in time",
        "the INVITE was not read, or the answer went to another connection or address",
        "answer 100 at once and 200 soon, over the connection of the INVITE",
        "RFC 3261 §17.1.1.2",
    ),
    reason(
        "connect",
        "no connection to the recorder came about",
        "it does not listen, or at another address, port or transport",
        "see that the recorder listens at the address and port of the profile: `mixedmode doctor`",
        "docs/recorders.md",
    ),
    reason(
        "closed",
        "the connection was closed before an answer came",
        "a crash, a refused certificate behind the handshake of TLS 1.3, or a rule that closes what it does not like",
        "see the recorder's log for why it closed the connection",
        "RFC 3261 §18.4",
    ),
    reason(
        "alert",
        "the recorder refused the TLS connection by an alert",
        "it does not know or like CallManager's certificate",
        "import CallManager.pem at the recorder; the alert's name says what it did not like",
        "RFC 8446 §6.2",
    ),
    reason(
        "given-up",
        "the scenario had CUCM give the recording up",
        "`signalling` with `give up`",
        "nothing: this is what the scenario is about",
        "docs/scenario.md",
    ),
    reason(
        "out-of-service",
        "every destination for the recording was out of service",
        "OPTIONS pings that were not answered, or by 408 or 503",
        "answer OPTIONS by 200",
        "RFC 3261 §11.2",
    ),
    reason(
        "route",
        "the recording destination is not routed to any trunk",
        "a number that no trunk serves",
        "make `user` of the profile the number that the recording profile dials",
        "docs/recorders.md",
    ),
    reason(
        "security-capability-mismatch",
        "the phones' protection and the recorder's have nothing in common",
        "an encrypted call on a trunk without SRTP, or suites that do not meet",
        "offer RTP/SAVP with a suite that the phones know, and allow SRTP on the trunk",
        "Cisco Unified Communications Manager Security Guide, SIP Trunk Security",
    ),
    reason(
        "offer",
        "the recorder's 200 has no usable audio in its SDP",
        "no SDP, no audio line, no codec in common, port 0",
        "put an offer with PCMU or PCMA into the 200: CUCM's INVITE has none",
        "RFC 3264 §4; RFC 3261 §13.2.1",
    ),
    reason(
        "bridge",
        "the phone's bridge could not fork, or ended",
        "the phone is not registered any more, or could not use what the recorder offered",
        "see whether the recorder's offer can be used by the phone: suites, codecs, address",
        "docs/scenario.md",
    ),
    reason(
        "ack",
        "the recorder never acknowledged the answer to its re-INVITE",
        "a stack that sends no ACK for a re-INVITE, or to another address",
        "send ACK for every 200 to an INVITE, over the connection that stands",
        "RFC 3261 §13.2.2.4",
    ),
    reason(
        "media-change",
        "the recorder refused other media in a recording that stands",
        "a re-INVITE with another codec, packet time or key answered by a failure",
        "answer a re-INVITE by 200 and go on with what it says; a refused one leaves the old media as they were",
        "RFC 3261 §14.2; RFC 3264 §8",
    ),
    reason(
        "session-refresh",
        "the session was not refreshed in time, or its refresh failed",
        "session timers that are promised in the 200 and not kept, or a refused refresh",
        "refresh at half of Session-Expires where the recorder is the refresher, and answer CUCM's refreshes",
        "RFC 4028 §10",
    ),
    reason(
        "gateway",
        "the gateway that was to fork the media did not",
        "it answered by a failure, or not at all",
        "see the scenario's `outside`; a gateway of its own is no recorder's fault",
        "docs/scenario.md",
    ),
    reason(
        "recorder-bye",
        "the recorder sent BYE",
        "an inactivity timer, a limit on length, a shutdown",
        "see what came before the recorder's BYE",
        "RFC 3261 §15",
    ),
];
