//! What was found of a file, as one of the DICOM objects that a door gives out. Results come in frame by frame, and of each no
//! more is kept than the object will hold.

mod error;
mod measures;
mod naming;

use std::cmp::Reverse;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use picture::frame::{Format, Frame};
use picture::mask::polygons::{Ring, polygons};
use picture::mask::probabilities;
use picture::mask::regions::Regions;
use picture::report::{EllipseFit, Form, Report, overlay, sizes, told};
use picture::scale::{PixelSize, Scale};
use picture::segmenter::{MarkedCode, MarkedCodes, Segmentation};
use picture::sync::lock;
use sha2::{Digest, Sha256};

pub use self::error::AnswerError;
pub use self::naming::NamingSecret;

use self::measures::measures;
use crate::file::DicomFile;
use crate::identity::Identity;
use crate::origin::{DicomOrigin, LossyCoding};
use crate::uid::Uid;
use crate::write::{
    Authorship, CaptureFile, CaptureOf, CodedTerm, DicomWriteError, MarkedSegment, ObjectMaker,
    ObjectName, SegFile, SegFrames, SegKind, SrFile, SrGroup, SrMeasure, SrPlace, terms,
};

/// By whom and when objects are made, and within what.
#[derive(Clone, Debug)]
pub struct AnswerMaker {
    /// What names are made of.
    pub secret: NamingSecret,
    /// The program's name.
    pub program: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Now.
    pub written: SystemTime,
    /// Most bytes of masks.
    pub most: u64,
}

impl AnswerMaker {
    /// This program, now, with this process's own secret, and so many bytes of masks at most.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn of_process(
        program: &'static str,
        version: &'static str,
        most: u64,
    ) -> std::io::Result<Self> {
        Ok(Self {
            secret: NamingSecret::of_process()?,
            program,
            version,
            written: SystemTime::now(),
            most,
        })
    }
}

/// The file that an answer is of.
#[derive(Clone, Debug)]
pub(crate) struct AnswerSource {
    /// SHA-256 of its bytes.
    pub digest: [u8; 32],
    pub identity: Identity,
    /// If it is DICOM.
    pub file: Option<Arc<Mutex<DicomFile>>>,
    /// Bytes of a JPEG.
    pub jpeg: Option<u64>,
}

impl AnswerSource {
    /// A file in memory; a picture file until it is said to be DICOM.
    pub(crate) fn of_bytes(bytes: &[u8], identity: Identity) -> Self {
        Self {
            digest: Sha256::digest(bytes).into(),
            identity,
            file: None,
            jpeg: (Format::of(bytes) == Ok(Format::Jpeg)).then_some(bytes.len() as u64),
        }
    }
}

/// An object on its way.
#[derive(Debug)]
pub struct DicomAnswer {
    form: Form,
    maker: AnswerMaker,
    source: AnswerSource,
    begun: Option<Begun>,
}

/// What is known with the first result.
#[derive(Debug)]
struct Begun {
    origin: DicomOrigin,
    about: About,
    frames: SegFrames,
    measured: Vec<MeasuredFrame>,
    remarks: Vec<String>,
    shown: Option<ShownOverlay>,
}

/// What all results of an answer have in common.
#[derive(Debug)]
struct About {
    model: String,
    sha256: String,
    modality: String,
    region: String,
    label: String,
    codes: Option<Arc<MarkedCodes>>,
}

/// What was measured on a frame of the source: of all of its mask, or of what lies within an outline.
#[derive(Debug)]
struct MeasuredFrame {
    frame: u32,
    outline: Option<Ring>,
    measures: Vec<SrMeasure<'static>>,
}

/// A picture with its mask drawn upon it.
#[derive(Debug)]
struct ShownOverlay {
    picture: Frame,
    frame: u32,
    burned_in: Option<bool>,
    pixel: Option<PixelSize>,
}

impl DicomAnswer {
    pub(crate) fn of(form: Form, maker: AnswerMaker, source: AnswerSource) -> Option<Self> {
        form.is_dicom().then_some(Self {
            form,
            maker,
            source,
            begun: None,
        })
    }

