//! What must be in no file of the project, no log and no report: passwords, tokens, keys.

use std::path::Path;

use super::template::{Template, Values};

/// Nothing secret is longer.
const LONGEST: u64 = 64 << 10;

/// Where a secret is had from. It is never part of a profile itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// This variable of mixedmode's environment.
    Environment(String),
    /// The first line of this file.
    File(Template),
}

impl Secret {
    /// The secret.
    ///
    /// # Errors
    /// Where it was looked for, and that it is not there.
    pub(super) fn read(&self, project: &Path, values: &Values) -> Result<Hidden, String> {
        let text = match self {
            Self::Environment(name) => std::env::var(name).map_err(|_| {
                format!("the environment variable `{name}`, which is to hold a password, token or key, is not set")
            })?,
            Self::File(file) => {
                let path = project.join(file.fill(values));
                let wrong =
                    |why: String| format!("{}, which is to hold a password, token or key: {why}", path.display());
                wire::file::read_text(&path, LONGEST).map_err(|e| wrong(e.to_string()))?
            }
        };
        Ok(Hidden(text.lines().next().unwrap_or_default().trim().to_owned()))
    }
}

/// A secret that shows itself to nobody who prints it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Hidden(String);

impl Hidden {
    #[cfg(test)]
    pub(super) fn of(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The secret itself: for the wire alone.
    pub(super) fn open(&self) -> &str {
        &self.0
    }

    /// `text` without it.
    pub(super) fn kept_from(&self, text: &str) -> String {
        if self.0.is_empty() { text.to_owned() } else { text.replace(&self.0, "…") }
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_a_files_first_line_and_is_not_printed() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "s3cret \nmore\n").unwrap();
        let secret = Secret::File(Template::plain("token")).read(folder.path(), &Values::new()).unwrap();
        assert_eq!(secret.open(), "s3cret");
        assert_eq!(format!("{secret:?}"), "…");
        assert_eq!(secret.kept_from("no such token: s3cret"), "no such token: …");
    }

    #[test]
    fn where_it_is_not_there_it_is_told_where_it_was_looked_for() {
        let nowhere = Path::new("/nowhere");
        let missing = Secret::Environment("MIXEDMODE_NO_SUCH_VARIABLE".to_owned()).read(nowhere, &Values::new());
        assert!(missing.unwrap_err().contains("`MIXEDMODE_NO_SUCH_VARIABLE`"));
        let missing = Secret::File(Template::plain("token")).read(nowhere, &Values::new());
        assert!(missing.unwrap_err().starts_with("/nowhere/token, "));
    }
}
