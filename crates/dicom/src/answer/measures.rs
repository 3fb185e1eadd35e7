//! What a report measures of a mask: in millimetres where they are known of all of it, else in pixels.

use picture::report::Report;
use picture::scale::Scale;

use crate::write::{SrMeasure, terms};

pub(super) fn measures(report: &Report, scale: &Scale) -> Vec<SrMeasure<'static>> {
    let Some(bbox) = &report.bbox else {
        return Vec::new();
    };
    let pixels = report.area.px as f64;
    let area = match scale.within([bbox.x, bbox.y, bbox.width, bbox.height]) {
        Ok(pixel) => {
            let [across, down] = pixel.mm();
            (pixels * across * down, terms::MM2)
        }
        Err(_) => (pixels, terms::PIXELS),
    };
    let mut measures = vec![SrMeasure {
        of: terms::AREA,
        value: area.0,
        unit: area.1,
    }];
    if let Some(ellipse) = &report.ellipse {
        let [longer, shorter] = ellipse.semi_axes_mm;
        let lengths = [
            (terms::CIRCUMFERENCE, ellipse.circumference_mm),
            (terms::LONG_AXIS, 2.0 * longer),
            (terms::SHORT_AXIS, 2.0 * shorter),
        ];
        measures.extend(lengths.map(|(of, value)| SrMeasure {
            of,
            value,
            unit: terms::MM,
        }));
    }
    measures
}
