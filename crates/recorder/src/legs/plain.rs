//! The source of a leg in clear: where nothing proves a packet, its address must do.

use std::net::SocketAddr;

/// The source of a leg in clear.
///
/// The first packet latches it, since CUCM may have told a dummy port. A packet from the host that was told takes over from a
/// stranger, and one from the very port that was told takes over from everybody.
#[derive(Debug)]
pub(super) struct Plain {
    signalled: Option<SocketAddr>,
    latched: Option<SocketAddr>,
}

impl Plain {
    pub(super) fn new(signalled: Option<SocketAddr>) -> Self {
        Self { signalled, latched: None }
    }

    /// Whether this is where packets were told to come from already.
    pub(super) fn is_told(&self, signalled: Option<SocketAddr>) -> bool {
        self.signalled == signalled
    }

    /// Whether a packet from here is one of the leg.
    pub(super) fn admits(&mut self, from: SocketAddr) -> bool {
        let takes_over = self.latched.is_none_or(|latched| self.rank(from) > self.rank(latched));
        if takes_over {
            self.latched = Some(from);
        }
        self.latched == Some(from)
    }

    /// How well an address fits what was told.
    fn rank(&self, from: SocketAddr) -> u8 {
        match self.signalled {
            Some(signalled) if signalled == from => 2,
            Some(signalled) if signalled.ip() == from.ip() => 1,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(signalled: &str, sources: &[&str]) -> Vec<bool> {
        let mut plain = Plain::new(Some(signalled.parse().unwrap()));
        sources.iter().map(|from| plain.admits(from.parse().unwrap())).collect()
    }

    #[test]
    fn who_was_told_takes_over_from_who_came_first() {
        let (told, other, stranger) = ("192.0.2.20:4000", "192.0.2.20:5000", "192.0.2.66:4000");
        assert_eq!(
            admitted(told, &[stranger, other, stranger, told, other, told]),
            [true, true, false, true, false, true]
        );
        assert_eq!(admitted("192.0.2.20:9", &[other, told, stranger, other]), [true, false, false, true]);
    }
}
