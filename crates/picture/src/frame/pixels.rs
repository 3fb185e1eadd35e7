//! Samples as files hold them → 8-bit RGB: which of their bits say something, and what shows through transparent pixels.

use super::error::{FrameError, damaged};

/// A run of whole pixels, channels interleaved.
#[derive(Clone, Copy)]
pub(super) enum Samples<'a> {
    Bytes(&'a [u8]),
    Words(&'a [u16]),
    Floats(&'a [f32]),
}

/// What the channels of a pixel mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Channels {
    /// 1 or 3.
    pub colours: usize,
    pub alpha: Option<Alpha>,
    /// Channels that follow and mean nothing here.
    pub extra: usize,
}

/// How an alpha channel goes with the colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alpha {
    /// Colours are as if opaque.
    Straight,
    /// Colours are multiplied already: they are what shows on black.
    Premultiplied,
}

impl Channels {
    pub const GREY: Self = Self::plain(1);
    pub const RGB: Self = Self::plain(3);

    pub const fn plain(colours: usize) -> Self {
        Self {
            colours,
            alpha: None,
            extra: 0,
        }
    }

    pub const fn with_alpha(self, alpha: Alpha) -> Self {
        Self {
            alpha: Some(alpha),
            ..self
        }
    }

    /// Samples of a pixel.
    pub const fn count(self) -> usize {
        self.colours + self.alpha.is_some() as usize + self.extra
    }
}

/// The least and the greatest colour value of a picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    low: f32,
    high: f32,
}

impl Span {
    pub const NONE: Self = Self {
        low: f32::INFINITY,
        high: f32::NEG_INFINITY,
    };

    /// Takes a run of pixels in.
    ///
    /// # Errors
    /// Floating-point values that are no numbers.
    pub fn add(&mut self, samples: Samples<'_>, channels: Channels) -> Result<(), FrameError> {
        match samples {
            Samples::Bytes(values) => self.take(values, channels),
            Samples::Words(values) => self.take(values, channels),
            Samples::Floats(values) => {
                if !values.iter().all(|v| v.is_finite()) {
                    return Err(damaged("it has values that are no finite numbers"));
                }
                self.take(values, channels);
            }
        }
        Ok(())
    }

    fn take<T: Copy + Into<f32>>(&mut self, values: &[T], channels: Channels) {
        for pixel in values.chunks_exact(channels.count()) {
            for value in &pixel[..channels.colours] {
                let value: f32 = (*value).into();
                self.low = self.low.min(value);
                self.high = self.high.max(value);
            }
        }
    }
}

/// Significant bits, 8 to 16, of 16-bit samples of which this is the highest.
#[must_use]
pub fn significant_bits(high: u16) -> u8 {
    (16 - high.leading_zeros() as u8).max(8)
}

/// A 16-bit sample of so many significant bits as one of 8: what is below the eighth is dropped, as a device's own 8-bit export
/// does; of 16 bits 65535 becomes 255, rounded.
#[must_use]
pub fn to_eight_bits(v: u16, bits: u8) -> u8 {
    match bits {
        // `round(v * 255 / 65535)`: since 65535 = 255 * 257, that is `v / 257`, rounded.
        16.. => ((u32::from(v) + 128) / 257) as u8,
        bits => (v >> bits.saturating_sub(8)).min(255) as u8,
    }
}

/// How a file's values become 0..=255.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Depth {
    /// They are.
    Eight,
    /// The low bits of 16 hold values of this many bits, 8..=15: what is above the eighth is dropped, as a device's own
    /// 8-bit export does.
    Low(u8),
    /// All of 16: 65535 becomes 255, rounded.
    Sixteen,
    /// Real numbers from 0 (or below) to `high`.
    Real { low: f32, high: f32 },
}

