use thiserror::Error;

/// Why a certificate, a key or a PEM file could not be made, read or used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertError {
    /// The bytes are no X.509 certificate.
    #[error("not an x.509 certificate: {0}")]
    Malformed(String),
    /// The bytes are longer than any certificate or PEM file this crate reads.
    #[error("got {got} bytes, expected at most {limit}")]
    TooLong {
        /// Bytes found.
        got: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A PEM block has no end line, or a second block starts inside it.
    #[error(
        "pem block \"{label}\" that starts on line {line} has no matching end line: the file was cut or two files were glued together"
    )]
    PemUnfinished {
        /// The block's label, such as `CERTIFICATE`.
        label: String,
        /// Line of its begin marker, from 1.
        line: usize,
    },
    /// A PEM block's text is not base64.
    #[error("pem block \"{label}\" that starts on line {line} is not base64")]
    PemEncoding {
        /// The block's label.
        label: String,
        /// Line of its begin marker, from 1.
        line: usize,
    },
    /// The PEM text holds no certificate.
    #[error("found no certificate: got {found}, expected a block \"-----BEGIN CERTIFICATE-----\"")]
    NoCertificate {
        /// What was there instead.
        found: String,
    },
    /// The PEM text holds no private key.
    #[error("found no private key: got {found}, expected a block \"-----BEGIN PRIVATE KEY-----\"")]
    NoKey {
        /// What was there instead.
        found: String,
    },
    /// One certificate was asked for and several were found.
    #[error("got {0} certificates, expected exactly one")]
    SeveralCertificates(usize),
    /// A file to be shown to others holds a private key.
    #[error(
        "the file holds a private key, expected certificates only: never hand out the key; export the certificate alone"
    )]
    KeyPresent,
    /// The key is encrypted with a pass phrase.
    #[error("the private key is encrypted with a pass phrase, expected a plain one: decrypt it first (openssl pkey)")]
    KeyEncrypted,
    /// The key is of a kind this crate does not handle, or damaged.
    #[error("the private key is not usable: got {0}, expected RSA of 2048 bits or more, or EC P-256 or P-384")]
    KeyUnusable(String),
    /// Key and certificate do not belong together.
    #[error("the private key does not belong to the certificate of {subject}")]
    KeyMismatch {
        /// The certificate's subject.
        subject: String,
    },
    /// A field of the request cannot be written into a certificate.
    #[error("cannot make a certificate: {0}")]
    Request(String),
}
