//! How long a peer is waited for.

use std::time::Duration;

/// How long a peer is waited for. A whole PDU is waited for, not a byte of it: who sends a byte a second is no faster for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLimits {
    /// For a connection to be made.
    pub connect: Duration,
    /// From the first byte of a PDU that comes to its last, and for one that goes to be taken.
    pub pdu: Duration,
    /// Between two PDUs; for a user also until an object is acknowledged.
    pub idle: Duration,
    /// From the first byte of an association to its end.
    pub association: Duration,
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            pdu: Duration::from_secs(30),
            idle: Duration::from_secs(60),
            association: Duration::from_secs(1800),
        }
    }
}
