use super::*;
use crate::kernels::Quant;
use crate::kernels::testing::{close, floats_on_every_cpu, on_every_cpu, random};
use proptest::prelude::*;

/// The definition in f64, on a map that is really padded.
fn reference(
    shape: WindowShape,
    biases: &[f32],
    token: Option<Token<'_>>,
    outside: &[f32],
    qkv: &[f32],
) -> Vec<f64> {
    let WindowShape {
        height,
        width,
        window,
        heads,
    } = shape;
    let cell = |y: usize, x: usize, head: usize, part: usize, d: usize| {
        let column = (head * 3 + part) * HEAD + d;
        f64::from(if y < height && x < width {
            qkv[(y * width + x) * 3 * heads * HEAD + column]
        } else {
            outside[column]
        })
    };
    let mut out = vec![0.0; height * width * heads * HEAD];
    for (i, out) in out.chunks_exact_mut(HEAD).enumerate() {
        let (head, x, y) = (i % heads, i / heads % width, i / heads / width);
        let (mut logits, mut values) = (Vec::new(), Vec::<Vec<f64>>::new());
        let mut add = |key: Vec<f64>, value: Vec<f64>, bias: f32| {
            let dot: f64 = (0..HEAD).map(|d| cell(y, x, head, 0, d) * key[d]).sum();
            logits.push(dot / 32f64.sqrt() + f64::from(bias));
            values.push(value);
        };
        for ky in y / window * window..(y / window + 1) * window {
            for kx in x / window * window..(x / window + 1) * window {
                let vector = |part| (0..HEAD).map(|d| cell(ky, kx, head, part, d)).collect();
                let offset = ky.abs_diff(y) * window + kx.abs_diff(x);
                add(
                    vector(1),
                    vector(2),
                    biases[head * window * window + offset],
                );
            }
        }
        if let Some(token) = token {
            let vector: Vec<f64> = (0..HEAD)
                .map(|d| f64::from(token.vectors[head * HEAD + d]))
                .collect();
            add(vector.clone(), vector, token.bias);
        }
        let most = logits.iter().copied().fold(f64::MIN, f64::max);
        let sum: f64 = logits.iter().map(|s| (s - most).exp()).sum();
        for (s, value) in logits.iter().zip(&values) {
            let p = (s - most).exp() / sum;
            out.iter_mut().zip(value).for_each(|(o, v)| *o += p * v);
        }
    }
    out
}

fn check(shape: WindowShape, with_token: bool, spread: f32, seed: u32) {
    let channels = shape.heads * HEAD;
    let qkv: Vec<f32> = random(shape.height * shape.width * 3 * channels, seed);
    let qkv: Vec<f32> = qkv.iter().map(|x| x * spread).collect();
    let biases = random(shape.heads * shape.window * shape.window, seed ^ 1);
    let vectors = random(channels, seed ^ 2);
    let token = with_token.then_some(Token {
        vectors: &vectors,
        bias: 0.7,
    });
    let outside = random(3 * channels, seed ^ 3);
    let attention = WindowAttention::new(shape, &biases, token, Some(&outside));
    let got = floats_on_every_cpu(attention.scratch(), qkv.len() / 3, |exec, y| {
        attention.run(exec, &qkv, Out::F32(y));
    });
    let want = reference(shape, &biases, token, &outside, &qkv);
    for (got, want) in got.iter().zip(&want) {
        // Scores, hence relative errors of e^score, grow with the square.
        let error = 1e-5 * f64::from(spread * spread);
        assert!(close(*got, *want, error), "{shape:?}: {got} {want}");
    }
    let quant = Quant {
        scale: 0.02,
        zero: 120,
    };
    let small = on_every_cpu(attention.scratch(), |exec| {
        let mut y = vec![0; qkv.len() / 3];
        attention.run(exec, &qkv, Out::U8(quant, &mut y));
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
fn whole_windows_and_edges() {
    check(shape(14, 14, 7, 2), true, 1.0, 1);
    check(shape(10, 10, 7, 2), true, 1.0, 2);
    check(shape(10, 10, 7, 1), false, 1.0, 3);
    check(shape(16, 14, 14, 1), true, 1.0, 4);
    check(shape(3, 5, 7, 3), true, 1.0, 5);
}

#[test]
fn large_scores_do_not_overflow() {
    check(shape(7, 8, 7, 1), true, 6.0, 6);
}

#[test]
fn shares_cover_all_queries_once() {
    for (count, parts) in [(49, 1), (49, 3), (196, 8), (4, 3), (1, 4)] {
        let all: Vec<usize> = (0..parts)
            .flat_map(|part| share(count, part, parts, kernel::QUERIES))
            .collect();
        assert_eq!(all, (0..count).collect::<Vec<_>>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn any_shape(height in 1usize..9, width in 1usize..9, window in 1usize..6, heads in 1usize..3, token: bool, seed: u32) {
        check(shape(height, width, window, heads), token, 1.0, seed);
    }
}
