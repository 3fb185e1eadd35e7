//! Noise that is new in each picture.

use super::moment::Moment;
use super::random::Random;
use super::spec::PhantomSpec;

/// Noise of the electronics: a long strip, of which each row of each frame gets another piece.
pub(super) struct Grain {
    strip: Vec<f32>,
    seed: u64,
    width: usize,
}

impl Grain {
    /// Pieces that a row may get.
    const PIECES: usize = 1 << 14;

    pub fn new(spec: &PhantomSpec) -> Self {
        let width = spec.size[0] as usize;
        let mut random = Random::new(spec.seed, 1);
        let strip = (0..width + Self::PIECES).map(|_| random.between(-spec.noise, spec.noise));
        Self {
            strip: strip.collect(),
            seed: spec.seed,
            width,
        }
    }

    /// One value for each pixel of the row.
    pub fn row(&self, moment: &Moment, y: usize) -> &[f32] {
        let piece = Random::new(self.seed ^ moment.sequence, 1000 + y as u64).next();
        let start = piece as usize % Self::PIECES;
        &self.strip[start..][..self.width]
    }
}
