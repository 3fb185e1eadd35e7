//! What float and 8-bit products share: packed weights, the cutting of a layer into tasks, and the loops over tiles.

#![allow(unsafe_code)]

use std::ops::Range;

use super::patches::Operand;
use crate::kernels::lines::{LINE, Lines};
use crate::kernels::tile::{self, TileF32, TileI8, TileOperands};
use crate::kernels::{Cpu, Exec};

/// A kernel for one tile, and the types it works on.
pub(super) trait TileKernel: Copy {
    type In: Copy + Send + Sync;
    type Weight: Copy + Default + Send + Sync + std::fmt::Debug;
    type Sum: Copy;

    /// Sizes: rows, columns, values of `k` that lie together.
    fn sizes(self) -> (usize, usize, usize);
    /// What `k` must be a multiple of.
    const K_STEP: usize;
    /// Multiplications below which a task is not worth its overhead (some microseconds' worth).
    const LEAST_WORK: usize;
    /// The largest tile of a CPU.
    fn of(cpu: Cpu) -> Self;
    /// A tile with the same columns for `rows`.
    fn fewer(cpu: Cpu, rows: usize) -> Self;
    /// Whether tiles take the values as they lie; else what [`TileKernel::turn`] makes of them.
    fn as_they_lie(self) -> bool;
    fn turn(from: &[Self::In], to: &mut [Self::In]);
    /// # Safety
    /// As [`TileF32::run`] and [`TileI8::run`] say.
    unsafe fn run(
        self,
        k: usize,
        a: *const Self::In,
        lda: usize,
        b: *const Self::Weight,
        acc: *mut Self::Sum,
    );
}

impl TileKernel for TileF32 {
    type In = f32;
    type Weight = f32;
    type Sum = f32;
    const K_STEP: usize = 1;
    const LEAST_WORK: usize = 100_000;

    fn sizes(self) -> (usize, usize, usize) {
        (self.mr, self.nr, 1)
    }
    fn of(cpu: Cpu) -> Self {
        tile::f32(cpu)
    }
    fn fewer(cpu: Cpu, rows: usize) -> Self {
        tile::f32_of(cpu, rows)
    }
    fn as_they_lie(self) -> bool {
        true
    }
    #[inline(always)]
    fn turn(from: &[f32], to: &mut [f32]) {
        to.copy_from_slice(from);
    }
    unsafe fn run(self, k: usize, a: *const f32, lda: usize, b: *const f32, acc: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { (self.run)(k, a, lda, b, acc, false) }
    }
}

impl TileKernel for TileI8 {
    type In = u8;
    type Weight = i8;
    type Sum = i32;
    const K_STEP: usize = 16;
    const LEAST_WORK: usize = 400_000;

    fn sizes(self) -> (usize, usize, usize) {
        (self.mr, self.nr, self.kg)
    }
    fn of(cpu: Cpu) -> Self {
        tile::i8(cpu)
    }
    fn fewer(cpu: Cpu, rows: usize) -> Self {
        tile::i8_of(cpu, rows)
    }
    fn as_they_lie(self) -> bool {
        self.offset == 0
    }
    #[inline(always)]
    fn turn(from: &[u8], to: &mut [u8]) {
        tile::turn(from, to);
    }
    unsafe fn run(self, k: usize, a: *const u8, lda: usize, b: *const i8, acc: *mut i32) {
        // SAFETY: the caller's promise.
        unsafe { (self.run)(k, a, lda, b, acc) }
    }
}

/// Most sums that are finished together: a tile of any CPU, or several of few rows, one above the other.
pub(super) const SUMS: usize = 1024;
/// Tasks to cut a large layer into: enough that threads end together, few enough that each reuses what it loaded.
const TASKS: usize = 64;
/// Rows of a task, about, at least and at most: each panel of weights is loaded once for so many.
const ROWS: Range<usize> = 56..112;
/// Bytes of gathered rows, at most: with a panel of weights they fit a second-level cache.
const GATHERED: usize = 256 << 10;
/// Rows this many bytes apart compete for the same sets of a first-level cache.
const ALIAS: usize = 2048;

/// Weights `[n][k]` packed for a CPU's tiles, `[panels][k / kg][nr][kg]`.
#[derive(Debug)]
pub(super) struct Product<T: TileKernel> {
    cpu: Cpu,
    packed: Lines<T::Weight>,
    pub(super) n: usize,
    pub(super) k: usize,
    /// `k` rounded up to what the kernel takes.
    padded_k: usize,
    /// Weights of a panel: whole cache lines.
    panel: usize,
    nr: usize,
    mr: usize,
}

/// Whole tiles one below the other, before they are multiplied.
pub(super) struct TileRun<T: TileKernel> {
    pub(super) tile: T,
    pub(super) x: TileOperands<T::In, T::Weight>,
    pub(super) rows: Range<usize>,
    pub(super) columns: Range<usize>,
}

/// Sums of a tile, or of some that lie below each other: `[rows][nr]`, of which the first `columns.len()` count.
pub(super) struct TileSums<'a, S> {
    pub(super) sums: &'a [S],
    pub(super) nr: usize,
    pub(super) rows: Range<usize>,
    pub(super) columns: Range<usize>,
}

