//! Layout to the byte, signatures, and what a phone accepts in place of what.

use std::net::Ipv4Addr;

use super::tlv::put;
use super::*;
use crate::cert::Certificate;
use crate::cert::Request;
use crate::cert::fixture::{capf, now, publisher, quick, start, subscriber};

/// Laid out by a script and signed by OpenSSL: RSA-1024, SHA-1, item 6 before item 5.
const FOREIGN: &[u8] = include_bytes!("../../../../testdata/certificates/ctl-sha1-rsa1024.tlv");

fn file(ctl: &Ctl, signer: &Identity) -> SignedCtl {
    Ctl::parse(&ctl.sign(signer).unwrap()).unwrap()
}

fn list() -> Ctl {
    let mut ctl = Ctl::tokenless(now(), "cucm-pub", publisher());
    ctl.records[1].address = Some(Ipv4Addr::new(192, 0, 2, 10));
    ctl.records.push(Record::new(Role::Capf, "", &capf().certificate));
    ctl
}

#[test]
fn what_was_written_is_read_back() {
    for signer_version in [None, Some((1, 0))] {
        let ctl = Ctl { signer_version, ..list() };
        let read = file(&ctl, publisher());
        assert_eq!(read.ctl(), &ctl);
        assert_eq!(read.signer().subject, publisher().certificate.subject());
        assert_eq!(read.signer().serial, publisher().certificate.serial_bytes());
        assert_eq!(read.digest(), Digest::Sha512);
        assert_eq!(read.verify(), Ok(()));
    }
}

#[test]
fn header_and_signer_id_have_the_published_sizes_for_the_same_key_and_name_lengths() {
    let small = Certificate::from_pem(include_str!("../../../../testdata/certificates/rsa1024.pem")).unwrap();
    assert_eq!((small.subject().len(), small.serial_bytes().len()), (61, 16));
    let (before, after) = write::header(&Ctl::new(now(), Vec::new()), &small, 1, 1).unwrap();
    let sizes = [5 + 5, 3, 65 + 19 + 65, 3 + 4 + 3 + 4 + 4];
    assert_eq!(before.len(), sizes.iter().sum::<usize>());
    assert_eq!(after.len(), 15 + 7 + 3);
    assert_eq!(before.len() + 131 + after.len(), 336);
    assert_eq!(before[6..10], [0, 2, 0x01, 0x50], "the header length is 336");
    assert_eq!(before[10..13], [3, 0, 149], "the signer id is 149");
    assert_eq!(after[after.len() - 4..], [after[after.len() - 4], 13, 13, 13]);
    assert_eq!(FOREIGN[..before.len()][..13], before[..13], "the script's header begins alike");
}

#[test]
fn a_file_adds_up_from_header_and_records() {
    let names = "n".repeat(61);
    let record = |name: usize, certificate: usize, address| Record {
        name: "n".repeat(name),
        subject: names.clone(),
        issuer: names.clone(),
        serial: vec![1; 16],
        public_key: vec![2; 140],
        signature: vec![3; 128],
        certificate: Some(vec![4; certificate]),
        address,
        ..Record::emptied(Role::Sast, "", None)
    };
    let length = |record: &Record| write::record(record).unwrap().len();
    let address = Some(Ipv4Addr::LOCALHOST);
    let records = [record(15, 694, address), record(15, 694, address), record(0, 698, None), record(15, 699, address)];
    let lengths: Vec<usize> = records.iter().map(length).collect();
    assert_eq!(lengths, [1156, 1156, 1138, 1161]);
    assert_eq!(336 + lengths.iter().sum::<usize>(), 4947);
    assert_eq!(length(&Record::emptied(Role::CcmTftp, "198.51.10.33", address)), 33);
}

#[test]
fn the_header_is_padded_to_four_whatever_the_name() {
    for length in 1..9 {
        let ctl = Ctl { file_name: "x".repeat(length), ..list() };
        let bytes = ctl.sign(publisher()).unwrap();
        assert_eq!(u16::from_be_bytes([bytes[8], bytes[9]]) % 4, 0, "{length}");
        assert_eq!(Ctl::parse(&bytes).unwrap().ctl(), &ctl);
    }
}

#[test]
fn a_file_of_a_foreign_writer_with_sha1_and_a_short_key_is_read_and_verified() {
    let read = Ctl::parse(FOREIGN).unwrap();
    assert_eq!((read.digest(), read.verify(), read.accept(None)), (Digest::Sha1, Ok(()), Ok(())));
    assert_eq!(read.ctl().timestamp, 1_400_000_000);
    let certificate = Certificate::from_pem(include_str!("../../../../testdata/certificates/rsa1024.pem")).unwrap();
    assert_eq!(read.roles_of(&certificate), [Role::Sast, Role::CcmTftp]);
    assert_eq!(read.records()[0].public_key, certificate.public_key_bytes());
}

#[test]
fn every_changed_byte_is_noticed() {
    let bytes = list().sign(publisher()).unwrap();
    let whole = Ctl::parse(&bytes).unwrap();
    // The installed list is the judge, so that a file cannot bring its own key along.
    for at in (0..bytes.len()).step_by(7) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x40;
        if let Ok(read) = Ctl::parse(&changed) {
            assert!(read.accept(Some(&whole)).is_err(), "byte {at} was changed unnoticed");
        }
    }
}

