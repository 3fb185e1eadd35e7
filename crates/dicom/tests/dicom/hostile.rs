//! Files that lie: an error that says why, soon, and without the memory they ask for.

use espmedsam_dicom::{DicomError, DicomFile};
use flate2::{Compression, write::DeflateEncoder};
use std::io::Write;

use crate::writer::{DEFLATED, EXPLICIT, RLE, Style, Writer, ramp, small};
use crate::{LIMITS, open, read};

fn refusal(bytes: &[u8]) -> String {
    open(bytes).unwrap_err().to_string()
}

/// A file whose data set is these bytes.
fn of(bytes: Vec<u8>) -> Vec<u8> {
    Writer {
        style: Style::Explicit,
        bytes,
    }
    .file_in(EXPLICIT)
}

#[test]
fn what_is_cut_anywhere_is_refused() {
    for style in [Style::Implicit, Style::Explicit, Style::BigEndian] {
        let whole = small(style, |writer| {
            let mut item = Writer::new(style);
            item.double(0x0018_602c, 0.1);
            writer.sequence(0x0018_6011, &[item.clone(), item.clone()], false);
            writer.sequence(0x0040_a730, &[item.clone(), item], true);
        });
        assert!(read(&whole, 0).is_ok());
        for length in 0..whole.len() {
            assert!(open(&whole[..length]).is_err(), "{style:?} {length}");
        }
    }
}

#[test]
fn sequences_within_sequences_end_somewhere() {
    for tag in [0x0018_6011_u32, 0x0040_a730] {
        let mut bytes = Vec::new();
        for _ in 0..10_000 {
            let mut writer = Writer::new(Style::Explicit);
            writer.head(tag, "SQ", u32::MAX).tag(0xfffe_e000);
            bytes.extend(writer.bytes);
            bytes.extend([0xff; 4]);
        }
        let refused = open(&of(bytes)).unwrap_err();
        assert!(
            matches!(refused, DicomError::TooComplex { .. }),
            "{refused}"
        );
    }
    // Of stated lengths, and of unknown kind.
    let mut inner = Writer::new(Style::Implicit);
    for _ in 0..40 {
        let mut outer = Writer::new(Style::Implicit);
        outer.sequence(0x0018_6011, &[inner], true);
        inner = outer;
    }
    let mut writer = Writer::new(Style::Explicit);
    writer.head(0x0018_6011, "UN", inner.bytes.len() as u32);
    writer.bytes.extend(&inner.bytes[8..]);
    assert!(open(&writer.file()).is_err());
    assert!(refusal(&inner.file()).contains("sequences within sequences"));
}

#[test]
fn lengths_are_believed_as_far_as_there_are_bytes() {
    for (tag, vr) in [
        (0x0028_1201, "OW"),
        (0x0040_a730, "SQ"),
        (0x0018_6011, "SQ"),
        (0x0009_0010, "UN"),
    ] {
        let mut writer = Writer::new(Style::Explicit);
        writer.head(tag, vr, u32::MAX - 1);
        writer.bytes.extend([0; 64]);
        assert!(refusal(&writer.file()).contains("truncated"), "{vr}");
    }
    // An item that is longer than its sequence.
    let mut writer = Writer::new(Style::Explicit);
    writer.head(0x0018_6011, "SQ", 16).tag(0xfffe_e000);
    writer.bytes.extend(1000_u32.to_le_bytes());
    writer.bytes.extend([0; 2000]);
    assert!(refusal(&writer.file()).contains("truncated"));
    // A text without a length, an element without a type.
    let mut writer = Writer::new(Style::Explicit);
    writer.head(0x0008_0060, "UT", u32::MAX);
    assert!(refusal(&writer.file()).contains("must say its length"));
    assert!(refusal(&of(vec![8, 0, 0x60, 0, 1, 2, 0, 0])).contains("no type"));
    assert!(refusal(&of(vec![0xfe, 0xff, 0, 0xe0, 0, 0, 0, 0])).contains("outside"));
}

#[test]
fn numbers_that_overflow_are_refused() {
    let file = |frames: &str, size: [u16; 2], kind: &str| {
        let mut writer = Writer::new(Style::Explicit);
        writer
            .text(0x0028_0008, "IS", frames)
            .pixels(kind, size, [8, 8]);
        writer.raw(0x7fe0_0010, "OB", &ramp());
        writer.file()
    };
    assert!(open(&file("1", [16, 16], "MONOCHROME2")).is_ok());
    for frames in ["2", "4294967295", "2147483647"] {
        assert!(refusal(&file(frames, [16, 16], "MONOCHROME2")).contains("fewer"));
    }
    for frames in ["0", "-1", "4294967296", "1e3", "many"] {
        assert!(refusal(&file(frames, [16, 16], "MONOCHROME2")).contains("number of frames"));
    }
    assert!(refusal(&file("4294967295", [1024, 1024], "RGB")).contains("fewer"));
    assert!(refusal(&file("1", [65535, 65535], "RGB")).contains("65535x65535"));
    assert!(refusal(&file("1", [0, 16], "RGB")).contains("0x16"));
    let mut writer = Writer::new(Style::Explicit);
    writer
        .text(0x0028_0008, "IS", "4294967295")
        .pixels("MONOCHROME2", [16, 16], [8, 8]);
    writer.fragments(&[], &[&[1, 2], &[3, 4]]);
    assert!(refusal(&writer.file_in(RLE)).contains("fewer"));
}

