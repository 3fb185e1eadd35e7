//! Which bits of which coefficients the scans so far have brought (ITU-T T.81, G.1.1.1).

use super::header::{Component, Header};
use crate::frame::error::{FrameError, damaged};

/// Most scans of a picture. Encoders write about ten; each costs a walk over the picture.
const MAX_SCANS: usize = 100;
/// Most times that the scans together may go over each block.
const MAX_VISITS: usize = 32;
/// What [`Coefficients::pending`] holds of a coefficient that no scan has brought.
const UNSEEN: u8 = u8::MAX;

/// The coefficients that a scan codes, first to last, and which of their bits: those from `low` up, or, of ones that were
/// brought without their `high` lowest, the one bit below.
#[derive(Clone, Copy)]
pub(super) struct Portion {
    pub first: usize,
    pub last: usize,
    /// 0 where they come for the first time.
    pub high: u8,
    pub low: u8,
}

/// Of one component.
pub(super) struct Coefficients {
    /// Progressive only: bit k of a block is set once coefficient k is known to be non-zero.
    pub nonzero: Vec<u64>,
    /// For each coefficient: low bits that are still to come; [`UNSEEN`] before its first scan.
    pending: [u8; 64],
}

/// Of a picture.
pub(super) struct Coverage {
    pub header: Header,
    pub components: Vec<Coefficients>,
    scans: usize,
    /// Blocks that the scans went over.
    visits: usize,
}

impl Coverage {
    /// Before the first scan.
    pub fn none(header: Header) -> Self {
        let known = |component: &Component| match header.progressive {
            true => header.padded(component),
            false => 0,
        };
        let unseen = |component| Coefficients {
            nonzero: vec![0; known(component)],
            pending: [UNSEEN; 64],
        };
        Self {
            components: header.components.iter().map(unseen).collect(),
            header,
            scans: 0,
            visits: 0,
        }
    }

    /// Counts blocks that a scan is about to go over.
    ///
    /// # Errors
    /// More than any encoder makes.
    pub fn visit(&mut self, blocks: usize) -> Result<(), FrameError> {
        self.scans += 1;
        self.visits += blocks;
        match self.scans > MAX_SCANS || self.visits > MAX_VISITS * self.header.blocks() {
            true => Err(damaged("the JPEG has more scans than any encoder writes")),
            false => Ok(()),
        }
    }

    /// Whether a scan may bring these of a component next. A coefficient comes once, its further bits one by one
    /// (G.1.1.1.2): what a later scan could change would not be known to be whole before it.
    pub fn is_due(&self, component: usize, what: Portion) -> bool {
        let due = |pending: &u8| match what.high {
            0 => *pending == UNSEEN,
            high => *pending == high && what.low == high - 1,
        };
        self.components
            .get(component)
            .is_some_and(|c| c.pending[what.first..=what.last].iter().all(due))
    }

    /// Takes down what a scan has brought of a component.
    pub fn bring(&mut self, component: usize, what: Portion) {
        if let Some(component) = self.components.get_mut(component) {
            component.pending[what.first..=what.last].fill(what.low);
        }
    }

    /// Whether every component was begun. A progressive picture without its last scans is whole, only coarser; without
    /// its first DC scan it is not.
    pub fn is_whole(&self) -> bool {
        self.components.iter().all(|c| c.pending[0] != UNSEEN)
    }

    /// Whether every bit of every coefficient came.
    pub fn is_complete(&self) -> bool {
        let done = |c: &Coefficients| c.pending.iter().all(|low| *low == 0);
        self.components.iter().all(done)
    }
}
