//! Chains against their layers one after the other: the same bits.

use std::sync::Arc;

use proptest::prelude::*;

use super::bands::Bands;
use super::*;
use crate::kernels::depthwise::{DepthwiseF32, DepthwiseI8, DepthwiseShape};
use crate::kernels::gemm::{Finish, LinearF32, LinearI8, Operand, Residual, WeightsI8};
use crate::kernels::testing::{on_every_cpu, random};
use crate::kernels::{Activation, Cpu, Out, Quant, ValueMut, gelu_table};

const Q: Quant = Quant {
    scale: 0.05,
    zero: 117,
};

/// A chain's sizes and how it is cut.
#[derive(Clone, Copy, Debug)]
struct ChainCase {
    shape: DepthwiseShape,
    k: usize,
    n: usize,
    tiles: usize,
    step: usize,
    residual: bool,
    seed: u32,
}

fn floats(case: &ChainCase, number: u32, len: usize) -> Vec<f32> {
    random(len, case.seed ^ (number << 20))
}

fn quantized(case: &ChainCase, number: u32, len: usize) -> Vec<u8> {
    let values = floats(case, number, len);
    values.iter().map(|x| (x * 64.0 + 128.0) as u8).collect()
}

fn weights(case: &ChainCase, number: u32, len: usize) -> Vec<i8> {
    let values = floats(case, number, len);
    values.iter().map(|w| (w * 32.5) as i8).collect()
}

/// Cells of the input and of the output.
fn cells(shape: DepthwiseShape) -> (usize, usize) {
    let output = shape.out_height() * shape.out_width();
    (shape.height * shape.width, output)
}

fn check_float(case: &ChainCase) {
    let (shape, k, n) = (case.shape, case.k, case.n);
    let ((rows, out_rows), c) = (cells(shape), shape.channels);
    let (x, residual) = (floats(case, 0, rows * k), floats(case, 7, out_rows * n));
    let residual = case.residual.then_some(&*residual);
    let parts: Vec<Vec<f32>> = [c * k, c, c * 9, c, n * c, n]
        .iter()
        .enumerate()
        .map(|(i, len)| floats(case, i as u32 + 1, *len))
        .collect();
    let depthwise = Arc::new(DepthwiseF32::new(shape, &parts[2], Some(&parts[3])));
    let layers = |cpu| {
        let widen = Arc::new(LinearF32::new(cpu, &parts[0], Some(&parts[1]), c, k));
        let narrow = Arc::new(LinearF32::new(cpu, &parts[4], Some(&parts[5]), n, c));
        let chain = BottleneckF32::cut(
            Bands::with(shape, case.tiles, case.step),
            (widen.clone(), Activation::Gelu),
            &(depthwise.clone(), Activation::Gelu),
            (narrow.clone(), Activation::Relu),
        );
        (widen, narrow, chain)
    };
    let scratch = |cpu: Cpu| {
        let (widen, narrow, chain) = layers(cpu);
        widen.scratch().max(narrow.scratch()).max(chain.scratch())
    };
    let bytes = Cpu::all().into_iter().map(scratch).max().unwrap();
    on_every_cpu(bytes, |exec| {
        let (widen, narrow, chain) = layers(exec.cpu);
        let (mut wide, mut convolved) = (vec![0.0; rows * c], vec![0.0; out_rows * c]);
        let (mut expected, mut got) = (vec![0.0; out_rows * n], vec![f32::NAN; out_rows * n]);
        let gelu = Activation::Gelu;
        widen.run(exec, Operand::Rows(&x), None, gelu, Out::F32(&mut wide));
        depthwise.run(exec, &wide, gelu, &mut convolved);
        let out = Out::F32(&mut expected);
        narrow.run(
            exec,
            Operand::Rows(&convolved),
            residual,
            Activation::Relu,
            out,
        );
        chain.run(exec, &x, residual, &mut got);
        let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&got), bits(&expected));
        bits(&got)
    });
}

