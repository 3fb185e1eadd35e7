//! What a phantom shows.

use super::incident::Incident;

/// What a phantom shows. [`PhantomSpec::new`] has the usual values.
#[derive(Clone, Debug, PartialEq)]
pub struct PhantomSpec {
    /// What kind of picture.
    pub anatomy: Anatomy,
    /// Width and height in pixels, each of [`PhantomSpec::SIDES`].
    pub size: [u32; 2],
    /// Pictures a second, of [`PhantomSpec::RATES`].
    pub rate: u32,
    /// Another one is another patient.
    pub seed: u64,
    /// How fast hand and target move: 0 is a still picture, 1 a steady hand, 3 a hasty one; at most
    /// [`PhantomSpec::FASTEST`].
    pub speed: f32,
    /// Noise of the electronics, grey levels (largest deviation), new in each picture; 0..=64. Without it, and without
    /// speed, all pictures are equal.
    pub noise: f32,
    /// What happens, and when. Of several at once the last counts.
    pub incidents: Vec<Incident>,
}

/// What kind of picture a phantom shows, and what its target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Anatomy {
    /// Ultrasound of a curved probe, a fan; the target is a fetal head, skull included.
    FetalHead,
    /// Ultrasound of a linear probe, the whole picture; the target is a dark lesion.
    Lesion,
    /// Endoscopy; the target is a polyp.
    Polyp,
}

/// Why there is no such phantom.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PhantomError {
    /// A side out of [`PhantomSpec::SIDES`].
    #[error("a phantom cannot be {0}x{1}: each side is 32 to 4096 pixels")]
    Size(u32, u32),
    /// A rate out of [`PhantomSpec::RATES`].
    #[error("a phantom cannot show {0} pictures a second: 1 to 240")]
    Rate(u32),
    /// A speed that is none of 0 to [`PhantomSpec::FASTEST`].
    #[error("a phantom's speed cannot be {0}: 0 to 10")]
    Speed(f32),
    /// An amount of noise that is none of 0 to 64 grey levels.
    #[error("a phantom's noise cannot be {0}: 0 to 64 grey levels")]
    Noise(f32),
}

impl PhantomSpec {
    /// Sides that it may have, pixels.
    pub const SIDES: std::ops::RangeInclusive<u32> = 32..=4096;
    /// Pictures a second that it may show.
    pub const RATES: std::ops::RangeInclusive<u32> = 1..=240;
    /// The fastest that it moves.
    pub const FASTEST: f32 = 10.0;

    /// 640 × 480 at 30 pictures a second, a steady hand, nothing happens.
    #[must_use]
    pub fn new(anatomy: Anatomy) -> Self {
        Self {
            anatomy,
            size: [640, 480],
            rate: 30,
            seed: 1,
            speed: 1.0,
            noise: 6.0,
            incidents: Vec::new(),
        }
    }

    /// Whether it can be shown.
    pub(super) fn check(&self) -> Result<(), PhantomError> {
        let [width, height] = self.size;
        if ![width, height]
            .iter()
            .all(|side| Self::SIDES.contains(side))
        {
            return Err(PhantomError::Size(width, height));
        }
        if !Self::RATES.contains(&self.rate) {
            return Err(PhantomError::Rate(self.rate));
        }
        if !(0.0..=Self::FASTEST).contains(&self.speed) {
            return Err(PhantomError::Speed(self.speed));
        }
        if !(0.0..=64.0).contains(&self.noise) {
            return Err(PhantomError::Noise(self.noise));
        }
        Ok(())
    }
}
