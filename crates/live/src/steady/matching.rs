//! Where a block of one level came from in another: sums of absolute differences.

use super::grid::PER_GREY;
use super::luma::{Level, PAD};

/// Side of the window that is compared: a block and half a block around it.
const WINDOW: usize = 8;
/// What a pixel's step away from where the search began costs, per window: an eighth of a grey level for each of its
/// pixels. Where the picture is flat, blocks stay together.
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

    /// The vector shortened so that the window and a pixel around it stay within the padding.
    fn kept(&self, corner: [isize; 2], vector: [isize; 2]) -> [isize; 2] {
        const OVER: isize = PAD as isize - 1;
        let axis = |i: usize| {
            let most = self.from.size[i] as isize + OVER - WINDOW as isize;
            vector[i].clamp(-OVER - corner[i], most - corner[i])
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

    /// How the window's brightness leads from a whole vector to the exact one (Lucas and Kanade, IJCAI 1981).
    pub fn evidence(&self, block: [usize; 2], vector: [isize; 2]) -> Evidence {
        let corner = self.corner(block);
        let [x, y] = corner;
        let [u, v] = self.kept(corner, vector);
        let mut evidence = Evidence::default();
        for row in 0..WINDOW as isize {
            let now = Cross::new(self.to, [x, y + row]);
            let then = Cross::new(self.from, [x + u, y + v + row]);
            for i in 0..WINDOW {
                let slope = [0, 1].map(|axis| (now.slope(i, axis) + then.slope(i, axis)) / 2.0);
                let apart = now.value(i) - then.value(i);
                evidence.add(slope, apart);
            }
        }
        evidence.toward([u as f32, v as f32])
    }
}

/// Three rows of a window: itself, above and below.
struct Cross<'a> {
    above: &'a [u16],
    here: &'a [u16],
    below: &'a [u16],
}

impl<'a> Cross<'a> {
    fn new(level: &'a Level, [x, y]: [isize; 2]) -> Self {
        Self {
            above: level.row(x, y - 1, WINDOW),
            here: level.row(x - 1, y, WINDOW + 2),
            below: level.row(x, y + 1, WINDOW),
        }
    }

    /// Grey levels.
    fn value(&self, i: usize) -> f32 {
        f32::from(self.here[i + 1]) / PER_GREY
    }

    /// Grey levels a pixel, across (0) or down (1).
    fn slope(&self, i: usize, axis: usize) -> f32 {
        let (before, after) = match axis {
            0 => (self.here[i], self.here[i + 2]),
            _ => (self.above[i], self.below[i]),
        };
        (f32::from(after) - f32::from(before)) / (2.0 * PER_GREY)
    }
}

/// What a window says of its motion: along which directions it is sure, and how far they go. Sums of these say it of larger
/// windows: an edge alone says nothing of motion along it, two say all.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Evidence {
    /// Means of the products of slopes: across², across · down, down².
    tensor: [f32; 3],
    /// The tensor times the vector.
    pull: [f32; 2],
}

impl Evidence {
    /// Slopes of less than half a grey level a pixel are noise: there no motion is the likeliest.
    const NOISE: f32 = 0.25;

    /// Adds a pixel: its slopes, and how much brighter it is than where it is thought to come from.
    fn add(&mut self, [x, y]: [f32; 2], apart: f32) {
        const SHARE: f32 = 1.0 / (WINDOW * WINDOW) as f32;
        let Self { tensor, pull } = self;
        for (sum, term) in tensor.iter_mut().zip([x * x, x * y, y * y]) {
            *sum += SHARE * term;
        }
        for (sum, slope) in pull.iter_mut().zip([x, y]) {
            *sum += SHARE * slope * apart;
        }
    }

    /// Of the whole way, where it said what is left of it; that is a pixel at most, else the search would have gone on.
    fn toward(self, [u, v]: [f32; 2]) -> Self {
        let [s, t] = self.vector().map(|left| left.clamp(-1.0, 1.0));
        let [xx, xy, yy] = self.tensor;
        let (u, v) = (u + s, v + t);
        Self {
            pull: [xx * u + xy * v, xy * u + yy * v],
            ..self
        }
    }

    /// With another's, weighted.
    pub fn plus(&mut self, other: &Self, weight: f32) {
        let ours = self.tensor.iter_mut().chain(&mut self.pull);
        for (sum, term) in ours.zip(other.tensor.iter().chain(&other.pull)) {
            *sum += weight * term;
        }
    }

    /// The likeliest vector.
    pub fn vector(&self) -> [f32; 2] {
        let [xx, xy, yy] = self.tensor;
        let (xx, yy) = (xx + Self::NOISE, yy + Self::NOISE);
        let determinant = xx * yy - xy * xy; // ≥ NOISE²
        let [x, y] = self.pull;
        [
            (yy * x - xy * y) / determinant,
            (xx * y - xy * x) / determinant,
        ]
    }
}
