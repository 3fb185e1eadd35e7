//! What nodes are called.

use std::fmt;

/// Why a text is no AE title.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an AE title has 1 to 16 characters: letters, digits, signs of ASCII but no backslash, and no spaces around it"
)]
pub struct BadAeTitle;

/// An application entity's title (PS3.5, 6.2, AE).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AeTitle(String);

impl AeTitle {
    /// Bytes of its field in a PDU (PS3.8, 9.3.2), filled up with spaces.
    pub(crate) const FIELD: usize = 16;

    /// # Errors
    /// [`BadAeTitle`]
    pub fn new(title: &str) -> Result<Self, BadAeTitle> {
        let good = |c: char| (' '..='~').contains(&c) && c != '\\';
        let fits = (1..=Self::FIELD).contains(&title.len());
        match fits && title.chars().all(good) && title.trim() == title {
            true => Ok(Self(title.into())),
            false => Err(BadAeTitle),
        }
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Of a PDU's field, in which spaces around it say nothing.
    pub(crate) fn of_field(field: &[u8]) -> Option<Self> {
        Self::new(str::from_utf8(field).ok()?.trim_matches(' ')).ok()
    }

    pub(crate) fn field(&self) -> [u8; Self::FIELD] {
        let mut field = [b' '; Self::FIELD];
        (field.iter_mut().zip(self.0.bytes())).for_each(|(to, from)| *to = from);
        field
    }
}

impl fmt::Display for AeTitle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AeTitle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_short_and_plain() {
        for good in ["A", "ORTHANC", "US ROOM-1", "1234567890123456"] {
            let title = AeTitle::new(good).unwrap();
            assert_eq!(AeTitle::of_field(&title.field()), Some(title), "{good}");
        }
        for bad in [
            "",
            " ",
            " A",
            "A ",
            "A\\B",
            "A\nB",
            "Ä",
            "12345678901234567",
        ] {
            assert_eq!(AeTitle::new(bad), Err(BadAeTitle), "{bad:?}");
        }
        assert_eq!(AeTitle::of_field(&[b' '; 16]), None);
        assert_eq!(
            AeTitle::of_field(b"  X             "),
            AeTitle::new("X").ok()
        );
    }
}
