//! Holding an address so that other processes see that it is taken.

use std::io;
use std::net::{SocketAddr, TcpListener};

/// Somebody of this machine holds an address as long as this lives; nobody is ever served on it.
#[derive(Debug)]
pub struct Claim {
    _held: TcpListener,
}

impl Claim {
    /// Takes the address.
    ///
    /// # Errors
    /// The system's, above all [`io::ErrorKind::AddrInUse`] where another process holds it.
    pub fn take(address: SocketAddr) -> io::Result<Self> {
        TcpListener::bind(address).map(|held| Self { _held: held })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn what_is_held_cannot_be_taken_twice() {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let held = Claim::take(free).unwrap();
        assert_eq!(Claim::take(free).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(held);
        Claim::take(free).unwrap();
    }
}
