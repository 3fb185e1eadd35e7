//! Window attention with biases by offset and the modality's token (TinyViT, ESP-MedSAM section 3.2).
//!
//! A map is cut into windows of `window` x `window` cells, the last ones reaching over its right and lower edge. In each
//! window and for each head, every cell asks all cells: `softmax(q·k / √32 + bias) · v`.
//!
//! Cells outside the map all have the same key and value, so for a given query they differ in their bias alone:
//! `Σ e^(q·k + b_i) = e^(q·k + ln Σ e^(b_i))`. One key with that bias stands for all of them.
//!
//! `run` allocates nothing: a task works in its thread's scratch and in arrays of fixed size.

mod bias;
mod eight;
mod kernel;
mod shape;
mod share;
#[cfg(test)]
mod tests;

pub use eight::{FINEST, MOST_WINDOW, TokenI8, WindowAttentionI8, WindowWeightsI8, is_fineness};
pub use shape::{HEAD, Token, WindowShape};

use super::pointwise::{SharedOut, floats};
use super::{Exec, Out};
use bias::Class;
use share::{parts, share};

/// Attention inside windows.
#[derive(Debug)]
pub struct WindowAttention {
    shape: WindowShape,
    classes: Vec<Class>,
    token: Option<Vec<f32>>,
    outside: Option<Vec<f32>>,
}

impl WindowAttention {
    /// `biases` is `[heads][window²]`, by |dy| · window + |dx|; `outside` `[3 * 32 * heads]` is the row of `qkv` that cells
    /// outside the map would have.
    ///
    /// # Panics
    /// If a length does not match, a size is 0, or windows reach over the edge and there is no `outside`.
    #[must_use]
    pub fn new(
        shape: WindowShape,
        biases: &[f32],
        token: Option<Token<'_>>,
        outside: Option<&[f32]>,
    ) -> Self {
        let WindowShape {
            height,
            width,
            window,
            heads,
        } = shape;
        assert!(height > 0 && width > 0 && window > 0 && heads > 0);
        assert_eq!(biases.len(), heads * window * window);
        assert!(token.is_none_or(|token| token.vectors.len() == heads * HEAD));
        assert!(outside.is_none_or(|outside| outside.len() == 3 * heads * HEAD));
        assert!(outside.is_some() || (height % window == 0 && width % window == 0));
        // Whole windows, and those over the edge.
        let sides = |side: usize| {
            [(side / window > 0).then_some(window), Some(side % window)]
                .into_iter()
                .flatten()
                .filter(|side| *side > 0)
        };
        let classes = sides(height)
            .flat_map(|rows| sides(width).map(move |columns| (rows, columns)))
            .map(|cells| Class::new(shape, cells, biases, token))
            .collect();
        Self {
            shape,
            classes,
            token: token.map(|token| token.vectors.to_vec()),
            outside: outside.map(<[f32]>::to_vec),
        }
    }

    /// Bytes of scratch a thread needs.
    #[must_use]
    pub fn scratch(&self) -> usize {
        let classes = self.classes.iter();
        classes.map(|c| 4 * kernel::scratch(c)).max().unwrap_or(0)
    }

    /// `qkv` is `[height * width][heads][3][32]` (query, key, value), `out` `[height * width][heads][32]`.
    ///
    /// # Panics
    /// If a length does not match.
    pub fn run(&self, exec: Exec<'_>, qkv: &[f32], out: Out<'_>) {
        let shape = self.shape;
        let channels = shape.heads * HEAD;
        assert_eq!(qkv.len(), shape.height * shape.width * 3 * channels);
        let out = SharedOut::new(out, qkv.len() / 3);
        let across = shape.width.div_ceil(shape.window);
        let windows = shape.height.div_ceil(shape.window) * across;
        let most = (shape.window * shape.window).div_ceil(4 * kernel::QUERIES);
        let parts = parts(exec.pool.threads(), windows * shape.heads, most);
        let tasks = windows * shape.heads * parts;
        exec.parallel(tasks, self.scratch(), |task, scratch| {
            let (pair, part) = (task / parts, task % parts);
            let (window, head) = (pair / shape.heads, pair % shape.heads);
            let top = window / across * shape.window;
            let left = window % across * shape.window;
            let rows = shape.window.min(shape.height - top);
            let columns = shape.window.min(shape.width - left);
            let class = |c: &&Class| (c.rows, c.columns) == (rows, columns);
            let Some(class) = self.classes.iter().find(class) else {
                return; // No window has other sides than those `new` made classes for.
            };
            let job = kernel::WindowTask {
                cpu: exec.cpu,
                class,
                head,
                queries: share(rows * columns, part, parts, kernel::QUERIES),
                place: (top, left),
                width: shape.width,
                heads: shape.heads,
                token: self.token.as_deref().map(|t| &t[head * HEAD..][..HEAD]),
                outside: self
                    .outside
                    .as_deref()
                    .map(|o| &o[head * 3 * HEAD..][..3 * HEAD]),
            };
            kernel::attend(exec.cpu, &job, qkv, floats(scratch), out);
        });
    }
}
