//! Both products, written once over the few instructions that differ.

#![expect(
    clippy::needless_range_loop,
    reason = "counted loops over arrays unroll into registers, iterators of them do not"
)]

use super::kernel::{GROUP, HEAD, MixBlock, QUERIES, ScoreBlock};

/// Keys or channels that are summed in a step.
const EIGHT: usize = 2 * GROUP;

/// Sums of some columns (keys, or channels of values), from groups of four bytes of each.
///
/// # Safety
/// Of each function: the CPU has the instructions, and as many numbers as its types hold lie where it reads or writes.
pub(super) trait Dots {
    /// 32-bit sums of `NR` columns under way.
    type Sums: Copy;
    /// Four bytes of `NR` columns.
    type Columns: Copy;
    /// 16 bytes of a row that columns are multiplied with.
    type Row: Copy;
    /// Columns.
    const NR: usize;

    unsafe fn load(from: *const i32) -> Self::Sums;
    unsafe fn splat(number: i32) -> Self::Sums;
    unsafe fn store(sums: Self::Sums, to: *mut i32);
    unsafe fn columns(from: *const u8) -> Self::Columns;
    unsafe fn row(from: *const u8) -> Self::Row;
    /// Adds the products of eight bytes of a query, its first or second ones, and of keys.
    unsafe fn keys<const HALF: usize>(
        sums: Self::Sums,
        keys: [Self::Columns; 2],
        query: Self::Row,
    ) -> Self::Sums;
    /// As `keys`, of weights, which are unsigned, and of values.
    unsafe fn values<const HALF: usize>(
        sums: Self::Sums,
        values: [Self::Columns; 2],
        weights: Self::Row,
    ) -> Self::Sums;
}

/// What is summed over: rows of bytes, and columns, `group` apart for each four bytes of a row.
#[derive(Clone, Copy)]
struct Operands<const R: usize> {
    rows: [*const u8; R],
    columns: *const u8,
    group: usize,
}

