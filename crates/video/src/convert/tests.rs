use picture::frame::Frame;
use proptest::prelude::*;

use super::*;

fn frame() -> Frame {
    Frame::new(1, 1, vec![0; 3]).unwrap()
}

/// The standards as they are written, in real numbers.
fn exact([y, cb, cr]: [u8; 3], standard: YuvStandard, range: YuvRange) -> [f64; 3] {
    let (kr, kb) = match standard {
        YuvStandard::Bt601 => (0.299, 0.114),
        YuvStandard::Bt709 => (0.2126, 0.0722),
    };
    let (black, luma, chroma) = match range {
        YuvRange::Limited => (16.0, 219.0, 224.0),
        YuvRange::Full => (0.0, 255.0, 255.0),
    };
    let y = (f64::from(y) - black) / luma;
    let [pb, pr] = [cb, cr].map(|c| (f64::from(c) - 128.0) / chroma);
    let red = y + 2.0 * (1.0 - kr) * pr;
    let blue = y + 2.0 * (1.0 - kb) * pb;
    let green = (y - kr * red - kb * blue) / (1.0 - kr - kb);
    [red, green, blue].map(|v| (255.0 * v).clamp(0.0, 255.0))
}

/// Each of the 2^24 colours, 2^16 in a picture.
#[test]
fn every_colour_is_within_one_step_of_the_standard_s() {
    let mut frame = frame();
    let (cb, cr): (Vec<u8>, Vec<u8>) = (0..1 << 16_u32).map(|i| (i as u8, (i >> 8) as u8)).unzip();
    for (standard, range) in [
        (YuvStandard::Bt601, YuvRange::Limited),
        (YuvStandard::Bt601, YuvRange::Full),
        (YuvStandard::Bt709, YuvRange::Limited),
        (YuvStandard::Bt709, YuvRange::Full),
    ] {
        let mut worst = 0.0_f64;
        for y in 0..=255 {
            let bytes = [&[y; 1 << 16][..], &cb, &cr].concat();
            let planes = Planes::planar(&bytes, [256, 256], Subsampling::Yuv444);
            let raw = RawPicture {
                size: [256, 256],
                range,
                standard,
                planes,
            };
            raw.write(&mut frame).unwrap();
            let pixels = frame.rgb().as_chunks::<3>().0;
            for ((cb, cr), pixel) in cb.iter().zip(&cr).zip(pixels) {
                let right = exact([y, *cb, *cr], standard, range);
                for (right, ours) in right.iter().zip(pixel) {
                    worst = worst.max((right - f64::from(*ours)).abs());
                }
            }
        }
        // Half a step is rounding.
        assert!(worst < 0.56, "{standard:?} {range:?}: {worst}");
    }
}

/// A layout's name, planes and strides.
type Laid = (&'static str, Vec<Vec<u8>>, [usize; 2]);

/// A picture's samples for each pixel, and the same in every layout, with gaps between rows.
fn layouts(size: [u32; 2], gap: usize, seed: u8) -> Vec<Laid> {
    let [width, height] = size.map(|side| side as usize);
    let (columns, rows) = (width.div_ceil(2), height.div_ceil(2));
    let sample = |x: usize, y: usize, k: usize| {
        (x.wrapping_mul(31) ^ y.wrapping_mul(57) ^ k.wrapping_mul(101)) as u8 ^ seed
    };
    let plane = |width: usize, height: usize, at: &dyn Fn(usize, usize) -> u8| -> Vec<u8> {
        let row = |y| (0..width + gap).map(move |x| if x < width { at(x, y) } else { 77 });
        (0..height).flat_map(row).collect()
    };
    let luma = |x: usize, y: usize| sample(x, y, 0);
    let chroma = |k: usize| move |x: usize, y: usize| sample(x / 2, y / 2, k);
    vec![
        (
            "yuyv",
            vec![plane(4 * columns, height, &|x, y| match x % 4 {
                1 => chroma(1)(x / 2, y),
                3 => chroma(2)(x / 2, y),
                _ => luma(x / 2, y),
            })],
            [4 * columns + gap, 0],
        ),
        (
            "nv12",
            vec![
                plane(width, height, &luma),
                plane(2 * columns, rows, &|x, y| chroma(1 + x % 2)(x, 2 * y)),
            ],
            [width + gap, 2 * columns + gap],
        ),
        (
            "420",
            vec![
                plane(width, height, &luma),
                plane(columns, rows, &|x, y| chroma(1)(2 * x, 2 * y)),
                plane(columns, rows, &|x, y| chroma(2)(2 * x, 2 * y)),
            ],
            [width + gap, columns + gap],
        ),
        (
            "422",
            vec![
                plane(width, height, &luma),
                plane(columns, height, &|x, y| chroma(1)(2 * x, y)),
                plane(columns, height, &|x, y| chroma(2)(2 * x, y)),
            ],
            [width + gap, columns + gap],
        ),
        (
            "444",
            vec![
                plane(width, height, &luma),
                plane(width, height, &chroma(1)),
                plane(width, height, &chroma(2)),
            ],
            [width + gap; 2],
        ),
    ]
}

fn planes<'a>(layout: &str, bytes: &'a [Vec<u8>], strides: [usize; 2]) -> Planes<'a> {
    let plane = |i: usize| Plane {
        bytes: &bytes[i],
        stride: strides[i.min(1)],
    };
    let planar = |subsampling| Planes::Planar {
        luma: plane(0),
        cb: plane(1),
        cr: plane(2),
        subsampling,
    };
    match layout {
        "yuyv" => Planes::Yuyv(plane(0)),
        "nv12" => Planes::Nv12 {
            luma: plane(0),
            chroma: plane(1),
        },
        "420" => planar(Subsampling::Yuv420),
        "422" => planar(Subsampling::Yuv422),
        _ => planar(Subsampling::Yuv444),
    }
}

