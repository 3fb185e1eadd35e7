//! `manifest.toml`: which models there are, the files they are made of, what is known about them, and the contract their
//! graphs are held to. Plain data; nothing is loaded here.

mod check;
pub mod contract;
pub mod file;
mod guard;
mod preprocess;
mod presence;
mod read;
mod spec;
#[cfg(test)]
mod tests;
mod views;
mod white_balance;

pub use check::{FORMAT, MASK_QUERIES, MAX_SIDE};
pub use file::FileSpec;
pub use guard::{GuardClass, GuardSpec};
pub use preprocess::{PreprocessSpec, Resize};
pub use presence::PresenceSpec;
pub use read::{FILE_NAME, ManifestError};
pub use spec::{ConfidenceSpec, Manifest, ModalitySpec, ModelSpec, Storage, ValidationSpec};
pub use views::{Mirrored, TILE_OVERLAP, ViewsSpec};
pub use white_balance::WhiteBalanceSpec;
