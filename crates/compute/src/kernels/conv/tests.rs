//! Convolutions against plain sums, the same bits from every CPU and any number of threads.

use super::*;
use crate::kernels::{Pool, Scratch, math};

fn reals(seed: usize, count: usize) -> Vec<f32> {
    (0..count)
        .map(|i| ((i + seed) * 7919 % 2003) as f32 * 1e-3 - 1.0)
        .collect()
}

/// Calls `run` for every CPU with one, two and three threads; the results must be the same.
fn everywhere(bytes: impl Fn(Cpu) -> usize, run: impl Fn(Exec<'_>) -> Vec<f32>) -> Vec<f32> {
    let mut results = Vec::new();
    for threads in [1, 2, 3] {
        let pool = Pool::new(threads).unwrap();
        for cpu in Cpu::all() {
            let scratch = Scratch::new(threads, bytes(cpu));
            let exec = Exec {
                cpu,
                pool: &pool,
                scratch: &scratch,
            };
            results.push(run(exec));
        }
    }
    let same =
        |a: &Vec<f32>, b: &Vec<f32>| a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits());
    assert!(results.iter().all(|other| same(other, &results[0])));
    results.swap_remove(0)
}

/// The value at `(y, x)` of the transposed convolution, before the activation.
fn upconv(x: &[f32], weight: &[f32], bias: f32, at: [usize; 4], sizes: [usize; 3]) -> f32 {
    let ([y, x_, n_, width], [k, n, _]) = (at, sizes);
    let cell = (y / 2 * width + x_ / 2) * k;
    let quarter = y % 2 * 2 + x_ % 2;
    let products =
        (0..k).map(|i| f64::from(x[cell + i]) * f64::from(weight[(i * n + n_) * 4 + quarter]));
    (products.sum::<f64>() + f64::from(bias)) as f32
}

#[test]
fn upconv_and_mask_head() {
    for [height, width, k, n] in [
        [1, 1, 3, 5],
        [3, 4, 20, 33],
        [9, 11, 64, 32],
        [28, 28, 16, 8],
    ] {
        let x = reals(1, height * width * k);
        let (weight, bias, hyper) = (reals(2, k * n * 4), reals(3, n), reals(4, n));
        let layer = |cpu| UpConvF32::new(cpu, &weight, &bias, n, k);
        let maps = everywhere(
            |cpu| layer(cpu).scratch(),
            |exec| {
                let mut out = vec![f32::NAN; 4 * height * width * n];
                layer(exec.cpu).run(exec, &x, width, Activation::Relu, &mut out);
                out
            },
        );
        let head = |cpu| MaskHead::new(cpu, &weight, &bias, n, k);
        let logits = everywhere(
            |cpu| head(cpu).scratch(),
            |exec| {
                let mut out = vec![f32::NAN; 4 * height * width];
                head(exec.cpu).run(exec, &x, width, &hyper, &mut out);
                out
            },
        );
        for cell in 0..4 * height * width {
            let (cy, cx) = (cell / (2 * width), cell % (2 * width));
            let mut logit = 0.0;
            for n_ in 0..n {
                let value = upconv(&x, &weight, bias[n_], [cy, cx, n_, width], [k, n, 0]);
                assert!((maps[cell * n + n_] - value.max(0.0)).abs() < 1e-4);
                logit += math::gelu(value) * hyper[n_];
            }
            assert!(
                (logits[cell] - logit).abs() < 1e-3,
                "{} {logit}",
                logits[cell]
            );
        }
    }
}

