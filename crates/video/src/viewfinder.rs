//! What is to be seen of a source, to be changed while its pictures come; and its whole pictures, for who asks for one.

use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;

use picture::frame::{Frame, FrameError, FrameLimits};
use picture::segmenter::{Bell, Clock};
use picture::sync::lock;

use crate::prepare::SourceView;
use crate::source::{Opener, Shot, Source, SourceError};
use picture::frame::{PixelRect, RegionError};

/// What is to be seen of a source. Clones are the same: what one changes counts for all, from the next picture on.
#[derive(Clone, Debug, Default)]
pub struct Viewfinder(Arc<Mutex<Aim>>);

#[derive(Debug, Default)]
struct Aim {
    view: SourceView,
    /// What a region must keep to.
    limits: FrameLimits,
    /// How often the view was changed.
    changes: u64,
    /// How often it had been when the newest picture was cut by it.
    shown: u64,
    /// Of the newest whole picture.
    size: Option<[u32; 2]>,
    lookers: Vec<Weak<Looker>>,
}

/// Somebody who waits for a whole picture.
#[derive(Debug, Default)]
struct Looker {
    come: Bell,
    picture: Mutex<Option<Arc<Frame>>>,
}

/// Why nothing else is to be seen of a source.
#[derive(Debug, thiserror::Error)]
pub enum AimError {
    /// No picture has come yet: whether the region lies within it cannot be said.
    #[error("no picture has come yet that the region could lie in")]
    NoPicture,
    /// It is not within the picture.
    #[error(transparent)]
    Outside(#[from] RegionError),
    /// It is too small to be a picture.
    #[error("the region is no picture: {0}")]
    Size(#[from] FrameError),
}

impl Viewfinder {
    /// With that view at first; what is seen is within these limits, or is no picture.
    #[must_use]
    pub fn new(view: SourceView, limits: FrameLimits) -> Self {
        Self(Arc::new(Mutex::new(Aim {
            view,
            limits,
            ..Aim::default()
        })))
    }

    /// What is to be seen now.
    #[must_use]
    pub fn view(&self) -> SourceView {
        lock(&self.0).view
    }

    /// Has that region seen from the next picture on, in the source's own pixels; `None`: the whole picture.
    ///
    /// # Errors
    /// [`AimError`]; then everything stays as it is.
    pub fn aim(&self, region: Option<PixelRect>) -> Result<(), AimError> {
        let mut aim = lock(&self.0);
        let view = SourceView { region, ..aim.view };
        if let Some(region) = region {
            let size = aim.size.ok_or(AimError::NoPicture)?;
            region.check(size)?;
            view.check(&aim.limits)?;
        }
        aim.view = view;
        aim.changes += 1;
        Ok(())
    }

    /// Whether the newest picture was cut as is to be seen now.
    #[must_use]
    pub fn is_current(&self) -> bool {
        let aim = lock(&self.0);
        aim.shown == aim.changes
    }

    /// The next whole picture, whatever is seen of it otherwise; `None` if none comes until then.
    #[must_use]
    pub fn next_whole(&self, clock: &dyn Clock, until: Instant) -> Option<Arc<Frame>> {
        let looker = Arc::new(Looker::default());
        let mut aim = lock(&self.0);
        aim.lookers.retain(|other| other.strong_count() > 0);
        aim.lookers.push(Arc::downgrade(&looker));
        drop(aim);
        clock.wait(until, &looker.come);
        lock(&looker.picture).take()
    }

    /// What to cut the picture by that has just come. Gives it whole to all who wait for one: copied once, and only then.
    ///
    /// # Errors
    /// As of [`SourceView::check`]: the first view is a configuration's, which knew no limits.
    fn show(&self, whole: &Frame) -> Result<SourceView, FrameError> {
        let mut aim = lock(&self.0);
        aim.size = Some(whole.size());
        aim.shown = aim.changes;
        let view = aim.view.check(&aim.limits).map(|()| aim.view);
        if aim.lookers.is_empty() {
            return view;
        }
        let lookers = std::mem::take(&mut aim.lookers);
        drop(aim);
        let copy = Arc::new(whole.clone());
        for looker in lookers.iter().filter_map(Weak::upgrade) {
            *lock(&looker.picture) = Some(copy.clone());
            looker.come.ring();
        }
        view
    }
}

/// Opens a source of which a part is to be seen.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The source.
    pub opener: Arc<dyn Opener>,
    /// What is to be seen of it.
    pub viewfinder: Viewfinder,
}

impl Opener for Prepared {
    fn open(&self) -> Result<Box<dyn Source>, SourceError> {
        Ok(Box::new(PreparedSource {
            source: self.opener.open()?,
            viewfinder: self.viewfinder.clone(),
            whole: Frame::new(1, 1, vec![0; 3])?,
        }))
    }

