//! A frame at a smaller size: each pixel is the mean of the area that it stands for.

use crate::frame::{Frame, FrameError};

/// What the weights of a mean come to.
const ONE: u16 = 256;

/// Shrinks frames one after the other, with the memory of the first: a row and its weights.
#[derive(Clone, Debug, Default)]
pub struct Shrinker {
    /// The mean of some rows, [`ONE`] times as large.
    sums: Vec<u16>,
    rows: Shares,
    columns: Shares,
}

impl Shrinker {
    /// Writes the frame at this width, and the height that keeps its shape, into another one's memory. It is never made
    /// larger: at its own width or above it is copied.
    ///
    /// # Errors
    /// [`FrameError::BadSamples`] for a width of 0.
    pub fn shrink(&mut self, frame: &Frame, width: u32, to: &mut Frame) -> Result<(), FrameError> {
        let width = width.min(frame.width());
        to.reshape(width, height_at(frame, width))?;
        if to.size() == frame.size() {
            to.rgb_mut().copy_from_slice(frame.rgb());
            return Ok(());
        }
        let [[wide, high], [width, height]] =
            [frame.size(), to.size()].map(|size| size.map(|side| side as usize));
        self.rows.set(high, height);
        self.columns.set(wide, width);
        self.sums.resize(3 * wide, 0);
        let rows = to.rgb_mut().chunks_exact_mut(3 * width);
        for (row, (y, weights)) in rows.zip(self.rows.each()) {
            self.sums.fill(0);
            let from = frame.rgb()[3 * wide * y..].chunks_exact(3 * wide);
            for (from, weight) in from.zip(weights) {
                add(&mut self.sums, from, *weight);
            }
            let pixels = row.as_chunks_mut().0.iter_mut();
            for (pixel, (x, weights)) in pixels.zip(self.columns.each()) {
                *pixel = mean(&self.sums.as_chunks().0[x..], weights);
            }
        }
        Ok(())
    }
}

fn add(sums: &mut [u16], row: &[u8], weight: u16) {
    for (sum, v) in sums.iter_mut().zip(row) {
        // All weights come to 256, so this stays within 255 * 256.
        *sum = sum.wrapping_add(u16::from(*v).wrapping_mul(weight));
    }
}

#[inline]
fn mean(sums: &[[u16; 3]], weights: &[u16]) -> [u8; 3] {
    let mut means = [1_u32 << 15; 3];
    for (sums, weight) in sums.iter().zip(weights) {
        for (mean, sum) in means.iter_mut().zip(sums) {
            // Within 255 * 256 * 256, and half of 1 to round.
            *mean = mean.wrapping_add(u32::from(*sum).wrapping_mul(u32::from(*weight)));
        }
    }
    means.map(|mean| (mean >> 16) as u8)
}

/// The height that keeps a frame's shape at a width, at least 1.
fn height_at(frame: &Frame, width: u32) -> u32 {
    let [w, h] = frame.size().map(u64::from);
    let height = (h * u64::from(width) + w / 2) / w;
    height.max(1) as u32 // no more than it was
}

/// For each pixel to come along one side, those that it stands for.
#[derive(Clone, Debug, Default)]
struct Shares {
    /// The first of them, and how many.
    spans: Vec<(usize, usize)>,
    /// How much of each, one after the other; those of one pixel come to [`ONE`].
    weights: Vec<u16>,
}

impl Shares {
    /// Of `from` pixels that become `to`.
    fn set(&mut self, from: usize, to: usize) {
        self.spans.clear();
        self.weights.clear();
        for pixel in 0..to {
            // In parts of a pixel, of which each has `to`: where this one begins, and how far from there another does.
            let begin = pixel * from;
            let (first, end) = (begin / to, (begin + from).div_ceil(to));
            let share = |x: usize| (x * to).saturating_sub(begin).min(from);
            let rounded = |x: usize| (usize::from(ONE) * share(x) + from / 2) / from;
            self.spans.push((first, end - first));
            let weights = (first..end).map(|x| (rounded(x + 1) - rounded(x)) as u16);
            self.weights.extend(weights);
        }
    }

