//! What the file is called, for who has to refer to it.

/// A unique identifier (PS3.5, 9.1). It leads to a person as a name does, so that it never shows itself by accident: who
/// writes it, asks for [`Uid::as_str`].
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Uid(String);

impl Uid {
    /// Digits and points, 64 at most; whatever else a file may have put there is none.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let good = |c: char| c.is_ascii_digit() || c == '.';
        let fits = (1..=64).contains(&text.len());
        (fits && text.chars().all(good)).then(|| Self(text.into()))
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Uid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Uid(..)")
    }
}

/// What an object derived from this file refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// Study Instance UID.
    pub study: Option<Uid>,
    /// Series Instance UID.
    pub series: Option<Uid>,
    /// SOP Instance UID.
    pub instance: Option<Uid>,
    /// SOP Class UID.
    pub sop_class: Option<Uid>,
    /// Frame of Reference UID.
    pub frame_of_reference: Option<Uid>,
}
