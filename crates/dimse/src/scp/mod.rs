//! Objects taken in (PS3.4, B): who may call, what is granted, and each object on the disk before it is acknowledged.

#[cfg(feature = "fuzzing")]
mod fuzz;
mod negotiate;
mod serve;
mod server;
mod settings;

pub use server::StoreScp;
pub use settings::{CallerRule, Receive, ReceivedObject, ScpSettings};

#[cfg(feature = "fuzzing")]
pub use fuzz::fuzz_association;
