//! What a gateway is asked over HTTP: to take CUCM as an application, to fork the media of a call, and to stop (Cisco document 211385 shows
//! the second; Cisco's Unified Communications Gateway Services API Guide has the first, and the CUBE guide of that name address and port).

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

use crate::config::Release;

/// The call at the gateway. XMF's own numbers for it come in notifications that are not imitated: the first two words of its
/// Cisco-Guid stand in for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Connection {
    pub(crate) call: u32,
    pub(crate) connection: u32,
}

/// Has the gateway take this node for an application that may fork. The identifier of the registration is the gateway's; the one of the
/// trace stands in for it in what is asked later.
pub(crate) fn register(transaction: &str, release: Release, node: IpAddr, gateway: SocketAddr) -> String {
    let (version, here) = (version(release), SocketAddr::new(node, PORT));
    envelope(&format!(
        "<RequestXmfRegister xmlns=\"http://www.cisco.com/schema/cisco_xmf/v1_0\">\n<applicationData>\n\
         <name>Unified CM {version}</name>\n<url>http://{here}/ucm_xmf</url>\n</applicationData>\n\
         <connectionEventsFilter>CONNECTED DISCONNECTED</connectionEventsFilter>\n\
         <mediaEventsFilter>MEDIA_ACTIVITY</mediaEventsFilter>\n\
         <msgHeader>\n<transactionID>{transaction}</transactionID>\n</msgHeader>\n\
         <providerData>\n<url>http://{gateway}{PATH}</url>\n</providerData>\n</RequestXmfRegister>"
    ))
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
    let (version, Connection { call, connection }) = (version(release), at);
    envelope(&format!(
        "<RequestXmfConnectionMediaForking xmlns=\"http://www.cisco.com/schema/cisco_xmf/v1_0\">\n<msgHeader>\n\
         <transactionID>{transaction}</transactionID>\n<registrationID>C094:XMF:Unified CM {version}:1</registrationID>\n\
         </msgHeader>\n<callID>{call}</callID>\n<connID>{connection}</connID>\n<action>\n{action}</action>\n\
         </RequestXmfConnectionMediaForking>"
    ))
}

fn envelope(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <soapenv:Envelope xmlns:soapenv=\"http://www.w3.org/2003/05/soap-envelope\">\n<soapenv:Body>\n{body}\n\
         </soapenv:Body>\n</soapenv:Envelope>\n"
    )
}

fn version(release: Release) -> &'static str {
    release.product().trim_start_matches("Cisco-CUCM")
}

/// What transactions are called, before their number (Cisco document 211385).
pub(crate) const TRANSACTION: &str = "Cisco:UCM:CayugaIf:1";

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
    fn the_requests_are_those_of_ciscos_documents() {
        let path =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/traces/48-xmf-enable-media-forking-request.xml");
        let traced = std::fs::read_to_string(path).unwrap();
        let at = Connection { call: 42, connection: 554 };
        let (near, far) = ("10.17.230.5:42095".parse().unwrap(), "10.17.230.5:42094".parse().unwrap());
        let made = enable("Cisco:UCM:CayugaIf:1:69", Release::V14, at, near, far);
        let made = made.replace("Unified CM 14.0:1", "Unified CM 10.5.2.12901-1:1");
        assert_eq!(made.trim(), traced.replace('\r', "").trim());
        let gateway = "10.17.230.9:8090".parse().unwrap();
        let registration = register("t", Release::V14, "10.17.230.4".parse().unwrap(), gateway);
        for part in [
            "<name>Unified CM 14.0</name>\n<url>http://10.17.230.4:8090/ucm_xmf</url>",
            "<providerData>\n<url>http://10.17.230.9:8090/cisco_xmf</url>",
        ] {
            assert!(registration.contains(part), "{part}: {registration}");
        }
        assert!(disable("t", Release::V14, at).contains("<action>\n<disableMediaForking/>\n</action>"));
    }
}
