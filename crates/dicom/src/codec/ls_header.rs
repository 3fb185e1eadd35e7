//! What a JPEG-LS scan is coded by (T.87, C).

use super::raster::CodedFrame;
use super::segments::{JpegMarker, JpegParts, JpegSize};
use crate::error::DicomError;

pub(super) const LS_WRONG: DicomError = DicomError::Damaged("a frame's JPEG-LS contradicts itself");

/// How the samples of several components follow each other (T.87, C.2.3).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Interleave {
    /// A scan for each.
    None,
    /// A line of each.
    Line,
    /// A sample of each.
    Sample,
}

/// Parameters of a scan, those left unsaid worked out.
#[derive(Clone, Copy)]
pub(super) struct LsScan {
    pub interleave: Interleave,
    /// The component, where it is one.
    pub component: usize,
    pub near: i32,
    pub most: i32,
    pub thresholds: [i32; 3],
    pub reset: i32,
}

/// Parameters that a segment states; 0 for those by default.
#[derive(Clone, Copy, Default)]
struct Preset {
    most: i32,
    thresholds: [i32; 3],
    reset: i32,
}

pub(super) struct LsHeader<'a> {
    parts: JpegParts<'a>,
    size: Option<JpegSize>,
    preset: Preset,
}

impl<'a> LsHeader<'a> {
    pub fn of(bytes: &'a [u8]) -> Self {
        Self {
            parts: JpegParts::of(bytes),
            size: None,
            preset: Preset::default(),
        }
    }

    /// Goes to the next scan's data.
    pub fn scan(&mut self, frame: &CodedFrame<'_>) -> Result<(LsScan, &'a [u8]), DicomError> {
        loop {
            let (marker, body) = self.parts.next()?;
            match (marker, &self.size) {
                (JpegMarker::SOF55, None) => {
                    let size = JpegSize::of(body)?;
                    size.must_fit(frame.layout)?;
                    size.must_be_full()?;
                    self.size = Some(size);
                }
                (JpegMarker::LSE, _) => self.preset = Preset::of(body)?,
                (JpegMarker::DRI, _) => {
                    return Err(DicomError::Unsupported(
                        "its JPEG-LS restarts within a frame",
                    ));
                }
                (JpegMarker::SOS, Some(size)) => {
                    let scan = LsScan::of(body, size, &self.preset)?;
                    return Ok((scan, self.parts.rest()));
                }
                _ => {}
            }
        }
    }

    pub fn skip(&mut self, bytes: usize) {
        self.parts.skip(bytes);
    }
}

impl Preset {
    fn of(body: &[u8]) -> Result<Self, DicomError> {
        let [kind, values @ ..] = body else {
            return Err(LS_WRONG);
        };
        if *kind != 1 {
            return Err(DicomError::Unsupported(
                "its JPEG-LS has tables or other extensions",
            ));
        }
        let values = values.as_chunks::<2>().0.iter();
        let values: Vec<i32> = values.map(|b| u16::from_be_bytes(*b).into()).collect();
        match *values.as_slice() {
            [most, t1, t2, t3, reset] => Ok(Self {
                most,
                thresholds: [t1, t2, t3],
                reset,
            }),
            _ => Err(LS_WRONG),
        }
    }
}

impl LsScan {
    fn of(body: &[u8], size: &JpegSize, preset: &Preset) -> Result<Self, DicomError> {
        let [count, rest @ ..] = body else {
            return Err(LS_WRONG);
        };
        let (components, rest) =
            (rest.split_at_checked(2 * usize::from(*count))).ok_or(LS_WRONG)?;
        let [near, interleave, 0, ..] = rest else {
            return Err(LS_WRONG);
        };
        let components = components.as_chunks::<2>().0;
        if components.iter().any(|[_, table]| *table != 0) {
            return Err(DicomError::Unsupported(
                "its JPEG-LS has tables or other extensions",
            ));
        }
        let all = components.len() == size.ids.len();
        let (interleave, component) = match (interleave, components) {
            (0, [[id, _]]) => {
                let component = size.ids.iter().position(|own| own == id);
                (Interleave::None, component.ok_or(LS_WRONG)?)
            }
            (1, _) if all => (Interleave::Line, 0),
            (2, _) if all => (Interleave::Sample, 0),
            _ => return Err(LS_WRONG),
        };
        let near = i32::from(*near);
        let stated = |value: i32, default: i32| if value == 0 { default } else { value };
        let most = stated(preset.most, (1 << size.precision) - 1);
        if most >= 1 << size.precision || near > most.min(255 * 2) / 2 {
            return Err(LS_WRONG);
        }
        let defaults = default_thresholds(most, near);
        let [t1, t2, t3] = [0, 1, 2].map(|i| stated(preset.thresholds[i], defaults[i]));
        let reset = stated(preset.reset, 64);
        let ordered = near < t1 && t1 <= t2 && t2 <= t3 && t3 <= most;
        if !ordered || !(3..=255.max(most)).contains(&reset) {
            return Err(LS_WRONG);
        }
        Ok(Self {
            interleave,
            component,
            near,
            most,
            thresholds: [t1, t2, t3],
            reset,
        })
    }
}

/// T.87, C.2.4.1.1.
fn default_thresholds(most: i32, near: i32) -> [i32; 3] {
    let clamp = |value: i32, least: i32| {
        if value > most || value < least {
            least
        } else {
            value
        }
    };
    let [b1, b2, b3] = [3, 7, 21];
    if most >= 128 {
        let factor = (most.min(4095) + 128) / 256;
        let t1 = clamp(factor * (b1 - 2) + 2 + 3 * near, near + 1);
        let t2 = clamp(factor * (b2 - 3) + 3 + 5 * near, t1);
        [t1, t2, clamp(factor * (b3 - 4) + 4 + 7 * near, t2)]
    } else {
        let factor = 256 / (most + 1);
        let t1 = clamp((b1 / factor + 3 * near).max(2), near + 1);
        let t2 = clamp((b2 / factor + 5 * near).max(3), t1);
        [t1, t2, clamp((b3 / factor + 7 * near).max(4), t2)]
    }
}
