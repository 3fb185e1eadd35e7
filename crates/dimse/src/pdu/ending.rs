//! A-ASSOCIATE-RJ (PS3.8, 9.3.4) and A-ABORT (9.3.8): why there is no association, or none any more.

use super::{PduFault, PduKind, fields::Fields, pdu};

/// A refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub lasting: bool,
    pub reason: RejectReason,
}

/// PS3.8, table 9-21, source and reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RejectReason {
    /// For no reason.
    #[error("for no reason that it gives")]
    NoReason,
    /// Another application context than DICOM's.
    #[error("because it does not know DICOM's application context")]
    Application,
    /// Who calls is not known.
    #[error("because it does not know the AE title of who calls; it has to be added there")]
    Calling,
    /// Who is called is somebody else.
    #[error("because its own AE title is another")]
    Called,
    /// Another version of the protocol.
    #[error("because it speaks another version of the protocol")]
    Version,
    /// Too much is going on.
    #[error("because too much is going on there for now")]
    Congestion,
    /// As many associations as it takes.
    #[error("because it has as many associations as it takes")]
    Limit,
}

impl RejectReason {
    /// By source: the user (1), the provider's association part (2), its presentation part (3).
    const CODES: [(Self, u8, u8); 7] = [
        (Self::NoReason, 1, 1),
        (Self::Application, 1, 2),
        (Self::Calling, 1, 3),
        (Self::Called, 1, 7),
        (Self::Version, 2, 2),
        (Self::Congestion, 3, 1),
        (Self::Limit, 3, 2),
    ];
}

impl Rejection {
    pub fn lasting(reason: RejectReason) -> Self {
        Self {
            lasting: true,
            reason,
        }
    }

    pub fn for_now(reason: RejectReason) -> Self {
        Self {
            lasting: false,
            reason,
        }
    }

    pub fn read(body: &[u8]) -> Result<Self, PduFault> {
        let [_, result, source, code] = Fields::new(body, "a rejection").array()?;
        let mut known = RejectReason::CODES.into_iter();
        let found = known.find(|(_, s, c)| (*s, *c) == (source, code));
        Ok(Self {
            lasting: result == 1,
            reason: found.map_or(RejectReason::NoReason, |(reason, ..)| reason),
        })
    }

    pub fn pdu(self) -> Vec<u8> {
        let mut known = RejectReason::CODES.into_iter();
        let found = known.find(|(reason, ..)| *reason == self.reason);
        let (source, code) = found.map_or((1, 1), |(_, source, code)| (source, code));
        let result = if self.lasting { 1 } else { 2 };
        pdu(PduKind::AssociateReject, &[0, result, source, code])
    }
}

/// PS3.8, table 9-26.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AbortReason {
    /// The application there gave up.
    #[error("the application there gave it up")]
    User,
    /// For no reason.
    #[error("for no reason that is given")]
    NoReason,
    /// A kind of PDU that there is not.
    #[error("a PDU was not known there")]
    UnknownPdu,
    /// A PDU that had no place there.
    #[error("a PDU was not expected there")]
    UnexpectedPdu,
    /// A parameter.
    #[error("a part of a PDU was not known, not expected or wrong")]
    Parameter,
}

/// The end of an association.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Abort(pub AbortReason);

impl Abort {
    pub fn read(body: &[u8]) -> Result<Self, PduFault> {
        let [_, _, source, code] = Fields::new(body, "an abort").array()?;
        Ok(Self(match (source, code) {
            (0, _) => AbortReason::User,
            (_, 1) => AbortReason::UnknownPdu,
            (_, 2) => AbortReason::UnexpectedPdu,
            (_, 4..=6) => AbortReason::Parameter,
            _ => AbortReason::NoReason,
        }))
    }

    pub fn pdu(self) -> Vec<u8> {
        let (source, code) = match self.0 {
            AbortReason::User => (0, 0),
            AbortReason::NoReason => (2, 0),
            AbortReason::UnknownPdu => (2, 1),
            AbortReason::UnexpectedPdu => (2, 2),
            AbortReason::Parameter => (2, 6),
        };
        pdu(PduKind::Abort, &[0, 0, source, code])
    }
}

/// What is said of a fault to who made it.
impl From<PduFault> for AbortReason {
    fn from(fault: PduFault) -> Self {
        match fault {
            PduFault::Unknown(_) => Self::UnknownPdu,
            PduFault::OutOfOrder => Self::UnexpectedPdu,
            PduFault::Short(_) | PduFault::Bad(_) | PduFault::Long { .. } => Self::Parameter,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdu::PDU_HEADER;

    #[test]
    fn reasons_come_over_as_they_are() {
        for (reason, ..) in RejectReason::CODES {
            for rejection in [Rejection::lasting(reason), Rejection::for_now(reason)] {
                assert_eq!(
                    Rejection::read(&rejection.pdu()[PDU_HEADER..]),
                    Ok(rejection)
                );
            }
        }
        for reason in [
            AbortReason::User,
            AbortReason::NoReason,
            AbortReason::UnknownPdu,
            AbortReason::UnexpectedPdu,
            AbortReason::Parameter,
        ] {
            let abort = Abort(reason);
            assert_eq!(Abort::read(&abort.pdu()[PDU_HEADER..]), Ok(abort));
        }
        assert_eq!(Abort::read(&[0; 3]), Err(PduFault::Short("an abort")));
    }
}
