//! Who somebody is goes into objects when that is asked for, and nowhere else.

use espmedsam_dicom::{DicomError, DicomOrigin, DicomWriteError, Identity, Uids};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use std::io::Write as _;

use crate::answer::{by, capture, objects, source};
use crate::elements::{find, of_file, text};
use crate::open;
use crate::writer::{DEFLATED, EXPLICIT, Style, Writer, ramp};

/// What is taken along of Patient and General Study.
const TAKEN: [(u32, &str, &str); 9] = [
    (0x0008_0020, "DA", "20240131"),
    (0x0008_0050, "SH", "PLANTED-1"),
    (0x0008_0090, "PN", "PLANTED-2^A"),
    (0x0008_1030, "LO", "PLANTED-3"),
    (0x0010_0010, "PN", "PLANTED-4^B"),
    (0x0010_0020, "LO", "PLANTED-5"),
    (0x0010_0030, "DA", "19700102"),
    (0x0010_0040, "CS", "F"),
    (0x0020_0010, "SH", "PLANTED-6"),
];
/// What is not: institution, station, operator, address, telephone, comments, protocol, and a sequence's.
const LEFT: [(u32, &str); 8] = [
    (0x0008_0080, "LO"),
    (0x0008_1010, "SH"),
    (0x0008_1070, "PN"),
    (0x0010_1040, "LO"),
    (0x0010_2154, "SH"),
    (0x0010_4000, "LT"),
    (0x0018_1030, "LO"),
    (0x0020_4000, "LT"),
];

/// A source with all of these; tags in order are not needed by the reader.
fn planted(style: Style) -> Vec<u8> {
    source(style, |writer| {
        TAKEN.iter().for_each(|(tag, vr, text)| {
            writer.text(*tag, vr, text);
        });
        LEFT.iter().for_each(|(tag, vr)| {
            writer.text(*tag, vr, "LEAK");
        });
        let mut inner = Writer::new(style);
        inner.text(0x0010_0021, "LO", "LEAK");
        writer.sequence(0x0010_1002, &[inner], true);
    })
}

fn has(bytes: &[u8], mark: &str) -> bool {
    bytes
        .windows(mark.len())
        .any(|part| part == mark.as_bytes())
}

fn origin(bytes: &[u8], identity: Identity) -> Result<DicomOrigin, DicomError> {
    open(bytes)?.origin(identity, &mut Uids::new([3; 32]))
}

#[test]
fn kept_identity_is_that_of_patient_and_study_alone() {
    for style in [Style::Explicit, Style::Implicit, Style::BigEndian] {
        let origin = origin(&planted(style), Identity::Kept).unwrap();
        assert!(!format!("{origin:?} {:?}", by(&origin)).contains("PLANTED"));
        for file in objects(&origin, &mut Uids::new([4; 32])) {
            let all = of_file(&file);
            for (tag, vr, expected) in TAKEN {
                assert_eq!(text(&all, tag), expected, "{style:?}");
                assert_eq!(find(&all, tag).unwrap().vr, vr);
            }
            assert!(!has(&file, "LEAK"));
            assert!(find(&all, 0x0012_0062).is_none());
            assert_eq!(text(&all, 0x0020_000d), "1.2.3.4.2");
        }
    }
}

#[test]
fn removed_identity_leaves_nothing() {
    assert_eq!(Identity::default(), Identity::Removed);
    let origin = origin(&planted(Style::Explicit), Identity::Removed).unwrap();
    for file in objects(&origin, &mut Uids::new([4; 32])) {
        let all = of_file(&file);
        for mark in [
            "PLANTED", "LEAK", "20240131", "19700102", "1.2.3.4", "20261127",
        ] {
            assert!(!has(&file, mark), "{mark}");
        }
        assert_eq!(text(&all, 0x0012_0062), "YES");
        assert!(find(&all, 0x0012_0064).is_some());
        assert_eq!(text(&all, 0x0010_0010), "");
        assert_eq!(text(&all, 0x0008_0023), "19000101");
        assert!(find(&all, 0x0008_0012).is_none());
    }
}

#[test]
fn a_picture_that_may_show_a_name_is_not_called_nameless() {
    let file = planted(Style::Explicit);
    let write = |identity, burned_in| {
        let origin = origin(&file, identity).unwrap();
        capture(&origin, &mut Uids::new([4; 32]), burned_in)
    };
    for burned_in in [None, Some(true)] {
        let refused = write(Identity::Removed, burned_in);
        assert!(matches!(refused, Err(DicomWriteError::MayShowIdentity)));
        assert!(write(Identity::Kept, burned_in).is_ok());
    }
}

