//! 8-bit pictures squashed to a square of floats, by a separable filter.

#![allow(unsafe_code)]

use std::ops::Range;

use super::Cpu;

/// For each output sample of a line, the input samples it is made of and their weights.
#[derive(Clone, Debug, Default)]
pub struct Taps {
    ranges: Vec<Range<usize>>,
    /// Weights of all outputs one after the other; `starts[out]` is where those of `out` begin.
    weights: Vec<f32>,
    starts: Vec<usize>,
}

impl Taps {
    /// Adds an output sample, made of the input samples from `first` on. Neither end of an output's range may come before
    /// that of the output before.
    ///
    /// # Panics
    /// If one does.
    pub fn push(&mut self, first: usize, weights: impl IntoIterator<Item = f32>) {
        self.starts.push(self.weights.len());
        self.weights.extend(weights);
        let count = self.weights.len() - self.starts.last().copied().unwrap_or_default();
        let range = first..first + count;
        let before = self.ranges.last();
        assert!(before.is_none_or(|b| b.start <= range.start && b.end <= range.end));
        self.ranges.push(range);
    }

    /// How many output samples there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.ranges.len()
    }

    /// Input samples that the outputs reach to.
    fn end(&self) -> usize {
        self.ranges.last().map_or(0, |range| range.end)
    }

    #[inline(always)]
    fn weights(&self, out: usize) -> &[f32] {
        &self.weights[self.starts[out]..][..self.ranges[out].len()]
    }
}

/// Rows that are filtered side by side.
const BAND: usize = 8;
/// Values of a pixel of a band: its reds, greens and blues.
const CELL: usize = 3 * BAND;
/// Pixels of a band that lie ready at a time, as floats.
const WINDOW: usize = 512;
/// Outputs of a band that are put into rows at a time.
const BLOCK: usize = 8;

/// A picture's pixels and the filters along its rows and columns.
#[derive(Clone, Copy, Debug)]
pub struct Squash<'a> {
    /// Interleaved RGB, row-major.
    pub rgb: &'a [u8],
    /// Pixels of a row.
    pub width: usize,
    /// Along x.
    pub columns: &'a Taps,
    /// Along y.
    pub rows: &'a Taps,
}

impl Squash<'_> {
    /// Three planes, `[rows][columns]` of the filters' outputs each, on the scale of 0..=255. Each row is filtered along x,
    /// then added to the output rows it touches; each sum is of products one after the other, none fused. Work space is a
    /// few rows, whatever the picture's size.
    ///
    /// # Panics
    /// If `planes` is of another length, or the filters reach out of the picture.
    pub fn run(&self, cpu: Cpu, planes: &mut [f32]) {
        let (across, down) = (self.columns.count(), self.rows.count());
        let height = self.rgb.len() / (3 * self.width).max(1);
        assert!(self.columns.end() <= self.width && self.rows.end() <= height);
        assert_eq!(planes.len(), 3 * across * down);
        planes.fill(0.0);
        let mut pixels = vec![0.0; CELL * WINDOW];
        let mut filtered = vec![0.0; CELL * across.next_multiple_of(BLOCK)];
        let stride = filtered.len() / CELL;
        let mut open = 0;
        for top in (0..height).step_by(BAND) {
            let bottom = (top + BAND).min(height);
            while self.rows.ranges.get(open).is_some_and(|r| r.end <= top) {
                open += 1;
            }
            if self.rows.ranges.get(open).is_none_or(|r| bottom <= r.start) {
                continue;
            }
            // Beyond the last row it goes on: nobody takes that.
            let row = |y: usize| &self.rgb[3 * self.width * y.min(height - 1)..][..3 * self.width];
            let band: [&[u8]; BAND] = std::array::from_fn(|i| row(top + i));
            filter(cpu, &band, self.columns, &mut pixels, &mut filtered);
            for y in top..bottom {
                let outs = self.rows.ranges[open..].iter().take_while(|r| r.start <= y);
                for (out, range) in (open..).zip(outs).filter(|(_, range)| y < range.end) {
                    let weight = self.rows.weights(out)[y - range.start];
                    for channel in 0..3 {
                        let from = &filtered[(channel * BAND + y - top) * stride..][..across];
                        let to = &mut planes[(channel * down + out) * across..][..across];
                        add(cpu, weight, from, to);
                    }
                }
            }
        }
    }
}

per_cpu! {
fn add(weight: f32, from: &[f32], to: &mut [f32]) {
    for (sum, value) in to.iter_mut().zip(from) {
        *sum += weight * value;
    }
}
}

