//! An object that ends the program each time that it is worked on is given up in the end.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const NAME: &str = "at-work";

/// What is being worked on, on the disk; so that who is started again knows at what it ended. Not brought to the disk: a power
/// cut is nobody's fault.
#[derive(Debug)]
pub struct Attempts {
    place: PathBuf,
}

impl Attempts {
    /// How often an object may end the program before it is given up. Also by an operator's kill: so it is not few.
    pub const MOST: u32 = 10;

    pub fn new(folder: &Path) -> Self {
        Self {
            place: folder.join(NAME),
        }
    }

    /// It is begun with; how often it was before, and did not come to its end. What cannot be read was never.
    pub fn begin(&self, arrival: &str) -> io::Result<u32> {
        let said = fs::read_to_string(&self.place).unwrap_or_default();
        let before = match said.trim_ascii().split_once(' ') {
            Some((own, count)) if own == arrival => count.parse().unwrap_or(0),
            _ => 0_u32,
        };
        let now = before.saturating_add(1);
        fs::write(&self.place, format!("{arrival} {now}\n"))?;
        Ok(before)
    }

    /// It came to its end, whatever it was.
    pub fn end(&self) -> io::Result<()> {
        match fs::remove_file(&self.place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_come_to_an_end_is_counted() {
        let here = tempfile::tempdir().unwrap();
        let attempts = Attempts::new(here.path());
        let again = || Attempts::new(here.path()).begin("a").unwrap();
        assert_eq!([again(), again(), again()], [0, 1, 2]);
        assert_eq!(attempts.begin("b").unwrap(), 0);
        assert_eq!(again(), 0);
        attempts.end().unwrap();
        attempts.end().unwrap();
        assert_eq!(again(), 0);
        fs::write(here.path().join(NAME), [0xff; 9]).unwrap();
        assert_eq!(again(), 0);
    }
}