#[test]
fn what_cannot_be_referred_to_is_refused() {
    let mut writer = Writer::new(Style::Explicit);
    writer
        .text(0x0010_0010, "PN", "PLANTED")
        .text(0x0020_000d, "UI", "1.2.3")
        .pixels("MONOCHROME2", [16, 16], [8, 8])
        .raw(0x7fe0_0010, "OB", &ramp());
    let refused = origin(&writer.file(), Identity::Kept).unwrap_err();
    assert!(matches!(refused, DicomError::Damaged(_)));
    assert!(!format!("{refused} {refused:?}").contains("PLANTED"));
    assert!(origin(&writer.file(), Identity::Removed).is_ok());
}

#[test]
fn characters_are_those_of_the_source() {
    let label = |set: Option<&str>| {
        let file = source(Style::Explicit, |writer| {
            if let Some(set) = set {
                writer.text(0x0008_0005, "CS", set);
            }
            writer.raw(0x0010_0010, "PN", b"M\xfcller");
        });
        let origin = origin(&file, Identity::Kept).unwrap();
        let all = of_file(&objects(&origin, &mut Uids::new([4; 32]))[0]);
        assert_eq!(find(&all, 0x0010_0010).unwrap().value, b"M\xfcller");
        let said = find(&all, 0x0008_0005).map(|_| text(&all, 0x0008_0005));
        (
            said,
            text(&find(&all, 0x0062_0002).unwrap().items[0], 0x0062_0005),
        )
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        label(Some("ISO_IR 100")),
        (some("ISO_IR 100"), "Dr?se".into())
    );
    assert_eq!(
        label(Some("ISO_IR 192")),
        (some("ISO_IR 192"), "Drüse".into())
    );
    assert_eq!(label(None), (None, "Dr?se".into()));
    let nobody = origin(&source(Style::Explicit, |_| ()), Identity::Removed).unwrap();
    let all = of_file(&objects(&nobody, &mut Uids::new([4; 32]))[0]);
    assert_eq!(text(&all, 0x0008_0005), "ISO_IR 192");
}

#[test]
fn what_was_removed_before_stays_so() {
    for (method, expected) in [(Some("by hand"), "by hand"), (None, "As the source's was")] {
        let file = source(Style::Explicit, |writer| {
            writer.text(0x0012_0062, "CS", "YES");
            if let Some(method) = method {
                writer.text(0x0012_0063, "LO", method);
            }
        });
        let origin = origin(&file, Identity::Kept).unwrap();
        let all = of_file(&objects(&origin, &mut Uids::new([4; 32]))[0]);
        assert_eq!(
            [text(&all, 0x0012_0062), text(&all, 0x0012_0063)],
            ["YES", expected]
        );
    }
}

#[test]
fn deflated_files_have_an_origin_too() {
    let plain = planted(Style::Explicit);
    // Past preamble, "DICM" and the only element of the meta information.
    let start = 132 + 8 + EXPLICIT.len() + EXPLICIT.len() % 2;
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&plain[start..]).unwrap();
    let mut writer = Writer::new(Style::Explicit);
    writer.bytes = encoder.finish().unwrap();
    let origin = origin(&writer.file_in(DEFLATED), Identity::Kept).unwrap();
    let all = of_file(&objects(&origin, &mut Uids::new([4; 32]))[0]);
    assert_eq!(text(&all, 0x0010_0020), "PLANTED-5");
}

#[test]
fn values_without_end_are_not_taken_along() {
    let file = |length| {
        source(Style::Implicit, |writer| {
            writer.raw(0x0010_0010, "PN", &vec![b'x'; length]);
        })
    };
    let taken = |length| {
        let origin = origin(&file(length), Identity::Kept).unwrap();
        let all = of_file(&objects(&origin, &mut Uids::new([4; 32]))[0]);
        text(&all, 0x0010_0010).len()
    };
    assert_eq!((taken(4096), taken(4098)), (4096, 0));
    let refused = origin(&file(1 << 20), Identity::Kept).unwrap_err();
    assert!(matches!(refused, DicomError::TooComplex { .. }));
    // Whoever does not ask for it, reads none of it.
    assert!(origin(&file(1 << 20), Identity::Removed).is_ok());
}
