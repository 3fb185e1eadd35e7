//! A broker, as it can be reached: what the real one and the scripted one have in common.

use std::time::Instant;

use crate::message::MqttMessage;

/// A broker.
pub trait Broker: Send {
    /// Begins to connect, its last will said with it; does not wait.
    ///
    /// # Errors
    /// [`LinkError::Fault`].
    fn dial(&mut self) -> Result<Box<dyn BrokerLink>, LinkError>;
}

/// A connection to a broker, from its beginning until it is lost; then a new one is dialled. What it has taken and not yet
/// sent is lost with it, and that is bounded.
pub trait BrokerLink: Send {
    /// Takes a message to be sent, if there is room; whether there was. Does not wait.
    fn offer(&mut self, message: MqttMessage) -> bool;

    /// What happened, waited for until then and no longer. `None`: nothing.
    fn next(&mut self, until: Instant) -> Option<LinkNews>;

    /// Sends what it has taken, and takes leave, so that no last will is published; whether that was done by then.
    fn close(self: Box<Self>, until: Instant) -> bool;
}

/// What happened to a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkNews {
    /// The broker has let this client in.
    Up,
    /// A message went out.
    Sent,
    /// It is over; why. Nothing comes after this.
    Lost(LinkError),
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Nobody is reached at that address.
    #[error("it is not reached: {0}")]
    Unreachable(String),
    /// The broker lets this client not in (MQTT 3.1.1, 3.2.2.3): its name, its password, or what it calls itself.
    #[error("it lets this client not in: {0}")]
    Refused(String),
    /// It does not answer, or takes nothing, within its time.
    #[error("it does not answer in time")]
    Silent,
    /// It hung up, as it does too when another client comes that calls itself the same.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// It says what no broker may, or sends what was not asked for.
    #[error("it breaks the protocol: {0}")]
    Protocol(String),
    /// A fault of this program or of the system.
    #[error("{0}")]
    Fault(String),
}
