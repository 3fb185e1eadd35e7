use std::sync::Arc;
use std::time::Instant;

use super::annotation;
use super::essentials::Essential;
use super::form::Form;
use super::record::{
    Area, CheckReport, CheckState, Found, PictureFacts, Report, UsedModality, UsedModel,
};
use super::shape::{EllipseFit, RegionSizes};
use super::sizes::Measurable;
use super::svg::svg;
use super::times::Times;
use crate::NOTICE;
use crate::frame::{Frame, PixelRect};
use crate::mask::ellipse::Ellipse;
use crate::mask::measure::measure;
use crate::mask::polygons::{largest, polygons};
use crate::mask::presence::PresenceState;
use crate::mask::regions::Regions;
use crate::mask::rle::Rle;
use crate::mask::sizes::Caliper;
use crate::mask::{LogitMap, Mask, warnings};
use crate::render::{self, Doubt, OverlayStyle, RenderError};
use crate::scale::Scale;
use crate::segmenter::{Lease, Segmentation, millis};

/// Of overlays: no visible blocks around a crisp contour.
const JPEG_QUALITY: u8 = 90;

/// What a JSON report has only if asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extras {
    /// The patch prompt.
    pub patch: bool,
    /// How large the mask and its regions are.
    pub sizes: bool,
    /// What lies along a line; the sizes are told with it.
    pub caliper: Option<Caliper>,
}

/// A result, ready to be given out.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The report or picture, of the form's media type.
    pub bytes: Vec<u8>,
    /// What is to go along with it.
    pub essentials: Vec<Essential>,
    /// What is to be doubted about it, in words.
    pub doubts: Option<String>,
    /// Where the time went.
    pub times: Times,
}

/// Renders a result; takes milliseconds to seconds. The segmentation is used up: its picture is drawn upon in place
/// (unless another shares it), and what the form does not need is freed first.
///
/// # Errors
/// [`RenderError::TooLongForJpeg`], or a fault of this program.
pub fn render(
    segmentation: Segmentation,
    form: Form,
    extras: Extras,
) -> Result<Rendered, RenderError> {
    let start = Instant::now();
    let elapsed = || millis(start.elapsed());
    let (pixels, mut report) = take_apart(segmentation);
    let Pixels {
        frame,
        mask,
        low_res,
        patch,
        scale,
        region,
        lease: _lease,
    } = pixels;
    let style = OverlayStyle {
        doubt: doubt(&report),
        ..OverlayStyle::default()
    };
    let bytes = match form {
        Form::Json | Form::Rle | Form::Polygons => {
            drop(frame);
            put_shape(&mut report, &mask, form);
            if extras.sizes || extras.caliper.is_some() || scale != Scale::Unknown {
                let measurable = Measurable::of(&mask, &low_res, region, &scale);
                if scale != Scale::Unknown {
                    put_ellipse(&mut report, &measurable);
                }
                put_sizes(&mut report, &measurable, extras);
            }
            drop(mask);
            report.patch = extras.patch.then(|| patch.into());
            // It cannot tell the time of being written.
            report.times_ms.render = elapsed();
            serde_json::to_vec(&report).map_err(RenderError::encode)?
        }
        Form::Png => {
            drop(frame);
            render::mask_png(mask)?
        }
        Form::Overlay => render::encode_png(draw(frame, mask, &style)?)?,
        Form::OverlayJpeg => {
            render::fits_jpeg(&frame)?;
            render::encode_jpeg(&draw(frame, mask, &style)?, JPEG_QUALITY)?
        }
        Form::Coco | Form::Labelme | Form::GeoJson => {
            drop(frame);
            let regions = polygons(&Regions::find(&mask));
            drop(mask);
            let document = match form {
                Form::Coco => annotation::coco(&report, &regions),
                Form::Labelme => annotation::labelme(&report, &regions),
                _ => annotation::geojson(&report, &regions),
            };
            document.map_err(RenderError::encode)?
        }
        Form::Svg => {
            drop(frame);
            svg(&report, &polygons(&Regions::find(&mask)), style.doubt)
        }
        #[cfg(feature = "dicom")]
        Form::Seg | Form::SegFractional | Form::Sr | Form::SrOutlines | Form::Capture => {
            return Err(RenderError::encode("a DICOM object is made elsewhere"));
        }
        Form::Patch => {
            drop(mask);
            let frame = match region {
                Some(region) => region.cut(&frame).map_err(RenderError::encode)?,
                None => Arc::unwrap_or_clone(frame),
            };
            render::encode_png(render::patch_overlay(frame, &patch, &style))?
        }
    };
    if !form.is_report() {
        report.times_ms.render = elapsed();
    }
    Ok(Rendered {
        bytes,
        essentials: report.essentials(),
        doubts: report.doubts(),
        times: report.times_ms,
    })
}

/// What every report tells of a result, with the mask's ellipse where pixels have a size; without the mask itself.
#[must_use]
pub fn told(segmentation: &Segmentation) -> Report {
    let (pixels, mut report) = take_apart(segmentation.clone());
    if pixels.scale != Scale::Unknown {
        let Pixels {
            mask,
            low_res,
            scale,
            region,
            ..
        } = &pixels;
        put_ellipse(&mut report, &Measurable::of(mask, low_res, *region, scale));
    }
    report
}