impl Depth {
    /// Of 16-bit samples. Devices of 10, 12 or 14 bits write their values into the low bits; taken at face value such a
    /// picture is nearly black. A statement in the file counts if the values keep to it, else the values do.
    pub fn of_words(span: Span, stated: Option<u8>) -> Self {
        let bits = significant_bits(span.high.max(0.0) as u16);
        match stated.filter(|stated| *stated >= bits).unwrap_or(bits) {
            16.. => Self::Sixteen,
            bits => Self::Low(bits),
        }
    }

    /// Of floating-point samples, which no standard gives a range: 0 to 1 if they keep to it, else 0 to 255, else as
    /// integers of as many bits as they need; with negative ones, from the least to the greatest.
    pub fn of_floats(span: Span) -> Self {
        let Span { low, high } = span;
        let high_of = |high: f32| match high {
            ..=1.0 => 1.0,
            ..=255.0 => 255.0,
            _ => (high + 1.0).log2().ceil().exp2() - 1.0,
        };
        match low < 0.0 {
            true => Self::Real { low, high },
            false => Self::Real {
                low: 0.0,
                high: high_of(high),
            },
        }
    }

    /// Significant bits of a sample.
    pub fn bits(self) -> u8 {
        match self {
            Self::Eight => 8,
            Self::Low(bits) => bits,
            Self::Sixteen => 16,
            Self::Real { .. } => 32,
        }
    }

    fn of_byte(v: u8) -> u8 {
        v
    }

    fn of_word(self, v: u16) -> u8 {
        match self {
            Self::Low(bits) => to_eight_bits(v, bits),
            _ => to_eight_bits(v, 16),
        }
    }

    fn of_float(self, v: f32) -> u8 {
        match self {
            Self::Real { low, high } if high > low => {
                ((v - low) / (high - low) * 255.0).round().clamp(0.0, 255.0) as u8
            }
            _ => 0,
        }
    }
}

/// Turns runs of pixels into RGB, one after the other.
pub(super) struct ToRgb {
    pub channels: Channels,
    pub depth: Depth,
    /// Whether any pixel so far was not opaque.
    pub transparent: bool,
    rgb: Vec<u8>,
}

impl ToRgb {
    pub fn new(channels: Channels, depth: Depth) -> Self {
        Self {
            channels,
            depth,
            transparent: false,
            rgb: Vec::new(),
        }
    }

    /// The run's RGB: grey repeated, transparent pixels laid on black. Colour profiles are not followed: the model is to
    /// see the numbers in the file.
    pub fn run(&mut self, samples: Samples<'_>) -> &[u8] {
        self.rgb.clear();
        let depth = self.depth;
        match samples {
            Samples::Bytes(values) => self.convert(values, Depth::of_byte, Depth::of_byte),
            Samples::Words(values) => {
                let opacity = |v| Depth::Sixteen.of_word(v);
                self.convert(values, |v| depth.of_word(v), opacity);
            }
            Samples::Floats(values) => {
                let opacity = |v: f32| (v * 255.0).round().clamp(0.0, 255.0) as u8;
                self.convert(values, |v| depth.of_float(v), opacity);
            }
        }
        &self.rgb
    }

    fn convert<T: Copy>(
        &mut self,
        values: &[T],
        colour: impl Fn(T) -> u8,
        opacity: impl Fn(T) -> u8,
    ) {
        let Channels { colours, alpha, .. } = self.channels;
        for pixel in values.chunks_exact(self.channels.count()) {
            let mut rgb = match colours {
                1 => [colour(pixel[0]); 3],
                _ => [pixel[0], pixel[1], pixel[2]].map(&colour),
            };
            if let Some(alpha) = alpha {
                let opacity = opacity(pixel[colours]);
                self.transparent |= opacity < 255;
                if alpha == Alpha::Straight {
                    let shown = |v: u8| ((u32::from(v) * u32::from(opacity) + 127) / 255) as u8;
                    rgb = rgb.map(shown);
                }
            }
            self.rgb.extend(rgb);
        }
    }
}
