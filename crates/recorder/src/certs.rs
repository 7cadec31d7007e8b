//! The recorder's certificates, as a folder.
//!
//! ```text
//! <folder>/own.pem               our certificate and its key, readable by its owner only
//! <folder>/trusted/<name>.pem    certificates a CUCM node may present
//! ```
//!
//! The tasks are those of a secure recorder's set-up: create the certificate when it is missing or expired, export it
//! (it is then uploaded to CUCM as CallManager-trust), import the CallManager certificate that was downloaded from
//! CUCM.

use std::fs;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use trust::cert::{CertError, Certificate, Identity, Request};
use trust::rule::TrustList;

use crate::config::Credentials;
use crate::times;

/// From so long before its end on a certificate is warned about.
pub const WARN_BEFORE: Duration = Duration::from_secs(30 * 86_400);

const OWN: &str = "own.pem";
const TRUSTED: &str = "trusted";
/// No file of certificates is larger.
pub const LARGEST: u64 = 1 << 20;

/// A folder of certificates.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

/// A certificate of the store, for people to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whether it is our own; else it is a trusted one.
    pub own: bool,
    /// The file.
    pub file: PathBuf,
    /// The subject's distinguished name.
    pub subject: String,
    /// The issuer's distinguished name.
    pub issuer: String,
    /// First and last moment of validity, RFC 3339.
    pub valid: (String, String),
    /// SHA-256 of the certificate, in hexadecimal.
    pub fingerprint: String,
    /// What is wrong with its validity, or soon will be.
    pub warning: Option<String>,
}

impl Store {
    /// The store in this folder, which need not exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Makes a self-signed certificate with CN = address. One that is there and still valid is kept unless `renew`;
    /// the answer says whether a new one was made.
    pub fn create(
        &self,
        address: IpAddr,
        now: SystemTime,
        valid_for: Duration,
        renew: bool,
    ) -> Result<bool, StoreError> {
        if !renew
            && let Ok(own) = self.own()
            && own.certificate.not_after() > now
        {
            return Ok(false);
        }
        // An hour back: clocks of peers may be a little behind.
        let request = Request::recorder(address, now - Duration::from_secs(3600)).valid_for(valid_for);
        let identity = Identity::self_signed(&request)?;
        let path = self.folder.join(OWN);
        write_private(&path, identity.to_pem().as_bytes()).map_err(|source| StoreError::io(&path, source))?;
        Ok(true)
    }

    /// Our certificate and key.
    pub fn own(&self) -> Result<Identity, StoreError> {
        let path = self.folder.join(OWN);
        let text = read(&path)?;
        Identity::from_pem(&text).map_err(|source| StoreError::Certificate { path, source })
    }

    /// Our certificate as PEM, never the key.
    pub fn export(&self) -> Result<String, StoreError> {
        Ok(self.own()?.certificate.to_pem())
    }

    /// Adds every certificate of a PEM text to the trusted ones. A text that carries a private key is refused.
    /// Returns the files, one a certificate; one that is there already is written again.
    pub fn import(&self, pem: &str) -> Result<Vec<PathBuf>, StoreError> {
        let certificates = Certificate::all_from_pem(pem)?;
        let folder = self.folder.join(TRUSTED);
        fs::create_dir_all(&folder).map_err(|source| StoreError::io(&folder, source))?;
        let mut files = Vec::new();
        for certificate in certificates {
            let path = folder.join(file_name(&certificate));
            fs::write(&path, certificate.to_pem()).map_err(|source| StoreError::io(&path, source))?;
            files.push(path);
        }
        Ok(files)
    }

    /// Removes the trusted certificate with this fingerprint, in hexadecimal, whole or its beginning.
    pub fn remove(&self, fingerprint: &str) -> Result<PathBuf, StoreError> {
        let wanted = fingerprint.replace(':', "").to_ascii_lowercase();
        let fits = |path: &PathBuf| {
            trusted_certificate(path)
                .is_ok_and(|certificate| hex(&certificate.fingerprint_sha256()).starts_with(&wanted))
        };
        let mut found: Vec<PathBuf> = self.trusted_files()?.into_iter().filter(fits).collect();
        match (found.pop(), found.is_empty(), wanted.is_empty()) {
            (Some(path), true, false) => {
                fs::remove_file(&path).map_err(|source| StoreError::io(&path, source))?;
                Ok(path)
            }
            _ => Err(StoreError::NoSuchCertificate { fingerprint: fingerprint.to_owned() }),
        }
    }

