//! What chains are put together from: layers, scratch, outputs.

#![allow(unsafe_code)]

use std::ops::Range;
use std::sync::Arc;

use crate::kernels::{SharedSlice, ValueMut};

/// A layer and what is done to its sums.
pub(super) type With<L, A> = (Arc<L>, A);

/// Numbers that any bits are valid values of.
pub(super) trait Number: Copy + Send + Sync {}
impl Number for f32 {}
impl Number for u8 {}

/// `len` numbers of scratch, and what is left of it. Content is unspecified.
pub(super) fn take<T: Number>(scratch: &mut [u8], len: usize) -> (&mut [T], &mut [u8]) {
    let (taken, rest) = scratch.split_at_mut((len * size_of::<T>()).next_multiple_of(64));
    // SAFETY: any bits are valid numbers.
    let taken = unsafe { taken.align_to_mut().1 };
    (&mut taken[..len], rest)
}

/// An output that tasks write parts of.
#[derive(Clone, Copy)]
pub(super) enum Output<'a> {
    F32(SharedSlice<'a, f32>),
    U8(SharedSlice<'a, u8>),
}

impl<'a> Output<'a> {
    pub(super) fn new(output: ValueMut<'a>) -> Self {
        match output {
            ValueMut::F32(y) => Self::F32(SharedSlice::new(y)),
            ValueMut::U8(y) => Self::U8(SharedSlice::new(y)),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::F32(y) => y.len(),
            Self::U8(y) => y.len(),
        }
    }

    /// # Safety
    /// As [`SharedSlice::slice`].
    pub(super) unsafe fn slice(&self, range: Range<usize>) -> ValueMut<'a> {
        // SAFETY: the caller's promise.
        unsafe {
            match self {
                Self::F32(y) => ValueMut::F32(y.slice(range)),
                Self::U8(y) => ValueMut::U8(y.slice(range)),
            }
        }
    }
}
