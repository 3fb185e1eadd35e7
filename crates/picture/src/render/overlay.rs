//! A mask, or the patch prompt, drawn over its frame.

use super::{RenderError, letters};
use crate::frame::Frame;
use crate::mask::{LogitMap, Mask};

/// How overlays look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OverlayStyle {
    /// RGB of contour and tint.
    pub colour: [u8; 3],
    /// How much of the tint covers the target, 0 (contour only) ..= 1 (opaque).
    pub opacity: f32,
    /// Contour thickness as a fraction of the picture's shorter side, rounded to an odd number of pixels.
    pub contour: f32,
    /// Whether to write over it that the picture does not look like its modality.
    pub mismatch: bool,
}

impl Default for OverlayStyle {
    fn default() -> Self {
        // Cyan: neither tissue under white light nor grey ultrasound comes near it.
        Self {
            colour: [0, 229, 255],
            opacity: 0.3,
            contour: 0.006,
            mismatch: false,
        }
    }
}

/// The frame with the target tinted, a crisp contour along its border and the notice burned in. It is drawn upon in
/// place; beside it and the mask a row is all the memory this takes.
///
/// # Errors
/// [`RenderError::Sizes`] if frame and mask are of different ones.
pub fn overlay(mut frame: Frame, mask: &Mask, style: &OverlayStyle) -> Result<Frame, RenderError> {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    if frame.size() != mask.size() {
        return Err(RenderError::Sizes {
            frame: frame.size(),
            mask: mask.size(),
        });
    }

    let thickness = (width.min(height) as f32 * style.contour.clamp(0.0, 1.0))
        .round()
        .max(1.0) as usize;
    let mut contour = Contour::new(mask, thickness / 2);
    for (line, row) in frame.rgb_mut().chunks_exact_mut(3 * width).zip(mask.rows()) {
        let contour = contour.next_row();
        for ((pixel, target), contour) in line.chunks_exact_mut(3).zip(row).zip(contour) {
            let opacity = match (contour, *target != 0) {
                (true, _) => 1.0,
                (false, true) => style.opacity,
                (false, false) => continue,
            };
            blend(pixel, style.colour, opacity);
        }
    }
    if style.mismatch {
        letters::burn_mismatch(&mut frame);
    }
    letters::burn_notice(&mut frame);
    Ok(frame)
}

/// The frame with the cells of the patch prompt (`side` × `side` logits, row-major) tinted where their logit ≥ 0,
/// and the notice burned in. It shows where the model looked; a cell is drawn with a gap so that it is not taken
/// for the mask.
#[must_use]
pub fn patch_overlay(mut frame: Frame, patch: &LogitMap, style: &OverlayStyle) -> Frame {
    let (side, logits) = (patch.side(), patch.logits());
    let (width, height) = (frame.width() as usize, frame.height() as usize);

    // For each pixel of a line, its cell, or none in the gap before the next one.
    let cells = |length: usize| -> Vec<Option<usize>> {
        let cell = |i: usize| i * side / length;
        let gap = |i: usize| length >= 4 * side && cell(i + 1) != cell(i);
        (0..length).map(|i| (!gap(i)).then(|| cell(i))).collect()
    };
    let (columns, rows) = (cells(width), cells(height));
    for (line, row) in frame.rgb_mut().chunks_exact_mut(3 * width).zip(rows) {
        let Some(row) = row else { continue };
        for (pixel, column) in line.chunks_exact_mut(3).zip(&columns) {
            if column.is_some_and(|column| logits[row * side + column] >= 0.0) {
                blend(pixel, style.colour, style.opacity);
            }
        }
    }
    letters::burn_notice(&mut frame);
    frame
}

fn blend(pixel: &mut [u8], colour: [u8; 3], opacity: f32) {
    let weight = (opacity.clamp(0.0, 1.0) * 256.0) as u32;
    for (v, c) in pixel.iter_mut().zip(colour) {
        *v = ((u32::from(*v) * (256 - weight) + u32::from(c) * weight + 128) >> 8) as u8;
    }
}

/// A mask's contour, row by row from the top: its border pixels, grown by `radius` to every side as squares, so that a
/// line's thickness beyond the border's own is shared between its two sides.
struct Contour<'a> {
    mask: &'a Mask,
    radius: usize,
    /// Rows of the mask whose border is taken in.
    taken: usize,
    /// Rows given out.
    given: usize,
    /// For each column the row at which what was taken in ends.
    until: Vec<usize>,
}

