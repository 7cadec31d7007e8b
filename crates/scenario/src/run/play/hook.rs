//! What befalls the recorder under test.

use super::cast::Cast;
use crate::file::Hook;
use crate::run::error::SetupError;

impl Cast<'_> {
    /// A recorder that cannot have it was skipped; one that is restarted is ready again behind it.
    pub(super) async fn hook(&mut self, line: usize, hook: Hook) -> Result<(), SetupError> {
        self.tell(format!("what befalls the recorder: {}", hook.word()));
        let failed = |why| SetupError::Step { line, what: format!("`hook: {}` failed: {why}", hook.word()) };
        self.recorder.befall(hook).await.map_err(failed)
    }
}
