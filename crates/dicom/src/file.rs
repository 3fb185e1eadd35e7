//! A DICOM file: opened by its header, read frame by frame.

use std::io::{Cursor, Read};

use flate2::read::DeflateDecoder;
use picture::frame::{Frame, FrameError, FrameLimits, Stop};

use crate::codec::{self, CodedFrame};
use crate::colour::Painting;
use crate::data::{ByteInput, Bytes, DataSet, DataWalk, Tag};
use crate::error::DicomError;
use crate::facts::DicomFacts;
use crate::identity::Identity;
use crate::layout::SampleLayout;
use crate::magic::{PREAMBLE, is_dicom};
use crate::modality;
use crate::origin::{DicomOrigin, LossyCoding};
use crate::places::FramePlaces;
use crate::scale::{self, DicomScale};
use crate::syntax::{Coding, TransferSyntax};
use crate::uid::{References, Uid, Uids};
use crate::window::{GreyWindow, ShownAs};

/// Most bytes that a deflated file may inflate to.
const MOST_INFLATED: u64 = 256 << 20;

/// An open DICOM file. It holds what its header says and where its frames are; of pixels it holds none.
pub struct DicomFile {
    input: ByteInput,
    /// Where the data set begins.
    start: u64,
    limits: FrameLimits,
    set: DataSet,
    layout: SampleLayout,
    coding: Coding,
    places: FramePlaces,
    words: bool,
    facts: DicomFacts,
    /// The bytes of the frame that was read last, to be used again.
    coded: Vec<u8>,
}

/// Nothing of the file's text.
impl std::fmt::Debug for DicomFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DicomFile")
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}

/// Which frame, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FrameWish {
    /// From 0.
    pub frame: u32,
    /// In place of the file's own window.
    pub window: Option<GreyWindow>,
}

impl DicomFile {
    /// A file in memory. See [`DicomFile::open`].
    ///
    /// # Errors
    /// As [`DicomFile::open`].
    pub fn of_bytes(bytes: Vec<u8>, limits: FrameLimits) -> Result<Self, DicomError> {
        Self::open(Cursor::new(bytes), limits)
    }

    /// Reads a file's header: Part 10 files in every transfer syntax whose pixels are read here
    /// ([`TransferSyntax::all`]). Its structure is bounded and its lengths are believed only as far as there are bytes; no
    /// frame is decoded. A deflated file is inflated into memory, within the same limit as a decoded frame's memory
    /// (and 256 MiB at most).
    ///
    /// # Errors
    /// See [`DicomError`].
    pub fn open(bytes: impl Bytes + 'static, limits: FrameLimits) -> Result<Self, DicomError> {
        let mut input = ByteInput::new(Box::new(bytes))?;
        let start: [u8; PREAMBLE + 4] = input.array().map_err(|_| DicomError::NotDicom)?;
        if !is_dicom(&start) {
            return Err(DicomError::NotDicom);
        }
        let meta = DataWalk::new(&mut input).meta()?;
        let uid = meta.text(Tag::TRANSFER_SYNTAX);
        let uid = uid.ok_or(DicomError::Damaged("it does not say how it is written"))?;
        let syntax = TransferSyntax::of(uid)?;
        if syntax.writing.deflated {
            input = inflated(&mut input, limits.max_memory.min(MOST_INFLATED))?;
        }
        let start = input.at();
        let mut walk = DataWalk::new(&mut input);
        let set = walk.data_set(syntax.writing)?;
        let place = walk.pixels.ok_or(DicomError::NoPixels)?;
        let coding = syntax.coding()?;
        let layout = SampleLayout::of(&set, &limits)?;
        let places = FramePlaces::of(&set, &layout, coding, place, &mut input)?;
        Ok(Self {
            facts: DicomFacts::of(&set, &layout, syntax),
            input,
            start,
            limits,
            set,
            layout,
            coding,
            places,
            words: place.words,
            coded: Vec::new(),
        })
    }

    /// What it says of itself.
    #[must_use]
    pub fn facts(&self) -> &DicomFacts {
        &self.facts
    }

    /// How large its pixels are, in all frames.
    #[must_use]
    pub fn scale(&self) -> DicomScale {
        scale::of(&self.set, &self.layout)
    }

