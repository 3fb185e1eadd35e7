//! A file as a door takes it in.

use espmedsam_dicom::{AskedRegion, IntakeWish, TakenFile, listed_files};
use picture::frame::{Decoded, FileFault, FileNote, FrameError, PixelRect, Stop};
use picture::scale::{PixelSize, Scale};
use picture::segmenter::Picture;
use testing::dicom::{DicomSketch, dicomdir};

use crate::LIMITS;

const SKETCH: DicomSketch<'_> = DicomSketch {
    size: [32, 24],
    frames: 5,
    modality: "US",
    regions: &[([0, 0, 15, 23], 0.2), ([16, 0, 31, 23], 0.4)],
    more: &[],
};

fn take(bytes: Vec<u8>, wish: &IntakeWish) -> Result<TakenFile, FrameError> {
    TakenFile::of(bytes, wish, LIMITS, 3)
}

fn loop_of_five() -> Vec<u8> {
    SKETCH.write(|frame, _, _| frame as u8 * 10)
}

fn decode(picture: &Picture) -> Decoded {
    match picture {
        Picture::Undecoded(file) => {
            assert!(file.need().unwrap() > 0);
            file.read(&Stop::never()).unwrap()
        }
        other => panic!("{other:?}"),
    }
}

fn fault(result: Result<TakenFile, FrameError>) -> (FileFault, String) {
    match result {
        Err(FrameError::Other(other)) => (other.fault, other.to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_frame_is_taken_or_those_that_are_asked_for() {
    let first = take(loop_of_five(), &IntakeWish::default()).unwrap();
    assert_eq!(first.pictures.len(), 1);
    assert_eq!(first.suggested_modality, Some("ultrasound"));
    let wish = IntakeWish {
        frames: Some("4,1-2".parse().unwrap()),
        ..IntakeWish::default()
    };
    let taken = take(loop_of_five(), &wish).unwrap();
    let frames: Vec<_> = taken.pictures.iter().map(|taken| taken.frame).collect();
    assert_eq!(frames, [Some(4), Some(1), Some(2)]);
    for (taken, grey) in taken.pictures.iter().zip([40, 10, 20]) {
        let Decoded { frame, file } = decode(&taken.picture);
        assert!(frame.rgb().iter().all(|sample| *sample == grey));
        assert_eq!((Some(file.page - 1), file.pages), (taken.frame, 5));
        let said = file.dicom.unwrap();
        assert_eq!((Some(said.frame), said.frames), (taken.frame, 5));
        assert_eq!(said.scale, Some("ultrasound-regions"));
        assert_eq!(said.shown_as, "bits");
    }
    for (frames, expected) in [("5", FileFault::NoSuchFrame), ("all", FileFault::Asked)] {
        let wish = IntakeWish {
            frames: Some(frames.parse().unwrap()),
            ..IntakeWish::default()
        };
        assert_eq!(fault(take(loop_of_five(), &wish)).0, expected, "{frames}");
    }
}

#[test]
fn from_a_disk_it_is_the_same_file() {
    let wish = IntakeWish {
        frames: Some("1-3".parse().unwrap()),
        ..IntakeWish::default()
    };
    let on_disk = |bytes| TakenFile::of_disk(std::io::Cursor::new(bytes), &wish, LIMITS, 3);
    let (disk, memory) = (
        on_disk(loop_of_five()).unwrap(),
        take(loop_of_five(), &wish).unwrap(),
    );
    assert_eq!(disk.suggested_modality, memory.suggested_modality);
    assert_eq!(disk.scale, memory.scale);
    for (disk, memory) in disk.pictures.iter().zip(&memory.pictures) {
        assert_eq!(disk.frame, memory.frame);
        let [disk, memory] = [disk, memory].map(|taken| decode(&taken.picture));
        assert_eq!(disk.frame.rgb(), memory.frame.rgb());
        assert_eq!(disk.file, memory.file);
    }
    let png = b"\x89PNG\r\n\x1a\n".to_vec();
    assert_eq!(fault(on_disk(png)).0, FileFault::NoPicture);
}

#[test]
fn what_the_file_says_of_its_modality_is_compared_with_what_is_asked() {
    let notes = |asked: Option<&str>| {
        let wish = IntakeWish {
            modality: asked.map(Into::into),
            ..IntakeWish::default()
        };
        let taken = take(loop_of_five(), &wish).unwrap();
        decode(&taken.pictures[0].picture).file.notes
    };
    let (said, likely, taken) = ("US", "ultrasound", "ultrasound");
    assert_eq!(notes(None), [FileNote::ModalityTaken { said, taken }]);
    assert_eq!(notes(Some("ultrasound")), []);
    assert_eq!(notes(Some("auto")), []);
    let differs = FileNote::ModalityDiffers { said, likely };
    assert_eq!(notes(Some("x-ray")), [differs]);
    // Nothing is suggested for what may be many things.
    let other = DicomSketch {
        modality: "OT",
        ..SKETCH
    };
    let taken = take(other.write(|_, _, _| 0), &IntakeWish::default()).unwrap();
    assert_eq!(taken.suggested_modality, None);
}

#[test]
fn a_region_is_one_of_the_file_or_a_place() {
    let region = |text: &str| {
        let wish = IntakeWish {
            region: Some(text.parse().unwrap()),
            ..IntakeWish::default()
        };
        take(loop_of_five(), &wish).map(|taken| taken.region.unwrap())
    };
    let second = PixelRect {
        x: 16,
        y: 0,
        width: 16,
        height: 24,
    };
    assert_eq!(region("2"), Ok(second));
    assert_eq!(region("16,0,16,24"), Ok(second));
    let wish = IntakeWish {
        region: Some(AskedRegion::Number(3)),
        ..IntakeWish::default()
    };
    let (fault, words) = fault(take(loop_of_five(), &wish));
    assert_eq!(fault, FileFault::Asked);
    assert!(
        words.contains("region 3") && words.contains("has 2"),
        "{words}"
    );
    for wrong in ["0", "1,2", "-1", "2,2,0,4"] {
        assert!(wrong.parse::<AskedRegion>().is_err(), "{wrong}");
    }
}

#[test]
fn a_scale_that_is_told_by_hand_is_what_is_meant() {
    let told = Scale::Uniform(PixelSize::new([0.5, 0.5]).unwrap());
    let file = DicomSketch {
        regions: &[],
        more: &[(0x0018_1164, "DS", "0.14\\0.14")],
        modality: "DX",
        ..SKETCH
    };
    for (scale, expected, source, notes) in [
        (Scale::Unknown, [0.14; 2], Some("detector"), 2),
        (told, [0.5; 2], None, 1),
    ] {
        let wish = IntakeWish {
            scale,
            ..IntakeWish::default()
        };
        let taken = take(file.write(|_, _, _| 0), &wish).unwrap();
        let uniform = Scale::Uniform(PixelSize::new(expected).unwrap());
        assert_eq!(taken.scale, uniform);
        let decoded = decode(&taken.pictures[0].picture);
        assert_eq!(decoded.file.dicom.unwrap().scale, source);
        // That the modality was taken, and that the detector's lengths are not the body's.
        assert_eq!(decoded.file.notes.len(), notes, "{:?}", decoded.file.notes);
    }
}

#[test]
fn what_is_of_dicom_alone_is_not_asked_of_others() {
    let png = b"\x89PNG\r\n\x1a\n".to_vec();
    let plain = IntakeWish::default();
    let taken = take(png.clone(), &plain).unwrap();
    assert!(matches!(taken.pictures[0].picture, Picture::File(_)));
    assert_eq!(taken.pictures[0].frame, None);
    let frames = IntakeWish {
        frames: Some("0".parse().unwrap()),
        ..plain.clone()
    };
    let window = IntakeWish {
        window: Some("40,400".parse().unwrap()),
        ..plain.clone()
    };
    let region = IntakeWish {
        region: Some(AskedRegion::Number(1)),
        ..plain.clone()
    };
    for wish in [frames, window, region] {
        assert_eq!(fault(take(png.clone(), &wish)).0, FileFault::Asked);
    }
    let page = IntakeWish {
        page: Some(1),
        ..plain.clone()
    };
    assert_eq!(fault(take(loop_of_five(), &page)).0, FileFault::Asked);
    assert_eq!(take(Vec::new(), &plain).unwrap_err(), FrameError::Empty);
}

#[test]
fn a_directory_lists_its_files_and_leads_nowhere_else() {
    let listed = |bytes: Vec<u8>| listed_files(std::io::Cursor::new(bytes));
    let files = dicomdir(&[&["DICOM", "IM_0001"], &["IM2"]]);
    let expected = ["DICOM/IM_0001", "IM2"].map(std::path::PathBuf::from);
    assert_eq!(listed(files).unwrap().unwrap(), expected);
    assert!(listed(loop_of_five()).unwrap().is_none());
    let nine = ["A"; 9];
    for bad in [
        &["..", "A"][..],
        &["a"],
        &["A/B"],
        &["A.DCM"],
        &["", "A"],
        &nine,
    ] {
        assert!(listed(dicomdir(&[bad])).is_err(), "{bad:?}");
    }
}
