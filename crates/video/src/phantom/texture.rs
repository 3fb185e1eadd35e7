//! Textures, made once: what moves is where they are looked at.

use super::moment::Moment;
use super::random::Random;

/// Values, row-major, larger than the picture: it is looked at through a window that moves.
pub(super) struct Texture {
    width: usize,
    height: usize,
    values: Vec<u8>,
}

/// Real values while a texture is made.
pub(super) struct Field {
    pub width: usize,
    pub height: usize,
    pub values: Vec<f32>,
}

impl Field {
    /// Bell-shaped noise, smoothed so far along each axis (standard deviation, pixels), of variance 1 again.
    pub fn noise(size: [usize; 2], sigma: [f32; 2], random: &mut Random) -> Self {
        let [width, height] = size;
        let values = (0..width * height).map(|_| random.bell()).collect();
        let mut field = Self {
            width,
            height,
            values,
        };
        // Three boxes are near a bell: 3 · (n² − 1) / 12 = σ², n = 2r + 1.
        let radius =
            |sigma: f32| (((4.0 * sigma * sigma + 1.0).sqrt() - 1.0) / 2.0).round() as usize;
        let mut line = Vec::new();
        for _ in 0..3 {
            for row in field.values.chunks_exact_mut(width) {
                line.clear();
                line.extend_from_slice(row);
                smooth(&line, radius(sigma[0]), row.iter_mut());
            }
            for x in 0..width {
                line.clear();
                line.extend(field.values.iter().skip(x).step_by(width));
                let column = field.values.iter_mut().skip(x).step_by(width);
                smooth(&line, radius(sigma[1]), column);
            }
        }
        let square: f64 = field.values.iter().map(|v| f64::from(v * v)).sum();
        let deviation = (square / field.values.len() as f64).sqrt().max(1e-6) as f32;
        field.values.iter_mut().for_each(|v| *v /= deviation);
        field
    }

    /// In 8 bits.
    pub fn texture(&self, value: impl Fn(f32) -> f32) -> Texture {
        Texture {
            width: self.width,
            height: self.height,
            values: self.values.iter().map(|v| value(*v) as u8).collect(),
        }
    }

    /// Each value with that of another field of the same size.
    pub fn with(mut self, other: &Self, both: impl Fn(f32, f32) -> f32) -> Self {
        for (value, other) in self.values.iter_mut().zip(&other.values) {
            *value = both(*value, *other);
        }
        self
    }
}

/// The mean of `2 radius + 1` neighbours; beyond the ends it goes on at the other.
fn smooth<'a>(line: &[f32], radius: usize, out: impl Iterator<Item = &'a mut f32>) {
    let len = line.len();
    let at = |i: usize| line[i % len];
    let taps = 2 * radius + 1;
    let start = len * (radius / len + 1) - radius;
    let mut sum: f64 = (0..taps).map(|i| f64::from(at(start + i))).sum();
    for (i, out) in out.enumerate() {
        *out = (sum / taps as f64) as f32;
        sum += f64::from(at(start + i + taps)) - f64::from(at(start + i));
    }
}

impl Texture {
    /// How much wider and higher than the picture textures are, as a share of it: what is left for motion.
    const SPARE: f32 = 0.5;

    /// Size of a texture for pictures of this size.
    pub fn size(picture: [u32; 2]) -> [usize; 2] {
        picture.map(|side| (side as f32 * (1.0 + Self::SPARE)) as usize + 2)
    }

    /// Writes the row `y` of the tissue at a moment.
    pub fn tissue(&self, moment: &Moment, y: usize, line: &mut [f32]) {
        self.row(moment.origin, y, line);
        if moment.mirrored {
            line.reverse();
        }
    }

    /// Writes the row `y` of the picture: the texture from `origin` on (pixels, its fractions bilinear), clamped to what
    /// there is.
    pub fn row(&self, origin: [f32; 2], y: usize, line: &mut [f32]) {
        let split = |at: f32, most: usize| {
            let at = at.clamp(0.0, most as f32);
            let whole = (at as usize).min(most.saturating_sub(1));
            (whole, at - whole as f32)
        };
        let (column, right) = split(origin[0], self.width.saturating_sub(line.len() + 1));
        let (row, low) = split(origin[1] + y as f32, self.height - 1);
        let upper = &self.values[row * self.width + column..][..line.len() + 1];
        let lower =
            &self.values[(row + 1).min(self.height - 1) * self.width + column..][..line.len() + 1];
        let weights = [
            (1.0 - low) * (1.0 - right),
            (1.0 - low) * right,
            low * (1.0 - right),
            low * right,
        ];
        let upper = upper.iter().zip(upper.iter().skip(1));
        let lower = lower.iter().zip(lower.iter().skip(1));
        for ((value, (a, b)), (c, d)) in line.iter_mut().zip(upper).zip(lower) {
            *value = f32::from(*a) * weights[0]
                + f32::from(*b) * weights[1]
                + f32::from(*c) * weights[2]
                + f32::from(*d) * weights[3];
        }
    }
}
