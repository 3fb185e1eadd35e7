//! Two linear layers in a row, some rows at a time.

#![allow(unsafe_code)]

use std::ops::Range;

use super::parts::{Number, Output, With, take};
use crate::kernels::gemm::{Finish, LinearF32, LinearI8, Residual};
use crate::kernels::{Activation, Exec, Out, ValueMut};

/// Rows of a task, which are whole tiles on every CPU: each loads all weights of both layers once for so many.
const ROWS: usize = 56;
/// Tasks, at least: with fewer, threads would not end together.
const TASKS: usize = 32;
/// A hidden map of fewer bytes stays in cache by itself.
const SMALL: usize = 1 << 20;
/// More bytes of weights leave the cache between two tasks.
const WEIGHTS: usize = 2 << 20;

/// A float chain.
#[derive(Debug)]
pub struct MlpF32 {
    first: With<LinearF32, Activation>,
    second: With<LinearF32, Activation>,
}

/// An 8-bit chain.
#[derive(Debug)]
pub struct MlpI8 {
    first: With<LinearI8, Finish>,
    second: With<LinearI8, Finish>,
}

impl MlpF32 {
    /// The layers as a chain for maps of `rows`, if that is worthwhile.
    ///
    /// # Panics
    /// If the layers do not fit each other.
    #[must_use]
    pub fn new(
        first: With<LinearF32, Activation>,
        second: With<LinearF32, Activation>,
        rows: usize,
    ) -> Option<Self> {
        let columns = [first.0.k(), first.0.n(), second.0.n()];
        worthwhile(rows, columns, size_of::<f32>()).then(|| Self::cut(first, second))
    }

    pub(super) fn cut(
        first: With<LinearF32, Activation>,
        second: With<LinearF32, Activation>,
    ) -> Self {
        assert_eq!(first.0.n(), second.0.k());
        Self { first, second }
    }

    fn linear(&self) -> usize {
        self.first.0.scratch().max(self.second.0.scratch())
    }

    /// Bytes of scratch a thread needs.
    #[must_use]
    pub fn scratch(&self) -> usize {
        scratch::<f32>(self.linear(), self.first.0.n())
    }

    /// Both layers, the second with the residual.
    ///
    /// # Panics
    /// If sizes do not fit.
    pub fn run(&self, exec: Exec<'_>, x: &[f32], residual: Option<&[f32]>, out: &mut [f32]) {
        let ((first, between), (second, after)) = (&self.first, &self.second);
        let (k, n) = (first.k(), second.n());
        let out = Output::new(ValueMut::F32(out));
        let rows = check(x.len(), k, out.len(), n);
        let work = |rows: Range<usize>, hidden: &mut [f32], scratch: &mut [u8]| {
            let x = &x[rows.start * k..rows.end * k];
            first.run_rows(x, None, *between, Out::F32(hidden), scratch);
            let range = rows.start * n..rows.end * n;
            let residual = residual.map(|residual| &residual[range.clone()]);
            // SAFETY: tasks have rows of their own.
            let out = unsafe { out.slice(range) };
            if let ValueMut::F32(out) = out {
                second.run_rows(hidden, residual, *after, Out::F32(out), scratch);
            }
        };
        run(exec, rows, self.linear(), first.n(), work);
    }
}

impl MlpI8 {
    /// The layers as a chain for maps of `rows`, if that is worthwhile. The first gives bytes.
    ///
    /// # Panics
    /// If the layers do not fit each other.
    #[must_use]
    pub fn new(
        first: With<LinearI8, Finish>,
        second: With<LinearI8, Finish>,
        rows: usize,
    ) -> Option<Self> {
        let columns = [first.0.k(), first.0.n(), second.0.n()];
        worthwhile(rows, columns, size_of::<u8>()).then(|| Self::cut(first, second))
    }

    pub(super) fn cut(first: With<LinearI8, Finish>, second: With<LinearI8, Finish>) -> Self {
        assert_eq!(first.0.n(), second.0.k());
        Self { first, second }
    }

    fn linear(&self) -> usize {
        self.first.0.scratch().max(self.second.0.scratch())
    }

    /// Bytes of scratch a thread needs.
    #[must_use]
    pub fn scratch(&self) -> usize {
        scratch::<u8>(self.linear(), self.first.0.n())
    }

    /// Both layers, the second with the residual.
    ///
    /// # Panics
    /// If sizes do not fit, or the output is not of the second layer's type.
    pub fn run(&self, exec: Exec<'_>, x: &[u8], residual: Residual<'_>, out: ValueMut<'_>) {
        let ((first, between), (second, after)) = (&self.first, &self.second);
        let (k, n) = (first.k(), second.n());
        let out = Output::new(out);
        let rows = check(x.len(), k, out.len(), n);
        let work = |rows: Range<usize>, hidden: &mut [u8], scratch: &mut [u8]| {
            let x = &x[rows.start * k..rows.end * k];
            let to = between.on(ValueMut::U8(hidden));
            first.run_rows(x, Residual::None, to, scratch);
            let range = rows.start * n..rows.end * n;
            let residual = residual.part(range.clone());
            // SAFETY: tasks have rows of their own.
            let out = unsafe { out.slice(range) };
            second.run_rows(hidden, residual, after.on(out), scratch);
        };
        run(exec, rows, self.linear(), first.n(), work);
    }
}

/// Whether a chain of these layers' inputs, hidden and output columns is faster than the layers one after the other.
fn worthwhile(rows: usize, [k, hidden, n]: [usize; 3], bytes: usize) -> bool {
    rows >= ROWS * TASKS && rows * hidden * bytes >= SMALL && hidden * (k + n) * bytes <= WEIGHTS
}

/// Rows of a map of `x` numbers in columns of `k`, if those of the output fit.
fn check(x: usize, k: usize, out: usize, n: usize) -> usize {
    let rows = x / k;
    assert!(x == rows * k && out == rows * n);
    rows
}

fn scratch<T: Number>(linear: usize, hidden: usize) -> usize {
    let hidden = (ROWS * hidden * size_of::<T>()).next_multiple_of(64);
    linear.next_multiple_of(64) + hidden
}

/// Calls `work(rows, hidden, scratch)` for all rows, some at a time, on all threads.
fn run<T: Number>(
    exec: Exec<'_>,
    rows: usize,
    linear: usize,
    hidden: usize,
    work: impl Fn(Range<usize>, &mut [T], &mut [u8]) + Sync,
) {
    let bytes = scratch::<T>(linear, hidden);
    exec.parallel(rows.div_ceil(ROWS), bytes, |task, scratch| {
        let rows = task * ROWS..((task + 1) * ROWS).min(rows);
        let (linear, scratch) = take::<u8>(scratch, linear);
        let (between, _) = take::<T>(scratch, rows.len() * hidden);
        work(rows, between, linear);
    });
}
