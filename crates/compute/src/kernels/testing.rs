//! What the tests of this folder share.

use crate::kernels::{Cpu, Exec, Pool, Scratch};

/// Φ(x) by the series of erf for small |x|, by the continued fraction of erfc beyond.
pub fn normal_cdf(x: f64) -> f64 {
    let z = x.abs() / std::f64::consts::SQRT_2;
    let tail = if z < 2.5 {
        let (mut term, mut erf, mut n) = (z, z, 0.0);
        while term.abs() > 1e-18 {
            n += 1.0;
            term *= -z * z / n;
            erf += term / (2.0 * n + 1.0);
        }
        0.5 - erf / std::f64::consts::PI.sqrt()
    } else {
        let fraction = (1..200).rev().fold(z, |f, k| z + f64::from(k) / 2.0 / f);
        0.5 * (-z * z).exp() / fraction / std::f64::consts::PI.sqrt()
    };
    if x < 0.0 { tail } else { 1.0 - tail }
}

/// The result of `layer`, asserted to be the same on every instruction set for 1, 2 and 3 threads. Each thread has
/// just `bytes` of scratch, filled with NaN.
pub fn on_every_cpu<T: PartialEq + std::fmt::Debug>(
    bytes: usize,
    layer: impl Fn(Exec<'_>) -> T,
) -> T {
    let mut first = None;
    for cpu in Cpu::all() {
        for threads in 1..=3 {
            let (pool, scratch) = (Pool::new(threads).unwrap(), Scratch::new(threads, bytes));
            let exec = Exec {
                cpu,
                pool: &pool,
                scratch: &scratch,
            };
            exec.parallel(threads, bytes, |_, part| part.fill(0xff));
            let got = layer(exec);
            match &first {
                None => first = Some(got),
                Some(first) => assert!(*first == got, "{cpu:?}, {threads} threads differ"),
            }
        }
    }
    first.unwrap()
}

/// The same for real numbers, compared bit by bit.
pub fn floats_on_every_cpu(
    scratch: usize,
    len: usize,
    layer: impl Fn(Exec<'_>, &mut [f32]),
) -> Vec<f32> {
    let bits = on_every_cpu(scratch, |exec| {
        let mut out = vec![f32::NAN; len];
        layer(exec, &mut out);
        out.into_iter().map(f32::to_bits).collect::<Vec<_>>()
    });
    bits.into_iter().map(f32::from_bits).collect()
}

/// `len` numbers in -2..2 (xorshift), the same for the same seed.
pub fn random(len: usize, seed: u32) -> Vec<f32> {
    let mut state = u64::from(seed) * 2 + 0x9e37_79b9_7f4a_7c15;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            ((state >> 40) as f32) / (1 << 22) as f32 - 2.0
        })
        .collect()
}

/// Whether `got` is within `error` · max(1, |want|) of `want`.
pub fn close(got: f32, want: f64, error: f64) -> bool {
    (f64::from(got) - want).abs() <= error * want.abs().max(1.0)
}
