//! A camera's buffers → pictures.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use picture::frame::Frame;
use picture::segmenter::Clock;
use video::no_signal::NoSignalWatch;
use video::source::{Shot, Source, SourceError};

use super::device::{Camera, InputSignal};
use super::error::CameraError;
use super::paint::FramePainter;
use super::tally::Tally;

/// How often a camera that sends pictures is asked whether anything is connected to it.
const SIGNAL_EVERY: Duration = Duration::from_secs(1);

/// A camera that streams.
pub(super) struct CameraSource {
    camera: Box<dyn Camera>,
    painter: FramePainter,
    clock: Arc<dyn Clock>,
    tally: Tally,
    /// What the camera said last of its input, and when it is asked again.
    signal: InputSignal,
    ask_at: Instant,
    /// Looks for what a grabber makes up that does not say so.
    watch: NoSignalWatch,
}

impl CameraSource {
    pub fn new(camera: Box<dyn Camera>, painter: FramePainter, clock: Arc<dyn Clock>) -> Self {
        let ask_at = clock.now();
        Self {
            camera,
            painter,
            clock,
            tally: Tally::default(),
            signal: InputSignal::Present,
            ask_at,
            watch: NoSignalWatch::default(),
        }
    }

    /// Asks the camera of its input, if that is due.
    fn check_signal(&mut self, now: Instant) -> Result<(), SourceError> {
        if now >= self.ask_at {
            self.signal = self.camera.signal();
            self.ask_at = now + SIGNAL_EVERY;
        }
        match self.signal {
            InputSignal::Present => Ok(()),
            InputSignal::Absent => Err(SourceError::NoSignal),
        }
    }

    /// A raw picture did not fit. If the camera sends others now, it has to be opened anew.
    fn unfit(&mut self, error: SourceError) -> SourceError {
        match self.camera.layout() {
            Ok(now) if now == self.painter.layout => error,
            Ok(now) => {
                let before = self.painter.layout;
                SourceError::Lost(CameraError::Changed { before, now }.into())
            }
            Err(error) => lost(error),
        }
    }
}

impl Source for CameraSource {
    fn next(&mut self, canvas: &mut Frame, until: Instant) -> Result<Shot, SourceError> {
        loop {
            let now = self.clock.now();
            let Some(filled) = self.camera.take().map_err(lost)? else {
                if now >= until {
                    self.ask_at = now;
                    self.check_signal(now)?;
                    return Err(SourceError::TimedOut);
                }
                self.camera.wait(until - now).map_err(lost)?;
                continue;
            };
            let sequence = self.tally.count(filled.sequence);
            // An old one, while a newer is there: left out, unless they come faster than they can be left out.
            if filled.more && now < until {
                continue;
            }
            let age = filled.age.unwrap_or_default();
            let shot = Shot {
                sequence,
                captured: now.checked_sub(age).unwrap_or(now),
                encoding: self.painter.encoding,
                placement: None,
            };
            let painted = match filled.damaged {
                true => Err(SourceError::Garbage(CameraError::Damaged.into())),
                false => self.painter.paint(filled.bytes, canvas),
            };
            self.check_signal(now)?;
            painted.map_err(|error| self.unfit(error))?;
            return match self.watch.look(canvas, shot.captured) {
                true => Err(SourceError::NoSignal),
                false => Ok(shot),
            };
        }
    }
}

/// Whatever the system says of a camera that streams: of more use it is not.
fn lost(error: io::Error) -> SourceError {
    SourceError::Lost(error.into())
}
