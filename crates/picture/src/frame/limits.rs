//! Bounds on a picture's size and on the memory that it takes.

use super::error::FrameError;

/// What a picture may cost. Checked on the header, before pixels are allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameLimits {
    /// Most pixels (width × height) accepted.
    pub max_pixels: u64,
    /// Least length of either side, px. A 1-pixel strip has no anatomy to segment.
    pub min_side: u32,
    /// Most bytes that decoding may take at any moment, the [`super::Frame`] it gives included.
    pub max_memory: u64,
}

impl Default for FrameLimits {
    fn default() -> Self {
        Self {
            max_pixels: 24_000_000,
            min_side: 16,
            max_memory: 128 << 20,
        }
    }
}

impl FrameLimits {
    /// Refuses a picture by the size its header claims, width and height.
    ///
    /// # Errors
    /// [`FrameError::TooLarge`], [`FrameError::TooSmall`].
    pub fn check(&self, (width, height): (u32, u32)) -> Result<(), FrameError> {
        let pixels = u64::from(width) * u64::from(height);
        if pixels > self.max_pixels {
            return Err(FrameError::TooLarge {
                width,
                height,
                pixels,
                limit: self.max_pixels,
            });
        }
        // A side of 0 is refused whatever the limit says: a frame promises at least one pixel.
        let min_side = self.min_side.max(1);
        if width.min(height) < min_side {
            return Err(FrameError::TooSmall {
                width,
                height,
                min_side,
            });
        }
        Ok(())
    }

    /// Refuses what would need more memory than allowed; else gives back how much.
    pub(super) fn afford(&self, need: u64) -> Result<u64, FrameError> {
        let limit = self.max_memory;
        match need <= limit {
            true => Ok(need),
            false => Err(FrameError::TooMuchMemory { need, limit }),
        }
    }
}
