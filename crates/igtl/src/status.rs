//! STATUS: how its sender does.

use crate::fault::IgtlFault;
use crate::fields::IgtlFields;
use crate::name::DeviceName;

/// How its sender does, as far as the protocol has a number for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatusCode {
    /// All is well.
    Ok,
    /// Something is wrong that has no number of its own.
    Unknown,
    /// There is no such thing.
    NotFound,
    /// Too much to do.
    Busy,
    /// Too late, or a connection is lost.
    TimeOut,
    /// It is set up for something else.
    Configuration,
    /// It was asked for what it does not know.
    Instruction,
    /// Starting up.
    NotReady,
    /// A person has taken over.
    Manual,
    /// The device is not there.
    NotPresent,
    /// It is broken.
    Failure,
    /// It is ending.
    ShutDown,
    /// Any other number.
    Other(u16),
}

impl StatusCode {
    /// Those with a name, with their numbers.
    const TABLE: [(Self, u16); 12] = [
        (Self::Ok, 1),
        (Self::Unknown, 2),
        (Self::NotFound, 4),
        (Self::Busy, 6),
        (Self::TimeOut, 7),
        (Self::Configuration, 10),
        (Self::Instruction, 12),
        (Self::NotReady, 13),
        (Self::Manual, 14),
        (Self::NotPresent, 16),
        (Self::Failure, 18),
        (Self::ShutDown, 19),
    ];

    /// Its number on the wire.
    #[must_use]
    pub fn number(self) -> u16 {
        match self {
            Self::Other(number) => number,
            named => {
                let row = Self::TABLE.iter().find(|(code, _)| *code == named);
                row.map_or(2, |(_, number)| *number)
            }
        }
    }

    /// What that number means.
    #[must_use]
    pub fn of(number: u16) -> Self {
        let row = Self::TABLE.iter().find(|(_, known)| *known == number);
        row.map_or(Self::Other(number), |(code, _)| *code)
    }
}

/// How its sender does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusMessage<'a> {
    /// By the protocol's numbers.
    pub code: StatusCode,
    /// By the sender's own.
    pub sub_code: i64,
    /// In a word.
    pub name: DeviceName,
    /// In a sentence; bytes, as no encoding is said.
    pub text: &'a [u8],
}

impl<'a> StatusMessage<'a> {
    /// Reads it from a message's content.
    ///
    /// # Errors
    /// [`IgtlFault::Short`].
    pub fn read(content: &'a [u8]) -> Result<Self, IgtlFault> {
        let mut fields = IgtlFields::of("a status", content);
        let code = StatusCode::of(fields.u16()?);
        let sub_code = i64::from_be_bytes(fields.bytes()?);
        let name = DeviceName::of_bytes(fields.bytes()?);
        let text = fields.rest();
        // Most senders end it by a zero, as the library does.
        let end = text.iter().position(|byte| *byte == 0);
        Ok(Self {
            code,
            sub_code,
            name,
            text: &text[..end.unwrap_or(text.len())],
        })
    }

    /// Adds it to a message's content, ended by a zero.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.code.number().to_be_bytes());
        out.extend(self.sub_code.to_be_bytes());
        out.extend(self.name.bytes());
        out.extend(self.text);
        out.push(0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_and_what_they_mean_are_one_to_one() {
        for number in 0..=u16::MAX {
            assert_eq!(StatusCode::of(number).number(), number);
        }
        for (code, number) in StatusCode::TABLE {
            assert_eq!(StatusCode::of(number), code);
        }
    }

    proptest! {
        #[test]
        fn a_status_is_read_as_it_was_written(code: u16, sub_code: i64, text in "[^\0]{0,60}") {
            let status = StatusMessage {
                code: StatusCode::of(code),
                sub_code,
                name: DeviceName::new("no-signal"),
                text: text.as_bytes(),
            };
            let mut bytes = Vec::new();
            status.write(&mut bytes);
            prop_assert_eq!(StatusMessage::read(&bytes), Ok(status));
            prop_assert!(StatusMessage::read(&bytes[..29]).is_err());
        }
    }
}
