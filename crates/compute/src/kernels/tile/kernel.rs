//! What a tile kernel is given and gives, whatever its instructions.

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
    /// `k` is a multiple of 16; `a` is readable for `mr` rows of `k` values, `lda` apart; `b` for `k * nr` values,
    /// aligned to 64 bytes; `acc` writable for `mr * nr`, aligned to 64 bytes; the CPU has the instructions.
    pub run: unsafe fn(k: usize, a: *const u8, lda: usize, b: *const i8, acc: *mut i32),
}
