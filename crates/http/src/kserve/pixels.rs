//! Pixels that came as a tensor: a picture of the engine's, decoded in its turn.

use picture::frame::{Decoded, FileInfo, Format, Frame, FrameError, FrameLimits, Stop, Undecoded};

/// Raw pixels, row-major: RGB, or one grey value each. Like a file they wait as they came, and their picture counts against
/// the memory of all.
#[derive(Debug)]
pub struct RawPixels {
    size: [u32; 2],
    samples: Vec<u8>,
    limits: FrameLimits,
}

impl RawPixels {
    /// Of a picture of that width and height; whether it is grey shows in how many samples there are.
    ///
    /// # Errors
    /// A picture that is too large or too small; samples that do not fill it.
    pub fn new(size: [u32; 2], samples: Vec<u8>, limits: FrameLimits) -> Result<Self, FrameError> {
        let [width, height] = size;
        limits.check((width, height))?;
        let pixels = u64::from(width) * u64::from(height);
        let found = samples.len() as u64;
        if found != pixels && found != 3 * pixels {
            return Err(FrameError::BadSamples {
                width,
                height,
                found,
            });
        }
        Ok(Self {
            size,
            samples,
            limits,
        })
    }

    fn pixels(&self) -> u64 {
        self.size.map(u64::from).iter().product()
    }
}

impl Undecoded for RawPixels {
    fn need(&self) -> Result<u64, FrameError> {
        let (need, limit) = (3 * self.pixels(), self.limits.max_memory);
        match need <= limit {
            true => Ok(need),
            false => Err(FrameError::TooMuchMemory { need, limit }),
        }
    }

    fn read(&self, stop: &Stop) -> Result<Decoded, FrameError> {
        stop.check()?;
        let rgb = match self.samples.len() as u64 == self.pixels() {
            true => self.samples.iter().flat_map(|grey| [*grey; 3]).collect(),
            false => self.samples.clone(),
        };
        let [width, height] = self.size;
        Ok(Decoded {
            frame: Frame::new(width, height, rgb)?,
            // The nearest there is to no file: a bitmap is raw pixels, and nothing is to be said of it.
            file: FileInfo::plain(Format::Bmp, 8),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: [u32; 2] = [20, 16];

    fn frame(samples: Vec<u8>) -> Frame {
        let raw = RawPixels::new(SIZE, samples, FrameLimits::default()).unwrap();
        assert_eq!(raw.need(), Ok(960));
        raw.read(&Stop::default()).unwrap().frame
    }

    #[test]
    fn grey_is_repeated_and_rgb_stays_as_it_is() {
        let grey: Vec<u8> = (0..320).map(|i| (i % 256) as u8).collect();
        let rgb: Vec<u8> = grey.iter().flat_map(|v| [*v; 3]).collect();
        assert_eq!(frame(grey), frame(rgb.clone()));
        assert_eq!(frame(rgb.clone()).rgb(), rgb);
    }

    #[test]
    fn what_does_not_fill_its_size_or_costs_too_much_is_refused() {
        let new = |size, samples, limits| RawPixels::new(size, vec![0; samples], limits);
        let limits = FrameLimits::default();
        for wrong in [0, 319, 321, 640, 961] {
            let found = new(SIZE, wrong, limits).unwrap_err();
            assert!(matches!(found, FrameError::BadSamples { .. }), "{wrong}");
        }
        let large = new([1 << 16, 1 << 16], 0, limits).unwrap_err();
        assert!(matches!(large, FrameError::TooLarge { .. }));
        let poor = FrameLimits {
            max_memory: 959,
            ..limits
        };
        let need = new(SIZE, 320, poor).unwrap().need().unwrap_err();
        assert_eq!(
            need,
            FrameError::TooMuchMemory {
                need: 960,
                limit: 959
            }
        );
    }
}
