//! How much of a message is values of tensors: the rest, which is names and numbers, is bounded tightly.
//!
//! In memory a field takes many times what it takes in a message (a string of no letters 24 bytes for two, a tensor more), so a
//! message of 16 MiB could ask for gigabytes. It is measured before it is read.

use super::fault::{GrpcCode, GrpcFault};

/// Most bytes of a message that are not values of tensors; and what a call may send over the limit for bodies.
pub const ENVELOPE: usize = 64 << 10;

/// Checks that a message's fields, without the values of tensors, are no more than [`ENVELOPE`].
///
/// # Errors
/// [`GrpcCode::ResourceExhausted`] if they are more; [`GrpcCode::InvalidArgument`] if this is no message.
pub fn check(message: &[u8]) -> Result<(), GrpcFault> {
    let values = values(message, 0).ok_or_else(unreadable)?;
    match message.len() - values <= ENVELOPE {
        true => Ok(()),
        false => Err(GrpcFault::new(
            GrpcCode::ResourceExhausted,
            format!(
                "The message has {} bytes besides its tensors' values; at most {ENVELOPE} are taken.",
                message.len() - values
            ),
        )),
    }
}

/// Why bytes are refused that are no message.
pub fn unreadable() -> GrpcFault {
    GrpcFault::new(GrpcCode::InvalidArgument, "The message cannot be read.")
}

/// Bytes of values in an inference request (`depth` 0), one of its inputs (1) or that one's contents (2); `None` if it is none.
fn values(mut rest: &[u8], depth: u8) -> Option<usize> {
    let mut found = 0;
    while !rest.is_empty() {
        let key = varint(&mut rest)?;
        let (number, kind) = (key >> 3, key & 7);
        // A number; eight bytes; a length and so many bytes; four bytes. Groups are of long ago, and nobody sends them.
        let length = match kind {
            0 => varint(&mut rest).map(|_| 0)?,
            1 => 8,
            2 => usize::try_from(varint(&mut rest)?).ok()?,
            5 => 4,
            _ => return None,
        };
        let (field, after) = rest.split_at_checked(length)?;
        rest = after;
        found += match (depth, number, kind) {
            // `raw_input_contents`; contents of whatever type.
            (0, 7, 2) | (2, _, 2) => length,
            // `inputs`; `contents`.
            (0 | 1, 5, 2) => values(field, depth + 1)?,
            _ => 0,
        };
    }
    Some(found)
}

/// A number of seven bits a byte, the least significant first, of ten bytes at most.
pub fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::message::{ContentsMessage, InputMessage, ModelInferRequest};
    use super::*;
    use axum::body::Bytes;
    use prost::Message;

    fn found(request: &ModelInferRequest) -> Option<usize> {
        values(&request.encode_to_vec(), 0)
    }

    #[test]
    fn values_are_found_wherever_they_may_be() {
        let bytes = Bytes::from_static(&[7; 1000]);
        let raw = ModelInferRequest {
            model_name: "ultrasound".into(),
            raw_input_contents: vec![bytes.clone(), bytes.clone()],
            ..ModelInferRequest::default()
        };
        assert_eq!(found(&raw), Some(2000));
        let input = InputMessage {
            shape: vec![-1, 1 << 40],
            contents: Some(ContentsMessage {
                uint_contents: vec![bytes.clone()],
                bytes_contents: vec![bytes.clone(), bytes],
            }),
            ..InputMessage::default()
        };
        let typed = ModelInferRequest {
            inputs: vec![input.clone(), input],
            ..ModelInferRequest::default()
        };
        assert_eq!(found(&typed), Some(6000));
        let encoded = typed.encode_to_vec();
        for end in 0..encoded.len() {
            // Cut between two fields it is a shorter message.
            let _ = values(&encoded[..end], 0);
        }
    }

    #[test]
    fn many_small_fields_are_refused_and_long_values_are_not() {
        let long = ModelInferRequest {
            raw_input_contents: vec![vec![0; 4 * ENVELOPE].into()],
            ..ModelInferRequest::default()
        };
        assert_eq!(check(&long.encode_to_vec()), Ok(()));
        let none = |count| vec![Bytes::new(); count];
        let inputs = vec![InputMessage::default(); ENVELOPE];
        let contents = ContentsMessage {
            bytes_contents: none(ENVELOPE),
            ..ContentsMessage::default()
        };
        let input = InputMessage {
            contents: Some(contents),
            ..InputMessage::default()
        };
        for many in [
            ModelInferRequest {
                raw_input_contents: none(ENVELOPE),
                ..ModelInferRequest::default()
            },
            ModelInferRequest {
                inputs,
                ..ModelInferRequest::default()
            },
            ModelInferRequest {
                inputs: vec![input],
                ..ModelInferRequest::default()
            },
        ] {
            let fault = check(&many.encode_to_vec()).unwrap_err();
            assert_eq!(fault.code, GrpcCode::ResourceExhausted);
        }
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for wrong in [
            &[0x3a][..],
            &[0x3a, 5, 1],
            &[0x3b],
            &[0xff; 11],
            &[
                0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
            ],
        ] {
            assert_eq!(
                check(wrong).unwrap_err().code,
                GrpcCode::InvalidArgument,
                "{wrong:?}"
            );
        }
    }
}
