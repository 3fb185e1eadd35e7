//! A view → a JPEG that says by itself what it is.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use live::steady::Mover;
use live::{LivePicture, LiveView, PaceStep, State};
use picture::frame::PixelRect;
use picture::frame::{Frame, FrameError};
use picture::render::{
    Banner, Chroma, JpegEncoder, OverlayPen, OverlayStyle, RenderError, Shrinker, Tone,
    burn_banner, card, mark_region,
};
use picture::segmenter::millis;

use super::rendition::Rendition;

/// Of live pictures: no visible blocks around a crisp contour.
const QUALITY: u8 = 85;
/// Where the mask was cannot be told on the newest picture.
const MOVING: &str = "MOVING";
/// Size of the picture that says that there is none.
const CARD: [u32; 2] = [640, 480];
/// Width of pictures when the board is too slow for larger ones.
const SMALL: u32 = 320;

/// What is drawn with, one picture after the other in the same memory.
pub struct Easel {
    canvas: Frame,
    small: Frame,
    pen: OverlayPen,
    mover: Mover,
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
            mover: Mover::default(),
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
        say(view, rendition, &mut self.detail);
        let mut banner = Banner {
            words: view.words(),
            detail: &self.detail,
            tone: tone(view.state),
        };
        let Some(picture) = shown(view, rendition) else {
            card(&mut self.canvas, CARD[0], CARD[1], &banner).map_err(encode)?;
            return Ok(&self.canvas);
        };
        copy(&picture.frame, &mut self.canvas)?;
        if let Some(masked) = view.masked().filter(|_| !rendition.raw && !view.hidden) {
            let style = OverlayStyle::default();
            let (earlier, later) = (&masked.frame, &picture.frame);
            if Arc::ptr_eq(earlier, later) || earlier == later {
                self.pen.mark(&mut self.canvas, &masked.mask, &style)?;
            } else if let Ok(mask) = self.mover.carry(&masked.low_res, earlier, later) {
                self.pen.mark(&mut self.canvas, &mask, &style)?;
            } else {
                banner.words = MOVING;
            }
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

    /// A whole picture with a region marked upon it, as a JPEG, for a person to confirm.
    ///
    /// # Errors
    /// [`RenderError`].
    pub fn marked(
        &mut self,
        whole: &Frame,
        region: Option<PixelRect>,
    ) -> Result<Vec<u8>, RenderError> {
        copy(whole, &mut self.canvas)?;
        if let Some(PixelRect {
            x,
            y,
            width,
            height,
        }) = region
        {
            let end = |start: u32, length: u32| start.saturating_add(length);
            mark_region(&mut self.canvas, x..end(x, width), y..end(y, height));
        }
        let banner = Banner {
            words: "",
            detail: "TO BE CONFIRMED",
            tone: Tone::Note,
        };
        burn_banner(&mut self.canvas, &banner);
        let mut file = Vec::new();
        self.sharp.encode(&self.canvas, &mut file)?;
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

/// The picture that is shown.
fn shown(view: &LiveView, rendition: Rendition) -> Option<&LivePicture> {
    let fresh = rendition.fresh && view.frozen.is_none();
    let newest = view.newest.as_ref().filter(|_| fresh);
    newest.or(view.picture.as_ref())
}

/// How old the picture is that is shown.
pub fn age(view: &LiveView, rendition: Rendition) -> Option<Duration> {
    let picture = shown(view, rendition)?;
    Some(view.now.saturating_duration_since(picture.captured))
}

/// What is said below the words.
fn say(view: &LiveView, rendition: Rendition, detail: &mut String) {
    // Into a string nothing can fail to be written.
    if let Some(age) = age(view, rendition) {
        let _ = match millis(age) {
            ms if ms < 10_000.0 => write!(detail, "AGE {ms:.0} MS"),
            ms => write!(detail, "AGE {:.0} S", ms / 1e3),
        };
    }
    if let Some(still) = view.still {
        let _ = write!(detail, " - UNCHANGED {} S", still.as_secs());
    }
    if let Some(reason) = view.reason {
        let _ = write!(detail, " - {}", reason.words());
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

#[cfg(test)]
mod tests {
    use live::{LiveSettings, Session, SessionSpec};
    use picture::segmenter::{Ask, ManualClock};
    use testing::fake::{Fake, MODALITIES};
    use testing::puppet::{Act, Puppet};

    use super::*;

    /// What is seen when a bright picture was answered and one of that grey has come since, at the same moment.
    fn view(newest: u8) -> LiveView {
        let clock = Arc::new(ManualClock::default());
        let (fake, puppet) = (Fake::by(clock.clone(), 4), Puppet::new(clock.clone()));
        let spec = SessionSpec {
            opener: Arc::new(puppet.clone()),
            view: video::prepare::SourceView::default(),
            ask: Ask::new(MODALITIES[1]),
            settings: LiveSettings::default(),
        };
        let session = Session::begin(0, spec, fake.clone(), clock).unwrap();
        let until = |is: &dyn Fn(&LiveView) -> bool| {
            let begun = std::time::Instant::now();
            loop {
                let view = session.look();
                if is(&view) {
                    return view;
                }
                assert!(begun.elapsed().as_secs() < 60, "{:?}", view.state);
                std::thread::yield_now();
            }
        };
        puppet.act(Act::Picture(320, 240, 200));
        until(&|view| view.state == State::Mask);
        fake.slow(60_000);
        puppet.act(Act::Picture(320, 240, newest));
        until(&|view| {
            view.newest
                .as_ref()
                .is_some_and(|newest| newest.sequence == 1)
        })
    }

    fn session() -> Session {
        let clock = Arc::new(ManualClock::default());
        let spec = SessionSpec {
            opener: Arc::new(Puppet::new(clock.clone())),
            view: video::prepare::SourceView::default(),
            ask: Ask::new(MODALITIES[1]),
            settings: LiveSettings::default(),
        };
        Session::begin(0, spec, Fake::by(clock.clone(), 4), clock).unwrap()
    }

    fn drawn(view: &LiveView, fresh: bool) -> Vec<[u8; 3]> {
        let rendition = Rendition {
            fresh,
            ..Rendition::default()
        };
        let mut easel = Easel::new().unwrap();
        let frame = easel.draw(view, rendition).unwrap();
        let pixels = frame.rgb().chunks(3).map(|rgb| [rgb[0], rgb[1], rgb[2]]);
        pixels.collect()
    }

    /// Where no word is written.
    const MIDDLE: usize = 120 * 320 + 160;

    #[test]
    fn a_mask_is_drawn_on_its_own_picture_and_on_no_other_where_it_cannot_be_traced() {
        let view = view(0);
        assert_eq!(view.state, State::Mask);
        let step = drawn(&view, false)[MIDDLE];
        assert!(step[0] < step[1] && step[1] > 200, "{step:?}");
        assert_eq!(drawn(&view, true)[MIDDLE], [0; 3]);
    }

    #[test]
    fn what_is_not_to_be_relied_upon_is_written_large_and_has_no_mask() {
        let mut view = view(0);
        for state in State::ALL {
            view.state = state;
            let pixels = drawn(&view, false);
            let white = pixels.iter().filter(|pixel| **pixel == [255; 3]).count();
            assert_eq!(white > 1500, state != State::Mask, "{state:?}: {white}");
            let tinted = pixels
                .iter()
                .filter(|p| p[0] < p[1].saturating_sub(40) && p[1] < p[2])
                .count();
            assert_eq!(tinted > 0, state == State::Mask, "{state:?}: {tinted}");
        }
    }

    #[tokio::test]
    async fn an_age_goes_on_though_the_picture_does_not() {
        let stage = crate::live::gallery::Gallery::default();
        let (gallery, mut view, session) = (Arc::new(stage), view(0), session());
        view.state = State::NoSignal;
        let rendition = Rendition::default();
        let first = gallery.drawn(&session, &view, rendition).await.unwrap();
        let again = gallery.drawn(&session, &view, rendition).await.unwrap();
        assert_eq!(first.as_ptr(), again.as_ptr(), "drawn once for all");
        view.now += Duration::from_secs(1);
        let later = gallery.drawn(&session, &view, rendition).await.unwrap();
        assert_ne!(first, later);
        // Without a word on it there is nothing that ages.
        let plain = gallery.plain(&session, &view).await.unwrap();
        view.now += Duration::from_secs(1);
        assert_eq!(
            plain.as_ptr(),
            gallery.plain(&session, &view).await.unwrap().as_ptr()
        );
    }
}
