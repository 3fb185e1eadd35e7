//! A window's keys and values as the CPU's tiles take them.

use super::head::Vector;
use super::task::ByteTask;
use crate::kernels::attention::shape::HEAD;
use crate::kernels::tile::TileI8;

/// Gathers keys (1) or values (2) in steps: of the window's cells in order, then the token's, then zeros.
#[inline(always)]
pub(super) fn gather(task: &ByteTask<'_>, qkv: &[u8], part: usize, out: &mut [Vector]) {
    let head = task.head;
    let outside = head.outside.as_ref().map(|parts| parts[part - 1]);
    let mut at = 0;
    for y in 0..task.window {
        let inside = if y < task.rows { task.columns } else { 0 };
        for x in 0..inside {
            let start = (task.row((y, x)) * 3 + part) * HEAD;
            let bytes = &qkv[start..start + HEAD].as_chunks::<HEAD>().0[0];
            for c in 0..HEAD {
                out[at][c] = (bytes[c].clamp(64, 192) ^ 0x80) as i8;
            }
            at += 1;
        }
        for _ in inside..task.window {
            out[at] = outside.unwrap_or([0; HEAD]);
            at += 1;
        }
    }
    if let Some(token) = &head.token {
        out[at] = token[part - 1];
        at += 1;
    }
    out[at..].fill([0; HEAD]);
}

/// Keys as a tile's columns, `[panels][32 / kg][nr][kg]`, and what each score lacks: the tile sums `(q - offset) · k` of
/// queries whose 0 is 128.
#[inline(always)]
pub(super) fn keys<const KG: usize>(
    tile: TileI8,
    keys: &[Vector],
    out: &mut [i8],
    lacks: &mut [i32],
) {
    let nr = tile.nr;
    let panels = out.chunks_exact_mut(HEAD * nr);
    for ((out, keys), lacks) in panels
        .zip(keys.chunks_exact(nr))
        .zip(lacks.chunks_exact_mut(nr))
    {
        let (out, _) = out.as_chunks_mut::<KG>();
        for (c, key) in keys.iter().enumerate() {
            for (out, group) in out[c..].iter_mut().step_by(nr).zip(key.as_chunks::<KG>().0) {
                *out = *group;
            }
            let mut sum = 0i32;
            for k in key {
                sum = sum.wrapping_add((*k).into());
            }
            lacks[c] = (tile.offset - 128).wrapping_mul(sum);
        }
    }
}

/// Values as a tile's weights, `[32 / nr][keys / kg][nr][kg]`, and what each of a query's sums lacks: the tile sums
/// `(p - offset) · v`.
#[inline(always)]
pub(super) fn values<const KG: usize>(
    tile: TileI8,
    values: &[Vector],
    out: &mut [i8],
    lacks: &mut [i32; HEAD],
) {
    let nr = tile.nr;
    let mut sums = [0i32; HEAD];
    for v in values {
        for c in 0..HEAD {
            sums[c] = sums[c].wrapping_add(v[c].into());
        }
    }
    for c in 0..HEAD {
        lacks[c] = tile.offset.wrapping_mul(sums[c]);
    }
    for (panel, out) in out.chunks_exact_mut(values.len() * nr).enumerate() {
        let groups = out.chunks_exact_mut(nr * KG);
        for (out, v) in groups.zip(values.as_chunks::<KG>().0) {
            let first = panel * nr;
            for (c, out) in out.as_chunks_mut::<KG>().0.iter_mut().enumerate() {
                for i in 0..KG {
                    out[i] = v[i][first + c];
                }
            }
        }
    }
}
