use super::*;
use crate::kernels::Quant;
use crate::kernels::testing::{floats_on_every_cpu, on_every_cpu, random};
use proptest::prelude::*;

/// What one test computes on.
struct Case {
    shape: WindowShape,
    qkv: Vec<u8>,
    biases: Vec<f32>,
    fineness: Vec<f32>,
    value_scale: Vec<f32>,
    /// Keys and values of the token.
    token: Option<[Vec<f32>; 2]>,
    outside: Vec<f32>,
}

/// Bytes from a seed; `extreme`: 0 and 255 alone.
fn bytes(len: usize, seed: u32, extreme: bool) -> Vec<u8> {
    let random = random(len, seed).into_iter();
    random
        .map(|x| {
            if extreme {
                if x > 0.0 { 255 } else { 0 }
            } else {
                ((x + 2.0) * 64.0) as u8
            }
        })
        .collect()
}

impl Case {
    fn new(shape: WindowShape, token: bool, extreme: bool, seed: u32) -> Self {
        let channels = shape.heads * HEAD;
        let reals = |len, seed, most: f32| -> Vec<f32> {
            random(len, seed).iter().map(|x| x * most / 2.0).collect()
        };
        Self {
            shape,
            qkv: bytes(shape.height * shape.width * 3 * channels, seed, extreme),
            biases: reals(shape.heads * shape.window * shape.window, seed ^ 1, 4.0),
            fineness: (0..shape.heads)
                .map(|at| [64.0, 1.0, 512.0, 4096.0][(at + seed as usize) % 4])
                .collect(),
            value_scale: (0..shape.heads)
                .map(|at| 0.01 + at as f32 * 0.003)
                .collect(),
            token: token.then(|| [2, 3].map(|of| reals(channels, seed ^ of, 90.0))),
            outside: reals(3 * channels, seed ^ 4, 90.0),
        }
    }

    fn weights(&self) -> WindowWeightsI8<'_> {
        WindowWeightsI8 {
            biases: &self.biases,
            fineness: &self.fineness,
            value_scale: &self.value_scale,
            token: self.token.as_ref().map(|[keys, values]| TokenI8 {
                keys,
                values,
                bias: -1.3,
            }),
            outside: Some(&self.outside),
        }
    }

    /// The contract in plain integers: weighted sums of values and sums of weights, `[height * width][heads][32]`.
    fn reference(&self) -> Vec<f32> {
        let WindowShape {
            height,
            width,
            window,
            heads,
        } = self.shape;
        let narrow = |x: f32| x.round_ties_even().clamp(-64.0, 64.0) as i64;
        let vector = |y: usize, x: usize, head: usize, part: usize| -> Vec<i64> {
            let column = (head * 3 + part) * HEAD;
            if y < height && x < width {
                let from = &self.qkv[(y * width + x) * 3 * heads * HEAD + column..][..HEAD];
                let steps = from.iter().map(|q| i64::from(*q) - 128);
                if part == 0 {
                    steps.collect()
                } else {
                    steps.map(|s| s.clamp(-64, 64)).collect()
                }
            } else {
                self.outside[column..][..HEAD]
                    .iter()
                    .map(|x| narrow(*x))
                    .collect()
            }
        };
        let mut out = Vec::new();
        for i in 0..height * width * heads {
            let (head, x, y) = (i % heads, i / heads % width, i / heads / width);
            let fineness = self.fineness[head];
            let in_units = |bias: f32| {
                (bias * (fineness * crate::kernels::tile::window::PER_NAT)).round_ties_even() as i64
            };
            let q = vector(y, x, head, 0);
            let dot = |k: &[i64]| -> i64 { q.iter().zip(k).map(|(q, k)| q * k).sum() };
            let (mut scores, mut values) = (Vec::new(), Vec::new());
            for ky in y / window * window..(y / window + 1) * window {
                for kx in x / window * window..(x / window + 1) * window {
                    let offset = ky.abs_diff(y) * window + kx.abs_diff(x);
                    let bias = in_units(self.biases[head * window * window + offset]);
                    scores.push(dot(&vector(ky, kx, head, 1)) + bias);
                    values.push(vector(ky, kx, head, 2));
                }
            }
            if let Some(token) = &self.token {
                let [k, v] = token.each_ref().map(|all| -> Vec<i64> {
                    all[head * HEAD..][..HEAD]
                        .iter()
                        .map(|x| narrow(*x))
                        .collect()
                });
                scores.push(dot(&k) + in_units(-1.3));
                values.push(v);
            }
            let most = scores.iter().max().unwrap();
            let weights: Vec<i64> = scores
                .iter()
                .map(|score| {
                    let below = (most - score) as f64 / f64::from(fineness);
                    let steps = (below + 0.5).floor().min(255.0);
                    if steps < 255.0 {
                        (255.0 * (-steps / 28.0).exp2()).round() as i64
                    } else {
                        0
                    }
                })
                .collect();
            let factor = 1.0 / weights.iter().sum::<i64>() as f32 * self.value_scale[head];
            for c in 0..HEAD {
                let sum: i64 = weights.iter().zip(&values).map(|(p, v)| p * v[c]).sum();
                out.push(sum as f32 * factor);
            }
        }
        out
    }
}

