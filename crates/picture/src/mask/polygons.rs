//! Mask → polygons along the pixels' edges, valid by OGC Simple Features (ISO 19125-1, 6.1.11.1).
//!
//! Corners are integer points of the pixel grid: pixel (x, y) is the square from (x, y) to (x+1, y+1), x to the
//! right, y down. Filling all rings by the even-odd rule therefore gives back the very same mask, and a polygon's area
//! is its pixels' number.
//!
//! Target and background are both connected through the 4 sides of pixels alone. A polygon is one [`Regions`] region:
//! its interior is connected, as pixels that share a side are. Around it and in each of its holes lies one 4-connected
//! piece of what is not the region, and no ring passes a corner twice: for that, the piece would have to touch itself at
//! a corner where the region's other two pixels meet, but these two are joined by a way through the region, which with
//! the corner closes around one side of the piece and cuts it from the other. So rings are simple, and rings of one
//! polygon touch at single corners at most.

use std::collections::HashMap;

use super::Mask;
use super::regions::{Regions, Run};

/// A closed ring of corners; the last joins the first. Every corner is a right-angled turn, none comes twice.
pub type Ring = Vec<[u32; 2]>;

/// One connected region of a mask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Polygon {
    /// Outline; counter-clockwise as seen on the screen (y down), so the shoelace sum is negative.
    pub outer: Ring,
    /// Outlines of the holes in this region, clockwise on the screen.
    pub holes: Vec<Ring>,
}

impl Polygon {
    /// Pixels of the region.
    #[must_use]
    pub fn area(&self) -> u64 {
        let holes: u64 = self.holes.iter().map(enclosed).sum();
        enclosed(&self.outer).saturating_sub(holes)
    }

    /// Smallest box around the region as COCO gives it: x, y of the top left corner, width, height, px.
    #[must_use]
    pub fn bounding_box(&self) -> [u32; 4] {
        let span = |axis: usize| {
            let along = || self.outer.iter().map(|corner| corner[axis]);
            let low = along().min().unwrap_or(0);
            (low, along().max().unwrap_or(0) - low)
        };
        let ((x, width), (y, height)) = (span(0), span(1));
        [x, y, width, height]
    }
}

/// The largest region, its holes filled; `None` of none.
#[must_use]
pub fn largest(polygons: &[Polygon]) -> Option<&Polygon> {
    polygons.iter().max_by_key(|p| enclosed(&p.outer))
}

/// Pixels within a ring (shoelace formula).
fn enclosed(ring: &Ring) -> u64 {
    let twice: i64 = ring
        .iter()
        .zip(ring.iter().cycle().skip(1))
        .map(|(a, b)| i64::from(a[0]) * i64::from(b[1]) - i64::from(b[0]) * i64::from(a[1]))
        .sum();
    twice.unsigned_abs() / 2
}

/// Traces all regions, in their order.
///
/// Time and memory are linear in the number of pixels, whatever the mask.
#[must_use]
pub fn polygons(regions: &Regions<'_>) -> Vec<Polygon> {
    let mut tracer = Tracer {
        mask: regions.mask,
        traced: vec![0; regions.mask.pixels.len().div_ceil(64)],
    };
    let mut polygons: Vec<Polygon> = Vec::new();
    for Run {
        y,
        start,
        end,
        region,
    } in &regions.runs
    {
        let y = i64::from(*y);
        for x in i64::from(*start)..i64::from(*end) {
            if tracer.target(x, y - 1) || tracer.is_traced(x, y) {
                continue;
            }
            let (ring, cut) = tracer.rings(x, y);
            // The first edge met of a region is the top of its first pixel, and that is on its outline.
            if *region as usize == polygons.len() {
                polygons.push(Polygon {
                    outer: ring,
                    holes: cut,
                });
            } else if let Some(polygon) = polygons.get_mut(*region as usize) {
                polygon.holes.push(ring);
                polygon.holes.extend(cut);
            }
        }
    }
    polygons
}

