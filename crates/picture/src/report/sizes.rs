//! Sizes as JSON has them.

use serde::{Serialize, Serializer};

use super::shape::BoundingBox;
use crate::frame::PixelRect;
use crate::mask::ellipse::Ellipse;
use crate::mask::polygons::polygons;
use crate::mask::regions::Regions;
use crate::mask::sizes::{
    Caliper, CaliperReading, Figure, Levels, MaskSizes, Quantity, Ruler, Sizes, counterparts,
};
use crate::mask::{LogitMap, Mask};
use crate::scale::{PixelSize, Scale};
use crate::segmenter::Segmentation;

/// How large the mask is: all of it together, and its regions.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SizesReport {
    /// All of it, as if it were one; null if it is empty.
    pub whole: Option<SizedRegion>,
    /// Its regions, largest first; the 16 largest.
    pub regions: Vec<SizedRegion>,
    /// What lies along the caliper, if one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caliper: Option<CaliperReport>,
}

/// How large a region is.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SizedRegion {
    /// Smallest rectangle around it.
    pub bbox: BoundingBox,
    /// Whether it reaches the picture's edge: what lies beyond is not measured.
    pub at_edge: bool,
    /// Mean x and y of its pixels, px.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<f64>))]
    pub centre_px: [f64; 2],
    /// From the picture's x axis to the major axis, clockwise, degrees in -90..=90.
    pub angle_deg: f64,
    /// Why its figures are in pixels; null if they are in millimetres.
    pub no_millimetres: Option<String>,
    /// The figures.
    pub figures: FigureRows,
}

/// Figures with their units: [`Figure::key`] → [`Quantity`].
pub struct FigureRows(Sizes);

/// What lies along a line over the picture.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CaliperReport {
    /// From end to end.
    pub length: Quantity,
    /// Of that, within the mask.
    pub in_mask: Quantity,
    /// From where it first enters the mask to where it last leaves it; 0 if it does not meet it.
    pub across: Quantity,
    /// Why these are in pixels; null if they are in millimetres.
    pub no_millimetres: Option<String>,
}

/// What the sizes of a mask are measured on.
pub(super) struct Measurable<'a> {
    pub mask: &'a Mask,
    /// Of the logits that the mask was made of; `None` if they were not.
    pub levels: Option<Levels>,
    pub scale: &'a Scale,
}

impl<'a> Measurable<'a> {
    /// `low_res` is of `region`, if the mask was found in that alone.
    pub fn of(
        mask: &'a Mask,
        low_res: &LogitMap,
        region: Option<PixelRect>,
        scale: &'a Scale,
    ) -> Self {
        let size = mask.size();
        Self {
            mask,
            levels: Levels::of(low_res, region.unwrap_or(PixelRect::whole(size)), size).ok(),
            scale,
        }
    }

    fn sizes(&self) -> Option<MaskSizes> {
        MaskSizes::of(&Regions::find(self.mask), self.levels.as_ref(), self.scale)
    }

    pub fn report(&self, caliper: Option<Caliper>) -> SizesReport {
        let levels = self.levels.as_ref();
        let (whole, regions) = self.sizes().map(|of| (of.whole, of.regions)).unzip();
        let regions = regions.unwrap_or_default().into_iter();
        let caliper = caliper.map(|of| of.read(self.mask, levels, self.scale).into());
        SizesReport {
            whole: whole.map(Into::into),
            regions: regions.map(Into::into).collect(),
            caliper,
        }
    }

    /// One standard deviation of the circumference of a region's ellipse, holes filled, mm; of the region of that number.
    pub fn circumference_spread(&self, region: usize, pixel: PixelSize) -> Option<f64> {
        let levels = self.levels.as_ref()?.masks().map(Regions::find);
        let found = counterparts(&Regions::find(self.mask), levels.each_ref());
        let pair = (*found.get(region)?)?;
        let at_level = |level: usize| {
            let all = polygons(&levels[level]);
            let ellipse = Ellipse::of(all.get(pair[level] as usize)?, pixel)?;
            Some(ellipse.circumference())
        };
        Some(Levels::plus_minus([at_level(0)?, at_level(1)?]))
    }
}

/// How large a result's mask is; `None` if it is empty.
#[must_use]
pub fn sizes(segmentation: &Segmentation) -> Option<MaskSizes> {
    let Segmentation {
        mask,
        low_res,
        scale,
        region,
        ..
    } = segmentation;
    Measurable::of(mask, low_res, *region, scale).sizes()
}

fn no_millimetres(ruler: Ruler) -> Option<String> {
    ruler.no_millimetres().map(|reason| format!("It {reason}."))
}

impl From<Sizes> for SizedRegion {
    fn from(sizes: Sizes) -> Self {
        Self {
            bbox: sizes.bounding_box.into(),
            at_edge: sizes.at_edge,
            centre_px: sizes.centre,
            angle_deg: sizes.angle.to_degrees(),
            no_millimetres: no_millimetres(sizes.ruler),
            figures: FigureRows(sizes),
        }
    }
}

impl From<CaliperReading> for CaliperReport {
    fn from(reading: CaliperReading) -> Self {
        Self {
            length: reading.length,
            in_mask: reading.in_mask,
            across: reading.across,
            no_millimetres: no_millimetres(reading.ruler),
        }
    }
}

impl Serialize for FigureRows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let row = |figure: &Figure| (figure.key(), self.0.get(*figure));
        serializer.collect_map(Figure::ALL.iter().map(row))
    }
}