    /// All certificates, our own first.
    pub fn list(&self, now: SystemTime) -> Result<Vec<Entry>, StoreError> {
        let mut entries = Vec::new();
        if self.folder.join(OWN).exists() {
            entries.push(entry(true, self.folder.join(OWN), &self.own()?.certificate, now));
        }
        for path in self.trusted_files()? {
            let certificate = trusted_certificate(&path)?;
            entries.push(entry(false, path, &certificate, now));
        }
        Ok(entries)
    }

    /// Certificate and trust list for a recorder. A trusted file that cannot be read is an error that names it.
    pub fn credentials(&self) -> Result<Credentials, StoreError> {
        let mut trusted = TrustList::trusted_certificates();
        for path in self.trusted_files()? {
            trusted.add(trusted_certificate(&path)?);
        }
        Ok(Credentials { identity: self.own()?, trusted })
    }

    fn trusted_files(&self) -> Result<Vec<PathBuf>, StoreError> {
        let folder = self.folder.join(TRUSTED);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(StoreError::io(&folder, source)),
        };
        let is_pem = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "pem");
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_pem).collect();
        files.sort();
        Ok(files)
    }
}

/// Why a certificate of the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of the store is no certificate, or no certificate with its key.
    #[error("{}: {source}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: CertError,
    },
    /// A certificate could not be made or read.
    #[error(transparent)]
    Unusable(#[from] CertError),
    /// None, or more than one, has this fingerprint.
    #[error("got fingerprint {fingerprint:?}, expected the beginning of exactly one trusted certificate's")]
    NoSuchCertificate {
        /// The one asked for.
        fingerprint: String,
    },
}

impl StoreError {
    fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}

/// What to say about a certificate's validity.
pub fn warning(certificate: &Certificate, now: SystemTime) -> Option<String> {
    let (begin, end) = (certificate.not_before(), certificate.not_after());
    if now > end {
        return Some(format!("expired on {}", day(end)));
    }
    if now < begin {
        return Some(format!("not valid before {}", day(begin)));
    }
    let left = end.duration_since(now).unwrap_or_default();
    (left < WARN_BEFORE).then(|| format!("expires on {}, in {} days", day(end), left.as_secs() / 86_400))
}

fn entry(own: bool, file: PathBuf, certificate: &Certificate, now: SystemTime) -> Entry {
    let moment = |at: SystemTime| times::rfc3339(times::unix_us(at));
    Entry {
        own,
        file,
        subject: certificate.subject().to_owned(),
        issuer: certificate.issuer().to_owned(),
        valid: (moment(certificate.not_before()), moment(certificate.not_after())),
        fingerprint: hex(&certificate.fingerprint_sha256()),
        warning: warning(certificate, now),
    }
}

fn trusted_certificate(path: &Path) -> Result<Certificate, StoreError> {
    let text = read(path)?;
    Certificate::from_pem(&text).map_err(|source| StoreError::Certificate { path: path.to_owned(), source })
}

