//! Files that somebody names: read whole, but only regular files, and never more than a reader can use.
//!
//! A name may lead to a device that never ends, a pipe that nobody writes to, or a file of more bytes than there is
//! memory. Each of them is an error here, before anything was allocated for it.

use std::fs::File;
use std::io::{Error, ErrorKind, Read as _, Result};
use std::path::Path;

/// The bytes of the regular file at `path`, at most `most` of them.
///
/// # Errors
/// What the system says, or that it is no regular file, or larger than `most`.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>> {
    // Before it is opened: to open a pipe may wait forever.
    let size = sized(&std::fs::metadata(path)?, most)?;
    let file = File::open(path)?;
    sized(&file.metadata()?, most)?;
    let mut bytes = Vec::with_capacity(size as usize);
    // It may grow while it is read.
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(too_large(bytes.len() as u64, most));
    }
    Ok(bytes)
}

/// The text of the regular file at `path`, at most `most` bytes.
///
/// # Errors
/// As [`read`], or that it is not UTF-8.
pub fn read_text(path: &Path, most: u64) -> Result<String> {
    String::from_utf8(read(path, most)?)
        .map_err(|e| Error::new(ErrorKind::InvalidData, format!("it is no text: {}", e.utf8_error())))
}

fn sized(about: &std::fs::Metadata, most: u64) -> Result<u64> {
    let kind = about.file_type();
    if !kind.is_file() {
        let what = if kind.is_dir() { "a folder" } else { "a device or a pipe" };
        return Err(Error::new(ErrorKind::InvalidInput, format!("it is {what}, expected a file")));
    }
    if about.len() > most { Err(too_large(about.len(), most)) } else { Ok(about.len()) }
}

fn too_large(bytes: u64, most: u64) -> Error {
    Error::new(ErrorKind::FileTooLarge, format!("it has {bytes} bytes, expected at most {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(path: &Path, expected: &str) {
        let error = read(path, 1000).unwrap_err().to_string();
        assert!(error.contains(expected), "expected {expected:?}, got {error:?}");
    }

    #[test]
    fn only_a_regular_file_of_a_bearable_size_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        refused(&path, "No such file");
        std::fs::write(&path, b"whole").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"whole");
        assert_eq!(read(&path, 4).unwrap_err().to_string(), "it has 5 bytes, expected at most 4");
        // Sparse: it takes no room on the disk.
        File::create(&path).unwrap().set_len(20 << 30).unwrap();
        refused(&path, "it has 21474836480 bytes, expected at most 1000");
        refused(folder.path(), "it is a folder, expected a file");
        refused(Path::new("/dev/zero"), "it is a device or a pipe, expected a file");
    }

    #[test]
    fn a_file_whose_size_is_not_told_is_no_larger_either() {
        assert!(read(Path::new("/proc/self/status"), 1 << 20).is_ok());
        refused(Path::new("/proc/self/smaps"), "expected at most 1000");
    }

    #[test]
    fn what_is_no_text_is_told_as_such() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, [b'a', 0xff]).unwrap();
        assert!(read_text(&path, 9).unwrap_err().to_string().starts_with("it is no text"));
    }
}
