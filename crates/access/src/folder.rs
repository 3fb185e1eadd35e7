//! The folder of all that concerns access, and whom it belongs to: commands are root's, and the service is not.

use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

use durable::{Disk, FOR_OWNER};

/// Makes it, if it is not there, for its owner alone: whom the folder belongs to that it lies in.
///
/// # Errors
/// The system's.
pub fn make_access_folder(folder: &Path, disk: &dyn Disk) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    disk.make_folder(folder, FOR_OWNER)?;
    match folder.parent().filter(|above| above.is_dir()) {
        Some(above) => give_to_owner_of(above, folder),
        None => Ok(()),
    }
}

/// Has a file belong to whom its folder belongs to. Who is not root owns what it makes, and may be nobody else.
pub fn give_to_owner_of(folder: &Path, file: &Path) -> io::Result<()> {
    let (folder, own) = (folder.metadata()?, file.metadata()?);
    match (folder.uid(), folder.gid()) == (own.uid(), own.gid()) {
        true => Ok(()),
        false => chown(file, Some(folder.uid()), Some(folder.gid())),
    }
}
