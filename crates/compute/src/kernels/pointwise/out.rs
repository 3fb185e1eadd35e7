//! Where layers of this folder write.

#![allow(unsafe_code)]

use crate::kernels::{Out, Quantizer, SharedSlice};

/// An [`Out`] that tasks write disjoint parts of.
#[derive(Clone, Copy, Debug)]
pub enum SharedOut<'a> {
    /// Real numbers.
    F32(SharedSlice<'a, f32>),
    /// Eight-bit numbers.
    U8(Quantizer, SharedSlice<'a, u8>),
}

impl<'a> SharedOut<'a> {
    /// Shares `out`, which is `len` long, out.
    ///
    /// # Panics
    /// If it is not.
    #[must_use]
    pub fn new(out: Out<'a>, len: usize) -> Self {
        match out {
            Out::F32(out) => {
                assert_eq!(out.len(), len);
                Self::F32(SharedSlice::new(out))
            }
            Out::U8(quant, out) => {
                assert_eq!(out.len(), len);
                Self::U8(Quantizer::new(quant), SharedSlice::new(out))
            }
        }
    }

    /// Stores `values` from `start` on.
    ///
    /// # Safety
    /// Parts written at the same time must not overlap.
    #[inline(always)]
    pub unsafe fn write(&self, start: usize, values: &[f32]) {
        let part = start..start + values.len();
        match self {
            // SAFETY: the caller's promise.
            Self::F32(out) => unsafe { out.slice(part) }.copy_from_slice(values),
            Self::U8(quantizer, out) => {
                // SAFETY: the caller's promise.
                let out = unsafe { out.slice(part) };
                quantizer.quantize_all(values, out);
            }
        }
    }
}

/// Scratch as numbers.
#[must_use]
pub fn floats(scratch: &mut [u8]) -> &mut [f32] {
    // SAFETY: every bit pattern is an f32. Scratch is aligned to 64 bytes, so nothing is cut off at its start.
    unsafe { scratch.align_to_mut::<f32>().1 }
}
