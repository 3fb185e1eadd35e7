//! Wishes as texts: how each is read, and in which words that is said, to clients and in the OpenAPI document.

use std::num::NonZeroU32;

use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use dicom::{AskedRegion, FrameSelection, GreyWindow};
use picture::mask::sizes::Caliper;
use picture::report::Form;
use picture::scale::PixelSize;

/// What becomes of a picture of another kind: `refuse`, 422 modality-mismatch in place of a mask; `keep`, the mask, marked
/// as a mismatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(as = OnMismatch, rename_all = "lowercase")]
pub enum OnMismatchWish {
    /// An error in place of a mask.
    Refuse,
    /// The mask, marked.
    Keep,
}

/// Millimetres per pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PixelMm(pub(super) PixelSize);

/// A line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CaliperPx(pub(super) Caliper);

/// A page, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = u32, minimum = 1)]
pub struct Page(pub(super) NonZeroU32);

/// Frames of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FramesWish(pub(super) FrameSelection);

/// A window of grey values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WindowWish(pub(super) GreyWindow);

/// A part of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionWish(pub(super) AskedRegion);

/// Whether DICOM objects say who they are of: `removed`, by the Basic Application Level Confidentiality Profile (PS3.15, E);
/// `kept`, with the patient and the study of their source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(as = Identity, rename_all = "lowercase")]
pub enum IdentityWish {
    /// They do not.
    Removed,
    /// They do.
    Kept,
}

/// A value that travels as text.
pub trait Told: Sized {
    /// The texts that are read, in words.
    fn accepted() -> String;
    /// Reads one; `None` if it is none of these.
    fn read(text: &str) -> Option<Self>;
}

impl Told for String {
    fn accepted() -> String {
        "a name".into()
    }

    fn read(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

/// As Python, curl and HTML forms write it.
impl Told for bool {
    fn accepted() -> String {
        "true or false (1 or 0, yes or no, on or off)".into()
    }

    fn read(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        }
    }
}

impl Told for OnMismatchWish {
    fn accepted() -> String {
        "refuse or keep".into()
    }

    fn read(text: &str) -> Option<Self> {
        match text {
            "refuse" => Some(Self::Refuse),
            "keep" => Some(Self::Keep),
            _ => None,
        }
    }
}

impl Told for Form {
    fn accepted() -> String {
        format!("one of {}", Self::names())
    }

    fn read(text: &str) -> Option<Self> {
        Self::from_name(text)
    }
}

impl Told for PixelMm {
    fn accepted() -> String {
        format!(
            "one number of millimetres or two (column,row), over 0 and at most {}",
            PixelSize::LARGEST
        )
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().map(Self).ok()
    }
}

impl Told for CaliperPx {
    fn accepted() -> String {
        format!(
            "four numbers of pixels with commas between them, x and y of one end and of the other, each 0 to {}",
            Caliper::FARTHEST
        )
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().map(Self).ok()
    }
}

impl Told for Page {
    fn accepted() -> String {
        "a whole number from 1".into()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().map(Self).ok()
    }
}

impl Told for FramesWish {
    fn accepted() -> String {
        "a list of numbers and ranges from 0, such as 0,5,10-20, or all".into()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().map(Self).ok()
    }
}

impl Told for WindowWish {
    fn accepted() -> String {
        "a centre and a width of 1 at least, such as 40,400".into()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().map(Self).ok()
    }
}

impl Told for IdentityWish {
    fn accepted() -> String {
        "removed or kept".into()
    }

    fn read(text: &str) -> Option<Self> {
        match text {
            "removed" => Some(Self::Removed),
            "kept" => Some(Self::Kept),
            _ => None,
        }
    }
}

impl Told for RegionWish {
    fn accepted() -> String {
        "x,y,width,height in pixels, or the number of an ultrasound region, from 1".into()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().map(Self).ok()
    }
}

/// Describes texts of a form of their own by what is read of them.
macro_rules! texts {
    ($($type:ident $example:literal,)*) => {
        $(
            impl PartialSchema for $type {
                fn schema() -> RefOr<Schema> {
                    let text = ObjectBuilder::new().schema_type(Type::String).examples([$example]);
                    text.description(Some(format!("Takes {}.", $type::accepted()))).into()
                }
            }

            impl ToSchema for $type {}
        )*
    };
}

texts! {
    PixelMm "0.138",
    CaliperPx "10,20,110.5,20",
    FramesWish "0,5,10-20",
    WindowWish "40,400",
    RegionWish "10,20,300,200",
}
