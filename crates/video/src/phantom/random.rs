//! Numbers by chance, the same ones everywhere.

/// Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014 (SplitMix64): good enough for
/// textures, and a seed of any quality does.
pub(super) struct Random(u64);

impl Random {
    /// Of a seed and of what the numbers are for.
    pub fn new(seed: u64, purpose: u64) -> Self {
        let mut random = Self(seed);
        random.0 = random.next().wrapping_add(purpose);
        random
    }

    /// 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// 0..1, in steps that an f32 holds.
    pub fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u32 << 24) as f32
    }

    /// Between two values.
    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Mean 0, variance 1, bell-shaped enough: a sum of four.
    pub fn bell(&mut self) -> f32 {
        let sum: f32 = (0..4).map(|_| self.unit() - 0.5).sum();
        sum * 3_f32.sqrt()
    }
}
