//! Layers without arithmetic to speak of: sums, quantization, changes of layout. None uses scratch or allocates.

#![allow(unsafe_code)]

mod out;

pub use out::{SharedOut, floats};

use super::{Exec, Quant, Quantizer, SharedSlice};

/// Values of a task: large enough to be worth handing out, small enough to stay in the first cache.
const BLOCK: usize = 8192;

/// Side of the square blocks that matrices are transposed in: both sides of a block fill whole cache lines.
const TILE: usize = 16;

/// `out = a + b`.
///
/// # Panics
/// If the lengths differ.
pub fn add(exec: Exec<'_>, a: &[f32], b: &[f32], out: &mut [f32]) {
    assert_eq!((a.len(), b.len()), (out.len(), out.len()));
    let out = SharedSlice::new(out);
    exec.parallel(a.len().div_ceil(BLOCK), 0, |task, _| {
        let part = task * BLOCK..(task * BLOCK + BLOCK).min(a.len());
        // SAFETY: tasks have parts of their own.
        let out = unsafe { out.slice(part.clone()) };
        add_part(exec.cpu, &a[part.clone()], &b[part], out);
    });
}

per_cpu! {
fn add_part(a: &[f32], b: &[f32], out: &mut [f32]) {
    for ((y, a), b) in out.iter_mut().zip(a).zip(b) {
        *y = a + b;
    }
}
}

/// Real numbers to eight bits.
///
/// # Panics
/// If the lengths differ.
pub fn quantize(exec: Exec<'_>, x: &[f32], quant: Quant, out: &mut [u8]) {
    assert_eq!(x.len(), out.len());
    let quantizer = Quantizer::new(quant);
    let out = SharedSlice::new(out);
    exec.parallel(x.len().div_ceil(BLOCK), 0, |task, _| {
        let part = task * BLOCK..(task * BLOCK + BLOCK).min(x.len());
        // SAFETY: tasks have parts of their own.
        let out = unsafe { out.slice(part.clone()) };
        quantize_part(exec.cpu, &x[part], quantizer, out);
    });
}

per_cpu! {
fn quantize_part(x: &[f32], quantizer: Quantizer, out: &mut [u8]) {
    quantizer.quantize_all(x, out);
}
}

/// A picture's planes `[channels][cells]` to rows `[cells][channels]`.
///
/// # Panics
/// If a length is not `channels` times the other's.
pub fn to_rows(exec: Exec<'_>, x: &[f32], channels: usize, out: &mut [f32]) {
    transpose(exec, x, x.len() / channels, out);
}

/// Rows `[cells][channels]` to a picture's planes `[channels][cells]`.
///
/// # Panics
/// If the lengths differ or are not whole rows.
pub fn to_map(exec: Exec<'_>, x: &[f32], channels: usize, out: &mut [f32]) {
    transpose(exec, x, channels, out);
}

/// `out[c][r] = x[r][c]`, for `x` of rows of `columns`. A task writes [`TILE`] whole rows of `out`.
fn transpose(exec: Exec<'_>, x: &[f32], columns: usize, out: &mut [f32]) {
    assert_eq!(x.len(), out.len());
    if x.is_empty() {
        return;
    }
    assert_eq!(x.len() % columns, 0);
    let rows = x.len() / columns;
    let out = SharedSlice::new(out);
    exec.parallel(columns.div_ceil(TILE), 0, |task, _| {
        let first = task * TILE;
        let last = (first + TILE).min(columns);
        // SAFETY: tasks have rows of their own.
        let out = unsafe { out.slice(first * rows..last * rows) };
        for row in (0..rows).step_by(TILE) {
            let end = (row + TILE).min(rows);
            for (column, out) in (first..last).zip(out.chunks_exact_mut(rows)) {
                let x = x[row * columns..].iter().skip(column).step_by(columns);
                for (y, x) in out[row..end].iter_mut().zip(x) {
                    *y = *x;
                }
            }
        }
    });
}

