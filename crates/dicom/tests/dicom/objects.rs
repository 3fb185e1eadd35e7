//! What is written: by its bytes here; by what others make of it in `tests/parity/test_dicom_objects.py`.

use espmedsam_dicom::{
    DicomOrigin, DicomWriteError, FrameWish, Identity, LossyCoding, ObjectName, SegFile, SegFrames,
    SegKind, SrFile, SrGroup, SrMeasure, SrPlace, Uids, terms,
};
use picture::NOTICE;
use picture::frame::Stop;
use picture::mask::Mask;
use picture::scale::{PixelSize, Scale};

use crate::answer::{
    MAKER, MARKED, PIXELS, by, capture as capture_of, frames, mask, objects, source,
};
use crate::elements::{find, of_file, text, within};
use crate::open;
use crate::writer::{Style, small};

const SHARED_STUDY: u32 = 0x0020_000d;

fn kept(bytes: &[u8], uids: &mut Uids) -> DicomOrigin {
    open(bytes).unwrap().origin(Identity::Kept, uids).unwrap()
}

#[test]
fn a_segmentation_says_what_it_is_of_and_by_whom() {
    let mut uids = Uids::new([1; 32]);
    let origin = kept(&source(Style::Explicit, |_| ()), &mut uids);
    let [seg, ..] = objects(&origin, &mut uids);
    let all = of_file(&seg);
    for (tag, expected) in [
        (0x0002_0010, "1.2.840.10008.1.2.1"),
        (0x0008_0016, "1.2.840.10008.5.1.4.1.1.66.4"),
        (0x0008_0060, "SEG"),
        (0x0020_000d, "1.2.3.4.2"),
        (0x0008_0023, "20261127"),
        (0x0008_0033, "181246.123"),
        (0x0028_0008, "2"),
        (0x0062_0001, "BINARY"),
        (0x0070_0081, NOTICE),
        (0x0028_2110, "00"),
    ] {
        assert_eq!(text(&all, tag), expected, "{tag:08x}");
    }
    assert!(text(&all, 0x0008_103e).contains(NOTICE));
    assert_eq!(text(&all, 0x0002_0003), text(&all, 0x0008_0018));
    let segment = within(&all, &[0x0062_0002]);
    assert_eq!(text(segment, 0x0062_0008), "AUTOMATIC");
    let algorithm = within(segment, &[0x0062_0007]);
    assert_eq!(text(algorithm, 0x0066_0036), MAKER.model);
    assert_eq!(text(algorithm, 0x0066_0031), MAKER.model_sha256);
    assert_eq!(
        text(within(segment, &[0x0062_000f]), 0x0008_0100),
        "4147007"
    );

    // Of which frame of the source each is; first the second, as they were added.
    let groups = &find(&all, 0x5200_9230).unwrap().items;
    let told: Vec<_> = groups
        .iter()
        .map(|group| {
            let from = within(group, &[0x0008_9124, 0x0008_2112]);
            assert_eq!(text(from, 0x0008_1155), "1.2.3.4.1");
            let content = within(group, &[0x0020_9111]);
            let index = find(content, 0x0020_9157).unwrap().value.clone();
            (text(from, 0x0008_1160), index)
        })
        .collect();
    let index = |position: u8| vec![1, 0, 0, 0, position, 0, 0, 0];
    assert_eq!(told, [("2".into(), index(2)), ("1".into(), index(1))]);

    // 35 bits, then 35 of nothing: 70 in nine bytes, one more to be even.
    let bits: Vec<u8> = (0..35).map(|at| u8::from(at % 3 == 0)).collect();
    let mut packed = vec![0; 10];
    for (at, bit) in bits.iter().enumerate() {
        packed[at / 8] |= bit << (at % 8);
    }
    assert_eq!(find(&all, PIXELS).unwrap().value, packed);
}

