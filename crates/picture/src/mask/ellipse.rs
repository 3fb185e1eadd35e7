//! The ellipse of a region, by its moments, in millimetres: what a fetal head's circumference is read from.

use super::polygons::Polygon;
use crate::scale::PixelSize;

/// The ellipse of a region's area, centre and second moments.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ellipse {
    /// x and y, px; the top left corner of the picture is (0, 0).
    pub centre: [f64; 2],
    /// Longer and shorter semi-axis, mm.
    pub semi_axes: [f64; 2],
    /// From the x axis to the longer one, towards y (clockwise on the screen), radians in -π/2..=π/2.
    pub angle: f64,
    /// Area of the region over that of the ellipse: 1 for an ellipse, less for any other shape.
    pub likeness: f64,
}

impl Ellipse {
    /// Of a region, its holes filled; `None` of a ring around nothing.
    #[must_use]
    pub fn of(region: &Polygon, pixel: PixelSize) -> Option<Self> {
        Moments::of(&region.outer, pixel).ellipse(pixel)
    }

    /// Length of the outline, mm: Ramanujan's second approximation (Quart. J. Math. 45, 1914, §16), off by less than a
    /// millionth for any ellipse up to three times as long as wide.
    #[must_use]
    pub fn circumference(&self) -> f64 {
        let [a, b] = self.semi_axes;
        let h = ((a - b) / (a + b)).powi(2);
        std::f64::consts::PI * (a + b) * (1.0 + 3.0 * h / (10.0 + (4.0 - 3.0 * h).sqrt()))
    }
}

/// Area, and moments about the ring's first corner, of what a ring encloses; mm.
struct Moments {
    origin: [f64; 2],
    area: f64,
    first: [f64; 2],
    /// xx, yy, xy.
    second: [f64; 3],
}

impl Moments {
    /// By Green's theorem, edge by edge.
    fn of(ring: &[[u32; 2]], pixel: PixelSize) -> Self {
        let place = |p: &[u32; 2]| {
            [
                f64::from(p[0]) * pixel.mm()[0],
                f64::from(p[1]) * pixel.mm()[1],
            ]
        };
        let origin = ring.first().map_or([0.0; 2], place);
        let mut sums = [0.0; 6];
        for (p, q) in ring.iter().zip(ring.iter().cycle().skip(1)) {
            let ([px, py], [qx, qy]) = (place(p), place(q));
            let [px, py, qx, qy] = [
                px - origin[0],
                py - origin[1],
                qx - origin[0],
                qy - origin[1],
            ];
            let cross = px * qy - qx * py;
            let terms = [
                1.0 / 2.0,
                (px + qx) / 6.0,
                (py + qy) / 6.0,
                (px * px + px * qx + qx * qx) / 12.0,
                (py * py + py * qy + qy * qy) / 12.0,
                (2.0 * px * py + px * qy + qx * py + 2.0 * qx * qy) / 24.0,
            ];
            for (sum, term) in sums.iter_mut().zip(terms) {
                *sum += term * cross;
            }
        }
        // An outline counter-clockwise on the screen gives a negative area.
        let sign = if sums[0] < 0.0 { -1.0 } else { 1.0 };
        let [area, x, y, xx, yy, xy] = sums.map(|sum| sum * sign);
        Self {
            origin,
            area,
            first: [x, y],
            second: [xx, yy, xy],
        }
    }

    fn ellipse(&self, pixel: PixelSize) -> Option<Ellipse> {
        if self.area <= 0.0 {
            return None;
        }
        let [x, y] = self.first.map(|m| m / self.area);
        let [xx, yy, xy] = self.second.map(|m| m / self.area);
        let (xx, yy, xy) = (xx - x * x, yy - y * y, xy - x * y);
        let (semi_axes, angle) = axes([xx, yy, xy]);
        let full = std::f64::consts::PI * semi_axes[0] * semi_axes[1];
        Some(Ellipse {
            centre: [
                (x + self.origin[0]) / pixel.mm()[0],
                (y + self.origin[1]) / pixel.mm()[1],
            ],
            semi_axes,
            angle,
            likeness: if full > 0.0 {
                (self.area / full).min(1.0)
            } else {
                0.0
            },
        })
    }
}