/// The embedding `[height * width][channels]` of a picture plus, in each cell, the prompt of the patch it lies in:
/// `table[0]` where the patch's logit is negative (or NaN), `table[1]` elsewhere. A patch is 2 x 2 cells; `logits` is
/// `[height / 2 * width / 2]`, `table` `[2][channels]`.
///
/// # Panics
/// If height or width is odd, or a length does not match.
pub fn dense_prompt(
    exec: Exec<'_>,
    embedding: &[f32],
    logits: &[f32],
    table: &[f32],
    (height, width): (usize, usize),
    out: &mut [f32],
) {
    let channels = table.len() / 2;
    assert!(
        [height, width, table.len()]
            .iter()
            .all(|n| n.is_multiple_of(2))
    );
    assert_eq!(logits.len() * 4, height * width);
    assert_eq!(embedding.len(), height * width * channels);
    assert_eq!(out.len(), embedding.len());
    let out = SharedSlice::new(out);
    exec.parallel(height, 0, |y, _| {
        for x in 0..width {
            let logit = logits[y / 2 * (width / 2) + x / 2];
            let prompt = usize::from(logit >= 0.0) * channels;
            let start = (y * width + x) * channels;
            // SAFETY: cells of different tasks are disjoint.
            let out = unsafe { out.slice(start..start + channels) };
            let prompt = &table[prompt..prompt + channels];
            add_part(exec.cpu, &embedding[start..start + channels], prompt, out);
        }
    });
}

/// Row `index` of `x`, whose rows are as long as `out`.
///
/// # Panics
/// If there is no such row.
pub fn row(x: &[f32], index: usize, out: &mut [f32]) {
    out.copy_from_slice(&x[index * out.len()..][..out.len()]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{floats_on_every_cpu, on_every_cpu, random};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(30))]
        #[test]
        fn layouts_and_sums(cells in 0usize..70, channels in 1usize..40, seed: u32) {
            let (a, b) = (random(cells * channels, seed), random(cells * channels, !seed));
            let rows = floats_on_every_cpu(0, a.len(), |exec, y| to_rows(exec, &a, channels, y));
            for (i, x) in rows.iter().enumerate() {
                prop_assert_eq!(*x, a[i % channels * cells + i / channels]);
            }
            prop_assert_eq!(&floats_on_every_cpu(0, a.len(), |exec, y| to_map(exec, &rows, channels, y)), &a);
            let sum = floats_on_every_cpu(0, a.len(), |exec, y| add(exec, &a, &b, y));
            prop_assert!(sum.iter().zip(a.iter().zip(&b)).all(|(s, (a, b))| *s == a + b));
        }

        #[test]
        fn prompts_fill_their_patch(height in 1usize..4, width in 1usize..4, channels in 1usize..20, seed: u32) {
            let (height, width) = (height * 2, width * 2);
            let x = random(height * width * channels, seed);
            let mut logits = random(height * width / 4, seed ^ 1);
            logits[0] = -0.0;
            let table = random(2 * channels, seed ^ 2);
            let got = floats_on_every_cpu(0, x.len(), |exec, y| {
                dense_prompt(exec, &x, &logits, &table, (height, width), y);
            });
            for (i, got) in got.iter().enumerate() {
                let (cell, c) = (i / channels, i % channels);
                let logit = logits[cell / width / 2 * (width / 2) + cell % width / 2];
                let prompt = if logit < 0.0 { table[c] } else { table[channels + c] };
                prop_assert_eq!(*got, x[i] + prompt);
            }
        }
    }

    #[test]
    fn big_parts_and_quantization() {
        let a = random(BLOCK * 2 + 77, 1);
        let sum = floats_on_every_cpu(0, a.len(), |exec, y| add(exec, &a, &a, y));
        assert!(sum.iter().zip(&a).all(|(s, a)| *s == a + a));
        let quant = Quant {
            scale: 0.013,
            zero: 131,
        };
        let q = on_every_cpu(0, |exec| {
            let mut y = vec![0; a.len()];
            quantize(exec, &a, quant, &mut y);
            y
        });
        assert!(q.iter().zip(&a).all(|(q, x)| *q == quant.quantize(*x)));
        let mut y = [0.0; 5];
        row(&a, 3, &mut y);
        assert_eq!(y, a[15..20]);
    }
}
