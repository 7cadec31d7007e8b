//! Via (RFC 3261 §20.42).

use std::str::FromStr;

use crate::header::HeaderError;
use crate::params::Params;
use crate::uri::read_host_port;

/// One Via entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Via {
    /// Protocol and version without white space, `SIP/2.0`.
    pub protocol: String,
    /// The transport as spelled: `UDP`, `TCP`, `TLS`.
    pub transport: String,
    /// The host of sent-by; IPv6 keeps its brackets.
    pub host: String,
    /// The port of sent-by, if written.
    pub port: Option<u16>,
    /// `branch`, `received`, `rport` and others.
    pub params: Params,
}

impl Via {
    /// The `branch` parameter.
    pub fn branch(&self) -> Option<&str> {
        self.params.get("branch").filter(|branch| !branch.is_empty())
    }

    /// The `received` parameter: where the request really came from (RFC 3261 §18.2.1).
    pub fn received(&self) -> Option<&str> {
        self.params.get("received")
    }

    /// The `rport` parameter, once filled in (RFC 3581 §4).
    pub fn rport(&self) -> Option<u16> {
        self.params.get("rport").and_then(|port| port.parse().ok())
    }

    /// `host` or `host:port`, as in the header.
    pub fn sent_by(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }
}

impl FromStr for Via {
    type Err = HeaderError;

    fn from_str(text: &str) -> Result<Self, HeaderError> {
        read(text).ok_or_else(|| HeaderError::Malformed {
            name: "Via",
            value: text.to_owned(),
            expected: "`SIP/2.0/TRANSPORT host[:port];branch=...`",
        })
    }
}

fn read(text: &str) -> Option<Via> {
    // White space may stand around each slash, semicolon and equals sign (RFC 4475 §3.1.1.1).
    let (head, params) = text.split_at(text.find(';').unwrap_or(text.len()));
    let mut parts = head.splitn(3, '/');
    let (name, version) = (parts.next()?.trim(), parts.next()?.trim());
    let (transport, sent_by) = parts.next()?.trim().split_once(|c: char| c.is_ascii_whitespace())?;
    if name.is_empty() || version.is_empty() || transport.is_empty() {
        return None;
    }
    let (host, port) = read_host_port(sent_by).ok()?;
    let protocol = format!("{name}/{version}");
    Some(Via { protocol, transport: transport.to_owned(), host, port, params: Params::read(params) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_ipv6_and_parameters_are_read() {
        let via: Via = "SIP  / 2.0  / TCP     spindle.example.com   ; branch  =   z9hG4bK9ikj8".parse().unwrap();
        assert_eq!((via.protocol.as_str(), via.transport.as_str()), ("SIP/2.0", "TCP"));
        assert_eq!((via.sent_by().as_str(), via.branch()), ("spindle.example.com", Some("z9hG4bK9ikj8")));
        let via: Via = "SIP/2.0/TLS [2001:db8::9:1]:5061;received=192.0.2.1;rport=7;branch=z9hG4bKas3".parse().unwrap();
        assert_eq!(via.sent_by(), "[2001:db8::9:1]:5061");
        assert_eq!("SIP/2.0/UDP a;branch=".parse::<Via>().unwrap().branch(), None);
        assert_eq!((via.received(), via.rport()), (Some("192.0.2.1"), Some(7)));
    }

    #[test]
    fn what_is_no_via_is_refused() {
        for bad in [
            "",
            "SIP/2.0/UDP",
            "SIP/2.0 host",
            "SIP/2.0/UDP ;branch=1",
            "SIP/2.0/UDP a:b",
            "//UDP h",
            "SIP/2.0/UDP a b",
        ] {
            assert!(bad.parse::<Via>().is_err(), "{bad:?}");
        }
    }
}
