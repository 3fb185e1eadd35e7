//! What a file says of itself, and what of it is never said again.

use espmedsam_dicom::{Timing, Uid};
use std::time::Duration;

use crate::open;
use crate::writer::{Style, Writer, ramp, small};

const MS: Duration = Duration::from_millis(1);

#[test]
fn names_never_come_out() {
    // A mark in every element that is read, and in others beside them.
    let mark = "PLANTED^MARK";
    for style in [Style::Explicit, Style::Implicit] {
        let file = small(style, |writer| {
            for (tag, vr) in [
                (0x0008_0016, "UI"),
                (0x0008_0018, "UI"),
                (0x0008_0080, "LO"),
                (0x0008_2144, "IS"),
                (0x0010_0010, "PN"),
                (0x0010_0020, "LO"),
                (0x0018_0015, "CS"),
                (0x0018_0040, "IS"),
                (0x0018_1063, "DS"),
                (0x0018_1065, "DS"),
                (0x0018_1164, "DS"),
                (0x0018_2010, "DS"),
                (0x0020_000d, "UI"),
                (0x0020_000e, "UI"),
                (0x0020_0052, "UI"),
                (0x0028_0030, "DS"),
                (0x0028_0034, "IS"),
                (0x0028_0301, "CS"),
                (0x0028_1050, "DS"),
                (0x0028_1051, "DS"),
                (0x0028_1052, "DS"),
                (0x0028_1053, "DS"),
                (0x0028_1056, "CS"),
            ] {
                writer.text(tag, vr, mark);
            }
        });
        let file = open(&file).unwrap();
        let said = format!(
            "{file:?} {:?} {:?} {:?} {:?}",
            file.facts(),
            file.scale(),
            file.references(),
            file.suggested_modality()
        );
        assert!(
            !said.contains("PLANTED") && !said.contains("MARK"),
            "{said}"
        );
        assert_eq!(file.references().study, None);
    }
    for tag in [0x0008_0060, 0x0028_0004, 0x0028_0008] {
        let mut writer = Writer::new(Style::Explicit);
        writer.text(tag, "LO", mark).raw(0x7fe0_0010, "OB", &ramp());
        let refused = open(&writer.file()).unwrap_err();
        assert!(!format!("{refused} {refused:?}").contains("PLANTED"));
    }
}

#[test]
fn references_are_said_when_asked_for_alone() {
    let file = small(Style::Explicit, |writer| {
        writer
            .text(0x0020_000d, "UI", "1.2.840.99")
            .text(0x0008_0018, "UI", "1.2.3");
    });
    let references = open(&file).unwrap().references();
    assert_eq!(
        references.study.as_ref().map(Uid::as_str),
        Some("1.2.840.99")
    );
    assert!(!format!("{references:?}").contains("840"));
    assert_eq!(Uid::new(&"1".repeat(65)), None);
    assert_eq!(Uid::new("Smith"), None);
}

#[test]
fn facts_are_those_of_the_file() {
    let file = small(Style::BigEndian, |writer| {
        writer.text(0x0008_0016, "UI", "1.2.840.10008.5.1.4.1.1.6.1");
        writer
            .text(0x0028_0301, "CS", "YES")
            .text(0x0028_0034, "IS", "4\\3");
        writer
            .words(0x6000_0010, "US", &[16])
            .words(0x6002_0010, "US", &[16]);
    });
    let file = open(&file).unwrap();
    let facts = file.facts();
    assert_eq!(facts.modality, Some("US"));
    assert_eq!(facts.kind, Some("Ultrasound Image"));
    assert_eq!(facts.transfer_syntax.name, "Explicit VR Big Endian");
    assert_eq!(
        (facts.size, facts.frames, facts.bits, facts.signed),
        ([16, 16], 1, 8, false)
    );
    assert_eq!(facts.photometric.name(), "MONOCHROME2");
    assert_eq!(
        (facts.burned_in, facts.overlays, facts.aspect),
        (Some(true), 2, Some([4, 3]))
    );
    assert_eq!(file.suggested_modality(), Some("ultrasound"));
}

#[test]
fn modalities_are_suggested_where_that_is_safe() {
    for (modality, part, expected) in [
        ("US", "", Some("ultrasound")),
        ("DX", "CHEST", Some("x-ray")),
        ("CR", "", Some("x-ray")),
        ("DX", "HAND", None),
        ("OP", "", Some("fundus")),
        ("OPT", "", None),
        ("ES", "", None),
        ("ES", "COLON", Some("colonoscopy")),
        ("SM", "", Some("microscopy")),
        ("XC", "", None),
        ("XC", "SKIN", Some("dermoscopy")),
        ("CT", "CHEST", None),
        ("", "", None),
    ] {
        let mut writer = Writer::new(Style::Explicit);
        writer
            .text(0x0008_0060, "CS", modality)
            .text(0x0018_0015, "CS", part);
        writer
            .pixels("MONOCHROME2", [16, 16], [8, 8])
            .raw(0x7fe0_0010, "OB", &ramp());
        let file = open(&writer.file()).unwrap();
        assert_eq!(file.suggested_modality(), expected, "{modality} {part}");
    }
}

#[test]
fn frames_are_shown_as_long_as_the_file_says() {
    let timing = |said: &[(u32, &str)]| {
        let mut writer = Writer::new(Style::Explicit);
        said.iter().for_each(|(tag, text)| {
            writer.text(*tag, "DS", text);
        });
        writer
            .text(0x0028_0008, "IS", "3")
            .pixels("MONOCHROME2", [16, 16], [8, 8]);
        writer.raw(0x7fe0_0010, "OB", &[0; 768]);
        open(&writer.file()).unwrap().facts().timing.clone()
    };
    let (time, vector, cine, rate) = (0x0018_1063, 0x0018_1065, 0x0018_0040, 0x0008_2144);
    assert_eq!(timing(&[]), Timing::Unsaid);
    assert_eq!(timing(&[(time, "40"), (cine, "10")]), Timing::Even(40 * MS));
    assert_eq!(timing(&[(cine, "10"), (rate, "20")]), Timing::Even(50 * MS));
    assert_eq!(timing(&[(cine, "10")]), Timing::Even(100 * MS));
    let each = timing(&[(time, "40"), (vector, "0\\20\\30")]);
    assert_eq!(each, Timing::Each(vec![20 * MS, 30 * MS, 30 * MS]));
    assert_eq!((each.shown(1), each.shown(3)), (Some(30 * MS), None));
    // A vector for other frames, times that are none.
    assert_eq!(
        timing(&[(time, "40"), (vector, "0\\20")]),
        Timing::Even(40 * MS)
    );
    for wrong in ["0", "-5", "1e9", "nan", "inf"] {
        assert_eq!(timing(&[(time, wrong)]), Timing::Unsaid, "{wrong}");
        assert_eq!(
            timing(&[(time, wrong), (cine, "0")]),
            Timing::Unsaid,
            "{wrong}"
        );
    }
}