proptest! {
    /// Whatever the layout, sides odd or even and rows apart: one picture.
    #[test]
    fn every_layout_gives_the_same_picture_and_a_byte_less_none(
        width in 1..150_u32,
        height in 1..9_u32,
        gap in 0..5_usize,
        seed: u8,
    ) {
        let size = [width, height];
        let mut first: Option<Frame> = None;
        for (name, mut bytes, strides) in layouts(size, gap, seed) {
            let mut frame = frame();
            let (range, standard) = (YuvRange::Full, YuvStandard::Bt601);
            RawPicture { size, range, standard, planes: planes(name, &bytes, strides) }.write(&mut frame).unwrap();
            prop_assert_eq!(frame.size(), size);
            prop_assert_eq!(first.get_or_insert_with(|| frame.clone()), &frame, "{}", name);
            for i in 0..bytes.len() {
                let cut = bytes[i].len() - gap - 1;
                let last = bytes[i].split_off(cut);
                let raw = RawPicture { size, range, standard, planes: planes(name, &bytes, strides) };
                let short = raw.write(&mut frame);
                prop_assert!(matches!(short, Err(RawError::Plane { .. })), "{} {}", name, i);
                bytes[i].extend(last);
            }
        }
    }

    /// What is 4:2:0 already comes back as it was, but for rounding.
    #[test]
    fn to_yuv_and_back_is_near(width in 1..40_u32, height in 1..40_u32, colours: [[u8; 3]; 4]) {
        // In two by two pixels of one colour nothing is lost by sharing chroma.
        let at = |x: u32, y: u32| colours[(x / 2 + y / 2) as usize % 4];
        let rgb: Vec<u8> = (0..height).flat_map(|y| (0..width).flat_map(move |x| at(x, y))).collect();
        let before = Frame::new(width, height, rgb).unwrap();
        let (mut bytes, mut after) = (Vec::new(), frame());
        write_yuv420(&before, &mut bytes);
        let planes = Planes::planar(&bytes, before.size(), Subsampling::Yuv420);
        RawPicture {
            size: before.size(),
            range: YuvRange::Limited,
            standard: YuvStandard::Bt601,
            planes,
        }.write(&mut after).unwrap();
        for (a, b) in before.rgb().iter().zip(after.rgb()) {
            prop_assert!(a.abs_diff(*b) <= 3, "{} {}", a, b);
        }
    }
}

#[test]
fn grey_is_as_it_is_or_stretched_as_it_means() {
    let bytes: Vec<u8> = (0..=255).collect();
    let mut frame = frame();
    let plane = Plane {
        bytes: &bytes,
        stride: 16,
    };
    for (range, black, white) in [(YuvRange::Full, 0, 255), (YuvRange::Limited, 16, 235)] {
        let raw = RawPicture {
            size: [16, 16],
            range,
            standard: YuvStandard::Bt709,
            planes: Planes::Grey(plane),
        };
        raw.write(&mut frame).unwrap();
        assert_eq!(frame.rgb()[3 * black], 0);
        assert_eq!(frame.rgb()[3 * white..][..3], [255; 3]);
        assert!(frame.rgb()[3 * white - 1] < 255);
    }
    let rgb = RawPicture {
        size: [5, 16],
        range: YuvRange::Full,
        standard: YuvStandard::Bt709,
        planes: Planes::Rgb(plane),
    };
    rgb.write(&mut frame).unwrap();
    assert_eq!(frame.rgb()[15..18], [16, 17, 18]);
}
