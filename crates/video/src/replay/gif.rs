//! An animated GIF (GIF89a): pieces that are drawn one over the other.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use gif::{DecodeOptions, Decoder, DecodingError, DisposalMethod};
use picture::frame::{Frame, FrameLimits};

use super::clip::Clip;
use super::error::{ReplayError, lost, unusable};
use crate::source::{Encoding, SourceError};

/// How long a piece is shown that says 0 or 10 ms: as browsers have it.
const UNHURRIED: Duration = Duration::from_millis(100);

pub(super) struct GifClip {
    file: File,
    decoder: Decoder<File>,
    screen: Screen,
    /// The current piece, as indices of its colours.
    indices: Vec<u8>,
}

/// What is to be seen: RGB, black where nothing was drawn.
struct Screen {
    size: [u32; 2],
    rgb: Vec<u8>,
    /// As it was before the current piece, for one that is taken away again.
    before: Vec<u8>,
    /// What becomes of the current piece before the next is drawn.
    disposal: DisposalMethod,
    place: PieceRect,
}

/// A rectangle within the screen.
#[derive(Clone, Copy, Default)]
struct PieceRect {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl GifClip {
    pub fn open(file: File, limits: FrameLimits) -> Result<Self, SourceError> {
        let decoder = decoder(&file)?;
        let size = [decoder.width(), decoder.height()].map(u32::from);
        limits.check(size.into()).map_err(unusable)?;
        Ok(Self {
            file,
            decoder,
            screen: Screen::black(size),
            indices: Vec::new(),
        })
    }

    fn draw_next(&mut self) -> Result<Option<Duration>, DecodingError> {
        let Some(piece) = self.decoder.next_frame_info()? else {
            return Ok(None);
        };
        let (delay, transparent, disposal) = (piece.delay, piece.transparent, piece.dispose);
        let place = PieceRect {
            left: piece.left.into(),
            top: piece.top.into(),
            width: piece.width.into(),
            height: piece.height.into(),
        };
        // Within the screen, as the decoder has checked, and so within the limits.
        self.indices.resize(place.width * place.height, 0);
        self.decoder.read_into_buffer(&mut self.indices)?;
        self.screen.begin(place, disposal);
        let colours = self.decoder.palette()?.as_chunks::<3>().0;
        self.screen.draw(&self.indices, |index| match transparent {
            Some(clear) if clear == index => None,
            _ => Some(colours.get(usize::from(index)).copied().unwrap_or_default()),
        });
        let shown = Duration::from_millis(10 * u64::from(delay));
        Ok(Some(if delay > 1 { shown } else { UNHURRIED }))
    }
}

/// From the file's start.
fn decoder(file: &File) -> Result<Decoder<File>, SourceError> {
    let mut handle = file.try_clone().map_err(lost)?;
    handle.seek(SeekFrom::Start(0)).map_err(lost)?;
    let mut options = DecodeOptions::new();
    options.check_frame_consistency(true);
    options.allow_unknown_blocks(true);
    guarded(|| options.read_info(handle)).map_err(|error| match error {
        SourceError::Garbage(cause) => SourceError::Unusable(cause),
        error => error,
    })
}

/// With overflow checks on, an arithmetic slip in the decoder is a panic; it costs this file, not the thread.
fn guarded<R>(read: impl FnOnce() -> Result<R, DecodingError>) -> Result<R, SourceError> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read.map_err(|error| SourceError::Garbage(error.into())),
        Err(_) => Err(SourceError::Garbage(ReplayError::NothingReadable.into())),
    }
}

impl Screen {
    fn black(size: [u32; 2]) -> Self {
        let pixels = size[0] as usize * size[1] as usize;
        Self {
            size,
            rgb: vec![0; 3 * pixels],
            before: Vec::new(),
            disposal: DisposalMethod::Keep,
            place: PieceRect::default(),
        }
    }

    /// Does with the piece before what it asked for, and takes note of what the next one asks.
    fn begin(&mut self, place: PieceRect, disposal: DisposalMethod) {
        match self.disposal {
            DisposalMethod::Background => self.rows().for_each(|row| row.fill(0)),
            DisposalMethod::Previous => self.rgb.copy_from_slice(&self.before),
            DisposalMethod::Any | DisposalMethod::Keep => {}
        }
        if disposal == DisposalMethod::Previous {
            self.before.clone_from(&self.rgb);
        }
        (self.place, self.disposal) = (place, disposal);
    }

    fn draw(&mut self, indices: &[u8], colour: impl Fn(u8) -> Option<[u8; 3]>) {
        let width = self.place.width.max(1);
        for (row, indices) in self.rows().zip(indices.chunks_exact(width)) {
            for (pixel, index) in row.as_chunks_mut::<3>().0.iter_mut().zip(indices) {
                if let Some(colour) = colour(*index) {
                    *pixel = colour;
                }
            }
        }
    }

    /// The rows of the current piece.
    fn rows(&mut self) -> impl Iterator<Item = &mut [u8]> {
        let PieceRect {
            left,
            top,
            width,
            height,
        } = self.place;
        let rows = self.rgb.chunks_exact_mut(3 * self.size[0] as usize);
        let rows = rows.skip(top).take(height);
        rows.filter_map(move |row| row.get_mut(3 * left..3 * (left + width)))
    }
}

impl Clip for GifClip {
    fn advance(&mut self) -> Result<Option<Duration>, SourceError> {
        guarded(|| self.draw_next())
    }

    fn show(&mut self, canvas: &mut Frame) -> Result<Encoding, SourceError> {
        let [width, height] = self.screen.size;
        canvas.reshape(width, height)?;
        canvas.rgb_mut().copy_from_slice(&self.screen.rgb);
        Ok(Encoding::File)
    }

    fn rewind(&mut self) -> Result<(), SourceError> {
        self.decoder = decoder(&self.file)?;
        self.screen = Screen::black(self.screen.size);
        Ok(())
    }
}
