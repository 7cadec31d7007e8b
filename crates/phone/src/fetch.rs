//! One file over TFTP: the driver of [`trust::tftp::Client`].

use std::io;
use std::net::{IpAddr, SocketAddr};

use thiserror::Error;
use trust::tftp::{Client, ClientEvent, ErrorCode, Failure, Input, Limits, Output};
use wire::{Clock, Datagram, Net};

/// Why a file did not come.
#[derive(Debug, Error)]
pub(crate) enum FetchError {
    #[error("the file is not there")]
    NotFound,
    #[error(transparent)]
    Failed(Failure),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("the transfer ended without a word")]
    Silent,
}

/// Fetches one file.
pub(crate) async fn fetch(net: &Net, from: IpAddr, server: SocketAddr, name: &str) -> Result<Vec<u8>, FetchError> {
    let socket = net.datagram(SocketAddr::new(from, 0)).await?;
    let clock = net.clock().clone();
    let mut client = Client::new(clock.now(), server, name, Limits::default());
    let mut buf = [0; 2048];
    loop {
        match act(&mut client, &socket).await? {
            Some(ClientEvent::Done(file)) => {
                // The last ACK may be lost: the server's repeats are answered while the boot goes on.
                tokio::spawn(linger(client, socket, clock));
                return Ok(file);
            }
            Some(ClientEvent::Failed(Failure::Peer { code, .. })) if code == ErrorCode::NotFound.code() => {
                return Err(FetchError::NotFound);
            }
            Some(ClientEvent::Failed(failure)) => return Err(FetchError::Failed(failure)),
            None => {}
        }
        if !wait(&mut client, &socket, &clock, &mut buf).await? {
            return Err(FetchError::Silent);
        }
    }
}

/// Does what the client wants done; gives its event, if it has one.
async fn act(client: &mut Client, socket: &Datagram) -> io::Result<Option<ClientEvent>> {
    let mut event = None;
    while let Some(output) = client.poll_output() {
        match output {
            Output::Transmit { to, bytes } => drop(socket.send_to(&bytes, to).await?),
            Output::Event(happened) => event = Some(happened),
        }
    }
    Ok(event)
}

/// Waits for a datagram or the client's timer. False if the client waits for nothing.
async fn wait(client: &mut Client, socket: &Datagram, clock: &Clock, buf: &mut [u8]) -> io::Result<bool> {
    let Some(deadline) = client.poll_timeout() else { return Ok(false) };
    tokio::select! {
        biased;
        received = socket.recv_from(buf) => {
            let (len, from) = received?;
            client.handle_input(clock.now(), Input::Datagram { from, bytes: &buf[..len] });
        }
        () = clock.sleep_until(deadline) => client.handle_input(clock.now(), Input::Timeout),
    }
    Ok(true)
}

async fn linger(mut client: Client, socket: Datagram, clock: Clock) {
    let mut buf = [0; 2048];
    while act(&mut client, &socket).await.is_ok() {
        if !wait(&mut client, &socket, &clock, &mut buf).await.unwrap_or(false) {
            return;
        }
    }
}
