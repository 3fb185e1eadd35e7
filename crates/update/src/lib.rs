//! Signed packages of models and of the program, brought to a device that has no network.
//!
//! ```text
//!  maker: list + files ──pack──► package, one file ══ a stick ══► PackageReader: signature, list, hashes
//!                                                                     │
//!             ModelStore: unpacked aside ──► tried ──► switched ◄─────┴─────► ProgramStore: kept ──► Installer ──► healthy?
//! ```
//!
//! Nothing of a package is believed before its signature is checked, nothing of it is used before all its hashes are, and what
//! was in use stays in use until the new one has proved itself. Knows no model, no picture and no protocol: what tries a package
//! is handed in. See `docs/updates.md`.
//!
//! Research use only. Not for clinical use.

mod about;
mod digest;
mod error;
mod key;
mod list;
mod models;
mod pack;
mod program;
mod read;
mod state;
mod store;
mod tar;
mod version;

pub use about::{FORMAT, HeldPackage, LIST_BYTES, PackageKind};
pub use digest::Sha256Sum;
pub use error::{Afterwards, PackageError, UpdateError};
pub use key::{KeyError, KeyId, SigningSecret, UpdateKey};
pub use list::{ListedFile, PackageList, SelfTest};
pub use models::{MODELS_STORE, ModelStore, ModelTrial};
pub use pack::{PackError, list_file, list_files, pack};
pub use program::{Dpkg, Health, Installer, PROGRAM_STORE, ProgramStore};
pub use read::{FilePiece, PackageReader, Recipient};
pub use state::{Rollback, StoreState};
pub use version::{ProgramVersion, VersionError};
