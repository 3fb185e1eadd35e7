//! The report as plain records, as JSON has them.

use serde::Serialize;

use super::shape::{BoundingBox, CocoRle, EllipseFit, Patch, Region, RegionSizes};
use super::sizes::SizesReport;
use super::times::Times;
use crate::frame::{DicomSaid, FileInfo, PixelRect};
use crate::mask::presence::Presence;
use crate::mask::warnings::Warning;
use crate::segmenter::ModalityCheck;

/// Whether anything was found. "Nothing" is a result, not an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// The mask marks something.
    Target,
    /// The mask is empty.
    NothingFound,
}

/// The model that made the mask.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UsedModel {
    /// Name in the manifest.
    pub name: String,
    /// SHA-256 (hex) that names the exact weights.
    pub sha256: String,
}

/// The modality asked for.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UsedModality {
    /// Name in the manifest.
    pub name: String,
    /// Mask-query row in the decoder.
    pub index: usize,
    /// What the mask marks.
    pub label: String,
}

/// The picture, upright (EXIF orientation applied), and what its file said of itself (null where there was none).
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Image))]
pub struct PictureFacts {
    /// Width, px.
    pub width: u32,
    /// Height, px.
    pub height: u32,
    /// The file's format, for example TIFF.
    pub format: Option<&'static str>,
    /// The page that was read, from 1.
    pub page: Option<u32>,
    /// Pages or frames in the file.
    pub pages: Option<u32>,
    /// Significant bits of a value as it was understood.
    pub bits: Option<u8>,
    /// Whether it had transparent pixels, which were laid on black.
    pub transparent: Option<bool>,
    /// What a DICOM file says besides; left out of any other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dicom: Option<DicomSaid>,
    /// The part of it that was looked at, if one was asked for; the mask is of the whole picture all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<BoundingBox>,
}

impl PictureFacts {
    pub(super) fn of(
        [width, height]: [u32; 2],
        file: Option<&FileInfo>,
        region: Option<PixelRect>,
    ) -> Self {
        Self {
            width,
            height,
            format: file.map(|file| file.format.name()),
            page: file.map(|file| file.page),
            pages: file.map(|file| file.pages),
            bits: file.map(|file| file.bits),
            transparent: file.map(|file| file.transparent),
            dicom: file.and_then(|file| file.dicom),
            region: region.map(Into::into),
        }
    }
}

/// Size of the mask.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Area {
    /// Pixels in the mask.
    pub px: u64,
    /// Share of the picture, 0..=1.
    pub fraction: f64,
}

/// What the modality guard says of a picture.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = CheckReply))]
pub struct CheckReport {
    /// Whether it looks like the modality.
    pub state: CheckState,
    /// The modality's score, 0..=1; null if unchecked.
    pub score: Option<f32>,
    /// The score below which it is a mismatch.
    pub threshold: Option<f32>,
    /// What it looks most like: a modality, or "other".
    pub likeliest: Option<String>,
    /// That one's score.
    pub likeliest_score: Option<f32>,
    /// Of a mismatch: whether it plainly is as asked with black for white (MONOCHROME1 saved as it is).
    pub inverted: bool,
}

/// Whether a picture looks like a modality.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum CheckState {
    /// It does, or at least not plainly not.
    Match,
    /// It plainly does not.
    ModalityMismatch,
    /// The models folder has no guard that knows the modality.
    Unchecked,
}

impl CheckReport {
    /// Of a picture that no guard looked at.
    pub(super) const UNCHECKED: Self = Self {
        state: CheckState::Unchecked,
        score: None,
        threshold: None,
        likeliest: None,
        likeliest_score: None,
        inverted: false,
    };
}

impl From<&ModalityCheck> for CheckReport {
    fn from(check: &ModalityCheck) -> Self {
        Self {
            state: match check.is_mismatch() {
                true => CheckState::ModalityMismatch,
                false => CheckState::Match,
            },
            score: Some(check.score),
            threshold: Some(check.threshold),
            likeliest: Some(check.likeliest.clone()),
            likeliest_score: Some(check.likeliest_score),
            inverted: check.inverted.is_some(),
        }
    }
}

/// The result for one picture.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = SegmentReply))]
pub struct Report {
    /// Research use only. Not for clinical use.
    pub notice: &'static str,
    /// Whether anything was found.
    pub result: Found,
    /// Whether anything is there at all, by the network's own word; null if the model does not say. Where it is absent the
    /// mask is empty; where that is unsure the mask stays, with a warning.
    pub presence: Option<Presence>,
    /// The model that made the mask.
    pub model: UsedModel,
    /// The modality asked for.
    pub modality: UsedModality,
    /// The picture; the mask has its size.
    pub image: PictureFacts,
    /// Size of the mask.
    pub area: Area,
    /// Of how many pieces the mask is.
    pub regions: RegionSizes,
    /// Smallest rectangle around the mask; null if it is empty.
    pub bbox: Option<BoundingBox>,
    /// The Dice to be expected of this mask, 0..=1, fitted on validation pictures; null if the mask is empty, the model
    /// not calibrated, or the picture a mismatch. Where presence is unsure, times its score: of nothing no mask has any.
    pub confidence: Option<f32>,
    /// Mean probability over the mask's pixels, 0..=1; null if it is empty.
    pub probability: Option<f32>,
    /// Whether the picture looks like the modality it was sent as.
    pub modality_check: CheckReport,
    /// What to know before trusting the result; empty if nothing is doubted.
    pub warnings: Vec<Warning>,
    /// The mask's ellipse in millimetres; only if `pixel_mm` was given and something was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ellipse: Option<EllipseFit>,
    /// How large the mask and its regions are, if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sizes: Option<SizesReport>,
    /// The mask, run-length coded (formats json and rle).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rle: Option<CocoRle>,
    /// The mask as polygons (formats json and polygons).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub polygons: Option<Vec<Region>>,
    /// Where the model looked, if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<Patch>,
    /// Milliseconds per stage.
    pub times_ms: Times,
}
