//! Nodes of this crate against each other, against peers that mean harm, and against the end of a process.

mod support;

mod hostile;
mod killed;
mod outbox;
mod store;