fn read(path: &Path) -> Result<String, StoreError> {
    // PEM is ASCII; other bytes are left to the PEM reader to complain about.
    let bytes = wire::file::read(path, LARGEST).map_err(|source| StoreError::io(path, source))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The CN and the beginning of the fingerprint; of the CN only what is safe in a file name.
fn file_name(certificate: &Certificate) -> String {
    let keep = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let name: String = certificate.subject_cn().unwrap_or("certificate").chars().filter(keep).take(64).collect();
    let name = name.trim_start_matches('.');
    format!("{name}-{}.pem", &hex(&certificate.fingerprint_sha256())[..16])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn day(at: SystemTime) -> String {
    times::day(times::unix_us(at))
}

/// Writes a file that only its owner may read, whole or not at all.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let beside = path.with_extension("tmp");
    // Left over from a crash, perhaps with other rights.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use trust::cert::KeyKind;

    use super::*;

    const YEAR: Duration = Duration::from_secs(365 * 86_400);

    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_767_225_600)
    }

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("certificates"));
        (folder, store)
    }

    fn node(name: &str) -> Certificate {
        let request = Request::call_manager(name, now()).with_key(KeyKind::EcP256);
        Identity::self_signed(&request).unwrap().certificate
    }

    #[test]
    fn a_certificate_is_made_once_listed_and_exported_without_its_key() {
        let (_folder, store) = store();
        assert!(store.list(now()).unwrap().is_empty());
        let address = "192.0.2.10".parse().unwrap();
        assert!(store.create(address, now(), YEAR, false).unwrap());
        assert!(!store.create(address, now(), YEAR, false).unwrap(), "a valid one is kept");
        let before = store.export().unwrap();
        assert!(store.create(address, now(), YEAR, true).unwrap());
        assert_ne!(before, store.export().unwrap());
        assert!(store.export().unwrap().contains("CERTIFICATE") && !store.export().unwrap().contains("PRIVATE"));
        let entries = store.list(now()).unwrap();
        assert!(entries[0].own && entries[0].subject.contains("192.0.2.10"), "{entries:?}");
        assert_eq!(entries[0].warning, None);
        assert!(store.create(address, now() + 2 * YEAR, YEAR, false).unwrap(), "an expired one is replaced");
    }

    #[cfg(unix)]
    #[test]
    fn the_key_is_readable_by_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, store) = store();
        store.create("192.0.2.10".parse().unwrap(), now(), YEAR, false).unwrap();
        let mode = fs::metadata(store.folder.join(OWN)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn node_certificates_are_imported_listed_used_and_removed() {
        let (_folder, store) = store();
        store.create("192.0.2.10".parse().unwrap(), now(), YEAR, false).unwrap();
        let (first, second) = (node("cucm-pub"), node("../../evil"));
        let files = store.import(&(first.to_pem() + &second.to_pem())).unwrap();
        assert_eq!(files.len(), 2);
        assert!(files.iter().all(|file| file.parent().unwrap().ends_with(TRUSTED)), "{files:?}");
        let credentials = store.credentials().unwrap();
        assert!(credentials.trusted.contains(first.der()) && credentials.trusted.contains(second.der()));
        let entries = store.list(now()).unwrap();
        assert_eq!(entries.iter().filter(|entry| !entry.own).count(), 2);
        store.remove(&hex(&first.fingerprint_sha256())).unwrap();
        assert!(!store.credentials().unwrap().trusted.contains(first.der()));
        assert!(matches!(store.remove("ffff"), Err(StoreError::NoSuchCertificate { .. })));
        assert!(matches!(store.remove(""), Err(StoreError::NoSuchCertificate { .. })));
    }

    #[test]
    fn a_certificate_near_its_end_is_warned_about() {
        let certificate = node("cucm-pub");
        let end = certificate.not_after();
        assert_eq!(warning(&certificate, end - 2 * WARN_BEFORE), None);
        assert!(warning(&certificate, end - Duration::from_secs(10 * 86_400)).unwrap().contains("in 10 days"));
        assert!(warning(&certificate, end + Duration::from_secs(1)).unwrap().starts_with("expired"));
        let early = warning(&certificate, certificate.not_before() - Duration::from_secs(86_400 * 2));
        assert!(early.unwrap().starts_with("not valid before"));
    }

    #[test]
    fn what_is_no_certificate_is_refused_by_name() {
        let (_folder, store) = store();
        assert!(store.import("hello").is_err());
        assert!(store.import("").is_err());
        store.create("192.0.2.10".parse().unwrap(), now(), YEAR, false).unwrap();
        let key = fs::read_to_string(store.folder.join(OWN)).unwrap();
        assert!(store.import(&key).is_err(), "a key does not belong into a trust list");
        fs::create_dir_all(store.folder.join(TRUSTED)).unwrap();
        fs::write(store.folder.join(TRUSTED).join("cut.pem"), "-----BEGIN CERTIFICATE-----\nMIIB").unwrap();
        assert!(store.credentials().unwrap_err().to_string().contains("cut.pem"));
        fs::write(store.folder.join(OWN), [0xff; 100]).unwrap();
        assert!(store.own().unwrap_err().to_string().contains(OWN));
    }
}
