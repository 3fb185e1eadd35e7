//! The model's files and the runtime that runs them: manifest → verified bytes → graphs, shared between modalities.

pub mod contract;
mod folding;
mod logits;
pub mod manifest;
mod nodes;
pub mod runtime;
pub mod store;
pub mod verify;

use std::path::PathBuf;

pub use logits::LogitMap;

/// Why a model cannot be used. Each message says what was expected and what was found.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A file could not be opened or read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file, relative to the models folder; of the manifest, the whole path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Something else than a file lies there. It was not opened: a pipe would wait for ever.
    #[error("{}: not a regular file", path.display())]
    NotAFile {
        /// What it is called, as in [`ModelError::Read`].
        path: PathBuf,
    },
    /// The manifest does not say what it must, or says it twice.
    #[error("{}: {message}", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong, and where.
        message: String,
    },
    /// No manifest in any of the places it is looked for.
    #[error("no manifest.toml found; looked in: {searched}")]
    NoManifest {
        /// Comma-separated folders.
        searched: String,
    },
    /// A file is longer or shorter than the manifest says; it was not hashed.
    #[error("{}: expected {expected} bytes, found {found}", path.display())]
    Size {
        /// The file, relative to the models folder.
        path: PathBuf,
        /// Bytes in the manifest.
        expected: u64,
        /// Bytes on disk.
        found: u64,
    },
    /// A file's content is not the one the manifest names.
    #[error("{}: expected SHA-256 {expected}, found {found}", path.display())]
    Hash {
        /// The file, relative to the models folder.
        path: PathBuf,
        /// Hex digest in the manifest.
        expected: String,
        /// Hex digest of the file.
        found: String,
    },
    /// The graph cannot be loaded, or takes or gives other tensors than the contract says.
    #[error("{graph}: {message}")]
    Graph {
        /// The graph's path in the manifest.
        graph: String,
        /// What was expected and found.
        message: String,
    },
    /// The thread pool could not be made.
    #[error("cannot start {threads} threads: {message}")]
    Threads {
        /// Threads asked for.
        threads: usize,
        /// What the pool said.
        message: String,
    },
    /// No such model in the manifest.
    #[error("no model '{asked}'; there are: {available}")]
    UnknownModel {
        /// What was asked.
        asked: String,
        /// Comma-separated names.
        available: String,
    },
    /// No such modality in the model asked for.
    #[error("model '{model}' has no modality '{asked}'; it has: {available}")]
    UnknownModality {
        /// What was asked.
        asked: String,
        /// The model looked in.
        model: String,
        /// Comma-separated names.
        available: String,
    },
}
