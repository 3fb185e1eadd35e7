//! What 8-bit window attention asks of an instruction set, and in what memory.

/// Channels of a head.
pub const HEAD: usize = 32;

/// Queries of a block. 49 and 196, those of whole windows, are whole blocks.
pub const QUERIES: usize = 7;

/// Bytes that an instruction multiplies and adds up at once: channels of a key, keys of a value's channel.
pub const GROUP: usize = 4;

/// The steps of a block of queries, each over the whole row of keys.
#[derive(Clone, Copy, Debug)]
pub struct WindowTile {
    /// Scores made at once: keys come in a multiple of it, which divides `row`.
    pub nr: usize,
    /// Weights found at once, a multiple of 16: a row of scores or of weights is a multiple of it long.
    pub row: usize,
    /// The byte that a key's 0 becomes: 0 where keys are multiplied as signed numbers, 64 where as unsigned ones.
    pub key_zero: u8,
    /// As `key_zero`, of values: the caller begins sums with `-value_zero` for each unit of the weights.
    pub value_zero: u8,
    /// Products of queries and keys, with biases.
    ///
    /// # Safety
    /// The CPU has the instructions.
    pub scores: unsafe fn(block: ScoreBlock<'_>),
    /// Softmax but for the division.
    ///
    /// # Safety
    /// The CPU has the instructions.
    pub weigh: unsafe fn(block: WeighBlock<'_>),
    /// Products of weights and values.
    ///
    /// # Safety
    /// The CPU has the instructions.
    pub mix: unsafe fn(block: MixBlock<'_>),
}

/// `scores[r][first + i] = Σ_c query[r][c] · key[first + i][c] + bias[r][i]`, but for what is the same for all keys of a query.
#[derive(Debug)]
pub struct ScoreBlock<'a> {
    /// In steps, as signed bytes.
    pub queries: &'a [[u8; HEAD]; QUERIES],
    /// `[32 / 4][keys][4]`, each in -64..=64 and [`WindowTile::key_zero`] more.
    pub keys: &'a [u8],
    /// The first key that is asked, a multiple of `nr`.
    pub first: usize,
    /// For the keys from there on: as many for each query, a multiple of `nr`.
    pub biases: [&'a [i32]; QUERIES],
    /// `[7][row]`.
    pub scores: &'a mut [i32],
}

/// `weights[r][i] = table[min((largest of the row - scores[r][i] + ½ · 2^shift) >> shift, 255)]`, and their sums.
#[derive(Debug)]
pub struct WeighBlock<'a> {
    /// `[7][row]`, above -2³⁰ and below 2²⁹.
    pub scores: &'a [i32],
    /// Of a score to a step of the table, at most 12.
    pub shift: u32,
    /// `[7][row]`.
    pub weights: &'a mut [u8],
    /// Of each query's weights.
    pub sums: &'a mut [i32; QUERIES],
}

impl WeighBlock<'_> {
    /// The length of a row, which is asserted to be a multiple of `wide`, and all of one size.
    #[inline(always)]
    pub(super) fn check(&self, wide: usize) -> usize {
        let row = self.scores.len() / QUERIES;
        assert!(row > 0 && row.is_multiple_of(wide) && self.scores.len() == row * QUERIES);
        assert!(self.weights.len() == self.scores.len() && self.shift <= 12);
        row
    }
}

/// `mixed[r][c] = start[r] + Σ_i weights[r][i] · value[i][c]`.
#[derive(Debug)]
pub struct MixBlock<'a> {
    /// `[7][row]`.
    pub weights: &'a [u8],
    /// `[keys / 4][32][4]`, each in -64..=64 and [`WindowTile::value_zero`] more; a multiple of 8 keys, `row` at most.
    pub values: &'a [u8],
    /// What sums begin with.
    pub start: [i32; QUERIES],
    /// Weighted sums.
    pub mixed: &'a mut [[i32; HEAD]; QUERIES],
}
