//! Shows recorded pictures at their times.

use std::sync::Arc;
use std::time::{Duration, Instant};

use picture::frame::Frame;
use picture::segmenter::{Bell, Clock};

use super::clip::Clip;
use super::error::{ReplayError, unusable};
use crate::source::{Shot, Source, SourceError};

/// How long a picture can be shown.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(60);

/// A clip being shown. Time runs from when it is first asked; whose time has passed when it is asked again is left out, as
/// long as it may wait.
pub(super) struct Player {
    clip: Box<dyn Clip>,
    clock: Arc<dyn Clock>,
    /// Never rung: one for all waits.
    bell: Bell,
    each: Option<Duration>,
    looped: bool,
    /// When the picture after the current one is due; not known before the first question.
    next_due: Option<Instant>,
    /// The picture that the clip is at and that was not shown: when it is due, and for how long.
    coming: Option<(Instant, Duration)>,
    /// Pictures gone by.
    sequence: u64,
    pass: Pass,
    /// The last whole pass.
    known: Option<Pass>,
    /// The rest of this pass cannot be read.
    broken: bool,
}

/// One time through the clip.
#[derive(Clone, Copy, Debug, Default)]
struct Pass {
    pictures: u64,
    length: Duration,
}

impl Player {
    pub fn new(
        clip: Box<dyn Clip>,
        clock: Arc<dyn Clock>,
        each: Option<Duration>,
        looped: bool,
    ) -> Self {
        Self {
            clip,
            clock,
            bell: Bell::default(),
            each,
            looped,
            next_due: None,
            coming: None,
            sequence: 0,
            pass: Pass::default(),
            known: None,
            broken: false,
        }
    }

    /// The next picture that was not shown.
    fn coming(&mut self) -> Result<(Instant, Duration), SourceError> {
        if let Some(coming) = self.coming {
            return Ok(coming);
        }
        let shown = match self.advance()? {
            Some(shown) => shown,
            None => {
                self.begin_again()?;
                let first = self.advance()?;
                first.ok_or_else(|| unusable(ReplayError::NothingReadable))?
            }
        };
        let shown = self.each.unwrap_or(shown).clamp(SHORTEST, LONGEST);
        let due = *self.next_due.get_or_insert_with(|| self.clock.now());
        self.next_due = Some(due + shown);
        self.pass.pictures += 1;
        self.pass.length += shown;
        self.coming = Some((due, shown));
        Ok((due, shown))
    }

    fn advance(&mut self) -> Result<Option<Duration>, SourceError> {
        if self.broken {
            return Ok(None);
        }
        let advanced = self.clip.advance();
        self.broken = advanced.is_err();
        advanced
    }

    fn begin_again(&mut self) -> Result<(), SourceError> {
        if self.pass.pictures == 0 {
            return Err(unusable(ReplayError::NothingReadable));
        }
        if !self.looped {
            return Err(SourceError::Ended);
        }
        self.clip.rewind()?;
        self.broken = false;
        self.known = Some(std::mem::take(&mut self.pass));
        Ok(())
    }

    /// Leaves out whole passes whose time is over, for who was not asked for long.
    fn pass_over(&mut self, due: Instant, now: Instant) -> Option<Instant> {
        let Pass { pictures, length } = self.known?;
        let passes = now.saturating_duration_since(due).as_nanos() / length.as_nanos().max(1);
        let passes = u32::try_from(passes).ok().filter(|passes| *passes > 0)?;
        self.sequence += u64::from(passes) * pictures;
        Some(due + length * passes)
    }
}

impl Source for Player {
    fn next(&mut self, canvas: &mut Frame, until: Instant) -> Result<Shot, SourceError> {
        let asked = self.clock.now();
        loop {
            let (mut due, shown) = self.coming()?;
            let now = self.clock.now();
            if let Some(later) = self.pass_over(due, now) {
                due = later;
                self.coming = Some((due, shown));
                self.next_due = Some(due + shown);
            }
            // Reading on may take longer than the pictures last: then one is shown late rather than none for ever.
            if due + shown <= now && now <= until.max(asked) {
                self.coming = None;
                self.sequence += 1;
                continue;
            }
            self.clock.wait(due.min(until), &self.bell);
            if due > until.max(now) {
                return Err(SourceError::TimedOut);
            }
            self.coming = None;
            self.sequence += 1;
            return Ok(Shot {
                encoding: self.clip.show(canvas)?,
                sequence: self.sequence - 1,
                captured: due,
                placement: None,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use picture::segmenter::ManualClock;

    use super::*;
    use crate::source::Encoding;

    const MS: Duration = Duration::from_millis(1);

    /// Pictures of 10 ms, a shade brighter each; to go to one takes 15 ms.
    struct Slow {
        clock: Arc<ManualClock>,
        at: u8,
    }

    impl Clip for Slow {
        fn advance(&mut self) -> Result<Option<Duration>, SourceError> {
            self.clock.advance(15 * MS);
            self.at += 1;
            assert!(self.at < 100, "it never returns");
            Ok(Some(10 * MS))
        }

        fn show(&mut self, canvas: &mut Frame) -> Result<Encoding, SourceError> {
            canvas.rgb_mut().fill(self.at);
            Ok(Encoding::File)
        }

        fn rewind(&mut self) -> Result<(), SourceError> {
            Ok(())
        }
    }

    #[test]
    fn a_clip_that_is_slower_to_read_than_to_show_is_shown_late() {
        let clock = Arc::new(ManualClock::default());
        let slow = Slow {
            clock: clock.clone(),
            at: 0,
        };
        let mut player = Player::new(Box::new(slow), clock.clone(), None, false);
        let mut canvas = Frame::new(1, 1, vec![0; 3]).unwrap();
        let mut first = None;
        for patience in [0, 40, 100, 0] {
            let until = clock.now() + patience * MS;
            let shot = player.next(&mut canvas, until).unwrap();
            assert!(clock.now() <= until + 15 * MS, "one picture more at most");
            let first = *first.get_or_insert(shot.captured);
            assert_eq!(shot.captured - first, 10 * MS * shot.sequence as u32);
            assert_eq!(u64::from(canvas.rgb()[0]), shot.sequence + 1);
        }
    }
}
