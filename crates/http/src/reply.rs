//! A [`Segmentation`] → the reply, in the form asked for. Costs milliseconds to seconds: runs on blocking threads.

use std::sync::Arc;
use std::time::Instant;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::negotiate::Format;
use super::problem::{Problem, internal};
use super::schema::{
    Area, CheckReply, CheckState, EllipseFit, Found, Image, RegionSizes, SegmentReply, Times,
    UsedModality, UsedModel,
};
use picture::NOTICE;
use picture::frame::Frame;
use picture::mask::LogitMap;
use picture::mask::Mask;
use picture::mask::ellipse::Ellipse;
use picture::mask::measure::measure;
use picture::mask::polygons::{largest, polygons};
use picture::mask::regions::Regions;
use picture::mask::rle::Rle;
use picture::mask::warnings;
use picture::render::{self, OverlayStyle, RenderError};
use picture::scale::PixelSize;
use picture::segmenter::{Lease, Segmentation};

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
    /// Type, times and the result's essentials.
    pub headers: HeaderMap,
    /// The body.
    pub bytes: Vec<u8>,
}

/// Renders the result. The segmentation is used up: its picture is drawn upon in place (unless another shares it), and
/// what the form does not need is freed first.
///
/// # Errors
/// [`super::Kind::TooLongForJpeg`], or a fault of this program.
pub fn render(
    segmentation: Segmentation,
    format: Format,
    extras: Extras,
) -> Result<Rendered, Problem> {
    let start = Instant::now();
    let stages = segmentation.times;
    let (picture, mut reply) = take_apart(segmentation, extras.pixel);
    let elapsed = || Times::of(&stages, start.elapsed().as_secs_f64() * 1e3);
    let bytes = match format {
        Format::Json | Format::Rle | Format::Polygons => {
            let Picture {
                frame,
                mask,
                patch,
                lease: _lease,
            } = picture;
            drop(frame);
            put_shape(&mut reply, &mask, format, extras.pixel);
            drop(mask);
            reply.patch = extras.patch.then(|| patch.into());
            reply.times_ms = elapsed();
            serde_json::to_vec(&reply).map_err(|error| internal(&error.to_string()))?
        }
        Format::Png | Format::Overlay | Format::OverlayJpeg | Format::Patch => {
            let style = OverlayStyle {
                mismatch: reply.modality_check.state == CheckState::ModalityMismatch,
                ..OverlayStyle::default()
            };
            let bytes = paint(picture, format, &style)?;
            reply.times_ms = elapsed();
            bytes
        }
    };
    let mut headers = essentials(&reply);
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(format.content_type()),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // One address, several forms: caches and proxies must look at `Accept`.
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    put(&mut headers, "server-timing", &reply.times_ms.header());
    Ok(Rendered { headers, bytes })
}

/// What is drawn, and its share of the memory.
struct Picture {
    frame: Arc<Frame>,
    mask: Mask,
    patch: LogitMap,
    lease: Lease,
}

/// The pixels, and what every reply tells; the mask's shape is not in it yet.
fn take_apart(segmentation: Segmentation, pixel: Option<PixelSize>) -> (Picture, SegmentReply) {
    let Segmentation {
        frame,
        mask,
        patch,
        lease,
        ..
    } = segmentation;
    let regions = Regions::find(&mask);
    let measures = measure(&regions);
    let size = [mask.width(), mask.height()];
    let file = segmentation.file.as_ref();
    let doubts = file.map(warnings::of_file).into_iter().flatten();
    let doubted_size =
        pixel.and_then(|pixel| warnings::of_pixel_size(&segmentation.modality, size, pixel));
    let reply = SegmentReply {
        notice: NOTICE,
        result: match measures.area {
            0 => Found::NothingFound,
            _ => Found::Target,
        },
        image: Image::of(size, file),
        area: Area {
            px: measures.area,
            fraction: measures.area_fraction,
        },
        regions: RegionSizes::of(regions.areas()),
        bbox: measures.bounding_box.map(Into::into),
        modality_check: segmentation
            .check
            .as_ref()
            .map_or(CheckReply::UNCHECKED, CheckReply::from),
        warnings: doubts.chain(doubted_size).map(Into::into).collect(),
        times_ms: Times::of(&segmentation.times, 0.0),
        model: UsedModel {
            name: segmentation.model,
            sha256: segmentation.model_sha256,
        },
        modality: UsedModality {
            name: segmentation.modality,
            index: segmentation.modality_index,
            label: segmentation.label,
        },
        confidence: segmentation.confidence,
        probability: segmentation.probability,
        ellipse: None,
        rle: None,
        polygons: None,
        patch: None,
    };
    let picture = Picture {
        frame,
        mask,
        patch,
        lease,
    };
    (picture, reply)
}

