//! PEM text (RFC 7468): several blocks in a file, with anything around them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{CertError, Certificate, PrivateKey};

/// One block: its label and what its base64 text decodes to. The content is wiped, since it may be a key.
pub(super) struct Block {
    label: String,
    content: Zeroizing<Vec<u8>>,
}

impl Block {
    pub(super) fn is_key(&self) -> bool {
        self.label.ends_with("PRIVATE KEY")
    }
}

/// Every block of the text, in order. Text outside blocks is passed over; a block that is cut off or damaged is an error.
pub(super) fn blocks(text: &str) -> Result<Vec<Block>, CertError> {
    if text.len() > LONGEST {
        return Err(CertError::TooLong { got: text.len(), limit: LONGEST });
    }
    let mut found = Vec::new();
    let mut open: Option<Open> = None;
    for (number, line) in text.lines().enumerate().map(|(index, line)| (index + 1, line.trim())) {
        match (open.take(), marker(line, "-----BEGIN "), marker(line, "-----END ")) {
            (None, Some(label), _) => {
                open = Some(Open { label: label.to_owned(), line: number, base64: Zeroizing::new(String::new()) })
            }
            (None, None, _) => {}
            (Some(block), None, Some(label)) if label == block.label => found.push(block.close()?),
            (Some(mut block), None, None) if !line.contains("-----") => {
                block.base64.push_str(line);
                open = Some(block);
            }
            (Some(block), ..) => return Err(block.unfinished()),
        }
    }
    open.map_or(Ok(found), |block| Err(block.unfinished()))
}

/// The certificates among the blocks, at least one.
pub(super) fn certificates(blocks: &[Block]) -> Result<Vec<Certificate>, CertError> {
    let found: Vec<Certificate> = blocks
        .iter()
        .filter(|block| matches!(block.label.as_str(), "CERTIFICATE" | "X509 CERTIFICATE"))
        .map(|block| Certificate::from_der(&block.content))
        .collect::<Result<_, _>>()?;
    if found.is_empty() {
        return Err(CertError::NoCertificate { found: summary(blocks) });
    }
    Ok(found)
}

/// The first private key among the blocks, as PKCS#8.
pub(super) fn private_key(blocks: &[Block]) -> Result<PrivateKey, CertError> {
    let Some(block) = blocks.iter().find(|block| block.is_key()) else {
        return Err(CertError::NoKey { found: summary(blocks) });
    };
    match block.label.as_str() {
        "PRIVATE KEY" => PrivateKey::from_pkcs8(&block.content),
        "RSA PRIVATE KEY" => PrivateKey::from_rsa_der(&block.content),
        "EC PRIVATE KEY" => PrivateKey::from_ec_der(&block.content),
        "ENCRYPTED PRIVATE KEY" => Err(CertError::KeyEncrypted),
        other => Err(CertError::KeyUnusable(format!("a block \"{other}\""))),
    }
}

/// One block of 64-column lines.
pub(super) fn encode(label: &str, content: &[u8]) -> String {
    let base64 = Zeroizing::new(STANDARD.encode(content));
    let mut out = String::with_capacity(base64.len() + base64.len() / 64 + 2 * label.len() + 40);
    out.push_str(&["-----BEGIN ", label, "-----\n"].concat());
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    out.push_str(&["-----END ", label, "-----\n"].concat());
    out
}

struct Open {
    label: String,
    line: usize,
    base64: Zeroizing<String>,
}

impl Open {
    fn close(self) -> Result<Block, CertError> {
        let content = STANDARD
            .decode(self.base64.as_bytes())
            .map_err(|_| CertError::PemEncoding { label: self.label.clone(), line: self.line })?;
        Ok(Block { label: self.label, content: Zeroizing::new(content) })
    }

    fn unfinished(self) -> CertError {
        CertError::PemUnfinished { label: self.label, line: self.line }
    }
}

fn marker<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    line.strip_prefix(start)?.strip_suffix("-----")
}

fn summary(blocks: &[Block]) -> String {
    if blocks.is_empty() {
        return "no pem block".to_owned();
    }
    let labels: Vec<String> = blocks.iter().take(5).map(|block| format!("a block \"{}\"", block.label)).collect();
    labels.join(" and ")
}

const LONGEST: usize = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cert::fixture::{capf, publisher};

    #[test]
    fn every_certificate_of_a_file_is_read_in_order() {
        let (one, two) = (&capf().certificate, &publisher().certificate);
        let text = format!("# two\n{}between\n{}\n", one.to_pem(), two.to_pem().replace('\n', "\r\n"));
        assert_eq!(Certificate::all_from_pem(&text).unwrap(), [one.clone(), two.clone()]);
        assert_eq!(Certificate::from_pem(&text), Err(CertError::SeveralCertificates(2)));
    }

    #[test]
    fn lines_have_64_columns() {
        let text = publisher().certificate.to_pem();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.first(), Some(&"-----BEGIN CERTIFICATE-----"));
        assert!(lines[1..lines.len() - 2].iter().all(|line| line.len() == 64));
        assert_eq!(lines.last(), Some(&"-----END CERTIFICATE-----"));
    }

    #[test]
    fn a_key_among_certificates_to_be_trusted_is_refused() {
        let error = Certificate::all_from_pem(&publisher().to_pem()).unwrap_err();
        assert_eq!(error, CertError::KeyPresent);
    }

    #[test]
    fn what_is_no_certificate_file_says_so() {
        let check = |text: &str, expected: &str| {
            let error = Certificate::from_pem(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text:?} gave {error}");
        };
        let pem = capf().certificate.to_pem();
        check("", "got no pem block");
        check("hello\nworld", "got no pem block");
        check(&encode("CERTIFICATE REQUEST", b"x"), "got a block \"CERTIFICATE REQUEST\"");
        check(&pem[..pem.len() / 2], "that starts on line 1 has no matching end line");
        check(&format!("\n\n{}{pem}", &pem[..200]), "that starts on line 3 has no matching end line");
        check("-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n", "is not base64");
        check("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "not an x.509 certificate");
        check("-----BEGIN CERTIFICATE-----\n-----END TRUST-----\n", "no matching end line");
        check(&" ".repeat(LONGEST + 1), "expected at most");
    }
}
