//! Each rule seen to refuse and to let pass.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::*;
use crate::cert::fixture::{capf, now, publisher, quick, start, subscriber};
use crate::cert::{Certificate, Identity, KeyKind, KeyUse, PrivateKey, Request, Usages};
use crate::ctl::{Ctl, Record, Role};

fn judge(rule: &PeerRule, certificate: &Certificate, now: SystemTime) -> Result<(), &'static str> {
    rule.judge(&[certificate], Purpose::Client, now).map_err(|refusal| {
        let text = refusal.to_string();
        assert!(text.ends_with(refusal.advice()), "{text}");
        refusal.rule()
    })
}

fn listing(certificate: &Certificate) -> PeerRule {
    PeerRule::listed(TrustList::call_manager_trust().with(certificate.clone()))
}

fn recorder(request: Request) -> Certificate {
    quick(request).certificate
}

#[test]
fn a_listed_certificate_is_believed_and_another_of_the_same_name_is_not() {
    let request = || Request::recorder("192.0.2.196".parse().unwrap(), start());
    let (mine, twin) = (recorder(request()), recorder(request()));
    assert_eq!(judge(&listing(&mine), &mine, now()), Ok(()));
    // A certificate that says of itself it is no ca cannot vouch for one of the same name.
    assert_eq!(judge(&listing(&mine), &twin, now()), Err("issuer-not-ca"));
    assert_eq!(judge(&listing(&mine), &publisher().certificate, now()), Err("callmanager-trust"));
    assert_eq!(judge(&PeerRule::listed(TrustList::trusted_certificates()), &mine, now()), Err("trusted-certificates"));
    assert_eq!(judge(&PeerRule::anyone(), &mine, now()), Ok(()));
}

#[test]
fn a_peer_without_a_certificate_is_refused_by_its_role() {
    let rule = PeerRule::anyone();
    let refuse = |purpose| rule.judge::<&[u8]>(&[], purpose, now()).unwrap_err().rule();
    assert_eq!((refuse(Purpose::Client), refuse(Purpose::Server)), ("no-client-certificate", "no-server-certificate"));
}

#[test]
fn validity_is_judged_to_the_second_though_the_certificate_is_pinned() {
    let mine = recorder(Request::new("rec", start()).valid_for(Duration::from_secs(3600)));
    let at = |offset: i64| {
        let length = Duration::from_secs(offset.unsigned_abs());
        judge(&listing(&mine), &mine, if offset < 0 { start() - length } else { start() + length })
    };
    assert_eq!([at(-1), at(0), at(3600), at(3601)], [Err("not-yet-valid"), Ok(()), Ok(()), Err("expired")]);
    assert_eq!(judge(&listing(&mine), &mine, start() + Duration::from_millis(3_600_999)), Ok(()));
    let blind = PeerRule { check_validity: false, ..listing(&mine) };
    assert_eq!(judge(&blind, &mine, start() + Duration::from_secs(9999)), Ok(()));
}

#[test]
fn the_usage_has_to_fit_the_role_the_peer_plays() {
    let check = |usages: Usages, purpose| {
        let mine = recorder(Request::new("rec", start()).with_usages(usages));
        listing(&mine).judge(&[&mine], purpose, now()).map_err(|refusal| refusal.rule())
    };
    let wrong = Err("extended-key-usage");
    assert_eq!(check(Usages::SERVER, Purpose::Server), Ok(()));
    assert_eq!(check(Usages::SERVER, Purpose::Client), wrong);
    assert_eq!(check(Usages::CLIENT, Purpose::Client), Ok(()));
    assert_eq!(check(Usages::CLIENT, Purpose::Server), wrong);
    assert_eq!(check(Usages::NONE, Purpose::Server), Ok(()), "no extension allows every use");
    assert_eq!(check(Usages { ipsec: true, ..Usages::NONE }, Purpose::Client), wrong);
    let mine = recorder(Request::new("rec", start()).with_usages(Usages::SERVER));
    assert_eq!(judge(&PeerRule { check_usage: false, ..listing(&mine) }, &mine, now()), Ok(()));
}