impl<'a> Contour<'a> {
    fn new(mask: &'a Mask, radius: usize) -> Self {
        Self {
            mask,
            radius,
            taken: 0,
            given: 0,
            until: vec![0; mask.width() as usize],
        }
    }

    /// Whether each pixel of the next row is on the contour.
    fn next_row(&mut self) -> impl Iterator<Item = bool> {
        let row = self.given;
        self.given += 1;
        // Nothing further down reaches up to this row.
        while self.taken < (row + self.radius + 1).min(self.mask.height() as usize) {
            let (end, width) = (self.taken + self.radius + 1, self.until.len());
            let mut grown = 0; // columns that this border row has reached already
            for column in border(self.mask, self.taken) {
                let reach =
                    column.saturating_sub(self.radius)..(column + self.radius + 1).min(width);
                self.until[reach.start.max(grown)..reach.end].fill(end);
                grown = reach.end;
            }
            self.taken += 1;
        }
        self.until.iter().map(move |until| *until > row)
    }
}

/// Columns of a row's target pixels with a background pixel at one of their 4 sides. The picture's own edge makes no
/// border: a line there would say that the target ends where only the view does.
fn border(mask: &Mask, y: usize) -> impl Iterator<Item = usize> {
    let width = mask.width() as usize;
    let row = &mask.pixels()[y * width..][..width];
    let beside = |y: usize| mask.pixels().get(y * width..(y + 1) * width).unwrap_or(row);
    let (above, below) = (beside(y.saturating_sub(1)), beside(y + 1));
    (0..width).filter(move |&x| {
        let (left, right) = (row[x.saturating_sub(1)], row[(x + 1).min(width - 1)]);
        row[x] != 0 && (left == 0 || right == 0 || above[x] == 0 || below[x] == 0)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mask::tests::{any_mask, drawn};

    fn map(logits: &[f32]) -> LogitMap {
        LogitMap::new(logits.len().isqrt(), logits.to_vec()).unwrap()
    }

    fn grey(width: u32, height: u32) -> Frame {
        Frame::new(width, height, vec![100; (3 * width * height) as usize]).unwrap()
    }

    fn pixel(frame: &Frame, x: u32, y: u32) -> [u8; 3] {
        let at = 3 * (y * frame.width() + x) as usize;
        [frame.rgb()[at], frame.rgb()[at + 1], frame.rgb()[at + 2]]
    }

    /// A disc of the given radius in the middle, or what the picture's edge leaves of it.
    fn disc(width: u32, height: u32, (cx, cy): (i32, i32), radius: i32) -> Mask {
        let pixel = |i: u32| {
            let (x, y) = ((i % width) as i32, (i / width) as i32);
            let inside = (x - cx).pow(2) + (y - cy).pow(2) <= radius * radius;
            if inside { 255 } else { 0 }
        };
        Mask::new(width, height, (0..width * height).map(pixel).collect()).unwrap()
    }

    #[test]
    fn target_is_tinted_contour_is_opaque_and_the_rest_untouched() {
        let style = OverlayStyle {
            colour: [0, 200, 0],
            opacity: 0.5,
            contour: 0.0,
            mismatch: false,
        };
        let picture = overlay(grey(300, 200), &disc(300, 200, (150, 100), 40), &style).unwrap();
        assert_eq!(pixel(&picture, 150, 100), [50, 150, 50]);
        assert_eq!(
            pixel(&picture, 110, 100),
            [0, 200, 0],
            "leftmost pixel of the disc"
        );
        assert_eq!(pixel(&picture, 109, 100), [100; 3]);
        assert_eq!(
            pixel(&picture, 111, 100),
            [50, 150, 50],
            "a line of one pixel"
        );
        assert_eq!(pixel(&picture, 290, 10), [100; 3]);
    }

    #[test]
    fn contour_thickens_with_the_picture() {
        let style = OverlayStyle {
            opacity: 0.0,
            ..OverlayStyle::default()
        };
        let line = |side: u32| {
            let right_half = |i: u32| if i % side >= side / 2 { 255 } else { 0 };
            let mask = Mask::new(side, side, (0..side * side).map(right_half).collect()).unwrap();
            let picture = overlay(grey(side, side), &mask, &style).unwrap();
            (0..side)
                .filter(|x| pixel(&picture, *x, side / 2) == style.colour)
                .count()
        };
        assert_eq!(line(100), 1);
        assert_eq!(
            line(2000),
            13,
            "0.006 of the side, rounded up to an odd number of pixels"
        );
    }

    #[test]
    fn no_line_where_only_the_view_ends() {
        let style = OverlayStyle {
            opacity: 0.0,
            ..OverlayStyle::default()
        };
        let everything = Mask::new(300, 200, vec![255; 60_000]).unwrap();
        let picture = overlay(grey(300, 200), &everything, &style).unwrap();
        assert!(!picture.rgb().chunks(3).any(|p| p == style.colour));
    }

    #[test]
    fn every_overlay_bears_the_notice() {
        let frame = grey(300, 200);
        let mask = Mask::empty(300, 200).unwrap();
        let style = OverlayStyle::default();
        for picture in [
            overlay(frame.clone(), &mask, &style).unwrap(),
            patch_overlay(frame.clone(), &map(&[-1.0; 4]), &style),
        ] {
            assert!(picture.rgb().chunks(3).filter(|p| *p == [255; 3]).count() > 100);
            assert_ne!(picture, frame);
        }
    }

    #[test]
    fn patch_cells_lie_where_their_logits_do() {
        let style = OverlayStyle {
            colour: [200, 0, 0],
            opacity: 0.5,
            contour: 0.0,
            mismatch: false,
        };
        // 3 × 3 cells of 100 × 60 pixels; the two at 0 or above are (column 2, row 0) and (column 1, row 1).
        let logits = [-1.0, -0.1, 0.0, -3.0, 9.0, -1.0, -1.0, -1.0, -1.0];
        let picture = patch_overlay(grey(300, 180), &map(&logits), &style);
        let tinted = [150, 50, 50];
        assert_eq!(
            [
                pixel(&picture, 200, 0),
                pixel(&picture, 100, 60),
                pixel(&picture, 198, 118)
            ],
            [tinted; 3]
        );
        assert_eq!(
            [
                pixel(&picture, 199, 30),
                pixel(&picture, 250, 60),
                pixel(&picture, 250, 59)
            ],
            [[100; 3]; 3]
        );
        // More cells than pixels: no gaps, nothing out of bounds.
        let _ = patch_overlay(grey(5, 7), &map(&[1.0; 256]), &style);
    }

    #[test]
    fn sizes_must_agree() {
        let style = OverlayStyle::default();
        let turned = Mask::empty(200, 300).unwrap();
        assert!(matches!(
            overlay(grey(300, 200), &turned, &style),
            Err(RenderError::Sizes {
                frame: [300, 200],
                mask: [200, 300]
            })
        ));
    }

    /// The contour of a whole mask.
    fn contour(mask: &Mask, radius: usize) -> Vec<bool> {
        let mut contour = Contour::new(mask, radius);
        (0..mask.height())
            .flat_map(|_| contour.next_row().collect::<Vec<_>>())
            .collect()
    }

    proptest! {
        #[test]
        fn contour_is_the_squares_around_border_pixels(mask in any_mask(), radius in 0_usize..30) {
            let (width, height) = (mask.width() as i32, mask.height() as i32);
            let background = |x: i32, y: i32| {
                (0..width).contains(&x) && (0..height).contains(&y) && mask.pixels()[(y * width + x) as usize] == 0
            };
            let border: Vec<(i32, i32)> = (0..height)
                .flat_map(|y| (0..width).map(move |x| (x, y)))
                .filter(|(x, y)| !background(*x, *y))
                .filter(|(x, y)| [(x - 1, *y), (x + 1, *y), (*x, y - 1), (*x, y + 1)].iter().any(|(x, y)| background(*x, *y)))
                .collect();
            for (i, on) in contour(&mask, radius).into_iter().enumerate() {
                let (x, y) = (i as i32 % width, i as i32 / width);
                let near = |(u, v): &(i32, i32)| (u - x).abs().max((v - y).abs()) <= radius as i32;
                prop_assert_eq!(on, border.iter().any(near), "at {},{}", x, y);
            }
        }
    }

    #[test]
    fn drawn_border() {
        let border = contour(&drawn(&["####", "####", "###."]), 0);
        assert_eq!(
            border
                .iter()
                .enumerate()
                .filter(|(_, on)| **on)
                .map(|(i, _)| i)
                .collect::<Vec<_>>(),
            [7, 10]
        );
    }
}
