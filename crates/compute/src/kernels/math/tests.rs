use super::*;
use crate::kernels::testing::normal_cdf;

#[test]
fn powers_are_close_everywhere() {
    let mut worst = 0f64;
    for i in -1_260_000..=1_260_000 {
        let x = i as f32 * 1e-4;
        let exact = f64::from(x).exp2();
        worst = worst.max((f64::from(exp2(x)) - exact).abs() / exact);
    }
    assert!(worst <= 2e-7, "{worst:e}");
    for (x, power) in [
        (0.0, 1.0),
        (-1.0, 0.5),
        (5.0, 32.0),
        (-126.0, f32::MIN_POSITIVE),
    ] {
        assert_eq!(exp2(x), power);
    }
    for x in [-127.0, -1e9, f32::NEG_INFINITY, f32::MIN, f32::NAN] {
        assert_eq!(exp2(x), f32::MIN_POSITIVE);
    }
}

#[test]
fn gelu_is_close_everywhere() {
    let mut worst = 0f64;
    for i in -120_000..=120_000 {
        let x = i as f32 * 1e-4;
        let exact = f64::from(x) * normal_cdf(f64::from(x));
        worst = worst.max((f64::from(gelu(x)) - exact).abs() / f64::from(x).abs().max(1.0));
    }
    assert!(worst <= 1e-6, "{worst:e}");
    assert_eq!((gelu(0.0), gelu(100.0), gelu(-100.0)), (0.0, 100.0, 0.0));
    assert!(gelu(f32::NAN).is_nan());
}

#[test]
fn sums_go_by_lanes() {
    let x: Vec<f32> = (0..37).map(|i| (i as f32).sin() * 1e3).collect();
    let mut lanes = [0.0; LANES];
    for (i, x) in x.iter().enumerate() {
        lanes[i % LANES] += x;
    }
    for width in [8, 4, 2, 1] {
        for l in 0..width {
            lanes[l] += lanes[l + width];
        }
    }
    assert_eq!(sum(&x).to_bits(), lanes[0].to_bits());
    assert_eq!(sum(&[]), 0.0);
    let mut x = [-3.0; 32];
    x[21] = -1.5;
    assert_eq!(fold_largest(std::array::from_fn(|l| x[l + 16])), -1.5);
}

#[test]
fn products_are_ascending_chains() {
    let a: Vec<f32> = (0..60).map(|i| (i as f32 * 0.7).sin()).collect();
    let b: Vec<f32> = (0..200).map(|i| (i as f32 * 0.3).cos()).collect();
    for a_step in [1, 5] {
        for steps in 0..10 {
            let got = product([[0.5; LANES]; 2], steps, (&a, [3, 1], a_step), (&b, 17));
            for (r, row) in [3, 1].into_iter().enumerate() {
                for l in 0..LANES {
                    let chain = (0..steps)
                        .fold(0.5f32, |s, k| a[row + k * a_step].mul_add(b[k * 17 + l], s));
                    assert_eq!(got[r][l].to_bits(), chain.to_bits());
                }
            }
        }
    }
}

#[test]
fn the_larger_and_the_smaller_of_numbers() {
    for (a, b) in [(1.0, -2.0), (-2.0, 1.0), (f32::NAN, -126.0)] {
        let (more, less) = if a > b { (a, b) } else { (b, a) };
        assert_eq!(larger(a, b), more);
        assert_eq!(smaller(a, b), if a.is_nan() { b } else { less });
    }
    assert_eq!(larger(-0.0, 0.0).to_bits(), 0);
}
