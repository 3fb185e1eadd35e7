//! Where the models folder is looked for.

use std::path::{Path, PathBuf};

use engine::manifest::{FILE_NAME, ManifestError};
use update::{MODELS_STORE, ModelStore};

/// The models folder of this process: see [`ModelPlaces`].
///
/// # Errors
/// As of [`ModelPlaces::find`].
pub fn find_models(
    asked: Option<&Path>,
    configured: Option<&Path>,
) -> Result<PathBuf, ManifestError> {
    ModelPlaces::of_this_process().find(asked, configured)
}

/// Where models are looked for, unless it is said: in `./models`, in what came in a package ([`ModelStore::current`] of
/// [`MODELS_STORE`]), and in `../share/espmedsam/models` beside the executable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelPlaces(Vec<PathBuf>);

impl ModelPlaces {
    /// Of this process.
    #[must_use]
    pub fn of_this_process() -> Self {
        let program = std::env::current_exe().ok();
        Self::of(Path::new("/"), Path::new(""), program.as_deref())
    }

    /// Of a program that is started in a folder, on the system whose files lie below `root`.
    #[must_use]
    pub fn of(root: &Path, here: &Path, program: Option<&Path>) -> Self {
        let store = MODELS_STORE.trim_start_matches('/');
        let packaged = ModelStore::current(&root.join(store));
        let prefix = program.and_then(|program| program.parent()?.parent());
        let installed = prefix.map(|prefix| prefix.join("share/espmedsam/models"));
        let places = [Some(here.join("models")), packaged, installed];
        Self(places.into_iter().flatten().collect())
    }

    /// What was asked for on the command line, else in the configuration; else the first of these that holds a `manifest.toml`.
    ///
    /// # Errors
    /// [`ManifestError::Nowhere`] with the folders looked in.
    pub fn find(
        &self,
        asked: Option<&Path>,
        configured: Option<&Path>,
    ) -> Result<PathBuf, ManifestError> {
        let said = asked.or(configured).map(|said| vec![said.to_path_buf()]);
        let places = said.as_ref().unwrap_or(&self.0);
        let found = places.iter().find(|dir| dir.join(FILE_NAME).is_file());
        found.cloned().ok_or_else(|| {
            let searched = places
                .iter()
                .map(|dir| dir.display().to_string())
                .collect::<Vec<_>>()
                .join(", ");
            ManifestError::Nowhere { searched }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_asked_for_is_the_only_one_searched() {
        let dir = tempfile::tempdir().unwrap();
        let message = find_models(Some(dir.path()), None).unwrap_err().to_string();
        assert!(
            message.ends_with(&dir.path().display().to_string()),
            "{message}"
        );
        std::fs::write(dir.path().join(FILE_NAME), "").unwrap();
        assert_eq!(find_models(None, Some(dir.path())).unwrap(), dir.path());
    }
}
