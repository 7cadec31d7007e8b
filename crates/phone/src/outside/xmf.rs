//! What CUCM asks of a gateway over HTTP: to be registered (Cisco's Unified Communications Gateway Services API Guide), to have a call's
//! media forked, and to have that stopped (Cisco document 211385).

use std::net::{IpAddr, SocketAddr};

use roxmltree::{Document, Node};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use wire::{Link, Listener};

use super::Forking;

/// Whatever CUCM asks, as far as a gateway heeds it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Asks {
    /// To be registered, in this transaction.
    Registration(String),
    Fork(Request),
}

/// A request about a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    /// What tells it from others; it stands in for the Call-ID of a fork.
    pub(super) transaction: String,
    /// The first two words of the call's Cisco-Guid.
    pub(super) call: [u32; 2],
    pub(super) wish: Wish,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// The voice that the gateway hears in the call goes to `near`, the one that it says to `far`.
    Fork {
        near: SocketAddr,
        far: SocketAddr,
    },
    Stop,
}

/// Where the gateway takes requests.
pub(super) const PORT: u16 = 8090;

/// Asks of the gateway what came over HTTP; it answers why not.
pub(super) type Asked = (Request, oneshot::Sender<Result<(), String>>);

/// Takes requests, each on a connection of its own, until the gateway is gone.
pub(super) async fn serve(listener: Listener, forking: Forking, ask: mpsc::UnboundedSender<Asked>) {
    let mut requests = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while requests.try_join_next().is_some() {}
        requests.spawn(take(Link::from(stream), forking, ask.clone()));
    }
}

async fn take(mut link: Link, forking: Forking, ask: mpsc::UnboundedSender<Asked>) {
    let (mut text, mut buf) = (Vec::new(), [0; 4096]);
    let body = loop {
        match link.read(&mut buf).await {
            Ok(length @ 1..) => text.extend_from_slice(&buf[..length]),
            _ => return,
        }
        if let Some(body) = body(&text) {
            break body;
        }
        if text.len() > LONGEST {
            return;
        }
    };
    let done = match (read(body), forking) {
        (Err(why), _) => Err(why),
        (Ok(Asks::Registration(_)), Forking::RegistrationUnanswered)
        | (Ok(Asks::Fork(Request { wish: Wish::Fork { .. }, .. })), Forking::Unanswered) => {
            // Until CUCM gives up.
            while let Ok(1..) = link.read(&mut buf).await {}
            return;
        }
        (Ok(Asks::Registration(_)), Forking::RegistrationRejected) => Err("no application may register".to_owned()),
        (Ok(Asks::Registration(transaction)), _) => Ok(("ResponseXmfRegister", transaction)),
        (Ok(Asks::Fork(Request { wish: Wish::Fork { .. }, .. })), Forking::Refused) => {
            Err("no media is forked here".to_owned())
        }
        (Ok(Asks::Fork(request)), _) => {
            let (reply, done) = oneshot::channel();
            let transaction = request.transaction.clone();
            // A gateway that is gone answers nothing.
            let _ = ask.send((request, reply));
            match done.await {
                Ok(done) => done.map(|()| ("ResponseXmfConnectionMediaForking", transaction)),
                Err(_) => return,
            }
        }
    };
    // CUCM reads to the end, which is told by closing.
    let _ = link.write_all(answer(&done).as_bytes()).await;
    let _ = link.shutdown().await;
}

/// The body of a request that is here whole.
fn body(text: &[u8]) -> Option<&str> {
    let end = text.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&text[..end]).ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    })?;
    std::str::from_utf8(text.get(end..end.checked_add(length)?)?).ok()
}