/// Rows and panels of weights that one task multiplies.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) rows: Range<usize>,
    pub(super) panels: Range<usize>,
}

impl<T: TileKernel> Product<T> {
    /// # Panics
    /// If `weight` is not `[n][k]`, or empty.
    pub(super) fn new(cpu: Cpu, weight: &[T::Weight], n: usize, k: usize) -> Self {
        assert!(n > 0 && k > 0 && weight.len() == n * k);
        let (mr, nr, kg) = T::of(cpu).sizes();
        assert!(mr * nr <= SUMS);
        let padded_k = k.next_multiple_of(T::K_STEP);
        let panel = (padded_k * nr).next_multiple_of(LINE / size_of::<T::Weight>());
        let mut packed = Lines::new(n.div_ceil(nr) * panel);
        let panels = packed.as_mut_slice().chunks_exact_mut(panel);
        for (panel, weight) in panels.zip(weight.chunks(nr * k)) {
            for (column, weight) in weight.chunks_exact(k).enumerate() {
                for (i, weight) in weight.iter().enumerate() {
                    panel[(i / kg * nr + column) * kg + i % kg] = *weight;
                }
            }
        }
        Self {
            cpu,
            packed,
            n,
            k,
            padded_k,
            panel,
            nr,
            mr,
        }
    }

    pub(super) fn cpu(&self) -> Cpu {
        self.cpu
    }

    /// A value for each column, and 0 for those past the last.
    pub(super) fn padded<V: Copy + Default>(&self, values: &[V]) -> Vec<V> {
        assert_eq!(values.len(), self.n);
        let mut values = values.to_vec();
        values.resize(self.panels() * self.nr, V::default());
        values
    }

    pub(super) fn panels(&self) -> usize {
        self.n.div_ceil(self.nr)
    }

    /// Distance of gathered rows: whole cache lines, an odd number of them.
    fn gathered_lda(&self) -> usize {
        let lines = (self.padded_k * size_of::<T::In>()).div_ceil(LINE) | 1;
        lines * LINE / size_of::<T::In>()
    }

    /// Tiles of rows that a task may have.
    fn most_tiles(&self) -> usize {
        let tile = self.mr * self.gathered_lda() * size_of::<T::In>();
        (GATHERED / tile).clamp(1, ROWS.end.div_ceil(self.mr))
    }

    /// Rows that a block may have.
    pub(super) fn most_rows(&self) -> usize {
        self.most_tiles() * self.mr
    }

    fn gathered_bytes(&self) -> usize {
        self.most_rows() * self.gathered_lda() * size_of::<T::In>()
    }

    /// Bytes of scratch a thread needs: gathered rows and sums.
    pub(super) fn scratch(&self) -> usize {
        self.gathered_bytes() + SUMS * size_of::<T::Sum>()
    }

    /// Cuts a layer of `rows` into blocks and calls `work` with each on all threads.
    pub(super) fn parallel(
        &self,
        exec: Exec<'_>,
        rows: usize,
        bytes: usize,
        work: impl Fn(Block, &mut [u8]) + Sync,
    ) {
        let tiles = rows.div_ceil(self.mr);
        let wanted = (rows * self.n * self.k / T::LEAST_WORK).clamp(1, TASKS);
        let some_tiles = (tiles / wanted)
            .max(ROWS.start.div_ceil(self.mr))
            .min(self.most_tiles());
        let across = tiles.div_ceil(some_tiles);
        // Each task gathers its rows: a thread alone has no use for more of them.
        let along = match exec.pool.threads() {
            1 => 1,
            _ => wanted.div_ceil(across.max(1)),
        };
        let along = along.min(self.panels().div_ceil(2)).max(1);
        exec.parallel(across * along, bytes, |task, scratch| {
            let (i, j) = (task / along, task % along);
            let part = |of: usize, parts: usize, i: usize| of * i / parts..of * (i + 1) / parts;
            let tiles = part(tiles, across, i);
            let block = Block {
                rows: tiles.start * self.mr..(tiles.end * self.mr).min(rows),
                panels: part(self.panels(), along, j),
            };
            work(block, scratch);
        });
    }

    /// Cuts `rows` into blocks for one thread, all panels each.
    pub(super) fn blocks(&self, rows: usize) -> impl Iterator<Item = Block> {
        let (step, panels) = (self.most_rows(), self.panels());
        (0..rows).step_by(step).map(move |start| Block {
            rows: start..(start + step).min(rows),
            panels: 0..panels,
        })
    }

    /// Where a block's part of `[rows][n]` lies: as few runs as there can be.
    pub(super) fn runs(&self, block: &Block) -> impl Iterator<Item = Range<usize>> {
        let (rows, n) = (block.rows.clone(), self.n);
        let columns = block.panels.start * self.nr..(block.panels.end * self.nr).min(n);
        let together = if columns.len() == n { rows.len() } else { 1 };
        rows.step_by(together).map(move |row| {
            let last = row + together - 1;
            row * n + columns.start..last * n + columns.end
        })
    }

