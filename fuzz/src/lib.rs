//! What must hold of any bytes that reach a parser: an answer or an error that says why, within bounds, never a panic.
//!
//! `packages`, `pictures`, `dicom`, `associations`, `guidance`, `rle` and `video` need the crates of packages, of pictures, of DICOM and
//! its network, of OpenIGTLink, and of moving pictures alone. `requests` and `models` are features, as they bring all of HTTP and all of tract into the build.

pub mod associations;
pub mod dicom;
pub mod guidance;
#[cfg(feature = "models")]
pub mod models;
pub mod packages;
pub mod pictures;
#[cfg(feature = "requests")]
pub mod requests;
pub mod rle;
pub mod video;
