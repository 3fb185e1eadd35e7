use super::*;
use crate::kernels::testing::{close, floats_on_every_cpu, random};
use proptest::prelude::*;

type Matrix = Vec<Vec<f64>>;

/// Weights of an attention layer that keep scores moderate.
struct Weights {
    matrices: [Vec<f32>; 4],
    biases: [Vec<f32>; 4],
}

impl Weights {
    fn new(channels: usize, inner: usize, seed: u32) -> Self {
        let scale = 1.0 / (channels as f32).sqrt();
        let scaled = |i: u32, len| random(len, seed ^ i).iter().map(|w| w * scale).collect();
        Self {
            matrices: [0, 1, 2, 3].map(|i| scaled(i, channels * inner)),
            biases: [4, 5, 6, 7].map(|i| random(if i == 7 { channels } else { inner }, seed ^ i)),
        }
    }

    fn weights(&self) -> AttentionWeights<'_> {
        let affine = |i: usize| Affine {
            weight: &self.matrices[i],
            bias: &self.biases[i],
        };
        AttentionWeights {
            q: affine(0),
            k: affine(1),
            v: affine(2),
            out: affine(3),
        }
    }

    /// By definition, everything projected.
    fn reference(&self, q: &Matrix, k: &Matrix, v: &Matrix, residual: &Matrix) -> Matrix {
        let (q, k, v) = (self.project(0, q), self.project(1, k), self.project(2, v));
        let size = self.biases[0].len() / HEADS;
        let mixed: Matrix =
            q.iter()
                .map(|q| {
                    let mut mixed = Vec::new();
                    for part in (0..HEADS).map(|head| head * size..(head + 1) * size) {
                        let dot = |k: &Vec<f64>| -> f64 {
                            let pairs = q[part.clone()].iter().zip(&k[part.clone()]);
                            pairs.map(|(q, k)| q * k).sum::<f64>() / (size as f64).sqrt()
                        };
                        let scores: Vec<f64> = k.iter().map(dot).collect();
                        let most = scores.iter().copied().fold(f64::MIN, f64::max);
                        let weights: Vec<f64> = scores.iter().map(|s| (s - most).exp()).collect();
                        let sum: f64 = weights.iter().sum();
                        mixed.extend(part.map(|d| {
                            weights.iter().zip(&v).map(|(p, v)| p * v[d]).sum::<f64>() / sum
                        }));
                    }
                    mixed
                })
                .collect();
        plus(&self.project(3, &mixed), residual)
    }

    fn project(&self, number: usize, x: &Matrix) -> Matrix {
        let project = |x: &Vec<f64>| {
            let rows = self.matrices[number].chunks_exact(x.len());
            let dot = |w: &[f32]| w.iter().zip(x).map(|(w, x)| f64::from(*w) * x).sum::<f64>();
            rows.zip(&self.biases[number])
                .map(|(w, b)| dot(w) + f64::from(*b))
                .collect()
        };
        x.iter().map(project).collect()
    }
}

fn matrix(x: &[f32], columns: usize) -> Matrix {
    let row = |x: &[f32]| x.iter().map(|x| f64::from(*x)).collect();
    x.chunks_exact(columns).map(row).collect()
}

fn plus(a: &Matrix, b: &Matrix) -> Matrix {
    let row = |(a, b): (&Vec<f64>, &Vec<f64>)| a.iter().zip(b).map(|(a, b)| a + b).collect();
    a.iter().zip(b).map(row).collect()
}

fn check(got: &[f32], want: &Matrix) {
    let want: Vec<f64> = want.iter().flatten().copied().collect();
    assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(&want) {
        assert!(close(*got, *want, 2e-5), "{got} {want}");
    }
}

fn check_all(tokens: usize, rows: usize, channels: usize, inner: usize, seed: u32) {
    let made = Weights::new(channels, inner, seed);
    let [a, b, c] = [11, 12, 13].map(|i| random(tokens * channels, seed ^ i));
    let [image, position] = [14, 15].map(|i| random(rows * channels, seed ^ i));
    let m = |x: &[f32]| matrix(x, channels);
    let with_position = plus(&m(&image), &m(&position));

    let layer = SelfAttention::new(&made.weights());
    let got = floats_on_every_cpu(layer.scratch(tokens), a.len(), |exec, y| {
        layer.run(
            exec,
            (&a, &b),
            Some(&c),
            &mut vec![f32::NAN; layer.work(tokens)],
            y,
        );
    });
    check(&got, &made.reference(&m(&a), &m(&a), &m(&b), &m(&c)));

    let layer = TokenToImage::new(&made.weights());
    let got = floats_on_every_cpu(layer.scratch(tokens, rows), a.len(), |exec, y| {
        let mut work = vec![f32::NAN; layer.work(tokens, rows)];
        layer.run(exec, &a, (&image, &position), &c, &mut work, y);
    });
    check(
        &got,
        &made.reference(&m(&a), &with_position, &m(&image), &m(&c)),
    );

    let layer = ImageToToken::new(&made.weights());
    let got = floats_on_every_cpu(layer.scratch(tokens), image.len(), |exec, y| {
        let mut work = vec![f32::NAN; layer.work(tokens)];
        layer.run(exec, (&image, &position), (&a, &b), &mut work, y);
    });
    check(
        &got,
        &made.reference(&with_position, &m(&a), &m(&b), &m(&image)),
    );
}

#[test]
fn the_networks_own_sizes() {
    check_all(7, 64, 256, 128, 1);
    check_all(1, 64, 256, 128, 2);
}

#[test]
fn many_blocks() {
    check_all(2, 600, 16, 128, 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]
    #[test]
    fn any_size(tokens in 1usize..10, rows in 1usize..90, channels in 1usize..4, inner in 1usize..3, seed: u32) {
        check_all(tokens, rows, channels * 16, inner * 128, seed);
    }
}
