//! DICOM over a network: objects taken in (C-STORE as a provider), sent on (C-STORE as a user, STOW-RS), asked after (C-ECHO).
//!
//! ```text
//!  scanner ──C-STORE──► StoreScp ──► Spool, on the disk ──► success is said ──► whoever works on it
//!                                                                                        │
//!  archive ◄──C-STORE, STOW-RS── Courier ◄── Outbox, on the disk ◄──────────────────────-┘
//! ```
//!
//! Nothing is acknowledged before it is on the disk, and nothing leaves the disk before it was acknowledged. What strangers send
//! is bounded in bytes, time and number before it is believed. Knows no model and no picture; of objects only what their file
//! meta information says. See `docs/dicom-network.md`.
//!
//! Research use only. Not for clinical use.

mod ae;
mod command;
mod error;
mod folder;
mod outbox;
mod part10;
mod pdu;
mod scp;
#[cfg(feature = "fuzzing")]
mod scripted;
mod scu;
mod sop;
mod spool;
mod stow;
mod times;
mod tls;
mod wire;

pub use ae::{AeTitle, BadAeTitle};
pub use error::{SendError, Sent};
pub use folder::{FolderBounds, FolderError};
pub use outbox::{
    Backoff, Courier, Deliver, DestinationKind, Destinations, EntryKey, Outbox, OutboxError,
    OutboxState, Posted, RouteName, RouteState,
};
pub use pdu::{AbortReason, PduFault, RejectReason};
pub use scp::{CallerRule, Receive, ReceivedObject, ScpSettings, StoreScp};
pub use scu::RemoteNode;
pub use sop::{IMAGE_CLASSES, SopClass};
pub use spool::{Spool, SpooledObject};
pub use stow::StowServer;
pub use times::TimeLimits;
pub use tls::{TlsError, TlsFiles, TlsKit};

#[cfg(feature = "fuzzing")]
pub use scp::fuzz_association;
#[cfg(feature = "fuzzing")]
pub use scu::fuzz_user;
