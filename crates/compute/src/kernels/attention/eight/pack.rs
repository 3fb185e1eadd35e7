//! A window's keys and values as the CPU's products take them: four bytes side by side.

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
    let steps = |vector: &[i8; HEAD]| {
        let mut bytes = [0; HEAD];
        for c in 0..HEAD {
            bytes[c] = (vector[c] as u8).wrapping_add(zero);
        }
        bytes
    };
    let down = 128u8.wrapping_sub(zero);
    let mut at = 0;
    for y in 0..task.window {
        let inside = if y < task.rows { task.columns } else { 0 };
        let start = (task.row((y, 0)) * 3 + part) * HEAD;
        for x in 0..inside {
            let start = start + x * task.at.1 * (3 * HEAD);
            let bytes = &qkv[start..start + HEAD].as_chunks::<HEAD>().0[0];
            let out = &mut out[at + x];
            for c in 0..HEAD {
                out[c] = bytes[c].clamp(64, 192).wrapping_sub(down);
            }
        }
        if let Some(outside) = &head.outside {
            out[at + inside..at + task.window].fill(steps(&outside[part - 1]));
        }
        at += task.window;
    }
    if let Some(token) = &head.token {
        out[at] = steps(&token[part - 1]);
    }
}

/// Keys as `[32 / 4][keys][4]`.
#[inline(always)]
pub(super) fn keys(keys: &[Packed], out: &mut [u8]) {
    let (out, _) = out.as_chunks_mut::<GROUP>();
    for (group, out) in out.chunks_exact_mut(keys.len()).enumerate() {
        for (out, key) in out.iter_mut().zip(keys) {
            *out = key.as_chunks::<GROUP>().0[group];
        }
    }
}

/// Values as `[keys / 4][32][4]`.
#[inline(always)]
pub(super) fn values(values: &[Packed], out: &mut [u8]) {
    let (out, _) = out.as_chunks_mut::<{ HEAD * GROUP }>();
    for (out, values) in out.iter_mut().zip(values.as_chunks::<GROUP>().0) {
        for c in 0..HEAD {
            for i in 0..GROUP {
                out[c * GROUP + i] = values[i][c];
            }
        }
    }
}
