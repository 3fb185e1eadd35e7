//! DICOM files, whole or cut.

use dicom::{DicomFile, FrameWish};
use picture::frame::{Frame, FrameLimits, Stop};

/// Small, so that an input costs little; every bound is reached the sooner.
const LIMITS: FrameLimits = FrameLimits {
    max_pixels: 1 << 16,
    min_side: 1,
    max_memory: 4 << 20,
};

/// Opens a file and reads its first and its last frame: a picture of the size that it says or an error, never a panic; the
/// same picture when asked again; and **a cut file is never accepted**: what is read of a part is the very picture of the whole.
///
/// The first byte says where to cut, in 256ths; the rest is the file.
pub fn check(data: &[u8]) {
    let [place, bytes @ ..] = data else { return };
    let Ok(mut file) = DicomFile::of_bytes(bytes.to_vec(), LIMITS) else {
        return;
    };
    let facts = file.facts().clone();
    assert!(facts.frames > 0 && facts.timing.shown(0).is_none_or(|time| !time.is_zero()));
    assert!(file.need(facts.frames).is_err());
    let said = format!("{file:?} {:?} {:?}", file.scale(), file.references());
    assert!(said.len() < 1 << 20);
    let cut = bytes.len() * usize::from(*place) / 256;
    let mut part = DicomFile::of_bytes(bytes[..cut].to_vec(), LIMITS).ok();
    for frame in [0, facts.frames - 1] {
        let Some(whole) = picture(&mut file, frame) else {
            continue;
        };
        assert_eq!(whole.size(), facts.size);
        assert!(file.need(frame).is_ok_and(|need| need <= LIMITS.max_memory));
        assert_eq!(picture(&mut file, frame).as_ref(), Some(&whole));
        if let Some(found) = part.as_mut().and_then(|part| picture(part, frame)) {
            assert_eq!(found, whole, "cut at {cut} of {}", bytes.len());
        }
    }
}

fn picture(file: &mut DicomFile, frame: u32) -> Option<Frame> {
    let read = file.read(
        FrameWish {
            frame,
            window: None,
        },
        &Stop::never(),
    );
    read.ok().map(|(picture, _)| picture)
}
