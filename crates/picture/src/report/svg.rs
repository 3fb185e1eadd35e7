//! The mask as a drawing to be laid over its picture.

use std::fmt::Write;

use super::record::Report;
use crate::NOTICE;
use crate::mask::polygons::{Polygon, Ring};
use crate::render::Doubt;

/// Of the mask: that of drawn overlays.
const COLOUR: &str = "#00e5ff";

/// An SVG of the picture's size, a path for each region, with the notice and the doubt where a reader sees them.
pub(super) fn svg(report: &Report, regions: &[Polygon], doubt: Option<Doubt>) -> Vec<u8> {
    let [width, height] = [report.image.width, report.image.height];
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <title>{}</title>\n<desc>",
        escaped(&report.modality.label)
    );
    // Writing to a string does not fail.
    for one in report.essentials() {
        let _ = writeln!(out, "{}: {}", one.name, escaped(&one.value));
    }
    let _ = writeln!(
        out,
        "</desc>\n<g fill=\"{COLOUR}\" fill-opacity=\".35\" fill-rule=\"evenodd\" stroke=\"{COLOUR}\" shape-rendering=\"crispEdges\">"
    );
    for region in regions {
        out.push_str("<path d=\"");
        put_ring(&mut out, &region.outer);
        region
            .holes
            .iter()
            .for_each(|hole| put_ring(&mut out, hole));
        out.push_str("\"/>\n");
    }
    let size = (width.min(height) / 24).max(8);
    let _ = writeln!(
        out,
        "</g>\n<g font-family=\"sans-serif\" font-size=\"{size}\" fill=\"#fff\" stroke=\"#000\" stroke-width=\".2em\" \
         paint-order=\"stroke\">"
    );
    if let Some(doubt) = doubt {
        let _ = writeln!(out, "<text x=\"2\" y=\"{size}\">{}</text>", doubt.words());
    }
    let bottom = height.saturating_sub(size / 3);
    let _ = writeln!(
        out,
        "<text x=\"2\" y=\"{bottom}\">{NOTICE}</text>\n</g>\n</svg>"
    );
    out.into_bytes()
}

/// Sides are along the picture's, in turn down or up and across.
fn put_ring(out: &mut String, ring: &Ring) {
    let Some([x, y]) = ring.first() else { return };
    let _ = write!(out, "M{x} {y}");
    for (from, to) in ring.iter().zip(ring.iter().skip(1)) {
        let _ = match from[0] == to[0] {
            true => write!(out, "V{}", to[1]),
            false => write!(out, "H{}", to[0]),
        };
    }
    out.push('Z');
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}
