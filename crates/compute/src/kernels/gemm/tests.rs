//! Layers against plain sums, and the same bits from every CPU and any number of threads.

use proptest::prelude::*;

use super::*;
use crate::kernels::{Activation, Cpu, Exec, Out, Pool, Quant, Scratch, gelu_table, math};

fn noise(seed: u64) -> impl Iterator<Item = u32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 20) as u32
    })
}

fn reals(seed: u64, count: usize) -> Vec<f32> {
    let values = noise(seed).map(|bits| (bits % 2001) as f32 * 1e-3 - 1.0);
    values.take(count).collect()
}

fn bytes(seed: u64, count: usize) -> Vec<u8> {
    noise(seed).map(|bits| bits as u8).take(count).collect()
}

fn weights(seed: u64, count: usize) -> Vec<i8> {
    let values = noise(seed).map(|bits| (bits % 129) as i32 - 64);
    values.map(|w| w as i8).take(count).collect()
}

/// Calls `run` for every CPU with one, two and three threads, and gives the results.
fn everywhere<T>(bytes: impl Fn(Cpu) -> usize, run: impl Fn(Exec<'_>) -> T) -> Vec<T> {
    let mut results = Vec::new();
    for threads in [1, 2, 3] {
        let pool = Pool::new(threads).unwrap();
        for cpu in Cpu::all() {
            let scratch = Scratch::new(threads, bytes(cpu));
            results.push(run(Exec {
                cpu,
                pool: &pool,
                scratch: &scratch,
            }));
        }
    }
    results
}

/// The value of a row at `i`, found without gathering.
fn at<T: Copy>(x: &Operand<'_, T>, k: usize, row: usize, i: usize) -> T {
    match *x {
        Operand::Rows(x) => x[row * k + i],
        Operand::Patches {
            map,
            patches: p,
            outside,
        } => {
            let width = p.out_size().1;
            let (cell, c) = match p.planar {
                true => (i % (p.kernel * p.kernel), i / (p.kernel * p.kernel)),
                false => (i / p.channels, i % p.channels),
            };
            let y = (row / width * p.stride + cell / p.kernel).wrapping_sub(p.pad);
            let x = (row % width * p.stride + cell % p.kernel).wrapping_sub(p.pad);
            match (y < p.height && x < p.width, p.planar) {
                (false, _) => outside,
                (true, true) => map[(c * p.height + y) * p.width + x],
                (true, false) => map[(y * p.width + x) * p.channels + c],
            }
        }
    }
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

fn check_float(
    x: Operand<'_, f32>,
    n: usize,
    k: usize,
    activation: Activation,
    with: [bool; 2],
    seed: u64,
) {
    let rows = x.rows(k);
    let (weight, bias) = (reals(seed + 1, n * k), reals(seed + 2, n));
    let residual = reals(seed + 3, rows * n);
    let (bias, residual) = (with[0].then_some(&*bias), with[1].then_some(&*residual));
    let quant = Quant {
        scale: 0.03,
        zero: 99,
    };
    let layer = |cpu| LinearF32::new(cpu, &weight, bias, n, k);
    let results = everywhere(
        |cpu| layer(cpu).scratch(),
        |exec| {
            let (mut real, mut eight) = (vec![f32::NAN; rows * n], vec![1; rows * n]);
            let layer = layer(exec.cpu);
            layer.run(exec, x, residual, activation, Out::F32(&mut real));
            layer.run(exec, x, residual, activation, Out::U8(quant, &mut eight));
            (real, eight)
        },
    );
    let (real, eight) = &results[0];
    for (other, other_eight) in &results[1..] {
        assert_eq!(bits(other), bits(real));
        assert_eq!(other_eight, eight);
    }
    for (out, real) in real.iter().enumerate() {
        let (row, column) = (out / n, out % n);
        let products =
            (0..k).map(|i| f64::from(at(&x, k, row, i)) * f64::from(weight[column * k + i]));
        let sum = products.sum::<f64>()
            + bias.map_or(0.0, |bias| f64::from(bias[column]))
            + residual.map_or(0.0, |residual| f64::from(residual[out]));
        let expected = match activation {
            Activation::None => sum,
            Activation::Relu => sum.max(0.0),
            Activation::Gelu => f64::from(math::gelu(sum as f32)),
        };
        assert!(
            (f64::from(*real) - expected).abs() < 1e-5 * (1.0 + k as f64).sqrt(),
            "{real} {expected}"
        );
        assert_eq!(eight[out], quant.quantize(*real));
    }
}

fn check_eight(x: Operand<'_, u8>, n: usize, k: usize, kind: usize, seed: u64) {
    let rows = x.rows(k);
    let input = Quant {
        scale: 0.02,
        zero: (seed % 256) as u8,
    };
    let (mid, y) = (
        Quant {
            scale: 0.07,
            zero: 131,
        },
        Quant {
            scale: 0.05,
            zero: 3,
        },
    );
    let weight = weights(seed + 1, n * k);
    let scale: Vec<f32> = reals(seed + 2, n)
        .iter()
        .map(|s| (s + 1.5) * 0.01)
        .collect();
    let bias = reals(seed + 3, n);
    let bias = (!kind.is_multiple_of(5)).then_some(&*bias);
    let (float, quantized) = (reals(seed + 4, rows * n), bytes(seed + 5, rows * n));
    let residual = match kind % 3 {
        0 => Residual::None,
        1 => Residual::F32(&float),
        _ => Residual::U8(mid, &quantized),
    };
    let table = gelu_table(mid, y);
    let parts = WeightsI8 {
        weight: &weight,
        scale: &scale,
        bias,
        input,
    };
    let layer = |cpu| LinearI8::new(cpu, &parts, n, k);
    let results = everywhere(
        |cpu| layer(cpu).scratch(),
        |exec| {
            let layer = layer(exec.cpu);
            let (mut real, mut eight) = (vec![f32::NAN; rows * n], vec![1; rows * n]);
            let mut looked_up = eight.clone();
            layer.run(exec, x, residual, Epilogue::F32(&mut real));
            layer.run(exec, x, residual, Epilogue::U8(mid, &mut eight));
            layer.run(
                exec,
                x,
                residual,
                Epilogue::Table(mid, &table, &mut looked_up),
            );
            (bits(&real), eight, looked_up)
        },
    );
    for out in 0..rows * n {
        let (row, column) = (out / n, out % n);
        let products = (0..k).map(|i| {
            (i64::from(at(&x, k, row, i)) - i64::from(input.zero))
                * i64::from(weight[column * k + i])
        });
        let sum = products.sum::<i64>() as f32;
        let mut real = sum.mul_add(
            input.scale * scale[column],
            bias.map_or(0.0, |bias| bias[column]),
        );
        match residual {
            Residual::None => {}
            Residual::F32(x) => real += x[out],
            Residual::U8(quant, x) => real += quant.dequantize(x[out]),
        }
        let q = mid.quantize(real);
        for (reals, eight, looked_up) in &results {
            assert_eq!(reals[out], real.to_bits());
            assert_eq!(eight[out], q);
            assert_eq!(looked_up[out], y.quantize(math::gelu(mid.dequantize(q))));
        }
    }
}

fn activation(kind: usize) -> Activation {
    [Activation::None, Activation::Relu, Activation::Gelu][kind % 3]
}

fn patches() -> impl Strategy<Value = Patches> {
    let sizes = (1usize..12, 1usize..12, 1usize..20, 1usize..4);
    (sizes, 1usize..3, 0usize..3, any::<bool>())
        .prop_map(
            |((height, width, channels, kernel), stride, pad, planar)| Patches {
                height,
                width,
                channels,
                kernel,
                stride,
                pad,
                planar,
            },
        )
        .prop_filter("the kernel fits", |p| {
            p.kernel <= p.height.min(p.width) + 2 * p.pad
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn float_rows(rows in 0usize..40, n in 1usize..70, k in 1usize..50, kind in 0usize..6, with: [bool; 2], seed in 0u64..1 << 30) {
        let x = reals(seed, rows * k);
        check_float(Operand::Rows(&x), n, k, activation(kind), with, seed);
    }

    #[test]
    fn float_patches(p in patches(), n in 1usize..40, kind in 0usize..6, seed in 0u64..1 << 30) {
        let map = reals(seed, p.height * p.width * p.channels);
        let x = Operand::Patches { map: &map, patches: &p, outside: 0.0 };
        check_float(x, n, p.k(), activation(kind), [true, false], seed);
    }

    #[test]
    fn eight_bit_rows(rows in 0usize..40, n in 1usize..70, k in 1usize..70, kind in 0usize..15, seed in 0u64..1 << 30) {
        let x = bytes(seed, rows * k);
        check_eight(Operand::Rows(&x), n, k, kind, seed);
    }

    #[test]
    fn eight_bit_patches(p in patches(), n in 1usize..40, kind in 0usize..15, seed in 0u64..1 << 30) {
        let map = bytes(seed, p.height * p.width * p.channels);
        let x = Operand::Patches { map: &map, patches: &p, outside: 77 };
        check_eight(x, n, p.k(), kind, seed);
    }
}

/// Enough rows and columns for many tasks, and distances of rows that are gathered and that are not.
#[test]
fn large_layers() {
    for (rows, n, k) in [(601, 130, 64), (85, 96, 1024), (1, 300, 256), (7, 2048, 32)] {
        check_float(
            Operand::Rows(&reals(1, rows * k)),
            n,
            k,
            Activation::None,
            [true; 2],
            9,
        );
        check_eight(Operand::Rows(&bytes(1, rows * k)), n, k, 2, 9);
    }
}

/// The largest sums that 7-bit weights give.
#[test]
fn extreme_sums_are_exact() {
    let (n, k) = (33, 2304);
    let weight: Vec<i8> = (0..n * k)
        .map(|i| if i / k % 2 == 0 { 64 } else { -64 })
        .collect();
    for zero in [0, 255] {
        let input = Quant { scale: 1.0, zero };
        let x = vec![255 - zero; 15 * k];
        let parts = WeightsI8 {
            weight: &weight,
            scale: &vec![1.0; n],
            bias: None,
            input,
        };
        let layer = |cpu| LinearI8::new(cpu, &parts, n, k);
        for real in everywhere(
            |cpu| layer(cpu).scratch(),
            |exec| {
                let mut real = vec![0.0; 15 * n];
                layer(exec.cpu).run(
                    exec,
                    Operand::Rows(&x),
                    Residual::None,
                    Epilogue::F32(&mut real),
                );
                real
            },
        ) {
            for (out, real) in real.iter().enumerate() {
                let sign = if (out % n % 2 == 0) == (zero == 0) {
                    1.0
                } else {
                    -1.0
                };
                assert_eq!(*real, sign * (255 * 64 * k) as f32);
            }
        }
    }
}
