//! Whether there is a picture at all: two statistics that need no training.

use crate::preprocess::Image;

/// Fewer grey levels than this between the brightest and the darkest of the small picture, in every channel: a lens cap, a
/// lost signal, a blank screen. No picture of the pool has fewer than 26.
const FLAT: f32 = 8.0;
/// How far apart two cells are, and the correlation that they have in a picture. Noise has less at both: between neighbours
/// 0.36 at most, which is the shrinking filter's, and beyond the filter's reach 0.04. Densely packed nuclei, the least of the
/// pool, have 0.42 and 0.02; all but 5 of its 9,258 pictures more than 0.1 two apart.
const CORRELATED: [(usize, f32); 2] = [(1, 0.4), (2, 0.1)];

/// Whether a small picture, normalised by these standard deviations, shows nothing: it is flat, or noise.
pub(super) fn is_lost(image: &Image, std: [f32; 3]) -> bool {
    is_flat(image, std) || is_noise(image, std)
}

fn is_flat(image: &Image, std: [f32; 3]) -> bool {
    let planes = image.chw.chunks_exact(image.side * image.side);
    planes.zip(std).all(|(plane, std)| {
        let high = plane.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let low = plane.iter().copied().fold(f32::INFINITY, f32::min);
        (high - low) * std < FLAT
    })
}

fn is_noise(image: &Image, std: [f32; 3]) -> bool {
    let grey = centred(image, std);
    let under = |(apart, least): (usize, f32)| correlation(&grey, image.side, apart) < least;
    CORRELATED.into_iter().all(under)
}

/// The mean of the channels, less its own mean.
fn centred(image: &Image, std: [f32; 3]) -> Vec<f32> {
    let side = image.side;
    let mut grey = vec![0.0; side * side];
    for (plane, std) in image.chw.chunks_exact(side * side).zip(std) {
        let sums = grey.iter_mut().zip(plane);
        sums.for_each(|(sum, value)| *sum += value * std);
    }
    let count = grey.len() as f32;
    let mean = grey.iter().sum::<f32>() / count;
    grey.iter_mut().for_each(|value| *value -= mean);
    grey
}

/// Of cells so far apart, along rows and columns.
fn correlation(grey: &[f32], side: usize, apart: usize) -> f32 {
    let variance = grey.iter().map(|v| v * v).sum::<f32>() / grey.len() as f32;
    let (mut sum, mut pairs) = (0.0, 0.0);
    for y in 0..side {
        for x in 0..side.saturating_sub(apart) {
            sum += grey[y * side + x] * grey[y * side + x + apart];
            sum += grey[x * side + y] * grey[(x + apart) * side + y];
            pairs += 2.0;
        }
    }
    sum / f32::max(pairs, 1.0) / variance
}

#[cfg(test)]
mod tests {
    use super::*;

    const STD: [f32; 3] = [58.0, 57.0, 57.0];

    fn image(value: impl Fn(usize, usize, usize) -> f32) -> Image {
        let side = 64;
        let cells = (0..3 * side * side).map(|i| (i / side / side, i / side % side, i % side));
        Image {
            side,
            chw: cells.map(|(c, y, x)| value(c, y, x)).collect(),
        }
    }

    /// A hash of the place, -1..1.
    fn snow(c: usize, y: usize, x: usize) -> f32 {
        let mixed = (c * 4096 + y * 64 + x + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    #[test]
    fn blank_and_nearly_blank_pictures_are_lost() {
        assert!(is_lost(&image(|_, _, _| -2.0), STD));
        assert!(is_lost(&image(|_, y, _| y as f32 * 0.002), STD)); // 7.3 levels, a smooth ramp
        assert!(!is_lost(&image(|_, y, _| y as f32 * 0.01), STD));
    }

    #[test]
    fn snow_is_lost_and_a_picture_under_snow_is_not() {
        assert!(is_lost(&image(snow), STD));
        let blob = |y: usize, x: usize| {
            if y.abs_diff(32).pow(2) + x.abs_diff(32).pow(2) < 300 {
                1.5
            } else {
                0.0
            }
        };
        assert!(!is_lost(
            &image(|c, y, x| blob(y, x) + snow(c, y, x) * 0.8),
            STD
        ));
    }

    #[test]
    fn grain_as_fine_as_packed_nuclei_is_a_picture() {
        // The mean of two by two: 0.5 between neighbours, 0 two apart.
        let grain = |c, y, x| {
            let cells = [(y, x), (y + 1, x), (y, x + 1), (y + 1, x + 1)];
            cells.map(|(y, x)| snow(c, y, x)).iter().sum::<f32>()
        };
        let grain = image(grain);
        let grey = centred(&grain, STD);
        assert!(correlation(&grey, grain.side, 2) < CORRELATED[1].1);
        assert!(!is_lost(&grain, STD));
    }

    #[test]
    fn every_sample_of_the_repository_is_a_picture() {
        let spec = crate::manifest::PreprocessSpec {
            profile: String::new(),
            resize: crate::manifest::Resize::TriangleSquash,
            mean: [123.0, 116.0, 103.0],
            std: STD,
        };
        let dir = testing::repository("tests/samples");
        let mut seen = 0;
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "jpg") {
                let limits = picture::frame::FrameLimits::default();
                let frame =
                    picture::frame::decode(&std::fs::read(&path).unwrap(), &limits).unwrap();
                let small = crate::preprocess::Preprocess::of(64, &spec).run(&frame);
                assert!(!is_lost(&small, STD), "{}", path.display());
                seen += 1;
            }
        }
        assert!(seen >= 7);
    }
}
