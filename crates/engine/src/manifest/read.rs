use std::io::Read;
use std::path::{Path, PathBuf};

use super::file::{FileError, open_regular};
use super::spec::{Manifest, ModelSpec};

/// Name of the manifest in a models folder.
pub const FILE_NAME: &str = "manifest.toml";
/// A manifest is a page of text; anything far longer is not one.
const MAX_MANIFEST_BYTES: u64 = 1 << 20;

/// Why there is no manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It does not say what it must, or says it twice.
    #[error("{}: {message}", path.display())]
    Invalid {
        /// The manifest.
        path: PathBuf,
        /// What is wrong, and where.
        message: String,
    },
    /// None in any of the places it is looked for.
    #[error("no manifest.toml found; looked in: {searched}")]
    Nowhere {
        /// Comma-separated folders.
        searched: String,
    },
}

impl Manifest {
    /// Reads and checks `dir/manifest.toml`.
    ///
    /// # Errors
    /// [`ManifestError::File`], or [`ManifestError::Invalid`] with the place and the reason.
    pub fn read(dir: &Path) -> Result<Self, ManifestError> {
        let path = dir.join(FILE_NAME);
        let failed = |source| FileError::Read {
            path: path.clone(),
            source,
        };
        let refused = |message| ManifestError::Invalid {
            path: path.clone(),
            message,
        };
        let file = open_regular(&path, &path)?;
        let mut text = String::new();
        file.take(MAX_MANIFEST_BYTES + 1)
            .read_to_string(&mut text)
            .map_err(failed)?;
        if text.len() as u64 > MAX_MANIFEST_BYTES {
            return Err(refused(format!(
                "expected at most {MAX_MANIFEST_BYTES} bytes, it is longer"
            )));
        }
        Self::parse(&text).map_err(refused)
    }

    /// Parses and checks a manifest's text.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut manifest: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        manifest.check()?;
        manifest.models.iter_mut().for_each(ModelSpec::name_weights);
        Ok(manifest)
    }
}
