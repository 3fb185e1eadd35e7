//! A source whose pictures come as a stream of bytes: Y4M, or one JPEG after the other.

mod any_reel;
mod error;
mod jpeg_reel;
mod reel;
mod tcp;
mod wire;
mod y4m_reel;

#[cfg(test)]
mod tests;

use std::io::Read;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Instant;

use picture::frame::Frame;
use picture::segmenter::Clock;

use self::any_reel::AnyReel;
use crate::source::{Shot, Source, SourceContext, SourceError};

pub use self::error::StreamError;
pub(crate) use self::reel::Reel;
pub(crate) use self::tcp::{SILENCE, connect};
pub(crate) use self::wire::{Intake, Wire};

/// Bytes that are read on once there is a picture, if they are there at once: what a pipe holds at most, so that what is
/// given is the newest of what had come when it was asked for.
const WAITING: usize = 1 << 20;

/// What the end of a stream, or one that cannot be read, means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// There is no other.
    Final,
    /// Opened anew, it may be another.
    Reopens,
}

/// Pictures of an open pipe or socket; once it ends, so does the source.
pub fn pictures_of(
    file: impl Read + AsFd + Send + 'static,
    context: &SourceContext,
) -> Box<dyn Source> {
    let wire = Wire::new(file, context.clock.clone());
    Box::new(Stream::new(wire, context, Ending::Final))
}

/// A stream being read.
pub(crate) struct Stream<I, R = AnyReel> {
    intake: I,
    clock: Arc<dyn Clock>,
    ending: Ending,
    reel: R,
    /// [`Reel::came`] when a picture was last given.
    given: u64,
    /// When the newest came.
    came_at: Instant,
    /// What is to be said next: it came behind the picture given last.
    behind: Option<SourceError>,
    ended: bool,
}

impl<I: Intake> Stream<I> {
    /// Of pictures that are told apart by their first bytes.
    pub fn new(intake: I, context: &SourceContext, ending: Ending) -> Self {
        Self::of(intake, AnyReel::new(context.limits), context, ending)
    }
}

impl<I: Intake, R: Reel> Stream<I, R> {
    /// Of pictures that this reel takes in.
    pub fn of(intake: I, reel: R, context: &SourceContext, ending: Ending) -> Self {
        Self {
            intake,
            clock: context.clock.clone(),
            ending,
            reel,
            given: 0,
            came_at: context.clock.now(),
            behind: None,
            ended: false,
        }
    }

    fn is_fresh(&self) -> bool {
        self.reel.came() > self.given
    }

    /// Takes in what is there, or comes until then: how many bytes. `None` if none came.
    fn fetch(&mut self, until: Instant) -> Result<Option<usize>, SourceError> {
        if self.ended {
            return Err(self.closed());
        }
        let read = self.intake.read(self.reel.room(), until);
        let Some(count) = read.map_err(|error| SourceError::Lost(error.into()))? else {
            return Ok(None);
        };
        let came = self.reel.came();
        let filled = match count {
            0 => {
                self.ended = true;
                self.reel.finish();
                Ok(())
            }
            _ => self.reel.filled(count),
        };
        if self.reel.came() > came {
            self.came_at = self.clock.now();
        }
        match filled {
            Ok(()) => Ok(Some(count)),
            Err(SourceError::Garbage(cause)) => {
                self.given = self.reel.came();
                Err(SourceError::Garbage(cause))
            }
            Err(error) => {
                self.ended = true;
                Err(self.meant(error))
            }
        }
    }

    fn closed(&self) -> SourceError {
        match self.ending {
            Ending::Final => SourceError::Ended,
            Ending::Reopens => SourceError::Lost(StreamError::Closed.into()),
        }
    }

    /// Who sends can be told to send something else, where the stream can be opened anew.
    fn meant(&self, error: SourceError) -> SourceError {
        match (error, self.ending) {
            (SourceError::Unusable(cause), Ending::Reopens) => SourceError::Lost(cause),
            (error, _) => error,
        }
    }
}

impl<I: Intake, R: Reel> Source for Stream<I, R> {
    fn next(&mut self, canvas: &mut Frame, until: Instant) -> Result<Shot, SourceError> {
        if let Some(error) = self.behind.take() {
            return Err(error);
        }
        // The first look costs nothing even if the time has come.
        while !self.is_fresh() {
            match self.fetch(until)? {
                Some(_) if self.is_fresh() || self.clock.now() < until => {}
                Some(0) => {}
                _ => return Err(SourceError::TimedOut),
            }
        }
        let (now, mut more) = (self.clock.now(), 0);
        let mut newest = self.reel.came();
        while more < WAITING {
            match self.fetch(now) {
                Ok(Some(count)) => {
                    more += count;
                    newest = self.reel.came();
                }
                Ok(None) => break,
                Err(error) => {
                    self.behind = Some(error);
                    break;
                }
            }
        }
        self.given = self.reel.came();
        Ok(Shot {
            encoding: self.reel.take(canvas)?,
            sequence: newest.saturating_sub(1),
            captured: self.came_at,
            placement: self.reel.placement(),
        })
    }
}