#[test]
fn the_x509_subject_rule_refuses_a_trusted_certificate_of_another_name() {
    let mine = recorder(Request::recorder("192.0.2.196".parse().unwrap(), start()));
    let named = |names: &str| judge(&listing(&mine).with_names(parse_x509_names(names)), &mine, now());
    assert_eq!(named("rec-1;192.0.2.196"), Ok(()));
    assert_eq!(named("rec-1;192.0.2.197"), Err("x509-subject"));
    assert_eq!(named(""), Err("x509-subject"));
    let refusal =
        listing(&mine).with_names(vec!["rec-1".to_owned()]).judge(&[&mine], Purpose::Client, now()).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "the certificate names \"192.0.2.196\", expected one of \"rec-1\"; \
         set X.509 Subject Name in the sip trunk security profile to a name the certificate bears"
    );
}

#[test]
fn a_phone_is_admitted_by_its_capf_and_its_device_name() {
    let lsc = |device: &str| {
        let request = Request::phone_lsc(device, start()).with_key(KeyKind::EcP256);
        Identity::issued_by(&request, capf()).unwrap().certificate
    };
    let mine = lsc("SEP001122334455");
    let rule = PeerRule { names: Names::Device("SEP001122334455".to_owned()), ..listing(&capf().certificate) };
    assert_eq!(judge(&rule, &mine, now()), Ok(()));
    assert_eq!(judge(&rule, &lsc("SEP001122334456"), now()), Err("device-name"));
    assert_eq!(judge(&listing(&publisher().certificate), &mine, now()), Err("callmanager-trust"));
    let expired_ca = start() + Duration::from_secs(6 * 365 * 24 * 3600);
    let long = Request::new("SEP001122334455", start())
        .with_key(KeyKind::EcP256)
        .valid_for(Duration::from_secs(10 * 365 * 24 * 3600));
    let outliving = Identity::issued_by(&long, capf()).unwrap().certificate;
    let refusal = listing(&capf().certificate).judge(&[&outliving], Purpose::Client, expired_ca).unwrap_err();
    assert!(matches!(&refusal, Refusal::Expired { subject, .. } if subject == "CN=CAPF-a1b2c3d4"), "{refusal}");
}

#[test]
fn a_signature_by_another_key_of_the_cas_name_is_refused() {
    let impostor = quick(Request::authority("CAPF-a1b2c3d4", start()));
    let forged = Identity::issued_by(&Request::new("SEP1", start()).with_key(KeyKind::EcP256), &impostor).unwrap();
    assert_eq!(judge(&listing(&capf().certificate), &forged.certificate, now()), Err("signature"));
}

#[test]
fn a_chain_is_climbed_over_what_the_peer_sent_and_each_step_is_checked() {
    let intermediate = |request: Request| Identity::issued_by(&request.with_key(KeyKind::EcP256), capf()).unwrap();
    let good = intermediate(Request::authority("issuing", start()));
    let leaf = Identity::issued_by(&Request::new("rec", start()).with_key(KeyKind::EcP256), &good).unwrap().certificate;
    let rule = listing(&capf().certificate);
    let judge = |chain: &[&Certificate]| rule.judge(chain, Purpose::Client, now()).map_err(|refusal| refusal.rule());
    assert_eq!(judge(&[&leaf, &good.certificate]), Ok(()));
    assert_eq!(judge(&[&leaf, &publisher().certificate, &good.certificate]), Ok(()), "order and extras do not matter");
    assert_eq!(judge(&[&leaf]), Err("callmanager-trust"), "the intermediate is missing");
    let no_ca = intermediate(Request::new("issuing", start()));
    let leaf =
        Identity::issued_by(&Request::new("rec", start()).with_key(KeyKind::EcP256), &no_ca).unwrap().certificate;
    assert_eq!(judge(&[&leaf, &no_ca.certificate]), Err("issuer-not-ca"));
    let short = intermediate(Request::authority("issuing", start()).valid_for(Duration::from_secs(60)));
    let leaf =
        Identity::issued_by(&Request::new("rec", start()).with_key(KeyKind::EcP256), &short).unwrap().certificate;
    assert_eq!(judge(&[&leaf, &short.certificate]), Err("expired"));
}

