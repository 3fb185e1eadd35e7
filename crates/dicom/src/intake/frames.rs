//! DICOM taken in: opened by its header, each frame a picture of its own.

use std::sync::{Arc, Mutex};

use picture::frame::{
    Decoded, DicomSaid, FileInfo, FileNote, Format, FrameError, FrameLimits, PixelRect, Stop,
    Undecoded,
};
use picture::scale::{Scale, ScaledRegion};
use picture::segmenter::{Modality, Picture};
use picture::sync::lock;
use sha2::{Digest, Sha256};

use super::{AskedRegion, IntakeWish, TakenFile, TakenPicture};
use crate::answer::AnswerSource;
use crate::data::Bytes;
use crate::error::DicomError;
use crate::facts::DicomFacts;
use crate::file::{DicomFile, FrameWish};
use crate::scale::{DicomScale, ScaleNote, ScaleSource};
use crate::selection::FrameSelection;
use crate::window::{GreyWindow, ShownAs};

impl TakenFile {
    /// Takes a DICOM file in that lies on a disk, of which no more is in memory than a frame. As [`TakenFile::of`] otherwise.
    ///
    /// # Errors
    /// As [`TakenFile::of`].
    pub fn of_disk(
        mut bytes: impl Bytes + 'static,
        wish: &IntakeWish,
        limits: FrameLimits,
        most: u32,
    ) -> Result<Self, FrameError> {
        let source = match wish.objects {
            Some(identity) => Some(AnswerSource {
                digest: digest(&mut bytes).map_err(DicomError::from)?,
                identity,
                file: None,
                jpeg: None,
            }),
            None => None,
        };
        let file = DicomFile::open(bytes, limits)?;
        Ok(Self::of_dicom(file, wish, most, source)?)
    }

    pub(super) fn of_dicom(
        file: DicomFile,
        wish: &IntakeWish,
        most: u32,
        source: Option<AnswerSource>,
    ) -> Result<Self, DicomError> {
        if wish.page.is_some() {
            return Err(DicomError::FramesNotPages);
        }
        let first = FrameSelection::one(0);
        let frames = wish.frames.as_ref().unwrap_or(&first);
        let frames: Vec<u32> = frames.of(file.facts().frames, most)?.collect();
        let DicomScale {
            scale,
            source: said_by,
            notes,
        } = file.scale();
        let region = match wish.region {
            Some(AskedRegion::Rect(rect)) => Some(rect),
            Some(AskedRegion::Number(number)) => Some(region(&scale, number)?),
            None => None,
        };
        let suggested_modality = file.suggested_modality();
        let told = wish.scale != Scale::Unknown;
        let modality = of_modality(
            file.facts().modality.zip(suggested_modality),
            wish.modality.as_deref(),
        );
        // A length that was told by hand is not the file's to doubt.
        let lengths = notes.iter().filter(|_| !told).filter_map(of_lengths);
        let file = Arc::new(Mutex::new(file));
        let open = Arc::new(OpenFile {
            file: file.clone(),
            window: wish.window,
            scale: said_by.filter(|_| !told).map(ScaleSource::name),
            notes: modality.into_iter().chain(lengths).collect(),
        });
        let taken = |frame| TakenPicture {
            picture: Picture::Undecoded(Arc::new(DicomPicture {
                open: open.clone(),
                frame,
            })),
            frame: Some(frame),
        };
        Ok(Self {
            pictures: frames.into_iter().map(taken).collect(),
            scale: match told {
                true => wish.scale.clone(),
                false => scale,
            },
            region,
            suggested_modality,
            source: source.map(|source| AnswerSource {
                file: Some(file),
                ..source
            }),
        })
    }
}

