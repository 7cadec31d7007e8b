//! Why a configuration cannot be used.

use std::path::{Path, PathBuf};

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not TOML, an unknown key, or a value of the wrong kind.
    #[error("{}{message}", path.as_ref().map(|path| format!("{}: ", path.display())).unwrap_or_default())]
    Parse {
        /// The file, where there is one.
        path: Option<PathBuf>,
        /// Line, column, the line itself and what is wrong.
        message: String,
    },
    /// A value that cannot work.
    #[error("`{key}`: got {got}, expected {expected}")]
    Invalid {
        /// The key.
        key: &'static str,
        /// Its value.
        got: String,
        /// What would do.
        expected: &'static str,
    },
}

impl ConfigError {
    pub(super) fn in_file(self, file: &Path) -> Self {
        match self {
            Self::Parse { message, .. } => Self::Parse { path: Some(file.to_owned()), message },
            other => other,
        }
    }
}
