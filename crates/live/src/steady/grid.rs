//! The sizes that motion is estimated with.

/// Width and height of the small picture, whatever the frame's: the network's maps are square too.
pub(super) const SMALL: [usize; 2] = [96, 72];
/// Side of a block, in pixels of the small picture; each has one vector.
pub(super) const BLOCK: usize = 4;
/// Blocks across and down.
pub(super) const BLOCKS: [usize; 2] = [SMALL[0] / BLOCK, SMALL[1] / BLOCK];
/// All of them.
pub(super) const COUNT: usize = BLOCKS[0] * BLOCKS[1];
/// Values to a grey level: what averaging gains beyond 8 bits.
pub(super) const PER_GREY: f32 = 16.0;

/// A value for each block, at any place of the small picture between their middles (bilinear, clamped).
pub(super) struct Between {
    corners: [usize; 4],
    weights: [f32; 4],
}

impl Between {
    /// At a place, pixels of the small picture (0 is the middle of the first).
    pub fn at([x, y]: [f32; 2]) -> Self {
        let split = |at: f32, count: usize| {
            let at = ((at + 0.5) / BLOCK as f32 - 0.5).clamp(0.0, (count - 1) as f32);
            let low = (at as usize).min(count - 2);
            (low, at - low as f32)
        };
        let ((left, right), (top, low)) = (split(x, BLOCKS[0]), split(y, BLOCKS[1]));
        let first = top * BLOCKS[0] + left;
        Self {
            corners: [first, first + 1, first + BLOCKS[0], first + BLOCKS[0] + 1],
            weights: [
                (1.0 - low) * (1.0 - right),
                (1.0 - low) * right,
                low * (1.0 - right),
                low * right,
            ],
        }
    }

    /// One value.
    pub fn value(&self, values: &[f32; COUNT]) -> f32 {
        let parts = self.corners.iter().zip(self.weights);
        parts.map(|(corner, weight)| values[*corner] * weight).sum()
    }

    /// A vector.
    pub fn vector(&self, vectors: &[[f32; 2]; COUNT]) -> [f32; 2] {
        let parts = self.corners.iter().zip(self.weights);
        parts.fold([0.0; 2], |[x, y], (corner, weight)| {
            let [u, v] = vectors[*corner];
            [x + u * weight, y + v * weight]
        })
    }
}