    /// Takes in the result of a frame of the source, from 0 (0 of a picture that is no DICOM file).
    ///
    /// # Errors
    /// See [`AnswerError`].
    pub fn add(&mut self, frame: u32, segmentation: Segmentation) -> Result<(), AnswerError> {
        let mut begun = match self.begun.take() {
            Some(begun) => begun,
            None => self.begin(&segmentation)?,
        };
        match self.form {
            Form::Seg => begun.frames.add_mask(1, frame, &segmentation.mask)?,
            Form::SegFractional => {
                let Segmentation {
                    mask,
                    low_res,
                    region,
                    ..
                } = &segmentation;
                let found = probabilities(low_res, mask, *region)?;
                begun.frames.add_probabilities(1, frame, (mask, &found))?;
            }
            Form::Sr | Form::SrOutlines => {
                begun.frames.add_mask(1, frame, &segmentation.mask)?;
                let report = told(&segmentation);
                match self.form {
                    Form::SrOutlines => begun.measure_regions(frame, &segmentation, &report),
                    _ => begun.measure_whole(frame, &segmentation, &report),
                }
                for warning in report.warnings {
                    // Said of each frame, it is said once.
                    if !begun.remarks.contains(&warning.message) {
                        begun.remarks.push(warning.message);
                    }
                }
            }
            Form::Capture if begun.shown.is_some() => return Err(AnswerError::OneFrame),
            Form::Capture => begun.shown = Some(ShownOverlay::of(frame, segmentation)?),
            other => return Err(AnswerError::NoObject(other.name())),
        }
        let limit = self.maker.most;
        if begun.bytes() > limit {
            return Err(AnswerError::TooMuch { limit });
        }
        self.begun = Some(begun);
        Ok(())
    }

    /// The object, as a file (PS3.10).
    ///
    /// # Errors
    /// See [`AnswerError`].
    pub fn finish(self) -> Result<Vec<u8>, AnswerError> {
        self.finish_named().map(|(_, bytes)| bytes)
    }

    /// The object and its SOP Instance UID, for who keeps account of what was made.
    ///
    /// # Errors
    /// See [`AnswerError`].
    pub fn finish_named(self) -> Result<(Uid, Vec<u8>), AnswerError> {
        let begun = self.begun.ok_or(DicomWriteError::Nothing("frame"))?;
        let (about, maker) = (&begun.about, &self.maker);
        let shown = begun.shown.iter().map(|shown| shown.frame);
        let frames = begun.frames.sources().chain(shown);
        let mut names = maker.secret.uids(&[
            &self.source.digest,
            &[self.source.identity as u8],
            about.sha256.as_bytes(),
            about.modality.as_bytes(),
            about.region.as_bytes(),
            &frames.flat_map(u32::to_be_bytes).collect::<Vec<u8>>(),
        ]);
        // All are made each time, in this order: so the report knows the segmentation's.
        let [seg, fractional, sr, capture, outlined] =
            [901, 902, 903, 904, 905].map(|series| ObjectName::new(series, &mut names));
        let by = Authorship {
            origin: &begun.origin,
            maker: ObjectMaker {
                program: maker.program,
                version: maker.version,
                model: &about.model,
                model_sha256: &about.sha256,
            },
            written: maker.written,
        };
        let own = match self.form {
            Form::SegFractional => &fractional,
            Form::Sr => &sr,
            Form::Capture => &capture,
            _ => &seg,
        };
        let file = SegFile {
            by,
            name: match self.form {
                Form::SegFractional => &fractional,
                _ => &seg,
            },
            segments: &[about.segment()],
            frames: &begun.frames,
        };
        let mut out = Vec::new();
        match (self.form, &begun.shown) {
            (Form::Capture, Some(shown)) => CaptureFile {
                by,
                name: &capture,
                of: CaptureOf::Overlay(shown.frame),
                picture: &shown.picture,
                burned_in: shown.burned_in,
                pixel: shown.pixel,
            }
            .write(&mut out)?,
            (Form::Sr | Form::SrOutlines, _) => {
                let groups: Vec<_> = begun.measured.iter().map(MeasuredFrame::group).collect();
                let remarks: Vec<&str> = begun.remarks.iter().map(String::as_str).collect();
                let outlines = self.form == Form::SrOutlines;
                SrFile {
                    name: if outlines { &outlined } else { &sr },
                    refers: !outlines,
                    seg: &file,
                    groups: &groups,
                    remarks: &remarks,
                }
                .write(&mut out)?;
            }
            _ => file.write(&mut out)?,
        }
        Ok((own.instance.clone(), out))
    }