fn check(shape: WindowShape, token: bool, extreme: bool, seed: u32) {
    let case = Case::new(shape, token, extreme, seed);
    let all = Cpu::all();
    let of = |cpu| WindowAttentionI8::new(cpu, shape, &case.weights());
    let scratch = all.iter().map(|cpu| of(*cpu).scratch()).max().unwrap();
    let len = case.qkv.len() / 3;
    let got = floats_on_every_cpu(scratch, len, |exec, y| {
        of(exec.cpu).run(exec, &case.qkv, Out::F32(y))
    });
    for (at, (got, want)) in got.iter().zip(case.reference()).enumerate() {
        assert_eq!(
            got.to_bits(),
            want.to_bits(),
            "{shape:?}, {at}: {got} {want}"
        );
    }
    let quant = Quant {
        scale: 0.013,
        zero: 120,
    };
    let small = on_every_cpu(scratch, |exec| {
        let mut y = vec![0; len];
        of(exec.cpu).run(exec, &case.qkv, Out::U8(quant, &mut y));
        y
    });
    assert!(
        small
            .iter()
            .zip(&got)
            .all(|(q, x)| *q == quant.quantize(*x))
    );
}

fn shape(height: usize, width: usize, window: usize, heads: usize) -> WindowShape {
    WindowShape {
        height,
        width,
        window,
        heads,
    }
}

#[test]
fn whole_windows_and_edges_are_exact() {
    check(shape(14, 14, 7, 3), true, false, 1);
    check(shape(10, 9, 7, 2), true, false, 2);
    check(shape(10, 10, 7, 1), false, false, 3);
    check(shape(14, 14, 14, 1), true, false, 4);
    check(shape(3, 5, 7, 3), true, false, 5);
}

#[test]
fn windows_of_a_frame_are_exact() {
    check(shape(14, 14, 14, 5), true, false, 8);
    check(shape(28, 14, 7, 4), true, false, 9);
    check(shape(7, 7, 7, 10), true, false, 10);
}

#[test]
fn large_windows_over_the_edge_are_exact() {
    check(shape(20, 17, 14, 2), true, false, 11);
    check(shape(15, 15, 14, 1), false, true, 12);
    check(shape(2, 33, 31, 1), true, false, 13);
}

#[test]
fn the_largest_sums_do_not_saturate() {
    check(shape(7, 14, 7, 2), true, true, 6);
    check(shape(14, 14, 14, 2), true, true, 14);
    check(shape(31, 2, 31, 1), false, true, 7);
}

#[test]
fn a_fineness_is_a_power_of_two() {
    for good in [1.0, 2.0, 64.0, FINEST] {
        assert!(is_fineness(good));
    }
    for bad in [
        0.0,
        0.5,
        3.0,
        96.0,
        2.0 * FINEST,
        -2.0,
        f32::NAN,
        f32::INFINITY,
    ] {
        assert!(!is_fineness(bad), "{bad}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn any_shape(height in 1usize..9, width in 1usize..9, window in 1usize..6, heads in 1usize..3, token: bool, extreme: bool, seed: u32) {
        check(shape(height, width, window, heads), token, extreme, seed);
    }
}
