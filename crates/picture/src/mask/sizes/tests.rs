use proptest::prelude::*;

use super::sums::PixelSums;
use super::*;
use crate::frame::PixelRect;
use crate::mask::tests::{any_mask, drawn, regions_by_flooding};
use crate::mask::{LogitMap, Mask, upsample};
use crate::scale::{NoPixelSize, PixelSize, ScaledRegion};

fn sizes(mask: &Mask, scale: &Scale) -> Option<MaskSizes> {
    MaskSizes::of(&Regions::find(mask), None, scale)
}

fn px(sizes: &Sizes, figure: Figure) -> f64 {
    let unit = match figure.dimension() {
        Dimension::Length => Unit::Px,
        Dimension::Area => Unit::Px2,
    };
    sizes.get(figure).value_in(unit).unwrap()
}

/// All pixels of a mask, and all their corners.
fn points(mask: &Mask) -> (Vec<[f64; 2]>, Vec<[f64; 2]>) {
    let (width, height) = (mask.width(), mask.height());
    let all = (0..height).flat_map(|y| (0..width).map(move |x| [f64::from(x), f64::from(y)]));
    let pixels: Vec<_> = all.filter(|p| mask.is_target(*p)).collect();
    let corner = |p: &[f64; 2]| {
        [[0., 0.], [1., 0.], [0., 1.], [1., 1.]].map(|d: [f64; 2]| [p[0] + d[0], p[1] + d[1]])
    };
    let corners = pixels.iter().flat_map(corner).collect();
    (pixels, corners)
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * (1.0 + b.abs())
}

