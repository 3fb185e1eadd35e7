//! How much of a picture motion explains.

use super::grid::{BLOCK, BLOCKS, Between, COUNT, PER_GREY};
use super::luma::{Level, Luma};

/// What is left over that noise and rounding account for, grey levels.
const NOISE: f32 = 1.5;
/// What is left over, as a share of the picture's gradient, up to which motion explains all, and from which on nothing: a
/// vector wrong by so many pixels.
const ALL: f32 = 0.35;
const NOTHING: f32 = 0.9;
/// Pixels from where it began to where a vector there and one back end, up to which they agree, and from which on not at all.
const ASTRAY: [f32; 2] = [0.7, 1.5];

/// For each block, what motion leaves over.
#[derive(Clone, Debug)]
pub(super) struct Explained {
    /// 0 (not at all) to 1 (wholly).
    pub each: [f32; COUNT],
    /// Share of the picture that changed.
    pub changed: f32,
    /// Share of the picture that changed and that motion does not explain.
    pub unexplained: f32,
    rows: [[Leftover; BLOCKS[0]]; BLOCKS[1]],
}

/// Means over a block, grey levels.
#[derive(Clone, Copy, Debug, Default)]
struct Leftover {
    /// Between the picture and the earlier one moved.
    moved: f32,
    /// The same, unmoved.
    still: f32,
    /// The gradient, of both pictures.
    gradient: f32,
}

impl Default for Explained {
    fn default() -> Self {
        Self {
            each: [0.0; COUNT],
            changed: 0.0,
            unexplained: 0.0,
            rows: [[Leftover::default(); BLOCKS[0]]; BLOCKS[1]],
        }
    }
}

impl Explained {
    /// Of a picture by an earlier one and vectors into it.
    pub fn measure(&mut self, from: &Luma, to: &Luma, vectors: &[[f32; 2]; COUNT]) {
        let (from, to) = (from.finest(), to.finest());
        for (y, row) in self.rows.iter_mut().enumerate() {
            for (x, block) in row.iter_mut().enumerate() {
                *block = Leftover::of(from, to, [x, y], vectors);
            }
        }
        let (mut changed, mut unexplained) = (0.0, 0.0);
        for (block, explained) in self.rows.as_flattened().iter().zip(&mut self.each) {
            let lost = block.lost();
            *explained = 1.0 - lost;
            let change = ramp(block.still, NOISE, 2.0 * NOISE);
            changed += change;
            unexplained += change * lost;
        }
        self.changed = changed / COUNT as f32;
        self.unexplained = unexplained / COUNT as f32;
    }

    /// Lowers what two measures, there and back, do not agree on: vectors that do not lead back to where they began.
    pub fn agree(&mut self, there: &[[f32; 2]; COUNT], back: &[[f32; 2]; COUNT]) {
        for (at, (explained, [u, v])) in self.each.iter_mut().zip(there).enumerate() {
            let middle = [at % BLOCKS[0], at / BLOCKS[0]].map(|b| (b * BLOCK) as f32 + 1.5);
            let [s, t] = Between::at([middle[0] + u, middle[1] + v]).vector(back);
            let apart = (u + s).abs().max((v + t).abs());
            *explained *= 1.0 - ramp(apart, ASTRAY[0], ASTRAY[1]);
        }
    }
}

impl Leftover {
    fn of(from: &Level, to: &Level, block: [usize; 2], vectors: &[[f32; 2]; COUNT]) -> Self {
        let mut sum = Self::default();
        for y in block[1] * BLOCK..(block[1] + 1) * BLOCK {
            let x = block[0] * BLOCK;
            let (left, row) = (x as isize, y as isize);
            let now = to.row(left, row, BLOCK + 1);
            let (below, then) = (to.row(left, row + 1, BLOCK), from.row(left, row, BLOCK + 1));
            let under = from.row(left, row + 1, BLOCK);
            for i in 0..BLOCK {
                let grey = f32::from(now[i]) / PER_GREY;
                let place = [(x + i) as f32, y as f32];
                let [u, v] = Between::at(place).vector(vectors);
                sum.moved += (grey - from.sample([place[0] + u, place[1] + v])).abs();
                sum.still += f32::from(now[i].abs_diff(then[i])) / PER_GREY;
                let slope = |row: &[u16], below: &[u16]| {
                    f32::from(row[i].abs_diff(row[i + 1])) + f32::from(row[i].abs_diff(below[i]))
                };
                sum.gradient += (slope(now, below) + slope(then, under)) / (4.0 * PER_GREY);
            }
        }
        let pixels = (BLOCK * BLOCK) as f32;
        Self {
            moved: sum.moved / pixels,
            still: sum.still / pixels,
            gradient: sum.gradient / pixels,
        }
    }

    /// 0: motion explains it; 1: not at all.
    fn lost(&self) -> f32 {
        let (all, nothing) = (ALL * self.gradient, NOTHING * self.gradient);
        ramp(self.moved, NOISE + all, 2.0 * NOISE + nothing)
    }
}

/// 0 up to `from`, 1 from `to` on.
fn ramp(at: f32, from: f32, to: f32) -> f32 {
    ((at - from) / (to - from).max(1e-6)).clamp(0.0, 1.0)
}
