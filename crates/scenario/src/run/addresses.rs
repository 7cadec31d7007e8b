//! Who lives where. Each party has a loopback address of its own, so no two scenarios share a port.

use std::net::{IpAddr, Ipv4Addr};

/// TFTP's own port needs privileges on the operating system's network, so it is moved there.
const TFTP_PORT_OS: u16 = 6969;

/// The addresses of one scenario.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addresses {
    block: [u8; 3],
    /// The port of the TFTP server.
    pub(super) tftp_port: u16,
}

impl Addresses {
    /// The block of scenario `index`: on the operating system's network one of 127.64.0.0/10 that also depends on the
    /// process, so that two runs on a machine do not meet; on the simulated one always the same.
    pub(super) fn new(index: usize, simulated: bool) -> Self {
        if simulated {
            return Self { block: [10, 48, 38], tftp_port: 69 };
        }
        let process = (std::process::id() % 64) as u8;
        Self { block: [127, 64 + process, (index % 250) as u8], tftp_port: TFTP_PORT_OS }
    }

    /// CUCM.
    pub(super) const fn cucm(self) -> IpAddr {
        self.host(5)
    }

    /// The recorder.
    pub(super) const fn recorder(self) -> IpAddr {
        self.host(30)
    }

    /// A phone.
    pub(super) const fn phone(self, index: usize) -> IpAddr {
        self.host(100 + index as u8)
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
