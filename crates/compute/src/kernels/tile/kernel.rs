//! What a tile kernel is given and gives, whatever its instructions.

use crate::kernels::{Quant, Quantizer};

/// `acc[r * nr + c] = Σ_k a[r * lda + k] * b[k * nr + c]` for `r < mr`, `c < nr`: for each output one chain of fused
/// multiply-adds over ascending `k`, beginning with `acc`'s value if `accumulate`, else with 0.
#[derive(Clone, Copy, Debug)]
pub struct TileF32 {
    /// Rows of a tile.
    pub mr: usize,
    /// Columns of a tile; weights are packed `[n / nr][k][nr]`, zeros past the last column.
    pub nr: usize,
    /// The kernel.
    ///
    /// # Safety
    /// `a` is readable for `mr` rows of `k` values, `lda` apart; `b` for `k * nr` values, aligned to 64 bytes; `acc`
    /// writable for `mr * nr`, aligned to 64 bytes; the CPU has the instructions.
    pub run: unsafe fn(
        k: usize,
        a: *const f32,
        lda: usize,
        b: *const f32,
        acc: *mut f32,
        accumulate: bool,
    ),
}

/// `acc[r * nr + c] = Σ_k (a[r * lda + k] - offset) * w[c][k]`, exact in `i32`, for any `a` in 0..=255 and any `w` in
/// -64..=64 (7 bits: the sums of two products then fit 16 bits, which AVX2 and NEON need).
#[derive(Clone, Copy, Debug)]
pub struct TileI8 {
    /// Rows of a tile.
    pub mr: usize,
    /// Columns of a tile.
    pub nr: usize,
    /// Values of `k` that lie together for one column: weights are packed `[n / nr][k / kg][nr][kg]`, zeros past the
    /// last column and past the last `k`. Divides 16.
    pub kg: usize,
    /// What the kernel takes from each `a`; the caller adds `offset * Σ_k w[c][k]`. Where the CPU multiplies signed by
    /// signed it is 128, and the kernel is given `a` with its top bits turned, which is `a - 128` as a signed number:
    /// turned once for a block of rows, not in each tile.
    pub offset: i32,
    /// The kernel.
    ///
    /// # Safety
    /// `k` is a multiple of 16, and not 0; `a` is readable for `mr` rows of `k` values, `lda` apart; `b` for `k * nr` values,
    /// aligned to 64 bytes; `acc` writable for `mr * nr`, aligned to 64 bytes; the CPU has the instructions.
    pub run: unsafe fn(k: usize, a: *const u8, lda: usize, b: *const i8, acc: *mut i32),
    /// Where sums need not leave their registers to be finished: whole tiles, multiplied and finished.
    pub finished: Option<FinishedTiles>,
}

/// So many tiles, one below the other.
///
/// # Safety
/// `x` as [`TileI8::run`] says, for the rows of all tiles. The residual and the target of `finish` have these rows, and
/// nothing else uses that part of the target; the CPU has the instructions.
pub type FinishedTiles = unsafe fn(tiles: usize, x: &TileOperands<u8, i8>, finish: &TileFinish<'_>);

/// What tiles multiply: see [`TileI8::run`].
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    not(target_arch = "aarch64"),
    expect(
        dead_code,
        reason = "kernels that finish their sums are ARM's alone so far"
    )
)]
pub struct TileOperands<A, W> {
    /// Values of a row.
    pub k: usize,
    /// The first row.
    pub a: *const A,
    /// Distance of rows.
    pub lda: usize,
    /// A panel of weights.
    pub b: *const W,
}

/// What the sums of 8-bit tiles become: `fma(sum + correction, scale, bias) + residual`.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    not(target_arch = "aarch64"),
    expect(
        dead_code,
        reason = "kernels that finish their sums are ARM's alone so far"
    )
)]
pub struct TileFinish<'a> {
    /// What the sums of each of a tile's columns lack.
    pub correction: &'a [i32],
    /// Real size of a step, for each column.
    pub scale: &'a [f32],
    /// Real bias, for each column.
    pub bias: &'a [f32],
    /// What is added to the first row.
    pub residual: TileResidual,
    /// Where the first row goes.
    pub out: TileOut,
    /// Distance of rows, of the residual and of the target.
    pub n: usize,
}

/// What is added to finished tiles.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    not(target_arch = "aarch64"),
    expect(
        dead_code,
        reason = "kernels that finish their sums are ARM's alone so far"
    )
)]
pub enum TileResidual {
    /// Nothing.
    None,
    /// Real numbers.
    F32(*const f32),
    /// Bytes that stand for them.
    U8(Quant, *const u8),
}

/// Where finished tiles go.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    not(target_arch = "aarch64"),
    expect(
        dead_code,
        reason = "kernels that finish their sums are ARM's alone so far"
    )
)]
pub enum TileOut {
    /// As they are.
    F32(*mut f32),
    /// Rounded to bytes.
    U8(Quantizer, *mut u8),
}
