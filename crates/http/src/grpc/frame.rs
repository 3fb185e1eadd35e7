//! A call's one message and an answer's, as gRPC has them over HTTP/2: five bytes before each, trailers after it.

use axum::body::Bytes;
use prost::Message;

use super::fault::{GrpcCode, GrpcFault};

/// Whether the message is compressed, one byte; and its length, four, most significant first.
const PREFIX: usize = 5;

/// The one message of a call.
///
/// # Errors
/// A compressed message; a length that is not that of what came.
pub fn unframed(body: Vec<u8>) -> Result<Bytes, GrpcFault> {
    let Some([compressed, length @ ..]) = body.first_chunk::<PREFIX>() else {
        return Err(GrpcFault::new(
            GrpcCode::InvalidArgument,
            "The call has no message.",
        ));
    };
    if *compressed != 0 {
        return Err(GrpcFault::new(
            GrpcCode::Unimplemented,
            "The message is compressed; this server takes messages as they are.",
        ));
    }
    let (length, rest) = (u32::from_be_bytes(*length), body.len() - PREFIX);
    if u64::from(length) != rest as u64 {
        return Err(GrpcFault::new(
            GrpcCode::InvalidArgument,
            format!("The message is said to have {length} bytes; {rest} came."),
        ));
    }
    Ok(Bytes::from(body).slice(PREFIX..))
}

/// A message as it is sent.
///
/// # Errors
/// More than 4 GiB, which the prefix could not say.
pub fn framed(message: &impl Message) -> Result<Vec<u8>, GrpcFault> {
    let length = message.encoded_len();
    let long = |_| GrpcFault::new(GrpcCode::Internal, "The answer is too long for gRPC.");
    let mut bytes = Vec::with_capacity(PREFIX + length);
    bytes.push(0);
    bytes.extend(u32::try_from(length).map_err(long)?.to_be_bytes());
    // There is room: a `Vec` grows.
    let _ = message.encode(&mut bytes);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::message::ModelNamed;
    use super::*;

    #[test]
    fn what_is_framed_is_read_and_no_part_of_it_nor_more() {
        let message = ModelNamed {
            name: "ultrasound".into(),
            version: String::new(),
        };
        let whole = framed(&message).unwrap();
        assert_eq!(
            ModelNamed::decode(unframed(whole.clone()).unwrap()),
            Ok(message)
        );
        for end in 0..whole.len() {
            let fault = unframed(whole[..end].to_vec()).unwrap_err();
            assert_eq!(fault.code, GrpcCode::InvalidArgument, "{end}");
        }
        let more = [whole.as_slice(), &[0]].concat();
        assert_eq!(unframed(more).unwrap_err().code, GrpcCode::InvalidArgument);
        let compressed = [&[1], &whole[1..]].concat();
        assert_eq!(
            unframed(compressed).unwrap_err().code,
            GrpcCode::Unimplemented
        );
    }
}
