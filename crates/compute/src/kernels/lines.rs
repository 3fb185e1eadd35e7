//! Memory in whole cache lines.

#![allow(unsafe_code)]

use std::marker::PhantomData;

/// Bytes of a cache line, of the CPUs that kernels are written for, and of the longest vector.
pub(super) const LINE: usize = 64;

/// A cache line's bytes.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct CacheLine([u8; LINE]);

impl CacheLine {
    /// As many lines as hold `bytes`, zero at first.
    pub(super) fn zeros(bytes: usize) -> Vec<Self> {
        vec![Self([0; LINE]); bytes.div_ceil(LINE)]
    }
}

/// Numbers in whole cache lines, zero at first.
#[derive(Debug)]
pub(super) struct Lines<T> {
    lines: Vec<CacheLine>,
    len: usize,
    kind: PhantomData<T>,
}

impl<T: Copy> Lines<T> {
    pub(super) fn new(len: usize) -> Self {
        Self {
            lines: CacheLine::zeros(len * size_of::<T>()),
            len,
            kind: PhantomData,
        }
    }

    pub(super) fn as_slice(&self) -> &[T] {
        // SAFETY: the lines hold `len` numbers, and any bits are valid ones (`T` is `f32` or `i8`).
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}