#[test]
fn a_report_gives_numbers_their_units_and_says_what_they_are_of() {
    let mut uids = Uids::new([1; 32]);
    let origin = kept(&source(Style::Explicit, |_| ()), &mut uids);
    let [seg, report, _] = objects(&origin, &mut uids);
    let all = of_file(&report);
    assert_eq!(text(&all, 0x0040_a496), "PRELIMINARY");
    assert_eq!(text(within(&all, &[0x0040_a504]), 0x0040_db00), "1500");
    let nodes = &find(&all, 0x0040_a730).unwrap().items;
    let named = |nodes: &'_ [Vec<_>], code: &str| -> usize {
        let name = |node: &Vec<_>| text(within(node, &[0x0040_a043]), 0x0008_0100);
        nodes.iter().position(|node| name(node) == code).unwrap()
    };
    let group = within(&nodes[named(nodes, "126010")], &[0x0040_a730]);
    let within_group = &find(group, 0x0040_a730).unwrap().items;
    let area = within(
        &within_group[named(within_group, "42798000")],
        &[0x0040_a300],
    );
    assert_eq!(
        text(area, 0x0040_a30a).parse(),
        Ok(0.333_333_333_333_33_f64)
    );
    assert_eq!(
        find(area, 0x0040_a161).unwrap().value,
        (1.0_f64 / 3.0).to_le_bytes()
    );
    assert_eq!(text(within(area, &[0x0040_08ea]), 0x0008_0100), "mm2");
    // The mask of the source's first frame is the segmentation's second.
    let mask = within(&within_group[named(within_group, "121214")], &[0x0008_1199]);
    assert_eq!(text(mask, 0x0008_1160), "2");
    assert_eq!(text(mask, 0x0008_1155), text(&of_file(&seg), 0x0008_0018));
    let from = within(&within_group[named(within_group, "121233")], &[0x0008_1199]);
    assert_eq!(text(from, 0x0008_1160), "1");
    let remarks = &find(&nodes[named(nodes, "C0034375")], 0x0040_a730)
        .unwrap()
        .items;
    let told: Vec<_> = remarks.iter().map(|of| text(of, 0x0040_a160)).collect();
    // The source's characters are not said, so that ours are those that every set has.
    assert_eq!(told, [NOTICE, "Gr??e unsicher"]);
}

#[test]
fn a_capture_is_the_picture() {
    let mut uids = Uids::new([1; 32]);
    let lossy = LossyCoding::of_jpeg([17, 18], 100);
    let origin = DicomOrigin::of_picture(Some(lossy), &mut uids);
    let [_, _, capture] = objects(&origin, &mut uids);
    let all = of_file(&capture);
    assert_eq!(text(&all, 0x0028_0030), "0.25\\0.2");
    assert_eq!(
        (text(&all, 0x0028_2110), text(&all, 0x0028_2112)),
        ("01".into(), "9.18".into())
    );
    for (burned_in, said) in [
        (Some(false), Some("NO")),
        (Some(true), Some("YES")),
        (None, None),
    ] {
        let all = of_file(&capture_of(&origin, &mut uids, burned_in).unwrap());
        let found = find(&all, 0x0028_0301).map(|_| text(&all, 0x0028_0301));
        assert_eq!(found.as_deref(), said);
    }
    let mut file = open(&capture).unwrap();
    let wish = FrameWish::default();
    let (frame, _) = file.read(wish, &Stop::never()).unwrap();
    let expected: Vec<u8> = (0..3 * 17 * 18).map(|v| v as u8).collect();
    assert_eq!(frame.rgb(), expected);
    assert_eq!(
        file.scale().scale,
        Scale::Uniform(PixelSize::new([0.2, 0.25]).unwrap())
    );
}

#[test]
fn objects_of_a_picture_refer_to_what_it_may_be_saved_as() {
    let mut uids = Uids::new([1; 32]);
    let origin = DicomOrigin::of_picture(None, &mut uids);
    let name = ObjectName::of_source(&origin, 9000).unwrap();
    let [seg, report, capture] = objects(&origin, &mut uids).map(|file| of_file(&file));
    let series = within(&seg, &[0x0008_1115]);
    assert_eq!(text(series, 0x0020_000e), name.series.as_str());
    let instance = within(series, &[0x0008_114a]);
    assert_eq!(text(instance, 0x0008_1155), name.instance.as_str());
    let study = text(&seg, SHARED_STUDY);
    assert_eq!(
        [text(&report, SHARED_STUDY), text(&capture, SHARED_STUDY)],
        [study.clone(), study]
    );
    // A DICOM file exists already: nobody writes another of its name.
    for identity in [Identity::Kept, Identity::Removed] {
        let mut file = open(&source(Style::Explicit, |_| ())).unwrap();
        let origin = file.origin(identity, &mut uids).unwrap();
        assert_eq!(ObjectName::of_source(&origin, 9000), None);
    }
}