proptest! {
    #[test]
    fn sums_are_those_of_the_pixels_one_by_one(mask in any_mask(), column in 0.1..3_f64, row in 0.1..3_f64) {
        let (pixels, _) = points(&mask);
        let found = PixelSums::of(&Regions::find(&mask).runs);
        prop_assert_eq!(found.is_some(), !pixels.is_empty());
        let Some(sums) = found else { return Ok(()) };
        let count = pixels.len() as f64;
        let mean = |of: &dyn Fn(&[f64; 2]) -> f64| pixels.iter().map(of).sum::<f64>() / count;
        let [x, y] = [0, 1].map(|axis| mean(&|p| p[axis] + 0.5));
        prop_assert!(close(sums.spread.centre[0], x) && close(sums.spread.centre[1], y));
        let about = |p: &[f64; 2]| [p[0] + 0.5 - x, p[1] + 0.5 - y];
        let second = [
            mean(&|p| about(p)[0].powi(2)) + 1.0 / 12.0,
            mean(&|p| about(p)[1].powi(2)) + 1.0 / 12.0,
            mean(&|p| about(p)[0] * about(p)[1]),
        ];
        for (found, expected) in sums.spread.scaled([1.0, 1.0]).into_iter().zip(second) {
            prop_assert!(close(found, expected), "{found} {expected}");
        }
        // The formula as it is written: half of the sum, over directions, of angle times distance of lines times crossings.
        let crossings = |dx: f64, dy: f64| {
            let out = |p: &&[f64; 2], s: f64| !mask.is_target([p[0] + s * dx, p[1] + s * dy]);
            (pixels.iter().filter(|p| out(p, 1.0)).count() + pixels.iter().filter(|p| out(p, -1.0)).count()) as f64
        };
        let tilt = (row / column).atan();
        let angle = std::f64::consts::FRAC_PI_2;
        let directions = [(1.0, 0.0, tilt), (0.0, 1.0, angle - tilt), (1.0, 1.0, angle / 2.0), (-1.0, 1.0, angle / 2.0)];
        let expected: f64 = directions
            .map(|(dx, dy, share)| 0.5 * share * column * row / (dx * column).hypot(dy * row) * crossings(dx, dy))
            .iter()
            .sum();
        prop_assert!(close(sums.perimeter([column, row]), expected));
    }

    #[test]
    fn feret_diameters_are_those_of_all_corners(mask in any_mask(), column in 0.1..3_f64, row in 0.1..3_f64) {
        let (pixels, corners) = points(&mask);
        prop_assume!(!pixels.is_empty());
        // Only a line's outermost can be farthest: without this the test would take minutes.
        let outermost = |p: &[f64; 2]| {
            let line = corners.iter().filter(|q| q[1] == p[1]).map(|q| q[0]);
            let (low, high) = line.fold((p[0], p[0]), |(low, high), x| (low.min(x), high.max(x)));
            p[0] == low || p[0] == high
        };
        let mut corners: Vec<[f64; 2]> = corners.iter().filter(|p| outermost(p)).copied().collect();
        corners.dedup();
        let corners: Vec<[f64; 2]> = corners.iter().map(|p| [p[0] * column, p[1] * row]).collect();
        let mut longest = 0_f64;
        let mut narrowest = f64::INFINITY;
        for p in &corners {
            for q in &corners {
                let (dx, dy) = (q[0] - p[0], q[1] - p[1]);
                let length = dx.hypot(dy);
                longest = longest.max(length);
                if length > 0.0 {
                    let off = corners.iter().map(|r| (dx * (r[1] - p[1]) - dy * (r[0] - p[0])) / length);
                    let (low, high) = off.fold((0_f64, 0_f64), |(low, high), off| (low.min(off), high.max(off)));
                    narrowest = narrowest.min(high - low);
                }
            }
        }
        let rows = PixelSums::of(&Regions::find(&mask).runs).unwrap().rows;
        let hull = hull::Hull::around(&rows, [column, row]);
        prop_assert!(close(hull.longest(), longest), "{} {longest}", hull.longest());
        prop_assert!(close(hull.narrowest(), narrowest), "{} {narrowest}", hull.narrowest());
    }

    #[test]
    fn regions_are_measured_as_if_alone(mask in any_mask()) {
        let Some(found) = sizes(&mask, &Scale::Unknown) else { return Ok(()) };
        let (width, height) = (mask.width(), mask.height());
        let alone = regions_by_flooding(&mask).into_iter().map(|pixels| Mask::new(width, height, pixels).unwrap());
        let mut alone: Vec<Sizes> = alone.map(|mask| sizes(&mask, &Scale::Unknown).unwrap().whole).collect();
        alone.sort_by(|a, b| px(b, Figure::Area).total_cmp(&px(a, Figure::Area)));
        alone.truncate(MaskSizes::LISTED);
        prop_assert_eq!(found.regions, alone);
    }

    #[test]
    fn a_line_is_in_the_mask_where_its_points_are(
        mask in any_mask(), ends in prop::array::uniform4(0.0..30_f64),
    ) {
        let [ax, ay, bx, by] = ends;
        let caliper = Caliper::new([[ax, ay], [bx, by]]).unwrap();
        let reading = caliper.read(&mask, None, &Scale::Unknown);
        const POINTS: usize = 20_000;
        let share = |i: usize| (i as f64 + 0.5) / POINTS as f64;
        let inside: Vec<usize> =
            (0..POINTS).filter(|i| mask.is_target([ax + share(*i) * (bx - ax), ay + share(*i) * (by - ay)])).collect();
        let length = (bx - ax).hypot(by - ay);
        let within = inside.len() as f64 / POINTS as f64 * length;
        let across = inside.first().zip(inside.last()).map_or(0.0, |(a, b)| (b + 1 - a) as f64 / POINTS as f64 * length);
        // Each of at most 60 crossings is found to within a step.
        let allowed = 60.0 * length / POINTS as f64;
        let told = |of: Quantity| of.value_in(Unit::Px).unwrap();
        prop_assert!(close(told(reading.length), length));
        prop_assert!((told(reading.in_mask) - within).abs() <= allowed, "{reading:?} {within}");
        prop_assert!((told(reading.across) - across).abs() <= allowed, "{reading:?} {across}");
    }
}

