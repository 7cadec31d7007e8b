//! Bytes to a CTL. Everything is bounded by the file's own length, and nothing is believed twice: each declared length must
//! agree with what it encloses.

use std::net::Ipv4Addr;
use std::ops::Range;

use super::signed::{Digest, SignedCtl, Signer};
use super::tlv::{Item, Reader};
use super::write::{RSA_PKCS1, signature_length};
use super::{Ctl, CtlError, Record, Role};

/// Reads a whole file.
pub(super) fn file(bytes: &[u8]) -> Result<SignedCtl, CtlError> {
    if bytes.len() > LONGEST {
        return Err(CtlError::TooLong { got: bytes.len(), limit: LONGEST });
    }
    let header = header(bytes)?;
    let mut records = Vec::new();
    let mut at = header.end;
    while at < bytes.len() {
        let (record, next) = record(bytes, at)?;
        records.push(record);
        at = next;
    }
    Ok(SignedCtl {
        ctl: Ctl {
            file_name: header.file_name,
            timestamp: header.timestamp,
            signer_version: header.signer_version,
            records,
        },
        signer: header.signer,
        digest: header.digest,
        signature_item: header.signature_item,
        bytes: bytes.to_vec(),
    })
}

struct Header {
    end: usize,
    signer_version: Option<(u8, u8)>,
    signer: Signer,
    digest: Digest,
    signature_item: Range<usize>,
    file_name: String,
    timestamp: u32,
}

fn header(bytes: &[u8]) -> Result<Header, CtlError> {
    let end = header_end(bytes)?;
    let mut reader = Reader::new(&bytes[..end], 0, HEADER);
    let mut items: [Option<Item<'_>>; 29] = [None; 29];
    while !reader.is_at_end() {
        if !reader.skip_padding() {
            keep(&mut items, reader.item()?, HEADER)?;
        }
    }
    let need = |tag: u8, name| items[usize::from(tag)].ok_or(CtlError::Missing { place: HEADER, tag, name });
    let signature = need(12, "signature")?;
    let signature_item = signature.at..signature.at + 3 + signature.value.len();
    let (digest, modulus) = signature_info(bytes, need(7, "signature info")?)?;
    if signature.value.len() != signature_length(modulus) {
        return Err(signature.wrong_length(HEADER, signature.value.len(), signature_length(modulus)));
    }
    Ok(Header {
        end,
        signer_version: items[28].map(|item| item.array::<2>(HEADER)).transpose()?.map(|[major, minor]| (major, minor)),
        signer: signer(bytes, need(3, "signer id")?)?,
        digest,
        signature_item,
        file_name: need(14, "file name")?.text(),
        timestamp: u32::from_be_bytes(need(15, "time")?.array(HEADER)?),
    })
}

/// The first two items are always version and header length.
fn header_end(bytes: &[u8]) -> Result<usize, CtlError> {
    let mut reader = Reader::new(bytes, 0, HEADER);
    let version = reader.item()?;
    if version.tag != 1 {
        return Err(CtlError::Unexpected {
            place: HEADER,
            tag: version.tag,
            at: 0,
            why: "a trust list begins with item 1, the version",
        });
    }
    let [major, minor] = version.array(HEADER)?;
    if (major, minor) != (1, 2) {
        return Err(CtlError::Version(major, minor));
    }
    let length = reader.item()?;
    if length.tag != 2 {
        return Err(CtlError::Unexpected {
            place: HEADER,
            tag: length.tag,
            at: length.at,
            why: "the header length comes second",
        });
    }
    let end = usize::from(length.short(HEADER)?);
    if end > bytes.len() || end < reader.at() {
        return Err(CtlError::Truncated { place: HEADER, at: 0, got: bytes.len(), expected: end.max(reader.at()) });
    }
    Ok(end)
}

/// Items 4, 5 and 6 inside item 3; some writers put 6 before 5.
fn signer(bytes: &[u8], container: Item<'_>) -> Result<Signer, CtlError> {
    let items = nested(bytes, container, 4..=6)?;
    let need = |tag: u8, name| items[usize::from(tag)].ok_or(CtlError::Missing { place: HEADER, tag, name });
    Ok(Signer {
        subject: need(4, "signer name")?.text(),
        serial: need(5, "serial number")?.value.to_vec(),
        issuer: need(6, "ca name")?.text(),
    })
}

/// Digest and modulus codes: items 8 and 9 inside item 7, items 10 and 11 inside item 9.
fn signature_info(bytes: &[u8], container: Item<'_>) -> Result<(Digest, u8), CtlError> {
    let items = nested(bytes, container, 8..=9)?;
    let (Some(digest), Some(algorithm)) = (items[8], items[9]) else {
        return Err(CtlError::Missing { place: HEADER, tag: 8, name: "digest and signature algorithm" });
    };
    let inner = nested(bytes, algorithm, 10..=11)?;
    let (Some(scheme), Some(modulus)) = (inner[10], inner[11]) else {
        return Err(CtlError::Missing { place: HEADER, tag: 10, name: "signature algorithm and modulus" });
    };
    let digest = digest.byte(HEADER)?;
    let digest = Digest::from_code(digest).ok_or(CtlError::Unknown { what: "digest algorithm", got: digest })?;
    let scheme = scheme.byte(HEADER)?;
    if scheme != RSA_PKCS1 {
        return Err(CtlError::Unknown { what: "signature algorithm", got: scheme });
    }
    match modulus.byte(HEADER)? {
        code @ 0..=3 => Ok((digest, code)),
        other => Err(CtlError::Unknown { what: "signature modulus", got: other }),
    }
}

/// The items inside a container. They must fill it exactly, since the container's length is their sum.
fn nested<'a>(
    bytes: &'a [u8],
    container: Item<'_>,
    allowed: std::ops::RangeInclusive<u8>,
) -> Result<[Option<Item<'a>>; 29], CtlError> {
    let start = container.at + 3;
    let mut reader = Reader::new(&bytes[..start + container.value.len()], start, HEADER);
    let mut items = [None; 29];
    while !reader.is_at_end() {
        let item = reader.item()?;
        if !allowed.contains(&item.tag) {
            return Err(CtlError::Unexpected {
                place: HEADER,
                tag: item.tag,
                at: item.at,
                why: "it does not belong into this container",
            });
        }
        keep(&mut items, item, HEADER)?;
    }
    Ok(items)
}