    /// The manifest's name for its modality, where it is safe to say.
    #[must_use]
    pub fn suggested_modality(&self) -> Option<&'static str> {
        modality::suggested(&self.set)
    }

    /// What refers to it needs.
    #[must_use]
    pub fn references(&self) -> References {
        let uid = |tag| self.set.text(tag).and_then(Uid::new);
        References {
            study: uid(Tag::STUDY_INSTANCE),
            series: uid(Tag::SERIES_INSTANCE),
            instance: uid(Tag::SOP_INSTANCE),
            sop_class: uid(Tag::SOP_CLASS),
            frame_of_reference: uid(Tag::FRAME_OF_REFERENCE),
        }
    }

    /// Whom and what it is of, for objects that are made of it. Only [`Identity::Kept`] reads who it is, here and now.
    ///
    /// # Errors
    /// As [`DicomFile::open`]; [`DicomError::Damaged`] if identity is to be kept and the file has no UIDs to refer to.
    pub fn origin(
        &mut self,
        identity: Identity,
        uids: &mut Uids,
    ) -> Result<DicomOrigin, DicomError> {
        let writing = self.facts.transfer_syntax.writing;
        let lossy = LossyCoding::of(&self.set, self.coding, self.compression());
        let (references, frames) = (self.references(), self.layout.frames);
        match identity {
            Identity::Removed => Ok(DicomOrigin::without_identity(
                &references,
                frames,
                lossy,
                uids,
            )),
            Identity::Kept => {
                self.input.go_to(self.start)?;
                let mut walk = DataWalk::wishing(&mut self.input, DicomOrigin::WISH);
                let set = walk.data_set(writing)?;
                DicomOrigin::with_identity(references, frames, lossy, &set)
            }
        }
    }

    /// How many times smaller its frames are than their samples.
    fn compression(&self) -> f64 {
        let frames = self.layout.frames;
        let coded = self.places.bytes(frames);
        let native = self.layout.native().saturating_mul(frames.into());
        native as f64 / coded.max(1) as f64
    }

    /// Bytes that reading this frame takes at most, the picture included.
    ///
    /// # Errors
    /// [`DicomError::NoSuchFrame`], [`FrameError::TooMuchMemory`].
    pub fn need(&self, frame: u32) -> Result<u64, DicomError> {
        let frames = self.layout.frames;
        if frame >= frames {
            return Err(DicomError::NoSuchFrame {
                asked: frame,
                frames,
            });
        }
        let (_, coded) = self.places.frame(frame);
        // Twice: what is read of a file may be put together anew for a decoder.
        let need =
            2 * coded + codec::need(self.coding, &self.layout) + 3 * self.layout.pixels() as u64;
        let limit = self.limits.max_memory;
        match need <= limit {
            true => Ok(need),
            false => Err(FrameError::TooMuchMemory { need, limit }.into()),
        }
    }

    /// Reads one frame.
    ///
    /// # Errors
    /// As [`DicomFile::read_into`].
    pub fn read(&mut self, wish: FrameWish, stop: &Stop) -> Result<(Frame, ShownAs), DicomError> {
        let mut frame = Frame::new(1, 1, vec![0; 3])?;
        let shown = self.read_into(wish, stop, &mut frame)?;
        Ok((frame, shown))
    }

    /// Reads one frame into a picture whose memory is there already; after an error what it holds is not said.
    ///
    /// # Errors
    /// See [`DicomError`]. A frame that is cut short is an error, never one with missing parts.
    pub fn read_into(
        &mut self,
        wish: FrameWish,
        stop: &Stop,
        frame: &mut Frame,
    ) -> Result<ShownAs, DicomError> {
        self.need(wish.frame)?;
        if wish.window.is_some() && !self.layout.photometric.is_grey() {
            return Err(DicomError::WindowOnColour);
        }
        let (pieces, _) = self.places.frame(wish.frame);
        self.coded.clear();
        for (start, length) in pieces {
            self.input.go_to(start)?;
            self.input.read(length.into(), &mut self.coded)?;
        }
        let raster = codec::decode(
            self.coding,
            &CodedFrame {
                bytes: &self.coded,
                layout: &self.layout,
                limits: &self.limits,
                stop,
                big_endian: self.set.big_endian,
                words: self.words,
            },
        )?;
        stop.check()?;
        let own = self.set.items(Tag::FRAME_GROUPS).get(wish.frame as usize);
        let shared = self.set.items(Tag::SHARED_GROUPS).first();
        let groups: Vec<&DataSet> = own.into_iter().chain(shared).collect();
        let painting = Painting {
            set: &self.set,
            groups: &groups,
            layout: &self.layout,
            window: wish.window,
        };
        painting.paint(&raster, frame)
    }
}

/// The data set that follows, no longer than this.
fn inflated(input: &mut ByteInput, limit: u64) -> Result<ByteInput, DicomError> {
    let mut bytes = Vec::new();
    let read = DeflateDecoder::new(input.rest())
        .take(limit + 1)
        .read_to_end(&mut bytes);
    if bytes.len() as u64 > limit {
        return Err(FrameError::TooMuchMemory {
            need: limit + 1,
            limit,
        }
        .into());
    }
    match read {
        Ok(_) => ByteInput::new(Box::new(Cursor::new(bytes))),
        Err(_) => Err(DicomError::Damaged("it does not inflate")),
    }
}
