//! A CTL to its bytes.

use super::tlv::{PADDING, fits, put, put_text};
use super::{Ctl, CtlError, Record};
use crate::cert::{Certificate, Identity};

/// Writes and signs the file.
pub(super) fn signed(ctl: &Ctl, signer: &Identity) -> Result<Vec<u8>, CtlError> {
    let refused = || CtlError::SignerKey { subject: signer.certificate.subject().to_owned() };
    let modulus = modulus_code(&signer.certificate).ok_or_else(refused)?;
    let records = ctl.records.iter().map(record).collect::<Result<Vec<_>, _>>()?.concat();
    let (before, after) = header(ctl, &signer.certificate, SHA_512, modulus)?;
    let signed = [before.as_slice(), &after, &records].concat();
    let signature = signer.sign_rsa_sha512(&signed).ok_or_else(refused)?;
    let mut file = before;
    put(&mut file, 12, &signature);
    file.extend_from_slice(&after);
    file.extend_from_slice(&records);
    Ok(file)
}

/// The header's two parts, before and after the signature item. The header length it names counts that item and the padding.
pub(super) fn header(ctl: &Ctl, signer: &Certificate, digest: u8, modulus: u8) -> Result<(Vec<u8>, Vec<u8>), CtlError> {
    let mut signer_id = Vec::new();
    put_text(&mut signer_id, 4, signer.subject());
    put(&mut signer_id, 5, signer.serial_bytes());
    put_text(&mut signer_id, 6, signer.issuer());
    fits("the signer's names", signer_id.len())?;
    fits("the file name", ctl.file_name.len() + 1)?;

    let mut after = Vec::new();
    put_text(&mut after, 14, &ctl.file_name);
    put(&mut after, 15, &ctl.timestamp.to_be_bytes());

    let mut before = Vec::new();
    put(&mut before, 1, &[1, 2]);
    put(&mut before, 2, &[0, 0]);
    if let Some((major, minor)) = ctl.signer_version {
        put(&mut before, 28, &[major, minor]);
    }
    put(&mut before, 3, &signer_id);
    put(&mut before, 7, &[8, 0, 1, digest, 9, 0, 8, 10, 0, 1, RSA_PKCS1, 11, 0, 1, modulus]);

    let unpadded = before.len() + 3 + signature_length(modulus) + after.len();
    let padded = unpadded.next_multiple_of(4);
    after.resize(after.len() + padded - unpadded, PADDING);
    before[HEADER_LENGTH_AT..HEADER_LENGTH_AT + 2].copy_from_slice(&fits("the header", padded)?.to_be_bytes());
    Ok((before, after))
}

/// One record; its first item holds the length of the whole.
pub(super) fn record(record: &Record) -> Result<Vec<u8>, CtlError> {
    let mut out = Vec::new();
    put(&mut out, 1, &[0, 0]);
    for (tag, text) in [(2, &record.name), (3, &record.subject)] {
        fits("a name", text.len() + 1)?;
        if tag == 2 || !text.is_empty() {
            put_text(&mut out, tag, text);
        }
    }
    put(&mut out, 4, &record.role.code().to_be_bytes());
    if !record.issuer.is_empty() {
        fits("a name", record.issuer.len() + 1)?;
        put_text(&mut out, 5, &record.issuer);
    }
    let certificate = record.certificate.as_deref().unwrap_or_default();
    let address = record.address.map(|address| address.octets());
    let items: [(u8, &[u8]); 6] = [
        (6, &record.serial),
        (7, &record.public_key),
        (8, &record.signature),
        (9, certificate),
        (10, address.as_ref().map_or(&[], <[u8; 4]>::as_slice)),
        (11, record.certificate_sha1.as_ref().map_or(&[], <[u8; 20]>::as_slice)),
    ];
    for (tag, value) in items.into_iter().filter(|(_, value)| !value.is_empty()) {
        fits("an item", value.len())?;
        put(&mut out, tag, value);
    }
    let length = fits("a record", out.len())?;
    out[RECORD_LENGTH_AT..RECORD_LENGTH_AT + 2].copy_from_slice(&length.to_be_bytes());
    Ok(out)
}

/// Bytes of a signature by a key with this modulus code.
pub(super) fn signature_length(modulus: u8) -> usize {
    64 << usize::from(modulus.min(3))
}

/// The code of the signer's modulus length; `None` where the key is not RSA of a length that has a code.
fn modulus_code(signer: &Certificate) -> Option<u8> {
    (1..=3).find(|code| signer.rsa_modulus_bytes() == Some(signature_length(*code)))
}

pub(super) const SHA_512: u8 = 3;
pub(super) const RSA_PKCS1: u8 = 0;
const HEADER_LENGTH_AT: usize = 8;
const RECORD_LENGTH_AT: usize = 3;
