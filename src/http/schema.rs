//! The JSON reply of `POST /v1/segment`, as the OpenAPI document describes it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::StageTimes;
use crate::guard::ModalityCheck;
use crate::mask::ellipse::Ellipse;

/// Whether anything was found. "Nothing" is a result, not an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// The mask marks something.
    Target,
    /// The mask is empty.
    NothingFound,
}

/// The model that made the mask.
#[derive(Serialize, ToSchema)]
pub struct UsedModel {
    /// Name in the manifest.
    pub name: String,
    /// SHA-256 (hex) that names the exact weights.
    pub sha256: String,
}

/// The modality asked for.
#[derive(Serialize, ToSchema)]
pub struct UsedModality {
    /// Name in the manifest.
    pub name: String,
    /// Mask-query row in the decoder.
    pub index: usize,
    /// What the mask marks.
    pub label: String,
}

/// Size in pixels, upright (EXIF orientation applied).
#[derive(Serialize, ToSchema)]
pub struct Size {
    /// Width, px.
    pub width: u32,
    /// Height, px.
    pub height: u32,
}

/// Size of the mask.
#[derive(Serialize, ToSchema)]
pub struct Area {
    /// Pixels in the mask.
    pub px: u64,
    /// Share of the picture, 0..=1.
    pub fraction: f64,
}

/// Smallest rectangle around the mask, px, origin at the top left.
#[derive(Serialize, ToSchema)]
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

/// The mask as COCO run-length code, readable by pycocotools.
#[derive(Serialize, ToSchema)]
pub struct CocoRle {
    /// Height, width.
    pub size: [u32; 2],
    /// Compressed counts, column-major.
    pub counts: String,
}

/// One connected region: pixel corners, px; closed (the first point is not repeated).
#[derive(Serialize, ToSchema)]
pub struct Region {
    /// Outer ring, points (x, y).
    #[schema(value_type = Vec<Vec<u32>>)]
    pub outer: Vec<[u32; 2]>,
    /// Rings of the holes.
    #[schema(value_type = Vec<Vec<Vec<u32>>>)]
    pub holes: Vec<Vec<[u32; 2]>>,
}

/// The patch prompt: a coarse square map over the whole picture, which the model made for itself.
#[derive(Serialize, ToSchema)]
pub struct Patch {
    /// Cells per side.
    pub side: usize,
    /// `side * side` logits, row-major; the model looked where a logit is 0 or more.
    pub logits: Vec<f32>,
}

/// The ellipse with the area's moments of the mask's largest region, holes filled. Of a fetal head, its outline is the
/// head circumference.
#[derive(Serialize, ToSchema)]
pub struct EllipseFit {
    /// x and y of its centre, px.
    #[schema(value_type = Vec<f64>)]
    pub centre_px: [f64; 2],
    /// Longer and shorter semi-axis, mm.
    #[schema(value_type = Vec<f64>)]
    pub semi_axes_mm: [f64; 2],
    /// From the picture's x axis to the longer axis, clockwise, degrees in -90..=90.
    pub angle_deg: f64,
    /// Length of its outline, mm.
    pub circumference_mm: f64,
    /// The region's area over the ellipse's: 1 for an ellipse, less for any other shape. Below about 0.97 the region is
    /// no whole head.
    pub likeness: f64,
}

impl From<Ellipse> for EllipseFit {
    fn from(ellipse: Ellipse) -> Self {
        Self {
            centre_px: ellipse.centre,
            semi_axes_mm: ellipse.semi_axes,
            angle_deg: ellipse.angle.to_degrees(),
            circumference_mm: ellipse.circumference(),
            likeness: ellipse.likeness,
        }
    }
}

/// Milliseconds per stage.
#[derive(Serialize, ToSchema)]
pub struct Times {
    /// Waiting in the queue.
    pub queue: f64,
    /// Picture file → RGB.
    pub frame: f64,
    /// RGB → tensor.
    pub preprocess: f64,
    /// Image encoder.
    pub encode: f64,
    /// Self-prompt generator.
    pub self_prompt: f64,
    /// Mask decoder.
    pub decode: f64,
    /// Logits → mask.
    pub mask: f64,
    /// Mask → this reply.
    pub render: f64,
    /// From acceptance to this reply.
    pub total: f64,
}

impl Times {
    pub fn of(times: &StageTimes, render: f64) -> Self {
        let StageTimes {
            queue,
            frame,
            preprocess,
            encode,
            self_prompt,
            decode,
            mask,
            total,
        } = *times;
        Self {
            queue,
            frame,
            preprocess,
            encode,
            self_prompt,
            decode,
            mask,
            render,
            total: total + render,
        }
    }

    /// As a `Server-Timing` header (W3C Server Timing), which browsers show.
    pub fn header(&self) -> String {
        let stages = [
            ("queue", self.queue),
            ("frame", self.frame),
            ("preprocess", self.preprocess),
            ("encode", self.encode),
            ("self-prompt", self.self_prompt),
            ("decode", self.decode),
            ("mask", self.mask),
            ("render", self.render),
            ("total", self.total),
        ];
        stages
            .map(|(name, ms)| format!("{name};dur={ms:.3}"))
            .join(", ")
    }
}

/// What the modality guard says of a picture.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CheckReply {
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
    /// Of a mismatch: whether it would be as asked with black for white (MONOCHROME1 saved as it is).
    pub inverted: bool,
}

/// Whether a picture looks like a modality.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    /// It does, or at least not plainly not.
    Match,
    /// It plainly does not.
    ModalityMismatch,
    /// The models folder has no guard that knows the modality.
    Unchecked,
}

impl CheckReply {
    /// Of a picture that no guard looked at.
    pub const UNCHECKED: Self = Self {
        state: CheckState::Unchecked,
        score: None,
        threshold: None,
        likeliest: None,
        likeliest_score: None,
        inverted: false,
    };
}

impl From<&ModalityCheck> for CheckReply {
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
#[derive(Serialize, ToSchema)]
pub struct SegmentReply {
    /// Research use only. Not for clinical use.
    pub notice: &'static str,
    /// Whether anything was found.
    pub result: Found,
    /// The model that made the mask.
    pub model: UsedModel,
    /// The modality asked for.
    pub modality: UsedModality,
    /// The picture's size; the mask's is the same.
    pub image: Size,
    /// Size of the mask.
    pub area: Area,
    /// Smallest rectangle around the mask; null if it is empty.
    pub bbox: Option<BoundingBox>,
    /// The Dice to be expected of this mask, 0..=1, fitted on validation pictures; null if the mask is empty, the model
    /// not calibrated, or the picture a mismatch.
    pub confidence: Option<f32>,
    /// Mean probability over the mask's pixels, 0..=1; null if it is empty.
    pub probability: Option<f32>,
    /// Whether the picture looks like the modality it was sent as.
    pub modality_check: CheckReply,
    /// The mask's ellipse in millimetres; only if `pixel_mm` was given and something was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ellipse: Option<EllipseFit>,
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
