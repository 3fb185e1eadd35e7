//! The frame header (ITU-T T.81, B.2.2): what decides on a picture's memory, and how its blocks lie.

use super::bits::truncated;
use crate::frame::error::{FrameError, damaged, unsupported};
use crate::frame::foreign;
use crate::frame::limits::FrameLimits;

/// A frame header within the limits.
pub(super) struct Header {
    /// Width, height.
    pub size: (u32, u32),
    pub progressive: bool,
    /// Colour components, 1 or 3.
    pub components: Vec<Component>,
    /// MCUs across and down in a scan of several components.
    pub mcus: (usize, usize),
}

/// One colour component.
pub(super) struct Component {
    pub id: u8,
    /// Horizontal and vertical sampling factor, 1..=4.
    pub h: usize,
    pub v: usize,
    /// Blocks across and down that a scan of this component alone codes (A.2.2).
    pub blocks: (usize, usize),
}

impl Header {
    /// Of a segment, if it is a frame header.
    ///
    /// # Errors
    /// [`FrameError::TooLarge`], [`FrameError::TooSmall`]; [`FrameError::Unsupported`] for codings that are not decoded:
    /// four components (CMYK, YCCK), more than 8 bits, lossless, hierarchical, arithmetic; [`FrameError::Foreign`] for
    /// JPEG-LS; [`FrameError::Corrupt`].
    pub fn of(marker: u8, body: &[u8], limits: &FrameLimits) -> Result<Option<Self>, FrameError> {
        match marker {
            0xc0..=0xc2 => Self::parse(body, limits, marker == 0xc2).map(Some),
            0xc4 => Ok(None), // DHT
            0xc3 | 0xc5..=0xcf => Err(unsupported(
                "a lossless, hierarchical or arithmetic-coded JPEG",
            )),
            0xf7 => Err(foreign::jpeg_ls()),
            _ => Ok(None),
        }
    }

    fn parse(body: &[u8], limits: &FrameLimits, progressive: bool) -> Result<Self, FrameError> {
        let [precision, h1, h0, w1, w0, count, components @ ..] = body else {
            return Err(truncated());
        };
        if *precision != 8 {
            return Err(unsupported(format!(
                "a JPEG of {precision} bits per sample; 8 are read"
            )));
        }
        if *count == 4 {
            return Err(unsupported("a CMYK or YCCK JPEG; convert it to RGB"));
        }
        if *count != 1 && *count != 3 {
            return Err(unsupported(format!("a JPEG of {count} colour components")));
        }
        let (width, height) = (
            u16::from_be_bytes([*w1, *w0]),
            u16::from_be_bytes([*h1, *h0]),
        );
        if height == 0 {
            return Err(unsupported("a JPEG that states its height after its data"));
        }
        let size = (width.into(), height.into());
        limits.check(size)?;
        let components = components
            .as_chunks::<3>()
            .0
            .get(..usize::from(*count))
            .ok_or_else(truncated)?;
        let factors: Vec<_> = components
            .iter()
            .map(|[id, hv, _]| (*id, usize::from(hv >> 4), usize::from(hv & 15)))
            .collect();
        if factors
            .iter()
            .any(|(_, h, v)| !(1..=4).contains(h) || !(1..=4).contains(v))
        {
            return Err(damaged("the JPEG has an impossible sampling factor"));
        }
        let h_max = factors.iter().map(|f| f.1).max().unwrap_or(1);
        let v_max = factors.iter().map(|f| f.2).max().unwrap_or(1);
        let (width, height) = (usize::from(width), usize::from(height));
        let component = |(id, h, v)| Component {
            id,
            h,
            v,
            blocks: (
                (width * h).div_ceil(h_max).div_ceil(8),
                (height * v).div_ceil(v_max).div_ceil(8),
            ),
        };
        Ok(Self {
            size,
            progressive,
            components: factors.into_iter().map(component).collect(),
            mcus: (width.div_ceil(8 * h_max), height.div_ceil(8 * v_max)),
        })
    }

    pub fn pixels(&self) -> u64 {
        u64::from(self.size.0) * u64::from(self.size.1)
    }

    /// Blocks of all components, padded to whole MCUs.
    pub fn blocks(&self) -> usize {
        self.components.iter().map(|c| self.padded(c)).sum()
    }

    /// Blocks of one component, padded to whole MCUs.
    pub fn padded(&self, component: &Component) -> usize {
        self.stride(component) * self.mcus.1 * component.v
    }

    /// Blocks in a row of a component, padded to whole MCUs.
    pub fn stride(&self, component: &Component) -> usize {
        self.mcus.0 * component.h
    }
}
