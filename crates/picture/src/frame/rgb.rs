//! The picture that comes out.

use super::error::FrameError;

/// An upright picture: EXIF orientation already applied, interleaved 8-bit RGB, at least one pixel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl Frame {
    /// A picture of these samples, row-major interleaved RGB.
    ///
    /// # Errors
    /// [`FrameError::BadSamples`] if they do not fill the size, or it has no pixels.
    pub fn new(width: u32, height: u32, rgb: Vec<u8>) -> Result<Self, FrameError> {
        let expected = 3 * u64::from(width) * u64::from(height);
        let found = rgb.len() as u64;
        if expected == 0 || found != expected {
            return Err(FrameError::BadSamples {
                width,
                height,
                found,
            });
        }
        Ok(Self { width, height, rgb })
    }

    /// Makes it a picture of another size in the memory it has; what its samples are then is not said.
    ///
    /// # Errors
    /// [`FrameError::BadSamples`] if it were to have no pixels, or more than memory can address.
    pub fn reshape(&mut self, width: u32, height: u32) -> Result<(), FrameError> {
        let samples = 3 * u128::from(width) * u128::from(height);
        let len = usize::try_from(samples).ok().filter(|len| *len > 0);
        let Some(len) = len.filter(|len| *len <= isize::MAX as usize) else {
            return Err(FrameError::BadSamples {
                width,
                height,
                found: self.rgb.len() as u64,
            });
        };
        self.rgb.resize(len, 0);
        (self.width, self.height) = (width, height);
        Ok(())
    }

    /// Width in pixels.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Width and height in pixels.
    #[must_use]
    pub fn size(&self) -> [u32; 2] {
        [self.width, self.height]
    }

    /// `3 * width * height` samples, row-major interleaved RGB, 0..=255.
    #[must_use]
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// As [`Frame::rgb`], to be drawn upon.
    #[must_use]
    pub fn rgb_mut(&mut self) -> &mut [u8] {
        &mut self.rgb
    }

    /// As [`Frame::rgb`], for who needs the picture no more.
    #[must_use]
    pub fn into_rgb(self) -> Vec<u8> {
        self.rgb
    }
}
