//! Pictures and masks, and the seam between those who want masks and those who make them.
//!
//! [`frame`] decodes a picture file within limits; [`mask`] is what is found on it and what is measured of that;
//! [`scale`] says how large pixels are; [`render`] draws both; [`segmenter`] is the trait through which every door sees
//! the model; [`report`] is what every door says of its answer. Knows no network, no runtime and no protocol.
//!
//! Research use only. Not for clinical use.

pub mod frame;
pub mod mask;
pub mod render;
pub mod report;
pub mod scale;
#[cfg(feature = "openapi")]
pub mod schema;
pub mod segmenter;
pub mod sync;
pub mod utc;

/// Said by every output object, page and help text of this product.
pub const NOTICE: &str = "Research use only. Not for clinical use.";
