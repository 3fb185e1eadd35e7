//! Names in fields of fixed length.

use std::fmt;

/// A name of up to `N` bytes, padded with zeros on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IgtlName<const N: usize>([u8; N]);

/// A message's type: `IMAGE`.
pub type TypeName = IgtlName<12>;
/// A device's name: `Image_Reference`.
pub type DeviceName = IgtlName<20>;

impl<const N: usize> IgtlName<N> {
    /// This name, or as much of it as there is room for. What is not printable ASCII becomes `?`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut bytes = [0; N];
        for (to, from) in bytes.iter_mut().zip(name.chars()) {
            *to = match from {
                ' '..='~' => from as u8,
                _ => b'?',
            };
        }
        Self(bytes)
    }

    /// As it came.
    #[must_use]
    pub fn of_bytes(bytes: [u8; N]) -> Self {
        Self(bytes)
    }

    /// As it goes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; N] {
        &self.0
    }

    /// Whether it is this name.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.named() == name.as_bytes()
    }

    /// Without what begins so; `None` if it does not.
    #[must_use]
    pub fn after(&self, beginning: &str) -> Option<&[u8]> {
        self.named().strip_prefix(beginning.as_bytes())
    }

    /// Whether it has no letter.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.named().is_empty()
    }

    /// Its bytes without padding: up to the first zero, and without spaces behind, as some senders pad with them.
    fn named(&self) -> &[u8] {
        let end = self.0.iter().position(|byte| *byte == 0);
        self.0[..end.unwrap_or(N)].trim_ascii_end()
    }
}

/// For people: what is not printable ASCII is shown as `?`, so that no sender writes control characters into a log.
impl<const N: usize> fmt::Display for IgtlName<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.named() {
            let shown = match byte {
                b' '..=b'~' => char::from(*byte),
                _ => '?',
            };
            write!(f, "{shown}")?;
        }
        Ok(())
    }
}

impl<const N: usize> fmt::Debug for IgtlName<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{self}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_padded_and_shown_without_control_characters() {
        let name = DeviceName::new("probe_Label");
        assert!(name.is("probe_Label") && !name.is("probe") && !name.is_empty());
        assert_eq!(name.after("probe"), Some(&b"_Label"[..]));
        assert_eq!(name.bytes().len(), 20);
        assert_eq!(
            TypeName::new("a name of more than twelve").to_string(),
            "a name of mo"
        );
        let spaced = TypeName::of_bytes(*b"IMAGE   \0\0\0\0");
        assert!(spaced.is("IMAGE"));
        let wild = DeviceName::of_bytes([7; 20]);
        assert_eq!(wild.to_string(), "?".repeat(20));
        assert_eq!(DeviceName::new("sonde é").to_string(), "sonde ?");
        assert!(DeviceName::new("").is_empty());
    }
}
