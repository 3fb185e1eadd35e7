//! A mask, or the patch prompt, drawn over its frame.

use std::ops::Range;
use std::{array, iter};

use super::contour::{Contour, ContourMemory};
use super::{Doubt, RenderError, notice};
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
    /// What to write over it, if what is marked is not to be relied upon.
    pub doubt: Option<Doubt>,
}

impl Default for OverlayStyle {
    fn default() -> Self {
        // Cyan: neither tissue under white light nor grey ultrasound comes near it.
        Self {
            colour: [0, 229, 255],
            opacity: 0.3,
            contour: 0.006,
            doubt: None,
        }
    }
}

/// Draws overlays one after the other, with the memory of the first: some rows.
#[derive(Clone, Debug, Default)]
pub struct OverlayPen {
    contour: ContourMemory,
    /// How each pixel of a row is painted.
    paint: Vec<u8>,
}

/// Not at all, in part, wholly: the values of `paint`.
const UNTOUCHED: u8 = 0;
const TINTED: u8 = 1;
const COVERED: u8 = 2;

impl OverlayPen {
    /// Tints the target on the frame, draws a crisp contour along its border and burns the notice in.
    ///
    /// # Errors
    /// [`RenderError::Sizes`] if frame and mask are of different ones.
    pub fn draw(
        &mut self,
        frame: &mut Frame,
        mask: &Mask,
        style: &OverlayStyle,
    ) -> Result<(), RenderError> {
        self.mark(frame, mask, style)?;
        notice::burn_words(frame, style.doubt);
        Ok(())
    }

    /// Tints the target on the frame and draws a crisp contour along its border, for who burns words in afterwards.
    ///
    /// # Errors
    /// [`RenderError::Sizes`] if frame and mask are of different ones.
    pub fn mark(
        &mut self,
        frame: &mut Frame,
        mask: &Mask,
        style: &OverlayStyle,
    ) -> Result<(), RenderError> {
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
        let mut contour = Contour::new(mask, thickness / 2, &mut self.contour);
        self.paint.resize(width, UNTOUCHED);
        let tint = Tint::new(style.colour, style.opacity);
        let cover = Tint::new(style.colour, 1.0);
        let lines = frame.rgb_mut().chunks_exact_mut(3 * width);
        for (y, (line, row)) in lines.zip(mask.rows()).enumerate() {
            let until = contour.reaching(y);
            for ((paint, target), until) in self.paint.iter_mut().zip(row).zip(until) {
                let inside = if *target != 0 { TINTED } else { UNTOUCHED };
                *paint = if *until > y as u32 { COVERED } else { inside };
            }
            for (paint, columns) in runs(&self.paint) {
                let pixels = &mut line[3 * columns.start..3 * columns.end];
                match paint {
                    COVERED => cover.apply(pixels),
                    TINTED => tint.apply(pixels),
                    _ => (),
                }
            }
        }
        Ok(())
    }
}

/// The frame with the target tinted, a crisp contour along its border and the notice burned in. It is drawn upon in
/// place; beside it and the mask some rows are all the memory this takes.
///
/// # Errors
/// [`RenderError::Sizes`] if frame and mask are of different ones.
pub fn overlay(mut frame: Frame, mask: &Mask, style: &OverlayStyle) -> Result<Frame, RenderError> {
    OverlayPen::default().draw(&mut frame, mask, style)?;
    Ok(frame)
}

/// Equal values that lie together: each with its columns, from the left.
fn runs(row: &[u8]) -> impl Iterator<Item = (u8, Range<usize>)> {
    let mut at = 0;
    iter::from_fn(move || {
        let (start, value) = (at, *row.get(at)?);
        // Runs are long: eight at a time are passed over.
        let eights = row[start..].as_chunks::<8>().0.iter();
        at += 8 * eights.take_while(|eight| **eight == [value; 8]).count();
        at += row[at..].iter().take_while(|v| **v == value).count();
        Some((value, start..at))
    })
}

