//! Plain Rust: what every other file here must give.

use super::dots::{self, Dots};
use super::kernel::{GROUP, WeighBlock, WindowTile};
use super::table::WEIGHTS;

const NR: usize = 8;

pub const PORTABLE: WindowTile = WindowTile {
    nr: NR,
    row: 16,
    key_zero: 0,
    value_zero: 0,
    scores: dots::scores::<Plain, 7, 0, 1>,
    weigh,
    mix: dots::mix::<Plain, 7, 0, 1>,
};

/// Arrays. All bytes but weights are signed.
struct Plain;

impl Dots for Plain {
    type Sums = [i32; NR];
    type Columns = [[i8; GROUP]; NR];
    type Row = [u8; 16];
    const NR: usize = NR;

    #[inline(always)]
    unsafe fn load(from: *const i32) -> [i32; NR] {
        // SAFETY: the caller's promise.
        unsafe { from.cast::<[i32; NR]>().read() }
    }
    #[inline(always)]
    unsafe fn splat(number: i32) -> [i32; NR] {
        [number; NR]
    }
    #[inline(always)]
    unsafe fn store(sums: [i32; NR], to: *mut i32) {
        // SAFETY: the caller's promise.
        unsafe { to.cast::<[i32; NR]>().write(sums) }
    }
    #[inline(always)]
    unsafe fn columns(from: *const u8) -> [[i8; GROUP]; NR] {
        // SAFETY: the caller's promise.
        unsafe { from.cast::<[[i8; GROUP]; NR]>().read() }
    }
    #[inline(always)]
    unsafe fn row(from: *const u8) -> [u8; 16] {
        // SAFETY: the caller's promise.
        unsafe { from.cast::<[u8; 16]>().read() }
    }
    #[inline(always)]
    unsafe fn keys<const HALF: usize>(
        sums: [i32; NR],
        keys: [[[i8; GROUP]; NR]; 2],
        query: [u8; 16],
    ) -> [i32; NR] {
        let mut steps = [0; 16];
        for (step, byte) in steps.iter_mut().zip(query) {
            *step = i32::from(byte as i8);
        }
        add::<HALF>(sums, keys, steps)
    }
    #[inline(always)]
    unsafe fn values<const HALF: usize>(
        sums: [i32; NR],
        values: [[[i8; GROUP]; NR]; 2],
        weights: [u8; 16],
    ) -> [i32; NR] {
        add::<HALF>(sums, values, weights.map(i32::from))
    }
}

#[inline(always)]
fn add<const HALF: usize>(
    mut sums: [i32; NR],
    columns: [[[i8; GROUP]; NR]; 2],
    row: [i32; 16],
) -> [i32; NR] {
    for (group, columns) in columns.iter().enumerate() {
        let row = &row[(2 * HALF + group) * GROUP..][..GROUP];
        for (sum, column) in sums.iter_mut().zip(columns) {
            for i in 0..GROUP {
                *sum = sum.wrapping_add(row[i].wrapping_mul(column[i].into()));
            }
        }
    }
    sums
}

fn weigh(block: WeighBlock<'_>) {
    let row = block.check(1);
    let half = (1 << block.shift) >> 1;
    let rows = block
        .scores
        .chunks_exact(row)
        .zip(block.weights.chunks_exact_mut(row));
    for ((scores, weights), sum) in rows.zip(block.sums) {
        let mut most = i32::MIN;
        for score in scores {
            most = most.max(*score);
        }
        *sum = 0;
        for (weight, score) in weights.iter_mut().zip(scores) {
            let steps = most.wrapping_add(half).wrapping_sub(*score) >> block.shift;
            *weight = WEIGHTS[steps.min(255) as usize];
            *sum = sum.wrapping_add(i32::from(*weight));
        }
    }
}
