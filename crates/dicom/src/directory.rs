//! A DICOMDIR (PS3.3, F; PS3.10, 8): which files a disc or a stick has.

use std::path::PathBuf;

use crate::data::{ByteInput, Bytes, DataSet, DataWalk, Tag};
use crate::error::DicomError;
use crate::magic::is_dicom;
use crate::syntax::TransferSyntax;

/// Most parts of a file's name, and most characters of each (PS3.10, 8.2).
const MOST_PARTS: usize = 8;
const MOST_CHARACTERS: usize = 16;

/// The files that a DICOMDIR names, below its own folder, in its order; `None` if it is none but another DICOM file.
///
/// # Errors
/// See [`DicomError`]; [`DicomError::Damaged`] where a name is none that PS3.10 allows, so that no path leads out of the folder.
pub fn listed_files(bytes: impl Bytes + 'static) -> Result<Option<Vec<PathBuf>>, DicomError> {
    let mut input = ByteInput::new(Box::new(bytes))?;
    let start: [u8; 132] = input.array().map_err(|_| DicomError::NotDicom)?;
    if !is_dicom(&start) {
        return Err(DicomError::NotDicom);
    }
    let meta = DataWalk::new(&mut input).meta()?;
    let uid = meta.text(Tag::TRANSFER_SYNTAX);
    let uid = uid.ok_or(DicomError::Damaged("it does not say how it is written"))?;
    let set = DataWalk::new(&mut input).data_set(TransferSyntax::of(uid)?.writing)?;
    let records = set.items(Tag::DIRECTORY_RECORDS);
    if records.is_empty() {
        return Ok(None);
    }
    records
        .iter()
        .filter_map(path)
        .collect::<Result<_, _>>()
        .map(Some)
}

/// A record's file; a patient, a study and a series have none.
fn path(record: &DataSet) -> Option<Result<PathBuf, DicomError>> {
    record.bytes(Tag::REFERENCED_FILE)?;
    let parts: Vec<&str> = record.texts(Tag::REFERENCED_FILE).collect();
    let good = |part: &&str| {
        (1..=MOST_CHARACTERS).contains(&part.len())
            && part
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    };
    let fits = parts.len() <= MOST_PARTS && parts.iter().all(good);
    Some(match fits {
        true => Ok(parts.iter().collect()),
        false => Err(DicomError::Damaged(
            "its directory names files as none may be named",
        )),
    })
}
