//! The requests that gateways get over HTTP: one connection for each, which the gateway closes.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use wire::{Link, Net};

/// Sends a request; the status of the answer.
pub(super) async fn post(net: &Net, from: IpAddr, to: SocketAddr, request: &[u8]) -> Result<u16, String> {
    let exchange = async {
        let stream = net.connect(from, to).await.map_err(|error| format!("cannot connect to {to}: {error}"))?;
        let mut link = Link::from(stream);
        link.write_all(request).await.map_err(|error| error.to_string())?;
        let (mut answer, mut buf) = (Vec::new(), [0; 2048]);
        while let Ok(length @ 1..) = link.read(&mut buf).await {
            answer.extend_from_slice(&buf[..length]);
            if answer.len() > LONGEST {
                return Err(format!("got more than {LONGEST} bytes from {to}, expected a short answer"));
            }
        }
        status(&answer).ok_or_else(|| format!("got no HTTP answer from {to}"))
    };
    tokio::time::timeout(PATIENCE, exchange).await.map_err(|_| format!("no answer from {to} within {PATIENCE:?}"))?
}

fn status(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|byte| *byte == b'\n').next()?;
    std::str::from_utf8(line).ok()?.strip_prefix("HTTP/1.")?.split_whitespace().nth(1)?.parse().ok()
}

/// Bytes.
const LONGEST: usize = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_that_of_the_first_line() {
        assert_eq!(status(b"HTTP/1.1 200 OK\r\n\r\n"), Some(200));
        assert_eq!(status(b"HTTP/1.0 503 Service Unavailable\r\n"), Some(503));
        for bad in ["", "SIP/2.0 200 OK\r\n", "HTTP/1.1\r\n", "HTTP/1.1 abc\r\n"] {
            assert_eq!(status(bad.as_bytes()), None, "{bad}");
        }
    }
}
