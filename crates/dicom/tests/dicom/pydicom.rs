//! What pydicom makes of a file, this crate makes of it: bit for bit where a coding is exact, within a stated difference
//! where decoders round. `reference/make.py` wrote the files and the answers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use espmedsam_dicom::{DicomFile, FrameWish, ybr_to_rgb};
use flate2::read::ZlibDecoder;
use picture::frame::Stop;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::LIMITS;

/// Greatest difference of a sample, as measured. JPEG: this crate's decoder and libjpeg-turbo round cosines and colours each
/// in their own way, and draw chrominance out over the pixels between differently. JPEG 2000 with loss: real numbers, rounded
/// at other places than OpenJPEG does.
const LARGEST: [(&str, u8); 7] = [
    ("grey8_jpeg.dcm", 0),
    ("ybr_full_jpeg.dcm", 2),
    ("ybr_full_422_jpeg.dcm", 2),
    ("rgb_jpeg.dcm", 1),
    ("us_cine_sonosite_30f_ybr_jpeg.dcm", 3),
    ("us_ge_logiq700_j2k_lossy.dcm", 1),
    ("_j2k_lossy.dcm", 0),
];

fn reference() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/pydicom.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn unhex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// Compares all files of a folder; the files by what was wrong with them.
fn compare(folder: &Path, expected: &Value) -> BTreeMap<String, String> {
    let mut wrong = BTreeMap::new();
    for (name, answer) in expected.as_object().unwrap() {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let mut file = match DicomFile::of_bytes(bytes, LIMITS) {
            Ok(file) => file,
            Err(error) => {
                wrong.insert(name.clone(), error.to_string());
                continue;
            }
        };
        let size = file.facts().size.map(u64::from);
        assert_eq!(Value::from(size.to_vec()), answer["size"], "{name}");
        for (frame, answer) in answer["frames"].as_object().unwrap() {
            let wish = FrameWish {
                frame: frame.parse().unwrap(),
                window: None,
            };
            let picture = match file.read(wish, &Stop::never()) {
                Ok((picture, _)) => picture,
                Err(error) => {
                    wrong.insert(format!("{name} {frame}"), error.to_string());
                    continue;
                }
            };
            if let Some(hash) = answer["sha256"].as_str() {
                if Sha256::digest(picture.rgb())[..] != unhex(hash) {
                    wrong.insert(format!("{name} {frame}"), "other pixels".into());
                }
                continue;
            }
            let difference = difference(&picture, answer["grid"].as_str().unwrap());
            let entry = LARGEST.iter().find(|(end, _)| name.ends_with(end));
            let (_, most) = entry.unwrap_or_else(|| panic!("{name} is not in the list"));
            if difference > *most {
                let said = format!("differs by {difference}, not {most}");
                wrong.insert(format!("{name} {frame}"), said);
            }
        }
    }
    wrong
}

/// Greatest difference from every seventh pixel of the reference.
fn difference(picture: &picture::frame::Frame, grid: &str) -> u8 {
    use base64::Engine;
    use std::io::Read;
    let zipped = base64::engine::general_purpose::STANDARD
        .decode(grid)
        .unwrap();
    let mut expected = Vec::new();
    ZlibDecoder::new(&*zipped)
        .read_to_end(&mut expected)
        .unwrap();
    let row = 3 * picture.width() as usize;
    let rows = picture.rgb().chunks_exact(row).step_by(7);
    let found = rows.flat_map(|row| row.chunks_exact(3).step_by(7).flatten());
    let pairs: Vec<_> = found.zip(&expected).collect();
    assert_eq!(pairs.len(), expected.len());
    pairs
        .into_iter()
        .map(|(a, b)| a.abs_diff(*b))
        .max()
        .unwrap()
}

#[test]
fn made_files_are_as_pydicom_has_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/made");
    let reference = reference();
    assert!(reference["made"].as_object().unwrap().len() >= 40);
    assert_eq!(compare(&folder, &reference["made"]), BTreeMap::new());
}

/// Files of real machines. They are not in this repository: where they are says SHARED (`make test`).
fn real() -> Option<PathBuf> {
    let folder = std::env::var_os("SHARED").map(|shared| PathBuf::from(shared).join("dicom"));
    let found = folder.filter(|folder| folder.is_dir());
    if found.is_none() {
        eprintln!("NOT RUN: SHARED does not say where the files of real machines are");
    }
    found
}

#[test]
fn files_of_real_machines_are_as_pydicom_has_them() {
    let Some(shared) = real() else {
        return;
    };
    assert_eq!(compare(&shared, &reference()["shared"]), BTreeMap::new());
}

/// SHA-256 of pydicom's answers for all luminances and chrominances.
#[test]
fn every_colour_is_converted_as_pydicom_does() {
    let mut hash = Sha256::new();
    for y in 0..=255 {
        let mut row = Vec::with_capacity(3 << 16);
        for cb in 0..=255 {
            for cr in 0..=255 {
                row.extend(ybr_to_rgb([y, cb, cr]));
            }
        }
        hash.update(&row);
    }
    assert_eq!(
        hash.finalize()[..],
        unhex(reference()["ybr"].as_str().unwrap())
    );
}
