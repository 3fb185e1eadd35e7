//! A [`Segmentation`] → the reply, in the form asked for. Costs milliseconds to seconds: runs on blocking threads.

use std::time::Instant;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::negotiate::Format;
use super::problem::{Problem, internal};
use super::schema::{
    Area, BoundingBox, CheckReply, CheckState, CocoRle, Found, Patch, Region, SegmentReply, Size,
    Times, UsedModality, UsedModel,
};
use crate::NOTICE;
use crate::engine::Segmentation;
use crate::mask::ellipse::{Ellipse, PixelSize};
use crate::mask::measure::{Measures, measure};
use crate::mask::polygons::polygons;
use crate::mask::rle::Rle;
use crate::render::{self, OverlayStyle};

/// Of overlays: no visible blocks around a crisp contour.
const JPEG_QUALITY: u8 = 90;

/// What a JSON reply has only if asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extras {
    /// The patch prompt.
    pub patch: bool,
    /// The mask's ellipse, pixels being of this size.
    pub pixel: Option<PixelSize>,
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
    extras: Extras,
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
            let traced = (format != Format::Rle || extras.pixel.is_some())
                .then(|| polygons(&segmentation.mask));
            let ellipse = traced
                .as_ref()
                .zip(extras.pixel)
                .and_then(|(all, pixel)| Ellipse::of(all, pixel));
            let regions = traced.filter(|_| format != Format::Rle).map(|all| {
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
                    ellipse,
                    patch: extras.patch,
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
    let style = OverlayStyle {
        mismatch: check(segmentation).state == CheckState::ModalityMismatch,
        ..OverlayStyle::default()
    };
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
    ellipse: Option<Ellipse>,
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
        probability: segmentation.probability,
        modality_check: check(segmentation),
        ellipse: shape.ellipse.map(Into::into),
        rle: shape.rle,
        polygons: shape.regions,
        patch: shape.patch.then(patch),
        times_ms,
    }
}

fn check(segmentation: &Segmentation) -> CheckReply {
    let seen = segmentation.check.as_ref();
    seen.map_or(CheckReply::UNCHECKED, CheckReply::from)
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
    let check = match check(segmentation).state {
        CheckState::Match => "match",
        CheckState::ModalityMismatch => "modality-mismatch",
        CheckState::Unchecked => "unchecked",
    };
    put(&mut headers, "x-espmedsam-modality-check", check);
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
