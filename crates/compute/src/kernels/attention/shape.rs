//! Sizes of window attention, and what is given to it beside the map.

pub use crate::kernels::tile::window::HEAD;

/// Geometry of window attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowShape {
    /// Rows of the map.
    pub height: usize,
    /// Columns of the map.
    pub width: usize,
    /// Side of a window.
    pub window: usize,
    /// Heads, of 32 channels each.
    pub heads: usize,
}

/// One more key and value in each window.
#[derive(Clone, Copy, Debug)]
pub struct Token<'a> {
    /// `[heads][32]`, both key and value.
    pub vectors: &'a [f32],
    /// Its bias for every query.
    pub bias: f32,
}
