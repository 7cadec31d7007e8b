//! What a gateway is asked over HTTP: to fork the media of a call, and to stop (Cisco document 211385 shows the request; Cisco's CUBE
//! guide, "Unified Communication Gateway Services", names address and port).

use std::fmt::Write;
use std::net::SocketAddr;

use crate::config::Release;

/// The call at the gateway. XMF's own numbers for it come in notifications that are not imitated: the first two words of its
/// Cisco-Guid stand in for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Connection {
    pub(crate) call: u32,
    pub(crate) connection: u32,
}

/// Has the gateway send both voices to the recorder: the recorded party's to the first address, the other one's to the second.
pub(crate) fn enable(transaction: &str, release: Release, at: Connection, near: SocketAddr, far: SocketAddr) -> String {
    let mut action = String::from("<enableMediaForking>\n");
    for (name, to) in [("nearEndAddr", near), ("farEndAddr", far)] {
        let kind = if to.is_ipv4() { "ipv4" } else { "ipv6" };
        // Writing to a String cannot fail.
        let _ = write!(action, "<{name}>\n<{kind}>{}</{kind}>\n<port>{}</port>\n</{name}>\n", to.ip(), to.port());
    }
    action.push_str("<preserve>true</preserve>\n</enableMediaForking>\n");
    request(transaction, release, at, &action)
}

/// Has the gateway stop.
pub(crate) fn disable(transaction: &str, release: Release, at: Connection) -> String {
    request(transaction, release, at, "<disableMediaForking/>\n")
}

fn request(transaction: &str, release: Release, at: Connection, action: &str) -> String {
    let version = release.product().trim_start_matches("Cisco-CUCM");
    let Connection { call, connection } = at;
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <soapenv:Envelope xmlns:soapenv=\"http://www.w3.org/2003/05/soap-envelope\">\n<soapenv:Body>\n\
         <RequestXmfConnectionMediaForking xmlns=\"http://www.cisco.com/schema/cisco_xmf/v1_0\">\n<msgHeader>\n\
         <transactionID>{transaction}</transactionID>\n<registrationID>C094:XMF:Unified CM {version}:1</registrationID>\n\
         </msgHeader>\n<callID>{call}</callID>\n<connID>{connection}</connID>\n<action>\n{action}</action>\n\
         </RequestXmfConnectionMediaForking>\n</soapenv:Body>\n</soapenv:Envelope>\n"
    )
}

/// The whole HTTP request.
pub(crate) fn post(to: SocketAddr, body: &str) -> Vec<u8> {
    format!(
        "POST {PATH} HTTP/1.1\r\nHost: {to}\r\nContent-Type: application/soap+xml; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Where a gateway takes requests.
const PATH: &str = "/cisco_xmf";
/// And at which port.
pub(crate) const PORT: u16 = 8090;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_that_of_ciscos_trace() {
        let path =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/traces/48-xmf-enable-media-forking-request.xml");
        let traced = std::fs::read_to_string(path).unwrap();
        let at = Connection { call: 42, connection: 554 };
        let (near, far) = ("10.17.230.5:42095".parse().unwrap(), "10.17.230.5:42094".parse().unwrap());
        let made = enable("Cisco:UCM:CayugaIf:1:69", Release::V14, at, near, far);
        let made = made.replace("Unified CM 14.0:1", "Unified CM 10.5.2.12901-1:1");
        assert_eq!(made.trim(), traced.replace('\r', "").trim());
        assert!(disable("t", Release::V14, at).contains("<action>\n<disableMediaForking/>\n</action>"));
    }
}