fn read(body: &str) -> Result<Asks, String> {
    let document = Document::parse(body).map_err(|error| error.to_string())?;
    let find = |name: &str| document.descendants().find(|node| node.tag_name().name() == name);
    let text = |name: &str| {
        let node = find(name).ok_or_else(|| format!("got no {name}"))?;
        Ok::<_, String>(node.text().unwrap_or_default().trim())
    };
    if find("RequestXmfRegister").is_some() {
        return Ok(Asks::Registration(text("transactionID")?.to_owned()));
    }
    let word = |name: &str| text(name)?.parse::<u32>().map_err(|error| format!("{name}: {error}"));
    let wish = if find("disableMediaForking").is_some() {
        Wish::Stop
    } else {
        find("enableMediaForking").ok_or("got neither enableMediaForking nor disableMediaForking")?;
        let address = |name: &str| find(name).and_then(address).ok_or_else(|| format!("got no address in {name}"));
        Wish::Fork { near: address("nearEndAddr")?, far: address("farEndAddr")? }
    };
    let (transaction, call) = (text("transactionID")?.to_owned(), [word("callID")?, word("connID")?]);
    Ok(Asks::Fork(Request { transaction, call, wish }))
}

fn address(node: Node<'_, '_>) -> Option<SocketAddr> {
    let text = |names: [&str; 2]| {
        let child = node.children().find(|child| names.contains(&child.tag_name().name()))?;
        child.text().map(str::trim)
    };
    let ip: IpAddr = text(["ipv4", "ipv6"])?.parse().ok()?;
    Some(SocketAddr::new(ip, text(["port"; 2])?.parse().ok()?))
}

fn answer(done: &Result<(&str, String), String>) -> String {
    let (status, content) = match done {
        Ok((response, transaction)) => (
            "200 OK",
            format!(
                "<{response} xmlns=\"http://www.cisco.com/schema/cisco_xmf/v1_0\">\n<msgHeader>\n\
                 <transactionID>{transaction}</transactionID>\n</msgHeader>\n</{response}>"
            ),
        ),
        Err(_) => (
            "500 Internal Server Error",
            "<soapenv:Fault><soapenv:Code><soapenv:Value>soapenv:Receiver</soapenv:Value></soapenv:Code></soapenv:Fault>"
                .to_owned(),
        ),
    };
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<soapenv:Envelope \
         xmlns:soapenv=\"http://www.w3.org/2003/05/soap-envelope\">\n<soapenv:Body>\n{content}\n</soapenv:Body>\n\
         </soapenv:Envelope>\n"
    );
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/soap+xml; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Bytes of a request.
const LONGEST: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn traced() -> String {
        let path =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/traces/48-xmf-enable-media-forking-request.xml");
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn ciscos_request_is_read() {
        let request = read(&traced()).unwrap();
        let (near, far) = ("10.17.230.5:42095".parse().unwrap(), "10.17.230.5:42094".parse().unwrap());
        let expected = Request {
            transaction: "Cisco:UCM:CayugaIf:1:69".to_owned(),
            call: [42, 554],
            wish: Wish::Fork { near, far },
        };
        assert_eq!(request, Asks::Fork(expected));
    }

    #[test]
    fn a_registration_is_read() {
        let body = "<RequestXmfRegister><msgHeader><transactionID>t</transactionID></msgHeader></RequestXmfRegister>";
        assert_eq!(read(body), Ok(Asks::Registration("t".to_owned())));
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let traced = traced();
        for (part, instead) in [
            ("enableMediaForking", "somethingElse"),
            ("<callID>42</callID>", ""),
            ("<connID>554</connID>", "<connID>-1</connID>"),
            ("<ipv4>10.17.230.5</ipv4>", "<ipv4>here</ipv4>"),
            ("<port>42094</port>", "<port>70000</port>"),
            ("</soapenv:Body>", ""),
        ] {
            assert!(traced.contains(part), "{part}");
            assert!(read(&traced.replace(part, instead)).is_err(), "{part}");
        }
    }

    #[test]
    fn a_request_is_read_when_it_is_whole() {
        let text = b"POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc";
        assert_eq!(body(text), Some("abc"));
        for length in 0..text.len() {
            assert_eq!(body(&text[..length]), None, "{length}");
        }
        assert!(answer(&Ok(("r", "t".to_owned()))).contains("<transactionID>t</transactionID>"));
        assert!(answer(&Err("no".to_owned())).starts_with("HTTP/1.1 500 "));
    }
}
