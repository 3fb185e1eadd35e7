//! A small answer, and a source for it: what tests of objects write.

use std::time::{Duration, SystemTime};

use espmedsam_dicom::{
    Authorship, CaptureFile, CaptureOf, CodedTerm, DicomOrigin, DicomWriteError, MarkedSegment,
    ObjectMaker, ObjectName, SegFile, SegFrames, SegKind, SrFile, SrGroup, SrMeasure, SrPlace,
    Uids, terms,
};
use picture::frame::Frame;
use picture::mask::Mask;
use picture::scale::PixelSize;

use crate::writer::{Style, Writer};

pub const MAKER: ObjectMaker<'static> = ObjectMaker {
    program: "espmedsam",
    version: "1.2.3",
    model: "live-224-int8",
    model_sha256: "9d8874eba30100e12cdc33a621dbe9702a1dd88c0e001457847a4cbfc7db2d1e",
};
pub const MARKED: MarkedSegment<'static> = MarkedSegment {
    label: "Drüse",
    category: terms::ABNORMAL,
    kind: CodedTerm::new("4147007", "SCT", "Mass"),
    anatomy: Some(CodedTerm::new("76752008", "SCT", "Breast")),
};
pub const PIXELS: u32 = 0x7fe0_0010;

/// Of ultrasound with three frames, with UIDs.
pub fn source(style: Style, before: impl Fn(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::new(style);
    writer
        .text(0x0008_0016, "UI", "1.2.840.10008.5.1.4.1.1.3.1")
        .text(0x0008_0018, "UI", "1.2.3.4.1");
    before(&mut writer);
    writer
        .text(0x0020_000d, "UI", "1.2.3.4.2")
        .text(0x0020_000e, "UI", "1.2.3.4.3")
        .text(0x0028_0008, "IS", "3")
        .pixels("MONOCHROME2", [16, 16], [8, 8])
        .raw(PIXELS, "OB", &[0; 768]);
    writer.file()
}

pub fn by(origin: &DicomOrigin) -> Authorship<'_> {
    Authorship {
        origin,
        maker: MAKER,
        written: SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_803_166_123),
    }
}

pub fn mask() -> Mask {
    let pixels = (0..35).map(|at| if at % 3 == 0 { 255 } else { 0 });
    Mask::new(7, 5, pixels.collect()).unwrap()
}

/// Two masks of 7 x 5, on the source's second frame and its first.
pub fn frames() -> SegFrames {
    let mut frames = SegFrames::new(SegKind::Binary, [7, 5]).unwrap();
    frames.add_mask(1, 1, &mask()).unwrap();
    frames.add_mask(1, 0, &Mask::empty(7, 5).unwrap()).unwrap();
    frames
}

/// A segmentation, a report and a capture, in that order.
pub fn objects(origin: &DicomOrigin, uids: &mut Uids) -> [Vec<u8>; 3] {
    let frames = frames();
    let (name, reported) = (ObjectName::new(9001, uids), ObjectName::new(9002, uids));
    let seg = SegFile {
        by: by(origin),
        name: &name,
        segments: &[MARKED],
        frames: &frames,
    };
    let measures = [SrMeasure {
        of: terms::AREA,
        value: 1.0 / 3.0,
        plus_minus: Some(0.125),
        unit: terms::MM2,
    }];
    let report = SrFile {
        name: &reported,
        refers: true,
        seg: &seg,
        groups: &[SrGroup {
            segment: 1,
            source: 0,
            place: SrPlace::Mask,
            measures: &measures,
        }],
        remarks: &["Größe\nunsicher"],
    };
    let mut files = [Vec::new(), Vec::new(), Vec::new()];
    seg.write(&mut files[0]).unwrap();
    report.write(&mut files[1]).unwrap();
    files[2] = capture(origin, uids, Some(false)).unwrap();
    files
}

/// An overlay.
pub fn capture(
    origin: &DicomOrigin,
    uids: &mut Uids,
    burned_in: Option<bool>,
) -> Result<Vec<u8>, DicomWriteError> {
    let picture = Frame::new(17, 18, (0..3 * 17 * 18).map(|v| v as u8).collect()).unwrap();
    let capture = CaptureFile {
        by: by(origin),
        name: &ObjectName::new(9003, uids),
        of: CaptureOf::Overlay(1),
        picture: &picture,
        burned_in,
        pixel: PixelSize::new([0.2, 0.25]).ok(),
    };
    let mut file = Vec::new();
    capture.write(&mut file)?;
    Ok(file)
}