fn check_eight(case: &ChainCase, last: &Finish) {
    let (shape, k, n) = (case.shape, case.k, case.n);
    let ((rows, out_rows), c) = (cells(shape), shape.channels);
    let x = quantized(case, 0, rows * k);
    let residual = quantized(case, 1, out_rows * n);
    let residual = match case.residual {
        false => Residual::None,
        true => Residual::U8(Q, &residual),
    };
    let scale: Vec<f32> = floats(case, 2, c.max(n))
        .iter()
        .map(|s| s.abs() * 1e-3)
        .collect();
    let bias = floats(case, 3, c.max(n));
    let weight = [c * k, c * 9, n * c].map(|len| weights(case, 4, len));
    let parts = |i: usize, n: usize| WeightsI8 {
        weight: &weight[i],
        scale: &scale[..n],
        bias: Some(&bias[..n]),
        input: Q,
    };
    let table = Finish::Table(Q, Box::new(gelu_table(Q, Q)));
    let depthwise = Arc::new(DepthwiseI8::new(shape, &parts(1, c)));
    let layers = |cpu| {
        let widen = Arc::new(LinearI8::new(cpu, &parts(0, c), c, k));
        let narrow = Arc::new(LinearI8::new(cpu, &parts(2, n), n, c));
        let chain = BottleneckI8::cut(
            Bands::with(shape, case.tiles, case.step),
            (widen.clone(), table.clone()),
            &(depthwise.clone(), Finish::U8(Q)),
            (narrow.clone(), last.clone()),
        );
        (widen, narrow, chain)
    };
    let scratch = |cpu: Cpu| {
        let (widen, narrow, chain) = layers(cpu);
        widen.scratch().max(narrow.scratch()).max(chain.scratch())
    };
    let bytes = Cpu::all().into_iter().map(scratch).max().unwrap();
    on_every_cpu(bytes, |exec| {
        let (widen, narrow, chain) = layers(exec.cpu);
        let (mut wide, mut convolved) = (vec![0; rows * c], vec![0; out_rows * c]);
        let to = table.on(ValueMut::U8(&mut wide));
        widen.run(exec, Operand::Rows(&x), Residual::None, to);
        let to = Finish::U8(Q);
        depthwise.run(exec, &wide, to.on(ValueMut::U8(&mut convolved)));
        let run = |chained: bool, out: ValueMut<'_>| match chained {
            true => chain.run(exec, &x, residual, out),
            false => narrow.run(exec, Operand::Rows(&convolved), residual, last.on(out)),
        };
        let result = |chained: bool| {
            let (mut real, mut small) = (vec![0.0; out_rows * n], vec![0; out_rows * n]);
            match last {
                Finish::F32 => run(chained, ValueMut::F32(&mut real)),
                _ => run(chained, ValueMut::U8(&mut small)),
            }
            (real.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), small)
        };
        assert_eq!(result(true), result(false));
        result(true)
    });
}

prop_compose! {
    fn cases()(
        (height, width, channels, stride) in (1usize..34, 1usize..20, 1usize..40, 1usize..3),
        (k, n, tiles, step) in (1usize..20, 1usize..20, 1usize..4, 1usize..5),
        residual: bool,
        seed: u32,
    ) -> ChainCase {
        let shape = DepthwiseShape { height, width, channels, stride };
        let tiles = tiles.min(shape.out_width());
        let step = if tiles == 1 { step } else { 1 };
        ChainCase { shape, k, n, tiles, step, residual, seed }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn float_bottlenecks(case in cases()) {
        check_float(&case);
    }

    #[test]
    fn eight_bit_bottlenecks(case in cases(), quantized: bool) {
        check_eight(&case, &if quantized { Finish::U8(Q) } else { Finish::F32 });
    }

    #[test]
    fn mlps(rows in 1usize..200, k in 1usize..20, hidden in 1usize..70, n in 1usize..20, seed: u32) {
        check_float_mlp(rows, [k, hidden, n], seed);
        check_eight_mlp(rows, [k, hidden, n], seed);
    }
}

fn check_float_mlp(rows: usize, [k, hidden, n]: [usize; 3], seed: u32) {
    let [x, residual] = [(rows * k, 0), (rows * n, 1)].map(|(len, i)| random(len, seed ^ i));
    let weights = [hidden * k, n * hidden].map(|len| random(len, seed ^ 2));
    let layers = |cpu| {
        let first = Arc::new(LinearF32::new(cpu, &weights[0], None, hidden, k));
        let second = Arc::new(LinearF32::new(cpu, &weights[1], None, n, hidden));
        let with = (
            (first.clone(), Activation::Gelu),
            (second.clone(), Activation::None),
        );
        (first, second, MlpF32::cut(with.0, with.1))
    };
    let scratch = |cpu: Cpu| {
        let (first, second, chain) = layers(cpu);
        first.scratch().max(second.scratch()).max(chain.scratch())
    };
    let bytes = Cpu::all().into_iter().map(scratch).max().unwrap();
    on_every_cpu(bytes, |exec| {
        let (first, second, chain) = layers(exec.cpu);
        let (mut between, mut expected) = (vec![0.0; rows * hidden], vec![0.0; rows * n]);
        let mut got = vec![f32::NAN; rows * n];
        let out = Out::F32(&mut between);
        first.run(exec, Operand::Rows(&x), None, Activation::Gelu, out);
        let (from, out) = (Operand::Rows(&between), Out::F32(&mut expected));
        second.run(exec, from, Some(&residual), Activation::None, out);
        chain.run(exec, &x, Some(&residual), &mut got);
        let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&got), bits(&expected));
        bits(&got)
    });
}

