//! What objects are called.

use std::io::Read;
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use crate::uid::Uids;

/// What names are made of: random and nobody else's, so that an object without identity does not lead back to its file.
///
/// Objects that are made with one secret of one file and one question have one name, however often they are asked for, and fit
/// together: a report refers to the segmentation that was asked for before it, or will be. Another secret, other names.
#[derive(Clone, Copy)]
pub struct NamingSecret([u8; 32]);

impl NamingSecret {
    /// This process's own, of the system's random numbers.
    ///
    /// # Errors
    /// The system gives none.
    pub fn of_process() -> std::io::Result<Self> {
        static OWN: OnceLock<NamingSecret> = OnceLock::new();
        if let Some(own) = OWN.get() {
            return Ok(*own);
        }
        let mut bytes = [0; 32];
        std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        // Of two that are made at once one is kept, for both.
        Ok(*OWN.get_or_init(|| Self(bytes)))
    }

    /// One that was kept: 32 random bytes.
    #[must_use]
    pub fn fixed(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Names of what these bytes tell from all else.
    pub(super) fn uids(&self, of: &[&[u8]]) -> Uids {
        let mut hash = Sha256::new_with_prefix(self.0);
        for part in of {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Uids::new(hash.finalize().into())
    }
}

/// Nothing of it.
impl std::fmt::Debug for NamingSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NamingSecret(..)")
    }
}
