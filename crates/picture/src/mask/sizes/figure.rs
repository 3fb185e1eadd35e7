//! The figures that are measured: what is said of them elsewhere follows from the table here.

use super::hull::Hull;
use super::quantity::Dimension;
use super::sums::PixelSums;
use crate::mask::ellipse::axes;

/// What there is to know of a figure.
struct FigureFacts {
    key: &'static str,
    of: Dimension,
}

macro_rules! figures {
    ($($(#[doc = $about:literal])+ $figure:ident $facts:tt)*) => {
        /// What is measured of a region of a mask, or of all of it. A pixel is a square, not a point.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Figure {
            $($(#[doc = $about])+ $figure,)*
        }

        impl Figure {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$figure),*];

            const fn facts(self) -> &'static FigureFacts {
                match self {
                    $(Self::$figure => &FigureFacts $facts,)*
                }
            }

            /// What it is and whose formula it is, for users.
            #[must_use]
            pub fn about(self) -> &'static str {
                match self {
                    $(Self::$figure => concat!($($about),+).trim_ascii(),)*
                }
            }
        }
    };
}

figures! {
    /// Its pixels' areas added up; holes are not of it.
    Area { key: "area", of: Dimension::Area }
    /// Length of its outlines, those of holes too and along the picture's edge: by the Cauchy-Crofton formula, counting
    /// where lines of 4 directions cross them, each with its share of the half circle (Lehmann and Legland, Insight Journal
    /// 2012, "Efficient N-Dimensional surface estimation using Crofton formula and run-length encoding"). Along the pixels'
    /// sides a circle would be 27 % too long; this is within -5.2 and +2.6 % for a straight line on square pixels, and
    /// about 1 % for round shapes.
    Perimeter { key: "perimeter", of: Dimension::Length }
    /// Diameter of the circle of its area, 2 √(area / π).
    EquivalentDiameter { key: "equivalent_diameter", of: Dimension::Length }
    /// Longer axis of the ellipse with its second moments: 4 √λ of the larger eigenvalue of their matrix (Haralick and
    /// Shapiro, Computer and Robot Vision I, 1992, appendix A), a pixel's own moment, 1/12 of its side's square, counted.
    MajorAxis { key: "major_axis", of: Dimension::Length }
    /// Shorter axis of that ellipse.
    MinorAxis { key: "minor_axis", of: Dimension::Length }
    /// Greatest distance of two of its points: of corners of its convex hull (ISO 9276-6:2008, maximum Feret diameter).
    FeretMax { key: "feret_max", of: Dimension::Length }
    /// Least distance of two parallel lines that hold it between them, one of them along a side of the convex hull (ISO
    /// 9276-6:2008, minimum Feret diameter; Houle and Toussaint, IEEE PAMI 10, 1988).
    FeretMin { key: "feret_min", of: Dimension::Length }
}

/// One value for each of [`Figure::ALL`], in the unit of the pitch that they were measured by.
pub(super) type FigureValues = [f64; Figure::ALL.len()];

impl Figure {
    /// Its name as a key of JSON.
    #[must_use]
    pub fn key(self) -> &'static str {
        self.facts().key
    }

    /// What it is the size of.
    #[must_use]
    pub fn dimension(self) -> Dimension {
        self.facts().of
    }
}

/// Measures all figures; `pitch`: length of a column's and a row's step.
pub(super) fn measured(sums: &PixelSums, pitch: [f64; 2]) -> FigureValues {
    let hull = Hull::around(&sums.rows, pitch);
    let [longer, shorter] = axes(sums.spread.scaled(pitch)).0.map(|semi| 2.0 * semi);
    let area = sums.area as f64 * pitch[0] * pitch[1];
    let mut values = FigureValues::default();
    for (value, figure) in values.iter_mut().zip(Figure::ALL) {
        *value = match figure {
            Figure::Area => area,
            Figure::Perimeter => sums.perimeter(pitch),
            Figure::EquivalentDiameter => 2.0 * (area / std::f64::consts::PI).sqrt(),
            Figure::MajorAxis => longer,
            Figure::MinorAxis => shorter,
            Figure::FeretMax => hull.longest(),
            Figure::FeretMin => hull.narrowest(),
        };
    }
    values
}
