use proptest::prelude::*;

use super::*;

fn message(version: HeaderVersion, metadata: &[(&str, &str)], content: &[u8]) -> Vec<u8> {
    let message = OutMessage {
        version,
        kind: TypeName::new("STATUS"),
        device: DeviceName::new("probe"),
        stamp: IgtlStamp(5),
        id: 9,
        metadata,
    };
    let mut bytes = Vec::new();
    message.write(&mut bytes, |out| out.extend(content));
    bytes
}

fn taken(bytes: &[u8]) -> Result<MessageBody<'_>, IgtlFault> {
    let (header, body) = bytes.split_first_chunk().expect("a header");
    MessageBody::read(&IgtlHeader::read(header)?, body)
}

/// With the CRC made right again: what is tested behind it is reached.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let (length, crc) = (bytes.len() - IGTL_HEADER, crc64(&bytes[IGTL_HEADER..]));
    bytes[42..50].copy_from_slice(&(length as u64).to_be_bytes());
    bytes[50..58].copy_from_slice(&crc.to_be_bytes());
    bytes
}

#[test]
fn a_turned_bit_and_a_missing_byte_are_found() {
    let whole = message(HeaderVersion::Two, &[("Key", "value")], b"content");
    assert!(taken(&whole).is_ok());
    for at in IGTL_HEADER..whole.len() {
        let mut turned = whole.clone();
        turned[at] ^= 1;
        let read = taken(&turned);
        assert!(matches!(read, Err(IgtlFault::Crc { .. })), "{at}: {read:?}");
    }
    let cut = taken(&whole[..whole.len() - 1]);
    assert!(matches!(cut, Err(IgtlFault::Length { .. })), "{cut:?}");
}

#[test]
fn lengths_of_parts_that_lie_are_refused() {
    let whole = message(HeaderVersion::Two, &[("Key", "value")], b"content");
    // Where each length stands, and how many bytes it has: of the extended header, of the index, of the texts, then in the
    // index its count and the lengths of a key and of a value.
    let index = whole.len() - b"Keyvalue".len() - 2 - ENTRY;
    let lengths = [
        (IGTL_HEADER, 2),
        (IGTL_HEADER + 2, 2),
        (IGTL_HEADER + 4, 4),
        (index, 2),
        (index + 2, 2),
        (index + 6, 4),
    ];
    for (at, bytes) in lengths {
        let mut lying = whole.clone();
        lying[at..at + bytes].fill(0xff);
        let lying = sealed(lying);
        let read = taken(&lying);
        let refused = matches!(read, Err(IgtlFault::Length { .. } | IgtlFault::Short(_)));
        assert!(refused, "{at}: {read:?}");
    }
    let short = taken(&sealed(whole[..IGTL_HEADER + 5].to_vec())).err();
    assert_eq!(short, Some(IgtlFault::Short("an extended header")));
    let mut small = whole;
    small[IGTL_HEADER + 1] = 11;
    assert!(taken(&sealed(small)).is_err());
}

#[test]
fn an_extended_header_that_grew_is_passed_over() {
    let whole = message(HeaderVersion::Two, &[], b"content");
    let mut grown = whole.clone();
    grown[IGTL_HEADER + 1] = 16;
    grown.splice(IGTL_HEADER + 12..IGTL_HEADER + 12, [1, 2, 3, 4]);
    let grown = sealed(grown);
    let (grown, known) = (taken(&grown).unwrap(), taken(&whole).unwrap());
    assert_eq!((grown.content, grown.at), (known.content, known.at + 4));
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        two: bool,
        pairs in prop::collection::vec((".{0,9}", ".{0,40}"), 0..5),
        content: Vec<u8>,
    ) {
        let version = if two { HeaderVersion::Two } else { HeaderVersion::One };
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(key, value)| (&**key, &**value)).collect();
        let bytes = message(version, &pairs, &content);
        let body = taken(&bytes).unwrap();
        prop_assert_eq!(body.content, &content);
        prop_assert_eq!(&bytes[IGTL_HEADER + body.at..][..content.len()], &content);
        prop_assert_eq!(body.id, if two { 9 } else { 0 });
        let read: Vec<_> = body.metadata.pairs().collect();
        let sent: Vec<_> = pairs.iter().map(|(key, value)| (key.as_bytes(), value.as_bytes())).collect();
        prop_assert_eq!(read, if two { sent } else { Vec::new() });
    }

    #[test]
    fn any_bytes_are_a_body_or_a_fault(bytes in prop::collection::vec(any::<u8>(), 58..200), version in 1..4_u8) {
        let mut bytes = bytes;
        bytes[..2].copy_from_slice(&[0, version]);
        if let Ok(body) = taken(&sealed(bytes.clone())) {
            let said: usize = body.metadata.pairs().map(|(key, value)| key.len() + value.len()).sum();
            prop_assert!(body.content.len() + said <= bytes.len());
        }
    }
}
