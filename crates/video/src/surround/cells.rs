//! Yes or no for each cell of a grid: grown, shrunk, taken apart into pieces.

use std::ops::Range;

/// Yes or no for each cell of a grid, rows from the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellMap {
    columns: usize,
    cells: Vec<bool>,
}

/// A rectangle of cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellBox {
    /// Its columns.
    pub x: Range<usize>,
    /// Its rows.
    pub y: Range<usize>,
}

impl CellMap {
    /// Those cells; `columns` of them in each row.
    pub fn new(columns: usize, cells: Vec<bool>) -> Self {
        Self { columns, cells }
    }

    /// How many say yes.
    pub fn count(&self) -> usize {
        self.cells.iter().filter(|cell| **cell).count()
    }

    /// How many say yes in both.
    pub fn count_both(&self, other: &Self) -> usize {
        let pairs = self.cells.iter().zip(&other.cells);
        pairs.filter(|(a, b)| **a && **b).count()
    }

    /// How many of a rectangle say yes.
    pub fn count_in(&self, part: &CellBox) -> usize {
        let rows = self.rows().skip(part.y.start).take(part.y.len());
        let in_row = |row: &[bool]| {
            let row = row.get(part.x.clone()).unwrap_or_default();
            row.iter().filter(|cell| **cell).count()
        };
        rows.map(in_row).sum()
    }

    /// Those that say yes in either.
    pub fn or(&self, other: &Self) -> Self {
        self.with(other, |a, b| a || b)
    }

    /// Those that say yes in both.
    pub fn and(&self, other: &Self) -> Self {
        self.with(other, |a, b| a && b)
    }

    fn with(&self, other: &Self, decide: impl Fn(bool, bool) -> bool) -> Self {
        let pairs = self.cells.iter().zip(&other.cells);
        Self::new(self.columns, pairs.map(|(a, b)| decide(*a, *b)).collect())
    }

    /// What is thinner than 2 `by` + 1 cells is taken away, also at the edge.
    pub fn opened(&self, by: usize) -> Self {
        self.inverse().spread(by, true).inverse().grown(by)
    }

    /// Gaps thinner than 2 `by` + 1 cells are filled, also those to the edge.
    pub fn closed(&self, by: usize) -> Self {
        self.grown(by).inverse().grown(by).inverse()
    }

    /// A square of 2 `by` + 1 cells around each yes.
    pub fn grown(&self, by: usize) -> Self {
        self.spread(by, false)
    }

    fn inverse(&self) -> Self {
        Self::new(self.columns, self.cells.iter().map(|cell| !cell).collect())
    }

    /// A square around each yes, and around what lies beyond the edge, if that counts as yes.
    fn spread(&self, by: usize, beyond: bool) -> Self {
        let rows = self.cells.len() / self.columns.max(1);
        let along_rows = self.spread_lines(by, beyond, [1, self.columns]);
        along_rows.spread_lines(by, beyond, [self.columns, rows])
    }

    /// Spreads each yes along lines of `length` cells that are `step` apart.
    fn spread_lines(&self, by: usize, beyond: bool, [step, length]: [usize; 2]) -> Self {
        let mut spread = vec![false; self.cells.len()];
        let lines = self.cells.len() / length.max(1);
        for line in 0..lines {
            let start = if step == 1 { line * length } else { line };
            let forwards = (0..length).map(|i| start + i * step);
            let backwards = forwards.clone().rev();
            // How far the last yes lies behind, one way and then the other.
            let mut walk = |way: &mut dyn Iterator<Item = usize>| {
                let mut since = if beyond { 0 } else { by };
                for at in way {
                    since = if self.cells[at] { 0 } else { since + 1 };
                    spread[at] |= since <= by;
                }
            };
            walk(&mut forwards.into_iter());
            walk(&mut backwards.into_iter());
        }
        Self::new(self.columns, spread)
    }

    /// The pieces that hang together by sides, the largest first.
    pub fn pieces(&self) -> Vec<Self> {
        let mut left = self.cells.clone();
        let mut pieces = Vec::new();
        while let Some(first) = left.iter().position(|cell| *cell) {
            let mut piece = vec![false; left.len()];
            let mut open = vec![first];
            left[first] = false;
            while let Some(at) = open.pop() {
                piece[at] = true;
                for next in self.neighbours(at) {
                    if left[next] {
                        left[next] = false;
                        open.push(next);
                    }
                }
            }
            pieces.push(Self::new(self.columns, piece));
            // What is left is small, and of no interest.
            if pieces.len() == MOST_PIECES {
                break;
            }
        }
        pieces.sort_by_key(|piece| std::cmp::Reverse(piece.count()));
        pieces
    }

    fn neighbours(&self, at: usize) -> impl Iterator<Item = usize> {
        let (column, all) = (at % self.columns, self.cells.len());
        let left = (column > 0).then(|| at - 1);
        let right = (column + 1 < self.columns).then_some(at + 1);
        let above = at.checked_sub(self.columns);
        let below = (at + self.columns < all).then_some(at + self.columns);
        [left, right, above, below].into_iter().flatten()
    }

    /// The smallest rectangle around all that say yes.
    pub fn bounds(&self) -> Option<CellBox> {
        let rows: Vec<bool> = self.rows().map(|row| row.contains(&true)).collect();
        let column = |x: usize| self.rows().any(|row| row[x]);
        let columns: Vec<bool> = (0..self.columns).map(column).collect();
        Some(CellBox {
            x: ends(&columns)?,
            y: ends(&rows)?,
        })
    }

    fn rows(&self) -> std::slice::ChunksExact<'_, bool> {
        self.cells.chunks_exact(self.columns.max(1))
    }
}

/// Pieces that are looked at: each costs the memory of a map.
const MOST_PIECES: usize = 64;

fn ends(line: &[bool]) -> Option<Range<usize>> {
    let yes = |cell: &bool| *cell;
    Some(line.iter().position(yes)?..line.iter().rposition(yes)? + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(rows: &[&str]) -> CellMap {
        let cells = rows
            .iter()
            .flat_map(|row| row.bytes().map(|byte| byte == b'#'));
        CellMap::new(rows[0].len(), cells.collect())
    }

    #[test]
    fn lines_go_and_gaps_are_filled_also_at_the_edge() {
        let some = map(&["###..", "###.#", "####.", "....#"]);
        let opened = map(&["###..", "###..", "###..", "....."]);
        assert_eq!(some.opened(1), opened);
        let gap = map(&["#.#..", "#.#..", "#.#.."]);
        assert_eq!(gap.closed(1), map(&["###..", "###..", "###.."]));
        assert_eq!(map(&[".#..", ".#.."]).closed(1), map(&["##..", "##.."]));
        assert_eq!(map(&[".....", "..#..", "....."]).grown(1).count(), 9);
    }

    #[test]
    fn pieces_come_the_largest_first() {
        let pieces = map(&["#..##", "...##", "#...#", "##..."]).pieces();
        let sizes: Vec<usize> = pieces.iter().map(CellMap::count).collect();
        assert_eq!(sizes, [5, 3, 1]);
        let bounds = pieces[0].bounds().unwrap();
        assert_eq!(bounds, CellBox { x: 3..5, y: 0..3 });
        assert_eq!(map(&["..", ".."]).bounds(), None);
    }
}
