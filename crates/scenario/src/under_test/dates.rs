//! Until when the certificates of a profile are valid.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use trust::cert::Certificate;

use super::{Profile, RecorderCertificate, Template, Values};

/// So long before its end a certificate is worth a word.
pub const SOON: Duration = Duration::from_secs(30 * 24 * 3600);

/// A certificate of a profile's, as far as it lies in a file that is there before a run.
#[derive(Clone, Debug)]
pub struct Dated {
    /// The file.
    pub file: PathBuf,
    /// Whose it is, as it names itself, and its first and last moment; or why it cannot be read.
    pub certificate: Result<(String, SystemTime, SystemTime), String>,
}

impl Profile {
    /// The certificates that are kept from run to run: the recorder's own, and CallManager's.
    #[must_use]
    pub fn certificate_dates(&self) -> Vec<Dated> {
        let own = match &self.certificates.recorder {
            RecorderCertificate::File(file) if !file.has("folder") => Some(self.project.join(self.fill(file))),
            _ => None,
        };
        // CallManager's is made at the first run.
        let kept = self.certificates.cucm_identity.clone().filter(|file| file.exists());
        own.into_iter().chain(kept).map(|file| Dated { certificate: read(&file), file }).collect()
    }

    fn fill(&self, file: &Template) -> String {
        let address = self.address.map(|address| address.to_string()).unwrap_or_default();
        file.fill(&Values::from([("project", self.project.display().to_string()), ("address", address)]))
    }
}

fn read(file: &Path) -> Result<(String, SystemTime, SystemTime), String> {
    let text = wire::file::read_text(file, recorder::certs::LARGEST).map_err(|error| error.to_string())?;
    let all = Certificate::all_from_pem(&text).map_err(|error| error.to_string())?;
    let first = all.first().ok_or("there is no certificate in it")?;
    Ok((first.subject().to_owned(), first.not_before(), first.not_after()))
}
