//! Mask → polygons along the pixels' edges.
//!
//! Corners are integer points of the pixel grid: pixel (x, y) is the square from (x, y) to (x+1, y+1), x to the
//! right, y down. Filling all rings by the even-odd rule therefore gives back the very same mask. Target pixels
//! are connected through their 4 sides, background through sides and corners: where two target pixels touch at
//! a corner alone the outline passes between them, and a ring may visit such a corner twice.

use super::Mask;

/// A closed ring of corners; the last joins the first. Every corner is a right-angled turn.
pub type Ring = Vec<[u32; 2]>;

/// One connected region of a mask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Polygon {
    /// Outline; counter-clockwise as seen on the screen (y down), so the shoelace sum is negative.
    pub outer: Ring,
    /// Outlines of the holes in this region, clockwise on the screen.
    pub holes: Vec<Ring>,
}

/// Traces all regions, in the order of their first pixel from the top left.
///
/// Time and memory are linear in the number of pixels, whatever the mask.
pub fn polygons(mask: &Mask) -> Vec<Polygon> {
    let regions = Regions::find(mask);
    let mut tracer = Tracer {
        mask,
        traced: vec![false; mask.pixels.len()],
    };
    let mut polygons: Vec<Polygon> = Vec::new();
    let mut polygon_of_region: Vec<Option<usize>> = vec![None; regions.runs.len()];
    for (i, run) in regions.runs.iter().enumerate() {
        for x in run.start..run.end {
            if tracer.target(x, run.y - 1) || tracer.traced[tracer.index(x, run.y)] {
                continue;
            }
            let ring = tracer.ring(x, run.y);
            // The first edge met of a region is the top of its first pixel, and that is on its outline.
            let polygon = &mut polygon_of_region[regions.root(i)];
            match polygon.and_then(|p| polygons.get_mut(p)) {
                Some(polygon) => polygon.holes.push(ring),
                None => {
                    *polygon = Some(polygons.len());
                    polygons.push(Polygon {
                        outer: ring,
                        holes: Vec::new(),
                    });
                }
            }
        }
    }
    polygons
}

/// A stretch of target pixels in one row.
struct Run {
    y: i64,
    start: i64,
    end: i64,
}

/// The runs of a mask from the top left, joined to 4-connected regions.
struct Regions {
    runs: Vec<Run>,
    /// Union-find: a run earlier in the same region, or itself.
    parent: Vec<usize>,
}

impl Regions {
    fn find(mask: &Mask) -> Self {
        let mut regions = Self {
            runs: Vec::new(),
            parent: Vec::new(),
        };
        let mut above = 0..0; // the runs of the row above
        for (y, row) in mask.rows().enumerate() {
            let first = regions.runs.len();
            let mut x = 0;
            while let Some(start) = row[x..].iter().position(|p| *p != 0).map(|n| x + n) {
                let end = row[start..]
                    .iter()
                    .position(|p| *p == 0)
                    .map_or(row.len(), |n| start + n);
                regions.parent.push(regions.runs.len());
                regions.runs.push(Run {
                    y: y as i64,
                    start: start as i64,
                    end: end as i64,
                });
                x = end;
            }
            let mut candidate = above.start;
            for run in first..regions.runs.len() {
                let (start, end) = (regions.runs[run].start, regions.runs[run].end);
                while candidate < above.end && regions.runs[candidate].end <= start {
                    candidate += 1;
                }
                let mut touching = candidate;
                while touching < above.end && regions.runs[touching].start < end {
                    regions.join(touching, run);
                    touching += 1;
                }
            }
            above = first..regions.runs.len();
        }
        // Parents come before their children: one pass makes every parent a root.
        for run in 0..regions.parent.len() {
            regions.parent[run] = regions.parent[regions.parent[run]];
        }
        regions
    }

    fn root(&self, mut run: usize) -> usize {
        while self.parent[run] != run {
            run = self.parent[run];
        }
        run
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.halve(a), self.halve(b));
        self.parent[a.max(b)] = a.min(b);
    }

    /// The root, shortening the way to it for the next time.
    fn halve(&mut self, mut run: usize) -> usize {
        while self.parent[run] != run {
            self.parent[run] = self.parent[self.parent[run]];
            run = self.parent[run];
        }
        run
    }
}

