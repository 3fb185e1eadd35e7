//! Writes every object that this crate writes, for others to read back.
//!
//!     objects FOLDER COLUMNS ROWS PROBABILITIES [SOURCE.dcm kept|removed]
//!
//! PROBABILITIES is a file of one byte a pixel, frame after frame: 128 and more is the target. They are of the source's first
//! frames; without a source, of a picture that is no DICOM file. Research use only. Not for clinical use.

use std::error::Error;
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use espmedsam_dicom::{
    Authorship, CaptureFile, CaptureOf, CodedTerm, DicomFile, DicomOrigin, Identity, MarkedSegment,
    ObjectMaker, ObjectName, SegFile, SegFrames, SegKind, SrFile, SrGroup, SrMeasure, SrPlace,
    Uids, terms,
};
use picture::frame::{Frame, FrameLimits};
use picture::mask::Mask;
use picture::scale::{PixelSize, Scale};

const MAKER: ObjectMaker<'static> = ObjectMaker {
    program: "espmedsam",
    version: "0.1.0",
    model: "live-224-int8",
    model_sha256: "9d8874eba30100e12cdc33a621dbe9702a1dd88c0e001457847a4cbfc7db2d1e",
};
const SEGMENT: MarkedSegment<'static> = MarkedSegment {
    label: "breast lesion",
    category: terms::ABNORMAL,
    kind: CodedTerm::new("4147007", "SCT", "Mass"),
    anatomy: Some(CodedTerm::new("76752008", "SCT", "Breast")),
};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, columns, rows, probabilities, source @ ..] = arguments.as_slice() else {
        return Err("objects FOLDER COLUMNS ROWS PROBABILITIES [SOURCE.dcm kept|removed]".into());
    };
    let size = [columns.parse()?, rows.parse()?];
    let folder = Path::new(folder);
    let mut uids = Uids::new([7; 32]);
    let (origin, scale) = match source {
        [path, identity] => {
            let mut file = DicomFile::open(File::open(path)?, FrameLimits::default())?;
            let identity = match identity.as_str() {
                "kept" => Identity::Kept,
                _ => Identity::Removed,
            };
            let origin = file.origin(identity, &mut uids)?;
            (origin, file.scale().scale)
        }
        _ => {
            let pixel = PixelSize::new([0.2, 0.25])?;
            let origin = DicomOrigin::of_picture(None, &mut uids);
            (origin, Scale::Uniform(pixel))
        }
    };
    let by = Authorship {
        origin: &origin,
        maker: MAKER,
        written: SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_803_166_123),
    };

    let probabilities = fs::read(probabilities)?;
    let pixels = size.iter().product::<u32>() as usize;
    let mut marked = Vec::new();
    for (kind, name) in [
        (SegKind::Fractional, "fractional"),
        (SegKind::Binary, "binary"),
    ] {
        let mut frames = SegFrames::new(kind, size)?;
        marked.clear();
        for (number, probabilities) in (0..).zip(probabilities.chunks_exact(pixels)) {
            let pixels = probabilities
                .iter()
                .map(|p| if *p >= 128 { 255 } else { 0 });
            let mask = Mask::new(size[0], size[1], pixels.collect())?;
            match kind {
                SegKind::Binary => frames.add_mask(1, number, &mask)?,
                SegKind::Fractional => {
                    frames.add_probabilities(1, number, (&mask, probabilities))?
                }
            }
            marked.push(mask.pixels().iter().filter(|pixel| **pixel != 0).count() as f64);
        }
        let seg = SegFile {
            by,
            name: &ObjectName::new(9001, &mut uids),
            segments: &[SEGMENT],
            frames: &frames,
        };
        seg.write(&mut File::create(folder.join(format!("{name}.dcm")))?)?;
        if kind == SegKind::Binary {
            report(folder, &seg, (&marked, &scale), &mut uids)?;
        }
    }

    let overlay = Frame::new(
        size[0],
        size[1],
        (0..3 * pixels).map(|at| at as u8).collect(),
    )?;
    let pixel = match scale {
        Scale::Uniform(pixel) => Some(pixel),
        _ => None,
    };
    let source = ObjectName::of_source(&origin, 9000);
    let drawn = ObjectName::new(9003, &mut uids);
    let captures = [
        Some((CaptureOf::Overlay(0), &drawn, "overlay")),
        source
            .as_ref()
            .map(|name| (CaptureOf::Source, name, "source")),
    ];
    for (of, name, file) in captures.into_iter().flatten() {
        let capture = CaptureFile {
            by,
            name,
            of,
            picture: &overlay,
            // A ramp of greys, and no name.
            burned_in: Some(false),
            pixel,
        };
        capture.write(&mut File::create(folder.join(format!("{file}.dcm")))?)?;
    }
    Ok(())
}

/// The masks' areas, in square millimetres where that is known, else in pixels.
fn report(
    folder: &Path,
    seg: &SegFile<'_>,
    (marked, scale): (&[f64], &Scale),
    uids: &mut Uids,
) -> Result<(), Box<dyn Error>> {
    let area = |pixels: &f64| match scale {
        Scale::Uniform(pixel) => (pixels * pixel.mm()[0] * pixel.mm()[1], terms::MM2),
        _ => (*pixels, terms::PIXELS),
    };
    let measure = |pixels| {
        let (value, unit) = area(pixels);
        [SrMeasure {
            of: terms::AREA,
            value,
            plus_minus: Some(value / 8.0),
            unit,
        }]
    };
    let measures: Vec<_> = marked.iter().map(measure).collect();
    let group = |(source, measures)| SrGroup {
        segment: 1,
        source,
        place: SrPlace::Mask,
        measures,
    };
    let groups: Vec<_> = (0..)
        .zip(measures.iter().map(|of| &of[..]))
        .map(group)
        .collect();
    let report = SrFile {
        name: &ObjectName::new(9002, uids),
        refers: true,
        seg,
        groups: &groups,
        remarks: &["An example: of noise, not of a patient."],
    };
    Ok(report.write(&mut File::create(folder.join("report.dcm"))?)?)
}