#[test]
fn a_ca_that_may_not_sign_or_not_that_far_is_no_issuer() {
    let judge = |root: &Identity, chain: &[&Certificate]| {
        listing(&root.certificate).judge(chain, Purpose::Client, now()).map_err(|refusal| refusal.rule())
    };
    let request = || Request::new("rec", start()).with_key(KeyKind::EcP256);
    let mute = quick(Request { key_usage: vec![KeyUse::DigitalSignature], ..Request::authority("mute", start()) });
    let leaf = Identity::issued_by(&request(), &mute).unwrap().certificate;
    assert_eq!(judge(&mute, &[&leaf]), Err("issuer-not-ca"));

    let short = short_root();
    let leaf = Identity::issued_by(&request(), &short).unwrap().certificate;
    assert_eq!(judge(&short, &[&leaf]), Ok(()));
    let middle = Request::authority("middle", start()).with_key(KeyKind::EcP256);
    let middle = Identity::issued_by(&middle, &short).unwrap();
    let leaf = Identity::issued_by(&request(), &middle).unwrap().certificate;
    assert_eq!(judge(&short, &[&leaf, &middle.certificate]), Err("issuer-not-ca"));
}

/// A root whose path length of 0 allows no further CA below it.
fn short_root() -> Identity {
    let pair = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, "short");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
    let made = params.self_signed(&pair).unwrap();
    let key = PrivateKey::from_pkcs8(pair.serialized_der()).unwrap();
    Identity::new(Certificate::from_der(made.der()).unwrap(), key).unwrap()
}

#[test]
fn a_circle_of_issuers_ends() {
    let root = quick(Request::authority("loop", start()));
    let leaf = Identity::issued_by(&Request::new("rec", start()).with_key(KeyKind::EcP256), &root).unwrap().certificate;
    let refuse = |twins: usize| {
        let renewed = || root.renewed(&Request::authority("loop", start())).unwrap().certificate;
        let chain: Vec<Certificate> = std::iter::once(leaf.clone()).chain((0..twins).map(|_| renewed())).collect();
        listing(&capf().certificate).judge(&chain, Purpose::Client, now()).unwrap_err().rule()
    };
    assert_eq!(refuse(3), "callmanager-trust");
    assert_eq!(refuse(20), "unreadable-certificate", "more than any honest peer sends");
}

#[test]
fn what_the_tls_library_cannot_handle_is_refused_with_its_reason() {
    let read = |text: &str| Certificate::from_pem(text).unwrap();
    let first = read(include_str!("../../../../testdata/certificates/version1.pem"));
    assert_eq!(judge(&listing(&first), &first, now()), Err("x509-version"));
    let strange = read(include_str!("../../../../testdata/certificates/critical-extension.pem"));
    assert_eq!(judge(&listing(&strange), &strange, now()), Err("critical-extension"));
    let garbage = PeerRule::anyone().judge(&[b"garbage"], Purpose::Server, now()).unwrap_err();
    assert_eq!(garbage.rule(), "unreadable-certificate");
}

#[test]
fn a_cucm_certificate_signed_with_sha1_is_believed_when_pinned() {
    let old = Certificate::from_pem(include_str!("../../../../testdata/certificates/cucm-2018.pem")).unwrap();
    assert_eq!(judge(&listing(&old), &old, old.not_before()), Ok(()));
}

#[test]
fn a_phone_believes_the_call_managers_of_its_ctl_and_nobody_else() {
    let mut ctl = Ctl::tokenless(start(), "cucm-pub", publisher());
    ctl.records.push(Record::new(Role::Capf, "", &capf().certificate));
    let list = Arc::new(Ctl::parse(&ctl.sign(publisher()).unwrap()).unwrap());
    let rule = PeerRule::phone(list);
    let judge = |certificate: &Certificate| {
        rule.judge(&[certificate], Purpose::Server, now()).map_err(|refusal| refusal.to_string())
    };
    assert_eq!(judge(&publisher().certificate), Ok(()));
    assert!(
        judge(&subscriber().certificate)
            .unwrap_err()
            .contains("has no role in the installed ctl, expected CCM or CCM+TFTP")
    );
    assert!(judge(&capf().certificate).unwrap_err().contains("has CAPF in the installed ctl"));
}
