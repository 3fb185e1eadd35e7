//! The API over real sockets, with a fake engine.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

#[path = "../support/mod.rs"]
mod support;

mod access;
mod bounds;
mod catalog;
mod clips;
mod connections;
mod dicom;
mod door;
mod errors;
mod form;
mod grpc;
mod hostile;
mod house;
mod kserve;
mod lists;
mod live;
mod metrics;
mod mismatch;
mod page;
mod segment;
mod shares;
mod sites;
mod surround;