/// SHA-256 of all bytes, a piece at a time.
fn digest(bytes: &mut impl Bytes) -> std::io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; 64 << 10];
    bytes.rewind()?;
    loop {
        match bytes.read(&mut piece) {
            Ok(0) => return Ok(hash.finalize().into()),
            Ok(count) => hash.update(piece.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A file that its frames, and what is made of them, read in turns.
type SharedFile = Arc<Mutex<DicomFile>>;

fn region(scale: &Scale, asked: u32) -> Result<PixelRect, DicomError> {
    let regions: &[ScaledRegion] = match scale {
        Scale::Regions(regions) => regions,
        Scale::Unknown | Scale::Uniform(_) => &[],
    };
    let at = asked.checked_sub(1).map(|at| at as usize);
    let found = at.and_then(|at| regions.get(at));
    let regions = regions.len();
    let found = found.ok_or(DicomError::NoSuchRegion { asked, regions })?;
    let [x, y, width, height] = found.place;
    Ok(PixelRect {
        x,
        y,
        width,
        height,
    })
}

/// What is to be said of a modality that the file has (its own name for it, the manifest's) beside the one asked for.
fn of_modality(
    file: Option<(&'static str, &'static str)>,
    asked: Option<&str>,
) -> Option<FileNote> {
    match (file?, asked) {
        ((said, taken), None) => Some(FileNote::ModalityTaken { said, taken }),
        // The picture itself is to tell.
        (_, Some(Modality::AUTO)) => None,
        ((_, likely), Some(asked)) if asked == likely => None,
        ((said, likely), Some(_)) => Some(FileNote::ModalityDiffers { said, likely }),
    }
}

fn of_lengths(note: &ScaleNote) -> Option<FileNote> {
    match note {
        // A mask that lies there is told so.
        ScaleNote::NotCentimetres(_) | ScaleNote::NotTissue(_) | ScaleNote::NoDelta(_) => None,
        ScaleNote::Magnified { .. } | ScaleNote::OnFilm => {
            Some(FileNote::Lengths(note.to_string()))
        }
        note => Some(FileNote::NoLengths(note.to_string())),
    }
}

/// A file of which frames are read in their turns.
#[derive(Debug)]
struct OpenFile {
    file: SharedFile,
    window: Option<GreyWindow>,
    /// Where its millimetres come from.
    scale: Option<&'static str>,
    /// Those that are known before it is decoded.
    notes: Vec<FileNote>,
}

/// One of its frames.
#[derive(Debug)]
struct DicomPicture {
    open: Arc<OpenFile>,
    frame: u32,
}

impl Undecoded for DicomPicture {
    fn need(&self) -> Result<u64, FrameError> {
        Ok(lock(&self.open.file).need(self.frame)?)
    }

    fn read(&self, stop: &Stop) -> Result<Decoded, FrameError> {
        let mut file = lock(&self.open.file);
        let wish = FrameWish {
            frame: self.frame,
            window: self.open.window,
        };
        let (frame, shown) = file.read(wish, stop)?;
        let file = self.said(file.facts(), shown);
        Ok(Decoded { frame, file })
    }
}

impl DicomPicture {
    fn said(&self, facts: &DicomFacts, shown: ShownAs) -> FileInfo {
        let overlays = u32::try_from(facts.overlays).unwrap_or(u32::MAX);
        let own = [
            (shown == ShownAs::FrameRange).then_some(FileNote::RangeOfFrame),
            (facts.burned_in == Some(true)).then_some(FileNote::BurnedIn),
            (overlays > 0).then_some(FileNote::OverlaysLeft(overlays)),
            facts.aspect.map(FileNote::NotSquare),
        ];
        let own = own.into_iter().flatten();
        FileInfo {
            page: self.frame.saturating_add(1),
            pages: facts.frames,
            dicom: Some(DicomSaid {
                frame: self.frame,
                frames: facts.frames,
                modality: facts.modality,
                kind: facts.kind,
                transfer_syntax: facts.transfer_syntax.name,
                photometric: facts.photometric.name(),
                shown_as: shown.name(),
                burned_in: facts.burned_in,
                overlays,
                scale: self.open.scale,
            }),
            notes: own.chain(self.open.notes.iter().cloned()).collect(),
            ..FileInfo::plain(Format::Dicom, u8::try_from(facts.bits).unwrap_or(u8::MAX))
        }
    }
}
