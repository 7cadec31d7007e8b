//! The bucket of the adapter `s3`.

use std::time::Duration;

use super::super::s3::S3;
use super::http::{secret, url};
use super::{FOLDER, template};
use crate::file::diagnostic::{Diagnostic, Place};
use crate::file::fields::{Fields, duration, text};
use crate::file::read::keep;
use crate::file::tree::Node;

/// Reads the bucket, where the adapter is `s3`.
pub(super) fn read(node: Option<&Node>, is_asked: bool, place: Place, wrong: &mut Vec<Diagnostic>) -> Option<S3> {
    let node = match (node, is_asked) {
        (Some(node), _) => node,
        (None, true) => {
            let help = "such as `s3 = { endpoint = \"http://{address}:9000\", bucket = \"recordings\" }`";
            wrong.push(Diagnostic::new(place, "the adapter `s3` needs `s3`").help(help));
            return None;
        }
        (None, false) => return None,
    };
    let mut f = Fields::of(node, "the bucket", wrong);
    let endpoint = f.required("endpoint", wrong).and_then(|n| keep(url(n, &[]), wrong)).unwrap_or_default();
    let bucket = f.required("bucket", wrong).and_then(|n| keep(bucket(n), wrong)).unwrap_or_default();
    let access = f.optional("access_key").and_then(|n| secret(n, wrong));
    let key = f.optional("secret_key").and_then(|n| secret(n, wrong));
    let s3 = S3 {
        endpoint,
        bucket,
        region: f.or("region", "us-east-1".to_owned(), wrong, text),
        ca: f.maybe("ca", wrong, |n| template(n, &FOLDER)),
        within: f.or("within", Duration::from_secs(10), wrong, duration),
        keys: None,
    };
    f.finish(wrong);
    if !is_asked {
        wrong.push(Diagnostic::new(node.place, "`s3` is for the adapter `s3`").help("`adapter = \"s3\"`"));
    }
    if access.is_some() != key.is_some() {
        wrong.push(Diagnostic::new(node.place, "`access_key` and `secret_key` need each other"));
    }
    Some(S3 { keys: access.zip(key), ..s3 })
}

/// "Amazon S3 User Guide", General purpose buckets naming rules.
fn bucket(node: &Node) -> Result<String, Diagnostic> {
    let name = text(node)?;
    let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-';
    if (3..=63).contains(&name.len()) && name.bytes().all(fine) {
        return Ok(name);
    }
    let message = format!("got `{name}`, expected the name of a bucket");
    Err(Diagnostic::new(node.place, message).help("3 to 63 of lower-case letters, digits, dots and hyphens"))
}
