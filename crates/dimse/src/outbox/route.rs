//! Where entries go.

use std::collections::BTreeMap;
use std::path::Path;

use super::entry::RouteName;
use crate::error::{SendError, Sent};
use crate::scu::RemoteNode;
use crate::stow::StowServer;

/// Delivers an entry.
pub trait Deliver: Send + Sync {
    /// Sends a Part 10 file, and comes back when it is acknowledged or will not be.
    ///
    /// # Errors
    /// [`SendError`]; if it [is lasting](SendError::is_lasting), the entry is set aside, else tried again.
    fn deliver(&self, route: &RouteName, file: &Path) -> Result<Sent, SendError>;
}

/// One of two ways.
#[derive(Clone, Debug)]
pub enum DestinationKind {
    /// C-STORE.
    Node(RemoteNode),
    /// STOW-RS.
    Web(StowServer),
}

impl DestinationKind {
    /// Whether it is there and lets this one in; nothing is sent.
    ///
    /// # Errors
    /// [`SendError`]
    pub fn echo(&self) -> Result<(), SendError> {
        match self {
            Self::Node(node) => node.echo(),
            Self::Web(server) => server.echo(),
        }
    }
}

/// Destinations by name, as they are configured now.
#[derive(Clone, Debug, Default)]
pub struct Destinations(pub BTreeMap<RouteName, DestinationKind>);

impl Deliver for Destinations {
    fn deliver(&self, route: &RouteName, file: &Path) -> Result<Sent, SendError> {
        match self.0.get(route) {
            Some(DestinationKind::Node(node)) => node.store(file),
            Some(DestinationKind::Web(server)) => server.store(file),
            None => Err(SendError::NoDestination),
        }
    }
}
