//! Why a peer was refused, in words a person can act on.

use thiserror::Error;

use super::Purpose;
use crate::ctl::Role;

/// Why a certificate was refused: what was presented, which rule refused it, what to do.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The peer presented nothing.
    #[error("the tls {} presented no certificate, expected one (mutual tls); {advice}", role(*purpose), advice = self.advice())]
    NoCertificate {
        /// The role the peer played.
        purpose: Purpose,
    },
    /// What the peer presented is no certificate, or more than is read.
    #[error("the peer's certificate cannot be read: {why}; {}", self.advice())]
    Unreadable {
        /// What is wrong with it.
        why: String,
    },
    /// The certificate is of X.509 version 1 or 2.
    #[error("got an x.509 v{version} certificate of {subject}, expected v3; {}", self.advice())]
    OldVersion {
        /// Whose certificate.
        subject: String,
        /// Its version.
        version: u32,
    },
    /// The certificate has a critical extension that nobody here understands.
    #[error("the certificate of {subject} has the critical extension {oid}, which is not understood; {}", self.advice())]
    StrangeExtension {
        /// Whose certificate.
        subject: String,
        /// The extension in dotted form.
        oid: String,
    },
    /// Neither the certificate nor any of its issuers is listed.
    #[error("the certificate of {subject} (issuer {issuer}) is not in {list} and no ca there vouches for it; {}", self.advice())]
    NotTrusted {
        /// Whose certificate.
        subject: String,
        /// The issuer at which the chain ended.
        issuer: String,
        /// What the list is called.
        list: &'static str,
        /// The stable code of the list's rule.
        rule: &'static str,
    },
    /// The installed CTL does not list the certificate with a role that is good enough.
    #[error("the certificate of {subject} has {} in the installed ctl, expected {}; {}", roles(held), roles(needed), self.advice())]
    NotInCtl {
        /// Whose certificate.
        subject: String,
        /// The roles with which it is listed; none where it is not.
        held: Vec<Role>,
        /// The roles that would do.
        needed: Vec<Role>,
    },
    /// A CA's name fits and its signature does not.
    #[error("the signature of {issuer} on the certificate of {subject}: {why}; {}", self.advice())]
    BadSignature {
        /// Whose certificate.
        subject: String,
        /// Who seems to have signed it.
        issuer: String,
        /// What is wrong with the signature.
        why: String,
    },
    /// The issuer's certificate does not allow it to issue.
    #[error("the certificate of {subject} was issued by {issuer}, which is no ca for it; {}", self.advice())]
    IssuerNotAuthority {
        /// Whose certificate.
        subject: String,
        /// Who issued it.
        issuer: String,
    },
    /// Validity has not begun.
    #[error("the certificate of {subject} is valid from {not_before}, and now it is {now}; {}", self.advice())]
    NotYetValid {
        /// Whose certificate.
        subject: String,
        /// First second of validity.
        not_before: String,
        /// The time it was compared with.
        now: String,
    },
    /// Validity is over.
    #[error("the certificate of {subject} expired at {not_after}, and now it is {now}; {}", self.advice())]
    Expired {
        /// Whose certificate.
        subject: String,
        /// Last second of validity.
        not_after: String,
        /// The time it was compared with.
        now: String,
    },
    /// The extended key usage does not allow what the peer did.
    #[error("the certificate of {subject} is not made for a tls {}: its extended key usage lacks {}; {}", role(*needed), usage(*needed), self.advice())]
    WrongUsage {
        /// Whose certificate.
        subject: String,
        /// The role the peer played.
        needed: Purpose,
    },
    /// No name in the certificate is one of the allowed.
    #[error("the certificate names {}, expected one of {}; {}", names(presented), names(allowed), self.advice())]
    WrongName {
        /// Common name and subject alternative names.
        presented: Vec<String>,
        /// The names configured.
        allowed: Vec<String>,
    },
    /// The certificate is not this phone's.
    #[error("the certificate names {}, expected the device name {device}; {}", names(presented), self.advice())]
    WrongDevice {
        /// Common name and subject alternative names.
        presented: Vec<String>,
        /// The device that is registering.
        device: String,
    },
}

impl Refusal {
    /// The rule that refused, as a stable code for reports and tests.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::NoCertificate { purpose: Purpose::Client } => "no-client-certificate",
            Self::NoCertificate { purpose: Purpose::Server } => "no-server-certificate",
            Self::Unreadable { .. } => "unreadable-certificate",
            Self::OldVersion { .. } => "x509-version",
            Self::StrangeExtension { .. } => "critical-extension",
            Self::NotTrusted { rule, .. } => rule,
            Self::NotInCtl { .. } => "ctl",
            Self::BadSignature { .. } => "signature",
            Self::IssuerNotAuthority { .. } => "issuer-not-ca",
            Self::NotYetValid { .. } => "not-yet-valid",
            Self::Expired { .. } => "expired",
            Self::WrongUsage { .. } => "extended-key-usage",
            Self::WrongName { .. } => "x509-subject",
            Self::WrongDevice { .. } => "device-name",
        }
    }

    /// Every code that [`Self::rule`] can give for a peer of CUCM or of a recorder.
    pub const RULES: [&'static str; 15] = [
        "no-client-certificate",
        "no-server-certificate",
        "unreadable-certificate",
        "x509-version",
        "critical-extension",
        "callmanager-trust",
        "trusted-certificates",
        "ctl",
        "signature",
        "issuer-not-ca",
        "not-yet-valid",
        "expired",
        "extended-key-usage",
        "x509-subject",
        "device-name",
    ];

    /// What to do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::NoCertificate { .. } => "configure the peer to present its certificate",
            Self::Unreadable { .. } => "export the certificate again and present only it and its issuers",
            Self::OldVersion { .. } => "issue the certificate again as x.509 v3",
            Self::StrangeExtension { .. } => "issue the certificate again without that extension, or not critical",
            Self::NotTrusted { .. } => "import the peer's certificate, or its ca, on this side",
            Self::NotInCtl { .. } => "update the ctl file on cucm (utils ctl update CTLFile) and restart the phone",
            Self::BadSignature { .. } => {
                "import the ca certificate that really signed, or have the certificate issued again"
            }
            Self::IssuerNotAuthority { .. } => {
                "have the certificate issued by a ca (basic constraints CA:TRUE), or import the certificate itself"
            }
            Self::NotYetValid { .. } => "compare the clocks of both sides",
            Self::Expired { .. } => "renew the certificate and import the new one on the other side",
            Self::WrongUsage { .. } => {
                "issue the certificate for both server and client authentication, as mutual tls needs"
            }
            Self::WrongName { .. } => {
                "set X.509 Subject Name in the sip trunk security profile to a name the certificate bears"
            }
            Self::WrongDevice { .. } => "install the phone's own certificate (lsc)",
        }
    }
}

fn role(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Server => "server",
        Purpose::Client => "client",
    }
}

fn usage(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Server => "serverAuth",
        Purpose::Client => "clientAuth",
    }
}

fn roles(roles: &[Role]) -> String {
    if roles.is_empty() {
        return "no role".to_owned();
    }
    let names: Vec<String> = roles.iter().map(Role::to_string).collect();
    names.join(" or ")
}

fn names(names: &[String]) -> String {
    if names.is_empty() {
        return "nobody".to_owned();
    }
    let quoted: Vec<String> = names.iter().take(8).map(|name| format!("{name:?}")).collect();
    quoted.join(", ")
}
