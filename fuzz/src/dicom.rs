//! DICOM files, whole or cut.

use std::time::SystemTime;

use dicom::{
    Authorship, CaptureFile, CaptureOf, DicomFile, FrameWish, Identity, ObjectMaker, ObjectName,
    Uids,
};
use picture::frame::{Frame, FrameLimits, Stop};

/// Small, so that an input costs little; every bound is reached the sooner.
const LIMITS: FrameLimits = FrameLimits {
    max_pixels: 1 << 16,
    min_side: 1,
    max_memory: 4 << 20,
};

/// Opens a file and reads its first and its last frame: a picture of the size that it says or an error, never a panic; the
/// same picture when asked again; what is made of it is read again; and **a cut file is never accepted**: what is read of a part is the very picture of the whole.
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
    for identity in [Identity::Removed, Identity::Kept] {
        capture(&mut file, identity);
    }
}

/// An object that has all that is taken along of the file.
fn capture(file: &mut DicomFile, identity: Identity) {
    let mut uids = Uids::new([0; 32]);
    let Ok(origin) = file.origin(identity, &mut uids) else {
        assert!(identity == Identity::Kept);
        return;
    };
    let picture = Frame::new(1, 1, vec![1, 2, 3]).unwrap();
    let object = CaptureFile {
        by: Authorship {
            origin: &origin,
            maker: ObjectMaker {
                program: "fuzz",
                version: "0",
                model: "none",
                model_sha256: "",
            },
            written: SystemTime::UNIX_EPOCH,
        },
        name: &ObjectName::new(1, &mut uids),
        of: CaptureOf::Overlay(0),
        picture: &picture,
        burned_in: Some(false),
        pixel: None,
    };
    let mut bytes = Vec::new();
    object.write(&mut bytes).unwrap();
    assert!(bytes.len() < 1 << 17);
    let mut again = DicomFile::of_bytes(bytes, LIMITS).unwrap();
    assert_eq!(self::picture(&mut again, 0), Some(picture));
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
