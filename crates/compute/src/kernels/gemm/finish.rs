//! What follows a layer's sums, as layers say it.

use std::ops::Range;

use crate::kernels::{Quant, ValueMut};

/// A residual to add, in real numbers, before the activation.
#[derive(Clone, Copy, Debug)]
pub enum Residual<'a> {
    /// None.
    None,
    /// Real.
    F32(&'a [f32]),
    /// Quantized.
    U8(Quant, &'a [u8]),
}

impl Residual<'_> {
    /// A part of it.
    ///
    /// # Panics
    /// If it reaches past the end.
    #[must_use]
    pub fn part(&self, range: Range<usize>) -> Self {
        match self {
            Self::None => Self::None,
            Self::F32(x) => Self::F32(&x[range]),
            Self::U8(quant, x) => Self::U8(*quant, &x[range]),
        }
    }
}

/// What becomes of an 8-bit layer's sums. With `real = fma(acc as f32, input.scale * scale[n], bias[n]) + residual`:
#[derive(Debug)]
pub enum Epilogue<'a> {
    /// `y = real`.
    F32(&'a mut [f32]),
    /// `y = quant(real)`.
    U8(Quant, &'a mut [u8]),
    /// `y = table[quant(real)]` (GELU and its requantization: `quant::gelu_table`).
    Table(Quant, &'a [u8; 256], &'a mut [u8]),
}

/// An [`Epilogue`] without the place it writes to: what a layer keeps of it.
#[derive(Clone, Debug)]
pub enum Finish {
    /// [`Epilogue::F32`].
    F32,
    /// [`Epilogue::U8`].
    U8(Quant),
    /// [`Epilogue::Table`].
    Table(Quant, Box<[u8; 256]>),
}

impl Finish {
    /// Writing to `output`.
    ///
    /// # Panics
    /// If its numbers are of another type.
    #[must_use]
    pub fn on<'a>(&'a self, output: ValueMut<'a>) -> Epilogue<'a> {
        match (self, output) {
            (Self::F32, ValueMut::F32(y)) => Epilogue::F32(y),
            (Self::U8(quant), ValueMut::U8(y)) => Epilogue::U8(*quant, y),
            (Self::Table(mid, table), ValueMut::U8(y)) => Epilogue::Table(*mid, table, y),
            _ => unreachable!("outputs have the type that layers were made for"),
        }
    }
}
