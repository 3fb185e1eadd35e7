//! The gateway, pushed to over DICOM and listened to over DICOMweb, with a model that marks what is bright.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod answers;
mod archive;
mod held;
mod killed;
mod privacy;
mod support;
