//! What pictures say of each cell of a grid laid over them: how bright it is, how much it changes.

use picture::frame::Frame;

use super::cells::CellMap;

/// Most cells along a picture's longer side. A line of a console's text is three to five of them high.
const FINEST: u32 = 240;

/// Means over pictures of one size, for each cell.
#[derive(Clone, Debug)]
pub struct CellEvidence {
    size: [u32; 2],
    /// Pixels along a cell's side.
    side: usize,
    columns: usize,
    /// Pictures seen.
    pub pictures: u32,
    /// The last picture, grey levels.
    last: Vec<f32>,
    /// Sum over pictures.
    bright: Vec<f32>,
    /// Sum of what changed from each picture to the next.
    changed: Vec<f32>,
}

impl CellEvidence {
    /// Of pictures of that size. What remains beyond whole cells at the right and below is part of the last ones.
    pub fn new(size: [u32; 2]) -> Self {
        let [width, height] = size;
        let side = width.max(height).div_ceil(FINEST).max(1);
        let (columns, rows) = (
            width.div_ceil(side) as usize,
            height.div_ceil(side) as usize,
        );
        let none = vec![0.0; columns * rows];
        Self {
            size,
            side: side as usize,
            columns,
            pictures: 0,
            last: none.clone(),
            bright: none.clone(),
            changed: none,
        }
    }

    /// The pictures' width and height.
    pub fn size(&self) -> [u32; 2] {
        self.size
    }

    /// Pixels along a cell's side.
    pub fn side(&self) -> usize {
        self.side
    }

    /// Cells of the grid.
    pub fn cells(&self) -> usize {
        self.last.len()
    }

    /// Takes a picture in, if it has the size.
    pub fn look(&mut self, frame: &Frame) {
        if frame.size() != self.size {
            return;
        }
        let stride = 3 * frame.width() as usize;
        let bands = frame.rgb().chunks(stride * self.side);
        let mut sums = vec![(0_u32, 0_u32); self.columns];
        for (row, band) in bands.enumerate() {
            sums.fill((0, 0));
            for line in band.chunks_exact(stride) {
                for (sum, cell) in sums.iter_mut().zip(line.chunks(3 * self.side)) {
                    for [r, g, b] in cell.as_chunks::<3>().0 {
                        sum.0 += u32::from(*r) + 2 * u32::from(*g) + u32::from(*b);
                        sum.1 += 4;
                    }
                }
            }
            for (column, (sum, count)) in sums.iter().enumerate() {
                let at = row * self.columns + column;
                let now = *sum as f32 / (*count).max(1) as f32;
                if self.pictures > 0 {
                    self.changed[at] += (now - self.last[at]).abs();
                }
                self.bright[at] += now;
                self.last[at] = now;
            }
        }
        self.pictures += 1;
    }

    /// Which cells change by more than the noise of those that do not.
    pub fn moving(&self) -> CellMap {
        let steps = self.pictures.saturating_sub(1).max(1) as f32;
        let mut sorted = self.changed.clone();
        sorted.sort_unstable_by(f32::total_cmp);
        let quiet = sorted.get(sorted.len() / 10).map_or(0.0, |sum| sum / steps);
        let least = (4.0 * quiet).clamp(LEAST_CHANGE, MOST_NOISE);
        let moving = self.changed.iter().map(|sum| sum / steps > least);
        CellMap::new(self.columns, moving.collect())
    }

    /// Which cells have something in and around them that is not the colour of the surround, nor flat as a panel is.
    pub fn textured(&self) -> CellMap {
        let pictures = self.pictures.max(1) as f32;
        let mean: Vec<f32> = self.bright.iter().map(|sum| sum / pictures).collect();
        let ground = ground(&mean);
        let lit = |value: f32| (value - ground).abs() > LIT;
        let textured = (0..mean.len()).map(|at| lit(mean[at]) && self.range(&mean, at) > FLAT);
        CellMap::new(self.columns, textured.collect())
    }

    /// How far the values of a cell and those around it are apart.
    fn range(&self, mean: &[f32], at: usize) -> f32 {
        let (row, column) = (at / self.columns, at % self.columns);
        let rows = row.saturating_sub(1)..(row + 2).min(mean.len() / self.columns);
        let columns = column.saturating_sub(1)..(column + 2).min(self.columns);
        let around = rows.flat_map(|y| columns.clone().map(move |x| mean[y * self.columns + x]));
        let (low, high) = around.fold((f32::MAX, f32::MIN), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        high - low
    }
}

/// Grey levels by which a cell changes at least, if it does.
const LEAST_CHANGE: f32 = 0.3;
/// Grey levels beyond which a change is not taken for noise.
const MOST_NOISE: f32 = 2.5;
/// Grey levels beside the surround's from which on there is something.
const LIT: f32 = 4.0;
/// Grey levels within which a panel is flat.
const FLAT: f32 = 1.5;
/// Share of cells that a surround has at least.
const LEAST_GROUND: f32 = 0.05;

/// The grey level of the surround: the commonest, if it is common enough, else black.
fn ground(mean: &[f32]) -> f32 {
    let mut counts = [0_u32; 256];
    for value in mean {
        counts[(*value as usize).min(255)] += 1;
    }
    let commonest = (0..256).max_by_key(|level| counts[*level]).unwrap_or(0);
    match counts[commonest] as f32 >= LEAST_GROUND * mean.len() as f32 {
        true => commonest as f32,
        false => 0.0,
    }
}
