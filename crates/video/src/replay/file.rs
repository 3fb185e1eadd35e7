//! Opening what is replayed.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use super::error::{ReplayError, lost, unusable};
use crate::source::SourceError;

/// Opens a regular file. A FIFO would be waited for without end, and to open a device may already do something to it.
pub(super) fn open_file(path: &Path) -> Result<File, SourceError> {
    let regular = |found: std::io::Result<std::fs::Metadata>| match found.map_err(lost)?.is_file() {
        true => Ok(()),
        false => Err(unusable(ReplayError::NotAFile(path.into()))),
    };
    regular(path.metadata())?;
    // Something else may have taken its place meanwhile: that is not waited for, and not read.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = (OpenOptions::new().read(true).custom_flags(flags).open(path)).map_err(lost)?;
    regular(file.metadata())?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Were it opened as a file is, the test would wait without end.
    #[test]
    fn what_is_no_file_is_refused_at_once_and_what_is_not_there_may_come() {
        let folder = tempfile::tempdir().unwrap();
        let [fifo, link, file] = ["fifo", "link", "file"].map(|name| folder.path().join(name));
        let missing = open_file(&file).unwrap_err();
        assert!(matches!(missing, SourceError::Lost(_)), "{missing}");
        std::fs::write(&file, b"").unwrap();
        assert!(open_file(&file).is_ok());
        let made = std::process::Command::new("mkfifo").arg(&fifo).status();
        assert!(made.unwrap().success());
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        for path in [fifo, link, folder.path().into()] {
            let SourceError::Unusable(cause) = open_file(&path).unwrap_err() else {
                panic!("{}", path.display());
            };
            assert_eq!(cause.downcast_ref(), Some(&ReplayError::NotAFile(path)));
        }
    }
}
