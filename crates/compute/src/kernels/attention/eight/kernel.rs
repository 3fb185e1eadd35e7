//! 8-bit attention of some queries of one window and head.

#![allow(unsafe_code)]

use super::head::Vector;
use super::pack;
use super::table::WEIGHTS;
use super::task::{ByteTask, WindowKeys};
use crate::kernels::attention::shape::HEAD;
use crate::kernels::pointwise::SharedOut;
use crate::kernels::tile::{self, TileI8, lookup};
use crate::kernels::{Cpu, LANES};

/// Rows of the largest tile, at most.
const MOST_ROWS: usize = 16;

/// Lanes of a tile of few columns.
const NARROW: usize = 8;

/// Sums of a tile, at most.
const SUMS: usize = 512;

/// Queries worked on together, about: whose softmaxes overlap.
const TOGETHER: usize = 12;

/// Queries of a block: whole tiles.
pub fn block(tile: TileI8) -> usize {
    (TOGETHER / tile.mr).max(1) * tile.mr
}

/// Bytes of scratch.
pub fn scratch(keys: WindowKeys) -> usize {
    HEAD * (2 * keys.padded + keys.summed)
        + 4 * keys.padded
        + MOST_ROWS * (HEAD + 5 * keys.padded)
        + 4 * SUMS
}

/// A part of scratch, as numbers.
fn take<'a, T: Copy>(scratch: &mut &'a mut [u8], count: usize) -> &'a mut [T] {
    let (part, rest) = std::mem::take(scratch).split_at_mut(count * size_of::<T>());
    *scratch = rest;
    // SAFETY: `T` is `u8`, `i8`, `i32` or a `Vector`, of which any bits are numbers.
    let (before, part, _) = unsafe { part.align_to_mut() };
    assert!(before.is_empty() && part.len() == count);
    part
}

// Sums and differences wrap, so that none is checked for an overflow that cannot be: loops would not vectorise.
per_cpu! {
/// Writes the head's part of `out` for the queries.
pub fn attend(task: &ByteTask<'_>, qkv: &[u8], scratch: &mut [u8], out: SharedOut<'_>) {
    let (keys, mut scratch) = (task.keys, scratch);
    let tile = tile::i8(task.cpu);
    // What a part may be followed by begins at a whole cache line, as tiles ask: sizes are multiples of 64.
    let k = take::<i8>(&mut scratch, HEAD * keys.padded);
    let v = take::<i8>(&mut scratch, HEAD * keys.summed);
    let sums = take::<i32>(&mut scratch, SUMS);
    let lacks = take::<i32>(&mut scratch, keys.padded);
    let q = take::<u8>(&mut scratch, MOST_ROWS * HEAD);
    let scores = take::<i32>(&mut scratch, MOST_ROWS * keys.padded);
    let weights = take::<u8>(&mut scratch, MOST_ROWS * keys.padded);
    let rows = take::<Vector>(&mut scratch, keys.padded);
    let mut value_lacks = [0; HEAD];
    pack::gather(task, qkv, 1, rows);
    match tile.kg {
        4 => pack::keys::<4>(tile, rows, k, lacks),
        8 => pack::keys::<8>(tile, rows, k, lacks),
        _ => pack::keys::<16>(tile, rows, k, lacks),
    }
    pack::gather(task, qkv, 2, rows);
    let rows = &rows[..keys.summed];
    match tile.kg {
        4 => pack::values::<4>(tile, rows, v, &mut value_lacks),
        8 => pack::values::<8>(tile, rows, v, &mut value_lacks),
        _ => pack::values::<16>(tile, rows, v, &mut value_lacks),
    }
    let turn = tile.offset as u8;
    for first in task.queries.clone().step_by(block(tile)) {
        let count = block(tile).min(task.queries.end - first);
        let mut cells = [(0, 0); MOST_ROWS];
        let mut biases: [(&[i32], &[i32]); MOST_ROWS] = [(&[], &[]); MOST_ROWS];
        for r in 0..count {
            cells[r] = ((first + r) / task.columns, (first + r) % task.columns);
            biases[r] = task.head.biases(cells[r]);
            let start = task.row(cells[r]) * 3 * HEAD;
            let from = &qkv[start..start + HEAD];
            for (to, from) in q[r * HEAD..][..HEAD].iter_mut().zip(from) {
                *to = from ^ turn;
            }
        }
        let mut most = [[i32::MIN; LANES]; MOST_ROWS];
        for top in (0..count).step_by(tile.mr) {
            let rows = tile.mr.min(count - top);
            for (panel, k) in k.chunks_exact(HEAD * tile.nr).enumerate() {
                multiply(task.cpu, rows, (&q[top * HEAD..], HEAD), k, sums);
                let at = panel * tile.nr;
                for r in top..top + rows {
                    let (whole, rest) = biases[r];
                    let bias = if at < keys.whole { &whole[at..] } else { &rest[at - keys.whole..] };
                    let part = RowScores {
                        sums: &sums[(r - top) * tile.nr..][..tile.nr],
                        bias: &bias[..tile.nr],
                        lacks: &lacks[at..][..tile.nr],
                    };
                    let scores = &mut scores[r * keys.padded + at..][..tile.nr];
                    match (tile.nr.is_multiple_of(LANES), turn == 0) {
                        (true, true) => part.score::<LANES, true>(scores, &mut most[r]),
                        (true, false) => part.score::<LANES, false>(scores, &mut most[r]),
                        (false, true) => part.score::<NARROW, true>(scores, &mut most[r]),
                        (false, false) => part.score::<NARROW, false>(scores, &mut most[r]),
                    }
                }
            }
        }
        for r in 0..count {
            let (scores, _) = scores[r * keys.padded..][..keys.padded].as_chunks::<LANES>();
            let (weights, _) = weights[r * keys.padded..][..keys.padded].as_chunks_mut::<LANES>();
            let shift = task.head.shift;
            let mut top = i32::MIN;
            for score in most[r] {
                top = top.max(score);
            }
            let top = top + ((1 << shift) >> 1);
            for (to, from) in weights.iter_mut().zip(scores) {
                for l in 0..LANES {
                    let steps = (top.wrapping_sub(from[l]) as u32).wrapping_shr(shift);
                    to[l] = steps.min(255) as u8;
                }
            }
        }
        lookup(task.cpu, &WEIGHTS, &mut weights[..count * keys.padded]);
        let mut factor = [0.0; MOST_ROWS];
        for r in 0..count {
            let (weights, _) = weights[r * keys.padded..][..keys.padded].as_chunks_mut::<LANES>();
            let mut lanes = [0u16; LANES];
            for weights in weights {
                for l in 0..LANES {
                    lanes[l] = lanes[l].wrapping_add(u16::from(weights[l]));
                    weights[l] ^= turn;
                }
            }
            let mut sum = 0;
            for lane in lanes {
                sum += u32::from(lane);
            }
            factor[r] = 1.0 / sum as f32 * task.head.value_scale;
        }
        for top in (0..count).step_by(tile.mr) {
            let rows = tile.mr.min(count - top);
            let mut mixed = [[0.0; HEAD]; MOST_ROWS];
            for (panel, v) in v.chunks_exact(keys.summed * tile.nr).enumerate() {
                let weights = (&weights[top * keys.padded..], keys.padded);
                multiply(task.cpu, rows, weights, v, sums);
                let lacks = &value_lacks[panel * tile.nr..][..tile.nr];
                for r in 0..rows {
                    let factor = factor[top + r];
                    let mixed = &mut mixed[r][panel * tile.nr..][..tile.nr];
                    let sums = &sums[r * tile.nr..][..tile.nr];
                    for ((to, sum), lack) in mixed.iter_mut().zip(sums).zip(lacks) {
                        *to = sum.wrapping_add(*lack) as f32 * factor;
                    }
                }
            }
            for r in 0..rows {
                // SAFETY: tasks have queries or heads of their own.
                unsafe { out.write(task.row(cells[top + r]) * HEAD, &mixed[r]) };
            }
        }
    }
}
}