/// Follows edges with the target on the left hand.
struct Tracer<'a> {
    mask: &'a Mask,
    /// Pixels whose top edge is in a ring already, a bit for each. Every ring has a top edge, so these mark them all.
    traced: Vec<u64>,
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

    fn is_traced(&self, x: i64, y: i64) -> bool {
        let pixel = self.index(x, y);
        self.traced[pixel / 64] >> (pixel % 64) & 1 == 1
    }

    fn mark_traced(&mut self, x: i64, y: i64) {
        let pixel = self.index(x, y);
        self.traced[pixel / 64] |= 1 << (pixel % 64);
    }

    /// The ring that runs west along the top edge of target pixel (x, y), and those cut off it.
    ///
    /// The way keeps to the pixels on its left. Where it comes to a corner for the second time it has been around a
    /// piece of background that touches another at this corner; what lies between is the ring around that piece.
    fn rings(&mut self, x: i64, y: i64) -> (Ring, Vec<Ring>) {
        let start = (x + 1, y);
        let (mut corner, mut heading) = (start, WEST);
        let (mut ring, mut cut) = (Ring::new(), Vec::new());
        let mut met = HashMap::new(); // corners where two target pixels touch, and where in the ring they are
        loop {
            if heading == WEST {
                self.mark_traced(corner.0 - 1, corner.1);
            }
            corner = (corner.0 + STEP[heading].0, corner.1 + STEP[heading].1);
            let ahead = |side: [(i64, i64); 4]| {
                self.target(corner.0 + side[heading].0, corner.1 + side[heading].1)
            };
            let (left, right) = (ahead(AHEAD_LEFT), ahead(AHEAD_RIGHT));
            let turn = match (left, right) {
                (false, _) => 1, // left, and at a corner contact away from the other pixel
                (true, false) => 0,
                (true, true) => 3,
            };
            if turn != 0 {
                heading = (heading + turn) % 4;
                let contact = !left && right;
                if contact && let Some(before) = met.insert(corner, ring.len()) {
                    cut.push(ring.split_off(before));
                }
                ring.push([corner.0 as u32, corner.1 as u32]);
            }
            if corner == start && heading == WEST {
                return (ring, cut);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use std::collections::HashSet;

    use super::*;
    use crate::mask::measure::measure;
    use crate::mask::tests::{any_mask, drawn, regions_by_flooding};

    fn traced(mask: &Mask) -> Vec<Polygon> {
        polygons(&Regions::find(mask))
    }

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

    /// Every corner of the grid that a ring runs through, in turn.
    fn steps(ring: &Ring) -> Vec<[u32; 2]> {
        let mut steps = Vec::new();
        for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
            let mut at = *a;
            while at != *b {
                steps.push(at);
                for axis in 0..2 {
                    at[axis] =
                        at[axis] + u32::from(at[axis] < b[axis]) - u32::from(at[axis] > b[axis]);
                }
            }
        }
        steps
    }

    fn rings(polygon: &Polygon) -> Vec<&Ring> {
        polygon.holes.iter().chain([&polygon.outer]).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]
        #[test]
        fn filling_gives_the_mask_back(mask in any_mask()) {
            let polygons = traced(&mask);
            let rings: Vec<&Ring> = polygons.iter().flat_map(rings).collect();
            prop_assert_eq!(fill(mask.width, mask.height, &rings), mask.pixels);
        }

        /// With that, a polygon's interior is connected.
        #[test]
        fn each_polygon_is_a_region_with_its_own_holes(mask in any_mask()) {
            let filled: Vec<Vec<u8>> = traced(&mask)
                .iter()
                .map(|polygon| fill(mask.width, mask.height, &rings(polygon)))
                .collect();
            prop_assert_eq!(filled, regions_by_flooding(&mask));
        }

        #[test]
        fn rings_turn_the_stated_way_and_only_at_corners(mask in any_mask()) {
            for polygon in traced(&mask) {
                prop_assert!(shoelace(&polygon.outer) < 0);
                prop_assert!(polygon.holes.iter().all(|hole| shoelace(hole) > 0));
                for ring in rings(&polygon) {
                    prop_assert!(ring.len() >= 4 && ring.len() % 2 == 0);
                    for i in 0..ring.len() {
                        let [a, b, c] = [0, 1, 2].map(|n| ring[(i + n) % ring.len()]);
                        prop_assert!((a[0] == b[0]) != (b[0] == c[0]) && (a[1] == b[1]) != (b[1] == c[1]));
                    }
                }
            }
        }

        /// The rules of ISO 19125-1 for polygons, on the grid: no ring meets itself, and two rings of a polygon meet at
        /// corners where both turn (so that neither crosses the other), never along an edge.
        #[test]
        fn polygons_are_valid(mask in any_mask()) {
            for polygon in traced(&mask) {
                let mut edges = HashSet::new();
                let mut corners: HashMap<[u32; 2], bool> = HashMap::new(); // by ring that came before: is it a turn
                for ring in rings(&polygon) {
                    let steps = steps(ring);
                    let own: HashSet<[u32; 2]> = steps.iter().copied().collect();
                    prop_assert_eq!(own.len(), steps.len(), "meets itself: {:?}", ring);
                    for (a, b) in steps.iter().zip(steps.iter().cycle().skip(1)) {
                        prop_assert!(edges.insert([a.min(b), a.max(b)].map(|c| *c)), "shares an edge: {:?}", ring);
                        let turns = ring.contains(a);
                        let met = corners.insert(*a, turns);
                        prop_assert!(met.is_none_or(|other| other && turns), "crosses: {:?}", ring);
                    }
                }
            }
        }

        #[test]
        fn areas_and_boxes_are_those_of_the_pixels(mask in any_mask()) {
            let pixels = regions_by_flooding(&mask).into_iter().map(|pixels| Mask { pixels, ..mask });
            let expected: Vec<_> = pixels.map(|region| measure(&Regions::find(&region))).collect();
            let found = traced(&mask);
            prop_assert_eq!(found.len(), expected.len());
            for (polygon, expected) in found.iter().zip(expected) {
                prop_assert_eq!(polygon.area(), expected.area);
                prop_assert_eq!(Some(polygon.bounding_box()), expected.bounding_box);
            }
        }
    }

    #[test]
    fn one_pixel_and_a_ring() {
        let square = |x, y, s| vec![[x, y], [x, y + s], [x + s, y + s], [x + s, y]];
        let alone = traced(&drawn(&["...", ".#.", "..."]));
        assert_eq!(
            alone,
            [Polygon {
                outer: square(1, 1, 1),
                holes: vec![]
            }]
        );
        let ring = traced(&drawn(&["###", "#.#", "###"]));
        assert_eq!(ring.len(), 1);
        assert_eq!(ring[0].outer, square(0, 0, 3));
        let mut hole = ring[0].holes[0].clone();
        hole.sort();
        assert_eq!(hole, [[1, 1], [1, 2], [2, 1], [2, 2]]);
    }

    #[test]
    fn a_region_inside_a_hole_is_a_polygon_of_its_own() {
        let polygons = traced(&drawn(&["#####", "#...#", "#.#.#", "#...#", "#####"]));
        assert_eq!(
            polygons.iter().map(|p| p.holes.len()).collect::<Vec<_>>(),
            [1, 0]
        );
    }

    #[test]
    fn corner_contact_connects_neither_targets_nor_background() {
        assert_eq!(traced(&drawn(&["#.", ".#"])).len(), 2);
        let ring = traced(&drawn(&[".##", "#.#", "##."]));
        assert_eq!(ring.len(), 2);
        assert!(ring.iter().all(|p| p.holes.is_empty()));
        let holes = |rows: &[&str]| -> Vec<usize> {
            let polygons = traced(&drawn(rows));
            polygons.iter().map(|p| p.holes.len()).collect()
        };
        assert_eq!(holes(&["####", "#.##", "##.#", "####"]), [2]);
        assert_eq!(
            holes(&["###", "#.#", "##."]),
            [1],
            "touches the outline at a corner"
        );
    }

    #[test]
    fn nothing_and_everything() {
        assert_eq!(traced(&Mask::empty(5, 4).unwrap()), []);
        let full = Mask {
            width: 5,
            height: 4,
            pixels: vec![255; 20],
        };
        assert_eq!(traced(&full)[0].outer, [[0, 0], [0, 4], [5, 4], [5, 0]]);
    }
}