    fn each(&self) -> impl Iterator<Item = (usize, &[u16])> {
        let mut rest = self.weights.as_slice();
        self.spans.iter().map(move |(first, count)| {
            let (weights, others) = rest.split_at(*count);
            rest = others;
            (*first, weights)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shrunk(frame: &Frame, width: u32) -> Frame {
        let mut to = Frame::new(1, 1, vec![0; 3]).unwrap();
        Shrinker::default().shrink(frame, width, &mut to).unwrap();
        to
    }

    fn noise(width: u32, height: u32) -> Frame {
        let value = |i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8;
        let rgb = (0..3 * width * height).map(value).collect();
        Frame::new(width, height, rgb).unwrap()
    }

    /// The mean over the area of a pixel, in real numbers.
    fn plainly(frame: &Frame, size: [u32; 2], x: u32, y: u32, colour: usize) -> f64 {
        let [w, h] = frame.size();
        let share = |i: u32, at: u32, to: u32, from: u32| {
            let scale = f64::from(from) / f64::from(to);
            let (start, end) = (f64::from(at) * scale, f64::from(at + 1) * scale);
            (end.min(f64::from(i + 1)) - start.max(f64::from(i))).max(0.0) / scale
        };
        let pixels = (0..h).flat_map(|v| (0..w).map(move |u| (u, v)));
        pixels
            .map(|(u, v)| {
                let sample = f64::from(frame.rgb()[3 * (v * w + u) as usize + colour]);
                sample * share(u, x, size[0], w) * share(v, y, size[1], h)
            })
            .sum()
    }

    #[test]
    fn two_by_two_become_their_mean() {
        let rgb = vec![0, 10, 255, 1, 20, 255, 2, 30, 255, 4, 41, 255];
        let frame = Frame::new(2, 2, rgb).unwrap();
        assert_eq!(shrunk(&frame, 1).rgb(), [2, 25, 255]);
    }

    #[test]
    fn keeps_shape_and_is_never_larger() {
        let frame = noise(128, 72);
        for (width, size) in [
            (64, [64, 36]),
            (33, [33, 19]),
            (1, [1, 1]),
            (127, [127, 71]),
        ] {
            assert_eq!(shrunk(&frame, width).size(), size);
        }
        assert_eq!(shrunk(&frame, 128), frame);
        assert_eq!(shrunk(&frame, 4000), frame);
        assert_eq!(shrunk(&noise(1000, 1), 10).size(), [10, 1]);
        let mut to = noise(1, 1);
        let refused = Shrinker::default().shrink(&frame, 0, &mut to);
        assert!(matches!(refused, Err(FrameError::BadSamples { .. })));
    }

    #[test]
    fn a_frame_used_again_is_not_allocated_again() {
        let (frame, mut shrinker, mut to) = (noise(128, 72), Shrinker::default(), noise(1, 1));
        shrinker.shrink(&frame, 64, &mut to).unwrap();
        let (place, first) = (to.rgb().as_ptr(), to.clone());
        shrinker.shrink(&noise(90, 30), 40, &mut to).unwrap();
        shrinker.shrink(&frame, 64, &mut to).unwrap();
        assert_eq!(to.rgb().as_ptr(), place);
        assert_eq!(to, first);
    }

    proptest! {
        #[test]
        fn is_the_mean_over_the_area(width in 1_u32..60, height in 1_u32..40, to in 1_u32..60) {
            let frame = noise(width, height);
            let small = shrunk(&frame, to.min(width));
            for (i, found) in small.rgb().iter().enumerate() {
                let (pixel, colour) = ((i / 3) as u32, i % 3);
                let (x, y) = (pixel % small.width(), pixel / small.width());
                let expected = plainly(&frame, small.size(), x, y, colour);
                // Half a level to round, the rest for weights in 256ths.
                prop_assert!((f64::from(*found) - expected).abs() < 2.0, "{found} for {expected}");
            }
        }
    }
}
