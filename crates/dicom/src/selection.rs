//! Which frames are asked for.

use std::ops::RangeInclusive;
use std::str::FromStr;

/// Most ranges in a list.
const MOST_RANGES: usize = 256;

/// Frames of a file, counted from 0: "0,5,10-20", or "all". In the order in which they are asked for; one that is named twice comes
/// twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameSelection {
    /// None: all of them.
    ranges: Option<Vec<RangeInclusive<u32>>>,
}

/// Not a list of frames, or one of frames that are not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSelection {
    /// Not so spelt.
    #[error(
        "frames are a list of numbers and ranges, counted from 0, such as '0,5,10-20', or 'all'"
    )]
    NoList,
    /// A range that ends before it begins.
    #[error("a range of frames ends before it begins: {0}-{1}")]
    Backwards(u32, u32),
    /// Too many ranges.
    #[error("a list of frames has {MOST_RANGES} ranges at most")]
    TooLong,
    /// A frame that the file does not have.
    #[error("there is no frame {asked}; the file has {frames}, counted from 0")]
    Missing {
        /// The first one that is asked for and not there.
        asked: u32,
        /// Frames in the file.
        frames: u32,
    },
    /// More frames than are answered at once.
    #[error("{asked} frames are asked for, {limit} are answered at once")]
    TooMany {
        /// Frames asked for.
        asked: u64,
        /// The most.
        limit: u32,
    },
}

impl FrameSelection {
    /// One frame.
    #[must_use]
    pub fn one(frame: u32) -> Self {
        Self {
            ranges: Some(vec![frame..=frame]),
        }
    }

    /// All frames of a file.
    #[must_use]
    pub fn all() -> Self {
        Self { ranges: None }
    }

    /// Whether it can be no more than one frame of any file.
    #[must_use]
    pub fn is_one(&self) -> bool {
        self.ranges
            .as_deref()
            .is_some_and(|ranges| matches!(ranges, [range] if range.start() == range.end()))
    }

    /// The frames, one by one, of a file of so many; checked before any is listed.
    ///
    /// # Errors
    /// [`BadSelection::Missing`], [`BadSelection::TooMany`].
    pub fn of(
        &self,
        frames: u32,
        limit: u32,
    ) -> Result<impl Iterator<Item = u32> + use<>, BadSelection> {
        let all = || vec![0..=frames.saturating_sub(1)];
        let ranges = self.ranges.clone().unwrap_or_else(all);
        for range in &ranges {
            if *range.end() >= frames {
                let asked = (*range.start()).max(frames);
                return Err(BadSelection::Missing { asked, frames });
            }
        }
        let length = |range: &RangeInclusive<u32>| u64::from(range.end() - range.start()) + 1;
        let asked = ranges.iter().map(length).sum();
        match asked <= limit.into() {
            true => Ok(ranges.into_iter().flatten()),
            false => Err(BadSelection::TooMany { asked, limit }),
        }
    }
}

impl FromStr for FrameSelection {
    type Err = BadSelection;

    fn from_str(text: &str) -> Result<Self, BadSelection> {
        if text.trim() == "all" {
            return Ok(Self::all());
        }
        let mut ranges = Vec::new();
        for part in text.split(',') {
            if ranges.len() == MOST_RANGES {
                return Err(BadSelection::TooLong);
            }
            let (start, end) = part.split_once('-').unwrap_or((part, part));
            let number = |text: &str| match text.trim() {
                text if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
                _ => None,
            };
            let (Some(start), Some(end)) = (number(start), number(end)) else {
                return Err(BadSelection::NoList);
            };
            if start > end {
                return Err(BadSelection::Backwards(start, end));
            }
            ranges.push(start..=end);
        }
        Ok(Self {
            ranges: Some(ranges),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(text: &str, frames: u32, limit: u32) -> Result<Vec<u32>, BadSelection> {
        let selection: FrameSelection = text.parse()?;
        selection.of(frames, limit).map(Iterator::collect)
    }

    #[test]
    fn lists_are_read_and_bounded() {
        assert_eq!(
            frames("0,5, 10-12 ,5", 13, 9),
            Ok(vec![0, 5, 10, 11, 12, 5])
        );
        assert_eq!(
            frames("0-4294967295", u32::MAX, 9),
            Err(BadSelection::Missing {
                asked: u32::MAX,
                frames: u32::MAX
            })
        );
        assert_eq!(
            frames("3-20", 10, 99),
            Err(BadSelection::Missing {
                asked: 10,
                frames: 10
            })
        );
        let many = "0-4294967290,0-4294967290";
        let asked = 2 * 4_294_967_291;
        assert_eq!(
            frames(many, u32::MAX, 9),
            Err(BadSelection::TooMany { asked, limit: 9 })
        );
        let asked = 3_000_000_000;
        assert_eq!(
            frames("all", 3_000_000_000, 64),
            Err(BadSelection::TooMany { asked, limit: 64 })
        );
        assert_eq!(frames("all", 3, 9), Ok(vec![0, 1, 2]));
        let is_one = |text: &str| text.parse::<FrameSelection>().unwrap().is_one();
        assert_eq!(
            ["7", "7-7", "7,7", "all", "7-8"].map(is_one),
            [true, true, false, false, false]
        );
        assert_eq!(frames("7-5", 10, 9), Err(BadSelection::Backwards(7, 5)));
        for wrong in [
            "",
            ",",
            "1,",
            "a",
            "-1",
            "1-",
            "1-2-3",
            "+1",
            "4294967296",
            "1.5",
        ] {
            assert_eq!(frames(wrong, 10, 9), Err(BadSelection::NoList), "{wrong}");
        }
        assert_eq!(
            frames(&["1"; 257].join(","), 10, 999),
            Err(BadSelection::TooLong)
        );
        let all: Vec<u32> = FrameSelection::all().of(3, 3).unwrap().collect();
        assert_eq!(all, [0, 1, 2]);
        assert_eq!(FrameSelection::one(2).of(3, 1).unwrap().last(), Some(2));
    }
}
