//! A window's keys and values as the CPU's products take them: four bytes side by side.

use super::head::Vector;
use super::task::ByteTask;
use crate::kernels::attention::shape::HEAD;
use crate::kernels::tile::window::GROUP;

/// A key or value as bytes, some number more than its steps.
pub(super) type Packed = [u8; HEAD];

/// Gathers keys (1) or values (2), `zero` more than their steps: of the window's cells in order, then the token's, then any.
#[inline(always)]
pub(super) fn gather(
    task: &ByteTask<'_>,
    qkv: &[u8],
    (part, zero): (usize, u8),
    out: &mut [Packed],
) {
    let head = task.head;
    let down = 128u8.wrapping_sub(zero);
    let apart = 3 * HEAD * task.at.1;
    let rows = out.chunks_exact_mut(task.window).take(task.window);
    for (y, out) in rows.enumerate() {
        let inside = if y < task.rows { task.columns } else { 0 };
        let (inside, outside) = out.split_at_mut(inside);
        if !inside.is_empty() {
            let first = (task.row((y, 0)) * 3 + part) * HEAD;
            for (out, cell) in inside.iter_mut().zip(qkv[first..].chunks(apart)) {
                let bytes = &cell[..HEAD].as_chunks::<HEAD>().0[0];
                for c in 0..HEAD {
                    out[c] = bytes[c].clamp(64, 192).wrapping_sub(down);
                }
            }
        }
        if let Some(vector) = &head.outside {
            outside.fill(packed(&vector[part - 1], zero));
        }
    }
    if let Some(token) = &head.token {
        out[task.window * task.window] = packed(&token[part - 1], zero);
    }
}

#[inline(always)]
fn packed(steps: &Vector, zero: u8) -> Packed {
    let mut bytes = [0; HEAD];
    for c in 0..HEAD {
        bytes[c] = (steps[c] as u8).wrapping_add(zero);
    }
    bytes
}

/// Keys as `[32 / 4][keys][4]`, four at a time.
#[inline(always)]
pub(super) fn keys(keys: &[Packed], out: &mut [u8]) {
    let (out, _) = out.as_chunks_mut::<GROUP>();
    for (group, out) in out.chunks_exact_mut(keys.len()).enumerate() {
        let (out, _) = out.as_chunks_mut::<4>();
        for (out, keys) in out.iter_mut().zip(keys.as_chunks::<4>().0) {
            for i in 0..4 {
                out[i] = keys[i].as_chunks::<GROUP>().0[group];
            }
        }
    }
}

/// Values as `[keys / 4][32][4]`.
#[inline(always)]
pub(super) fn values(values: &[Packed], out: &mut [u8]) {
    let (out, _) = out.as_chunks_mut::<{ HEAD * GROUP }>();
    for (out, values) in out.iter_mut().zip(values.as_chunks::<GROUP>().0) {
        // Copies, which nothing else can change: so this vectorises.
        let (values, mut side_by_side) = (*values, [0; HEAD * GROUP]);
        for c in 0..HEAD {
            for i in 0..GROUP {
                side_by_side[c * GROUP + i] = values[i][c];
            }
        }
        *out = side_by_side;
    }
}
