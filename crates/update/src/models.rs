//! Models that came in packages.

use std::path::{Path, PathBuf};

use durable::{Disk, SystemDisk};

use crate::about::{HeldPackage, PackageKind};
use crate::digest::Sha256Sum;
use crate::error::UpdateError;
use crate::list::SelfTest;
use crate::read::{PackageReader, Recipient};
use crate::state::{Rollback, StoreState};
use crate::store::{CURRENT, PackageStore};

/// Where they are kept, unless it is said.
pub const MODELS_STORE: &str = "/var/lib/espmedsam/models";

/// Tries a models folder with one of the package's pictures: the SHA-256 of the mask (a byte for each pixel, 0 or 255), or why
/// there is none. Called for each picture in turn, with the same folder.
pub type ModelTrial<'a> = dyn FnMut(&Path, &SelfTest) -> Result<Sha256Sum, String> + 'a;

/// A store of models, held by one process at a time.
pub struct ModelStore(PackageStore);

impl ModelStore {
    /// Opens the store, and clears away what a power cut left.
    ///
    /// # Errors
    /// [`UpdateError::Busy`], [`UpdateError::Disk`], [`UpdateError::State`].
    pub fn open(folder: &Path) -> Result<Self, UpdateError> {
        Self::open_on(folder, Box::new(SystemDisk))
    }

    /// As [`ModelStore::open`], on a disk of one's own.
    ///
    /// # Errors
    /// As [`ModelStore::open`].
    pub fn open_on(folder: &Path, disk: Box<dyn Disk>) -> Result<Self, UpdateError> {
        PackageStore::open(folder, disk).map(Self)
    }

    /// The models in use, if any came in a package: a models folder. Reads nothing else, and needs no lock.
    #[must_use]
    pub fn current(store: &Path) -> Option<PathBuf> {
        let link = store.join(CURRENT);
        link.is_symlink().then_some(link)
    }

    /// What there is.
    #[must_use]
    pub fn state(&self) -> &StoreState {
        self.0.state()
    }

    /// Takes a package in: it is unpacked aside and tried with its pictures, and only then used. Whatever fails, the models in use
    /// stay.
    ///
    /// # Errors
    /// [`UpdateError`].
    pub fn add(
        &mut self,
        package: &Path,
        recipient: &Recipient,
        trial: &mut ModelTrial<'_>,
    ) -> Result<HeldPackage, UpdateError> {
        let package = PackageReader::open(package, PackageKind::Models, recipient)?;
        let list = package.list().clone();
        let staged = self.0.stage(package)?;
        let tried = list
            .self_tests
            .iter()
            .try_for_each(|test| try_one(&staged, test, trial));
        if tried.is_err() {
            self.0.discard();
        }
        tried?;
        let held = self.0.keep(&list)?;
        let before = self.state().current.clone();
        self.0.commit(StoreState {
            accepted: held.serial,
            current: Some(held.clone()),
            previous: before,
            ..StoreState::default()
        })?;
        Ok(held)
    }

    /// Goes back to what is kept, or, where only one package ever came, to what the device came with. What was in use is kept: a
    /// second time goes forth again.
    ///
    /// # Errors
    /// [`UpdateError::NothingEarlier`], [`UpdateError::Disk`].
    pub fn rollback(&mut self) -> Result<Rollback, UpdateError> {
        self.step("asked for", false)
    }

    /// Goes back as the models in use cannot be used. What failed is kept, for a person to try again, but never gone back to by
    /// itself.
    ///
    /// # Errors
    /// [`UpdateError::NothingEarlier`] also where all that is kept has failed; [`UpdateError::Disk`].
    pub fn fall_back(&mut self, why: &str) -> Result<Rollback, UpdateError> {
        let state = self.state();
        let failed = state.rolled_back.as_ref().filter(|back| back.failed);
        let is_failed = failed.is_some_and(|back| back.from == state.previous);
        if state.current.is_none() || is_failed {
            return Err(UpdateError::NothingEarlier);
        }
        self.step(why, true)
    }

    fn step(&mut self, why: &str, failed: bool) -> Result<Rollback, UpdateError> {
        let mut state = self.state().clone();
        if (&state.current, &state.previous) == (&None, &None) {
            return Err(UpdateError::NothingEarlier);
        }
        std::mem::swap(&mut state.current, &mut state.previous);
        let (from, to) = (state.previous.clone(), state.current.clone());
        let rollback = Rollback::new(from, to, why, failed);
        state.rolled_back = Some(rollback.clone());
        self.0.commit(state)?;
        Ok(rollback)
    }
}

fn try_one(folder: &Path, test: &SelfTest, trial: &mut ModelTrial<'_>) -> Result<(), UpdateError> {
    let found = trial(folder, test).map_err(|reason| UpdateError::SelfTest {
        modality: test.modality.clone(),
        reason,
    })?;
    match found == test.mask_sha256 {
        true => Ok(()),
        false => Err(UpdateError::OtherMask {
            picture: test.picture.clone(),
            modality: test.modality.clone(),
            listed: test.mask_sha256,
            found,
        }),
    }
}
