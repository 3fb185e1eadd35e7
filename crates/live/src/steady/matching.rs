//! Where a block of one level came from in another: sums of absolute differences.

use super::luma::{Level, PAD};

/// Side of the window that is compared: a block and half a block around it.
const WINDOW: usize = 8;
/// What a pixel's step away from where the search began costs, per window: a quarter of a grey level for each of its pixels.
/// Where the picture is flat, blocks stay together.
const STEP: u32 = 2 * (WINDOW * WINDOW) as u32;

/// Compares windows of one level with those of another.
pub(super) struct Matcher<'a> {
    pub from: &'a Level,
    pub to: &'a Level,
}

impl Matcher<'_> {
    /// The sum of absolute differences of the window whose middle is a block's, `vector` away in the earlier picture;
    /// as near as the padding lets it be.
    pub fn cost(&self, block: [usize; 2], vector: [isize; 2]) -> u32 {
        let [x, y] = self.corner(block);
        let [u, v] = self.kept([x, y], vector);
        let mut sum = 0;
        for row in 0..WINDOW as isize {
            let now = self.to.row(x, y + row, WINDOW);
            let then = self.from.row(x + u, y + v + row, WINDOW);
            let apart = now.iter().zip(then).map(|(a, b)| u32::from(a.abs_diff(*b)));
            sum += apart.sum::<u32>();
        }
        sum
    }

    fn corner(&self, block: [usize; 2]) -> [isize; 2] {
        block.map(|at| (at * WINDOW / 2) as isize - (WINDOW / 4) as isize)
    }

    /// The vector shortened so that the window stays within the padding.
    fn kept(&self, corner: [isize; 2], vector: [isize; 2]) -> [isize; 2] {
        let axis = |i: usize| {
            let most = (self.from.size[i] + PAD) as isize - WINDOW as isize;
            vector[i].clamp(-(PAD as isize) - corner[i], most - corner[i])
        };
        [axis(0), axis(1)]
    }

    /// The best vector within `reach` of where the search begins.
    pub fn search(&self, block: [usize; 2], start: [isize; 2], reach: isize) -> [isize; 2] {
        let corner = self.corner(block);
        let start = self.kept(corner, start);
        let mut best = start;
        let mut least = self.cost(block, start);
        for v in -reach..=reach {
            for u in -reach..=reach {
                let vector = self.kept(corner, [start[0] + u, start[1] + v]);
                let steps = (u.unsigned_abs() + v.unsigned_abs()) as u32;
                let cost = self.cost(block, vector) + STEP * steps;
                if cost < least {
                    (best, least) = (vector, cost);
                }
            }
        }
        best
    }

    /// The vector between pixels: where two straight lines of one slope, through the costs on either side, meet.
    pub fn refine(&self, block: [usize; 2], vector: [isize; 2]) -> Refined {
        let ([u, v], here) = (vector, self.cost(block, vector));
        let sides = |a: [isize; 2], b: [isize; 2]| (self.cost(block, a), self.cost(block, b));
        let across = sides([u - 1, v], [u + 1, v]);
        let down = sides([u, v - 1], [u, v + 1]);
        let shift = |(before, after): (u32, u32)| {
            let (before, after) = (before as f32, after as f32);
            let rise = before.max(after) - here as f32;
            let shift = if rise > 0.0 {
                (before - after) / (2.0 * rise)
            } else {
                0.0
            };
            shift.clamp(-0.5, 0.5)
        };
        let rise = |(before, after): (u32, u32)| before.min(after).saturating_sub(here) as f32;
        Refined {
            vector: [u as f32 + shift(across), v as f32 + shift(down)],
            sharpness: [rise(across), rise(down)].map(|rise| rise / (WINDOW * WINDOW) as f32),
        }
    }
}

/// A vector between pixels.
pub(super) struct Refined {
    pub vector: [f32; 2],
    /// How much worse its neighbours are along each axis: how sure it is.
    pub sharpness: [f32; 2],
}