/// The frame with the cells of the patch prompt (`side` × `side` logits, row-major) tinted where their logit ≥ 0,
/// and the notice burned in, with a doubt if there is one. It shows where the model looked; a cell is drawn with a gap so that it is not taken
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
    let tint = Tint::new(style.colour, style.opacity);
    for (line, row) in frame.rgb_mut().chunks_exact_mut(3 * width).zip(rows) {
        let Some(row) = row else { continue };
        for (pixel, column) in line.chunks_exact_mut(3).zip(&columns) {
            if column.is_some_and(|column| logits[row * side + column] >= 0.0) {
                tint.apply(pixel);
            }
        }
    }
    notice::burn_words(&mut frame, style.doubt);
    frame
}

/// A colour that covers pixels in part.
struct Tint {
    /// What is kept of them, in 256ths.
    kept: u16,
    /// What comes to each sample of eight pixels, in 256ths, with half of 1 to round.
    added: [u16; Self::EIGHT],
}

impl Tint {
    const EIGHT: usize = 3 * 8;

    /// `opacity`: how much is covered, 0..=1.
    fn new(colour: [u8; 3], opacity: f32) -> Self {
        let weight = (opacity.clamp(0.0, 1.0) * 256.0) as u16;
        Self {
            kept: 256 - weight,
            added: array::from_fn(|i| u16::from(colour[i % 3]) * weight + 128),
        }
    }

    fn apply(&self, pixels: &mut [u8]) {
        let (eights, rest) = pixels.as_chunks_mut::<{ Self::EIGHT }>();
        eights.iter_mut().for_each(|eight| self.blend(eight));
        self.blend(rest);
    }

    #[inline(always)]
    fn blend(&self, pixels: &mut [u8]) {
        for (v, added) in pixels.iter_mut().zip(&self.added) {
            // Within 255 * 256 + 128: the two weights come to 256.
            let sum = u16::from(*v).wrapping_mul(self.kept).wrapping_add(*added);
            *v = (sum >> 8) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mask::tests::any_mask;

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
            doubt: None,
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
            doubt: None,
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

    /// As it is meant, pixel by pixel.
    fn plainly(mut frame: Frame, mask: &Mask, style: &OverlayStyle) -> Frame {
        let (width, height) = (mask.width() as i32, mask.height() as i32);
        let inside = |x: i32, y: i32| (0..width).contains(&x) && (0..height).contains(&y);
        let target = |x: i32, y: i32| mask.pixels()[(y * width + x) as usize] != 0;
        let border = |x: i32, y: i32| {
            let beside = [(x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)];
            inside(x, y)
                && target(x, y)
                && beside
                    .iter()
                    .any(|(x, y)| inside(*x, *y) && !target(*x, *y))
        };
        let radius = ((width.min(height) as f32 * style.contour).round().max(1.0) as i32) / 2;
        for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
            let mut near = (-radius..=radius).flat_map(|v| (-radius..=radius).map(move |u| (u, v)));
            let weight = match (near.any(|(u, v)| border(x + u, y + v)), target(x, y)) {
                (true, _) => 256,
                (false, true) => (style.opacity * 256.0) as u32,
                (false, false) => 0,
            };
            let pixel = &mut frame.rgb_mut()[3 * (y * width + x) as usize..][..3];
            for (v, c) in pixel.iter_mut().zip(style.colour) {
                *v = ((u32::from(*v) * (256 - weight) + u32::from(c) * weight + 128) >> 8) as u8;
            }
        }
        notice::burn_words(&mut frame, style.doubt);
        frame
    }

    proptest! {
        #[test]
        fn is_what_is_meant_bit_for_bit(
            masks in prop::collection::vec(any_mask(), 1..4),
            colour: [u8; 3],
            opacity in 0.0_f32..=1.0,
            contour in 0.0_f32..0.5,
            doubt in prop::option::of(prop::sample::select(vec![Doubt::Mismatch, Doubt::Unsure, Doubt::Absent])),
        ) {
            let style = OverlayStyle { colour, opacity, contour, doubt };
            let mut pen = OverlayPen::default();
            for mask in masks {
                let [width, height] = mask.size();
                let rgb = (0..3 * width * height).map(|i| (i * i * 7 + i) as u8).collect();
                let frame = Frame::new(width, height, rgb).unwrap();
                let mut drawn = frame.clone();
                pen.draw(&mut drawn, &mask, &style).unwrap();
                prop_assert_eq!(drawn, plainly(frame, &mask, &style));
            }
        }
    }
}
