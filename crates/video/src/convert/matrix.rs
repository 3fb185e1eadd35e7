//! Y'CbCr → RGB by ITU-R BT.601 or BT.709, sixty-four pixels at a time.

use serde::{Deserialize, Serialize};

/// Which values luma and chroma samples take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum YuvRange {
    /// Luma 16..=235, chroma 16..=240 (BT.601-7, 2.5.3; BT.709-6, 4.6): television, Y4M unless it says otherwise, most grabbers.
    Limited,
    /// 0..=255 for both (JFIF): JPEG, many cameras.
    Full,
}

/// How luma and chroma are made of red, green and blue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum YuvStandard {
    /// ITU-R BT.601: standard definition, JPEG (JFIF), most cameras on USB.
    #[default]
    Bt601,
    /// ITU-R BT.709: high definition, HDMI.
    Bt709,
}

impl YuvStandard {
    /// What red, green and blue add to luma (BT.601-7, 2.5.1; BT.709-6, 3.2).
    pub(super) const fn weights(self) -> [f64; 3] {
        let (red, blue) = match self {
            Self::Bt601 => (0.299, 0.114),
            Self::Bt709 => (0.2126, 0.0722),
        };
        [red, 1.0 - red - blue, blue]
    }
}

/// Steps of luma and of chroma in [`YuvRange::Limited`] (BT.601-7, 2.5.3; BT.709-6, 4.6).
pub(super) const LIMITED_STEPS: [f64; 2] = [219.0, 224.0];

/// Pixels converted at once: whole vectors of every CPU, and small enough for the first cache.
pub(super) const LANES: usize = 64;

/// So many bits of a factor are its fraction. Factors stay below 2^15, where sixteen-bit products are the cheap ones, and
/// the error of a sum of three below half a step.
const FRACTION: u32 = 13;

/// What each sample adds, by [`FRACTION`].
#[derive(Clone, Copy)]
pub(super) struct YuvMatrix {
    /// The luma of black.
    black: i16,
    luma: i16,
    red_cr: i16,
    green_cb: i16,
    green_cr: i16,
    blue_cb: i16,
}

impl YuvMatrix {
    pub const fn of(standard: YuvStandard, range: YuvRange) -> Self {
        let [luma, chroma] = LIMITED_STEPS;
        match range {
            YuvRange::Limited => Self::new(standard, 16, [255.0 / luma, 255.0 / chroma]),
            YuvRange::Full => Self::new(standard, 0, [1.0, 1.0]),
        }
    }

    const fn new(standard: YuvStandard, black: i16, [luma, chroma]: [f64; 2]) -> Self {
        let [red, green, blue] = standard.weights();
        const fn fixed(factor: f64) -> i16 {
            (factor * (1 << FRACTION) as f64 + if factor < 0.0 { -0.5 } else { 0.5 }) as i16
        }
        Self {
            black,
            luma: fixed(luma),
            red_cr: fixed(chroma * 2.0 * (1.0 - red)),
            green_cb: fixed(-chroma * 2.0 * (1.0 - blue) * blue / green),
            green_cr: fixed(-chroma * 2.0 * (1.0 - red) * red / green),
            blue_cb: fixed(chroma * 2.0 * (1.0 - blue)),
        }
    }
}

/// Samples of a run of pixels, one of each kind for every pixel.
pub(super) struct YuvRun {
    pub luma: [u8; LANES],
    pub cb: [u8; LANES],
    pub cr: [u8; LANES],
}

impl YuvRun {
    /// Grey.
    pub const NEUTRAL: Self = Self {
        luma: [0; LANES],
        cb: [128; LANES],
        cr: [128; LANES],
    };

    /// Writes RGB for as many pixels as there is room for.
    pub fn write(&self, matrix: &YuvMatrix, rgb: &mut [u8]) {
        let (mut red, mut green, mut blue) = ([0_u8; LANES], [0_u8; LANES], [0_u8; LANES]);
        // Sums stay within 23 bits, as do their terms; `wrapping` for the compiler's sake, which makes vectors of it only
        // where no step can fail.
        let term = |sample: i16, factor: i16| i32::from(sample).wrapping_mul(i32::from(factor));
        let level = |sum: i32| (sum >> FRACTION).clamp(0, 255) as u8;
        let samples = self.luma.iter().zip(&self.cb).zip(&self.cr);
        let levels = red.iter_mut().zip(&mut green).zip(&mut blue);
        for (((luma, cb), cr), ((red, green), blue)) in samples.zip(levels) {
            let luma = i16::from(*luma).wrapping_sub(matrix.black);
            let cb = i16::from(*cb).wrapping_sub(128);
            let cr = i16::from(*cr).wrapping_sub(128);
            let grey = term(luma, matrix.luma).wrapping_add(1 << (FRACTION - 1));
            let chroma = term(cb, matrix.green_cb).wrapping_add(term(cr, matrix.green_cr));
            *red = level(grey.wrapping_add(term(cr, matrix.red_cr)));
            *green = level(grey.wrapping_add(chroma));
            *blue = level(grey.wrapping_add(term(cb, matrix.blue_cb)));
        }
        let pixels = rgb.as_chunks_mut::<3>().0;
        for (pixel, ((red, green), blue)) in
            pixels.iter_mut().zip(red.iter().zip(&green).zip(&blue))
        {
            *pixel = [*red, *green, *blue];
        }
    }
}