/// By scikit-image 0.26: `regionprops(label(mask, connectivity=1))[0]`, perimeter by `perimeter_crofton(mask, 4)`. It takes pixels
/// for points, so a quarter of an axis, squared, lacks 1/12.
#[test]
fn of_a_drawn_mask_as_scikit_image_has_it() {
    let mask = drawn(&[
        ".........",
        "..###....",
        ".#####...",
        ".##.####.",
        ".#######.",
        "...####..",
        ".........",
    ]);
    let found = sizes(&mask, &Scale::Unknown).unwrap();
    assert_eq!(found.regions.len(), 1);
    let of = |figure| px(&found.whole, figure);
    assert_eq!(of(Figure::Area), 25.0);
    assert!(close(of(Figure::Perimeter), 21.547_421_265_690_396));
    assert!(close(of(Figure::EquivalentDiameter), 5.641_895_835_477_563));
    for (figure, peer) in [
        (Figure::MajorAxis, 7.393_830_898_350_902_5),
        (Figure::MinorAxis, 4.660_650_667_727_79),
    ] {
        assert!(
            close(of(figure).powi(2), peer * peer + 16.0 / 12.0),
            "{figure:?}"
        );
    }
    assert!(!found.whole.at_edge);
}

#[test]
fn of_shapes_whose_sizes_are_known() {
    let rectangle = drawn(&["......", ".####.", ".####.", "......"]);
    let found = sizes(&rectangle, &Scale::Unknown).unwrap().whole;
    assert!(close(px(&found, Figure::FeretMax), 20_f64.sqrt()));
    assert_eq!(px(&found, Figure::FeretMin), 2.0);
    assert!(close(
        px(&found, Figure::MajorAxis),
        4.0 * 4.0 / 12_f64.sqrt()
    ));
    assert_eq!(found.angle, 0.0);
    for radius in [10.0, 25.0, 60.0_f64] {
        let inside = |i: u32| {
            let (x, y) = (
                f64::from(i % 150) + 0.5 - 74.3,
                f64::from(i / 150) + 0.5 - 75.1,
            );
            255 * u8::from(x.hypot(y) <= radius)
        };
        let disc = Mask::new(150, 150, (0..150 * 150).map(inside).collect()).unwrap();
        let of = |figure| px(&sizes(&disc, &Scale::Unknown).unwrap().whole, figure);
        let around = of(Figure::Perimeter) / (std::f64::consts::TAU * radius);
        assert!((around - 1.0).abs() < 0.01, "radius {radius}: {around}");
        // A border pixel reaches at most half its diagonal beyond the circle.
        for figure in [Figure::FeretMax, Figure::FeretMin] {
            assert!(
                (of(figure) - 2.0 * radius).abs() < 2_f64.sqrt(),
                "{figure:?}"
            );
        }
    }
    assert_eq!(sizes(&Mask::empty(3, 3).unwrap(), &Scale::Unknown), None);
}

#[test]
fn millimetres_are_told_only_where_they_hold() {
    let mask = drawn(&["##....", "##....", "....#.", "......"]);
    let size = PixelSize::new([0.5, 2.0]).unwrap();
    let region = ScaledRegion {
        place: [0, 0, 3, 2],
        pixel: Some(size),
    };
    let found = sizes(&mask, &Scale::Regions(vec![region])).unwrap();
    let [in_region, outside] = found.regions.as_slice() else {
        panic!("{found:?}")
    };
    let area = in_region.get(Figure::Area);
    assert_eq!(
        (area.value_in(Unit::Mm2), area.value_in(Unit::Px2)),
        (Some(4.0), None)
    );
    let width = in_region.get(Figure::FeretMin);
    assert_eq!(
        (width.value_in(Unit::Mm), width.value_in(Unit::Px)),
        (Some(1.0), None)
    );
    assert_eq!(outside.get(Figure::Area).value_in(Unit::Mm2), None);
    assert_eq!(outside.get(Figure::Area).value_in(Unit::Px2), Some(1.0));
    assert_eq!(outside.ruler, Ruler::Pixels(NoPixelSize::Outside));
    assert_eq!(found.whole.ruler, Ruler::Pixels(NoPixelSize::Beyond));
    assert!(in_region.at_edge && !outside.at_edge && found.whole.at_edge);

    let caliper: Caliper = "0,0.5,6,0.5".parse().unwrap();
    let reading = caliper.read(&mask, None, &Scale::Uniform(size));
    let told = [reading.length, reading.in_mask, reading.across].map(|of| of.value_in(Unit::Mm));
    assert_eq!(told, [Some(3.0), Some(1.0), Some(1.0)]);
    assert!(!caliper.leaves([6, 4]) && caliper.leaves([5, 4]));
    let along_a_side: Caliper = "2,0,2,4".parse().unwrap();
    let reading = along_a_side.read(&mask, None, &Scale::Unknown);
    assert_eq!(reading.in_mask.value_in(Unit::Px), Some(0.0));
    for wrong in [
        "",
        "1,2,3",
        "1,2,3,4,5",
        "-1,0,0,0",
        "nan,0,0,0",
        "1e9,0,0,0",
        "a,b,c,d",
    ] {
        assert_eq!(wrong.parse::<Caliper>(), Err(BadCaliper), "{wrong}");
    }
}

