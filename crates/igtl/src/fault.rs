//! What can be wrong with a message.

use crate::name::TypeName;

/// Why bytes are no message, or not one of its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IgtlFault {
    /// A header of a version that is not there: most likely no header at all.
    #[error("a header says version {0}; there are 1, 2 and 3")]
    Version(u16),
    /// More bytes than are taken.
    #[error("a message '{kind}' claims {claimed} bytes; {most} are taken")]
    TooLong {
        /// Its type.
        kind: TypeName,
        /// As its header says.
        claimed: u64,
        /// The bound.
        most: u64,
    },
    /// The body is another one than was sent.
    #[error("a body's CRC is {found:016x}, and its header says {stated:016x}")]
    Crc {
        /// As the header says.
        stated: u64,
        /// As it is.
        found: u64,
    },
    /// It ends before its fields do.
    #[error("{0} ends within its fields")]
    Short(&'static str),
    /// A length that lies.
    #[error("{what} has {found} bytes where {expected} are said")]
    Length {
        /// Of what.
        what: &'static str,
        /// As other fields say.
        expected: u64,
        /// As they are.
        found: u64,
    },
    /// A number that stands for nothing.
    #[error("{what} {found} stands for nothing")]
    Unknown {
        /// Of what.
        what: &'static str,
        /// The number.
        found: u16,
    },
    /// A part of an image that does not lie in it, or holds nothing.
    #[error("the part of an image that was sent does not lie in it")]
    Part,
    /// A matrix of what are no numbers.
    #[error("an image's matrix has values that are not finite")]
    Matrix,
}
