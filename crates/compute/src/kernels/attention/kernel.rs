//! Attention of some queries of one window and head.

#![allow(unsafe_code)]

use std::ops::Range;

use super::bias::Class;
use super::shape::HEAD;
use crate::kernels::math::{Lanes, exp2, fold, fold_largest, larger, product};
use crate::kernels::pointwise::SharedOut;
use crate::kernels::tile::transpose;
use crate::kernels::{Cpu, LANES};

/// Queries that a product works on at once: their sums stay in registers on every CPU. 49 and 196 are nearly whole blocks.
const BLOCK: usize = 5;

/// Queries whose scores are made before any of their softmaxes, which then overlap: each by itself is a long chain of
/// dependent steps. 196 keys of so many fit the first cache.
pub const QUERIES: usize = 3 * BLOCK;

/// 32^-0.5 / ln 2.
const SCALE: f32 = 0.255_034_86;

/// What a task does.
pub struct WindowTask<'a> {
    /// Instructions to use.
    pub cpu: Cpu,
    /// The kind of window.
    pub class: &'a Class,
    /// The head.
    pub head: usize,
    /// Which of the window's cells ask.
    pub queries: Range<usize>,
    /// Row and column of the window's first cell in the map.
    pub place: (usize, usize),
    /// Columns of the map.
    pub width: usize,
    /// Heads of the map.
    pub heads: usize,
    /// The token of this head.
    pub token: Option<&'a [f32]>,
    /// Query, key and value of cells outside the map.
    pub outside: Option<&'a [f32]>,
}

/// Floats of scratch.
pub fn scratch(class: &Class) -> usize {
    HEAD * (class.padded + class.keys) + QUERIES * class.padded
}

per_cpu! {
/// Writes the head's part of `out` for the queries.
pub fn attend(job: &WindowTask<'_>, qkv: &[f32], scratch: &mut [f32], out: SharedOut<'_>) {
    let class = job.class;
    // Keys `[padded / 16][32][16]`, values `[keys][32]`, scores `[QUERIES][padded]`.
    let (k, scratch) = scratch.split_at_mut(HEAD * class.padded);
    let (v, scratch) = scratch.split_at_mut(HEAD * class.keys);
    let scores = &mut scratch[..QUERIES * class.padded];
    gather(job, qkv, k, v);
    for first in job.queries.clone().step_by(QUERIES) {
        let count = QUERIES.min(job.queries.end - first);
        let blocks = count.div_ceil(BLOCK);
        // The last block may be short: its last query then stands in the places left.
        let mut cells = [(0, 0); QUERIES];
        for (r, cell) in cells.iter_mut().enumerate() {
            let query = first + r.min(count - 1);
            *cell = (query / class.columns, query % class.columns);
        }
        let mut most = [[0.0; LANES]; QUERIES];
        let (cell_blocks, _) = cells.as_chunks::<BLOCK>();
        for b in 0..blocks {
            let scores = &mut scores[b * BLOCK * class.padded..][..BLOCK * class.padded];
            let (most, _) = most.as_chunks_mut::<BLOCK>();
            score(job, cell_blocks[b], qkv, k, scores, &mut most[b]);
        }
        let mut inverse = [0.0; QUERIES];
        for (r, scores) in scores.chunks_exact_mut(class.padded).take(blocks * BLOCK).enumerate() {
            let most = fold_largest(most[r]);
            let mut sums = [0.0; LANES];
            for chunk in scores.as_chunks_mut::<LANES>().0 {
                for l in 0..LANES {
                    chunk[l] = exp2(chunk[l] - most);
                    sums[l] += chunk[l];
                }
            }
            inverse[r] = 1.0 / fold(sums);
        }
        for b in 0..blocks {
            let mut rows = [0; BLOCK];
            for (r, row) in rows.iter_mut().enumerate() {
                *row = (b * BLOCK + r) * class.padded;
            }
            let mut mixed = [[0.0; HEAD]; BLOCK];
            for half in 0..HEAD / LANES {
                let values = (&v[half * LANES..], HEAD);
                let sums = product([[0.0; LANES]; BLOCK], class.keys, (scores, rows, 1), values);
                for r in 0..BLOCK {
                    for l in 0..LANES {
                        mixed[r][half * LANES + l] = sums[r][l] * inverse[b * BLOCK + r];
                    }
                }
            }
            for r in 0..BLOCK.min(count - b * BLOCK) {
                let row = row(job, cell_blocks[b][r]);
                // SAFETY: tasks have queries or heads of their own.
                unsafe { out.write(row * HEAD, &mixed[r]) };
            }
        }
    }
}
}