    /// Calls `work` with ranges of rows, for all columns, on all threads.
    pub(super) fn parallel_rows(
        &self,
        exec: Exec<'_>,
        rows: usize,
        bytes: usize,
        work: impl Fn(Range<usize>, &mut [u8]) + Sync,
    ) {
        let step = (rows / TASKS)
            .next_multiple_of(self.mr)
            .clamp(self.mr, self.most_rows());
        exec.parallel(rows.div_ceil(step), bytes, |task, scratch| {
            work(task * step..((task + 1) * step).min(rows), scratch);
        });
    }

    /// Multiplies a block. Of each panel tiles are offered to `finished`, operands as their kernel takes them: all whole ones,
    /// and that of the last rows where one has just so many. The sums of those that it refuses go to `done`, some tiles' at a
    /// time.
    pub(super) fn block(
        &self,
        x: &Operand<'_, T::In>,
        block: &Block,
        scratch: &mut [u8],
        mut finished: impl FnMut(&TileRun<T>) -> bool,
        mut done: impl FnMut(TileSums<'_, T::Sum>),
    ) {
        let Block { rows, panels } = block.clone();
        assert!(rows.len() <= self.most_rows() && panels.end <= self.panels());
        let (gathered, sums) = scratch.split_at_mut(self.gathered_bytes());
        // SAFETY: any bits are valid numbers.
        let (gathered, sums) = unsafe { (gathered.align_to_mut().1, sums.align_to_mut().1) };
        let sums: &mut [T::Sum] = &mut sums[..SUMS];
        assert!(sums.as_ptr().addr().is_multiple_of(LINE));
        assert!((self.mr * self.nr * size_of::<T::Sum>()).is_multiple_of(LINE));

        let tile_sums = self.mr * self.nr;
        // Rows finished together, whole tiles: what is done once for them weighs the less.
        let together = SUMS / tile_sums * self.mr;
        // Tiles of the block, and whether the last reaches past its rows.
        let whole = T::of(self.cpu);
        let last = T::fewer(self.cpu, (rows.len() - 1) % self.mr + 1);
        let full = (rows.len() - 1) / self.mr * self.mr;
        let covered = full + last.sizes().0;
        let whole_rows = rows.len() / self.mr * self.mr;

        let (a, lda) = match x {
            Operand::Rows(x)
                if whole.as_they_lie()
                    && covered == rows.len()
                    && self.padded_k == self.k
                    && !(self.k * size_of::<T::In>()).is_multiple_of(ALIAS) =>
            {
                (&x[rows.start * self.k..rows.end * self.k], self.k)
            }
            _ => {
                let lda = self.gathered_lda();
                // The tail of a row meets weights of 0: in integers any value does.
                if whole.as_they_lie() {
                    x.gather(rows.clone(), self.k, gathered, lda, |from, to| {
                        to.copy_from_slice(from)
                    });
                } else {
                    x.gather(rows.clone(), self.k, gathered, lda, T::turn);
                }
                (&gathered[..covered * lda], lda)
            }
        };
        assert!(a.len() >= (covered - 1) * lda + self.padded_k);

        for panel in panels {
            let b = &self.packed.as_slice()[panel * self.panel..][..self.panel];
            let columns = panel * self.nr..((panel + 1) * self.nr).min(self.n);
            let run = |tile: T, part: Range<usize>| TileRun {
                tile,
                x: TileOperands {
                    k: self.padded_k,
                    a: a.as_ptr().wrapping_add(part.start.wrapping_mul(lda)),
                    lda,
                    b: b.as_ptr(),
                },
                rows: rows.start + part.start..rows.start + part.end,
                columns: columns.clone(),
            };
            let mut rest = 0;
            if finished(&run(whole, 0..whole_rows)) {
                rest = whole_rows;
                if rest < covered && covered == rows.len() && finished(&run(last, rest..covered)) {
                    rest = covered;
                }
            }
            for start in (rest..rows.len()).step_by(together) {
                let end = (start + together).min(rows.len());
                let mut to = sums.as_mut_ptr();
                for first in (start..end).step_by(self.mr) {
                    let tile = if first < full { whole } else { last };
                    // SAFETY: `covered` rows of `padded_k` values lie at `a` (checked above), of which this tile's are
                    // some; `b` is one panel, aligned as panels are whole lines; `sums` holds `together` rows of `nr`, of
                    // which this tile's begin at a whole tile, aligned like the first (checked); the CPU has the
                    // kernel's instructions as a `Cpu` is proof of it.
                    unsafe {
                        let a = a.as_ptr().wrapping_add(first.wrapping_mul(lda));
                        tile.run(self.padded_k, a, lda, b.as_ptr(), to);
                    }
                    to = to.wrapping_add(tile_sums);
                }
                done(TileSums {
                    sums: &sums[..(end - start) * self.nr],
                    nr: self.nr,
                    rows: rows.start + start..rows.start + end,
                    columns: columns.clone(),
                });
            }
        }
    }
}
