use super::*;
use crate::kernels::gemm::{Epilogue, WeightsI8};
use crate::kernels::testing::{close, floats_on_every_cpu, on_every_cpu, random};
use crate::kernels::{Activation, Quant};
use proptest::prelude::*;

/// Σ over the nine taps, by definition.
fn reference(shape: DepthwiseShape, x: &[f64], weight: &[f64]) -> Vec<f64> {
    let mut out = Vec::new();
    for y in 0..shape.out_height() {
        for column in 0..shape.out_width() {
            for c in 0..shape.channels {
                let mut sum = 0.0;
                for tap in 0..9 {
                    let iy = (y * shape.stride + tap / 3).wrapping_sub(1);
                    let ix = (column * shape.stride + tap % 3).wrapping_sub(1);
                    if iy < shape.height && ix < shape.width {
                        sum +=
                            x[(iy * shape.width + ix) * shape.channels + c] * weight[c * 9 + tap];
                    }
                }
                out.push(sum);
            }
        }
    }
    out
}

fn to_f64(x: &[f32]) -> Vec<f64> {
    x.iter().map(|x| f64::from(*x)).collect()
}

prop_compose! {
    fn shapes()(height in 1usize..9, width in 1usize..9, channels in 1usize..70, stride in 1usize..3) -> DepthwiseShape {
        DepthwiseShape { height, width, channels, stride }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn float_matches_f64(shape in shapes(), seed: u32, relu: bool) {
        let x = random(shape.height * shape.width * shape.channels, seed);
        let (weight, bias) = (random(shape.channels * 9, seed ^ 1), random(shape.channels, seed ^ 2));
        let conv = DepthwiseF32::new(shape, &weight, Some(&bias));
        let want = reference(shape, &to_f64(&x), &to_f64(&weight));
        let activation = if relu { Activation::Relu } else { Activation::None };
        let got = floats_on_every_cpu(conv.scratch(), want.len(), |exec, y| conv.run(exec, &x, activation, y));
        for (i, (got, want)) in got.iter().zip(&want).enumerate() {
            let want = want + f64::from(bias[i % shape.channels]);
            let want = if relu { want.max(0.0) } else { want };
            prop_assert!(close(*got, want, 3e-6), "{got} {want}");
        }
    }

    #[test]
    fn eight_bits_are_exact(shape in shapes(), seed: u32, zero: u8, extreme: bool) {
        let c = shape.channels;
        let x: Vec<u8> = random(shape.height * shape.width * c, seed).iter().map(|x| (x * 64.0 + 128.0) as u8).collect();
        let x = if extreme { vec![255; x.len()] } else { x };
        let mut weight: Vec<i8> = random(c * 9, seed ^ 1).iter().map(|w| (w * 32.5) as i8).collect();
        if extreme {
            weight.fill(if zero % 2 == 0 { 64 } else { -64 });
        }
        let scale: Vec<f32> = random(c, seed ^ 2).iter().map(|s| s.abs() * 0.01 + 1e-4).collect();
        let bias = random(c, seed ^ 3);
        let input = Quant { scale: 0.03, zero };
        let conv = DepthwiseI8::new(shape, &WeightsI8 { weight: &weight, scale: &scale, bias: Some(&bias), input });
        let real: Vec<f64> = x.iter().map(|x| f64::from(*x) - f64::from(zero)).collect();
        let weight: Vec<f64> = weight.iter().map(|w| f64::from(*w)).collect();
        let want: Vec<f32> = reference(shape, &real, &weight)
            .iter()
            .enumerate()
            .map(|(i, acc)| (*acc as f32).mul_add(input.scale * scale[i % c], bias[i % c]))
            .collect();
        let got = floats_on_every_cpu(conv.scratch(), want.len(), |exec, y| conv.run(exec, &x, Epilogue::F32(y)));
        prop_assert_eq!(&got, &want);
        let quant = Quant { scale: 0.05, zero: 90 };
        let small = on_every_cpu(conv.scratch(), |exec| {
            let mut y = vec![0; want.len()];
            conv.run(exec, &x, Epilogue::U8(quant, &mut y));
            y
        });
        prop_assert!(small.iter().zip(&want).all(|(q, x)| *q == quant.quantize(*x)));
        let table: [u8; 256] = std::array::from_fn(|i| (i * 7 % 251) as u8);
        let looked_up = on_every_cpu(conv.scratch(), |exec| {
            let mut y = vec![0; want.len()];
            conv.run(exec, &x, Epilogue::Table(quant, &table, &mut y));
            y
        });
        prop_assert!(looked_up.iter().zip(&small).all(|(y, q)| *y == table[usize::from(*q)]));
    }
}
