//! Grey values (PS3.3, C.11): rescaled, then windowed or put through a table, and black for white where the file has it so.

use super::nearest::nearest;
use super::table::GreyTable;
use crate::codec::{Raster, RasterValues};
use crate::data::{DataSet, Tag};
use crate::error::DicomError;
use crate::layout::{Photometric, SampleLayout};
use crate::window::{GreyWindow, ShownAs};

/// How a frame's grey values are shown.
pub(super) struct GreyRule {
    modality: Rescaling,
    shown: ShownBy,
    inverted: bool,
    /// Least and greatest value that can be stored, rescaled.
    range: [f64; 2],
}

/// Stored values → what they stand for.
enum Rescaling {
    Rescaled { slope: f64, intercept: f64 },
    Table(GreyTable),
}

enum ShownBy {
    Window { window: WindowSpan, shown: ShownAs },
    Table(GreyTable),
    Bits,
    FrameRange,
}

/// Values from black to white (PS3.3, C.11.2.1.2 and C.11.2.1.3).
#[derive(Clone, Copy)]
struct WindowSpan {
    centre: f64,
    width: f64,
    sigmoid: bool,
}

impl GreyRule {
    pub fn of(
        set: &DataSet,
        groups: &[&DataSet],
        layout: &SampleLayout,
        asked: Option<GreyWindow>,
    ) -> Result<Self, DicomError> {
        let table = GreyTable::of(set, Tag::MODALITY_LUT, layout.signed)?;
        let modality = match table {
            Some(table) => Rescaling::Table(table),
            None => rescaled(set, groups),
        };
        let ends = [0, 1].map(|end| {
            let half = 1_i32 << (layout.stored - 1);
            let stored = match layout.signed {
                true => [-half, half - 1],
                false => [0, 2 * half - 1],
            };
            stored[end]
        });
        let range = match &modality {
            Rescaling::Table(table) => [0.0, table.most()],
            rescaled => ends.map(|end| rescaled.value(end)),
        };
        let voi = match asked {
            Some(_) => None,
            None => GreyTable::of(set, Tag::VOI_LUT, layout.signed)?,
        };
        let shown = match (asked, voi, own_window(set, groups)) {
            (Some(window), ..) => ShownBy::Window {
                window: WindowSpan::linear(window.centre(), window.width()),
                shown: ShownAs::Asked(window),
            },
            (None, Some(table), _) => ShownBy::Table(table),
            (None, None, Some(window)) => ShownBy::Window {
                window,
                shown: ShownAs::Window,
            },
            (None, None, None) if layout.stored > 8 => ShownBy::FrameRange,
            (None, None, None) => ShownBy::Bits,
        };
        Ok(Self {
            modality,
            shown,
            inverted: layout.photometric == Photometric::Monochrome1,
            range,
        })
    }

    /// What is shown for each stored value.
    pub fn table(&self, raster: &Raster, layout: &SampleLayout) -> (Vec<u8>, ShownAs) {
        let all = 0..1_u32 << layout.stored;
        let value = |index| self.modality.value(layout.value(index));
        let [low, high] = match &self.shown {
            ShownBy::FrameRange => {
                let mut seen = vec![false; all.len()];
                raster.mark(layout, &mut seen);
                let values = all.clone().filter(|index| seen[*index as usize]).map(value);
                values.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], v| {
                    [low.min(v), high.max(v)]
                })
            }
            _ => self.range,
        };
        let spread = |value: f64| {
            if high == low {
                0.0
            } else {
                (value - low) / (high - low)
            }
        };
        let grey = |index| {
            let value = value(index);
            let part = match &self.shown {
                // By way of the values' own range and back, as others do it: rounding is theirs then.
                ShownBy::Window { window, .. } => spread(window.part(value, high - low, low)),
                ShownBy::Table(table) => f64::from(table.value(value as i32)) / table.most(),
                ShownBy::Bits => spread(value.clamp(low.min(high), low.max(high))),
                ShownBy::FrameRange => spread(value),
            };
            let grey = (part * 255.0 + 0.5).floor().clamp(0.0, 255.0) as u8;
            if self.inverted { 255 - grey } else { grey }
        };
        let shown = match &self.shown {
            ShownBy::Window { shown, .. } => *shown,
            ShownBy::Table(_) => ShownAs::Table,
            ShownBy::Bits => ShownAs::Bits,
            ShownBy::FrameRange => ShownAs::FrameRange,
        };
        (all.map(grey).collect(), shown)
    }
}

fn rescaled(set: &DataSet, groups: &[&DataSet]) -> Rescaling {
    let place = nearest(set, groups, Tag::VALUE_TRANSFORMATION, Tag::RESCALE_SLOPE);
    let numbers = place.and_then(|set| {
        let numbers = (
            set.number(Tag::RESCALE_SLOPE)?,
            set.number(Tag::RESCALE_INTERCEPT)?,
        );
        // A slope of 0 would make all pixels the same.
        Some(numbers).filter(|(slope, _)| *slope != 0.0)
    });
    let (slope, intercept) = numbers.unwrap_or((1.0, 0.0));
    Rescaling::Rescaled { slope, intercept }
}

/// The file's first window, if it is one.
fn own_window(set: &DataSet, groups: &[&DataSet]) -> Option<WindowSpan> {
    let set = nearest(set, groups, Tag::FRAME_VOI_LUT, Tag::WINDOW_CENTRE)?;
    let (centre, width) = (
        set.number(Tag::WINDOW_CENTRE)?,
        set.number(Tag::WINDOW_WIDTH)?,
    );
    match set.text(Tag::VOI_FUNCTION) {
        None | Some("LINEAR") => (width >= 1.0).then(|| WindowSpan::linear(centre, width)),
        Some(function) if width > 0.0 => Some(WindowSpan {
            centre,
            width,
            sigmoid: match function {
                "SIGMOID" => true,
                "LINEAR_EXACT" => false,
                _ => return None,
            },
        }),
        Some(_) => None,
    }
}

impl Rescaling {
    fn value(&self, stored: i32) -> f64 {
        match self {
            Self::Rescaled { slope, intercept } => f64::from(stored) * slope + intercept,
            Self::Table(table) => table.value(stored).into(),
        }
    }
}

impl WindowSpan {
    /// PS3.3, C.11.2.1.2.1: half a value is taken off the centre, one off the width.
    fn linear(centre: f64, width: f64) -> Self {
        Self {
            centre: centre - 0.5,
            width: width - 1.0,
            sigmoid: false,
        }
    }

    /// A value within a range that begins at `low`, by where it lies in the window.
    fn part(self, value: f64, range: f64, low: f64) -> f64 {
        let from_centre = value - self.centre;
        if self.sigmoid {
            return range / (1.0 + libm::exp(-4.0 * from_centre / self.width)) + low;
        }
        if value <= self.centre - self.width / 2.0 {
            low
        } else if value > self.centre + self.width / 2.0 {
            low + range
        } else {
            (from_centre / self.width + 0.5) * range + low
        }
    }
}

impl Raster {
    /// Which stored values there are.
    fn mark(&self, layout: &SampleLayout, seen: &mut [bool]) {
        match &self.values {
            RasterValues::Bytes(values) => {
                values
                    .iter()
                    .for_each(|v| seen[layout.index((*v).into())] = true);
            }
            RasterValues::Words(values) => {
                values.iter().for_each(|v| seen[layout.index(*v)] = true);
            }
        }
    }
}
