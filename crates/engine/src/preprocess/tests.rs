use proptest::prelude::*;

use super::*;

const MEAN: [f32; 3] = [123.675, 116.28, 103.53];
const STD: [f32; 3] = [58.395, 57.12, 57.375];

fn plain(side: usize) -> Preprocess {
    with(side, Resize::BilinearSquash)
}

fn with(side: usize, resize: Resize) -> Preprocess {
    Preprocess {
        side,
        resize,
        mean: [0.0; 3],
        std: [1.0; 3],
        white_balance: None,
    }
}

/// The triangle filter's definition, sample by sample in float64: every input sample weighed by its distance.
fn triangle(frame: &Frame, side: usize, channel: usize, y: usize, x: usize) -> f64 {
    let weigh = |input: u32, out: usize| -> Vec<f64> {
        let scale = f64::from(input) / side as f64;
        let centre = (out as f64 + 0.5) * scale;
        (0..input)
            .map(|ix| (1.0 - (f64::from(ix) + 0.5 - centre).abs() / scale.max(1.0)).max(0.0))
            .collect()
    };
    let (columns, rows) = (weigh(frame.width(), x), weigh(frame.height(), y));
    let mut sum = 0.0;
    for (row, wy) in rows.iter().enumerate() {
        for (column, wx) in columns.iter().enumerate() {
            let at = 3 * (row * frame.width() as usize + column) + channel;
            sum += wy * wx * f64::from(frame.rgb()[at]);
        }
    }
    sum / (rows.iter().sum::<f64>() * columns.iter().sum::<f64>())
}

/// The definition, sample by sample in float64, without separation, taps or row cache.
fn reference(frame: &Frame, side: usize, channel: usize, y: usize, x: usize) -> f64 {
    let at = |x: i64, y: i64| {
        let x = x.clamp(0, i64::from(frame.width()) - 1) as usize;
        let y = y.clamp(0, i64::from(frame.height()) - 1) as usize;
        f64::from(frame.rgb()[3 * (y * frame.width() as usize + x) + channel])
    };
    let fx = (x as f64 + 0.5) * f64::from(frame.width()) / side as f64 - 0.5;
    let fy = (y as f64 + 0.5) * f64::from(frame.height()) / side as f64 - 0.5;
    let (x0, y0) = (fx.floor() as i64, fy.floor() as i64);
    let (wx, wy) = (fx - fx.floor(), fy - fy.floor());
    let top = at(x0, y0) * (1.0 - wx) + at(x0 + 1, y0) * wx;
    let bottom = at(x0, y0 + 1) * (1.0 - wx) + at(x0 + 1, y0 + 1) * wx;
    top * (1.0 - wy) + bottom * wy
}

proptest! {
    #[test]
    fn every_sample_is_the_definition(
        (width, height, rgb) in (1u32..40, 1u32..40)
            .prop_flat_map(|(w, h)| (Just(w), Just(h), prop::collection::vec(any::<u8>(), (3 * w * h) as usize))),
        side in 1usize..48,
    ) {
        let frame = Frame::new(width, height, rgb).unwrap();
        let bilinear = plain(side).run(&frame);
        let smooth = with(side, Resize::TriangleSquash).run(&frame);
        for channel in 0..3 {
            for y in 0..side {
                for x in 0..side {
                    let at = (channel * side + y) * side + x;
                    let (found, expected) = (f64::from(bilinear.chw[at]), reference(&frame, side, channel, y, x));
                    prop_assert!((found - expected).abs() < 1e-4, "{channel} {y} {x}: {found} {expected}");
                    let (found, expected) = (f64::from(smooth.chw[at]), triangle(&frame, side, channel, y, x));
                    prop_assert!((found - expected).abs() < 1e-3, "triangle {channel} {y} {x}: {found} {expected}");
                }
            }
        }
    }
}

#[test]
fn a_picture_of_the_models_side_passes_unchanged() {
    let rgb: Vec<u8> = (0..3 * 32 * 32u32).map(|ix| (ix * 7 % 251) as u8).collect();
    let image = plain(32).run(&Frame::new(32, 32, rgb.clone()).unwrap());
    for (pixel, ix) in rgb.chunks(3).zip(0..) {
        for (channel, value) in pixel.iter().enumerate() {
            assert_eq!(image.chw[channel * 32 * 32 + ix], f32::from(*value));
        }
    }
}

#[test]
fn sides_and_channels_are_not_swapped() {
    // Wide picture: left half red, right half blue.
    let rgb = (0..20 * 60)
        .flat_map(|ix| {
            if ix % 60 < 30 {
                [255, 0, 0]
            } else {
                [0, 0, 255]
            }
        })
        .collect();
    let image = plain(32).run(&Frame::new(60, 20, rgb).unwrap());
    let at = |channel: usize, y: usize, x: usize| image.chw[(channel * 32 + y) * 32 + x];
    assert_eq!(
        [at(0, 31, 0), at(1, 31, 0), at(2, 31, 0)],
        [255.0, 0.0, 0.0]
    );
    assert_eq!(
        [at(0, 0, 31), at(1, 0, 31), at(2, 0, 31)],
        [0.0, 0.0, 255.0]
    );
}

