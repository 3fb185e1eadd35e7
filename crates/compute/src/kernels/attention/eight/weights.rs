//! What 8-bit window attention is made from, and its bounds.

/// Keys and values, in steps, to either side of 0: they are to the products what weights are.
pub(super) const MOST: i8 = 64;

/// Biases, in units of a score, to either side of 0: with them scores stay exact as float32 in the reference.
pub(super) const LIMIT: i32 = 1 << 22;

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

/// Whether a number is a fineness: a power of two from 1 to [`FINEST`].
#[must_use]
pub fn is_fineness(number: f32) -> bool {
    (1.0..=FINEST).contains(&number)
        && number.to_bits().trailing_zeros() >= f32::MANTISSA_DIGITS - 1
}
