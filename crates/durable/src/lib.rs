//! Files and folders that a power cut leaves as they were or as they are to be: whatever is kept on the disk is written through
//! here, and through a trait, so that a test can cut the power at each single operation.
//!
//! A file that is to be there whole or not at all is made under another name ([`Disk::write_new`]), and then given its own
//! ([`Disk::put`]).
//!
//! Research use only. Not for clinical use.

mod disk;

pub use disk::{Disk, FOR_ALL, FOR_OWNER, SystemDisk};
