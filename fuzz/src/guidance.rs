//! OpenIGTLink: what comes over its connections.

use igtl::{
    ArrayMessage, IgtlFault, IgtlHeader, ImageMessage, MessageBody, MessageSplitter, SplitBounds,
    SplitStep, StatusMessage,
};

const BOUNDS: SplitBounds = SplitBounds {
    kept: 1 << 16,
    passed: 1 << 20,
};

/// A stream gives the same messages at once and in pieces; each is what it says or a fault, within its own bytes; and what is an
/// image is the same image once it was written again.
///
/// The first byte says how long the pieces are, the rest is the stream. What a CRC would hide is looked at as well.
pub fn check(data: &[u8]) {
    let [length, stream @ ..] = data else { return };
    let at_once = messages(stream, stream.len().max(1));
    assert_eq!(at_once, messages(stream, 1 + usize::from(*length)));
    for (header, body) in at_once.iter().flatten() {
        let read = MessageBody::read(header, body);
        let content = read.as_ref().map_or(&body[..], |read| read.content);
        if let Ok(read) = read {
            let said: usize = (read.metadata.pairs())
                .map(|(key, value)| key.len() + value.len())
                .sum();
            assert!(read.content.len() + said <= body.len());
            assert_eq!(&body[read.at..][..read.content.len()], read.content);
        }
        if let Ok(image) = ImageMessage::read(content) {
            let mut again = Vec::new();
            image.write(&mut again);
            assert_eq!(ImageMessage::read(&again), Ok(image));
        }
        if let Ok(array) = ArrayMessage::read(content) {
            assert!(array.data.len() + 2 * array.sides().count() + 2 == content.len());
        }
        if let Ok(status) = StatusMessage::read(content) {
            assert!(status.text.len() + 30 <= content.len() && !status.text.contains(&0));
        }
    }
}

/// Headers and bodies of all that is kept, or why there are no more.
fn messages(
    mut stream: &[u8],
    piece: usize,
) -> Vec<Result<(IgtlHeader, Vec<u8>), IgtlFault>> {
    let mut splitter = MessageSplitter::new(BOUNDS);
    let mut found = Vec::new();
    while !stream.is_empty() {
        let room = splitter.room();
        let count = room.len().min(piece).min(stream.len());
        room[..count].copy_from_slice(&stream[..count]);
        stream = &stream[count..];
        match splitter.filled(count, |header| !header.kind.is("PASS")) {
            Ok(SplitStep::Whole(header)) => found.push(Ok((header, splitter.body().to_vec()))),
            Ok(SplitStep::Part | SplitStep::Passed(_)) => {}
            Err(fault) => {
                found.push(Err(fault));
                break;
            }
        }
    }
    found
}