/// The scores of some queries, `[BLOCK][padded]`, and each lane's largest.
#[inline(always)]
fn score(
    job: &WindowTask<'_>,
    block: [(usize, usize); BLOCK],
    qkv: &[f32],
    k: &[f32],
    scores: &mut [f32],
    most: &mut [Lanes; BLOCK],
) {
    let class = job.class;
    let mut rows = [0; BLOCK];
    let mut biases: [(&[Lanes], &[Lanes]); BLOCK] = [(&[], &[]); BLOCK];
    for r in 0..BLOCK {
        rows[r] = row(job, block[r]) * 3 * HEAD;
        biases[r] = class.biases(job.head, block[r]);
    }
    let mut largest = [[f32::NEG_INFINITY; LANES]; BLOCK];
    for (panel, k) in k.chunks_exact(HEAD * LANES).enumerate() {
        let sums = product([[0.0; LANES]; BLOCK], HEAD, (qkv, rows, 1), (k, LANES));
        for r in 0..BLOCK {
            let bias = if panel < class.whole {
                biases[r].0[panel]
            } else {
                biases[r].1[panel - class.whole]
            };
            let mut score = sums[r];
            for l in 0..LANES {
                score[l] = score[l].mul_add(SCALE, bias[l]);
                largest[r][l] = larger(score[l], largest[r][l]);
            }
            scores[r * class.padded + panel * LANES..][..LANES].copy_from_slice(&score);
        }
    }
    *most = largest;
}

/// Where a cell of the window stands in `[height * width][heads]`.
#[inline(always)]
fn row(job: &WindowTask<'_>, (y, x): (usize, usize)) -> usize {
    ((job.place.0 + y) * job.width + job.place.1 + x) * job.heads + job.head
}

/// Copies the window's keys (16 side by side) and values.
#[inline(always)]
fn gather(job: &WindowTask<'_>, qkv: &[f32], k: &mut [f32], v: &mut [f32]) {
    let class = job.class;
    let cells = class.rows * class.columns;
    let (v, _) = v.as_chunks_mut::<HEAD>();
    // What stands after the cells, and then (with a bias of -∞) in the places left.
    let zero = [0.0; HEAD];
    let mut extra = [(&zero, &zero); 2];
    let mut extras = 0;
    if let Some(token) = job.token {
        let vector = &token.as_chunks().0[0];
        extra[0] = (vector, vector);
        extras = 1;
    }
    if let Some(outside) = job.outside {
        let (parts, _) = outside.as_chunks();
        extra[extras] = (&parts[1], &parts[2]);
    }
    let (mut y, mut x) = (0, 0);
    for (panel, k) in k.chunks_exact_mut(HEAD * LANES).enumerate() {
        let mut keys = [&zero; LANES];
        for (l, k) in keys.iter_mut().enumerate() {
            let key = panel * LANES + l;
            if key < cells {
                let start = row(job, (y, x)) * 3 * HEAD;
                let (parts, _) = qkv[start..start + 3 * HEAD].as_chunks();
                *k = &parts[1];
                v[key] = parts[2];
                (y, x) = if x + 1 < class.columns {
                    (y, x + 1)
                } else {
                    (y + 1, 0)
                };
            } else if key < class.keys {
                (*k, v[key]) = (extra[key - cells].0, *extra[key - cells].1);
            }
        }
        let (k, _) = k.as_chunks_mut::<LANES>();
        for (half, k) in k.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
            let mut part = [&zero.as_chunks().0[0]; LANES];
            for l in 0..LANES {
                part[l] = &keys[l].as_chunks().0[half];
            }
            transpose(job.cpu, part, k);
        }
    }
}
