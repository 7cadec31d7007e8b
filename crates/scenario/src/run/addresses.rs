//! Who lives where. Each party has a loopback address of its own, so no two scenarios share a port.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use wire::Claim;

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
    /// Third bytes that no scenario has, the one that was given back last at the end.
    free: Mutex<Vec<u8>>,
    _claim: Claim,
}

/// The addresses of a scenario that runs; they are free again when it has ended.
#[derive(Debug)]
pub(super) struct Slot<'a> {
    block: &'a Block,
    third: u8,
}

impl Block {
    /// Takes the first block that no other process has.
    ///
    /// # Errors
    /// All of them are taken, or there is no loopback network.
    pub(super) fn claim() -> Result<Self, SetupError> {
        let mut last = None;
        for second in (64..).take(BLOCKS.into()) {
            match Claim::take((Ipv4Addr::new(127, second, 255, 1), TFTP_PORT_OS).into()) {
                Ok(claim) => return Ok(Self { second, free: Mutex::new((0..AT_ONCE as u8).collect()), _claim: claim }),
                Err(error) => last = Some(error),
            }
        }
        let why = last.map(|error| error.to_string()).unwrap_or_default();
        Err(SetupError::Start { who: "a run on 127.64.0.0/10".to_owned(), why })
    }

    /// Addresses that no other scenario has.
    ///
    /// # Errors
    /// More than [`AT_ONCE`] are in use.
    pub(super) fn slot(&self) -> Result<Slot<'_>, SetupError> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.is_empty() {
            let why = format!("{AT_ONCE} scenarios run already");
            return Err(SetupError::Start { who: "a scenario".to_owned(), why });
        }
        Ok(Slot { block: self, third: free.remove(0) })
    }
}

impl Slot<'_> {
    pub(super) fn addresses(&self) -> Addresses {
        Addresses::of([127, self.block.second, self.third], TFTP_PORT_OS)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.block.free.lock().unwrap_or_else(PoisonError::into_inner).push(self.third);
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

    /// A node of the cluster; the first one is [`Self::cucm`].
    pub(super) const fn node(self, index: usize) -> IpAddr {
        match index {
            0 => self.cucm(),
            _ => self.host(5 + index as u8),
        }
    }

    /// The recorder.
    pub(super) const fn recorder(self) -> IpAddr {
        match self.recorder {
            Some(address) => address,
            None => self.host(30),
        }
    }

    /// A destination beside the recorder.
    pub(super) const fn destination(self, index: usize) -> IpAddr {
        self.host(150 + index as u8)
    }

    /// A phone. Where CUCM has an address of this machine's, all phones share it: only their ports tell them apart.
    pub(super) const fn phone(self, index: usize) -> IpAddr {
        match self.cucm {
            Some(address) => address,
            None => self.host(100 + index as u8),
        }
    }

    /// What stands behind a trunk for calls. At an address of this machine's it has a port of its own.
    pub(super) const fn site(self, index: usize, is_secure: bool) -> SocketAddr {
        match self.cucm {
            Some(address) => SocketAddr::new(address, 5070 + index as u16),
            None => SocketAddr::new(self.host(60 + index as u8), if is_secure { 5061 } else { 5060 }),
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
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn two_runs_at_once_have_no_address_in_common() {
        let (one, other) = (Block::claim().unwrap(), Block::claim().unwrap());
        assert_ne!(one.slot().unwrap().addresses().recorder(), other.slot().unwrap().addresses().recorder());
    }

    #[test]
    fn scenarios_of_a_run_share_no_address_while_they_last() {
        let block = Block::claim().unwrap();
        let slots: Vec<Slot<'_>> = (0..AT_ONCE).map(|_| block.slot().unwrap()).collect();
        let used: BTreeSet<IpAddr> = slots.iter().map(|slot| slot.addresses().recorder()).collect();
        assert_eq!(used.len(), AT_ONCE);
        assert!(block.slot().is_err());
        let last = slots.last().unwrap().addresses().recorder();
        drop(slots);
        assert_ne!(block.slot().unwrap().addresses().recorder(), last);
    }
}