/// The mask as the JSON formats have it, and its ellipse where pixels have a size.
fn put_shape(reply: &mut SegmentReply, mask: &Mask, format: Format, pixel: Option<PixelSize>) {
    reply.rle = (format != Format::Polygons).then(|| Rle::encode(mask).into());
    if format == Format::Rle && pixel.is_none() {
        return;
    }
    let all = polygons(&Regions::find(mask));
    if let Some((region, pixel)) = largest(&all).zip(pixel)
        && let Some(ellipse) = Ellipse::of(region, pixel)
    {
        let share = region.area() as f64 / reply.area.px as f64;
        let doubts = warnings::of_ellipse(&ellipse, share, all.len());
        reply.warnings.extend(doubts.into_iter().map(Into::into));
        reply.ellipse = Some(EllipseFit::of(region, share, &ellipse));
    }
    reply.polygons = (format != Format::Rle).then(|| all.into_iter().map(Into::into).collect());
}

/// The picture formats.
fn paint(picture: Picture, format: Format, style: &OverlayStyle) -> Result<Vec<u8>, RenderError> {
    let Picture {
        frame,
        mask,
        patch,
        lease: _lease,
    } = picture;
    match format {
        Format::Patch => {
            drop(mask);
            let frame = Arc::unwrap_or_clone(frame);
            render::encode_png(render::patch_overlay(frame, &patch, style))
        }
        Format::Overlay | Format::OverlayJpeg => {
            if format == Format::OverlayJpeg {
                render::fits_jpeg(&frame)?;
            }
            let drawn = render::overlay(Arc::unwrap_or_clone(frame), &mask, style)?;
            drop(mask);
            match format {
                Format::OverlayJpeg => render::encode_jpeg(&drawn, JPEG_QUALITY),
                _ => render::encode_png(drawn),
            }
        }
        Format::Png | Format::Json | Format::Rle | Format::Polygons => {
            drop(frame);
            render::mask_png(mask)
        }
    }
}

/// The result's essentials as headers, so that a picture does not travel without them.
fn essentials(reply: &SegmentReply) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut tell = |name, value: &str| put(&mut headers, name, value);
    tell("x-espmedsam-notice", NOTICE);
    tell(
        "x-espmedsam-result",
        match reply.result {
            Found::Target => "target",
            Found::NothingFound => "nothing-found",
        },
    );
    tell("x-espmedsam-model", &reply.model.name);
    tell("x-espmedsam-model-sha256", &reply.model.sha256);
    tell("x-espmedsam-modality", &reply.modality.name);
    tell("x-espmedsam-area-px", &reply.area.px.to_string());
    tell(
        "x-espmedsam-area-fraction",
        &format!("{:.6}", reply.area.fraction),
    );
    tell("x-espmedsam-regions", &reply.regions.count.to_string());
    tell(
        "x-espmedsam-modality-check",
        match reply.modality_check.state {
            CheckState::Match => "match",
            CheckState::ModalityMismatch => "modality-mismatch",
            CheckState::Unchecked => "unchecked",
        },
    );
    if let Some(confidence) = reply.confidence {
        tell("x-espmedsam-confidence", &format!("{confidence:.4}"));
    }
    if let Some((page, pages)) = reply.image.page.zip(reply.image.pages) {
        tell("x-espmedsam-pages", &format!("{page}/{pages}"));
    }
    if !reply.warnings.is_empty() {
        let codes: Vec<&str> = reply.warnings.iter().map(|warning| warning.code).collect();
        tell("x-espmedsam-warnings", &codes.join(", "));
    }
    headers
}

/// Sets a header; a value that no header can carry (a manifest may hold any text) is left out.
fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}
