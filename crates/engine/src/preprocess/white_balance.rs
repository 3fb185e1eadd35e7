//! Colour constancy: endoscopes and lamps differ in the colour of their light, and the network has seen one kind.

use crate::manifest::WhiteBalanceSpec;

/// Pixels whose brightest channel is not between these say nothing of the light: borders, shadow, highlights.
const TELLING: std::ops::Range<f32> = 30.0..250.0;
/// Fewer telling pixels than one in this many: the picture stays as it is.
const FEWEST: usize = 100;
/// Largest change of a channel, and its inverse the smallest: what is further off is no light but what the picture shows.
const MOST: f64 = 1.5;

/// Draws the light's colour towards the usual one, the mean brightness kept. `chw`: three planes, 0..=255.
///
/// The light is estimated as the Minkowski mean of order 6 of each channel (Shades of Gray: Finlayson and Trezzi, Color
/// Imaging Conference 12, 2004), and each channel scaled by (usual / seen)^strength. Sums run in order and powers are
/// computed in software, so that every CPU gives the same bits.
pub(super) fn balance(chw: &mut [f32], spec: &WhiteBalanceSpec) {
    let plane = chw.len() / 3;
    let Some(seen) = light(chw, plane) else {
        return;
    };
    let mut gains = [1.0f64; 3];
    for ((gain, usual), seen) in gains.iter_mut().zip(spec.usual).zip(seen) {
        let full = libm::pow(f64::from(usual) / seen, f64::from(spec.strength));
        *gain = full.clamp(1.0 / MOST, MOST); // seen may be 0: infinity is cut here
    }
    let sums: [f64; 3] = std::array::from_fn(|channel| {
        let values = &chw[channel * plane..][..plane];
        values.iter().map(|value| f64::from(*value)).sum()
    });
    let after: f64 = sums.iter().zip(gains).map(|(sum, gain)| sum * gain).sum();
    let kept = sums.iter().sum::<f64>() / after;
    for (values, gain) in chw.chunks_exact_mut(plane).zip(gains) {
        let gain = (gain * kept) as f32;
        for value in values {
            *value = (*value * gain).min(255.0);
        }
    }
}

/// The light's colour, R, G, B with a mean of 1; none if too little of the picture tells.
fn light(chw: &[f32], plane: usize) -> Option<[f64; 3]> {
    let (red, rest) = chw.split_at(plane);
    let (green, blue) = rest.split_at(plane);
    let mut sums = [0.0f64; 3];
    let mut count = 0usize;
    for ((red, green), blue) in red.iter().zip(green).zip(blue) {
        if !TELLING.contains(&red.max(*green).max(*blue)) {
            continue;
        }
        count += 1;
        for (sum, value) in sums.iter_mut().zip([red, green, blue]) {
            let square = f64::from(*value) * f64::from(*value);
            *sum += square * square * square;
        }
    }
    if count * FEWEST < plane || count == 0 {
        return None;
    }
    let norms = sums.map(|sum| libm::pow(sum / f64::from(count as u32), 1.0 / 6.0));
    let mean = norms.iter().sum::<f64>() / 3.0;
    Some(norms.map(|norm| norm / mean))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SIDE: usize = 20;

    fn spec(strength: f32) -> WhiteBalanceSpec {
        WhiteBalanceSpec {
            usual: [1.33, 0.91, 0.76],
            strength,
        }
    }

    /// Structure common to the channels, under a light.
    fn under(light: [f32; 3]) -> Vec<f32> {
        let reflected = (0..SIDE * SIDE).map(|ix| 60.0 + (ix * 37 % 41) as f32);
        let reflected: Vec<f32> = reflected.collect();
        light
            .iter()
            .flat_map(|v| reflected.iter().map(move |r| r * v))
            .collect()
    }

    fn mean(chw: &[f32]) -> f32 {
        chw.iter().sum::<f32>() / chw.len() as f32
    }

    #[test]
    fn at_full_strength_two_lights_give_one_picture() {
        let [mut warm, mut cold] = [[1.4, 0.9, 0.7], [1.1, 0.95, 0.95]].map(under);
        balance(&mut warm, &spec(1.0));
        balance(&mut cold, &spec(1.0));
        for (warm, cold) in warm.iter().zip(&cold) {
            assert!((warm - cold).abs() < 1e-2, "{warm} {cold}");
        }
    }

    #[test]
    fn the_usual_light_and_no_strength_change_nothing() {
        for (light, strength) in [([1.33, 0.91, 0.76], 1.0), ([0.8, 1.0, 1.3], 0.0)] {
            let before = under(light);
            let mut after = before.clone();
            balance(&mut after, &spec(strength));
            for (before, after) in before.iter().zip(&after) {
                assert!((before - after).abs() < 1e-3);
            }
        }
    }

    #[test]
    fn half_the_strength_is_half_the_way_and_brightness_stays() {
        let before = under([1.0, 1.0, 1.0]);
        let mut after = before.clone();
        balance(&mut after, &spec(0.5));
        let ratio = |channel: usize| {
            let at = channel * SIDE * SIDE..(channel + 1) * SIDE * SIDE;
            mean(&after[at.clone()]) / mean(&before[at])
        };
        let found = ratio(0) / ratio(2);
        assert!((found - (1.33f32 / 0.76).sqrt()).abs() < 1e-3, "{found}");
        assert!((mean(&after) - mean(&before)).abs() < 1e-2);
    }

    #[test]
    fn borders_and_highlights_say_nothing_of_the_light() {
        let mut plain = under([1.2, 0.9, 0.9]);
        let mut framed = plain.clone();
        for channel in 0..3 {
            framed[channel * SIDE * SIDE..][..SIDE].fill([0.0, 12.0, 29.0][channel]);
            framed[channel * SIDE * SIDE + SIDE..][..SIDE].fill(255.0);
        }
        assert_eq!(
            light(&framed, SIDE * SIDE)
                .unwrap()
                .map(|v| (v * 50.0).round()),
            light(&plain, SIDE * SIDE)
                .unwrap()
                .map(|v| (v * 50.0).round())
        );
        let mut dark = vec![5.0; 3 * SIDE * SIDE];
        balance(&mut dark, &spec(1.0));
        assert!(dark.iter().all(|v| *v == 5.0));
        balance(&mut plain, &spec(1.0));
    }

    proptest! {
        #[test]
        fn any_picture_stays_a_picture(
            chw in prop::collection::vec(0.0f32..=255.0, 3 * 25),
            usual in [0.01f32..=3.0, 0.01f32..=3.0, 0.01f32..=3.0],
            strength in 0.0f32..=1.0,
            missing in 0usize..4,
        ) {
            let mut chw = chw;
            if missing < 3 {
                chw[25 * missing..][..25].fill(0.0);
            }
            balance(&mut chw, &WhiteBalanceSpec { usual, strength });
            prop_assert!(chw.iter().all(|v| (0.0..=255.0).contains(v)));
        }
    }
}
