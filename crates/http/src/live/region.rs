//! Parts of a source's picture, as they are told.

use picture::frame::PixelRect;
use serde::Serialize;
use utoipa::ToSchema;
use video::surround::SurroundProposal;

/// A part of a source's whole picture, before it is turned or mirrored, px.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct SourceRegion {
    /// Its first column.
    x: u32,
    /// Its first row.
    y: u32,
    /// Columns.
    width: u32,
    /// Rows.
    height: u32,
}

/// A region that is proposed.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct ProposedRegion {
    /// Where the scan seems to lie.
    region: SourceRegion,
    /// How sure that is, 0..=1: a measure, not a probability. Of a still picture 0.6 at most.
    confidence: f32,
}

impl From<PixelRect> for SourceRegion {
    fn from(rect: PixelRect) -> Self {
        let PixelRect {
            x,
            y,
            width,
            height,
        } = rect;
        Self {
            x,
            y,
            width,
            height,
        }
    }
}

impl From<SurroundProposal> for ProposedRegion {
    fn from(proposal: SurroundProposal) -> Self {
        Self {
            region: proposal.region.into(),
            confidence: proposal.confidence,
        }
    }
}
