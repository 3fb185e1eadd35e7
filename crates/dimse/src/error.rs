//! Why an object did not get where it was to go.

use crate::part10::MetaError;
use crate::pdu::{AbortReason, PduFault, RejectReason};
use crate::tls::TlsError;
use crate::wire::WireError;

/// An object was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// As it is.
    Stored,
    /// But the receiver changed something, or has it already: its status (PS3.4, B.2.3; PS3.7, C).
    WithWarning(u16),
}

/// Why an object did not get where it was to go, or nobody answered. The words are for the people who look after the network; no
/// identifier is among them.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No connection.
    #[error("no connection to {node}: {source}; is it on, and are host and port right?")]
    Unreachable {
        /// Host and port.
        node: String,
        /// The system's.
        source: std::io::Error,
    },
    /// The association was refused.
    #[error("the node refused the association {0}")]
    Rejected(RejectReason),
    /// The association was given up by the node.
    #[error("the node broke the association off: {0}")]
    Aborted(AbortReason),
    /// None of what was proposed is taken there.
    #[error("the node does not take objects of this kind, written in this way")]
    NotAccepted,
    /// It took too long.
    #[error("the node took too long to answer")]
    TooSlow,
    /// The connection ended.
    #[error("the connection to the node was cut off")]
    CutOff,
    /// What the node says cannot be.
    #[error("the node does not speak DICOM as it should: {0}")]
    Fault(#[from] PduFault),
    /// The object was refused (PS3.4, B.2.3).
    #[error("the node did not take the object: {} (status {status:04X})", in_words(*status))]
    Refused {
        /// As it was given.
        status: u16,
    },
    /// The file that was to be sent.
    #[error("the file cannot be sent: {0}")]
    File(String),
    /// A DICOMweb server's answer (PS3.18, 10.5.3).
    #[error("the DICOMweb server answered with status {0}")]
    Http(u16),
    /// A DICOMweb server that could not be asked, or whose answer is none.
    #[error("the DICOMweb server could not be asked: {0}")]
    Web(String),
    /// No TLS, or none with this one.
    #[error("TLS: {0}")]
    Tls(String),
    /// A destination that is not among those that are configured.
    #[error("there is no destination of that name any more")]
    NoDestination,
}

impl SendError {
    /// Whether trying again is of no use: it is about this object, not about the network, the node or its settings.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::NotAccepted | Self::File(_) => true,
            Self::Refused { status } => !has_no_room(*status),
            // About this request and no other (RFC 9110, 15.5).
            Self::Http(status) => matches!(status, 400 | 406 | 409 | 413 | 415 | 422),
            _ => false,
        }
    }
}

/// Whether there is no room now: A7xx, or 0213 (PS3.7, C.5.20).
fn has_no_room(status: u16) -> bool {
    status & 0xff00 == 0xa700 || status == 0x0213
}

fn in_words(status: u16) -> &'static str {
    match status {
        _ if has_no_room(status) => "it has no room for it now",
        0x0117 => "it does not like the object's UID",
        0x0122 => "it does not take objects of this kind",
        0x0124 => "it is not allowed to be sent there",
        0x0211 | 0x0212 => "it does not know the request",
        _ if status & 0xff00 == 0xa900 => "its data set does not fit its kind",
        _ if status & 0xf000 == 0xc000 => "it was not understood",
        _ => "it failed there",
    }
}

impl From<WireError> for SendError {
    fn from(error: WireError) -> Self {
        match error {
            // What rustls has to say of a peer.
            WireError::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                Self::Tls(error.to_string())
            }
            WireError::Closed | WireError::CutOff | WireError::Io(_) => Self::CutOff,
            WireError::TooSlow => Self::TooSlow,
            WireError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<TlsError> for SendError {
    fn from(error: TlsError) -> Self {
        Self::Tls(error.to_string())
    }
}

impl From<MetaError> for SendError {
    fn from(error: MetaError) -> Self {
        Self::File(error.to_string())
    }
}
