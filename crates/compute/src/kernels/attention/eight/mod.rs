//! Window attention on 8-bit queries, keys and values (`QWindowAttention` of docs/nodes.md).
//!
//! Scores are integers: the queries' and keys' steps are such that a product of two is `1 / 2^shift` of a step of the
//! softmax's table, and so are the biases. What a score is below its row's largest is looked up, which gives a weight in
//! 0..=255; weights times values are integers again, divided by the sum of the weights at last. Both products go through
//! the tiles of 8-bit layers, so they are exact on every CPU.
//!
//! Cells outside the map are keys like any other: integers cannot be put together as one key of a larger bias.
//!
//! `run` allocates nothing.

mod head;
mod kernel;
mod pack;
mod table;
#[cfg(test)]
mod tests;

use super::shape::{HEAD, WindowShape};
use crate::kernels::pointwise::SharedOut;
use crate::kernels::{Cpu, Exec, Out, tile};
use head::Head;
use kernel::Keys;

/// Keys and values, in steps, to either side of 0: they are to the products what weights are.
const MOST: i8 = 64;

/// Biases, in units of a score, to either side of 0: with them scores stay exact as float32 in the reference.
const LIMIT: i32 = 1 << 22;

/// Largest side of a window: the sums of weights times values stay exact as float32.
pub const MOST_WINDOW: usize = 31;

/// Largest fineness.
pub const FINEST: f32 = 4096.0;

/// What 8-bit window attention is made from, beside its shape.
#[derive(Clone, Copy, Debug)]
pub struct WindowWeightsI8<'a> {
    /// `[heads][window²]`, by |dy| · window + |dx|.
    pub biases: &'a [f32],
    /// `[heads]`: units of a score in a step of the softmax's table, powers of two from 1 to [`FINEST`].
    pub fineness: &'a [f32],
    /// `[heads]`: real size of a step of the values.
    pub value_scale: &'a [f32],
    /// One more key and value in each window.
    pub token: Option<TokenI8<'a>>,
    /// `[heads][3][32]`, in steps: query, key and value that cells outside the map would have.
    pub outside: Option<&'a [f32]>,
}

/// One more key and value in each window, in steps.
#[derive(Clone, Copy, Debug)]
pub struct TokenI8<'a> {
    /// `[heads][32]`.
    pub keys: &'a [f32],
    /// `[heads][32]`.
    pub values: &'a [f32],
    /// Its bias for every query.
    pub bias: f32,
}

/// Attention inside windows on bytes.
#[derive(Debug)]
pub struct WindowAttentionI8 {
    cpu: Cpu,
    shape: WindowShape,
    keys: Keys,
    heads: Vec<Head>,
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
        let keys = Keys::new(cpu, window * window, weights.token.is_some());
        let head = |at| Head::new(weights, at, window, (keys.whole, keys.padded));
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
        let block = kernel::block(tile::i8(self.cpu));
        let most = (shape.window * shape.window).div_ceil(4 * block);
        let parts = super::parts(exec.pool.threads(), windows * heads, most);
        exec.parallel(windows * heads * parts, self.scratch(), |task, scratch| {
            let (pair, part) = (task / parts, task % parts);
            let (window, at) = (pair / heads, pair % heads);
            let place = (
                window / across * shape.window,
                window % across * shape.window,
            );
            let rows = shape.window.min(shape.height - place.0);
            let columns = shape.window.min(shape.width - place.1);
            let task = kernel::Task {
                cpu: self.cpu,
                head: &self.heads[at],
                window: shape.window,
                rows,
                columns,
                queries: super::share(rows * columns, part, parts, block),
                place,
                width: shape.width,
                at: (at, heads),
                keys: self.keys,
            };
            kernel::attend(self.cpu, &task, qkv, scratch, out);
        });
    }
}

/// Whether a number is a fineness: a power of two from 1 to [`FINEST`].
#[must_use]
pub fn is_fineness(number: f32) -> bool {
    (1.0..=FINEST).contains(&number)
        && number.to_bits().trailing_zeros() >= f32::MANTISSA_DIGITS - 1
}
