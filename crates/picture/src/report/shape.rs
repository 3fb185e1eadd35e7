//! What a report says of the mask's shape and place.

use serde::Serialize;

use crate::frame::PixelRect;
use crate::mask::LogitMap;
use crate::mask::ellipse::Ellipse;
use crate::mask::polygons::Polygon;
use crate::mask::rle::Rle;

/// The mask's regions: pixels that are connected through their sides, single ones counted too.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegionSizes {
    /// How many there are.
    pub count: usize,
    /// Pixels of each, largest first; of the 16 largest.
    pub areas_px: Vec<u64>,
}

impl RegionSizes {
    const LISTED: usize = 16;

    /// Of the areas of all regions, largest first.
    pub(super) fn of(mut areas_px: Vec<u64>) -> Self {
        let count = areas_px.len();
        areas_px.truncate(Self::LISTED);
        Self { count, areas_px }
    }
}

/// Smallest rectangle around what is measured, px, origin at the top left.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BoundingBox {
    /// Leftmost column.
    pub x: u32,
    /// Topmost row.
    pub y: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl From<PixelRect> for BoundingBox {
    fn from(rect: PixelRect) -> Self {
        [rect.x, rect.y, rect.width, rect.height].into()
    }
}

impl From<[u32; 4]> for BoundingBox {
    fn from([x, y, width, height]: [u32; 4]) -> Self {
        Self {
            x,
            y,
            width,
            height,
        }
    }
}

/// The mask as COCO run-length code, readable by pycocotools.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CocoRle {
    /// Height, width.
    pub size: [u32; 2],
    /// Compressed counts, column-major.
    pub counts: String,
}

impl From<Rle> for CocoRle {
    fn from(rle: Rle) -> Self {
        Self {
            counts: rle.to_coco_string(),
            size: rle.size,
        }
    }
}

/// One connected region as a polygon that is valid by OGC Simple Features: pixel corners, px; closed (the first point is
/// not repeated); rings touch at single corners at most.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Region {
    /// Outer ring, points (x, y).
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Vec<u32>>))]
    pub outer: Vec<[u32; 2]>,
    /// Rings of the holes.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Vec<Vec<u32>>>))]
    pub holes: Vec<Vec<[u32; 2]>>,
}

impl From<Polygon> for Region {
    fn from(Polygon { outer, holes }: Polygon) -> Self {
        Self { outer, holes }
    }
}

/// The patch prompt: a coarse square map over the whole picture, which the model made for itself.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Patch {
    /// Cells per side.
    pub side: usize,
    /// `side * side` logits, row-major; the model looked where a logit is 0 or more.
    pub logits: Vec<f32>,
}

impl From<LogitMap> for Patch {
    fn from(map: LogitMap) -> Self {
        Self {
            side: map.side(),
            logits: map.into_logits(),
        }
    }
}

/// The ellipse with the area's moments of the mask's largest region, holes filled. Of a fetal head, its outline is the
/// head circumference.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EllipseFit {
    /// Which region it is of.
    pub region: MeasuredRegion,
    /// x and y of its centre, px.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<f64>))]
    pub centre_px: [f64; 2],
    /// Longer and shorter semi-axis, mm.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<f64>))]
    pub semi_axes_mm: [f64; 2],
    /// From the picture's x axis to the longer axis, clockwise, degrees in -90..=90.
    pub angle_deg: f64,
    /// Length of its outline, mm.
    pub circumference_mm: f64,
    /// One standard deviation of that, mm, by how fast the network's probability falls at the mask's border: of fetal heads
    /// that it was not fitted on, 2 of 3 lie within it. Null where it is not known.
    pub circumference_plus_minus_mm: Option<f64>,
    /// The region's area over the ellipse's: 1 for an ellipse, less for any other shape. Below about 0.97 the region is
    /// no whole head.
    pub likeness: f64,
}

/// The region that an ellipse was taken of: the largest, counting its holes.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MeasuredRegion {
    /// Its pixels.
    pub area_px: u64,
    /// Share of the mask, 0..=1: 1 if there is no other region.
    pub share: f64,
    /// Smallest rectangle around it.
    pub bbox: BoundingBox,
}

impl EllipseFit {
    /// `share` of the mask is what the `region` has.
    pub(super) fn of(
        region: &Polygon,
        share: f64,
        ellipse: &Ellipse,
        plus_minus: Option<f64>,
    ) -> Self {
        Self {
            region: MeasuredRegion {
                area_px: region.area(),
                share,
                bbox: region.bounding_box().into(),
            },
            centre_px: ellipse.centre,
            semi_axes_mm: ellipse.semi_axes,
            angle_deg: ellipse.angle.to_degrees(),
            circumference_mm: ellipse.circumference(),
            circumference_plus_minus_mm: plus_minus,
            likeness: ellipse.likeness,
        }
    }
}
