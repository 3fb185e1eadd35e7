//! 8-bit attention of some queries of one window and head.

#![allow(unsafe_code)]

use super::head::NEVER;
use super::pack::{self, Packed};
use super::task::{ByteTask, WindowKeys};
use crate::kernels::attention::shape::HEAD;
use crate::kernels::pointwise::SharedOut;
use crate::kernels::tile;
use crate::kernels::tile::window::{MixBlock, QUERIES, ScoreBlock, WeighBlock};

/// Bytes of scratch.
pub fn scratch(keys: WindowKeys) -> usize {
    HEAD * (keys.padded + keys.summed + keys.padded.max(keys.summed)) + 5 * QUERIES * keys.row
}

/// A part of scratch, as numbers.
fn take<'a, T: Copy>(scratch: &mut &'a mut [u8], count: usize) -> &'a mut [T] {
    let (part, rest) = std::mem::take(scratch).split_at_mut(count * size_of::<T>());
    *scratch = rest;
    // SAFETY: `T` is `u8`, `i32` or `Packed`, of which any bits are numbers.
    let (before, part, _) = unsafe { part.align_to_mut() };
    assert!(before.is_empty() && part.len() == count);
    part
}

per_cpu! {
/// Writes the head's part of `out` for the queries.
pub fn attend(task: &ByteTask<'_>, qkv: &[u8], scratch: &mut [u8], out: SharedOut<'_>) {
    let (keys, mut scratch) = (task.keys, scratch);
    let tile = tile::window(task.cpu);
    let scores = take::<i32>(&mut scratch, QUERIES * keys.row);
    let k = take::<u8>(&mut scratch, HEAD * keys.padded);
    let v = take::<u8>(&mut scratch, HEAD * keys.summed);
    let rows = take::<Packed>(&mut scratch, keys.padded.max(keys.summed));
    let weights = take::<u8>(&mut scratch, QUERIES * keys.row);
    pack::gather(task, qkv, (1, tile.key_zero), rows);
    pack::keys(&rows[..keys.padded], k);
    pack::gather(task, qkv, (2, tile.value_zero), rows);
    pack::values(&rows[..keys.summed], v);
    for scores in scores.chunks_exact_mut(keys.row) {
        scores[keys.padded..].fill(NEVER);
    }
    for first in task.queries.clone().step_by(QUERIES) {
        let count = QUERIES.min(task.queries.end - first);
        // The last block may be short: its last query then stands in the places left.
        let mut at = [0; QUERIES];
        let mut queries = [[0; HEAD]; QUERIES];
        let mut cells: [&[i32]; QUERIES] = [&[]; QUERIES];
        let mut rest: [&[i32]; QUERIES] = [&[]; QUERIES];
        for r in 0..QUERIES {
            let query = first + r.min(count - 1);
            let cell = (query / task.columns, query % task.columns);
            (cells[r], rest[r]) = task.head.biases(cell);
            at[r] = task.row(cell) * HEAD;
            let from = &qkv[at[r] * 3..][..HEAD];
            for c in 0..HEAD {
                queries[r][c] = from[c] ^ 0x80;
            }
        }
        for (first, biases) in [(0, cells), (keys.whole, rest)] {
            let block = ScoreBlock { queries: &queries, keys: k, first, biases, scores };
            // SAFETY: a `Cpu` is proof of its instructions, here and below.
            unsafe { (tile.scores)(block) };
        }
        let mut sums = [0; QUERIES];
        let shift = task.head.shift;
        // SAFETY: as above.
        unsafe { (tile.weigh)(WeighBlock { scores, shift, weights, sums: &mut sums }) };
        let mut start = [0; QUERIES];
        let mut factor = [0.0; QUERIES];
        for r in 0..QUERIES {
            start[r] = sums[r].wrapping_mul(-i32::from(tile.value_zero));
            factor[r] = 1.0 / sums[r] as f32 * task.head.value_scale;
        }
        let mut mixed = [[0; HEAD]; QUERIES];
        // SAFETY: as above.
        unsafe { (tile.mix)(MixBlock { weights, values: v, start, mixed: &mut mixed }) };
        for r in 0..count {
            let mut real = [0.0; HEAD];
            for c in 0..HEAD {
                real[c] = mixed[r][c] as f32 * factor[r];
            }
            // SAFETY: tasks have queries or heads of their own.
            unsafe { out.write(at[r], &real) };
        }
    }
}
}
