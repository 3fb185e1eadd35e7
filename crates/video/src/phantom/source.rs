//! The phantom while it is shown.

use std::sync::Arc;
use std::time::{Duration, Instant};

use picture::frame::{Frame, FrameError};
use picture::segmenter::Clock;

use super::moment::Moment;
use super::painter::Painter;
use super::spec::PhantomSpec;
use crate::source::{Encoding, Shot, Source, SourceError};

/// A phantom that has been opened.
pub struct Patient {
    spec: PhantomSpec,
    painter: Painter,
    clock: Arc<dyn Clock>,
    opened: Instant,
    /// The next frame to be shown.
    next: u64,
}

impl Patient {
    pub(super) fn new(spec: PhantomSpec, clock: Arc<dyn Clock>) -> Self {
        let painter = Painter::new(&spec);
        Self {
            painter,
            spec,
            opened: clock.now(),
            clock,
            next: 0,
        }
    }

    /// Draws a frame, whatever time it is.
    ///
    /// # Errors
    /// None for a size that a phantom can have: [`FrameError`] is what a frame is reshaped with.
    pub fn draw(&mut self, sequence: u64, canvas: &mut Frame) -> Result<(), FrameError> {
        let [width, height] = self.spec.size;
        canvas.reshape(width, height)?;
        let moment = Moment::of(&self.spec, sequence);
        self.painter.paint(&moment, canvas);
        Ok(())
    }

    /// How long after its opening a frame is due.
    fn due(&self, sequence: u64) -> Duration {
        let rate = u64::from(self.spec.rate.max(1));
        let rest = (sequence % rate) * 1_000_000_000;
        Duration::from_secs(sequence / rate) + Duration::from_nanos(rest.div_ceil(rate))
    }

    /// The newest frame that is due by now.
    fn newest(&self) -> u64 {
        let passed = self.clock.now().saturating_duration_since(self.opened);
        let rate = u128::from(self.spec.rate);
        u64::try_from(passed.as_nanos() * rate / 1_000_000_000).unwrap_or(u64::MAX)
    }
}

impl Source for Patient {
    fn next(&mut self, canvas: &mut Frame, until: Instant) -> Result<Shot, SourceError> {
        let sequence = self.next.max(self.newest());
        // So far away that no clock shows it.
        let due = self
            .opened
            .checked_add(self.due(sequence))
            .ok_or(SourceError::Ended)?;
        self.clock.sleep_until(due.min(until));
        if self.clock.now() < due {
            return Err(SourceError::TimedOut);
        }
        self.draw(sequence, canvas)?;
        self.next = sequence + 1;
        Ok(Shot {
            sequence,
            captured: due,
            encoding: Encoding::Rgb,
            placement: None,
        })
    }
}
