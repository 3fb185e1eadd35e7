//! A vector for each block: searched from the smallest level to the largest, made smooth.

use super::grid::{BLOCK, BLOCKS, COUNT};
use super::luma::{Level, Luma};
use super::matching::Matcher;

/// How far the smallest level is searched: 12 pixels of the small picture, an eighth of its width.
const REACH: isize = 3;
/// Passes of smoothing.
const PASSES: usize = 1;

/// Where each block came from, in pixels of the small picture.
#[derive(Clone, Debug)]
pub(super) struct Vectors {
    /// Of the level before and of the one at hand, whole pixels.
    parents: Vec<[isize; 2]>,
    whole: Vec<[isize; 2]>,
    /// How sure each is, along each axis.
    sharpness: [[f32; 2]; COUNT],
    /// The result.
    pub each: [[f32; 2]; COUNT],
    spare: [[f32; 2]; COUNT],
}

impl Default for Vectors {
    fn default() -> Self {
        Self {
            parents: Vec::with_capacity(COUNT),
            whole: Vec::with_capacity(COUNT),
            sharpness: [[0.0; 2]; COUNT],
            each: [[0.0; 2]; COUNT],
            spare: [[0.0; 2]; COUNT],
        }
    }
}

/// Blocks of a level.
fn grid(level: &Level) -> [usize; 2] {
    level.size.map(|side| side.div_ceil(BLOCK))
}

impl Vectors {
    /// From one picture to another.
    pub fn search(&mut self, from: &Luma, to: &Luma) {
        self.parents.clear();
        let mut parents = [0, 0];
        for (from, to) in from.levels().zip(to.levels()) {
            let matcher = Matcher { from, to };
            let blocks = grid(to);
            self.whole.clear();
            for y in 0..blocks[1] {
                for x in 0..blocks[0] {
                    let start = self.start(&matcher, [x, y], parents);
                    let reach = if self.parents.is_empty() { REACH } else { 1 };
                    self.whole.push(matcher.search([x, y], start, reach));
                }
            }
            std::mem::swap(&mut self.parents, &mut self.whole);
            parents = blocks;
        }
        self.refine(&Matcher {
            from: from.finest(),
            to: to.finest(),
        });
        for _ in 0..PASSES {
            self.smooth();
        }
    }

    /// The best of what the level before found here and around, and of no motion at all.
    fn start(&self, matcher: &Matcher<'_>, block: [usize; 2], parents: [usize; 2]) -> [isize; 2] {
        let mut best = ([0, 0], matcher.cost(block, [0, 0]));
        let parent = block.map(|at| at as isize / 2);
        for [across, down] in [[0, 0], [-1, 0], [1, 0], [0, -1], [0, 1]] {
            let [x, y] = [parent[0] + across, parent[1] + down];
            let within = x >= 0 && y >= 0 && x < parents[0] as isize && y < parents[1] as isize;
            if !within {
                continue;
            }
            let vector = self.parents[y as usize * parents[0] + x as usize].map(|v| 2 * v);
            let cost = matcher.cost(block, vector);
            if cost < best.1 {
                best = (vector, cost);
            }
        }
        best.0
    }

    /// Between pixels; the last level's vectors are in `parents`.
    fn refine(&mut self, matcher: &Matcher<'_>) {
        let results = self.each.iter_mut().zip(&mut self.sharpness);
        for ((at, vector), (result, sharpness)) in self.parents.iter().enumerate().zip(results) {
            let block = [at % BLOCKS[0], at / BLOCKS[0]];
            let refined = matcher.refine(block, *vector);
            (*result, *sharpness) = (refined.vector, refined.sharpness);
        }
    }

    /// Each the mean of itself and its neighbours, the sure ones counting more; each axis for itself, as an edge says
    /// nothing of motion along it.
    fn smooth(&mut self) {
        let [across, down] = BLOCKS;
        for y in 0..down {
            for x in 0..across {
                let (mut sum, mut weights) = ([0.0; 2], [0.0; 2]);
                for ny in y.saturating_sub(1)..(y + 2).min(down) {
                    for nx in x.saturating_sub(1)..(x + 2).min(across) {
                        let near =
                            if nx == x { 2.0 } else { 1.0 } * if ny == y { 2.0 } else { 1.0 };
                        let at = ny * across + nx;
                        for axis in 0..2 {
                            let weight = near * (self.sharpness[at][axis] + 0.5);
                            sum[axis] += weight * self.each[at][axis];
                            weights[axis] += weight;
                        }
                    }
                }
                self.spare[y * across + x] = [sum[0] / weights[0], sum[1] / weights[1]];
            }
        }
        std::mem::swap(&mut self.each, &mut self.spare);
    }
}
