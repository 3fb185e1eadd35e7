//! The secret that names are made of, kept beside what is named: what is made again is named as it was.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use dicom::NamingSecret;

const NAME: &str = "naming-secret";

/// The secret of a folder; one of the system's random numbers, the first time. It is on the disk before it is used.
///
/// # Errors
/// The system's; one that was cut short is made anew by who removes it, and names change with it.
pub fn naming_secret(folder: &Path) -> io::Result<NamingSecret> {
    let place = folder.join(NAME);
    let mut secret = [0; 32];
    match File::open(&place) {
        Ok(mut file) => file.read_exact(&mut secret)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            File::open("/dev/urandom")?.read_exact(&mut secret)?;
            let part = folder.join("naming-secret.part");
            let mut options = OpenOptions::new();
            let options = options.write(true).create(true).truncate(true).mode(0o600);
            let mut file = options.open(&part)?;
            file.write_all(&secret)?;
            file.sync_all()?;
            fs::rename(&part, &place)?;
            File::open(folder)?.sync_all()?;
        }
        Err(error) => return Err(error),
    }
    Ok(NamingSecret::fixed(secret))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_secret_is_made_once_and_is_nobody_elses() {
        let here = tempfile::tempdir().unwrap();
        naming_secret(here.path()).unwrap();
        let place = here.path().join(NAME);
        let made = fs::read(&place).unwrap();
        assert_eq!(made.len(), 32);
        assert_eq!(
            fs::metadata(&place).unwrap().permissions().mode() & 0o777,
            0o600
        );
        naming_secret(here.path()).unwrap();
        assert_eq!(fs::read(&place).unwrap(), made);
        // Cut short, it is nobody's: other names would be made of it than before.
        fs::write(&place, &made[..31]).unwrap();
        assert!(naming_secret(here.path()).is_err());
        let other = tempfile::tempdir().unwrap();
        naming_secret(other.path()).unwrap();
        assert_ne!(fs::read(other.path().join(NAME)).unwrap(), made);
    }
}
