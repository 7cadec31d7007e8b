//! Signatures of requests: AWS Signature Version 4, of requests without a body.
//!
//! "Amazon Simple Storage Service API Reference", Authenticating Requests: Using the Authorization Header.

use aws_lc_rs::{digest, hmac};
use jiff::Timestamp;
use reqwest::Url;

use super::Hidden;

/// An access key.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    pub(super) id: String,
    pub(super) secret: Hidden,
}

/// The headers that sign a GET of `url` at this time. Its query must be in order and encoded.
pub(super) fn sign(keys: &Keys, region: &str, now: Timestamp, url: &Url) -> Vec<(&'static str, String)> {
    let time = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let date = &time[..8];
    let host = match (url.host_str().unwrap_or_default(), url.port()) {
        (host, Some(port)) => format!("{host}:{port}"),
        (host, None) => host.to_owned(),
    };
    let empty = hex(digest::digest(&digest::SHA256, b"").as_ref());
    let names = "host;x-amz-content-sha256;x-amz-date";
    let request = format!(
        "GET\n{}\n{}\nhost:{host}\nx-amz-content-sha256:{empty}\nx-amz-date:{time}\n\n{names}\n{empty}",
        url.path(),
        url.query().unwrap_or_default()
    );
    let scope = format!("{date}/{region}/s3/aws4_request");
    let hashed = hex(digest::digest(&digest::SHA256, request.as_bytes()).as_ref());
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{hashed}");
    let first = format!("AWS4{}", keys.secret.open()).into_bytes();
    let key = [date, region, "s3", "aws4_request"].into_iter().fold(first, |key, part| mac(&key, part.as_bytes()));
    let signature = hex(&mac(&key, to_sign.as_bytes()));
    let id = &keys.id;
    let by = format!("AWS4-HMAC-SHA256 Credential={id}/{scope},SignedHeaders={names},Signature={signature}");
    vec![("x-amz-content-sha256", empty), ("x-amz-date", time), ("authorization", by)]
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example "GET Bucket (List Objects)" of the API reference.
    #[test]
    fn a_list_is_signed_as_in_the_api_reference() {
        let keys = Keys {
            id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret: Hidden::of("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        };
        let url = Url::parse("https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J").unwrap();
        let headers = sign(&keys, "us-east-1", "2013-05-24T00:00:00Z".parse().unwrap(), &url);
        let expected = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7";
        assert_eq!(headers[2], ("authorization", expected.to_owned()));
        assert_eq!(headers[1].1, "20130524T000000Z");
    }
}