    fn label(&self) -> String {
        self.opener.label()
    }
}

struct PreparedSource {
    source: Box<dyn Source>,
    viewfinder: Viewfinder,
    /// The source's own picture, where only a part of it is seen.
    whole: Frame,
}

impl Source for PreparedSource {
    fn next(&mut self, canvas: &mut Frame, until: Instant) -> Result<Shot, SourceError> {
        // Straight into its place, unless the view is changed meanwhile.
        let straight = self.viewfinder.view().is_plain();
        let place = if straight {
            &mut *canvas
        } else {
            &mut self.whole
        };
        let shot = self.source.next(place, until)?;
        let (view, size) = (self.viewfinder.show(place)?, place.size());
        if straight && !view.is_plain() {
            std::mem::swap(canvas, &mut self.whole);
        }
        if !(straight && view.is_plain()) {
            view.write(&self.whole, canvas)?;
        }
        let placement = shot.placement.map(|placement| view.placed(placement, size));
        Ok(Shot { placement, ..shot })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use picture::segmenter::ManualClock;

    use super::*;
    use crate::source::Encoding;

    const REGION: PixelRect = PixelRect {
        x: 4,
        y: 2,
        width: 20,
        height: 18,
    };

    /// Sends pictures of 40 × 30; each is a shade brighter. Aims elsewhere while it takes the picture of that number.
    #[derive(Clone, Debug)]
    struct Shades {
        clock: Arc<ManualClock>,
        viewfinder: Viewfinder,
        aims_at: Option<u64>,
        sequence: u64,
    }

    impl Opener for Shades {
        fn open(&self) -> Result<Box<dyn Source>, SourceError> {
            Ok(Box::new(self.clone()))
        }

        fn label(&self) -> String {
            "shades".into()
        }
    }

    impl Source for Shades {
        fn next(&mut self, canvas: &mut Frame, _: Instant) -> Result<Shot, SourceError> {
            canvas.reshape(40, 30)?;
            canvas.rgb_mut().fill(self.sequence as u8);
            if self.aims_at == Some(self.sequence) {
                self.viewfinder.aim(Some(REGION)).unwrap();
            }
            self.sequence += 1;
            Ok(Shot {
                sequence: self.sequence - 1,
                captured: self.clock.now(),
                encoding: Encoding::Rgb,
                placement: None,
            })
        }
    }

    fn opened(aims_at: Option<u64>) -> (Viewfinder, Arc<ManualClock>, Box<dyn Source>) {
        opened_with(Viewfinder::default(), aims_at)
    }

    fn opened_with(
        viewfinder: Viewfinder,
        aims_at: Option<u64>,
    ) -> (Viewfinder, Arc<ManualClock>, Box<dyn Source>) {
        let clock = Arc::new(ManualClock::default());
        let opener = Prepared {
            opener: Arc::new(Shades {
                clock: clock.clone(),
                viewfinder: viewfinder.clone(),
                aims_at,
                sequence: 0,
            }),
            viewfinder: viewfinder.clone(),
        };
        (viewfinder, clock, opener.open().unwrap())
    }

    #[test]
    fn a_region_counts_from_the_next_picture_and_must_lie_in_it() {
        let (viewfinder, clock, mut source) = opened(None);
        assert!(matches!(
            viewfinder.aim(Some(REGION)),
            Err(AimError::NoPicture)
        ));
        let mut canvas = Frame::new(1, 1, vec![0; 3]).unwrap();
        let mut next = |size: [u32; 2], shade: u8| {
            source.next(&mut canvas, clock.now()).unwrap();
            assert_eq!(canvas.size(), size);
            assert!(canvas.rgb().iter().all(|value| *value == shade));
        };
        next([40, 30], 0);
        viewfinder.aim(Some(REGION)).unwrap();
        assert!(!viewfinder.is_current());
        next([20, 18], 1);
        assert!(viewfinder.is_current());
        let outside = PixelRect { x: 21, ..REGION };
        assert!(matches!(
            viewfinder.aim(Some(outside)),
            Err(AimError::Outside(_))
        ));
        let thin = PixelRect { width: 3, ..REGION };
        assert!(matches!(viewfinder.aim(Some(thin)), Err(AimError::Size(_))));
        next([20, 18], 2);
        viewfinder.aim(None).unwrap();
        next([40, 30], 3);
    }

    #[test]
    fn a_region_that_changes_while_a_picture_is_taken_is_that_pictures() {
        let (viewfinder, clock, mut source) = opened(Some(1));
        let mut canvas = Frame::new(1, 1, vec![0; 3]).unwrap();
        for size in [[40, 30], [20, 18], [20, 18]] {
            source.next(&mut canvas, clock.now()).unwrap();
            assert_eq!(canvas.size(), size);
            assert!(viewfinder.is_current());
        }
    }

    /// A configuration's view is seen as it is asked for, or not at all, by the limits that are configured too.
    #[test]
    fn a_region_beyond_the_limits_is_no_picture_whoever_asked_for_it() {
        let thin = PixelRect { width: 3, ..REGION };
        let view = SourceView {
            region: Some(thin),
            ..SourceView::default()
        };
        let mut canvas = Frame::new(1, 1, vec![0; 3]).unwrap();
        for min_side in [16, 3] {
            let limits = FrameLimits {
                min_side,
                ..FrameLimits::default()
            };
            let (viewfinder, clock, mut source) = opened_with(Viewfinder::new(view, limits), None);
            match min_side {
                3 => {
                    source.next(&mut canvas, clock.now()).unwrap();
                    assert_eq!(canvas.size(), [3, 18]);
                    viewfinder.aim(Some(thin)).unwrap();
                }
                _ => {
                    let refused = source.next(&mut canvas, clock.now()).unwrap_err();
                    assert!(matches!(refused, SourceError::Garbage(_)), "{refused}");
                    assert!(matches!(viewfinder.aim(Some(thin)), Err(AimError::Size(_))));
                    // Another one may be asked for.
                    viewfinder.aim(Some(REGION)).unwrap();
                    source.next(&mut canvas, clock.now()).unwrap();
                    assert_eq!(canvas.size(), [20, 18]);
                }
            }
        }
    }

    #[test]
    fn whole_pictures_are_for_who_waits() {
        let (viewfinder, clock, mut source) = opened(None);
        let mut canvas = Frame::new(1, 1, vec![0; 3]).unwrap();
        source.next(&mut canvas, clock.now()).unwrap();
        viewfinder.aim(Some(REGION)).unwrap();
        // Nobody draws: the time runs out.
        assert!(viewfinder.next_whole(clock.as_ref(), clock.now()).is_none());
        std::thread::scope(|scope| {
            let until = clock.now() + Duration::from_secs(1);
            let (finder, by) = (&viewfinder, clock.as_ref());
            let looks = scope.spawn(move || finder.next_whole(by, until));
            assert!(clock.wait_for_sleepers(1));
            source.next(&mut canvas, clock.now()).unwrap();
            let whole = looks.join().unwrap().unwrap();
            assert_eq!((whole.size(), canvas.size()), ([40, 30], [20, 18]));
            assert_eq!(whole.rgb()[0], 1);
        });
    }
}