/// Longer and shorter semi-axis, and [`Ellipse::angle`], of the filled ellipse with these second central moments: xx, yy, xy.
pub(super) fn axes([xx, yy, xy]: [f64; 3]) -> ([f64; 2], f64) {
    // The spread along a semi-axis of a filled ellipse is a quarter of its square.
    let (mean, half) = ((xx + yy) / 2.0, ((xx - yy) / 2.0).hypot(xy));
    let semi_axes = [mean + half, mean - half].map(|spread| 2.0 * spread.max(0.0).sqrt());
    (semi_axes, 0.5 * (2.0 * xy).atan2(xx - yy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::Mask;
    use crate::mask::polygons::{largest, polygons};
    use crate::mask::regions::Regions;
    use crate::scale::BadPixelSize;
    use proptest::prelude::*;

    fn fit(mask: &Mask, mm: [f64; 2]) -> Option<Ellipse> {
        let regions = polygons(&Regions::find(mask));
        Ellipse::of(largest(&regions)?, PixelSize::new(mm).unwrap())
    }

    /// An ellipse drawn pixel by pixel: semi-axes in mm, on pixels of `mm`.
    fn drawn(centre: [f64; 2], axes: [f64; 2], angle: f64, mm: [f64; 2]) -> Mask {
        let mut mask = Mask::empty(300, 220).unwrap();
        let (sin, cos) = angle.sin_cos();
        for (i, pixel) in mask.pixels.iter_mut().enumerate() {
            let x = ((i % 300) as f64 + 0.5 - centre[0]) * mm[0];
            let y = ((i / 300) as f64 + 0.5 - centre[1]) * mm[1];
            let (u, v) = (x * cos + y * sin, y * cos - x * sin);
            *pixel = 255 * u8::from((u / axes[0]).powi(2) + (v / axes[1]).powi(2) <= 1.0);
        }
        mask
    }

    proptest! {
        #[test]
        fn a_drawn_ellipse_is_found_again(
            x in 120.0..180_f64, y in 100.0..120_f64, a in 8.0..18_f64, shape in 0.5..0.9_f64, angle in -1.5..1.5_f64,
            column in 0.2..0.25_f64, row in 0.2..0.25_f64,
        ) {
            let found = fit(&drawn([x, y], [a, a * shape], angle, [column, row]), [column, row]).unwrap();
            prop_assert!((found.centre[0] - x).abs() < 0.2 && (found.centre[1] - y).abs() < 0.2);
            prop_assert!((found.semi_axes[0] / a - 1.0).abs() < 0.01);
            prop_assert!((found.semi_axes[1] / (a * shape) - 1.0).abs() < 0.01);
            let turn: f64 = (found.angle - angle).rem_euclid(std::f64::consts::PI);
            prop_assert!(turn.min(std::f64::consts::PI - turn) < 0.05);
            prop_assert!(found.likeness > 0.99);
        }
    }

    #[test]
    fn the_largest_region_counts_with_its_holes_filled() {
        let mut mask = drawn([150.0, 110.0], [60.0, 40.0], 0.3, [1.0, 1.0]);
        let whole = fit(&mask, [1.0, 1.0]).unwrap();
        mask.pixels[0] = 255;
        for y in 100..120 {
            mask.pixels[y * 300 + 140..y * 300 + 160].fill(0);
        }
        assert_eq!(fit(&mask, [1.0, 1.0]).unwrap(), whole);
    }

    #[test]
    fn a_rectangle_is_less_like_an_ellipse() {
        let mut mask = Mask::empty(8, 8).unwrap();
        for y in 2..4 {
            mask.pixels[y * 8 + 1..y * 8 + 7].fill(255);
        }
        let found = fit(&mask, [1.0, 1.0]).unwrap();
        assert_eq!(found.centre, [4.0, 3.0]);
        // Spreads of a 6 x 2 rectangle are 36/12 and 4/12; pi/3 times less area than the ellipse.
        assert!((found.semi_axes[0] - 2.0 * 3_f64.sqrt()).abs() < 1e-12);
        assert!((found.semi_axes[1] - 2.0 / 3_f64.sqrt()).abs() < 1e-12);
        assert!((found.likeness - 3.0 / std::f64::consts::PI).abs() < 1e-12);
        assert!(found.angle.abs() < 1e-12);
    }

    #[test]
    fn circumferences() {
        let of = |a: f64, b: f64| {
            let ellipse = Ellipse {
                centre: [0.0; 2],
                semi_axes: [a, b],
                angle: 0.0,
                likeness: 1.0,
            };
            ellipse.circumference()
        };
        assert!((of(1.0, 1.0) - std::f64::consts::TAU).abs() < 1e-12);
        // By the complete elliptic integral: 4 a E(e²), E(3/4) = 1.2110560275684594.
        assert!((of(2.0, 1.0) - 8.0 * 1.211_056_027_568_459_4).abs() < 1e-6);
    }

    #[test]
    fn nothing_has_no_ellipse() {
        assert_eq!(fit(&Mask::empty(4, 4).unwrap(), [1.0, 1.0]), None);
    }

    #[test]
    fn sizes_of_pixels() {
        assert_eq!("0.5".parse(), PixelSize::new([0.5, 0.5]));
        assert_eq!("0.5, 0.25".parse(), PixelSize::new([0.5, 0.25]));
        for wrong in [
            "", "0", "-1", "nan", "inf", "1,", "1,2,3", "101", "1e999", "mm",
        ] {
            assert_eq!(wrong.parse::<PixelSize>(), Err(BadPixelSize), "{wrong}");
        }
    }
}
