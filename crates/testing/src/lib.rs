//! What tests of several crates share. Not part of the product.

pub mod dicom;
pub mod exposition;
pub mod fake;
mod onnx;
pub mod oracle;
pub mod power;
pub mod puppet;
pub mod temporal;
pub mod toy;

use std::path::PathBuf;

/// A file or folder of this repository.
#[must_use]
pub fn repository(path: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "..", path]
        .iter()
        .collect()
}