per_cpu! {
/// Along x: `filtered` is `[channel][row][output]`.
fn filter(band: &[&[u8]; BAND], columns: &Taps, pixels: &mut [f32], filtered: &mut [f32]) {
    let stride = filtered.len() / CELL;
    let mut window = 0..0;
    let mut block = [[0.0; CELL]; BLOCK];
    for (out, range) in columns.ranges.iter().enumerate() {
        let weights = columns.weights(out);
        let mut sum = [0.0f32; CELL];
        let mut at = range.start;
        while at < range.end {
            if at < window.start || window.end <= at {
                window = at..columns.end().min(at + WINDOW);
                spread(band, 3 * window.start..3 * window.end, pixels);
            }
            let end = range.end.min(window.end);
            let cells = &pixels.as_chunks::<CELL>().0[at - window.start..end - window.start];
            for (cell, weight) in cells.iter().zip(&weights[at - range.start..end - range.start]) {
                for l in 0..CELL {
                    sum[l] += weight * cell[l];
                }
            }
            at = end;
        }
        block[out % BLOCK] = sum;
        if out % BLOCK == BLOCK - 1 || out + 1 == columns.ranges.len() {
            let first = out - out % BLOCK;
            for (l, row) in filtered.chunks_exact_mut(stride).enumerate() {
                let mut turned = [0.0; BLOCK];
                for i in 0..BLOCK {
                    turned[i] = block[i][l % CELL];
                }
                row[first..first + BLOCK].copy_from_slice(&turned);
            }
        }
    }
}
}

/// Bytes of each row of a band become floats, those of one place together.
#[inline(always)]
fn spread(band: &[&[u8]; BAND], bytes: Range<usize>, to: &mut [f32]) {
    const RUN: usize = 16;
    let whole = bytes.len() / RUN;
    let (runs, _) = to.as_chunks_mut::<{ RUN * BAND }>();
    for (number, to) in runs.iter_mut().take(whole).enumerate() {
        let start = bytes.start + RUN * number;
        let mut run = [0; RUN * BAND];
        for row in 0..BAND {
            run[RUN * row..RUN * row + RUN].copy_from_slice(&band[row][start..start + RUN]);
        }
        // Each of three perfect shuffles doubles every byte's index, modulo one less than there are.
        let run = shuffle(&shuffle(&shuffle(&run)));
        for i in 0..RUN * BAND {
            to[i] = f32::from(run[i]);
        }
    }
    for at in RUN * whole..bytes.len() {
        for row in 0..BAND {
            to[BAND * at + row] = f32::from(band[row][bytes.start + at]);
        }
    }
}

#[inline(always)]
fn shuffle<const N: usize>(bytes: &[u8; N]) -> [u8; N] {
    let mut shuffled = [0; N];
    let (first, second) = bytes.split_at(N / 2);
    for i in 0..N / 2 {
        shuffled[2 * i] = first[i];
        shuffled[2 * i + 1] = second[i];
    }
    shuffled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::random;
    use proptest::prelude::*;

    /// Ranges whose ends only move up, of the given lengths at most, within `input`.
    fn taps(input: usize, output: usize, reach: usize, seed: u32) -> Taps {
        let mut taps = Taps::default();
        let mut end = 0;
        for (out, weights) in random(output * reach, seed).chunks(reach).enumerate() {
            let first = (out * input / output).min(input - 1);
            let last = (first + 1 + (seed as usize + out) % reach).clamp(end, input);
            taps.push(first, weights[..last - first].iter().copied());
            end = last;
        }
        taps
    }

    /// As it is meant: row by row, one sample after the other.
    fn plainly(squash: &Squash<'_>) -> Vec<f32> {
        let (across, down) = (squash.columns.count(), squash.rows.count());
        let mut planes = vec![0.0f32; 3 * across * down];
        for (y, row) in squash.rgb.chunks_exact(3 * squash.width).enumerate() {
            for out in 0..down {
                let range = &squash.rows.ranges[out];
                if !range.contains(&y) {
                    continue;
                }
                let weight = squash.rows.weights(out)[y - range.start];
                for channel in 0..3 {
                    for x in 0..across {
                        let pixels = squash.columns.ranges[x]
                            .clone()
                            .zip(squash.columns.weights(x));
                        let mut sum = 0.0f32;
                        for (ix, tap) in pixels {
                            sum += tap * f32::from(row[3 * ix + channel]);
                        }
                        planes[(channel * down + out) * across + x] += weight * sum;
                    }
                }
            }
        }
        planes
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn is_what_is_meant_bit_for_bit(
            width in prop_oneof![1usize..90, 1000usize..1300], height in 1usize..40,
            across in 1usize..40, down in 1usize..20, reach in prop_oneof![1usize..30, 600usize..700], seed: u32,
        ) {
            let seed = seed >> 1;
            let rgb: Vec<u8> = random(3 * width * height, seed).iter().map(|v| (v * 64.0 + 128.0) as u8).collect();
            // No gaps: an output is made of one sample at least.
            let (columns, rows) = (taps(width, across, reach, seed), taps(height, down, 1 + reach % 30, seed ^ 1));
            let squash = Squash { rgb: &rgb, width, columns: &columns, rows: &rows };
            let expected: Vec<u32> = plainly(&squash).into_iter().map(f32::to_bits).collect();
            for cpu in Cpu::all() {
                let mut planes = vec![f32::NAN; 3 * across * down];
                squash.run(cpu, &mut planes);
                let found: Vec<u32> = planes.into_iter().map(f32::to_bits).collect();
                prop_assert!(found == expected, "{}", cpu.name());
            }
        }
    }
}
