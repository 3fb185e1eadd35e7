//! A vector for each block: searched from the smallest level to the largest, made smooth.

use super::grid::{BLOCK, BLOCKS, COUNT};
use super::luma::{Level, Luma};
use super::matching::{Evidence, Matcher};

/// How far the smallest level is searched: 12 pixels of the small picture, an eighth of its width.
const REACH: isize = 3;

/// Where each block came from, in pixels of the small picture.
#[derive(Clone, Debug)]
pub(super) struct Vectors {
    /// Of the level before and of the one at hand, whole pixels.
    parents: Vec<[isize; 2]>,
    whole: Vec<[isize; 2]>,
    /// What each block says of itself, then what it and its neighbours say.
    evidence: [Evidence; COUNT],
    spare: [Evidence; COUNT],
    /// The result.
    pub each: [[f32; 2]; COUNT],
}

impl Default for Vectors {
    fn default() -> Self {
        Self {
            parents: Vec::with_capacity(COUNT),
            whole: Vec::with_capacity(COUNT),
            evidence: [Evidence::default(); COUNT],
            spare: [Evidence::default(); COUNT],
            each: [[0.0; 2]; COUNT],
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
        let matcher = Matcher {
            from: from.finest(),
            to: to.finest(),
        };
        for ((at, vector), evidence) in self.parents.iter().enumerate().zip(&mut self.evidence) {
            *evidence = matcher.evidence([at % BLOCKS[0], at / BLOCKS[0]], *vector);
        }
        self.smooth();
        for (vector, evidence) in self.each.iter_mut().zip(&self.evidence) {
            *vector = evidence.vector();
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

    /// Each block's evidence and its neighbours', near ones counting more.
    fn smooth(&mut self) {
        let [across, down] = BLOCKS;
        for y in 0..down {
            for x in 0..across {
                let mut sum = Evidence::default();
                for (row, far) in [
                    (y.saturating_sub(1), 1.0),
                    (y, 2.0),
                    ((y + 1).min(down - 1), 1.0),
                ] {
                    for (column, away) in [
                        (x.saturating_sub(1), 1.0),
                        (x, 2.0),
                        ((x + 1).min(across - 1), 1.0),
                    ] {
                        sum.plus(&self.evidence[row * across + column], far * away / 16.0);
                    }
                }
                self.spare[y * across + x] = sum;
            }
        }
        std::mem::swap(&mut self.evidence, &mut self.spare);
    }
}
