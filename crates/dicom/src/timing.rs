//! How long each frame of a cine loop is shown (PS3.3, C.7.6.5).

use std::time::Duration;

use crate::data::{DataSet, Tag};

/// How long frames are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Timing {
    /// Not said.
    #[default]
    Unsaid,
    /// All alike.
    Even(Duration),
    /// Each its own time, until the next.
    Each(Vec<Duration>),
}

/// Longer than any frame is shown.
const LONGEST: f64 = 60_000.0;

impl Timing {
    /// What the file says: its frame times before its frame time, before its rates.
    pub(crate) fn of(set: &DataSet, frames: u32) -> Self {
        let time = |ms: f64| {
            let good = ms > 0.0 && ms <= LONGEST;
            good.then(|| Duration::from_secs_f64(ms / 1000.0))
        };
        // The first is 0, each other the time since the one before. The last one is shown as long as the one before it.
        let each = set.numbers(Tag::FRAME_TIME_VECTOR);
        let times: Option<Vec<Duration>> = each.iter().skip(1).map(|ms| time(*ms)).collect();
        if let Some(mut times) = times.filter(|times| times.len() + 1 == frames as usize)
            && let Some(last) = times.last().copied()
        {
            times.push(last);
            return Self::Each(times);
        }
        let even = set.number(Tag::FRAME_TIME).and_then(time);
        let rate = |tag| set.number(tag).and_then(|rate| time(1000.0 / rate));
        even.or_else(|| rate(Tag::DISPLAY_FRAME_RATE))
            .or_else(|| rate(Tag::CINE_RATE))
            .map_or(Self::Unsaid, Self::Even)
    }

    /// How long a frame is shown, if that is said.
    #[must_use]
    pub fn shown(&self, frame: u32) -> Option<Duration> {
        match self {
            Self::Unsaid => None,
            Self::Even(time) => Some(*time),
            Self::Each(times) => times.get(frame as usize).copied(),
        }
    }
}
