//! The thread that asks a source for its pictures, and opens it anew when it is lost.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use picture::frame::{Frame, FrameError};
use picture::segmenter::Cause;
use video::source::{Opener, Shot, Source, SourceError};

use crate::clip::ClipPress;
use crate::core::Core;
use crate::pool::FramePool;
use crate::state::Signal;

/// Longest that a source is asked to wait for a picture in one go, so that an end is noticed.
const SLICE: Duration = Duration::from_millis(100);
/// From losing a source to opening it anew: at first, and at most.
const RETRY: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(4)];
/// After what could not be read, or was not there, for a while: a source that fails at once must not keep a core busy.
const BREATH: Duration = Duration::from_millis(20);

/// Runs until the core is stopped, or the source is over.
pub(crate) fn capture(core: &Arc<Core>, opener: &dyn Opener) {
    let mut eyes = Eyes {
        core,
        pool: FramePool::default(),
        expected: 0,
        shots: 0,
        press: core.clip.is_on().then(ClipPress::new),
    };
    let mut pause = RETRY[0];
    while !core.is_stopped() {
        let before = eyes.shots;
        let why = match guarded(|| opener.open()) {
            Ok(source) => {
                core.opened();
                eyes.expected = 0;
                eyes.watch(source)
            }
            Err(why) => why,
        };
        match why {
            SourceError::Ended => return core.signal(Signal::Ended),
            SourceError::Unusable(why) => {
                return core.signal(Signal::Unusable(why.to_string().into()));
            }
            why => core.signal(Signal::Lost(why.to_string().into())),
        }
        if eyes.shots > before {
            pause = RETRY[0];
        }
        let clock = &core.clock;
        clock.wait(clock.now() + pause, &core.ending);
        pause = RETRY[1].min(pause * 2);
    }
}

/// What is kept from one picture to the next.
struct Eyes<'a> {
    core: &'a Arc<Core>,
    pool: FramePool,
    /// The number that the source should give its next picture.
    expected: u64,
    /// Pictures so far.
    shots: u64,
    /// Makes of each picture the one that is kept of it, if it is.
    press: Option<ClipPress>,
}

impl Eyes<'_> {
    /// Takes pictures until there are no more of this source, and why that is so.
    fn watch(&mut self, mut source: Box<dyn Source>) -> SourceError {
        while !self.core.is_stopped() {
            match guarded(|| self.next(source.as_mut())) {
                Ok(()) => {}
                Err(SourceError::TimedOut) => {}
                Err(SourceError::Garbage(why)) => {
                    tracing::debug!("a picture could not be read: {why}");
                    self.core.garbage();
                    self.breathe();
                }
                Err(SourceError::NoSignal) => {
                    self.core.signal(Signal::Absent);
                    self.breathe();
                }
                Err(last) => return last,
            }
        }
        SourceError::Ended
    }

    fn next(&mut self, source: &mut dyn Source) -> Result<(), SourceError> {
        let until = self.core.clock.now() + SLICE;
        let Some(mut shared) = self.pool.take()? else {
            // Viewers have them all: the picture is taken from the source, so that it does not wait there, and is lost.
            let shot = source.next(&mut Frame::new(1, 1, vec![0; 3])?, until)?;
            self.count(shot);
            self.core.missed(1);
            return Ok(());
        };
        let taken = match Arc::get_mut(&mut shared) {
            Some(canvas) => (source.next(canvas, until)).map(|shot| (shot, self.press(canvas))),
            None => Err(SourceError::TimedOut),
        };
        self.pool.put(shared.clone());
        let (shot, pressed) = taken?;
        self.count(shot);
        self.core.arrived(shared, shot, pressed?);
        Ok(())
    }

    /// The JPEG to be kept of a picture, which is that from then on; `None` if nothing is kept.
    fn press(&mut self, canvas: &mut Frame) -> Result<Option<Arc<[u8]>>, FrameError> {
        match &mut self.press {
            Some(press) => press.press(canvas),
            None => Ok(None),
        }
    }

    /// Counts what the source says it sent between its last picture and this one.
    fn count(&mut self, shot: Shot) {
        self.core
            .missed(shot.sequence.saturating_sub(self.expected));
        self.expected = shot.sequence.saturating_add(1);
        self.shots += 1;
    }

    fn breathe(&self) {
        let until: Instant = self.core.clock.now() + BREATH;
        self.core.clock.wait(until, &self.core.ending);
    }
}

/// A source that panics is lost, and nothing else is.
fn guarded<R>(ask: impl FnOnce() -> Result<R, SourceError>) -> Result<R, SourceError> {
    catch_unwind(AssertUnwindSafe(ask)).unwrap_or_else(|_| {
        let cause: Cause = "it failed in a way that it should not".into();
        Err(SourceError::Lost(cause))
    })
}
