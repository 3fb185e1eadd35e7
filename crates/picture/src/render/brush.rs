//! Rectangles of a picture, filled or darkened; what lies outside of it is left out.

use std::ops::Range;

use crate::frame::Frame;

/// Pixels, from the upper left corner.
#[derive(Clone, Debug)]
pub(super) struct Rectangle {
    pub x: Range<usize>,
    pub y: Range<usize>,
}

impl Rectangle {
    pub fn of(frame: &Frame) -> Self {
        Self {
            x: 0..frame.width() as usize,
            y: 0..frame.height() as usize,
        }
    }

    /// With `by` pixels more to every side, as far as there are any.
    pub fn grown(&self, by: usize) -> Self {
        let grown = |side: &Range<usize>| side.start.saturating_sub(by)..side.end + by;
        Self {
            x: grown(&self.x),
            y: grown(&self.y),
        }
    }

    pub fn fill(&self, frame: &mut Frame, colour: [u8; 3]) {
        self.rows(frame, |row| row.as_chunks_mut().0.fill(colour));
    }

    /// A quarter of its brightness is left.
    pub fn darken(&self, frame: &mut Frame) {
        self.rows(frame, |row| row.iter_mut().for_each(|v| *v /= 4));
    }

    fn rows(&self, frame: &mut Frame, mut draw: impl FnMut(&mut [u8])) {
        let [width, height] = frame.size().map(|side| side as usize);
        let (start, end) = (self.x.start.min(width), self.x.end.min(width));
        for y in self.y.start..self.y.end.min(height) {
            if start < end {
                draw(&mut frame.rgb_mut()[3 * (y * width + start)..3 * (y * width + end)]);
            }
        }
    }
}