#[test]
fn upconv_of_bytes() {
    let input = Quant {
        scale: 0.5,
        zero: 9,
    };
    for [height, width, k, n] in [[1, 1, 3, 5], [3, 4, 20, 33], [14, 14, 256, 16]] {
        let x: Vec<u8> = (0..height * width * k)
            .map(|i| (i * 31 % 256) as u8)
            .collect();
        let weight: Vec<i8> = (0..k * n * 4)
            .map(|i| (i as i32 * 53 % 129 - 64) as i8)
            .collect();
        let (bias, scale) = (reals(3, n), vec![0.25; n]);
        let weights = WeightsI8 {
            weight: &weight,
            scale: &scale,
            bias: Some(&bias),
            input,
        };
        let layer = |cpu| UpConvI8::new(cpu, &weights, n, k);
        let map = everywhere(
            |cpu| layer(cpu).scratch(),
            |exec| {
                let mut out = vec![f32::NAN; 4 * height * width * n];
                layer(exec.cpu).run(exec, &x, width, &mut out);
                out
            },
        );
        for (at, found) in map.iter().enumerate() {
            let (cell, n_) = (at / n, at % n);
            let (y, x_) = (cell / (2 * width), cell % (2 * width));
            let (from, quarter) = ((y / 2 * width + x_ / 2) * k, y % 2 * 2 + x_ % 2);
            let products = (0..k).map(|i| {
                (i32::from(x[from + i]) - 9) * i32::from(weight[(i * n + n_) * 4 + quarter])
            });
            // Half a step of the input by a quarter of the weight, exactly.
            let want = (products.sum::<i32>() as f32).mul_add(0.125, bias[n_]);
            assert_eq!(*found, want, "{height} x {width}, {k} to {n}: {at}");
        }
    }
}

#[test]
fn convolutions_take_onnx_weights() {
    let (height, width, channels, n) = (7, 6, 5, 9);
    for (planar, stride) in [(false, 1), (false, 2), (true, 1), (true, 2)] {
        let patches = Patches {
            height,
            width,
            channels,
            kernel: 3,
            stride,
            pad: 1,
            planar,
        };
        let map = reals(1, height * width * channels);
        let (weight, bias) = (reals(2, n * patches.k()), reals(3, n));
        let layer = |cpu| ConvF32::new(cpu, &weight, Some(&bias), n, patches);
        let (out_height, out_width) = patches.out_size();
        let real = everywhere(
            |cpu| layer(cpu).scratch(),
            |exec| {
                let mut out = vec![f32::NAN; out_height * out_width * n];
                layer(exec.cpu).run(exec, &map, Activation::None, Out::F32(&mut out));
                out
            },
        );
        // The same in small whole numbers, which are exact either way.
        let quant = Quant {
            scale: 1.0,
            zero: 10,
        };
        let map8: Vec<u8> = map.iter().map(|x| (x * 10.0 + 10.0) as u8).collect();
        let weight8: Vec<i8> = weight.iter().map(|w| (w * 60.0) as i8).collect();
        let parts = WeightsI8 {
            weight: &weight8,
            scale: &vec![1.0; n],
            bias: None,
            input: quant,
        };
        let layer8 = |cpu| ConvI8::new(cpu, &parts, n, patches);
        let eight = everywhere(
            |cpu| layer8(cpu).scratch(),
            |exec| {
                let mut out = vec![f32::NAN; out_height * out_width * n];
                layer8(exec.cpu).run(exec, &map8, Epilogue::F32(&mut out));
                out
            },
        );
        for at in 0..out_height * out_width * n {
            let (oy, ox, n_) = (at / n / out_width, at / n % out_width, at % n);
            let (mut sum, mut sum8) = (f64::from(bias[n_]), 0);
            for tap in 0..channels * 9 {
                let (c, y, x) = (tap / 9, oy * stride + tap / 3 % 3, ox * stride + tap % 3);
                if (1..=height).contains(&y) && (1..=width).contains(&x) {
                    let at = match planar {
                        true => (c * height + y - 1) * width + x - 1,
                        false => ((y - 1) * width + x - 1) * channels + c,
                    };
                    let w = n_ * channels * 9 + tap;
                    sum += f64::from(map[at]) * f64::from(weight[w]);
                    sum8 += (i32::from(map8[at]) - 10) * i32::from(weight8[w]);
                }
            }
            assert!((f64::from(real[at]) - sum).abs() < 1e-4);
            assert_eq!(eight[at], sum8 as f32);
        }
    }
}