/// One record and where the next begins.
fn record(bytes: &[u8], at: usize) -> Result<(Record, usize), CtlError> {
    let mut reader = Reader::new(bytes, at, RECORD);
    let first = reader.item()?;
    if first.tag != 1 {
        return Err(CtlError::Unexpected {
            place: RECORD,
            tag: first.tag,
            at,
            why: "a record begins with item 1, its length",
        });
    }
    let end = at + usize::from(first.short(RECORD)?);
    if end > bytes.len() || end < reader.at() {
        return Err(CtlError::Truncated {
            place: RECORD,
            at,
            got: bytes.len() - at,
            expected: end.max(reader.at()) - at,
        });
    }
    let mut reader = Reader::new(&bytes[..end], reader.at(), RECORD);
    let mut items: [Option<Item<'_>>; 29] = [None; 29];
    while !reader.is_at_end() {
        keep(&mut items, reader.item()?, RECORD)?;
    }
    let text = |tag: usize| items[tag].map(|item| item.text()).unwrap_or_default();
    let bytes_of = |tag: usize| items[tag].map(|item| item.value.to_vec());
    let role = items[4].ok_or(CtlError::Missing { place: RECORD, tag: 4, name: "function" })?.short(RECORD)?;
    let record = Record {
        role: Role::from_code(role),
        name: text(2),
        subject: text(3),
        issuer: text(5),
        serial: bytes_of(6).unwrap_or_default(),
        public_key: bytes_of(7).unwrap_or_default(),
        signature: bytes_of(8).unwrap_or_default(),
        certificate: bytes_of(9).filter(|der| !der.is_empty()),
        address: items[10].map(|item| item.array::<4>(RECORD)).transpose()?.map(Ipv4Addr::from),
        certificate_sha1: items[11].map(|item| item.array(RECORD)).transpose()?,
    };
    Ok((record, end))
}

/// Keeps an item under its tag; a tag may occur once, and none is above 28.
fn keep<'a>(items: &mut [Option<Item<'a>>; 29], item: Item<'a>, place: &'static str) -> Result<(), CtlError> {
    let unexpected = |why| CtlError::Unexpected { place, tag: item.tag, at: item.at, why };
    let slot = items.get_mut(usize::from(item.tag)).ok_or_else(|| unexpected("no item has such a tag"))?;
    if slot.replace(item).is_some() {
        return Err(unexpected("it occurs twice"));
    }
    Ok(())
}

/// A list of some hundred nodes; real ones have a few kilobytes.
const LONGEST: usize = 1024 * 1024;
const HEADER: &str = "header";
const RECORD: &str = "record";
