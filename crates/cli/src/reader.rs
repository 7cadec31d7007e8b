//! Whoever reads what we print: they may go away (`| head`), and what else there is to do is done all the same.

use std::io::{self, Write};

/// A stream of output that takes everything; what comes behind a failure is dropped.
pub(crate) struct Reader<'a, W> {
    out: &'a mut W,
    failed: Option<io::Error>,
}

impl<'a, W: Write> Reader<'a, W> {
    pub(crate) const fn of(out: &'a mut W) -> Self {
        Self { out, failed: None }
    }

    /// Why not all was taken, unless the reader only went away: that is theirs to choose.
    pub(crate) fn missed(self) -> Option<io::Error> {
        self.failed.filter(|error| error.kind() != io::ErrorKind::BrokenPipe)
    }

    fn attempt(&mut self, what: impl FnOnce(&mut W) -> io::Result<()>) {
        if self.failed.is_none() {
            self.failed = what(self.out).err();
        }
    }
}

impl<W: Write> Write for Reader<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.attempt(|out| out.write_all(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.attempt(Write::flush);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn who_writes_never_fails_and_only_a_reader_that_left_is_no_news() {
        for (kind, is_news) in [(io::ErrorKind::BrokenPipe, false), (io::ErrorKind::StorageFull, true)] {
            let mut broken = Broken(kind);
            let mut reader = Reader::of(&mut broken);
            assert!(writeln!(reader, "a line").is_ok() && reader.flush().is_ok());
            assert_eq!(reader.missed().is_some(), is_news, "{kind:?}");
        }
    }
}
