//! What is on its way to other nodes, on the disk until it is acknowledged.

mod courier;
mod entry;
mod route;
mod shelf;

pub use courier::{Backoff, Courier};
pub use entry::{EntryKey, RouteName};
pub use route::{Deliver, DestinationKind, Destinations};
pub use shelf::{Outbox, OutboxError, OutboxState, Posted, RouteState};
