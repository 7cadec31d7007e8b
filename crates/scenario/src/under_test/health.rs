//! Asking a recorder over HTTP whether it can take calls: one GET of HTTP/1.1 (RFC 9112), of which only the status counts.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wire::Net;

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(2);
/// A status line is shorter.
const STATUS_LINE: u64 = 1024;

/// An `http` URL.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Url {
    /// Host and port as written: the Host header.
    authority: String,
    at: SocketAddr,
    /// Path and query.
    target: String,
}

impl Url {
    /// Reads a URL whose host is an IP address: nothing is looked up.
    ///
    /// # Errors
    /// What it is, and what was expected.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let rest = url.strip_prefix("http://");
        let rest = rest.ok_or_else(|| format!("got `{url}`, expected a URL that begins with `http://`"))?;
        if rest.chars().any(|c| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
            return Err(format!("got `{url}`, expected a URL without blanks and in ASCII"));
        }
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (host, port) = match authority.rsplit_once(':') {
            // The colons of an IPv6 address are within brackets.
            Some((host, port)) if !port.ends_with(']') => {
                let number = port.parse().ok().filter(|port| *port > 0);
                (host, number.ok_or_else(|| format!("got `{port}`, which is no port, in `{url}`"))?)
            }
            _ => (authority, 80),
        };
        let plain = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let plain = if plain == "localhost" { "127.0.0.1" } else { plain };
        let address: IpAddr =
            plain.parse().map_err(|_| format!("got the host `{host}` in `{url}`, expected an IP address"))?;
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        Ok(Self { authority: authority.to_owned(), at: (address, port).into(), target })
    }

    /// Whether the answer has a status of 200 to 299.
    ///
    /// # Errors
    /// What happened instead.
    pub(super) async fn is_fine(&self, net: &Net, from: IpAddr) -> Result<(), String> {
        match tokio::time::timeout(ANSWER, self.status_line(net, from)).await {
            Err(_) => Err(format!("was not answered within {ANSWER:?}")),
            Ok(Err(error)) => Err(format!("came to nothing: {error}")),
            Ok(Ok(line)) => match status(&line) {
                Some(200..=299) => Ok(()),
                Some(_) => Err(format!("was answered with `{line}`")),
                None => Err(format!("was answered with `{line}`, which is no HTTP/1.1")),
            },
        }
    }

    async fn status_line(&self, net: &Net, from: IpAddr) -> std::io::Result<String> {
        let mut stream = net.connect(from, self.at).await?;
        let Self { authority, target, .. } = self;
        let request = format!("GET {target} HTTP/1.1\r\nHost: {authority}\r\nAccept: */*\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut line = Vec::new();
        while (line.len() as u64) < STATUS_LINE && !line.contains(&b'\n') {
            let mut piece = [0; 256];
            let read = stream.read(&mut piece).await?;
            if read == 0 {
                break;
            }
            line.extend_from_slice(&piece[..read]);
        }
        let line = line.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
        Ok(String::from_utf8_lossy(line).into_owned())
    }
}

/// The status of a status line.
fn status(line: &str) -> Option<u16> {
    let rest = line.strip_prefix("HTTP/1.")?;
    let code = rest.split(' ').nth(1)?;
    code.parse().ok().filter(|_| code.len() == 3)
}

#[cfg(test)]
mod tests {
    use wire::NetOptions;

    use super::*;

    #[test]
    fn a_url_names_address_port_and_target() {
        let parts = |url| Url::parse(url).map(|url| (url.at.to_string(), url.authority, url.target));
        let is = |url, at: &str, authority: &str, target: &str| {
            assert_eq!(parts(url), Ok((at.to_owned(), authority.to_owned(), target.to_owned())));
        };
        is("http://192.0.2.1:8080/health?a=b", "192.0.2.1:8080", "192.0.2.1:8080", "/health?a=b");
        is("http://[2001:db8::1]", "[2001:db8::1]:80", "[2001:db8::1]", "/");
        is("http://localhost:1?x", "127.0.0.1:1", "localhost:1", "/?x");
        for bad in
            ["ftp://192.0.2.1/", "http://recorder.example/", "http://192.0.2.1:0/", "http://192.0.2.1/a b", "http://"]
        {
            assert!(Url::parse(bad).is_err(), "{bad}");
        }
    }

    async fn answered(answer: &'static [u8]) -> (Result<(), String>, String) {
        let here: IpAddr = [127, 0, 0, 1].into();
        let listener = tokio::net::TcpListener::bind((here, 0)).await.unwrap();
        let url = Url::parse(&format!("http://{}/health", listener.local_addr().unwrap())).unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let read = stream.read(&mut request).await.unwrap();
            for piece in answer.chunks(5) {
                stream.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
            String::from_utf8_lossy(&request[..read]).into_owned()
        });
        let fine = url.is_fine(&Net::os(NetOptions::default()), here).await;
        (fine, server.await.unwrap())
    }

    #[tokio::test]
    async fn only_a_status_of_success_is_fine() {
        let (fine, request) = answered(b"HTTP/1.1 204 No Content\r\n\r\n").await;
        assert_eq!(fine, Ok(()));
        assert!(request.starts_with("GET /health HTTP/1.1\r\nHost: 127.0.0.1:"), "{request}");
        assert!(request.ends_with("\r\n\r\n"), "{request}");
        let (busy, _) = answered(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").await;
        assert_eq!(busy, Err("was answered with `HTTP/1.1 503 Service Unavailable`".to_owned()));
        for other in [&b"SIP/2.0 200 OK\r\n\r\n"[..], b"HTTP/1.1 2000 x\r\n", b""] {
            assert!(answered(other).await.0.unwrap_err().contains("no HTTP/1.1"));
        }
    }

    #[tokio::test]
    async fn nobody_there_is_not_ready() {
        let here: IpAddr = [127, 0, 0, 1].into();
        let why = Url::parse("http://127.0.0.1:1/").unwrap().is_fine(&Net::os(NetOptions::default()), here).await;
        assert!(why.unwrap_err().starts_with("came to nothing: "));
    }
}
