//! Command sets (PS3.7, 6.3 and E): what is asked and answered, always implicit and little-endian.

use dicom::Uid;

use crate::pdu::PduFault;

/// Most bytes of a command set. One of C-STORE has some three hundred.
pub(crate) const MOST_COMMAND: usize = 4096;

const GROUP_LENGTH: u16 = 0x0000;
const SOP_CLASS: u16 = 0x0002;
const FIELD: u16 = 0x0100;
const MESSAGE: u16 = 0x0110;
const RESPONDED_TO: u16 = 0x0120;
const PRIORITY: u16 = 0x0700;
const DATA_SET: u16 = 0x0800;
const STATUS: u16 = 0x0900;
const SOP_INSTANCE: u16 = 0x1000;

const NO_DATA_SET: u16 = 0x0101;
const A_DATA_SET: u16 = 0x0000;
/// A response's bit in the command field.
const RESPONSE: u16 = 0x8000;

/// Statuses that are given (PS3.7, C; PS3.4, B.2.3).
pub(crate) mod status {
    pub const SUCCESS: u16 = 0x0000;
    pub const DUPLICATE: u16 = 0x0111;
    pub const NO_SUCH_INSTANCE_NAME: u16 = 0x0117;
    pub const CLASS_NOT_SUPPORTED: u16 = 0x0122;
    pub const UNRECOGNISED: u16 = 0x0211;
    pub const OUT_OF_RESOURCES: u16 = 0xa700;
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Store,
    Echo,
    /// Another, by its command field.
    Other(u16),
}

impl Operation {
    fn of(field: u16) -> Self {
        match field & !RESPONSE {
            0x0001 => Self::Store,
            0x0030 => Self::Echo,
            other => Self::Other(other),
        }
    }

    fn code(self) -> u16 {
        match self {
            Self::Store => 0x0001,
            Self::Echo => 0x0030,
            Self::Other(other) => other,
        }
    }
}

/// A command set. Its names are what they claim to be, or not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DimseCommand {
    pub operation: Operation,
    /// The request's number, in its response too.
    pub message: u16,
    pub has_data: bool,
    /// Of a response; a request has none.
    pub status: Option<u16>,
    pub class: Option<Uid>,
    pub instance: Option<Uid>,
}

impl DimseCommand {
    pub fn read(mut bytes: &[u8]) -> Result<Self, PduFault> {
        let (mut field, mut message, mut responded_to) = (None, None, None);
        let (mut data_set, mut status) = (A_DATA_SET, None);
        let (mut class, mut instance) = (None, None);
        while !bytes.is_empty() {
            let (header, rest) = bytes.split_first_chunk().ok_or(SHORT)?;
            let [g0, g1, e0, e1, length @ ..]: [u8; 8] = *header;
            let length = u32::from_le_bytes(length);
            let (value, rest) = rest.split_at_checked(length as usize).ok_or(SHORT)?;
            bytes = rest;
            if u16::from_le_bytes([g0, g1]) != 0 {
                return Err(PduFault::Bad(
                    "a command has an element that is not of group 0",
                ));
            }
            let word = || value.first_chunk().map(|word| u16::from_le_bytes(*word));
            match u16::from_le_bytes([e0, e1]) {
                SOP_CLASS => class = uid(value),
                SOP_INSTANCE => instance = uid(value),
                FIELD => field = word(),
                MESSAGE => message = word(),
                RESPONDED_TO => responded_to = word(),
                DATA_SET => data_set = word().unwrap_or(A_DATA_SET),
                STATUS => status = word(),
                _ => {}
            }
        }
        let field = field.ok_or(PduFault::Bad("a command does not say what it is"))?;
        let is_response = field & RESPONSE != 0;
        let number = if is_response { responded_to } else { message };
        Ok(Self {
            operation: Operation::of(field),
            message: number.ok_or(PduFault::Bad("a command has no number"))?,
            has_data: data_set != NO_DATA_SET,
            status: match is_response {
                true => Some(status.ok_or(PduFault::Bad("a response has no status"))?),
                false => None,
            },
            class,
            instance,
        })
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut rest = Vec::new();
        let named = |uid: &Option<Uid>, element, rest: &mut Vec<u8>| {
            if let Some(uid) = uid {
                put(element, uid.as_str().as_bytes(), rest);
            }
        };
        let response = if self.status.is_some() { RESPONSE } else { 0 };
        let number = if self.status.is_some() {
            RESPONDED_TO
        } else {
            MESSAGE
        };
        let data_set = if self.has_data {
            A_DATA_SET
        } else {
            NO_DATA_SET
        };
        named(&self.class, SOP_CLASS, &mut rest);
        put_word(FIELD, self.operation.code() | response, &mut rest);
        put_word(number, self.message, &mut rest);
        if self.operation == Operation::Store && self.status.is_none() {
            put_word(PRIORITY, 0, &mut rest);
        }
        put_word(DATA_SET, data_set, &mut rest);
        if let Some(status) = self.status {
            put_word(STATUS, status, &mut rest);
        }
        named(&self.instance, SOP_INSTANCE, &mut rest);
        let mut bytes = Vec::new();
        put(GROUP_LENGTH, &(rest.len() as u32).to_le_bytes(), &mut bytes);
        bytes.extend(rest);
        bytes
    }

    /// The answer to a request.
    pub fn answer(&self, status: u16) -> Self {
        Self {
            status: Some(status),
            has_data: false,
            ..self.clone()
        }
    }
}

const SHORT: PduFault = PduFault::Short("a command");

fn uid(value: &[u8]) -> Option<Uid> {
    Uid::new(str::from_utf8(value).ok()?.trim_end_matches(['\0', ' ']))
}

fn put_word(element: u16, word: u16, into: &mut Vec<u8>) {
    put(element, &word.to_le_bytes(), into);
}

fn put(element: u16, value: &[u8], into: &mut Vec<u8>) {
    let odd = value.len() % 2;
    into.extend([0; 2]);
    into.extend(element.to_le_bytes());
    into.extend(((value.len() + odd) as u32).to_le_bytes());
    into.extend(value);
    into.extend(&[0][..odd]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_no_part_of_it_panics() {
        let store = DimseCommand {
            operation: Operation::Store,
            message: 7,
            has_data: true,
            status: None,
            class: Uid::new("1.2.840.10008.5.1.4.1.1.6.1"),
            instance: Uid::new("1.2.34"),
        };
        let answer = store.answer(status::OUT_OF_RESOURCES);
        for command in [&store, &answer] {
            let bytes = command.bytes();
            assert_eq!(DimseCommand::read(&bytes).as_ref(), Ok(command));
            let length = u32::from_le_bytes(*bytes[8..].first_chunk().unwrap());
            assert_eq!(length as usize, bytes.len() - 12);
            for end in 0..bytes.len() {
                assert_ne!(DimseCommand::read(&bytes[..end]).as_ref(), Ok(command));
            }
        }
        assert!(!answer.has_data);
    }

    #[test]
    fn a_lying_length_and_another_group_are_refused() {
        let mut bytes = [0, 0, 0, 1, 2, 0, 0, 0, 0x30, 0];
        bytes[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(DimseCommand::read(&bytes), Err(SHORT));
        let other = [8, 0, 0, 1, 0, 0, 0, 0];
        assert!(matches!(DimseCommand::read(&other), Err(PduFault::Bad(_))));
    }
}
