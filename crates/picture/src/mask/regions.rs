//! Mask → its connected regions.
//!
//! Target pixels are connected through their 4 sides. Pixels that touch at a corner alone belong to different regions,
//! unless they are joined another way round.

use super::Mask;

/// The 4-connected regions of a mask, numbered in the order of their first pixel from the top left.
#[derive(Clone, Debug)]
pub struct Regions<'a> {
    pub(super) mask: &'a Mask,
    /// From the top left, row by row.
    pub(super) runs: Vec<Run>,
    count: usize,
}

/// A stretch of target pixels in one row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub y: u32,
    pub start: u32,
    pub end: u32,
    /// Number of its region. While regions are found: a run earlier in the same region, or the run itself.
    pub region: u32,
}

impl<'a> Regions<'a> {
    /// Finds them row by row, joining runs that touch. Memory is linear in the number of runs.
    #[must_use]
    pub fn find(mask: &'a Mask) -> Self {
        let mut runs: Vec<Run> = Vec::new();
        let mut above = 0..0; // the runs of the row above
        for (y, row) in mask.rows().enumerate() {
            let first = runs.len();
            let mut x = 0;
            while let Some(start) = row[x..].iter().position(|p| *p != 0).map(|n| x + n) {
                x = row[start..]
                    .iter()
                    .position(|p| *p == 0)
                    .map_or(row.len(), |n| start + n);
                runs.push(Run {
                    y: y as u32,
                    start: start as u32,
                    end: x as u32,
                    region: runs.len() as u32,
                });
            }
            let mut candidate = above.start;
            for run in first..runs.len() {
                let Run { start, end, .. } = runs[run];
                while candidate < above.end && runs[candidate].end <= start {
                    candidate += 1;
                }
                let mut touching = candidate;
                while touching < above.end && runs[touching].start < end {
                    join(&mut runs, touching, run);
                    touching += 1;
                }
            }
            above = first..runs.len();
        }
        // A run's forerunner comes before it and has its number already.
        let mut count = 0;
        for run in 0..runs.len() {
            let forerunner = runs[run].region as usize;
            runs[run].region = if forerunner == run {
                count += 1;
                count - 1
            } else {
                runs[forerunner].region
            };
        }
        Self {
            mask,
            runs,
            count: count as usize,
        }
    }

    /// Pixels of each region, largest first.
    #[must_use]
    pub fn areas(&self) -> Vec<u64> {
        let mut areas: Vec<u64> = self.seeds().map(|(_, area)| area).collect();
        areas.sort_unstable_by(|a, b| b.cmp(a));
        areas
    }

    /// Of each region in their order: x and y of its first pixel from the top left, and how many it has.
    pub(super) fn seeds(&self) -> impl Iterator<Item = ([u32; 2], u64)> {
        let mut seeds: Vec<([u32; 2], u64)> = Vec::with_capacity(self.count);
        for run in &self.runs {
            let length = u64::from(run.end - run.start);
            match seeds.get_mut(run.region as usize) {
                Some((_, area)) => *area += length,
                // Regions are numbered in the order of their first runs.
                None => seeds.push(([run.start, run.y], length)),
            }
        }
        seeds.into_iter()
    }

    /// Number of the region that a pixel (x, y) is of; `None` of background.
    pub(super) fn at(&self, [x, y]: [u32; 2]) -> Option<u32> {
        let after = self
            .runs
            .partition_point(|run| (run.y, run.start) <= (y, x));
        let run = self.runs.get(after.checked_sub(1)?)?;
        (run.y == y && x < run.end).then_some(run.region)
    }

    /// The runs of one region.
    pub(super) fn runs_of(&self, region: u32) -> Vec<Run> {
        let own = self.runs.iter().filter(|run| run.region == region);
        own.copied().collect()
    }
}

fn join(runs: &mut [Run], a: usize, b: usize) {
    let (a, b) = (root(runs, a), root(runs, b));
    runs[a.max(b)].region = a.min(b) as u32;
}

/// The region's first run, shortening the way to it for the next time.
fn root(runs: &mut [Run], mut run: usize) -> usize {
    while runs[run].region as usize != run {
        let forerunner = runs[run].region as usize;
        runs[run].region = runs[forerunner].region;
        run = forerunner;
    }
    run
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mask::tests::{any_mask, drawn, regions_by_flooding};

    proptest! {
        #[test]
        fn areas_are_those_of_flooding(mask in any_mask()) {
            let count = |region: &Vec<u8>| region.iter().filter(|p| **p != 0).count() as u64;
            let mut areas: Vec<u64> = regions_by_flooding(&mask).iter().map(count).collect();
            areas.sort_unstable_by(|a, b| b.cmp(a));
            prop_assert_eq!(Regions::find(&mask).areas(), areas);
        }
    }

    #[test]
    fn of_drawn_masks() {
        let areas = |rows: &[&str]| Regions::find(&drawn(rows)).areas();
        assert_eq!(areas(&["#.###", "#...#", "###.#"]), [5, 5]);
        assert_eq!(areas(&["#..", ".#.", "..#"]), [1, 1, 1]);
        assert_eq!(areas(&["#.#.#", "#####"]), [8]);
        assert_eq!(areas(&["..."]), [0; 0]);
    }
}
