//! The recorder under test: the bundled one, or one that `mixedmode.toml` tells how to start, where to reach, and where
//! its recordings are.

mod dates;
mod dir;
mod exec;
mod glob;
mod health;
mod http;
mod needs;
mod path;
mod process;
mod profile;
mod read;
mod s3;
mod said;
mod secret;
#[cfg(feature = "sql")]
mod sql;
mod template;
mod told;
mod toml_tree;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use dates::{Dated, SOON};
pub(crate) use glob::Glob;
pub use http::{Authentication, Files, Holding, Http, Request, Where};
pub use path::JsonPath;
pub use profile::{
    Adapter, Certificates, Exec, Listens, Profile, Ready, RecorderCertificate, Recordings, Signal, Start, Stop,
};
pub use s3::S3;
pub use said::{Fact, Metadata, Times};
pub use secret::Secret;
#[cfg(feature = "sql")]
pub use sql::{Database, Sql};
pub use template::Template;
pub use told::{Holds, LeftLeg};

pub(crate) use dir::Gathered;
#[cfg(test)]
pub(crate) use dir::tests::session as session_of_tests;
pub(crate) use needs::{fitted, reason_to_skip, reason_to_skip_bundled};
pub(crate) use process::{Ended, Process, Way, last_lines, run_to_its_end, write, write_private};
pub(crate) use read::read as read_tree;
pub(crate) use said::Said;
pub(crate) use template::Values;
#[cfg(test)]
pub(crate) use toml_tree::parse as tree_of;

use crate::file::diagnostic::{Diagnostic, Place, nearest};
use crate::file::{Broken, read_text};
use crate::kept::Session;

/// The file that tells of recorders under test, where no other is named.
pub const DEFAULT_FILE: &str = "mixedmode.toml";

/// The recorder under test.
#[derive(Clone, Debug, Default)]
pub enum UnderTest {
    /// The reference recorder, inside this process.
    #[default]
    Bundled,
    /// A program of somebody else's.
    External(Arc<Profile>),
}

impl UnderTest {
    /// What it is called in reports.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Bundled => "bundled",
            Self::External(profile) => &profile.name,
        }
    }
}

/// Where the recordings of a recorder under test are had from.
#[derive(Debug)]
pub(crate) enum Source {
    /// Files below a folder.
    Dir(Box<dir::Shelf>),
    /// Whoever the profile names, asked with these values.
    Told(Values),
}

impl Source {
    /// What is there before a scenario begins.
    ///
    /// # Errors
    /// What is wrong with whoever should tell of recordings, where that shows by now.
    pub(crate) async fn before(profile: &Profile, values: &Values) -> Result<Self, String> {
        match &profile.recordings.adapter {
            Adapter::Dir => Ok(Self::Dir(Box::new(dir::Shelf::before(profile, values)))),
            Adapter::S3(s3) => {
                let shelf = dir::Shelf::of_bucket(profile, s3, values).await?;
                Ok(Self::Dir(Box::new(shelf)))
            }
            Adapter::Exec(_) | Adapter::Http(_) => Ok(Self::Told(values.clone())),
            #[cfg(feature = "sql")]
            Adapter::Sql(_) => Ok(Self::Told(values.clone())),
        }
    }

    /// Waits until every recording is there, but no longer than the profile allows, and reads them.
    ///
    /// # Errors
    /// What is wrong with whoever should tell of them; the recorder is not to blame for it.
    pub(crate) async fn gather(self, profile: &Profile, sessions: &[Session]) -> Result<Gathered, String> {
        match (self, &profile.recordings.adapter) {
            (Self::Dir(shelf), _) => shelf.gather(profile, sessions).await,
            (Self::Told(values), Adapter::Exec(exec)) => {
                exec::Program::new(values).gather(profile, exec, sessions).await
            }
            (Self::Told(values), Adapter::Http(http)) => http::gather(&values, profile, http, sessions).await,
            #[cfg(feature = "sql")]
            (Self::Told(values), Adapter::Sql(sql)) => sql::gather(&values, profile, sql, sessions).await,
            (Self::Told(_), Adapter::Dir | Adapter::S3(_)) => Ok(Gathered::default()),
        }
    }
}

/// Why no recorder of a name could be had from a file.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The file is wrong.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// There is no such recorder in it.
    #[error("no recorder is called `{name}` in {}; {help}", path.display())]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The file.
        path: PathBuf,
        /// What there is.
        help: String,
    },
}

/// Reads profiles from the text of a `mixedmode.toml`; `project` is the folder that it stands in.
///
/// # Errors
/// Every mistake in the text, at least one.
pub fn parse(text: &str, project: &Path) -> Result<Vec<Profile>, Vec<Diagnostic>> {
    let root = toml_tree::parse(text)?;
    let mut wrong = Vec::new();
    let profiles = read::read(&root, project, &mut wrong);
    if wrong.is_empty() {
        return Ok(profiles);
    }
    wrong.sort_by_key(|d| d.place);
    Err(wrong)
}

/// Every recorder of a `mixedmode.toml`.
///
/// # Errors
/// Every mistake in the file; one that cannot be read is one mistake in line 1.
pub fn load_all(path: &Path) -> Result<Vec<Profile>, Broken> {
    let broken = |text: &str, diagnostics| Broken { path: path.to_owned(), text: text.to_owned(), diagnostics };
    let first = |text: &str, message: String| broken(text, vec![Diagnostic::new(Place::START, message)]);
    let text = read_text(path).map_err(|(text, wrong)| broken(&text, vec![wrong]))?;
    let whole = std::path::absolute(path).map_err(|e| first(&text, e.to_string()))?;
    let project = whole.parent().unwrap_or_else(|| Path::new("/"));
    let profiles = parse(&text, project).map_err(|wrong| broken(&text, wrong))?;
    Ok(profiles.into_iter().map(|profile| Profile { file: path.to_owned(), ..profile }).collect())
}

/// The recorder `name` of a `mixedmode.toml`.
///
/// # Errors
/// Every mistake in the file, whichever recorder it concerns; or that there is no such recorder.
pub fn load(path: &Path, name: &str) -> Result<UnderTest, ProfileError> {
    let profiles = load_all(path)?;
    let names: Vec<&str> = profiles.iter().map(|p| p.name.as_str()).collect();
    let help = match nearest(name, &names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("it has {}", names.join(", ")),
    };
    let unknown = ProfileError::Unknown { name: name.to_owned(), path: path.to_owned(), help };
    let found = profiles.into_iter().find(|profile| profile.name == name);
    found.map(|profile| UnderTest::External(Arc::new(profile))).ok_or(unknown)
}

#[cfg(test)]
mod tests;
