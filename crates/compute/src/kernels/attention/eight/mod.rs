//! Window attention on 8-bit queries, keys and values (`QWindowAttention` of docs/nodes.md).
//!
//! Scores are integers: the queries' and keys' steps are such that a product of two is `1 / 2^shift` of a step of the
//! softmax's table, and so are the biases. What a score is below its row's largest is looked up, which gives a weight in
//! 0..=255; weights times values are integers again, divided by the sum of the weights at last. Each of the three steps is
//! written for the instructions of a CPU (`tile::window`), over a block of queries and all keys.
//!
//! Cells outside the map are keys like any other: integers cannot be put together as one key of a larger bias.
//!
//! `run` allocates nothing.

mod head;
mod kernel;
mod pack;
mod task;
#[cfg(test)]
mod tests;
mod weights;

pub use weights::{FINEST, MOST_WINDOW, TokenI8, WindowWeightsI8, is_fineness};

use super::shape::{HEAD, WindowShape};
use super::share::{parts, share};
use crate::kernels::pointwise::SharedOut;
use crate::kernels::tile::window::QUERIES;
use crate::kernels::{Cpu, Exec, Out, tile};
use head::HeadBytes;
use task::{ByteTask, WindowKeys};

/// Attention inside windows on bytes.
#[derive(Debug)]
pub struct WindowAttentionI8 {
    cpu: Cpu,
    shape: WindowShape,
    keys: WindowKeys,
    heads: Vec<HeadBytes>,
}

impl WindowAttentionI8 {
    /// Lays the biases out for a CPU's tiles.
    ///
    /// # Panics
    /// If a length does not match, a size is 0 or a window larger than [`MOST_WINDOW`], a fineness is no power of two from 1
    /// to [`FINEST`], or windows reach over the edge and there is no `outside`.
    #[must_use]
    pub fn new(cpu: Cpu, shape: WindowShape, weights: &WindowWeightsI8<'_>) -> Self {
        let WindowShape {
            height,
            width,
            window,
            heads,
        } = shape;
        assert!(height > 0 && width > 0 && heads > 0 && (1..=MOST_WINDOW).contains(&window));
        assert_eq!(weights.biases.len(), heads * window * window);
        assert_eq!(
            (weights.fineness.len(), weights.value_scale.len()),
            (heads, heads)
        );
        assert!(
            weights
                .fineness
                .iter()
                .all(|fineness| is_fineness(*fineness))
        );
        assert!(weights.token.is_none_or(|token| {
            token.keys.len() == heads * HEAD && token.values.len() == heads * HEAD
        }));
        let outside = weights.outside;
        assert!(outside.is_none_or(|outside| outside.len() == 3 * heads * HEAD));
        assert!(outside.is_some() || (height % window == 0 && width % window == 0));
        let keys = WindowKeys::new(&tile::window(cpu), window * window, weights.token.is_some());
        let head = |at| HeadBytes::new(weights, at, window, (keys.whole, keys.padded));
        Self {
            cpu,
            shape,
            keys,
            heads: (0..heads).map(head).collect(),
        }
    }

    /// Bytes of scratch a thread needs.
    #[must_use]
    pub fn scratch(&self) -> usize {
        kernel::scratch(self.keys)
    }

    /// `qkv` is `[height * width][heads][3][32]` (query, key, value) in steps from 128 on, `out`
    /// `[height * width][heads][32]`.
    ///
    /// # Panics
    /// If a length does not match.
    pub fn run(&self, exec: Exec<'_>, qkv: &[u8], out: Out<'_>) {
        let shape = self.shape;
        let heads = self.heads.len();
        assert_eq!(qkv.len(), shape.height * shape.width * 3 * heads * HEAD);
        let out = SharedOut::new(out, qkv.len() / 3);
        let across = shape.width.div_ceil(shape.window);
        let windows = shape.height.div_ceil(shape.window) * across;
        let most = (shape.window * shape.window).div_ceil(4 * QUERIES);
        let parts = parts(exec.pool.threads(), windows * heads, most);
        exec.parallel(windows * heads * parts, self.scratch(), |task, scratch| {
            let (pair, part) = (task / parts, task % parts);
            let (window, at) = (pair / heads, pair % heads);
            let place = (
                window / across * shape.window,
                window % across * shape.window,
            );
            let rows = shape.window.min(shape.height - place.0);
            let columns = shape.window.min(shape.width - place.1);
            let task = ByteTask {
                cpu: self.cpu,
                head: &self.heads[at],
                window: shape.window,
                rows,
                columns,
                queries: share(rows * columns, part, parts, QUERIES),
                place,
                width: shape.width,
                at: (at, heads),
                keys: self.keys,
            };
            kernel::attend(self.cpu, &task, qkv, scratch, out);
        });
    }
}
