//! Why TLS connections are refused, or come to nothing.

use super::Advice;

const PATH: &str = "RFC 5280 §6.1";

/// A refusal: all are seen in the same place.
const fn refusal(
    name: &'static str,
    means: &'static str,
    causes: &'static str,
    fix: &'static str,
    source: &'static str,
) -> Advice {
    let look = "the certificate (`openssl x509 -noout -text -in FILE`), and the connection in the ladder";
    Advice { name, means, causes, look, fix, source }
}

pub(super) const TABLE: &[Advice] = &[
    refusal(
        "no-client-certificate",
        "who opened the connection presented no certificate",
        "mutual TLS is not switched on at the client, or it has no certificate to show",
        "have the client present its certificate: CUCM shows CallManager's on a trunk with a secure profile",
        "RFC 8446 §4.4.2.4; RFC 5246 §7.4.6",
    ),
    refusal(
        "no-server-certificate",
        "who was connected to presented no certificate",
        "an anonymous or pre-shared-key suite",
        "configure a certificate and a suite that uses it",
        "RFC 5246 §7.4.2",
    ),
    refusal(
        "unreadable-certificate",
        "what was presented is no certificate, or more than is read",
        "a key or a request in place of the certificate, a damaged file, a chain of very many",
        "present an X.509 certificate and its issuers, and nothing else",
        "RFC 5280 §4.1",
    ),
    refusal(
        "x509-version",
        "the certificate is of X.509 version 1 or 2",
        "made by an old tool, or without any extension",
        "make the certificate anew as version 3",
        "RFC 5280 §4.1.2.1",
    ),
    refusal(
        "critical-extension",
        "the certificate has a critical extension that is not understood",
        "a name constraint or policy of a company's own CA",
        "have the CA mark the extension as not critical, or leave it out",
        "RFC 5280 §4.2",
    ),
    refusal(
        "callmanager-trust",
        "the recorder's certificate is not in CUCM's CallManager-trust, and no CA there vouches for it",
        "it was not uploaded, or made anew since",
        "upload the recorder's certificate (or its CA's) as CallManager-trust; here: `certificates.recorder` of the profile",
        "Cisco Unified Communications Manager Security Guide, Certificates",
    ),
    refusal(
        "trusted-certificates",
        "the recorder does not know CallManager's certificate",
        "CallManager.pem was not imported, or of one node only, or is that of an earlier run",
        "import CallManager.pem of every node: `certificates.call_manager` or `{cucm_certificate}` of the profile",
        "docs/recorders.md",
    ),
    refusal(
        "trust-list",
        "the certificate is not in the list of trusted ones",
        "it was not imported, or made anew since",
        "import the certificate, or that of the CA that issued it",
        PATH,
    ),
    refusal(
        "ctl",
        "the installed trust list does not have the certificate in a role that is needed",
        "a phone with an old CTL file, or a certificate made anew without a new CTL",
        "update the CTL file after certificates change, and have phones fetch it",
        "Cisco Unified Communications Manager Security Guide, Cisco CTL Client",
    ),
    refusal(
        "signature",
        "a CA of the right name did not sign the certificate",
        "a CA that was made anew under its old name, or a forged certificate",
        "issue the certificate anew under the CA that is trusted, or import the new CA",
        PATH,
    ),
    refusal(
        "issuer-not-ca",
        "the issuer's certificate does not allow it to issue",
        "basicConstraints without CA:TRUE, keyUsage without keyCertSign, or a path that is too long",
        "issue with a certificate that has CA:TRUE and keyCertSign",
        "RFC 5280 §4.2.1.9",
    ),
    refusal(
        "not-yet-valid",
        "the certificate's time has not come yet",
        "clocks that differ, or a certificate made ahead of time",
        "set both clocks by NTP, and look at notBefore",
        "RFC 5280 §4.1.2.5",
    ),
    refusal(
        "expired",
        "the certificate's time is over",
        "nobody renewed it, or a clock runs ahead",
        "make a new certificate and give it to the other side, too",
        "RFC 5280 §4.1.2.5",
    ),
    refusal(
        "extended-key-usage",
        "the certificate is not made for what the peer does",
        "serverAuth alone at a side that opens connections too, or the other way round",
        "issue it for both serverAuth and clientAuth, as CUCM's own are",
        "RFC 5280 §4.2.1.12",
    ),
    refusal(
        "x509-subject",
        "no name in the certificate is one that is configured",
        "the common name is a host name, and the X.509 Subject Name of the trunk's profile is an address, or has a typing error",
        "put the certificate's common name into X.509 Subject Name of the trunk security profile (here `x509_subject`)",
        "Cisco Unified Communications Manager Security Guide, SIP Trunk Security Profile",
    ),
    refusal(
        "device-name",
        "the certificate is not this phone's",
        "a phone that shows another one's certificate",
        "give the phone the certificate with its own device name",
        "Cisco Unified Communications Manager Security Guide, Phone Security",
    ),
    refusal(
        "tls-version",
        "the two sides have no version of TLS in common",
        "one side speaks 1.3 alone, or 1.1 at most",
        "allow TLS 1.2: CUCM before release 15 has nothing newer",
        "RFC 8446 §4.2.1",
    ),
    refusal(
        "peer-alert",
        "the other side ended the handshake by an alert",
        "it did not like our certificate, version or suites; the alert's name says which",
        "do by the alert: unknown_ca means import our certificate there, bad_certificate its form, handshake_failure suites",
        "RFC 8446 §6.2",
    ),
    refusal(
        "alert",
        "the recorder ended the handshake by an alert",
        "it did not like CallManager's certificate, version or suites; the alert's name says which",
        "do by the alert: unknown_ca means import CallManager.pem at the recorder, protocol_version the version",
        "RFC 8446 §6.2",
    ),
    refusal(
        "tls",
        "the handshake failed otherwise",
        "no TLS is spoken at that port, or no suite is shared",
        "look with `openssl s_client -connect ADDRESS:PORT` at what answers there",
        "RFC 8446 §4.1",
    ),
    refusal(
        "tls-timeout",
        "the handshake did not end in time",
        "a peer that connects and says nothing: a port scan, or SIP in clear at the port of TLS",
        "see who connects, and whether both sides mean TLS",
        "docs/recorder.md",
    ),
    refusal(
        "unknown-node",
        "a connection came from an address that is none of the configured nodes",
        "a node that was added to CUCM and not to the recorder, or a scan",
        "list every node of the CUCM group as a `sip_server`",
        "docs/recorder.md",
    ),
    refusal(
        "too-many-connections",
        "there are as many connections as are allowed",
        "connections that are never closed, or a flood",
        "see who holds them; raise `max_connections` only if all are meant",
        "docs/recorder.md",
    ),
    refusal(
        "unreachable",
        "a connection to the other side could not be opened",
        "nothing listens there, or an address that is not routed",
        "see whether something listens at the address of the Contact, and whether it can be reached from here",
        "RFC 3261 §18.1.1",
    ),
    refusal(
        "reads-nothing",
        "the peer does not read what it is sent",
        "a peer that is stuck, or gone without closing",
        "see what the peer does; its connection is closed",
        "docs/recorder.md",
    ),
];
