//! A [`Segmentation`] → the reply, in the form asked for. Costs milliseconds to seconds: runs on blocking threads.

use std::time::Instant;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::Serialize;
use utoipa::ToSchema;

use super::negotiate::Format;
use super::problem::{Problem, internal};
use crate::NOTICE;
use crate::engine::{Segmentation, StageTimes};
use crate::mask::measure::{Measures, measure};
use crate::mask::polygons::polygons;
use crate::mask::rle::Rle;
use crate::render::{self, OverlayStyle};

/// Of overlays: no visible blocks around a crisp contour.
const JPEG_QUALITY: u8 = 90;

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
    name: String,
    /// SHA-256 (hex) that names the exact weights.
    sha256: String,
}

/// The modality asked for.
#[derive(Serialize, ToSchema)]
pub struct UsedModality {
    /// Name in the manifest.
    name: String,
    /// Mask-query row in the decoder.
    index: usize,
    /// What the mask marks.
    label: String,
}

/// Size in pixels, upright (EXIF orientation applied).
#[derive(Serialize, ToSchema)]
pub struct Size {
    /// Width, px.
    width: u32,
    /// Height, px.
    height: u32,
}

/// Size of the mask.
#[derive(Serialize, ToSchema)]
pub struct Area {
    /// Pixels in the mask.
    px: u64,
    /// Share of the picture, 0..=1.
    fraction: f64,
}

/// Smallest rectangle around the mask, px, origin at the top left.
#[derive(Serialize, ToSchema)]
pub struct BoundingBox {
    /// Leftmost column.
    x: u32,
    /// Topmost row.
    y: u32,
    /// Columns.
    width: u32,
    /// Rows.
    height: u32,
}

/// The mask as COCO run-length code, readable by pycocotools.
#[derive(Serialize, ToSchema)]
pub struct CocoRle {
    /// Height, width.
    size: [u32; 2],
    /// Compressed counts, column-major.
    counts: String,
}

/// One connected region: pixel corners, px; closed (the first point is not repeated).
#[derive(Serialize, ToSchema)]
pub struct Region {
    /// Outer ring, points (x, y).
    #[schema(value_type = Vec<Vec<u32>>)]
    outer: Vec<[u32; 2]>,
    /// Rings of the holes.
    #[schema(value_type = Vec<Vec<Vec<u32>>>)]
    holes: Vec<Vec<[u32; 2]>>,
}

/// The patch prompt: a coarse square map over the whole picture, which the model made for itself.
#[derive(Serialize, ToSchema)]
pub struct Patch {
    /// Cells per side.
    side: usize,
    /// `side * side` logits, row-major; the model looked where a logit is 0 or more.
    logits: Vec<f32>,
}

/// Milliseconds per stage.
#[derive(Serialize, ToSchema)]
pub struct Times {
    /// Waiting in the queue.
    queue: f64,
    /// Picture file → RGB.
    frame: f64,
    /// RGB → tensor.
    preprocess: f64,
    /// Image encoder.
    encode: f64,
    /// Self-prompt generator.
    self_prompt: f64,
    /// Mask decoder.
    decode: f64,
    /// Logits → mask.
    mask: f64,
    /// Mask → this reply.
    render: f64,
    /// From acceptance to this reply.
    total: f64,
}

