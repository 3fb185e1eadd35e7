//! C's records → ours, and back: numbers looked up, nothing dereferenced.

use std::time::Duration;

use embed::{GuestError, GuestFault, GuestWish};
use picture::frame::PixelRect;
use picture::mask::measure::measure;
use picture::mask::presence::PresenceState;
use picture::mask::regions::Regions;
use picture::scale::PixelSize;
use picture::segmenter::{Ask, OnMismatch, Segmentation};
use video::convert::{Plane, Planes, RawPicture, YuvRange, YuvStandard};

use crate::records::{
    EspmedsamCheck, EspmedsamColour, EspmedsamFacts, EspmedsamFormat, EspmedsamOnMismatch,
    EspmedsamPicture, EspmedsamPresence, EspmedsamRect, EspmedsamWish,
};

/// A picture's memory, as far as its record says.
pub(crate) struct SampleBytes<'a> {
    pub data: &'a [u8],
    /// If the record has one.
    pub chroma: Option<&'a [u8]>,
}

fn bad(message: impl Into<String>) -> GuestError {
    GuestFault::BadArgument.because(message)
}

/// `modality` and `model` are the record's texts.
pub(crate) fn wish(
    record: &EspmedsamWish,
    modality: &str,
    model: Option<&str>,
) -> Result<GuestWish, GuestError> {
    const REFUSE: u32 = EspmedsamOnMismatch::Refuse as u32;
    const KEEP: u32 = EspmedsamOnMismatch::Keep as u32;
    let on_mismatch = match record.on_mismatch {
        REFUSE => OnMismatch::Refuse,
        KEEP => OnMismatch::Keep,
        other => {
            return Err(bad(format!(
                "on_mismatch: {other} is no EspmedsamOnMismatch"
            )));
        }
    };
    let EspmedsamRect {
        x,
        y,
        width,
        height,
    } = record.region;
    let region = PixelRect {
        x,
        y,
        width,
        height,
    };
    Ok(GuestWish {
        ask: Ask {
            model: model.map(str::to_owned),
            on_mismatch,
            ..Ask::new(modality)
        },
        pixel: match record.pixel_mm {
            [0.0, 0.0] => None,
            mm => Some(PixelSize::new(mm).map_err(|error| bad(format!("pixel_mm: {error}")))?),
        },
        region: ([x, y, width, height] != [0; 4]).then_some(region),
        timeout: (record.timeout_ms > 0).then(|| Duration::from_millis(record.timeout_ms.into())),
    })
}

pub(crate) fn picture<'a>(
    record: &EspmedsamPicture,
    samples: &SampleBytes<'a>,
) -> Result<RawPicture<'a>, GuestError> {
    const GREY: u32 = EspmedsamFormat::Grey as u32;
    const RGB: u32 = EspmedsamFormat::Rgb as u32;
    const NV12: u32 = EspmedsamFormat::Nv12 as u32;
    const YUYV: u32 = EspmedsamFormat::Yuyv as u32;
    let width = record.width as usize;
    // Of NV12 and YUYV a chroma sample stands for two columns: an odd width is rounded up.
    let even = width.saturating_add(width % 2);
    let tight = match record.format {
        GREY => width,
        RGB => width.saturating_mul(3),
        NV12 => even,
        YUYV => even.saturating_mul(2),
        other => return Err(bad(format!("format: {other} is no EspmedsamFormat"))),
    };
    let or = |stride: usize, otherwise: usize| if stride == 0 { otherwise } else { stride };
    let stride = or(record.stride, tight);
    let plane = Plane {
        bytes: samples.data,
        stride,
    };
    if record.format != NV12 && samples.chroma.is_some() {
        return Err(bad("chroma: only NV12 has such a plane"));
    }
    let planes = match record.format {
        GREY => Planes::Grey(plane),
        RGB => Planes::Rgb(plane),
        YUYV => Planes::Yuyv(plane),
        _ => match samples.chroma {
            None => Planes::nv12(samples.data, stride, record.height),
            Some(bytes) => Planes::Nv12 {
                luma: plane,
                chroma: Plane {
                    bytes,
                    stride: or(record.chroma_stride, stride),
                },
            },
        },
    };
    let (standard, range) = match record.format {
        // Grey is shown as it is.
        GREY | RGB => (YuvStandard::Bt601, YuvRange::Full),
        _ => colour(record.colour)?,
    };
    Ok(RawPicture {
        size: [record.width, record.height],
        range,
        standard,
        planes,
    })
}

fn colour(number: u32) -> Result<(YuvStandard, YuvRange), GuestError> {
    const BT601_LIMITED: u32 = EspmedsamColour::Bt601Limited as u32;
    const BT601_FULL: u32 = EspmedsamColour::Bt601Full as u32;
    const BT709_LIMITED: u32 = EspmedsamColour::Bt709Limited as u32;
    const BT709_FULL: u32 = EspmedsamColour::Bt709Full as u32;
    match number {
        BT601_LIMITED => Ok((YuvStandard::Bt601, YuvRange::Limited)),
        BT601_FULL => Ok((YuvStandard::Bt601, YuvRange::Full)),
        BT709_LIMITED => Ok((YuvStandard::Bt709, YuvRange::Limited)),
        BT709_FULL => Ok((YuvStandard::Bt709, YuvRange::Full)),
        other => Err(bad(format!("colour: {other} is no EspmedsamColour"))),
    }
}

pub(crate) fn facts(segmentation: &Segmentation) -> EspmedsamFacts {
    let regions = Regions::find(&segmentation.mask);
    let measures = measure(&regions);
    let known = |value: Option<f32>| value.map_or(f64::NAN, f64::from);
    let presence = match segmentation.presence.map(|presence| presence.state) {
        None => EspmedsamPresence::Unknown,
        Some(PresenceState::Present) => EspmedsamPresence::Present,
        Some(PresenceState::Unsure) => EspmedsamPresence::Unsure,
        Some(PresenceState::Absent) => EspmedsamPresence::Absent,
    };
    let check = match segmentation.check.as_ref().map(|check| check.is_mismatch()) {
        None => EspmedsamCheck::Unchecked,
        Some(false) => EspmedsamCheck::Match,
        Some(true) => EspmedsamCheck::Mismatch,
    };
    EspmedsamFacts {
        struct_size: size_of::<EspmedsamFacts>(),
        area_px: measures.area,
        area_fraction: measures.area_fraction,
        regions: regions.areas().len() as u64,
        confidence: known(segmentation.confidence),
        presence_score: known(segmentation.presence.map(|presence| presence.score)),
        presence: presence as u32,
        check: check as u32,
        total_ms: segmentation.times.total,
    }
}