#[test]
fn the_first_list_is_believed_and_a_later_one_only_from_an_installed_token() {
    let first = file(&list(), publisher());
    assert_eq!(first.accept(None), Ok(()));
    let mut next = list();
    next.timestamp += 60;
    next.records.push(Record::new(Role::CcmTftp, "cucm-sub", &subscriber().certificate));
    assert_eq!(file(&next, publisher()).accept(Some(&first)), Ok(()));
    assert_eq!(first.accept(Some(&first)), Ok(()), "the same file again");

    let foreign = file(&Ctl::tokenless(now(), "evil", subscriber()), subscriber());
    assert_eq!(foreign.accept(None), Ok(()), "nothing is installed, so anybody's list is believed");
    let refusal = foreign.accept(Some(&first)).unwrap_err();
    assert_eq!(refusal.rule(), "ctl-signer");
    assert!(refusal.to_string().contains("signed by CN=cucm-sub;"), "{refusal}");

    let refusal = foreign.accept(Some(&file(&next, publisher()))).unwrap_err();
    assert_eq!(refusal.rule(), "ctl-signer", "a call manager of the installed list is no token");

    next.records.push(Record::new(Role::Sast, "", &subscriber().certificate));
    let handed_over = file(&next, publisher());
    assert_eq!(foreign.accept(Some(&handed_over)), Ok(()), "a token added by the old one may sign");
}

#[test]
fn a_signer_who_only_claims_a_tokens_name_is_refused() {
    let first = file(&list(), publisher());
    let mut forged = list().sign(publisher()).unwrap();
    let at = first.signature_item.start + 10;
    forged[at] ^= 1;
    let refusal = Ctl::parse(&forged).unwrap().accept(Some(&first)).unwrap_err();
    assert_eq!(refusal.rule(), "ctl-signature");
    let unlisted = file(&list(), subscriber());
    assert_eq!(unlisted.verify().unwrap_err().rule(), "ctl-signer", "the signer is not in its own file");
}

#[test]
fn records_are_found_by_certificate_and_role() {
    let mut ctl = list();
    ctl.records.push(Record {
        certificate_sha1: Some(subscriber().certificate.hash_sha1()),
        ..Record::emptied(Role::Tvs, "cucm-sub", None)
    });
    let bare = quick(Request::new("bare", start())).certificate;
    ctl.records.push(Record { certificate: None, ..Record::new(Role::Other(99), "bare", &bare) });
    let read = file(&ctl, publisher());
    let found = |certificate: &Certificate, role| read.lookup(certificate.der(), role).is_some();
    assert!(found(&publisher().certificate, Role::Sast) && found(&publisher().certificate, Role::CcmTftp));
    assert!(!found(&publisher().certificate, Role::Capf));
    assert!(found(&subscriber().certificate, Role::Tvs), "by its hash");
    assert!(found(&bare, Role::Other(99)), "by issuer, serial number and key");
    assert!(read.lookup(b"no certificate", Role::Ccm).is_none());
    assert_eq!(read.with_role(&[Role::Capf, Role::Tvs]).count(), 2);
}

#[test]
fn a_cluster_set_back_to_non_secure_keeps_a_signed_list_without_call_managers() {
    let secure = file(&list(), publisher());
    let emptied = file(&list().emptied(), publisher());
    assert_eq!(emptied.accept(Some(&secure)), Ok(()));
    assert!(secure.is_mixed_mode() && !emptied.is_mixed_mode());
    assert!(emptied.lookup(publisher().certificate.der(), Role::CcmTftp).is_none());
    assert!(emptied.lookup(publisher().certificate.der(), Role::Sast).is_some());
}

#[test]
fn a_signer_without_an_rsa_key_is_refused() {
    let error = list().sign(capf()).unwrap_err();
    assert_eq!(error, CtlError::SignerKey { subject: "CN=CAPF-a1b2c3d4".to_owned() });
    let huge = Record { name: "n".repeat(70_000), ..Record::emptied(Role::Ccm, "", None) };
    let ctl = Ctl::new(now(), vec![huge]);
    assert_eq!(ctl.sign(publisher()), Err(CtlError::TooLarge { what: "a name", got: 70_001, limit: 65535 }));
}

#[test]
fn damaged_files_name_the_place() {
    let good = list().sign(publisher()).unwrap();
    let check = |bytes: &[u8], expected: &str| {
        let error = Ctl::parse(bytes).unwrap_err().to_string();
        assert!(error.contains(expected), "got {error}, expected {expected}");
    };
    let changed = |at: usize, to: u8| {
        let mut bytes = good.clone();
        bytes[at] = to;
        bytes
    };
    check(&[], "ends in header at byte 0: got 0 bytes, expected 3");
    check(&good[..200], "ends in header");
    check(&good[..good.len() - 1], "ends in record");
    check(&vec![0; 1024 * 1024 + 1], "at most 1048576");
    check(&changed(0, 9), "begins with item 1");
    check(&changed(4, 3), "version 1.3");
    check(&changed(5, 9), "comes second");
    check(&changed(10, 4), "has no item 3 (signer id)");
    check(&changed(13, 8), "does not belong into this container");
    check(&[&good[..], &[2, 0, 0]].concat(), "a record begins with item 1");
    check(&[&good[..], &[1, 0, 2, 0, 5]].concat(), "has no item 4 (function)");
    let mut twice = vec![1, 0, 2, 0, 19];
    put(&mut twice, 4, &[0, 1]);
    put(&mut twice, 4, &[0, 1]);
    put(&mut twice, 10, &[]);
    twice.push(0);
    check(&[&good[..], &twice].concat(), "occurs twice");
}