fn check_eight_mlp(rows: usize, [k, hidden, n]: [usize; 3], seed: u32) {
    let small = |len, seed| {
        random(len, seed)
            .iter()
            .map(|x| (x * 32.5) as i8)
            .collect::<Vec<_>>()
    };
    let x: Vec<u8> = small(rows * k, seed)
        .iter()
        .map(|x| (i32::from(*x) + 100) as u8)
        .collect();
    let weights = [hidden * k, n * hidden].map(|len| small(len, seed ^ 2));
    let (residual, scale) = (random(rows * n, seed ^ 1), vec![1e-3; hidden.max(n)]);
    let parts = |i: usize, n: usize| WeightsI8 {
        weight: &weights[i],
        scale: &scale[..n],
        bias: None,
        input: Q,
    };
    let table = Finish::Table(Q, Box::new(gelu_table(Q, Q)));
    let layers = |cpu| {
        let first = Arc::new(LinearI8::new(cpu, &parts(0, hidden), hidden, k));
        let second = Arc::new(LinearI8::new(cpu, &parts(1, n), n, hidden));
        let with = (
            (first.clone(), table.clone()),
            (second.clone(), Finish::F32),
        );
        (first, second, MlpI8::cut(with.0, with.1))
    };
    let scratch = |cpu: Cpu| {
        let (first, second, chain) = layers(cpu);
        first.scratch().max(second.scratch()).max(chain.scratch())
    };
    let bytes = Cpu::all().into_iter().map(scratch).max().unwrap();
    on_every_cpu(bytes, |exec| {
        let (first, second, chain) = layers(exec.cpu);
        let mut between = vec![0; rows * hidden];
        let (mut expected, mut got) = (vec![0.0; rows * n], vec![f32::NAN; rows * n]);
        let to = table.on(ValueMut::U8(&mut between));
        first.run(exec, Operand::Rows(&x), Residual::None, to);
        let (from, to) = (Operand::Rows(&between), Finish::F32);
        let addend = Residual::F32(&residual);
        second.run(exec, from, addend, to.on(ValueMut::F32(&mut expected)));
        chain.run(exec, &x, addend, ValueMut::F32(&mut got));
        let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&got), bits(&expected));
        bits(&got)
    });
}

/// Of the network: all of a map lies in some task, and scratch is bounded.
#[test]
fn cuts_fit_their_scratch() {
    for (side, channels, stride) in [
        (56, 256, 1),
        (256, 256, 1),
        (56, 128, 2),
        (256, 128, 2),
        (257, 256, 2),
    ] {
        let shape = DepthwiseShape {
            height: side,
            width: side,
            channels,
            stride,
        };
        for bytes in [1, 4] {
            if let Some(bands) = Bands::new(shape, bytes) {
                let scratch = match bytes {
                    1 => bands.scratch::<u8>(0),
                    _ => bands.scratch::<f32>(0),
                };
                assert!(scratch <= 257 << 10, "{shape:?}: {scratch}");
            }
        }
    }
    let large = |bytes| {
        let shape = DepthwiseShape {
            height: 256,
            width: 256,
            channels: 256,
            stride: 1,
        };
        Bands::new(shape, bytes).is_some()
    };
    assert!(large(1) && large(4));
}
