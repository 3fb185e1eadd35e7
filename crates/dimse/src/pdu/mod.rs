//! Protocol data units of the upper layer (PS3.8, 9.3): seven kinds, each a kind, a length and so many bytes.
//!
//! What is read is borrowed from the bytes that came, so that it takes no memory but lists of slices; a length is believed only as far
//! as the bytes that it stands in go.

mod associate;
mod data;
mod ending;
mod fields;

pub(crate) use associate::{
    AnsweredContext, AssociateAccept, AssociateRequest, ContextAnswer, ProposedContext,
};
pub(crate) use data::{DataValue, data_values, put_data_value};
pub(crate) use ending::{Abort, Rejection};
pub use ending::{AbortReason, RejectReason};

/// The kinds (PS3.8, 9.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PduKind {
    AssociateRequest,
    AssociateAccept,
    AssociateReject,
    Data,
    ReleaseRequest,
    ReleaseReply,
    Abort,
}

impl PduKind {
    const ALL: [Self; 7] = [
        Self::AssociateRequest,
        Self::AssociateAccept,
        Self::AssociateReject,
        Self::Data,
        Self::ReleaseRequest,
        Self::ReleaseReply,
        Self::Abort,
    ];

    pub fn of(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    pub fn code(self) -> u8 {
        match self {
            Self::AssociateRequest => 1,
            Self::AssociateAccept => 2,
            Self::AssociateReject => 3,
            Self::Data => 4,
            Self::ReleaseRequest => 5,
            Self::ReleaseReply => 6,
            Self::Abort => 7,
        }
    }
}

/// Bytes before a PDU's own: kind, one that says nothing, length.
pub(crate) const PDU_HEADER: usize = 6;

/// A whole PDU of this body.
pub(crate) fn pdu(kind: PduKind, body: &[u8]) -> Vec<u8> {
    let mut pdu = Vec::with_capacity(PDU_HEADER + body.len());
    pdu.extend([kind.code(), 0]);
    pdu.extend((body.len() as u32).to_be_bytes());
    pdu.extend(body);
    pdu
}

/// What is wrong with a PDU that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PduFault {
    /// A part of it ends within itself.
    #[error("a PDU ends within {0}")]
    Short(&'static str),
    /// A part of it is not what it has to be.
    #[error("{0}")]
    Bad(&'static str),
    /// Longer than it may be.
    #[error("a PDU claims {claimed} bytes, more than the {most} that are taken")]
    Long {
        /// What it says.
        claimed: u32,
        /// The most.
        most: u32,
    },
    /// A kind of PDU that there is not.
    #[error("a PDU of the unknown kind {0}")]
    Unknown(u8),
    /// One that has no place there (PS3.8, 9.2).
    #[error("a PDU came that has no place there")]
    OutOfOrder,
}
