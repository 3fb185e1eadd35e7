//! A segmenter that knows the truth and errs by rule: what the network's logits are like, at a price that tests can pay.

use picture::mask::{LogitMap, Mask};

/// How an [`Oracle`] errs.
#[derive(Clone, Copy, Debug)]
pub struct Errors {
    /// Deviation of noise that is new in each frame, logits. (The shipped network's near the border: about 1.)
    pub fresh: f32,
    /// Deviation of noise that lasts.
    pub lasting: f32,
    /// How much of that noise is left after a frame, 0..1.
    pub memory: f32,
    /// Deviation of the mask's place, cells, new in each frame.
    pub wobble: f32,
}

/// Makes logits of true masks.
pub struct Oracle {
    side: usize,
    errors: Errors,
    state: u64,
    lasting: Vec<f32>,
}

impl Oracle {
    /// Of maps of this side; another seed errs otherwise.
    #[must_use]
    pub fn new(side: usize, errors: Errors, seed: u64) -> Self {
        let mut oracle = Self {
            side,
            errors,
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            lasting: Vec::new(),
        };
        oracle.lasting = oracle.noise();
        oracle
    }

    /// The logits of the next frame, whose true mask this is: about −6 to 6, over a border some three cells wide.
    ///
    /// # Panics
    /// Never: a map is square.
    pub fn segment(&mut self, truth: &Mask) -> LogitMap {
        let Errors {
            fresh,
            lasting,
            memory,
            wobble,
        } = self.errors;
        let shift = [wobble * self.bell(), wobble * self.bell()];
        let mut logits = self.shares(truth, shift);
        smooth(&mut logits, self.side);
        logits
            .iter_mut()
            .for_each(|share| *share = 12.0 * (*share - 0.5));
        let (new, late) = (self.noise(), self.noise());
        let renewed = (1.0 - memory * memory).sqrt();
        let late = self.lasting.iter_mut().zip(late).map(|(old, new)| {
            *old = memory * *old + renewed * new;
            *old
        });
        for ((logit, new), late) in logits.iter_mut().zip(new).zip(late) {
            *logit += fresh * new + lasting * late;
        }
        LogitMap::new(self.side, logits).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The target's share of each cell.
    fn shares(&self, truth: &Mask, shift: [f32; 2]) -> Vec<f32> {
        const PARTS: usize = 4;
        let (side, [width, height]) = (self.side, truth.size().map(|side| side as usize));
        let on = |cell: usize, part: usize, shift: f32, pixels: usize| {
            let at = cell as f32 + (part as f32 + 0.5) / PARTS as f32 - shift;
            ((at * pixels as f32 / side as f32).max(0.0) as usize).min(pixels - 1)
        };
        let share = |at: usize| {
            let parts = (0..PARTS * PARTS).filter(|part| {
                let x = on(at % side, part % PARTS, shift[0], width);
                let y = on(at / side, part / PARTS, shift[1], height);
                truth.pixels()[y * width + x] != 0
            });
            parts.count() as f32 / (PARTS * PARTS) as f32
        };
        (0..side * side).map(share).collect()
    }

    /// Noise as smooth as logits are, of deviation 1.
    fn noise(&mut self) -> Vec<f32> {
        let mut noise: Vec<f32> = (0..self.side * self.side).map(|_| self.bell()).collect();
        smooth(&mut noise, self.side);
        let square: f32 = noise.iter().map(|v| v * v).sum();
        let deviation = (square / noise.len() as f32).sqrt().max(1e-6);
        noise.iter_mut().for_each(|v| *v /= deviation);
        noise
    }

    /// Mean 0, deviation 1: a sum of four xorshift64* numbers (Vigna, ACM TOMS 42, 2016).
    fn bell(&mut self) -> f32 {
        let mut unit = || {
            self.state ^= self.state >> 12;
            self.state ^= self.state << 25;
            self.state ^= self.state >> 27;
            (self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f32 / (1_u32 << 24) as f32
        };
        (unit() + unit() + unit() + unit() - 2.0) * 3_f32.sqrt()
    }
}

/// The mean of 3 × 3 neighbours, twice.
fn smooth(values: &mut Vec<f32>, side: usize) {
    for _ in 0..2 {
        let mean = |at: usize| {
            let (x, y) = (at % side, at / side);
            let rows = y.saturating_sub(1)..(y + 2).min(side);
            let around = rows.flat_map(|v| {
                let columns = x.saturating_sub(1)..(x + 2).min(side);
                columns.map(move |u| v * side + u)
            });
            let (sum, count) = around.fold((0.0, 0.0), |(sum, n), at| (sum + values[at], n + 1.0));
            sum / count
        };
        *values = (0..side * side).map(mean).collect();
    }
}