#[test]
fn names_are_new_each_time_and_those_of_the_seed() {
    let write = |seed| {
        let mut uids = Uids::new([seed; 32]);
        let origin = DicomOrigin::of_picture(None, &mut uids);
        objects(&origin, &mut uids)
    };
    assert_eq!(write(1), write(1));
    let uids = |file: &Vec<u8>| {
        [0x0008_0018, SHARED_STUDY, 0x0020_000e].map(|tag| text(&of_file(file), tag))
    };
    let all: Vec<String> = [write(1), write(2)]
        .as_flattened()
        .iter()
        .flat_map(uids)
        .collect();
    let mut different = all.clone();
    different.sort();
    different.dedup();
    // Three objects of a study each: a study, three series, three instances.
    assert_eq!(different.len(), 2 * 7);
    for uid in all {
        // The root of UUIDs, and a number of 128 bits without leading zeros (PS3.5, B.2).
        let number: u128 = uid.strip_prefix("2.25.").unwrap().parse().unwrap();
        assert_eq!(uid, format!("2.25.{number}"));
        assert_eq!((number >> 76 & 0xf, number >> 62 & 3), (8, 2));
    }
}

#[test]
fn what_cannot_be_written_is_refused() {
    let mut uids = Uids::new([1; 32]);
    let origin = DicomOrigin::of_picture(None, &mut uids);
    let name = ObjectName::new(1, &mut uids);
    let (frames, none) = (frames(), SegFrames::new(SegKind::Binary, [7, 5]).unwrap());
    let seg = SegFile {
        by: by(&origin),
        name: &name,
        segments: &[MARKED],
        frames: &frames,
    };
    let refused = |seg: SegFile<'_>| seg.write(&mut Vec::new()).unwrap_err();
    assert!(matches!(
        refused(SegFile {
            frames: &none,
            ..seg
        }),
        DicomWriteError::Nothing("frame")
    ));
    assert!(matches!(
        refused(SegFile {
            segments: &[],
            ..seg
        }),
        DicomWriteError::NoSuchSegment(1)
    ));
    let mut zero = none;
    zero.add_mask(0, 0, &mask()).unwrap();
    assert!(matches!(
        refused(SegFile {
            frames: &zero,
            ..seg
        }),
        DicomWriteError::NoSuchSegment(0)
    ));
    let other = Mask::empty(5, 7).unwrap();
    assert!(matches!(
        zero.add_mask(1, 0, &other),
        Err(DicomWriteError::OtherSize { .. })
    ));

    let report = |segment, source, value| {
        let measures = [SrMeasure {
            of: terms::AREA,
            value,
            plus_minus: None,
            unit: terms::PIXELS,
        }];
        let report = SrFile {
            name: &name,
            refers: true,
            seg: &seg,
            groups: &[SrGroup {
                segment,
                source,
                place: SrPlace::Mask,
                measures: &measures,
            }],
            remarks: &[],
        };
        report.write(&mut Vec::new())
    };
    assert!(report(1, 1, 2.0).is_ok());
    for segment in [0, 2] {
        assert!(matches!(
            report(segment, 1, 2.0),
            Err(DicomWriteError::NoSuchSegment(_))
        ));
    }
    assert!(matches!(
        report(1, 2, 2.0),
        Err(DicomWriteError::NoSuchFrame(2))
    ));
    for value in [f64::NAN, f64::INFINITY] {
        assert!(matches!(
            report(1, 1, value),
            Err(DicomWriteError::NotFinite)
        ));
    }
}

#[test]
fn loss_is_said_ever_after() {
    let mut uids = Uids::new([1; 32]);
    let mut lossy = |said: &[(u32, &str, &str)]| {
        let file = small(Style::Explicit, |writer| {
            said.iter().for_each(|(tag, vr, text)| {
                writer.text(*tag, vr, text);
            });
        });
        let origin = open(&file)
            .unwrap()
            .origin(Identity::Removed, &mut uids)
            .unwrap();
        let all = of_file(&objects(&origin, &mut uids)[0]);
        [0x0028_2110, 0x0028_2112, 0x0028_2114].map(|tag| find(&all, tag).map(|_| text(&all, tag)))
    };
    let some = |text: &str| Some(text.to_owned());
    let (flag, ratio, method) = (
        (0x0028_2110, "CS", "01"),
        (0x0028_2112, "DS", "12.5"),
        0x0028_2114,
    );
    assert_eq!(lossy(&[]), [some("00"), None, None]);
    assert_eq!(lossy(&[flag]), [some("01"), None, None]);
    let known = (method, "CS", "ISO_15444_1");
    assert_eq!(
        lossy(&[flag, ratio, known]),
        [some("01"), some("12.5"), some("ISO_15444_1")]
    );
    // A name in its place does not come out.
    let planted = (method, "CS", "PLANTED");
    assert_eq!(
        lossy(&[flag, ratio, planted]),
        [some("01"), some("12.5"), None]
    );
}
