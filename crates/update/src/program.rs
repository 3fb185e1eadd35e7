//! The program, as a `.deb` in a package.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use durable::{Disk, SystemDisk};

use crate::about::{HeldPackage, LIST_BYTES, PackageKind};
use crate::digest::Sha256Sum;
use crate::error::{Afterwards, UpdateError};
use crate::list::{LIST, PackageList};
use crate::read::{PackageReader, Recipient};
use crate::state::{Rollback, StoreState};
use crate::store::PackageStore;

/// Where they are kept, unless it is said. Not where the service may write: what lies here is installed by root.
pub const PROGRAM_STORE: &str = "/var/lib/espmedsam-program";

/// Installs a `.deb`.
pub trait Installer {
    /// In place of the one that is installed, be it newer or older.
    ///
    /// # Errors
    /// Why it is not installed, for people.
    fn install(&mut self, deb: &Path) -> Result<(), String>;
}

/// Says whether the program that was just installed does well, or why not.
pub type Health<'a> = dyn FnMut() -> Result<(), String> + 'a;

/// The system's own. Its words go where this program's go.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dpkg;

impl Installer for Dpkg {
    fn install(&mut self, deb: &Path) -> Result<(), String> {
        // It must not ask: configuration that was edited stays, as with an upgrade by apt that nobody watches.
        let status = Command::new("dpkg")
            .args(["--force-confdef", "--force-confold", "--install"])
            .arg(deb)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .status()
            .map_err(|error| format!("dpkg cannot be run: {error}"))?;
        match status.success() {
            true => Ok(()),
            false => Err(format!("dpkg failed ({status}), and said above why")),
        }
    }
}

/// A store of programs, held by one process at a time.
pub struct ProgramStore(PackageStore);

impl ProgramStore {
    /// Opens the store.
    ///
    /// # Errors
    /// [`UpdateError::Busy`], [`UpdateError::Disk`], [`UpdateError::State`].
    pub fn open(folder: &Path) -> Result<Self, UpdateError> {
        Self::open_on(folder, Box::new(SystemDisk))
    }

    /// As [`ProgramStore::open`], on a disk of one's own.
    ///
    /// # Errors
    /// As [`ProgramStore::open`].
    pub fn open_on(folder: &Path, disk: Box<dyn Disk>) -> Result<Self, UpdateError> {
        PackageStore::open(folder, disk).map(Self)
    }

    /// What there is. `under_way` is a program whose installation a power cut has ended, or which failed and could not be taken
    /// back.
    #[must_use]
    pub fn state(&self) -> &StoreState {
        self.0.state()
    }

    /// Takes a package in and installs it. If that fails, or it does not do well, the one before is installed again.
    ///
    /// # Errors
    /// [`UpdateError`]; [`UpdateError::Program`] says what is there now.
    pub fn add(
        &mut self,
        package: &Path,
        recipient: &Recipient,
        installer: &mut dyn Installer,
        healthy: &mut Health<'_>,
    ) -> Result<HeldPackage, UpdateError> {
        let package = PackageReader::open(package, PackageKind::Program, recipient)?;
        let list = package.list().clone();
        self.0.stage(package)?;
        let held = self.0.keep(&list)?;
        self.0.commit(StoreState {
            under_way: Some(held.clone()),
            ..self.state().clone()
        })?;
        self.finish(held, installer, healthy)
    }

    /// Goes on with what a power cut has ended: to be called when the device starts. `None`: there is nothing to do.
    ///
    /// # Errors
    /// As [`ProgramStore::add`].
    pub fn resume(
        &mut self,
        installer: &mut dyn Installer,
        healthy: &mut Health<'_>,
    ) -> Result<Option<HeldPackage>, UpdateError> {
        match self.state().under_way.clone() {
            Some(held) => self.finish(held, installer, healthy).map(Some),
            None => Ok(None),
        }
    }

    fn finish(
        &mut self,
        new: HeldPackage,
        installer: &mut dyn Installer,
        healthy: &mut Health<'_>,
    ) -> Result<HeldPackage, UpdateError> {
        let Err(reason) = self.install(&new, installer, healthy) else {
            self.0.commit(StoreState {
                accepted: new.serial,
                current: Some(new.clone()),
                ..StoreState::default()
            })?;
            return Ok(new);
        };
        let mut state = self.state().clone();
        let afterwards = match &state.current {
            None => Afterwards::NothingKept,
            Some(before) => match self.install(before, installer, healthy) {
                Ok(()) => Afterwards::WentBack(before.clone()),
                Err(reason) => Afterwards::Failed {
                    package: before.clone(),
                    reason,
                },
            },
        };
        if let Afterwards::WentBack(before) = &afterwards {
            let (from, to) = (Some(new.clone()), Some(before.clone()));
            state.rolled_back = Some(Rollback::new(from, to, &reason, true));
            state.under_way = None;
            self.0.commit(state)?;
        }
        Err(UpdateError::Program {
            package: new,
            reason,
            afterwards,
        })
    }

    fn install(
        &self,
        held: &HeldPackage,
        installer: &mut dyn Installer,
        healthy: &mut Health<'_>,
    ) -> Result<(), String> {
        installer.install(&self.deb(held)?)?;
        healthy()
    }

    /// The `.deb` of a package that is kept, if it is still what was signed: it may have lain there for years.
    fn deb(&self, held: &HeldPackage) -> Result<PathBuf, String> {
        let place = self.0.place(held);
        let look = || -> io::Result<_> {
            let mut text = Vec::new();
            let file = File::open(place.join(LIST))?;
            file.take(LIST_BYTES).read_to_end(&mut text)?;
            let list = PackageList::read(&text).map_err(io::Error::other)?;
            let [listed] = list.files.as_slice() else {
                return Err(io::Error::other("it is not one file"));
            };
            let deb = place.join(&listed.path);
            let whole = Sha256Sum::of_reader(File::open(&deb)?)? == listed.sha256;
            Ok(whole.then_some(deb))
        };
        match look() {
            Ok(Some(deb)) => Ok(deb),
            Ok(None) => Err(format!(
                "the package kept in {} is damaged",
                place.display()
            )),
            Err(error) => Err(format!("the package kept in {}: {error}", place.display())),
        }
    }
}