impl Times {
    fn of(times: &StageTimes, render: f64) -> Self {
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
    fn header(&self) -> String {
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

/// The result for one picture.
#[derive(Serialize, ToSchema)]
pub struct SegmentReply {
    /// Research use only. Not for clinical use.
    notice: &'static str,
    /// Whether anything was found.
    result: Found,
    /// The model that made the mask.
    model: UsedModel,
    /// The modality asked for.
    modality: UsedModality,
    /// The picture's size; the mask's is the same.
    image: Size,
    /// Size of the mask.
    area: Area,
    /// Smallest rectangle around the mask; null if it is empty.
    bbox: Option<BoundingBox>,
    /// Mean probability over the mask's pixels, 0..=1; null if it is empty.
    confidence: Option<f32>,
    /// The mask, run-length coded (formats json and rle).
    #[serde(skip_serializing_if = "Option::is_none")]
    rle: Option<CocoRle>,
    /// The mask as polygons (formats json and polygons).
    #[serde(skip_serializing_if = "Option::is_none")]
    polygons: Option<Vec<Region>>,
    /// Where the model looked, if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<Patch>,
    /// Milliseconds per stage.
    times_ms: Times,
}

/// A reply ready to be sent.
pub struct Rendered {
    /// Type, times, and for pictures the result's essentials.
    pub headers: HeaderMap,
    /// The body.
    pub bytes: Vec<u8>,
}

/// Renders the result.
///
/// # Errors
/// A fault of this program.
pub fn render(
    segmentation: &Segmentation,
    format: Format,
    patch: bool,
) -> Result<Rendered, Problem> {
    let start = Instant::now();
    let measures = measure(&segmentation.mask);
    let (bytes, times) = match format {
        Format::Json | Format::Rle | Format::Polygons => {
            let rle = (format != Format::Polygons).then(|| Rle::encode(&segmentation.mask));
            let rle = rle.map(|rle| CocoRle {
                size: rle.size,
                counts: rle.to_coco_string(),
            });
            let regions = (format != Format::Rle).then(|| polygons(&segmentation.mask));
            let regions = regions.map(|all| {
                all.into_iter()
                    .map(|p| Region {
                        outer: p.outer,
                        holes: p.holes,
                    })
                    .collect()
            });
            let times = times(segmentation, start);
            let header = times.header();
            let reply = json(
                segmentation,
                &measures,
                Shape {
                    rle,
                    regions,
                    patch,
                },
                times,
            );
            (
                serde_json::to_vec(&reply).map_err(|error| internal(&error.to_string()))?,
                header,
            )
        }
        picture => {
            let bytes =
                paint(segmentation, picture).map_err(|error| internal(&error.to_string()))?;
            (bytes, times(segmentation, start).header())
        }
    };
    let mut headers = essentials(segmentation, &measures);
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(format.content_type()),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // One address, several forms: caches and proxies must look at `Accept`.
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    put(&mut headers, "server-timing", &times);
    Ok(Rendered { headers, bytes })
}

/// The picture formats.
fn paint(segmentation: &Segmentation, format: Format) -> Result<Vec<u8>, render::RenderError> {
    let Segmentation {
        frame, mask, patch, ..
    } = segmentation;
    let style = OverlayStyle::default();
    match format {
        Format::Overlay => render::encode_png(&render::overlay(frame, mask, &style)?),
        Format::OverlayJpeg => {
            render::encode_jpeg(&render::overlay(frame, mask, &style)?, JPEG_QUALITY)
        }
        Format::Patch => render::encode_png(&render::patch_overlay(
            frame,
            &patch.logits,
            patch.side,
            &style,
        )?),
        Format::Png | Format::Json | Format::Rle | Format::Polygons => render::mask_png(mask),
    }
}

fn times(segmentation: &Segmentation, start: Instant) -> Times {
    Times::of(&segmentation.times, start.elapsed().as_secs_f64() * 1e3)
}

/// The optional parts of a JSON reply.
struct Shape {
    rle: Option<CocoRle>,
    regions: Option<Vec<Region>>,
    patch: bool,
}

fn found(measures: &Measures) -> Found {
    if measures.area > 0 {
        Found::Target
    } else {
        Found::NothingFound
    }
}

fn json(
    segmentation: &Segmentation,
    measures: &Measures,
    shape: Shape,
    times_ms: Times,
) -> SegmentReply {
    let bbox = measures
        .bounding_box
        .map(|[x, y, width, height]| BoundingBox {
            x,
            y,
            width,
            height,
        });
    let patch = || Patch {
        side: segmentation.patch.side,
        logits: segmentation.patch.logits.clone(),
    };
    SegmentReply {
        notice: NOTICE,
        result: found(measures),
        model: UsedModel {
            name: segmentation.model.clone(),
            sha256: segmentation.model_sha256.clone(),
        },
        modality: UsedModality {
            name: segmentation.modality.clone(),
            index: segmentation.modality_index,
            label: segmentation.label.clone(),
        },
        image: Size {
            width: segmentation.mask.width,
            height: segmentation.mask.height,
        },
        area: Area {
            px: measures.area,
            fraction: measures.area_fraction,
        },
        bbox,
        confidence: segmentation.confidence,
        rle: shape.rle,
        polygons: shape.regions,
        patch: shape.patch.then(patch),
        times_ms,
    }
}

/// The result's essentials as headers, so that a picture does not travel without them.
fn essentials(segmentation: &Segmentation, measures: &Measures) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let result = match found(measures) {
        Found::Target => "target",
        Found::NothingFound => "nothing-found",
    };
    put(&mut headers, "x-espmedsam-notice", NOTICE);
    put(&mut headers, "x-espmedsam-result", result);
    put(&mut headers, "x-espmedsam-model", &segmentation.model);
    put(
        &mut headers,
        "x-espmedsam-model-sha256",
        &segmentation.model_sha256,
    );
    put(&mut headers, "x-espmedsam-modality", &segmentation.modality);
    put(
        &mut headers,
        "x-espmedsam-area-px",
        &measures.area.to_string(),
    );
    put(
        &mut headers,
        "x-espmedsam-area-fraction",
        &format!("{:.6}", measures.area_fraction),
    );
    if let Some(confidence) = segmentation.confidence {
        put(
            &mut headers,
            "x-espmedsam-confidence",
            &format!("{confidence:.4}"),
        );
    }
    headers
}

/// Sets a header; a value that no header can carry (a manifest may hold any text) is left out.
fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}