/// What goes along with a result that somebody else renders; without bytes.
#[must_use]
pub fn beside(segmentation: &Segmentation) -> Rendered {
    let report = told(segmentation);
    Rendered {
        bytes: Vec::new(),
        essentials: report.essentials(),
        doubts: report.doubts(),
        times: report.times_ms,
    }
}

/// The mask over its picture, with the notice and what is to be doubted drawn in.
///
/// # Errors
/// A fault of this program.
pub fn overlay(segmentation: Segmentation) -> Result<Frame, RenderError> {
    let (pixels, report) = take_apart(segmentation);
    let style = OverlayStyle {
        doubt: doubt(&report),
        ..OverlayStyle::default()
    };
    draw(pixels.frame, pixels.mask, &style)
}

/// What a picture of the result must not go without; of two the graver.
fn doubt(report: &Report) -> Option<Doubt> {
    if report.modality_check.state == CheckState::ModalityMismatch {
        return Some(Doubt::Mismatch);
    }
    match report.presence?.state {
        PresenceState::Present => None,
        PresenceState::Unsure => Some(Doubt::Unsure),
        PresenceState::Absent => Some(Doubt::Absent),
    }
}

/// What is measured and drawn, and its share of the memory.
struct Pixels {
    frame: Arc<Frame>,
    mask: Mask,
    low_res: LogitMap,
    patch: LogitMap,
    scale: Scale,
    /// What the patch map is of, if not of the whole.
    region: Option<PixelRect>,
    lease: Lease,
}

/// The pixels, and what every report tells; the mask's shape is not in it yet.
fn take_apart(segmentation: Segmentation) -> (Pixels, Report) {
    let Segmentation {
        frame,
        mask,
        low_res,
        patch,
        scale,
        region,
        lease,
        ..
    } = segmentation;
    let regions = Regions::find(&mask);
    let measures = measure(&regions);
    let size = mask.size();
    let file = segmentation.file.as_ref();
    let presence = segmentation.presence;
    let doubts = file.map(warnings::of_file).into_iter().flatten();
    let doubted_size = match scale {
        Scale::Uniform(pixel) => warnings::of_pixel_size(&segmentation.modality, size, pixel),
        // Those of regions were told by the machine that drew them.
        Scale::Unknown | Scale::Regions(_) => None,
    };
    let report = Report {
        notice: NOTICE,
        result: match measures.area {
            0 => Found::NothingFound,
            _ => Found::Target,
        },
        image: PictureFacts::of(size, file, region),
        area: Area {
            px: measures.area,
            fraction: measures.area_fraction,
        },
        regions: RegionSizes::of(regions.areas()),
        bbox: measures.bounding_box.map(Into::into),
        modality_check: segmentation
            .check
            .as_ref()
            .map_or(CheckReport::UNCHECKED, CheckReport::from),
        presence,
        warnings: (presence
            .and_then(|of| warnings::of_presence(of, measures.area > 0))
            .into_iter())
        .chain(doubts)
        .chain(doubted_size)
        .collect(),
        times_ms: Times {
            stages: segmentation.times,
            render: 0.0,
        },
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
        sizes: None,
        rle: None,
        polygons: None,
        patch: None,
    };
    let pixels = Pixels {
        frame,
        mask,
        low_res,
        patch,
        scale,
        region,
        lease,
    };
    (pixels, report)
}

/// The mask as the JSON forms have it.
fn put_shape(report: &mut Report, mask: &Mask, form: Form) {
    report.rle = (form != Form::Polygons).then(|| Rle::encode(mask).into());
    report.polygons = (form != Form::Rle).then(|| {
        let all = polygons(&Regions::find(mask));
        all.into_iter().map(Into::into).collect()
    });
}

/// The ellipse of the largest region, or why it has none in millimetres.
fn put_ellipse(report: &mut Report, measurable: &Measurable<'_>) {
    let regions = polygons(&Regions::find(measurable.mask));
    let Some(region) = largest(&regions) else {
        return;
    };
    let pixel = match measurable.scale.within(region.bounding_box()) {
        Ok(pixel) => pixel,
        Err(reason) => return report.warnings.push(warnings::of_scale(reason)),
    };
    if let Some(ellipse) = Ellipse::of(region, pixel) {
        let share = region.area() as f64 / report.area.px as f64;
        let doubts = warnings::of_ellipse(&ellipse, share, regions.len());
        report.warnings.extend(doubts);
        let number = regions.iter().position(|one| std::ptr::eq(one, region));
        let spread = number.and_then(|number| measurable.circumference_spread(number, pixel));
        report.ellipse = Some(EllipseFit::of(region, share, &ellipse, spread));
    }
}

/// How large the mask is, if asked for.
fn put_sizes(report: &mut Report, measurable: &Measurable<'_>, extras: Extras) {
    let size = measurable.mask.size();
    if extras.caliper.is_some_and(|caliper| caliper.leaves(size)) {
        report.warnings.push(warnings::of_caliper(size));
    }
    if extras.sizes || extras.caliper.is_some() {
        report.sizes = Some(measurable.report(extras.caliper));
    }
}

/// The mask over its picture; the mask is gone before that becomes a file.
fn draw(frame: Arc<Frame>, mask: Mask, style: &OverlayStyle) -> Result<Frame, RenderError> {
    render::overlay(Arc::unwrap_or_clone(frame), &mask, style)
}
