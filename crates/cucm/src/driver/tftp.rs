//! The TFTP port: one socket, one machine.

use trust::tftp::{Input, Limits, Output, Server};
use wire::{Clock, Datagram};

use super::provision::Files;

/// Serves files until it is ended.
pub(super) async fn serve(socket: Datagram, files: Files, clock: Clock) {
    let mut server = Server::new(Limits::default(), move |name| files.get(name).cloned());
    let mut buf = vec![0; 2048];
    loop {
        while let Some(output) = server.poll_output() {
            if let Output::Transmit { to, bytes } = output {
                // What is lost is repeated.
                let _ = socket.send_to(&bytes, to).await;
            }
        }
        let due = server.poll_timeout();
        tokio::select! {
            biased;
            received = socket.recv_from(&mut buf) => match received {
                Ok((length, from)) => {
                    server.handle_input(clock.now(), Input::Datagram { from, bytes: &buf[..length] });
                }
                // An ICMP error of an earlier datagram.
                Err(_) => tokio::task::yield_now().await,
            },
            () = sleep_until(&clock, due) => server.handle_input(clock.now(), Input::Timeout),
        }
    }
}

/// Waits for a deadline; without one, for ever.
pub(super) async fn sleep_until(clock: &Clock, due: Option<std::time::Instant>) {
    match due {
        Some(due) => clock.sleep_until(due).await,
        None => std::future::pending().await,
    }
}
