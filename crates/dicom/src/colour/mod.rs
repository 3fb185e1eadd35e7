//! Samples → 8-bit RGB.

mod grey;
mod nearest;
mod palette;
mod table;
mod ybr;

use picture::frame::Frame;

use crate::codec::{Raster, RasterValues};
use crate::data::DataSet;
use crate::error::DicomError;
use crate::layout::{Photometric, SampleLayout};
use crate::window::{GreyWindow, ShownAs};

use self::grey::GreyRule;
pub use self::ybr::ybr_to_rgb;

/// A frame, and what says how it is to be shown.
pub(crate) struct Painting<'a> {
    pub set: &'a DataSet,
    /// What concerns this frame alone: its functional groups, and those that all share.
    pub groups: &'a [&'a DataSet],
    pub layout: &'a SampleLayout,
    pub window: Option<GreyWindow>,
}

impl Painting<'_> {
    /// Writes the picture into a frame of its size.
    pub fn paint(&self, raster: &Raster, frame: &mut Frame) -> Result<ShownAs, DicomError> {
        let layout = self.layout;
        if self.window.is_some() && !layout.photometric.is_grey() {
            return Err(DicomError::WindowOnColour);
        }
        frame.reshape(layout.columns, layout.rows)?;
        let rgb = frame.rgb_mut().as_chunks_mut::<3>().0;
        match layout.photometric {
            Photometric::Monochrome1 | Photometric::Monochrome2 => {
                let rule = GreyRule::of(self.set, self.groups, layout, self.window)?;
                let (table, shown) = rule.table(raster, layout);
                raster.for_each(layout, rgb, |index| [table[index]; 3]);
                Ok(shown)
            }
            Photometric::Palette => {
                let table = palette::table(self.set, layout)?;
                raster.for_each(layout, rgb, |index| table[index]);
                Ok(ShownAs::Colours)
            }
            _ => {
                three(raster, layout, rgb)?;
                Ok(ShownAs::Colours)
            }
        }
    }
}

impl Raster {
    /// Each sample's bits, as far as they say something, through a rule into the picture.
    fn for_each(
        &self,
        layout: &SampleLayout,
        rgb: &mut [[u8; 3]],
        rule: impl Fn(usize) -> [u8; 3],
    ) {
        match &self.values {
            RasterValues::Bytes(values) => {
                for (pixel, value) in rgb.iter_mut().zip(values) {
                    *pixel = rule(layout.index((*value).into()));
                }
            }
            RasterValues::Words(values) => {
                for (pixel, value) in rgb.iter_mut().zip(values) {
                    *pixel = rule(layout.index(*value));
                }
            }
        }
    }
}

fn three(raster: &Raster, layout: &SampleLayout, rgb: &mut [[u8; 3]]) -> Result<(), DicomError> {
    let wrong = DicomError::Damaged("a frame has other samples than its header says");
    let RasterValues::Bytes(values) = &raster.values else {
        return Err(wrong);
    };
    let coded = match layout.photometric {
        Photometric::YbrFull | Photometric::YbrFull422 => !raster.rgb,
        // JPEG 2000's own colours without JPEG 2000: there is nothing to convert them by.
        Photometric::YbrIct | Photometric::YbrRct if !raster.rgb => {
            return Err(DicomError::Damaged(
                "its colours are JPEG 2000's, its coding is not",
            ));
        }
        _ => false,
    };
    let shown = |pixel: [u8; 3]| if coded { ybr_to_rgb(pixel) } else { pixel };
    match raster.planar {
        false => {
            for (pixel, samples) in rgb.iter_mut().zip(values.as_chunks::<3>().0) {
                *pixel = shown(*samples);
            }
        }
        true => {
            let pixels = layout.pixels();
            let (Some(a), Some(b), Some(c)) = (
                values.get(..pixels),
                values.get(pixels..2 * pixels),
                values.get(2 * pixels..),
            ) else {
                return Err(wrong);
            };
            for (pixel, ((a, b), c)) in rgb.iter_mut().zip(a.iter().zip(b).zip(c)) {
                *pixel = shown([*a, *b, *c]);
            }
        }
    }
    Ok(())
}
