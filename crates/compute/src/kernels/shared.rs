//! Slices that threads write parts of.

#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::ops::Range;

/// A slice that tasks write disjoint parts of.
#[derive(Clone, Copy, Debug)]
pub struct SharedSlice<'a, T> {
    start: *mut T,
    len: usize,
    borrow: PhantomData<&'a mut [T]>,
}

// SAFETY: it is a `&mut [T]` whose parts are handed to threads; `slice` makes its caller promise they are disjoint.
unsafe impl<T: Send> Send for SharedSlice<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for SharedSlice<'_, T> {}

impl<'a, T> SharedSlice<'a, T> {
    /// Shares `slice` out.
    #[must_use]
    pub fn new(slice: &'a mut [T]) -> Self {
        Self {
            start: slice.as_mut_ptr(),
            len: slice.len(),
            borrow: PhantomData,
        }
    }

    /// Its length.
    #[must_use]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// A part of it.
    ///
    /// # Safety
    /// Parts in use at the same time must not overlap.
    ///
    /// # Panics
    /// If `range` reaches past the end.
    #[must_use]
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn slice(&self, range: Range<usize>) -> &'a mut [T] {
        assert!(range.start <= range.end && range.end <= self.len);
        // SAFETY: inside the borrowed slice (checked), exclusive by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(range.start), range.len()) }
    }

    /// Where its value `at` lies, for kernels that write there themselves.
    #[must_use]
    pub(super) fn pointer(&self, at: usize) -> *mut T {
        self.start.wrapping_add(at)
    }

    /// Writes `values` from `at` on, unchecked: for the innermost loops.
    ///
    /// # Safety
    /// They lie inside the slice, and outside any part in use.
    #[inline(always)]
    pub unsafe fn write<const W: usize>(&self, at: usize, values: [T; W]) {
        debug_assert!(at + W <= self.len);
        // SAFETY: inside the borrowed slice and exclusive by the caller's promise.
        unsafe { self.start.add(at).cast::<[T; W]>().write(values) }
    }
}