/// Where the reference picture is probed, its four pixels there, and the value of the normalised 1024² input.
struct Probe {
    channel: usize,
    y: usize,
    x: usize,
    corner: (u32, u32),
    pixels: [[u8; 2]; 2],
    value: f32,
}

/// Probes of `case-a` (meta.json, `probe_chw`), computed with `cv2.resize` and ImageNet normalisation by the authors
/// of the reference. Only the pixels a probe depends on are kept of its 200×150 and 224×160 pictures.
#[test]
fn probes_of_the_reference_case_agree() {
    let cases = [
        (
            (200, 150),
            vec![
                Probe {
                    channel: 0,
                    y: 0,
                    x: 0,
                    corner: (0, 0),
                    pixels: [[160, 155], [154, 159]],
                    value: 0.622_056_6,
                },
                Probe {
                    channel: 1,
                    y: 511,
                    x: 511,
                    corner: (99, 74),
                    pixels: [[58, 59], [59, 57]],
                    value: -1.014_811,
                },
                Probe {
                    channel: 0,
                    y: 100,
                    x: 900,
                    corner: (175, 14),
                    pixels: [[186, 184], [187, 186]],
                    value: 1.059_557_6,
                },
                Probe {
                    channel: 1,
                    y: 777,
                    x: 333,
                    corner: (64, 113),
                    pixels: [[124, 121], [127, 125]],
                    value: 0.126_645_53,
                },
            ],
        ),
        (
            (224, 160),
            vec![
                Probe {
                    channel: 0,
                    y: 0,
                    x: 0,
                    corner: (0, 0),
                    pixels: [[0, 0], [0, 0]],
                    value: -2.117_904,
                },
                Probe {
                    channel: 1,
                    y: 511,
                    x: 511,
                    corner: (111, 79),
                    pixels: [[24, 24], [41, 42]],
                    value: -1.487_103,
                },
                Probe {
                    channel: 1,
                    y: 777,
                    x: 333,
                    corner: (72, 120),
                    pixels: [[45, 53], [43, 63]],
                    value: -1.125_196_2,
                },
            ],
        ),
    ];
    for ((width, height), probes) in cases {
        for Probe {
            channel,
            y,
            x,
            corner,
            pixels,
            value,
        } in probes
        {
            let mut frame =
                Frame::new(width, height, vec![0; (3 * width * height) as usize]).unwrap();
            for (dy, row) in pixels.iter().enumerate() {
                for (dx, pixel) in row.iter().enumerate() {
                    let at = (corner.1 as usize + dy) * width as usize + corner.0 as usize + dx;
                    frame.rgb_mut()[3 * at + channel] = *pixel;
                }
            }
            let image = Preprocess {
                side: 1024,
                resize: Resize::BilinearSquash,
                mean: MEAN,
                std: STD,
                white_balance: None,
            }
            .run(&frame);
            let found = image.chw[(channel * 1024 + y) * 1024 + x];
            assert!(
                (found - value).abs() < 2e-6,
                "[{channel}, {y}, {x}]: expected {value}, found {found}"
            );
        }
    }
}

/// `Image.fromarray(ramp).resize((3, 3), Image.BILINEAR)` of Pillow 13 on float32.
#[test]
fn a_ramp_shrinks_as_pillow_shrinks_it() {
    let rgb = (0..8 * 8u8).flat_map(|ix| [ix % 8 * 10; 3]).collect();
    let image = with(3, Resize::TriangleSquash).run(&Frame::new(8, 8, rgb).unwrap());
    for (found, expected) in image
        .chw
        .iter()
        .zip([11.052_631, 35.0, 58.947_37].iter().cycle())
    {
        assert!(
            (found - expected).abs() < 1e-5,
            "expected {expected}, found {found}"
        );
    }
}

#[test]
fn the_light_is_balanced_before_normalising() {
    let frame = Frame::new(8, 8, (0..64u8).flat_map(|ix| [100 + ix, 100, 80]).collect()).unwrap();
    let spec = WhiteBalanceSpec {
        usual: [1.3, 0.9, 0.8],
        strength: 0.5,
    };
    let mut by_hand = plain(8).run(&frame).chw;
    white_balance::balance(&mut by_hand, &spec);
    for (channel, values) in by_hand.chunks_exact_mut(64).enumerate() {
        for value in values {
            *value = (*value - MEAN[channel]) / STD[channel];
        }
    }
    let normalised = Preprocess {
        mean: MEAN,
        std: STD,
        ..plain(8)
    };
    assert_ne!(normalised.run(&frame).chw, by_hand);
    assert_eq!(normalised.balanced(Some(spec)).run(&frame).chw, by_hand);
}
