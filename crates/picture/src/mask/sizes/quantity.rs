//! Numbers that know what they are told in.

use serde::Serialize;

use crate::scale::{NoPixelSize, PixelSize, Scale};

/// What a [`Quantity`] is told in. Millimetres are spelt as UCUM spells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Sides of pixels.
    Px,
    /// Pixels.
    Px2,
    /// Millimetres.
    Mm,
    /// Square millimetres.
    Mm2,
}

/// A length or an area with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Quantity {
    /// How many of its unit.
    value: f64,
    /// What it is told in.
    unit: Unit,
    /// One standard deviation of the value, in the same unit, by how fast the network's probability falls at the mask's
    /// border: about two of three true values lie within it, nineteen of twenty within twice as much. Checked on
    /// circumferences of fetal heads; of anything else it is a hint. Null where it is not known.
    plus_minus: Option<f64>,
}

impl Quantity {
    /// What it is told in.
    #[must_use]
    pub fn unit(self) -> Unit {
        self.unit
    }

    /// How many of a unit; `None` if it is told in another, so that none is taken for another.
    #[must_use]
    pub fn value_in(self, unit: Unit) -> Option<f64> {
        (self.unit == unit).then_some(self.value)
    }

    /// One standard deviation in that unit; `None` if it is told in another, or not known.
    #[must_use]
    pub fn plus_minus_in(self, unit: Unit) -> Option<f64> {
        self.plus_minus.filter(|_| self.unit == unit)
    }
}

/// What a quantity is the size of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// A length.
    Length,
    /// An area.
    Area,
}

/// What something is measured with: a size of pixels that holds for all of it, or pixels alone, and why.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ruler {
    /// Millimetres, by this size of pixels.
    Millimetres(PixelSize),
    /// Pixels, as if they were square: the reason why there are no millimetres.
    Pixels(NoPixelSize),
}

impl Ruler {
    /// For all that lies in a box (x, y, width, height, px) of a picture.
    #[must_use]
    pub fn over(area: [u32; 4], scale: &Scale) -> Self {
        scale
            .within(area)
            .map_or_else(Self::Pixels, Self::Millimetres)
    }

    /// Why there are no millimetres; `None` if there are.
    #[must_use]
    pub fn no_millimetres(self) -> Option<NoPixelSize> {
        match self {
            Self::Millimetres(_) => None,
            Self::Pixels(reason) => Some(reason),
        }
    }

    /// Length of a column's and a row's step in its unit.
    pub(super) fn pitch(self) -> [f64; 2] {
        match self {
            Self::Millimetres(pixel) => pixel.mm(),
            Self::Pixels(_) => [1.0, 1.0],
        }
    }

    /// A value that was measured by its pitch.
    pub(super) fn tell(self, value: f64, of: Dimension, plus_minus: Option<f64>) -> Quantity {
        let unit = match (self, of) {
            (Self::Millimetres(_), Dimension::Length) => Unit::Mm,
            (Self::Millimetres(_), Dimension::Area) => Unit::Mm2,
            (Self::Pixels(_), Dimension::Length) => Unit::Px,
            (Self::Pixels(_), Dimension::Area) => Unit::Px2,
        };
        Quantity {
            value,
            unit,
            plus_minus,
        }
    }
}
