//! How pictures are drawn, and in which form masks are given.

use picture::report::Form;
use serde::Deserialize;
use utoipa::ToSchema;

/// How a picture is to be drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rendition {
    /// Without mask; state, age and notice are on it all the same.
    pub raw: bool,
    /// The newest picture, with the mask moved to where it is on it.
    pub fresh: bool,
    /// Width, px; none is the source's own.
    pub width: Option<u32>,
}

/// In which form a mask goes with each answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MaskForm {
    /// In `result`, as polygons.
    #[default]
    Polygons,
    /// In `result`, as COCO run lengths.
    Rle,
    /// As the payload: a PNG of 0 and 255.
    Png,
    /// Not at all; `result` has the measures.
    None,
}

impl MaskForm {
    /// The form of the report in `result`.
    pub fn report(self) -> Form {
        match self {
            Self::Polygons => Form::Polygons,
            Self::Rle => Form::Rle,
            // The shortest: its run lengths are left out of what is sent.
            Self::Png | Self::None => Form::Rle,
        }
    }
}
