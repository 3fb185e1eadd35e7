//! Where on a console's screen the scan, or the endoscope's picture, is.
//!
//! A console shows more than its picture: menus, texts, logos, bars, a clock. What is looked for is told from these by three
//! things: it changes all over while the rest stands still; it is textured where panels are flat; and it is thick where letters
//! are thin. Of a still picture the first says nothing, and the proposal is the less sure. It is a proposal: what it cuts
//! off nobody sees, so a person confirms it first.

mod cells;
mod evidence;
#[cfg(test)]
mod tests;

use picture::frame::Frame;

use self::cells::{CellBox, CellMap};
use self::evidence::CellEvidence;
use picture::frame::PixelRect;

/// Where the scan lies on the screen, as it seems.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SurroundProposal {
    /// It, with a margin; in the pixels of the whole picture.
    pub region: PixelRect,
    /// How sure that is, 0..=1: a measure, not a probability.
    pub confidence: f32,
}

/// Looks at pictures of a source, and proposes where the scan lies. What it holds is a few numbers for each cell of a coarse
/// grid, however many pictures it has seen.
#[derive(Clone, Debug, Default)]
pub struct SurroundFinder {
    evidence: Option<CellEvidence>,
}

/// Pictures from which on what stands still means something.
const ENOUGH: u32 = 4;
/// Share of the grid below which there is no scan.
const LEAST: f32 = 0.02;
/// Share of the picture from which on nothing is cut off.
const WHOLE: f32 = 0.94;
/// Cells: letters and bars are thinner.
const THIN: usize = 3;
/// Share of the largest piece that another one has, if it is a second view beside it: what moves, and what only looks like it.
const SECOND: [f32; 2] = [0.1, 0.04];
/// Share of a textured piece that moves, if it is of the scan.
const MOVES: f32 = 0.25;
/// Share of all that moves that lies in a textured piece, if that is the scan, however little of it moves.
const HOLDS: f32 = 0.5;
/// Margin to each side, of the region's length.
const MARGIN: f32 = 0.015;
/// Nearer to the picture's edge, of its length, nothing is cut off.
const EDGE: f32 = 0.02;

impl SurroundFinder {
    /// Takes a picture in. One of another size than those before begins anew.
    pub fn look(&mut self, frame: &Frame) {
        let evidence = self.evidence.take();
        let mut evidence = evidence
            .filter(|evidence| evidence.size() == frame.size())
            .unwrap_or_else(|| CellEvidence::new(frame.size()));
        evidence.look(frame);
        self.evidence = Some(evidence);
    }

    /// Pictures seen of this size.
    #[must_use]
    pub fn pictures(&self) -> u32 {
        self.evidence
            .as_ref()
            .map_or(0, |evidence| evidence.pictures)
    }

    /// Width and height of the pictures, if any was seen.
    #[must_use]
    pub fn size(&self) -> Option<[u32; 2]> {
        self.evidence.as_ref().map(CellEvidence::size)
    }

    /// Where the scan lies; `None` if the picture has no surround that is worth cutting off, or no scan that is to be found.
    #[must_use]
    pub fn propose(&self) -> Option<SurroundProposal> {
        let evidence = self.evidence.as_ref()?;
        let textured = evidence.textured();
        let solid = textured.opened(THIN);
        let moving = evidence.moving();
        let moved = moving.closed(1).opened(THIN).closed(THIN);
        let alive = moved.pieces().first().map_or(0, CellMap::count) as f32
            > LEAST * evidence.cells() as f32;
        let (found, signs, trust) = match alive && evidence.pictures >= ENOUGH {
            true => {
                let mut found = largest(&moved, SECOND[0])?;
                for piece in solid.closed(1).pieces() {
                    let both = piece.count_both(&moved) as f32;
                    if both > MOVES * piece.count() as f32 || both > HOLDS * moved.count() as f32 {
                        found = found.or(&piece);
                    }
                }
                (found, moving.opened(1), 1.0)
            }
            false => (largest(&solid.closed(2), SECOND[1])?, textured.clone(), 0.6),
        };
        // Thin ends belong to it: corners of a fan.
        let ends = found.grown(THIN).and(&moving.or(&textured));
        let whole = found.or(&ends);
        let bounds = whole.bounds()?;
        let inside = signs.count_in(&bounds) as f32 / signs.count().max(1) as f32;
        let fill = found.count() as f32 / (bounds.x.len() * bounds.y.len()).max(1) as f32;
        let region = with_margin(&bounds, evidence)?;
        Some(SurroundProposal {
            region,
            confidence: trust * inside * (2.0 * fill).min(1.0),
        })
    }
}

/// The largest piece, and those that come near to it.
fn largest(map: &CellMap, second: f32) -> Option<CellMap> {
    let pieces = map.pieces();
    let (first, others) = pieces.split_first()?;
    let least = second * first.count() as f32;
    let near = others.iter().filter(|other| other.count() as f32 >= least);
    Some(near.fold(first.clone(), |all, other| all.or(other)))
}

/// The cells' pixels and a margin; `None` if that is nothing, or as good as the whole picture.
fn with_margin(bounds: &CellBox, evidence: &CellEvidence) -> Option<PixelRect> {
    let [width, height] = evidence.size();
    let side = evidence.side();
    let range = |cells: &std::ops::Range<usize>, length: u32| {
        let length = length as usize;
        let (start, end) = (cells.start * side, (cells.end * side).min(length));
        let margin = ((end - start) as f32 * MARGIN).ceil() as usize;
        let edge = (length as f32 * EDGE) as usize;
        let start = Some(start.saturating_sub(margin)).filter(|start| *start > edge);
        let end = Some(end + margin).filter(|end| end + edge < length);
        let (start, end) = (start.unwrap_or(0), end.unwrap_or(length));
        Some((u32::try_from(start).ok()?, u32::try_from(end - start).ok()?))
    };
    let (x, columns) = range(&bounds.x, width)?;
    let (y, rows) = range(&bounds.y, height)?;
    let share = columns as f32 * rows as f32 / (width as f32 * height as f32);
    (LEAST..WHOLE).contains(&share).then_some(PixelRect {
        x,
        y,
        width: columns,
        height: rows,
    })
}
