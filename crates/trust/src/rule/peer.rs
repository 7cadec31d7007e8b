//! The rule one party applies to the certificate of the other.

use std::sync::Arc;
use std::time::SystemTime;

use super::chain;
use super::name::{matches_device, matches_name};
use super::{Refusal, TrustList};
use crate::cert::Certificate;
use crate::ctl::{Role, SignedCtl};

/// The role the peer plays in the TLS session: what its certificate must be usable for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// The peer is the TLS server; we connected to it.
    Server,
    /// The peer is the TLS client; it connected to us.
    Client,
}

/// Which certificates are believed.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Those in a list, byte for byte, and those whose chain ends at a CA in it.
    Listed(TrustList),
    /// Those that an installed CTL lists with one of these roles: how a phone judges CUCM.
    Ctl {
        /// The installed list.
        list: Arc<SignedCtl>,
        /// Roles that are good enough, such as [`Role::Ccm`] and [`Role::CcmTftp`] for port 5061.
        roles: Vec<Role>,
    },
    /// Any certificate.
    Anyone,
}

/// Which names a certificate may bear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    /// Any name.
    Any,
    /// CUCM's X.509 subject rule: see [`matches_name`]. An empty list lets nobody in.
    OneOf(Vec<String>),
    /// The rule for a phone: see [`matches_device`].
    Device(String),
}

/// How a party judges the certificate its peer presents.
#[derive(Clone, Debug)]
pub struct PeerRule {
    /// Whom to believe.
    pub trust: Trust,
    /// Which names are right.
    pub names: Names,
    /// Whether certificates outside their validity are refused.
    pub check_validity: bool,
    /// Whether a certificate must be usable for the role the peer plays.
    pub check_usage: bool,
}

impl PeerRule {
    /// Believes `trust`, with validity and usage checked and any name accepted.
    pub fn new(trust: Trust) -> Self {
        Self { trust, names: Names::Any, check_validity: true, check_usage: true }
    }

    /// Believes what a list holds or vouches for.
    pub fn listed(list: TrustList) -> Self {
        Self::new(Trust::Listed(list))
    }

    /// Believes anyone who presents a readable certificate: for peers whose identity is no matter of the test.
    pub fn anyone() -> Self {
        Self { trust: Trust::Anyone, names: Names::Any, check_validity: false, check_usage: false }
    }

    /// How a phone judges CUCM's SIP port: listed as call manager in its CTL, name no matter.
    pub fn phone(list: Arc<SignedCtl>) -> Self {
        Self::new(Trust::Ctl { list, roles: vec![Role::Ccm, Role::CcmTftp] })
    }

    /// The same with CUCM's X.509 subject rule for these names.
    pub fn with_names(self, names: Vec<String>) -> Self {
        Self { names: Names::OneOf(names), ..self }
    }

    /// Judges what a peer presented: its own certificate first, then those that lead to its issuer, each in DER. `purpose` is the
    /// role the peer plays, `now` the wall time that validity is compared with.
    pub fn judge<C: AsRef<[u8]>>(&self, chain: &[C], purpose: Purpose, now: SystemTime) -> Result<(), Refusal> {
        let leaf = chain.first().ok_or(Refusal::NoCertificate { purpose })?;
        let leaf = chain::readable(leaf.as_ref())?;
        self.judge_trust(&leaf, chain.get(1..).unwrap_or_default(), now)?;
        if self.check_validity {
            chain::within_validity(&leaf, now)?;
        }
        if self.check_usage {
            judge_usage(&leaf, purpose)?;
        }
        self.judge_name(&leaf)
    }

    fn judge_trust<C: AsRef<[u8]>>(&self, leaf: &Certificate, others: &[C], now: SystemTime) -> Result<(), Refusal> {
        match &self.trust {
            Trust::Anyone => Ok(()),
            Trust::Listed(list) if list.contains(leaf.der()) => Ok(()),
            Trust::Listed(list) => chain::leads_to(list, leaf, others, self.check_validity.then_some(now)),
            Trust::Ctl { list, roles } => {
                let held = list.roles_of(leaf);
                if held.iter().any(|role| roles.contains(role)) {
                    return Ok(());
                }
                Err(Refusal::NotInCtl { subject: leaf.subject().to_owned(), held, needed: roles.clone() })
            }
        }
    }

    fn judge_name(&self, leaf: &Certificate) -> Result<(), Refusal> {
        match &self.names {
            Names::Any => Ok(()),
            Names::OneOf(allowed) if matches_name(leaf, allowed) => Ok(()),
            Names::OneOf(allowed) => Err(Refusal::WrongName { presented: leaf.names(), allowed: allowed.clone() }),
            Names::Device(device) if matches_device(leaf, device) => Ok(()),
            Names::Device(device) => Err(Refusal::WrongDevice { presented: leaf.names(), device: device.clone() }),
        }
    }
}

fn judge_usage(leaf: &Certificate, purpose: Purpose) -> Result<(), Refusal> {
    let usable = leaf.usages().is_none_or(|usages| match purpose {
        Purpose::Server => usages.server,
        Purpose::Client => usages.client,
    });
    if usable { Ok(()) } else { Err(Refusal::WrongUsage { subject: leaf.subject().to_owned(), needed: purpose }) }
}
