//! How large a mask and its regions are: lengths and areas with their units, and how far they are to be trusted.

mod caliper;
mod figure;
mod hull;
mod levels;
mod quantity;
mod sums;
#[cfg(test)]
mod tests;

pub use caliper::{BadCaliper, Caliper, CaliperReading};
pub use figure::Figure;
pub use levels::{Levels, counterparts};
pub use quantity::{Dimension, Quantity, Ruler, Unit};

use super::ellipse::axes;
use super::regions::{Regions, Run};
use crate::scale::Scale;
use figure::FigureValues;
use sums::PixelSums;

/// How large a region of a mask is, or all of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sizes {
    /// Smallest box around it: x, y, width, height, px.
    pub bounding_box: [u32; 4],
    /// Whether it reaches the picture's edge: what lies beyond is not measured.
    pub at_edge: bool,
    /// Mean x and y of its pixels, px; the top left corner of the picture is (0, 0).
    pub centre: [f64; 2],
    /// From the x axis to [`Figure::MajorAxis`], towards y (clockwise on the screen), radians in -π/2..=π/2.
    pub angle: f64,
    /// What the figures were measured with.
    pub ruler: Ruler,
    values: FigureValues,
    /// One standard deviation of each.
    plus_minus: Option<FigureValues>,
}

/// How large a mask is, all of it together and region by region.
#[derive(Clone, Debug, PartialEq)]
pub struct MaskSizes {
    /// All of it, as if it were one.
    pub whole: Sizes,
    /// Its regions, largest first: [`MaskSizes::LISTED`] at most.
    pub regions: Vec<Sizes>,
}

impl MaskSizes {
    /// So many regions are measured: a mask of noise has as many as pixels.
    pub const LISTED: usize = 16;

    /// Measures a mask; `None` of nothing. `levels`: of the same mask.
    #[must_use]
    pub fn of(regions: &Regions<'_>, levels: Option<&Levels>, scale: &Scale) -> Option<Self> {
        let size = regions.mask.size();
        let levels = levels.map(|levels| levels.masks().map(Regions::find));
        let whole = SizedRuns {
            runs: &regions.runs,
            levels: levels
                .as_ref()
                .map(|[wide, narrow]| [&*wide.runs, &*narrow.runs]),
        };

        let mut numbers: Vec<(u32, u64)> =
            (0..).zip(regions.seeds().map(|(_, area)| area)).collect();
        numbers.sort_by_key(|(_, area)| std::cmp::Reverse(*area));
        numbers.truncate(Self::LISTED);
        let numbers: Vec<u32> = numbers.into_iter().map(|(number, _)| number).collect();
        let found = levels
            .as_ref()
            .map(|of| counterparts(regions, of.each_ref()));
        let listed = numbers.into_iter().filter_map(|number| {
            let pair = found
                .as_ref()
                .and_then(|found| *found.get(number as usize)?);
            let at_levels = levels.as_ref().zip(pair);
            let at_levels = at_levels.map(|([wide, narrow], [around, within])| {
                [wide.runs_of(around), narrow.runs_of(within)]
            });
            let one = SizedRuns {
                runs: &regions.runs_of(number),
                levels: at_levels
                    .as_ref()
                    .map(|of| of.each_ref().map(Vec::as_slice)),
            };
            one.sizes(size, scale)
        });
        Some(Self {
            whole: whole.sizes(size, scale)?,
            regions: listed.collect(),
        })
    }
}

/// Runs that are measured together, and the same at the two [`Levels`].
struct SizedRuns<'a> {
    runs: &'a [Run],
    levels: Option<[&'a [Run]; 2]>,
}

impl SizedRuns<'_> {
    fn sizes(&self, [width, height]: [u32; 2], scale: &Scale) -> Option<Sizes> {
        let sums = PixelSums::of(self.runs)?;
        let bounding_box @ [x, y, across, down] = sums.bounding_box();
        let ruler = Ruler::over(bounding_box, scale);
        let pitch = ruler.pitch();
        let at_level = |runs| Some(figure::measured(&PixelSums::of(runs)?, pitch));
        let plus_minus = self.levels.and_then(|[wide, narrow]| {
            let (wide, narrow) = (at_level(wide)?, at_level(narrow)?);
            let mut each = wide.into_iter().zip(narrow);
            Some(std::array::from_fn(|_| {
                let (wide, narrow) = each.next().unwrap_or_default();
                Levels::plus_minus([wide, narrow])
            }))
        });
        Some(Sizes {
            bounding_box,
            at_edge: x == 0 || y == 0 || x + across == width || y + down == height,
            centre: sums.spread.centre,
            angle: axes(sums.spread.scaled(pitch)).1,
            ruler,
            values: figure::measured(&sums, pitch),
            plus_minus,
        })
    }
}

impl Sizes {
    /// One of the figures.
    #[must_use]
    pub fn get(&self, figure: Figure) -> Quantity {
        let at = figure as usize;
        let plus_minus = self.plus_minus.map(|all| all[at]);
        self.ruler
            .tell(self.values[at], figure.dimension(), plus_minus)
    }
}
