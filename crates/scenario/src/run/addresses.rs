//! Who lives where. Each party has a loopback address of its own, so no two scenarios share a port.

use std::net::{IpAddr, Ipv4Addr, TcpListener};

use super::error::SetupError;

/// TFTP's own port needs privileges on the operating system's network, so it is moved there.
const TFTP_PORT_OS: u16 = 6969;

/// Scenarios that can have addresses at the same time: the third byte of an address tells them apart.
pub(super) const AT_ONCE: usize = 250;
/// Second bytes to choose from: 127.64.0.0 to 127.127.255.255.
const BLOCKS: u8 = 64;

/// A part of the loopback network that this process has for itself, so that two runs on a machine do not meet.
#[derive(Debug)]
pub(super) struct Block {
    second: u8,
    /// Whoever holds this socket holds the block.
    _guard: TcpListener,
}

impl Block {
    /// Takes the first block that no other process has.
    ///
    /// # Errors
    /// All of them are taken, or there is no loopback network.
    pub(super) fn claim() -> Result<Self, SetupError> {
        let mut last = None;
        for second in (64..).take(BLOCKS.into()) {
            match TcpListener::bind((Ipv4Addr::new(127, second, 255, 1), TFTP_PORT_OS)) {
                Ok(guard) => return Ok(Self { second, _guard: guard }),
                Err(error) => last = Some(error),
            }
        }
        let why = last.map(|error| error.to_string()).unwrap_or_default();
        Err(SetupError::Start { who: "a run on 127.64.0.0/10".to_owned(), why })
    }

    /// The addresses of scenario `index` of the run; no more than [`AT_ONCE`] may be in use at the same time.
    pub(super) fn of(&self, index: usize) -> Addresses {
        Addresses::of([127, self.second, (index % AT_ONCE) as u8], TFTP_PORT_OS)
    }
}

/// The addresses of one scenario.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addresses {
    block: [u8; 3],
    /// The port of the TFTP server.
    pub(super) tftp_port: u16,
    cucm: Option<IpAddr>,
    recorder: Option<IpAddr>,
}

impl Addresses {
    /// On the simulated network, which every scenario has for itself.
    pub(super) const fn simulated() -> Self {
        Self::of([10, 48, 38], 69)
    }

    const fn of(block: [u8; 3], tftp_port: u16) -> Self {
        Self { block, tftp_port, cucm: None, recorder: None }
    }

    /// The same with a recorder that has an address of its own, and with CUCM and the phones where it can reach them.
    pub(super) const fn moved(mut self, cucm: Option<IpAddr>, recorder: Option<IpAddr>) -> Self {
        (self.cucm, self.recorder) = (cucm, recorder);
        self
    }

    /// CUCM.
    pub(super) const fn cucm(self) -> IpAddr {
        match self.cucm {
            Some(address) => address,
            None => self.host(5),
        }
    }

    /// The recorder.
    pub(super) const fn recorder(self) -> IpAddr {
        match self.recorder {
            Some(address) => address,
            None => self.host(30),
        }
    }

    /// A phone. Where CUCM has an address of this machine's, all phones share it: only their ports tell them apart.
    pub(super) const fn phone(self, index: usize) -> IpAddr {
        match self.cucm {
            Some(address) => address,
            None => self.host(100 + index as u8),
        }
    }

    const fn host(self, last: u8) -> IpAddr {
        let [a, b, c] = self.block;
        IpAddr::V4(Ipv4Addr::new(a, b, c, last))
    }
}

/// The device name of a phone: `SEP` and a MAC address.
pub(super) fn device_name(index: usize) -> String {
    format!("SEP38ED185500{index:02X}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_at_once_have_no_address_in_common() {
        let (one, other) = (Block::claim().unwrap(), Block::claim().unwrap());
        assert_ne!(one.of(0).recorder(), other.of(0).recorder());
        assert_ne!(one.of(0).recorder(), one.of(1).recorder());
    }
}
