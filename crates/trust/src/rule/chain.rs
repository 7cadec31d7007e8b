//! From a leaf to a listed CA, each signature verified. No name of a host and no revocation list is looked at.

use std::time::SystemTime;

use super::{Refusal, TrustList};
use crate::cert::{Certificate, SignatureError, utc};

/// Reads a certificate and refuses what the TLS library could not handle either, with the reason instead of its bare alert.
pub(super) fn readable(der: &[u8]) -> Result<Certificate, Refusal> {
    let certificate = Certificate::from_der(der).map_err(|error| Refusal::Unreadable { why: error.to_string() })?;
    if certificate.version() != 3 {
        return Err(Refusal::OldVersion { subject: certificate.subject().to_owned(), version: certificate.version() });
    }
    if let Some(oid) = certificate.strange_critical_extension() {
        return Err(Refusal::StrangeExtension { subject: certificate.subject().to_owned(), oid: oid.to_owned() });
    }
    Ok(certificate)
}

pub(super) fn within_validity(certificate: &Certificate, now: SystemTime) -> Result<(), Refusal> {
    let subject = || certificate.subject().to_owned();
    if now < certificate.not_before() {
        return Err(Refusal::NotYetValid {
            subject: subject(),
            not_before: utc(certificate.not_before()),
            now: utc(now),
        });
    }
    if seconds_after(certificate.not_after(), now) {
        return Err(Refusal::Expired { subject: subject(), not_after: utc(certificate.not_after()), now: utc(now) });
    }
    Ok(())
}

/// Climbs from `leaf` through the certificates the peer sent until a CA in `list` has signed. `now` is given where validity counts.
pub(super) fn leads_to<C: AsRef<[u8]>>(
    list: &TrustList,
    leaf: &Certificate,
    others: &[C],
    now: Option<SystemTime>,
) -> Result<(), Refusal> {
    let mut current = leaf.clone();
    let mut sent: Vec<&[u8]> = others.iter().take(LONGEST).map(AsRef::as_ref).collect();
    for depth in 0..LONGEST {
        let mut why = None;
        for anchor in list.list().iter().filter(|anchor| anchor.is_named_issuer_of(&current)) {
            match may_have_issued(anchor, &current, depth, now) {
                Ok(()) => return Ok(()),
                Err(refusal) => why = Some(refusal),
            }
        }
        if let Some(refusal) = why {
            return Err(refusal);
        }
        let Some(next) = take_issuer(&mut sent, &current)? else {
            return Err(Refusal::NotTrusted {
                subject: leaf.subject().to_owned(),
                issuer: current.issuer().to_owned(),
                list: list.name(),
                rule: list.rule(),
            });
        };
        may_have_issued(&next, &current, depth, now)?;
        current = next;
    }
    Err(Refusal::Unreadable { why: format!("the chain has more than {LONGEST} certificates") })
}

/// The first certificate sent whose subject is the issuer of `current`; it is taken out, so that a loop cannot be climbed twice.
fn take_issuer(sent: &mut Vec<&[u8]>, current: &Certificate) -> Result<Option<Certificate>, Refusal> {
    for index in 0..sent.len() {
        let candidate =
            Certificate::from_der(sent[index]).map_err(|error| Refusal::Unreadable { why: error.to_string() })?;
        if candidate.is_named_issuer_of(current) && candidate != *current {
            sent.remove(index);
            return readable(candidate.der()).map(Some);
        }
    }
    Ok(None)
}

fn may_have_issued(
    issuer: &Certificate,
    issued: &Certificate,
    depth: usize,
    now: Option<SystemTime>,
) -> Result<(), Refusal> {
    let room = issuer.path_length().is_none_or(|limit| depth <= limit as usize);
    if !issuer.is_authority() || !room {
        return Err(Refusal::IssuerNotAuthority {
            subject: issued.subject().to_owned(),
            issuer: issuer.subject().to_owned(),
        });
    }
    issued.signed_by(issuer).map_err(|error| Refusal::BadSignature {
        subject: issued.subject().to_owned(),
        issuer: issuer.subject().to_owned(),
        why: match error {
            SignatureError::Wrong => {
                "it does not hold: another key of the same name signed, or the certificate was changed".to_owned()
            }
            unsupported @ SignatureError::Unsupported(_) => unsupported.to_string(),
        },
    })?;
    now.map_or(Ok(()), |now| within_validity(issuer, now))
}

/// Validity ends with its last second, so its fractions are still inside.
fn seconds_after(last: SystemTime, now: SystemTime) -> bool {
    now.duration_since(last).is_ok_and(|over| over.as_secs() >= 1)
}

const LONGEST: usize = 8;
