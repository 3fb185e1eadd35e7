//! The secret that names are made of, kept beside what is named: what is made again is named as it was.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use dicom::NamingSecret;
use durable::{Disk, FOR_OWNER};

const NAME: &str = "naming-secret";

/// The secret of a folder; one of the system's random numbers, the first time. It is on the disk before it is used.
///
/// # Errors
/// The system's; one that was cut short is made anew by who removes it, and names change with it.
pub fn naming_secret(folder: &Path, disk: &dyn Disk) -> io::Result<NamingSecret> {
    let place = folder.join(NAME);
    let mut secret = [0; 32];
    match File::open(&place) {
        Ok(mut file) => file.read_exact(&mut secret)?,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            File::open("/dev/urandom")?.read_exact(&mut secret)?;
            let part = folder.join("naming-secret.part");
            // What a power cut may have left.
            disk.remove(&part)?;
            let mut file = disk.create(&part, FOR_OWNER)?;
            disk.write(&mut file, &secret)?;
            disk.sync(&file, &part)?;
            disk.put(&part, &place)?;
        }
        Err(error) => return Err(error),
    }
    Ok(NamingSecret::fixed(secret))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use durable::SystemDisk;
    use testing::power::{LOSSES, PowerDisk};

    use super::*;

    #[test]
    fn a_secret_is_made_once_and_is_nobody_elses() {
        let here = tempfile::tempdir().unwrap();
        naming_secret(here.path(), &SystemDisk).unwrap();
        let place = here.path().join(NAME);
        let made = fs::read(&place).unwrap();
        assert_eq!(made.len(), 32);
        assert_eq!(
            fs::metadata(&place).unwrap().permissions().mode() & 0o777,
            0o600
        );
        naming_secret(here.path(), &SystemDisk).unwrap();
        assert_eq!(fs::read(&place).unwrap(), made);
        // Cut short, it is nobody's: other names would be made of it than before.
        fs::write(&place, &made[..31]).unwrap();
        assert!(naming_secret(here.path(), &SystemDisk).is_err());
        let other = tempfile::tempdir().unwrap();
        naming_secret(other.path(), &SystemDisk).unwrap();
        assert_ne!(fs::read(other.path().join(NAME)).unwrap(), made);
    }

    #[test]
    fn a_power_cut_leaves_no_secret_or_a_whole_one() {
        let mut made = false;
        for operations in 0..9 {
            for loss in LOSSES {
                let here = tempfile::tempdir().unwrap();
                let disk = PowerDisk::with(operations);
                let before = naming_secret(here.path(), &disk).is_ok();
                let kept = fs::read(here.path().join(NAME));
                disk.lose(loss);
                naming_secret(here.path(), &SystemDisk).unwrap();
                if before {
                    made = true;
                    let now = fs::read(here.path().join(NAME)).unwrap();
                    assert_eq!(now, kept.unwrap(), "{operations} {loss:?}");
                }
            }
        }
        assert!(made);
    }
}
