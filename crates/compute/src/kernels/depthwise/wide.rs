//! Thirty-two channels of an 8-bit convolution at once, in loops that the compiler makes vectors of.

/// Channels worked on at once.
pub(super) const WIDE: usize = 32;

/// What the channels of a panel are convolved with.
pub(super) struct WidePanel {
    weights: [[i16; WIDE]; 9],
    start: [i32; WIDE],
    scale: [f32; WIDE],
    bias: [f32; WIDE],
}

impl WidePanel {
    /// Nine weights of each channel, and what its sum begins with, is multiplied with and has added.
    #[inline(always)]
    pub(super) fn new(
        weights: &[[i16; WIDE]; 9],
        start: &[i32; WIDE],
        (scale, bias): (&[f32; WIDE], &[f32; WIDE]),
    ) -> Self {
        Self {
            weights: *weights,
            start: *start,
            scale: *scale,
            bias: *bias,
        }
    }

    /// `(start + Σ cell · weight) · scale + bias`: products and their sums two by two in 16 bits, where they fit, then in 32.
    #[inline(always)]
    pub(super) fn of_cells(&self, cells: &[[u8; WIDE]; 9]) -> [f32; WIDE] {
        let mut real = [0.0; WIDE];
        for l in 0..WIDE {
            let product = |tap: usize| i16::from(cells[tap][l]).wrapping_mul(self.weights[tap][l]);
            let two = |tap: usize| i32::from(product(tap).wrapping_add(product(tap + 1)));
            let acc = self.start[l]
                .wrapping_add(two(0))
                .wrapping_add(two(2))
                .wrapping_add(two(4))
                .wrapping_add(two(6))
                .wrapping_add(i32::from(product(8)));
            real[l] = (acc as f32).mul_add(self.scale[l], self.bias[l]);
        }
        real
    }
}
