//! A frame as motion is seen on it: small, grey, at three sizes.

use picture::frame::Frame;

use super::grid::{PER_GREY, SMALL};

/// Rows or columns of copies around each level, so that a window may look over the edge, and a gradient over the window's.
pub(super) const PAD: usize = 5;

/// A small grey picture, and its half and its quarter. It keeps its memory: [`Luma::take`] allocates only when frames
/// become wider.
#[derive(Clone, Debug)]
pub struct Luma {
    levels: [Level; 3],
    /// Sums of a band of the frame's rows, sample by sample.
    sums: Vec<u16>,
}

/// One size of it, padded.
#[derive(Clone, Debug)]
pub(super) struct Level {
    /// Width and height without padding.
    pub size: [usize; 2],
    stride: usize,
    values: Vec<u16>,
}

impl Default for Luma {
    fn default() -> Self {
        let level = |halvings: usize| Level::new(SMALL.map(|side| side >> halvings));
        Self {
            levels: [level(0), level(1), level(2)],
            sums: Vec::new(),
        }
    }
}

impl Luma {
    /// Takes a frame: the mean of all samples that a small pixel covers, colours alike.
    pub fn take(&mut self, frame: &Frame) {
        let [width, height] = frame.size().map(|side| side as usize);
        self.sums.resize(3 * width, 0);
        let [across, down] = SMALL;
        let row_bytes = 3 * width;
        for y in 0..down {
            let (rows, columns) = (part(y, height, down), |x| part(x, width, across));
            // 257 rows of 255 are what 16 bits hold; no frame that fits a screen has bands as high.
            let rows = rows.start..rows.end.min(rows.start + 257);
            let count = rows.len();
            self.sums.fill(0);
            for row in
                frame.rgb()[rows.start * row_bytes..rows.end * row_bytes].chunks_exact(row_bytes)
            {
                for (sum, sample) in self.sums.iter_mut().zip(row) {
                    *sum = sum.wrapping_add(u16::from(*sample));
                }
            }
            let line = self.levels[0].row_mut(y);
            for (x, value) in line.iter_mut().enumerate() {
                let columns = columns(x);
                let samples = &self.sums[3 * columns.start..3 * columns.end];
                let sum: u32 = samples.iter().map(|sum| u32::from(*sum)).sum();
                *value = (sum as f32 * PER_GREY / (count * samples.len()) as f32) as u16;
            }
        }
        let [first, second, third] = &mut self.levels;
        first.pad();
        second.halve(first);
        third.halve(second);
    }

    /// From the smallest to the largest.
    pub(super) fn levels(&self) -> impl Iterator<Item = &Level> {
        self.levels.iter().rev()
    }

    /// The largest.
    pub(super) fn finest(&self) -> &Level {
        &self.levels[0]
    }
}

/// Which of `side` pixels the small one covers, of `count`; at least one.
fn part(small: usize, side: usize, count: usize) -> std::ops::Range<usize> {
    let start = small * side / count;
    start..((small + 1) * side / count).max(start + 1)
}

impl Level {
    fn new(size: [usize; 2]) -> Self {
        let stride = size[0] + 2 * PAD;
        Self {
            size,
            stride,
            values: vec![0; stride * (size[1] + 2 * PAD)],
        }
    }

    fn row_mut(&mut self, y: usize) -> &mut [u16] {
        let (start, width) = ((y + PAD) * self.stride + PAD, self.size[0]);
        &mut self.values[start..start + width]
    }

    /// `len` values from a place on, which may lie in the padding: −`PAD` is the first.
    pub fn row(&self, x: isize, y: isize, len: usize) -> &[u16] {
        let place = |at: isize| at.saturating_add_unsigned(PAD).max(0) as usize;
        let start = place(y) * self.stride + place(x);
        &self.values[start..start + len]
    }

    /// Between pixels (bilinear, clamped to the picture), in grey levels.
    pub fn sample(&self, [x, y]: [f32; 2]) -> f32 {
        let split = |at: f32, side: usize| {
            let at = at.clamp(0.0, (side - 1) as f32);
            let low = (at as usize).min(side - 2);
            (low, at - low as f32)
        };
        let ((left, right), (top, low)) = (split(x, self.size[0]), split(y, self.size[1]));
        let start = (top + PAD) * self.stride + left + PAD;
        let value = |at: usize| f32::from(self.values[at]);
        let mix = |at: usize| value(at) * (1.0 - right) + value(at + 1) * right;
        (mix(start) * (1.0 - low) + mix(start + self.stride) * low) / PER_GREY
    }

    fn halve(&mut self, larger: &Self) {
        for y in 0..self.size[1] {
            let upper = larger
                .row(0, 2 * y as isize, larger.size[0])
                .as_chunks::<2>()
                .0;
            let lower = larger
                .row(0, 2 * y as isize + 1, larger.size[0])
                .as_chunks::<2>()
                .0;
            for ((value, a), b) in self.row_mut(y).iter_mut().zip(upper).zip(lower) {
                let sum: u32 = a.iter().chain(b).map(|v| u32::from(*v)).sum();
                *value = (sum / 4) as u16;
            }
        }
        self.pad();
    }

    /// Repeats the edges outwards.
    fn pad(&mut self) {
        let ([width, height], stride) = (self.size, self.stride);
        for row in self.values.chunks_exact_mut(stride) {
            let (left, right) = (row[PAD], row[PAD + width - 1]);
            row[..PAD].fill(left);
            row[PAD + width..].fill(right);
        }
        for y in 0..PAD {
            self.values
                .copy_within(PAD * stride..(PAD + 1) * stride, y * stride);
            let last = (PAD + height - 1) * stride;
            self.values
                .copy_within(last..last + stride, (PAD + height + y) * stride);
        }
    }
}