/// Logits that fall by one for each of `cells_per_logit` cells from a circle outwards.
fn slope(cells_per_logit: f32) -> LogitMap {
    let logit = |i: usize| {
        let (x, y) = ((i % 64) as f32 - 31.5, (i / 64) as f32 - 31.5);
        (16.0 - x.hypot(y)) / cells_per_logit
    };
    LogitMap::new(64, (0..64 * 64).map(logit).collect()).unwrap()
}

#[test]
fn a_length_is_as_sure_as_the_border_is_steep() {
    let spread = |cells_per_logit: f32| {
        let (map, size) = (slope(cells_per_logit), [256, 256]);
        let mask = upsample(&map, size[0], size[1]).unwrap().mask;
        let levels = Levels::of(&map, PixelRect::whole(size), size).unwrap();
        let [wide, narrow] = levels.masks().map(Mask::pixels);
        for ((wide, at), narrow) in wide.iter().zip(mask.pixels()).zip(narrow) {
            assert!(wide >= at && at >= narrow);
        }
        let found = MaskSizes::of(&Regions::find(&mask), Some(&levels), &Scale::Unknown).unwrap();
        assert_eq!(found.whole, found.regions[0]);
        found
            .whole
            .get(Figure::EquivalentDiameter)
            .plus_minus_in(Unit::Px)
            .unwrap()
    };
    // The circle's radius changes by 4 px for each cell: by ln 3 x cells x 4 at either level; a diameter by twice that.
    for cells in [0.5, 1.0, 2.0] {
        let expected = Levels::plus_minus([0.0, 4.0 * 3_f64.ln() * f64::from(cells) * 4.0]);
        let found = spread(cells);
        assert!(
            (found / expected - 1.0).abs() < 0.03,
            "{cells}: {found} {expected}"
        );
    }
}

#[test]
fn logits_of_a_part_lie_in_that_part() {
    let part = PixelRect {
        x: 20,
        y: 8,
        width: 128,
        height: 96,
    };
    let map = slope(1.0);
    let alone = Levels::of(&map, PixelRect::whole([128, 96]), [128, 96]).unwrap();
    let within = Levels::of(&map, part, [300, 200]).unwrap();
    for (alone, within) in alone.masks().into_iter().zip(within.masks()) {
        assert_eq!(&alone.placed(part, [300, 200]).unwrap(), within);
    }
    assert!(Levels::of(&map, part, [64, 64]).is_err());
}

#[test]
fn what_runs_together_or_vanishes_has_no_plus_minus() {
    let mask = drawn(&["#######", "......#", "##.#...", "......."]);
    let wide = drawn(&["#######", "#######", "##.#...", "......."]);
    let narrow = drawn(&["###.##.", ".......", ".......", "......."]);
    let all = [&mask, &wide, &narrow].map(Regions::find);
    let found = counterparts(&all[0], [&all[1], &all[2]]);
    // The first is the largest of those that run together; of its two parts the larger is taken. The others vanish.
    assert_eq!(found, [Some([0, 0]), None, None]);
}
