//! How a picture is cut into minimum coded units (ITU-T T.81, A.2.3), by how finely its colour is kept.

use super::colour::{self, ACROSS, Spans};
use super::dct::{Blocks, LANES};

/// How finely colour is kept; brightness is kept for every pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chroma {
    /// For every pixel (4:4:4).
    Full,
    /// For every 2 × 2 pixels (4:2:0): smaller and faster, and thin lines of colour are softer.
    Halved,
}

/// Blocks that are worked on at a time.
const BLOCKS: usize = 3 * LANES;

/// What follows from [`Chroma`].
#[derive(Clone, Debug)]
pub(super) struct Units {
    /// Pixels of a unit's side.
    pub side: usize,
    /// Of brightness, as the frame header states it.
    pub sampling: u8,
    /// Cuts what lies right of x and below y, one unit high, into three groups of blocks.
    pub cut: fn(&Spans<'_>, x: usize, y: usize, &mut [Blocks; 3]),
    /// For each group whether it is of brightness (0) or of colour (1).
    pub tables: [usize; 3],
    /// In the order of the file.
    order: [Placed; BLOCKS],
}

/// Where a block lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    /// Brightness, blue difference, red difference.
    pub component: usize,
    pub group: usize,
    pub lane: usize,
}

impl Units {
    pub fn of(chroma: Chroma) -> Self {
        match chroma {
            Chroma::Full => Self {
                side: 8,
                sampling: 0x11,
                cut: colour::full,
                tables: [0, 1, 1],
                order: order(|unit| [[0, 0, unit], [1, 1, unit], [2, 2, unit]]),
            },
            Chroma::Halved => Self {
                side: 16,
                sampling: 0x22,
                cut: colour::halved,
                tables: [0, 0, 1],
                order: order(|unit| {
                    let (upper, lower) = (unit, unit + LANES / 2);
                    let (top, bottom) = (
                        [[0, 0, upper], [0, 1, upper]],
                        [[0, 0, lower], [0, 1, lower]],
                    );
                    [
                        top[0],
                        top[1],
                        bottom[0],
                        bottom[1],
                        [1, 2, upper],
                        [2, 2, lower],
                    ]
                }),
            },
        }
    }

    /// Those of the first units.
    pub fn blocks(&self, units: usize) -> impl Iterator<Item = Placed> {
        let each = BLOCKS * self.side / ACROSS;
        self.order.iter().take(each * units).copied()
    }
}

/// `unit`: component, group and lane of each block of one.
fn order<const N: usize>(unit: impl Fn(usize) -> [[usize; 3]; N]) -> [Placed; BLOCKS] {
    std::array::from_fn(|i| {
        let [component, group, lane] = unit(i / N)[i % N];
        Placed {
            component,
            group,
            lane,
        }
    })
}