/// A tile of `rows` of `a`, `lda` apart, by one panel of packed weights.
#[inline(always)]
fn multiply(cpu: Cpu, rows: usize, (a, lda): (&[u8], usize), b: &[i8], sums: &mut [i32]) {
    let tile = tile::i8_of(cpu, rows);
    let k = b.len() / tile.nr;
    assert!(rows <= tile.mr && k <= lda && tile.mr * tile.nr <= sums.len());
    assert!(a.len() >= tile.mr * lda && k.is_multiple_of(LANES) && b.len() == k * tile.nr);
    assert!(b.as_ptr().addr().is_multiple_of(64) && sums.as_ptr().addr().is_multiple_of(64));
    // SAFETY: sizes and alignment as the tile asks, just checked; a `Cpu` is proof of its instructions.
    unsafe { (tile.run)(k, a.as_ptr(), lda, b.as_ptr(), sums.as_mut_ptr()) };
}

/// A tile's sums for one query, the biases and what the sums lack.
struct RowScores<'a> {
    sums: &'a [i32],
    bias: &'a [i32],
    lacks: &'a [i32],
}

impl RowScores<'_> {
    /// Writes the scores and keeps each lane's largest; `LACKS`: whether the sums lack anything.
    #[inline(always)]
    fn score<const W: usize, const LACKS: bool>(
        &self,
        scores: &mut [i32],
        most: &mut [i32; LANES],
    ) {
        let (sums, bias) = (self.sums.as_chunks::<W>().0, self.bias.as_chunks::<W>().0);
        let (scores, lacks) = (scores.as_chunks_mut::<W>().0, self.lacks.as_chunks::<W>().0);
        for (((to, sum), bias), lack) in scores.iter_mut().zip(sums).zip(bias).zip(lacks) {
            for l in 0..W {
                let mut score = sum[l].wrapping_add(bias[l]);
                if LACKS {
                    score = score.wrapping_add(lack[l]);
                }
                to[l] = score;
                most[l] = most[l].max(score);
            }
        }
    }
}
