//! A part of a picture, marked: around it the picture is dark, and a line parts the two.

use std::ops::Range;

use super::brush::Rectangle;
use crate::frame::Frame;

/// Yellow, as nothing in a body is.
const LINE: [u8; 3] = [255, 225, 0];

/// Darkens what lies outside of those columns and rows, and draws a line around them, outside too.
pub fn mark_region(frame: &mut Frame, x: Range<u32>, y: Range<u32>) {
    let all = Rectangle::of(frame);
    let part = Rectangle {
        x: x.start as usize..x.end as usize,
        y: y.start as usize..y.end as usize,
    };
    around(&part, &all).for_each(|band| band.darken(frame));
    let thick = 1 + all.x.len().max(all.y.len()) / 640;
    around(&part, &part.grown(thick)).for_each(|band| band.fill(frame, LINE));
}

/// What of the outer rectangle lies around the inner one: above, below, left, right.
fn around(inner: &Rectangle, outer: &Rectangle) -> impl Iterator<Item = Rectangle> {
    let rows = |y| Rectangle {
        x: outer.x.clone(),
        y,
    };
    let columns = |x| Rectangle {
        x,
        y: inner.y.clone(),
    };
    [
        rows(outer.y.start..inner.y.start),
        rows(inner.y.end..outer.y.end),
        columns(outer.x.start..inner.x.start),
        columns(inner.x.end..outer.x.end),
    ]
    .into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_stays_as_it_is_and_the_rest_is_dark() {
        let mut frame = Frame::new(30, 20, vec![200; 1800]).unwrap();
        mark_region(&mut frame, 10..25, 5..20);
        let pixel = |x: usize, y: usize| &frame.rgb()[3 * (y * 30 + x)..][..3];
        for (x, y) in [(10, 5), (24, 19), (17, 12)] {
            assert_eq!(pixel(x, y), [200; 3]);
        }
        for (x, y) in [(9, 10), (25, 10), (15, 4)] {
            assert_eq!(pixel(x, y), LINE);
        }
        for (x, y) in [(0, 0), (29, 19), (8, 19), (15, 3)] {
            assert_eq!(pixel(x, y), [50; 3]);
        }
    }
}
