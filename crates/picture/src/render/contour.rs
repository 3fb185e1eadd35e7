//! A mask's contour, row by row.

use crate::mask::Mask;

/// A mask's border pixels, grown by `radius` to every side as squares, so that a line's thickness beyond the border's own
/// is shared between its two sides. Rows are asked for from the top down.
pub(super) struct Contour<'a> {
    mask: &'a Mask,
    radius: usize,
    /// Rows of the mask whose border is taken in.
    taken: usize,
    memory: &'a mut ContourMemory,
}

/// What is kept from one contour to the next: rows of the widest.
#[derive(Clone, Debug, Default)]
pub(super) struct ContourMemory {
    /// For each column the row at which what was taken in ends.
    until: Vec<u32>,
    /// Not 0 where a row has border pixels.
    border: Vec<u8>,
}

impl<'a> Contour<'a> {
    pub fn new(mask: &'a Mask, radius: usize, memory: &'a mut ContourMemory) -> Self {
        let width = mask.width() as usize;
        memory.until.clear();
        memory.until.resize(width, 0);
        memory.border.resize(width, 0);
        Self {
            mask,
            radius,
            taken: 0,
            memory,
        }
    }

    /// For each column the row at which the contour ends that reaches this row: it is on it if that is further down.
    pub fn reaching(&mut self, row: usize) -> &[u32] {
        let ContourMemory { until, border } = &mut *self.memory;
        // Nothing further down reaches up to this row.
        while self.taken < (row + self.radius + 1).min(self.mask.height() as usize) {
            let (end, width) = ((self.taken + self.radius + 1) as u32, until.len());
            mark_border(self.mask, self.taken, border);
            let mut grown = 0; // columns that this border row has reached already
            for column in marked(border) {
                let reach =
                    column.saturating_sub(self.radius)..(column + self.radius + 1).min(width);
                until[reach.start.max(grown)..reach.end].fill(end);
                grown = reach.end;
            }
            self.taken += 1;
        }
        until
    }
}

/// Marks a row's target pixels with a background pixel at one of their 4 sides. The picture's own edge makes no border: a
/// line there would say that the target ends where only the view does.
fn mark_border(mask: &Mask, y: usize, to: &mut [u8]) {
    let width = to.len();
    let row = &mask.pixels()[y * width..][..width];
    let beside = |y: usize| mask.pixels().get(y * width..(y + 1) * width).unwrap_or(row);
    let (above, below) = (beside(y.saturating_sub(1)), beside(y + 1));
    // Pixels are 0 or 255: what is left of a target is 255 where any of its sides is 0.
    for ((to, row), (above, below)) in to.iter_mut().zip(row).zip(above.iter().zip(below)) {
        *to = row & !(above & below);
    }
    for (to, pair) in to[1..].iter_mut().zip(row.windows(2)) {
        *to |= pair[1] & !pair[0];
    }
    for (to, pair) in to.iter_mut().zip(row.windows(2)) {
        *to |= pair[0] & !pair[1];
    }
}

/// Columns that are not 0.
fn marked(row: &[u8]) -> impl Iterator<Item = usize> {
    // Few are: eight at a time are passed over.
    let eights = row.chunks(8).enumerate();
    let some = eights.filter(|(_, eight)| eight.iter().fold(0, |any, mark| any | mark) != 0);
    some.flat_map(|(i, eight)| {
        (0..eight.len())
            .filter(|at| eight[*at] != 0)
            .map(move |at| 8 * i + at)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mask::tests::{any_mask, drawn};

    /// The contour of a whole mask.
    fn contour(mask: &Mask, radius: usize) -> Vec<bool> {
        let mut memory = ContourMemory::default();
        let mut contour = Contour::new(mask, radius, &mut memory);
        let rows = 0..mask.height();
        rows.flat_map(|row| {
            let until = contour.reaching(row as usize);
            until.iter().map(|until| *until > row).collect::<Vec<_>>()
        })
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
