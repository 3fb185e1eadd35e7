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
    Authorship, Coded, DicomFile, DicomOrigin, Identity, ObjectMaker, ObjectName, SegFile,
    SegFrames, SegKind, SegSegment, Uids, terms,
};
use picture::frame::FrameLimits;
use picture::mask::Mask;
use picture::scale::{PixelSize, Scale};

const MAKER: ObjectMaker<'static> = ObjectMaker {
    program: "espmedsam",
    version: "0.1.0",
    model: "live-224-int8",
    model_sha256: "9d8874eba30100e12cdc33a621dbe9702a1dd88c0e001457847a4cbfc7db2d1e",
};
const SEGMENT: SegSegment<'static> = SegSegment {
    label: "breast lesion",
    category: terms::ABNORMAL,
    kind: Coded::new("4147007", "SCT", "Mass"),
    anatomy: Some(Coded::new("76752008", "SCT", "Breast")),
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
            (file.origin(identity, &mut uids)?, file.scale().scale)
        }
        _ => {
            let pixel = PixelSize::new([0.2, 0.25])?;
            (DicomOrigin::of_picture(None, &mut uids), Scale::Uniform(pixel))
        }
    };
    let by = Authorship {
        origin: &origin,
        maker: MAKER,
        written: SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_803_166_123),
    };
    let pixel = match scale {
        Scale::Uniform(pixel) => Some(pixel),
        _ => None,
    };

    let probabilities = fs::read(probabilities)?;
    for (kind, name) in [(SegKind::Binary, "binary.dcm"), (SegKind::Fractional, "fractional.dcm")] {
        let mut frames = SegFrames::new(kind, size)?;
        let all = probabilities.chunks_exact(size.iter().product::<u32>() as usize);
        for (number, probabilities) in (0..).zip(all) {
            let marked = probabilities.iter().map(|p| if *p >= 128 { 255 } else { 0 });
            let mask = Mask::new(size[0], size[1], marked.collect())?;
            match kind {
                SegKind::Binary => frames.add_mask(1, number, &mask)?,
                SegKind::Fractional => frames.add_probabilities(1, number, (&mask, probabilities))?,
            }
        }
        let seg = SegFile {
            by,
            name: &ObjectName::new(9001, &mut uids),
            segments: &[SEGMENT],
            frames: &frames,
            pixel,
        };
        seg.write(&mut File::create(folder.join(name))?)?;
    }
    Ok(())
}