#[test]
fn a_deflated_file_is_no_larger_than_a_picture_may_be() {
    let mut deflated = DeflateEncoder::new(Vec::new(), Compression::best());
    for _ in 0..64 {
        deflated.write_all(&[0; 1 << 20]).unwrap();
    }
    let bytes = deflated.finish().unwrap();
    assert!(bytes.len() < 100_000);
    let bomb = Writer {
        style: Style::Explicit,
        bytes,
    }
    .file_in(DEFLATED);
    assert!(refusal(&bomb).contains("MiB"));
    let mut wrong = Writer {
        style: Style::Explicit,
        bytes: vec![0xff; 100],
    }
    .file_in(DEFLATED);
    assert!(refusal(&wrong).contains("inflate"));
    wrong.truncate(wrong.len() - 100);
    assert!(open(&wrong).is_err());
}

#[test]
fn pixels_lie_as_the_transfer_syntax_has_them() {
    let mut writer = Writer::new(Style::Explicit);
    writer.pixels("MONOCHROME2", [16, 16], [8, 8]);
    let header = writer.clone();
    writer.raw(0x7fe0_0010, "OB", &ramp());
    assert!(refusal(&writer.file_in(RLE)).contains("not in fragments"));
    let mut writer = header.clone();
    writer.fragments(&[], &[&ramp()]);
    assert!(refusal(&writer.file()).contains("has none"));
    let mut writer = header.clone();
    writer.fragments(&[], &[]);
    assert!(refusal(&writer.file_in(RLE)).contains("truncated"));
    // Fragments without end, a fragment longer than the file.
    let mut writer = header.clone();
    writer.fragments(&[], &[&ramp()]);
    writer.bytes.truncate(writer.bytes.len() - 8);
    assert!(refusal(&writer.file_in(RLE)).contains("truncated"));
    let mut writer = header.clone();
    writer.head(0x7fe0_0010, "OB", u32::MAX).tag(0xfffe_e000);
    writer.bytes.extend((u32::MAX - 1).to_le_bytes());
    assert!(refusal(&writer.file_in(RLE)).contains("truncated"));
    assert!(refusal(&header.file()).contains("no picture"));
}

#[test]
fn tables_of_wrong_sizes_are_refused() {
    let file = |shapes: [[u16; 3]; 3], bytes: usize| {
        let mut writer = Writer::new(Style::Explicit);
        for (i, shape) in (0..).zip(shapes) {
            writer.words(0x0028_1101 + i, "US", &shape);
        }
        for i in 0..3 {
            writer.raw(0x0028_1201 + i, "OW", &vec![1; bytes]);
        }
        writer.pixels("PALETTE COLOR", [16, 16], [8, 8]);
        writer.raw(0x7fe0_0010, "OB", &ramp());
        read(&writer.file(), 0)
    };
    let right = [256, 0, 16];
    assert!(file([right; 3], 512).is_ok());
    assert!(file([right; 3], 510).is_err());
    assert!(file([[0, 0, 16]; 3], 512).is_err());
    assert!(file([right, [200, 0, 16], right], 512).is_err());
    assert!(file([[256, 0, 12]; 3], 512).is_err());
    assert!(file([[256, 65535, 16]; 3], 512).is_ok());
    for words in [
        &[1, 10, 5][..],
        &[2, 1, 0, 0],
        &[0, 500],
        &[7, 1, 1],
        &[0, 1, 9, 2, 3, 6, 0, 1, 1],
        &[0, 2, 1],
    ] {
        let mut writer = Writer::new(Style::Explicit);
        for i in 0..3 {
            writer.words(0x0028_1101 + i, "US", &[256, 0, 16]);
            writer.words(0x0028_1221 + i, "OW", words);
        }
        writer.pixels("PALETTE COLOR", [16, 16], [8, 8]);
        writer.raw(0x7fe0_0010, "OB", &ramp());
        assert!(read(&writer.file(), 0).is_err(), "{words:?}");
    }
    for lut in [0x0028_3000, 0x0028_3010] {
        let mut item = Writer::new(Style::Explicit);
        item.words(0x0028_3002, "US", &[300, 0, 16])
            .words(0x0028_3006, "US", &[5; 100]);
        let file = small(Style::Explicit, |writer| {
            writer.sequence(lut, &[item.clone()], true);
        });
        assert!(read(&file, 0).is_err());
    }
}

#[test]
fn the_same_element_twice_is_no_choice_of_ours() {
    let mut writer = Writer::new(Style::Explicit);
    writer
        .words(0x0028_0010, "US", &[16])
        .pixels("MONOCHROME2", [16, 16], [8, 8]);
    writer.raw(0x7fe0_0010, "OB", &ramp());
    assert!(refusal(&writer.file()).contains("twice"));
}

#[test]
fn many_elements_are_too_many() {
    let mut writer = Writer::new(Style::Explicit);
    let item = Writer::new(Style::Explicit);
    writer.sequence(0x0018_6011, &vec![item.clone(); 300_000], true);
    assert!(refusal(&writer.file()).contains("bytes beside its pixels"));
    let mut writer = Writer::new(Style::Explicit);
    writer.sequence(0x0040_a730, &vec![item; (1 << 20) + 1], false);
    assert!(refusal(&writer.file()).contains("elements"));
}

/// What is no picture says so, and so does what is no DICOM.
#[test]
fn what_is_none_is_named() {
    for bytes in [&b""[..], &[0; 131], &[0; 1000], b"\x89PNG\r\n\x1a\n"] {
        assert!(matches!(open(bytes), Err(DicomError::NotDicom)));
    }
    let mut writer = Writer::new(Style::Explicit);
    writer.text(0x0008_0060, "CS", "SR");
    assert!(matches!(
        DicomFile::of_bytes(writer.file(), LIMITS),
        Err(DicomError::NoPixels)
    ));
}
