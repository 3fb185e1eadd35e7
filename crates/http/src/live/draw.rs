//! A view → a JPEG that says by itself what it is.

use std::fmt::Write as _;

use live::{LiveView, PaceStep, State};
use picture::frame::{Frame, FrameError};
use picture::render::{
    Banner, Chroma, JpegEncoder, OverlayPen, OverlayStyle, RenderError, Shrinker, Tone,
    burn_banner, card,
};
use picture::segmenter::millis;

use super::rendition::Rendition;

/// Of live pictures: no visible blocks around a crisp contour.
const QUALITY: u8 = 85;
/// Size of the picture that says that there is none.
const CARD: [u32; 2] = [640, 480];
/// Width of pictures when the board is too slow for larger ones.
const SMALL: u32 = 320;

/// What is drawn with, one picture after the other in the same memory.
pub struct Easel {
    canvas: Frame,
    small: Frame,
    pen: OverlayPen,
    shrinker: Shrinker,
    /// For pictures with a contour, whose colour is not to bleed.
    sharp: JpegEncoder,
    /// For pictures as they come.
    plain: JpegEncoder,
    detail: String,
}

impl Easel {
    /// A new one.
    ///
    /// # Errors
    /// None in practice: two frames of one pixel.
    pub fn new() -> Result<Self, FrameError> {
        Ok(Self {
            canvas: Frame::new(1, 1, vec![0; 3])?,
            small: Frame::new(1, 1, vec![0; 3])?,
            pen: OverlayPen::default(),
            shrinker: Shrinker::default(),
            sharp: JpegEncoder::new(QUALITY, Chroma::Full),
            plain: JpegEncoder::new(QUALITY, Chroma::Halved),
            detail: String::new(),
        })
    }

    /// The picture as it is to be looked at: its mask, if one may be shown and is wanted, its state, its age and the notice
    /// drawn upon it.
    ///
    /// # Errors
    /// [`RenderError`].
    pub fn draw(&mut self, view: &LiveView, rendition: Rendition) -> Result<&Frame, RenderError> {
        self.detail.clear();
        say(view, &mut self.detail);
        let banner = Banner {
            words: view.words(),
            detail: &self.detail,
            tone: tone(view.state),
        };
        let Some(picture) = &view.picture else {
            card(&mut self.canvas, CARD[0], CARD[1], &banner).map_err(encode)?;
            return Ok(&self.canvas);
        };
        copy(&picture.frame, &mut self.canvas)?;
        if let Some(masked) = view.masked().filter(|_| !rendition.raw) {
            let style = OverlayStyle::default();
            self.pen.mark(&mut self.canvas, &masked.mask, &style)?;
        }
        let small = (view.step == PaceStep::SmallPicture).then_some(SMALL);
        let width = rendition.width.into_iter().chain(small).min();
        let width = width.filter(|width| *width < self.canvas.width());
        let drawn = match width {
            Some(width) => {
                let shrunk = (self.shrinker).shrink(&self.canvas, width, &mut self.small);
                shrunk.map_err(encode)?;
                &mut self.small
            }
            None => &mut self.canvas,
        };
        burn_banner(drawn, &banner);
        Ok(drawn)
    }

    /// As [`Easel::draw`], as a JPEG.
    ///
    /// # Errors
    /// [`RenderError`].
    pub fn jpeg(&mut self, view: &LiveView, rendition: Rendition) -> Result<Vec<u8>, RenderError> {
        let encoder = self.sharp.clone();
        let mut file = Vec::new();
        encoder.encode(self.draw(view, rendition)?, &mut file)?;
        Ok(file)
    }

    /// The picture as it came, as a JPEG; nothing if there is none.
    ///
    /// # Errors
    /// [`RenderError`].
    pub fn plain(&self, view: &LiveView) -> Result<Vec<u8>, RenderError> {
        let mut file = Vec::new();
        if let Some(picture) = &view.picture {
            self.plain.encode(&picture.frame, &mut file)?;
        }
        Ok(file)
    }
}

/// What is said below the words.
fn say(view: &LiveView, detail: &mut String) {
    // Into a string nothing can fail to be written.
    if let Some(age) = view.age() {
        let _ = match millis(age) {
            ms if ms < 10_000.0 => write!(detail, "AGE {ms:.0} MS"),
            ms => write!(detail, "AGE {:.0} S", ms / 1e3),
        };
    }
    if let Some(still) = view.still {
        let _ = write!(detail, " - UNCHANGED {} S", still.as_secs());
    }
    if view.step > PaceStep::Full {
        detail.push_str(" - REDUCED");
    }
}

/// How loud it is said: an answer hides nothing of its picture, whatever it is.
fn tone(state: State) -> Tone {
    match state {
        State::Starting
        | State::Mask
        | State::NothingFound
        | State::Unsure
        | State::WrongModality => Tone::Note,
        State::Stale | State::Overload | State::NoSignal | State::ModelFault | State::Ended => {
            Tone::Alarm
        }
    }
}

fn copy(from: &Frame, to: &mut Frame) -> Result<(), RenderError> {
    to.reshape(from.width(), from.height()).map_err(encode)?;
    to.rgb_mut().copy_from_slice(from.rgb());
    Ok(())
}

fn encode(error: FrameError) -> RenderError {
    RenderError::Encode(error.into())
}
