use proptest::prelude::*;

use super::*;
use crate::body::{MessageBody, OutMessage};
use crate::header::{HeaderVersion, IgtlHeader, IgtlStamp};
use crate::name::{DeviceName, TypeName};

/// What pyigtl 0.3.4 packs of a picture of 3 x 2 at 1000.5 s, by header version 1 and, with a number and a word more, by 2.
const PYIGTL: [&str; 2] = [
    "0001494d41474500000000000000496d6167655f5265666572656e63650000000000000003e880000000000000000000004e13c0787f7e4ab53e\
     0001010302010003000200013f0000000000000000000000000000003e8000000000000000000000000000003f8000004128000041a1000041f0\
     0000000000000000000300020001000102030405",
    "0002494d41474500000000000000496d6167655f5265666572656e63650000000000000003e8800000000000000000000071475753158f8ebf8b\
     000c000a0000000d000000070001010302010003000200013f0000000000000000000000000000003e8000000000000000000000000000003f80\
     00004128000041a1000041f000000000000000000003000200010001020304050001000b0003000000024672616d654e756d6265723432",
];

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
    let pairs = digits.as_chunks::<2>().0.iter();
    pairs.map(|[high, low]| (16 * high + low) as u8).collect()
}

fn small() -> ImageMessage<'static> {
    ImageMessage {
        components: 1,
        scalar: ScalarKind::Uint8,
        order: ByteOrder::Little,
        axes: WorldAxes::Ras,
        size: [3, 2, 1],
        matrix: ImageMatrix {
            steps: [[0.5, 0.0, 0.0], [0.0, 0.25, 0.0], [0.0, 0.0, 1.0]],
            centre: [10.5, 20.125, 30.0],
        },
        part: ImagePart::whole([3, 2, 1]),
        samples: &[0, 1, 2, 3, 4, 5],
    }
}

#[test]
fn what_pyigtl_packs_is_read() {
    for (hex, version) in PYIGTL.iter().zip([HeaderVersion::One, HeaderVersion::Two]) {
        let bytes = bytes_of(hex);
        let (header, body) = bytes.split_first_chunk().unwrap();
        let header = IgtlHeader::read(header).unwrap();
        assert_eq!(header.version, version);
        assert!(header.kind.is("IMAGE") && header.device.is("Image_Reference"));
        assert_eq!(header.stamp, IgtlStamp(1000 << 32 | 1 << 31));
        let body = MessageBody::read(&header, body).unwrap();
        assert_eq!(ImageMessage::read(body.content), Ok(small()));
        let said: Vec<_> = body.metadata.pairs().collect();
        match version {
            HeaderVersion::One => assert_eq!((body.id, said.len()), (0, 0)),
            HeaderVersion::Two => {
                assert_eq!(body.id, 7);
                assert_eq!(said, [(&b"FrameNumber"[..], &b"42"[..])]);
            }
        }
    }
}

#[test]
fn what_is_written_is_what_pyigtl_packs() {
    let message = OutMessage {
        version: HeaderVersion::One,
        kind: TypeName::new("IMAGE"),
        device: DeviceName::new("Image_Reference"),
        stamp: IgtlStamp(1000 << 32 | 1 << 31),
        id: 7,
        metadata: &[("FrameNumber", "42")],
    };
    let mut bytes = Vec::new();
    message.write(&mut bytes, |out| small().write(out));
    assert_eq!(bytes, bytes_of(PYIGTL[0]));
}

#[test]
fn fields_that_stand_for_nothing_and_lengths_that_lie_are_refused() {
    let mut whole = Vec::new();
    small().write(&mut whole);
    assert!(ImageMessage::read(&whole).is_ok());
    let refused = |at: usize, bytes: &[u8]| {
        let mut wrong = whole.clone();
        wrong[at..at + bytes.len()].copy_from_slice(bytes);
        ImageMessage::read(&wrong).unwrap_err()
    };
    let unknown = |what, found| IgtlFault::Unknown { what, found };
    assert_eq!(refused(0, &[0, 3]), unknown("an image's version", 3));
    assert_eq!(refused(2, &[0]), unknown("a number of components", 0));
    assert_eq!(refused(3, &[9]), unknown("a scalar type", 9));
    assert_eq!(refused(4, &[3]), unknown("a byte order", 3));
    assert_eq!(refused(5, &[0]), unknown("a coordinate system", 0));
    assert_eq!(refused(12, &f32::NAN.to_be_bytes()), IgtlFault::Matrix);
    assert_eq!(refused(48, &f32::INFINITY.to_be_bytes()), IgtlFault::Matrix);
    // A part that begins behind its image, ends behind it, or is none.
    for (at, side) in [(60, 3), (60, u16::MAX), (66, 4), (66, 0)] {
        assert_eq!(refused(at, &side.to_be_bytes()), IgtlFault::Part);
    }
    // More samples than there are: by components, by type, by sides.
    for (at, bytes) in [(2, &[3][..]), (3, &[11]), (2, &[255])] {
        let error = refused(at, bytes);
        assert!(matches!(error, IgtlFault::Length { .. }), "{error}");
    }
    let mut huge = whole.clone();
    huge[2..4].copy_from_slice(&[255, 11]);
    huge[6..12].fill(0xff);
    huge[66..72].fill(0xff);
    assert!(matches!(
        ImageMessage::read(&huge),
        Err(IgtlFault::Length { .. })
    ));
    let long = [&whole[..], &[0]].concat();
    assert!(matches!(
        ImageMessage::read(&long),
        Err(IgtlFault::Length { .. })
    ));
    for end in 0..whole.len() {
        assert!(ImageMessage::read(&whole[..end]).is_err(), "{end}");
    }
}

proptest! {
    #[test]
    fn an_image_is_read_as_it_was_written(
        sides in (1..9_u16, 1..9_u16, 1..3_u16),
        from in (0..9_u16, 0..9_u16, 0..3_u16),
        components in 1..5_u8,
        numbers in prop::array::uniform12(-1e4..1e4_f32),
    ) {
        let part = ImagePart {
            from: [from.0, from.1, from.2],
            size: [sides.0, sides.1, sides.2],
        };
        let size = [from.0 + sides.0, from.1 + sides.1, from.2 + sides.2];
        let count = usize::from(sides.0 * sides.1 * sides.2) * usize::from(components) * 2;
        let samples: Vec<u8> = (0..count).map(|i| i as u8).collect();
        let three = |i: usize| [numbers[i], numbers[i + 1], numbers[i + 2]];
        let image = ImageMessage {
            components,
            scalar: ScalarKind::Int16,
            order: ByteOrder::Big,
            axes: WorldAxes::Lps,
            size,
            matrix: ImageMatrix { steps: [three(0), three(3), three(6)], centre: three(9) },
            part,
            samples: &samples,
        };
        let mut bytes = Vec::new();
        image.write(&mut bytes);
        prop_assert_eq!(ImageMessage::read(&bytes), Ok(image));
    }

    #[test]
    fn any_bytes_are_an_image_or_a_fault(bytes: Vec<u8>) {
        if let Ok(image) = ImageMessage::read(&bytes) {
            prop_assert_eq!(image.samples.len() + 72, bytes.len());
        }
    }
}
