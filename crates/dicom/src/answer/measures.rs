//! What a report measures of a mask: in millimetres where they are known of all of it, else in pixels.

use picture::mask::sizes::{Figure, Sizes, Unit};
use picture::report::EllipseFit;

use crate::write::{CodedTerm, SrMeasure, terms};

/// What is told of all of a mask.
const FIGURES: [(Figure, CodedTerm<'static>); 2] = [
    (Figure::Area, terms::AREA),
    (Figure::Perimeter, terms::PERIMETER),
];

/// `ellipse`: of the region, or of the largest of a mask.
pub(super) fn measures(sizes: &Sizes, ellipse: Option<&EllipseFit>) -> Vec<SrMeasure<'static>> {
    let told = |(figure, of): (Figure, CodedTerm<'static>)| {
        let quantity = sizes.get(figure);
        let unit = quantity.unit();
        Some(SrMeasure {
            of,
            value: quantity.value_in(unit)?,
            plus_minus: quantity.plus_minus_in(unit),
            unit: match unit {
                Unit::Px | Unit::Px2 => terms::PIXELS,
                Unit::Mm => terms::MM,
                Unit::Mm2 => terms::MM2,
            },
        })
    };
    let mut measures: Vec<_> = FIGURES.into_iter().filter_map(told).collect();
    if let Some(ellipse) = ellipse {
        let [longer, shorter] = ellipse.semi_axes_mm;
        let (length, spread) = (
            ellipse.circumference_mm,
            ellipse.circumference_plus_minus_mm,
        );
        let lengths = [
            (terms::CIRCUMFERENCE, length, spread),
            (terms::LONG_AXIS, 2.0 * longer, None),
            (terms::SHORT_AXIS, 2.0 * shorter, None),
        ];
        measures.extend(lengths.map(|(of, value, plus_minus)| SrMeasure {
            of,
            value,
            plus_minus,
            unit: terms::MM,
        }));
    }
    measures
}
