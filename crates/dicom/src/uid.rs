//! What objects are called, for who has to refer to them.

use sha2::{Digest, Sha256};

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

    /// One of DICOM's own or of this program's.
    pub(crate) fn fixed(text: &'static str) -> Self {
        Self(text.into())
    }

    /// A part of what this one names, by its role there: the same one each time.
    pub(crate) fn of_part(&self, role: &str) -> Self {
        Self::of_digest(&[self.0.as_bytes(), b"/", role.as_bytes()])
    }

    /// Of SHA-256's first 128 bits, laid out as a UUID (PS3.5, B.2).
    pub(crate) fn of_digest(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        parts.iter().for_each(|part| hash.update(part));
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.finalize()[..16]);
        // Version 8, "made as its maker likes", and the variant (RFC 9562, 5.8).
        let bits = u128::from_be_bytes(bytes);
        let bits = bits & !(0xf << 76) | 8 << 76;
        let bits = bits & !(3 << 62) | 2 << 62;
        Self(format!("2.25.{bits}"))
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

/// Names for new objects, made of a seed that is handed in as time is.
///
/// A name must be new for whatever is written twice, even if it is of the same mask, model and source: two objects of one name
/// have to be the same to the bit, and the time of day alone makes them differ. Were it a hash of what is known beforehand,
/// it could also be guessed, and two patients of whom nothing was found would share one. So the seed is random; an outbox
/// that must not send twice keeps the file it has, with its name.
#[derive(Clone)]
pub struct Uids {
    seed: [u8; 32],
    made: u64,
}

impl Uids {
    /// `seed`: 32 random bytes.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed, made: 0 }
    }

    /// The next one.
    pub fn make(&mut self) -> Uid {
        self.made = self.made.wrapping_add(1);
        Uid::of_digest(&[&self.seed, &self.made.to_be_bytes()])
    }
}

/// Nothing of the seed: who has it knows all the names.
impl std::fmt::Debug for Uids {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Uids").finish_non_exhaustive()
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
