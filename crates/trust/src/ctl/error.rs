use thiserror::Error;

/// Why a CTL file cannot be read or written.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CtlError {
    /// The file ends in the middle of something.
    #[error("the ctl file ends in {place} at byte {at}: got {got} bytes, expected {expected}")]
    Truncated {
        /// What was being read.
        place: &'static str,
        /// Offset in the file.
        at: usize,
        /// Bytes left.
        got: usize,
        /// Bytes needed.
        expected: usize,
    },
    /// An item has a length its kind cannot have, or a container does not add up.
    #[error("item {tag} of the {place} at byte {at} has length {got}, expected {expected}")]
    Length {
        /// `header` or `record`.
        place: &'static str,
        /// The item's tag.
        tag: u8,
        /// Offset in the file.
        at: usize,
        /// Length or sum found.
        got: usize,
        /// Length that would be right.
        expected: usize,
    },
    /// An item stands where it may not stand, or twice.
    #[error("item {tag} of the {place} at byte {at} is out of place: {why}")]
    Unexpected {
        /// `header` or `record`.
        place: &'static str,
        /// The item's tag.
        tag: u8,
        /// Offset in the file.
        at: usize,
        /// Why.
        why: &'static str,
    },
    /// An item that must be there is not.
    #[error("the {place} has no item {tag} ({name})")]
    Missing {
        /// `header` or `record`.
        place: &'static str,
        /// The item's tag.
        tag: u8,
        /// What it would hold.
        name: &'static str,
    },
    /// The file is of a version this crate does not read.
    #[error("got a file of version {0}.{1}, expected a trust list of version 1.2")]
    Version(u8, u8),
    /// A code in the header is not known.
    #[error("got {what} {got}, which is not known")]
    Unknown {
        /// What the code stands for.
        what: &'static str,
        /// The code.
        got: u8,
    },
    /// The file is longer than any trust list.
    #[error("got {got} bytes, expected a trust list of at most {limit}")]
    TooLong {
        /// Bytes found.
        got: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The signer's key is of a kind a CTL cannot be signed with.
    #[error("the key of {subject} cannot sign a ctl file: expected rsa of 1024, 2048 or 4096 bits")]
    SignerKey {
        /// The signer.
        subject: String,
    },
    /// A value is too long for its item.
    #[error("{what} has {got} bytes, expected at most {limit}")]
    TooLarge {
        /// Which value.
        what: &'static str,
        /// Its length.
        got: usize,
        /// The most an item or a record can hold.
        limit: usize,
    },
}

/// Why a phone refuses a CTL that it can read. The list it has installed, if any, stays.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CtlRefusal {
    /// The signer is not among the security tokens that may sign.
    #[error("the ctl file is signed by {signer}, which is no security token (sast) of the {list}; {}", self.advice())]
    UnknownSigner {
        /// The signer's subject.
        signer: String,
        /// `installed list`, or `file itself` where nothing is installed.
        list: &'static str,
    },
    /// The signature does not hold.
    #[error("the signature of {signer} on the ctl file does not hold; {}", self.advice())]
    BadSignature {
        /// The signer's subject.
        signer: String,
    },
}

impl CtlRefusal {
    /// The rule that refused, as a stable code for reports and tests.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::UnknownSigner { .. } => "ctl-signer",
            Self::BadSignature { .. } => "ctl-signature",
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::UnknownSigner { .. } => {
                "sign it with a token of the list the phone holds, or erase the phone's trust list"
            }
            Self::BadSignature { .. } => "the file was changed or damaged on its way: make and serve it again",
        }
    }
}
