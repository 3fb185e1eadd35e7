//! Maps of several views of one picture → one map of the whole.

use picture::mask::{LogitMap, MaskError};

use super::view::{View, Views};

/// The mean of what the views say, cell by cell. Where tiles overlap, each counts the less the nearer the cell is to its
/// edge (a linear ramp), as a network knows least there; mirror images count alike.
///
/// Plain float32 sums in the order of the views: the same bits on every CPU.
#[derive(Clone, Debug)]
pub struct Blend {
    /// Pixels per cell.
    stride: usize,
    /// Cells per side of a view, and of the whole.
    tile: usize,
    side: usize,
    /// Weight of a view's cell along one axis.
    ramp: Vec<f32>,
    sums: Vec<f32>,
    weights: Vec<f32>,
}

impl Blend {
    /// For maps with cells of `stride` pixels.
    #[must_use]
    pub fn new(views: &Views, stride: usize) -> Self {
        let stride = stride.max(1);
        let (tile, side) = (views.side() / stride, views.canvas() / stride);
        let overlap = (views.overlap() / stride).max(1);
        let ramp = (0..tile)
            .map(|i| (i + 1).min(tile - i).min(overlap) as f32 / overlap as f32)
            .collect();
        Self {
            stride,
            tile,
            side,
            ramp,
            sums: vec![0.0; side * side],
            weights: vec![0.0; side * side],
        }
    }

    /// Adds what one view says.
    ///
    /// # Errors
    /// A map of another size than the views have.
    pub fn add(&mut self, view: View, map: &LogitMap) -> Result<(), String> {
        let (tile, side, logits) = (self.tile, self.side, map.logits());
        if map.side() != tile {
            return Err(format!(
                "a view's map has {0}x{0} cells, expected {tile}x{tile}",
                map.side()
            ));
        }
        let (left, top) = (view.left / self.stride, view.top / self.stride);
        for y in 0..tile {
            let from = if view.down { tile - 1 - y } else { y } * tile;
            let at = (top + y) * side + left;
            let sums = self.sums[at..][..tile].iter_mut();
            let cells = sums.zip(&mut self.weights[at..][..tile]).zip(&self.ramp);
            for (x, ((sum, total), along)) in cells.enumerate() {
                let weight = along * self.ramp[y];
                let x = if view.across { tile - 1 - x } else { x };
                *sum += weight * logits[from + x];
                *total += weight;
            }
        }
        Ok(())
    }

    /// The whole.
    ///
    /// # Errors
    /// [`MaskError::NotSquare`] of views without cells.
    pub fn finish(mut self) -> Result<LogitMap, MaskError> {
        for (sum, weight) in self.sums.iter_mut().zip(&self.weights) {
            *sum /= weight;
        }
        LogitMap::new(self.side, self.sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Mirrored, ViewsSpec};

    fn map<const CELLS: usize>(logits: [f32; CELLS]) -> LogitMap {
        LogitMap::new(CELLS.isqrt(), logits.into()).unwrap()
    }

    fn views(tiles: usize, mirrored: Mirrored) -> Views {
        Views::of(ViewsSpec { tiles, mirrored }, 224)
    }

    /// A map over the canvas, cut for each view and put together again, is that map.
    #[test]
    fn puts_together_what_was_cut() {
        for tiles in [1, 2, 4] {
            for mirrored in [Mirrored::No, Mirrored::Across, Mirrored::Both] {
                let views = views(tiles, mirrored);
                for stride in [4, 32] {
                    let (side, tile) = (views.canvas() / stride, 224 / stride);
                    let whole: Vec<f32> = (0..side * side).map(|i| (i % 37) as f32).collect();
                    let mut blend = Blend::new(&views, stride);
                    for view in views.each() {
                        let cell = |i: usize| {
                            let (y, x) = (i / tile, i % tile);
                            let y = if view.down { tile - 1 - y } else { y };
                            let x = if view.across { tile - 1 - x } else { x };
                            whole[(view.top / stride + y) * side + view.left / stride + x]
                        };
                        let map: Vec<f32> = (0..tile * tile).map(cell).collect();
                        let map = LogitMap::new(tile, map).unwrap();
                        blend.add(view, &map).unwrap();
                    }
                    let found = blend.finish().unwrap();
                    assert_eq!(found.side(), side);
                    for (a, b) in found.logits().iter().zip(&whole) {
                        assert!((a - b).abs() < 1e-4, "{tiles} {mirrored:?}: {a} is not {b}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_tile_counts_less_towards_its_edge() {
        let views = views(2, Mirrored::No);
        let mut blend = Blend::new(&views, 32);
        for (view, says) in views.each().zip([0.0, 1.0, 0.0, 1.0]) {
            blend.add(view, &map([says; 49])).unwrap();
        }
        let whole = blend.finish().unwrap();
        let (side, logits) = (whole.side(), whole.logits());
        // 7 cells, 5 apart: cells 5 and 6 are shared; the ramp is 1, 1/2 and 1/2, 1.
        let row: Vec<f32> = logits[..side].to_vec();
        assert_eq!(
            (side, &row[..5], &row[7..]),
            (12, &[0.0; 5][..], &[1.0; 5][..])
        );
        assert!((row[5] - 1.0 / 3.0).abs() < 1e-6 && (row[6] - 2.0 / 3.0).abs() < 1e-6);
    }

    #[test]
    fn what_is_not_finite_stays_so_and_other_sizes_are_refused() {
        let views = views(1, Mirrored::Across);
        let mut blend = Blend::new(&views, 32);
        let all: Vec<View> = views.each().collect();
        let mut bad = [1.0; 49];
        bad[6] = f32::NAN;
        blend.add(all[0], &map([1.0; 49])).unwrap();
        blend.add(all[1], &map(bad)).unwrap();
        assert!(blend.add(all[1], &map([1.0; 36])).is_err());
        let whole = blend.finish().unwrap();
        let logits = whole.logits();
        assert!(logits[0].is_nan() && logits[6].is_finite());
    }
}