    fn begin(&self, segmentation: &Segmentation) -> Result<Begun, AnswerError> {
        let AnswerSource {
            digest,
            identity,
            file,
            jpeg,
        } = &self.source;
        let size = segmentation.mask.size();
        let mut uids = self.maker.secret.uids(&[digest, &[*identity as u8]]);
        let origin = match file {
            Some(file) => lock(file).origin(*identity, &mut uids)?,
            None => {
                let lossy = jpeg.map(|bytes| LossyCoding::of_jpeg(size, bytes));
                DicomOrigin::of_picture(lossy, &mut uids)
            }
        };
        let kind = match self.form {
            Form::SegFractional => SegKind::Fractional,
            _ => SegKind::Binary,
        };
        Ok(Begun {
            origin,
            about: About {
                model: segmentation.model.clone(),
                sha256: segmentation.model_sha256.clone(),
                modality: segmentation.modality.clone(),
                region: format!("{:?}", segmentation.region),
                label: segmentation.label.clone(),
                codes: segmentation.codes.clone(),
            },
            frames: SegFrames::new(kind, size)?,
            measured: Vec::new(),
            remarks: Vec::new(),
            shown: None,
        })
    }
}

impl Begun {
    fn measure_whole(&mut self, frame: u32, segmentation: &Segmentation, report: &Report) {
        if let Some(sizes) = sizes(segmentation) {
            let measures = measures(&sizes.whole, report.ellipse.as_ref());
            self.measured.push(MeasuredFrame {
                frame,
                outline: None,
                measures,
            });
        }
    }

    fn measure_regions(&mut self, frame: u32, segmentation: &Segmentation, report: &Report) {
        let Some(sizes) = sizes(segmentation) else {
            return;
        };
        // In their own order, which is that of the mask; so both are sorted alike.
        let mut outlines = polygons(&Regions::find(&segmentation.mask));
        outlines.sort_by_key(|of| Reverse(of.area()));
        for (region, outline) in sizes.regions.iter().zip(outlines) {
            if outline.outer.len() > SrPlace::MOST_CORNERS {
                self.remarks.push(format!(
                    "A region of frame {} has an outline of more corners than fit; it is not in this report.",
                    frame.saturating_add(1)
                ));
                continue;
            }
            let of_it = |ellipse: &&EllipseFit| ellipse.region.bbox == region.bounding_box.into();
            self.measured.push(MeasuredFrame {
                frame,
                measures: measures(region, report.ellipse.as_ref().filter(of_it)),
                outline: Some(outline.outer),
            });
        }
    }

    /// Of what will be written.
    fn bytes(&self) -> u64 {
        let corners = |of: &MeasuredFrame| of.outline.as_ref().map_or(0, Vec::len) as u64;
        self.frames.bytes() + 8 * self.measured.iter().map(corners).sum::<u64>()
    }
}

impl About {
    fn segment(&self) -> MarkedSegment<'_> {
        match self.codes.as_deref() {
            Some(codes) => MarkedSegment {
                label: &self.label,
                category: term(&codes.category),
                kind: term(&codes.kind),
                anatomy: codes.place.as_ref().map(term),
            },
            None => MarkedSegment {
                label: &self.label,
                category: terms::PLACE,
                kind: terms::REGION,
                anatomy: None,
            },
        }
    }
}

fn term(code: &MarkedCode) -> CodedTerm<'_> {
    CodedTerm {
        value: &code.value,
        scheme: &code.scheme,
        meaning: &code.meaning,
    }
}

impl MeasuredFrame {
    fn group(&self) -> SrGroup<'_> {
        SrGroup {
            segment: 1,
            source: self.frame,
            place: (self.outline.as_deref()).map_or(SrPlace::Mask, SrPlace::Outline),
            measures: &self.measures,
        }
    }
}

impl ShownOverlay {
    fn of(frame: u32, segmentation: Segmentation) -> Result<Self, AnswerError> {
        let said = segmentation.file.as_ref().and_then(|file| file.dicom);
        let pixel = match segmentation.scale {
            Scale::Uniform(pixel) => Some(pixel),
            Scale::Unknown | Scale::Regions(_) => None,
        };
        Ok(Self {
            burned_in: said.and_then(|said| said.burned_in),
            picture: overlay(segmentation)?,
            frame,
            pixel,
        })
    }
}