impl<const R: usize> Operands<R> {
    /// Eight bytes of each row, first or second of 16, with as many of `P · NR` columns.
    #[inline(always)]
    unsafe fn eight<D: Dots, const P: usize, const KEYS: bool, const HALF: usize>(
        &self,
        rows: &[D::Row; R],
        sums: &mut [[D::Sums; P]; R],
    ) {
        for p in 0..P {
            // SAFETY: the caller's promise.
            unsafe {
                let from = self.columns.add(p * D::NR * GROUP);
                let from = if HALF == 0 {
                    from
                } else {
                    from.add(self.group).add(self.group)
                };
                let columns = [D::columns(from), D::columns(from.add(self.group))];
                for r in 0..R {
                    sums[r][p] = if KEYS {
                        D::keys::<HALF>(sums[r][p], columns, rows[r])
                    } else {
                        D::values::<HALF>(sums[r][p], columns, rows[r])
                    };
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn rows<D: Dots>(&self) -> [D::Row; R] {
        // SAFETY: the caller's promise.
        unsafe {
            let mut rows = [D::row(self.rows[0]); R];
            for r in 1..R {
                rows[r] = D::row(self.rows[r]);
            }
            rows
        }
    }

    /// Adds the products over `eights` times eight bytes.
    ///
    /// # Safety
    /// So many bytes can be read from each row, in whole sixteens, and twice so many groups of `P · NR` columns.
    #[inline(always)]
    unsafe fn sum<D: Dots, const P: usize, const KEYS: bool>(
        mut self,
        eights: usize,
        sums: &mut [[D::Sums; P]; R],
    ) {
        for _ in 0..eights / 2 {
            // SAFETY: the caller's promise; the last step may end past all that is read.
            unsafe {
                let rows = self.rows::<D>();
                self.eight::<D, P, KEYS, 0>(&rows, sums);
                self.eight::<D, P, KEYS, 1>(&rows, sums);
            }
            for row in &mut self.rows {
                *row = row.wrapping_add(2 * EIGHT);
            }
            self.columns = self.columns.wrapping_add(self.group.wrapping_mul(4));
        }
        if eights % 2 == 1 {
            // SAFETY: the caller's promise.
            unsafe {
                let rows = self.rows::<D>();
                self.eight::<D, P, KEYS, 0>(&rows, sums);
            }
        }
    }
}

/// [`ScoreBlock`], `P` times `NR` keys at a time as long as there are so many, for `A` queries and then for the other `B`.
///
/// # Safety
/// The CPU has the instructions.
#[inline(always)]
pub(super) unsafe fn scores<D: Dots, const A: usize, const B: usize, const P: usize>(
    mut block: ScoreBlock<'_>,
) {
    let (keys, row) = (block.keys.len() / HEAD, block.scores.len() / QUERIES);
    let count = block.biases[0].len();
    assert!(A + B == QUERIES && block.biases.iter().all(|bias| bias.len() == count));
    assert!(count.is_multiple_of(D::NR) && count <= keys && keys <= row);
    assert!(block.first <= keys - count);
    // SAFETY: for each query, so many keys, biases and scores are there (just checked).
    unsafe {
        some_scores::<D, A, P>(&mut block, 0);
        if B > 0 {
            some_scores::<D, B, P>(&mut block, A);
        }
    }
}

/// For `R` queries from `top` on.
///
/// # Safety
/// As [`scores`], and sizes are as it asserts.
#[inline(always)]
unsafe fn some_scores<D: Dots, const R: usize, const P: usize>(
    block: &mut ScoreBlock<'_>,
    top: usize,
) {
    let count = block.biases[0].len();
    let mut at = 0;
    // SAFETY: the caller's promise, of `P · NR` and of `NR` keys.
    unsafe {
        while count - at >= P * D::NR {
            vectors_of_scores::<D, R, P>(block, top, at);
            at += P * D::NR;
        }
        while at < count {
            vectors_of_scores::<D, R, 1>(block, top, at);
            at += D::NR;
        }
    }
}

/// # Safety
/// As [`some_scores`], and there are `P · NR` biases from `at` on.
#[inline(always)]
unsafe fn vectors_of_scores<D: Dots, const R: usize, const P: usize>(
    block: &mut ScoreBlock<'_>,
    top: usize,
    at: usize,
) {
    let (keys, row) = (block.keys.len() / HEAD, block.scores.len() / QUERIES);
    let first = block.first.wrapping_add(at);
    // SAFETY: the caller's promise. Queries are 32 bytes, and keys have eight groups.
    unsafe {
        let mut sums = [[D::splat(0); P]; R];
        let mut rows = [block.keys.as_ptr(); R];
        for r in 0..R {
            rows[r] = block.queries[top + r].as_ptr();
            let bias = block.biases[top + r].as_ptr().add(at);
            for p in 0..P {
                sums[r][p] = D::load(bias.add(p * D::NR));
            }
        }
        let operands = Operands {
            rows,
            columns: block.keys.as_ptr().add(first.wrapping_mul(GROUP)),
            group: keys.wrapping_mul(GROUP),
        };
        operands.sum::<D, P, true>(HEAD / EIGHT, &mut sums);
        let mut to = block
            .scores
            .as_mut_ptr()
            .add(top.wrapping_mul(row))
            .add(first);
        for sums in sums {
            for p in 0..P {
                D::store(sums[p], to.add(p * D::NR));
            }
            to = to.wrapping_add(row);
        }
    }
}

/// [`MixBlock`], `P` times `NR` channels at a time, for `A` queries and then for the other `B`.
///
/// # Safety
/// The CPU has the instructions.
#[inline(always)]
pub(super) unsafe fn mix<D: Dots, const A: usize, const B: usize, const P: usize>(
    mut block: MixBlock<'_>,
) {
    let (keys, row) = (block.values.len() / HEAD, block.weights.len() / QUERIES);
    assert!(keys.is_multiple_of(EIGHT) && row.is_multiple_of(2 * EIGHT) && keys <= row);
    assert!(A + B == QUERIES && HEAD.is_multiple_of(P * D::NR));
    // SAFETY: rows are `keys` long and whole sixteens, values have 32 channels for each four keys (just checked).
    unsafe {
        mix_some::<D, A, P>(&mut block, 0);
        if B > 0 {
            mix_some::<D, B, P>(&mut block, A);
        }
    }
}

/// For `R` queries from `top` on.
///
/// # Safety
/// As [`mix`], and sizes are as it asserts.
#[inline(always)]
unsafe fn mix_some<D: Dots, const R: usize, const P: usize>(block: &mut MixBlock<'_>, top: usize) {
    let (keys, row) = (block.values.len() / HEAD, block.weights.len() / QUERIES);
    let mut rows = [block.weights.as_ptr(); R];
    for (r, start) in rows.iter_mut().enumerate() {
        *start = start.wrapping_add((top + r).wrapping_mul(row));
    }
    for at in 0..HEAD / (P * D::NR) {
        let first = at * (P * D::NR);
        // SAFETY: the caller's promise; `mixed` has 32 channels as well.
        unsafe {
            let mut sums = [[D::splat(0); P]; R];
            for r in 0..R {
                sums[r] = [D::splat(block.start[top + r]); P];
            }
            let operands = Operands {
                rows,
                columns: block.values.as_ptr().add(first * GROUP),
                group: HEAD * GROUP,
            };
            operands.sum::<D, P, false>(keys / EIGHT, &mut sums);
            for r in 0..R {
                let to = block.mixed[top + r].as_mut_ptr().add(first);
                for p in 0..P {
                    D::store(sums[r][p], to.add(p * D::NR));
                }
            }
        }
    }
}