/// Follows edges with the target on the left hand.
struct Tracer<'a> {
    mask: &'a Mask,
    /// Pixels whose top edge is in a ring already. Every ring has a top edge, so these mark them all.
    traced: Vec<bool>,
}

/// Headings, each a left turn after the one before: west, south, east, north.
const STEP: [(i64, i64); 4] = [(-1, 0), (0, 1), (1, 0), (0, -1)];
/// From a corner, the pixel ahead on the left for each heading (the pixel that starts at the corner is 0, 0).
const AHEAD_LEFT: [(i64, i64); 4] = [(-1, 0), (0, 0), (0, -1), (-1, -1)];
/// Likewise ahead on the right.
const AHEAD_RIGHT: [(i64, i64); 4] = [(-1, -1), (-1, 0), (0, 0), (0, -1)];
const WEST: usize = 0;

impl Tracer<'_> {
    fn target(&self, x: i64, y: i64) -> bool {
        let inside = (0..i64::from(self.mask.width)).contains(&x)
            && (0..i64::from(self.mask.height)).contains(&y);
        inside && self.mask.pixels[self.index(x, y)] != 0
    }

    fn index(&self, x: i64, y: i64) -> usize {
        (y * i64::from(self.mask.width) + x) as usize
    }

    /// The ring that runs west along the top edge of target pixel (x, y).
    fn ring(&mut self, x: i64, y: i64) -> Ring {
        let start = (x + 1, y);
        let (mut corner, mut heading) = (start, WEST);
        let mut ring = Ring::new();
        loop {
            if heading == WEST {
                let top_edge = self.index(corner.0 - 1, corner.1);
                self.traced[top_edge] = true;
            }
            corner = (corner.0 + STEP[heading].0, corner.1 + STEP[heading].1);
            let ahead = |side: [(i64, i64); 4]| {
                self.target(corner.0 + side[heading].0, corner.1 + side[heading].1)
            };
            let turn = match (ahead(AHEAD_LEFT), ahead(AHEAD_RIGHT)) {
                (false, _) => 1, // left, and at a corner contact away from the other pixel
                (true, false) => 0,
                (true, true) => 3,
            };
            if turn != 0 {
                heading = (heading + turn) % 4;
                ring.push([corner.0 as u32, corner.1 as u32]);
            }
            if corner == start && heading == WEST {
                return ring;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mask::tests::{any_mask, drawn};

    /// Even-odd filling by counting, for each pixel centre, the vertical edges to its left.
    fn fill(width: u32, height: u32, rings: &[&Ring]) -> Vec<u8> {
        let mut pixels = Vec::new();
        for y in 0..height {
            for x in 0..width {
                let crossings = rings
                    .iter()
                    .flat_map(|ring| ring.iter().zip(ring.iter().cycle().skip(1)))
                    .filter(|(a, b)| {
                        a[0] == b[0] && a[0] <= x && a[1].min(b[1]) <= y && y < a[1].max(b[1])
                    })
                    .count();
                pixels.push(if crossings % 2 == 1 { 255 } else { 0 });
            }
        }
        pixels
    }

    /// Twice the signed area, y down: negative is counter-clockwise on the screen.
    fn shoelace(ring: &Ring) -> i64 {
        ring.iter()
            .zip(ring.iter().cycle().skip(1))
            .map(|(a, b)| i64::from(a[0]) * i64::from(b[1]) - i64::from(b[0]) * i64::from(a[1]))
            .sum()
    }

    /// The 4-connected regions by flood filling, each as a mask of its own, in the order of their first pixels.
    fn regions_by_flooding(mask: &Mask) -> Vec<Vec<u8>> {
        let (width, height) = (mask.width as i64, mask.height as i64);
        let mut left = mask.pixels.clone();
        let mut regions = Vec::new();
        while let Some(seed) = left.iter().position(|p| *p != 0) {
            let mut region = vec![0; left.len()];
            let mut open = vec![seed as i64];
            while let Some(at) = open.pop() {
                if std::mem::take(&mut left[at as usize]) == 0 {
                    continue;
                }
                region[at as usize] = 255;
                let (x, y) = (at % width, at / width);
                for (x, y) in [(x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)] {
                    if (0..width).contains(&x) && (0..height).contains(&y) {
                        open.push(y * width + x);
                    }
                }
            }
            regions.push(region);
        }
        regions
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]
        #[test]
        fn filling_gives_the_mask_back(mask in any_mask()) {
            let polygons = polygons(&mask);
            let rings: Vec<&Ring> = polygons.iter().flat_map(|p| p.holes.iter().chain([&p.outer])).collect();
            prop_assert_eq!(fill(mask.width, mask.height, &rings), mask.pixels);
        }

        #[test]
        fn each_polygon_is_a_region_with_its_own_holes(mask in any_mask()) {
            let filled: Vec<Vec<u8>> = polygons(&mask)
                .iter()
                .map(|p| fill(mask.width, mask.height, &p.holes.iter().chain([&p.outer]).collect::<Vec<_>>()))
                .collect();
            prop_assert_eq!(filled, regions_by_flooding(&mask));
        }

        #[test]
        fn rings_turn_the_stated_way_and_only_at_corners(mask in any_mask()) {
            for polygon in polygons(&mask) {
                prop_assert!(shoelace(&polygon.outer) < 0);
                prop_assert!(polygon.holes.iter().all(|hole| shoelace(hole) > 0));
                for ring in polygon.holes.iter().chain([&polygon.outer]) {
                    prop_assert!(ring.len() >= 4 && ring.len() % 2 == 0);
                    for i in 0..ring.len() {
                        let [a, b, c] = [0, 1, 2].map(|n| ring[(i + n) % ring.len()]);
                        prop_assert!((a[0] == b[0]) != (b[0] == c[0]) && (a[1] == b[1]) != (b[1] == c[1]));
                    }
                }
            }
        }
    }

    #[test]
    fn one_pixel_and_a_ring() {
        let square = |x, y, s| vec![[x, y], [x, y + s], [x + s, y + s], [x + s, y]];
        let alone = polygons(&drawn(&["...", ".#.", "..."]));
        assert_eq!(
            alone,
            [Polygon {
                outer: square(1, 1, 1),
                holes: vec![]
            }]
        );
        let ring = polygons(&drawn(&["###", "#.#", "###"]));
        assert_eq!(ring.len(), 1);
        assert_eq!(ring[0].outer, square(0, 0, 3));
        let mut hole = ring[0].holes[0].clone();
        hole.sort();
        assert_eq!(hole, [[1, 1], [1, 2], [2, 1], [2, 2]]);
    }

    #[test]
    fn a_region_inside_a_hole_is_a_polygon_of_its_own() {
        let polygons = polygons(&drawn(&["#####", "#...#", "#.#.#", "#...#", "#####"]));
        assert_eq!(
            polygons.iter().map(|p| p.holes.len()).collect::<Vec<_>>(),
            [1, 0]
        );
    }

    #[test]
    fn corner_contact_does_not_connect_targets_but_background() {
        assert_eq!(polygons(&drawn(&["#.", ".#"])).len(), 2);
        let ring = polygons(&drawn(&[".##", "#.#", "##."]));
        assert_eq!(ring.len(), 2);
        assert!(ring.iter().all(|p| p.holes.is_empty()));
        let pinched = polygons(&drawn(&["####", "#.##", "##.#", "####"]));
        assert_eq!(
            pinched.iter().map(|p| p.holes.len()).collect::<Vec<_>>(),
            [1]
        );
    }

    #[test]
    fn nothing_and_everything() {
        assert_eq!(polygons(&Mask::empty(5, 4).unwrap()), []);
        let full = Mask {
            width: 5,
            height: 4,
            pixels: vec![255; 20],
        };
        assert_eq!(polygons(&full)[0].outer, [[0, 0], [0, 4], [5, 4], [5, 0]]);
    }
}
