//! What is said about a mask, once for every door: a [`Segmentation`](crate::segmenter::Segmentation) in one of the [`Form`]s, with its [`Essential`]s
//! and times beside it. HTTP makes headers of these, the command line files; other doors take the same.

mod annotation;
mod essentials;
mod form;
#[cfg(feature = "openapi")]
mod openapi;
mod record;
mod render;
mod shape;
mod sizes;
mod svg;
#[cfg(test)]
mod tests;
mod times;

pub use essentials::Essential;
pub use form::Form;
pub use record::{
    Area, CheckReport, CheckState, Found, PictureFacts, Report, UsedModality, UsedModel,
};
pub use render::{Extras, Rendered, beside, overlay, render, told};
pub use shape::{BoundingBox, CocoRle, EllipseFit, MeasuredRegion, Patch, Region, RegionSizes};
pub use sizes::{CaliperReport, FigureRows, SizedRegion, SizesReport, sizes};
pub use times::{Time, Times};
