//! A small network of 8-bit and float kinds, weights by rule: its output's bits are the same on every CPU and for
//! any number of threads, and are those written down here. Run on ARM under emulation too (`make test-arm`).

use super::{
    Attributes, Constant, Data, ElementType, Fact, Node, NodeInput, NodeInputs, NodeKind, Origin,
    Program, Step, build,
};
use crate::kernels::{Activation, Context, Cpu, Value};

/// FNV-1a of the bits of the last map and of the presence logit. Computed by the portable kernels on x86-64; any other
/// result is a fault.
const GOLDEN: u64 = 1_073_822_336_087_471_583;
/// The same of the scores of a small classifier of the picture.
const GOLDEN_SCORES: u64 = 5_214_351_433_624_855_015;

/// Numbers by rule: a linear congruential generator's upper bits.
struct Rule(u64);

impl Rule {
    fn next(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1 << 24) as f32 - 0.5
    }

    fn floats(&mut self, n: usize, size: f32) -> Vec<f32> {
        (0..n).map(|_| 2.0 * size * self.next()).collect()
    }

    fn bytes(&mut self, n: usize) -> Vec<i8> {
        (0..n).map(|_| (129.0 * self.next()) as i8).collect()
    }
}

/// An owned constant.
enum Owned {
    F32(Vec<usize>, Vec<f32>),
    U8(u8),
    I8(Vec<usize>, Vec<i8>),
}

/// An input of a node being added.
enum Given {
    Absent,
    From(Origin, Fact),
    Is(Owned),
}

struct Network {
    cpu: Cpu,
    rule: Rule,
    steps: Vec<Step>,
}

impl Network {
    fn floats(&mut self, shape: &[usize], size: f32) -> Given {
        let n = shape.iter().product();
        Given::Is(Owned::F32(shape.to_vec(), self.rule.floats(n, size)))
    }

    fn bytes(&mut self, shape: &[usize]) -> Given {
        let n = shape.iter().product();
        Given::Is(Owned::I8(shape.to_vec(), self.rule.bytes(n)))
    }

    fn scales(&mut self, n: usize) -> Given {
        let scales = self
            .rule
            .floats(n, 0.002)
            .into_iter()
            .map(|s| s.abs() + 1e-3);
        Given::Is(Owned::F32(vec![n], scales.collect()))
    }

    fn add(&mut self, kind: NodeKind, attributes: Attributes, given: &[Given]) -> Given {
        let values = given.iter().map(|given| match given {
            Given::Absent => NodeInput::Absent,
            Given::From(_, fact) => NodeInput::Dynamic(fact.clone()),
            Given::Is(owned) => NodeInput::Constant(match owned {
                Owned::F32(shape, data) => Constant {
                    shape,
                    data: Data::F32(data),
                },
                Owned::I8(shape, data) => Constant {
                    shape,
                    data: Data::I8(data),
                },
                Owned::U8(byte) => Constant {
                    shape: &[],
                    data: Data::U8(std::slice::from_ref(byte)),
                },
            }),
        });
        let inputs = NodeInputs::new(kind.inputs(), values.collect()).unwrap();
        let node = Node { kind, attributes };
        let output = node.output(&inputs).unwrap();
        let sources = given.iter().filter_map(|given| match given {
            Given::From(source, _) => Some(source.clone()),
            _ => None,
        });
        self.steps.push(Step {
            name: format!("{}-{}", kind.name(), self.steps.len()),
            layer: build(self.cpu, &node, &inputs).unwrap(),
            inputs: sources.collect(),
            output: output.clone(),
            kind: kind.name(),
            multiplications: 0,
        });
        Given::From(Origin::Step(self.steps.len() - 1), output)
    }
}

fn scale(value: f32) -> Given {
    Given::Is(Owned::F32(vec![], vec![value]))
}

fn zero(value: u8) -> Given {
    Given::Is(Owned::U8(value))
}

fn again(given: &Given) -> Given {
    match given {
        Given::From(source, fact) => Given::From(source.clone(), fact.clone()),
        _ => Given::Absent,
    }
}

const SIDE: usize = 44;

/// Stem, inverted bottleneck, merging, transformer block (8 bit, float attention, then one of bytes), neck, self-prompt,
/// up-convolutions.
/// The map of 11 x 11 is not tiled by windows of 7.
fn network(cpu: Cpu) -> Program {
    let mut net = Network {
        cpu,
        rule: Rule(1),
        steps: Vec::new(),
    };
    let gelu = Activation::Gelu;
    let map = |side: usize| Attributes {
        height: side,
        width: side,
        ..Attributes::default()
    };
    let conv = |side, stride, planar| Attributes {
        kernel: 3,
        stride,
        pad: 1,
        planar,
        ..map(side)
    };
    let image = Given::From(
        Origin::Input(0),
        Fact::new(ElementType::F32, &[1, 3, SIDE, SIDE]),
    );
    let given = [
        image,
        net.floats(&[32, 3, 3, 3], 0.4),
        net.floats(&[32], 0.1),
        scale(0.02),
        zero(9),
    ];
    let stem = Attributes {
        activation: gelu,
        ..conv(SIDE, 2, true)
    };
    let x = net.add(NodeKind::Conv, stem, &given);
    let given = [
        x,
        scale(0.02),
        zero(9),
        net.bytes(&[64, 32, 3, 3]),
        net.scales(64),
        net.floats(&[64], 0.1),
        Given::Absent,
        Given::Absent,
        scale(0.05),
        zero(120),
    ];
    let x = net.add(NodeKind::QConv, conv(22, 2, false), &given);
    let wide = Attributes {
        activation: gelu,
        ..Attributes::default()
    };
    let given = [
        again(&x),
        scale(0.05),
        zero(120),
        net.bytes(&[80, 64]),
        net.scales(80),
        net.floats(&[80], 0.1),
        Given::Absent,
        Given::Absent,
        Given::Absent,
        scale(0.06),
        zero(130),
        scale(0.03),
        zero(6),
    ];
    let y = net.add(NodeKind::QLinear, wide.clone(), &given);
    let given = [
        y,
        scale(0.03),
        zero(6),
        net.bytes(&[80, 1, 3, 3]),
        net.scales(80),
        net.floats(&[80], 0.1),
        scale(0.04),
        zero(100),
        scale(0.02),
        zero(8),
    ];
    let depthwise = Attributes {
        stride: 1,
        activation: gelu,
        ..map(11)
    };
    let y = net.add(NodeKind::QDepthwise, depthwise, &given);
    let given = [
        y,
        scale(0.02),
        zero(8),
        net.bytes(&[64, 80]),
        net.scales(64),
        net.floats(&[64], 0.1),
        x,
        scale(0.05),
        zero(120),
    ];
    let x = net.add(NodeKind::QLinear, Attributes::default(), &given);
    let norm = Attributes {
        epsilon: 1e-5,
        ..Attributes::default()
    };
    let given = [
        again(&x),
        Given::Absent,
        Given::Absent,
        scale(0.03),
        zero(128),
    ];
    let y = net.add(NodeKind::LayerNorm, norm.clone(), &given);
    let given = [
        y,
        scale(0.03),
        zero(128),
        net.bytes(&[192, 64]),
        net.scales(192),
        net.floats(&[192], 0.1),
    ];
    let qkv = net.add(NodeKind::QLinear, Attributes::default(), &given);
    let given = [
        qkv,
        net.floats(&[2, 49], 1.0),
        net.floats(&[2, 1, 32], 1.0),
        net.floats(&[1], 1.0),
        net.floats(&[192], 1.0),
        scale(0.02),
        zero(128),
    ];
    let windows = Attributes {
        window: 7,
        heads: 2,
        ..map(11)
    };
    let y = net.add(NodeKind::WindowAttention, windows.clone(), &given);
    let given = [
        y,
        scale(0.02),
        zero(128),
        net.bytes(&[64, 64]),
        net.scales(64),
        Given::Absent,
        x,
    ];
    let x = net.add(NodeKind::QLinear, Attributes::default(), &given);
    let given = [
        again(&x),
        Given::Absent,
        Given::Absent,
        scale(0.03),
        zero(128),
    ];
    let y = net.add(NodeKind::LayerNorm, norm.clone(), &given);
    let mut given = vec![y, scale(0.03), zero(128)];
    given.extend([net.bytes(&[192, 64]), net.scales(192)]);
    given.extend([(); 6].map(|()| Given::Absent));
    given.extend([scale(0.03), zero(128)]);
    let qkv = net.add(NodeKind::QLinear, Attributes::default(), &given);
    let given = [
        qkv,
        net.floats(&[2, 49], 2.0),
        Given::Is(Owned::F32(vec![2], vec![128.0, 64.0])),
        net.scales(2),
        net.floats(&[2, 1, 32], 70.0),
        net.floats(&[2, 1, 32], 70.0),
        net.floats(&[1], 1.0),
        net.floats(&[192], 70.0),
    ];
    let y = net.add(NodeKind::QWindowAttention, windows, &given);
    let x = net.add(NodeKind::Add, Attributes::default(), &[y, x]);
    let given = [x, net.floats(&[64, 1, 3, 3], 0.3), net.floats(&[64], 0.1)];
    let local = Attributes {
        stride: 1,
        ..map(11)
    };
    let x = net.add(NodeKind::Depthwise, local, &given);
    let given = [again(&x), net.floats(&[64], 1.0), net.floats(&[64], 1.0)];
    let y = net.add(NodeKind::LayerNorm, norm, &given);
    let given = [y, net.floats(&[64, 64], 0.2), net.floats(&[64], 0.1), x];
    let x = net.add(NodeKind::Linear, wide, &given);
    let up = Attributes {
        activation: gelu,
        ..map(11)
    };
    let given = [x, net.floats(&[64, 24, 2, 2], 0.3), net.floats(&[24], 0.1)];
    let x = net.add(NodeKind::UpConv, up, &given);
    let given = [
        again(&x),
        Given::From(Origin::Input(2), Fact::new(ElementType::F32, &[1, 24])),
        Given::From(Origin::Input(3), Fact::new(ElementType::I64, &[1])),
        net.floats(&[20, 72], 0.2),
        net.floats(&[20], 0.1),
        net.floats(&[7, 20], 0.5),
        net.floats(&[7], 0.1),
    ];
    let _ = net.add(NodeKind::Presence, Attributes::default(), &given);
    let presence = Origin::Step(net.steps.len() - 1);
    let given = [
        x,
        net.floats(&[24, 16, 2, 2], 0.3),
        net.floats(&[16], 0.1),
        Given::From(Origin::Input(1), Fact::new(ElementType::F32, &[1, 16])),
    ];
    let x = net.add(NodeKind::MaskHead, map(22), &given);
    let _ = net.add(NodeKind::ToMap, map(44), &[x]);
    let last = Origin::Step(net.steps.len() - 1);
    let scores = classifier(&mut net);
    Program::new(net.steps, vec![last, presence, scores]).unwrap()
}

/// As the modality guard, but of one convolution.
fn classifier(net: &mut Network) -> Origin {
    let image = Fact::new(ElementType::F32, &[1, 3, SIDE, SIDE]);
    let given = [
        Given::From(Origin::Input(0), image),
        net.floats(&[3], 2.0),
        net.floats(&[3], 2.0),
    ];
    let x = net.add(NodeKind::Roots, Attributes::default(), &given);
    let conv = Attributes {
        height: SIDE,
        width: SIDE,
        kernel: 3,
        stride: 2,
        pad: 1,
        planar: true,
        activation: Activation::Relu,
        ..Attributes::default()
    };
    let given = [x, net.floats(&[20, 6, 3, 3], 0.3), net.floats(&[20], 0.1)];
    let x = net.add(NodeKind::Conv, conv, &given);
    let given = [x, net.floats(&[7, 40], 0.5), net.floats(&[7], 0.1)];
    let _ = net.add(NodeKind::Classify, Attributes::default(), &given);
    Origin::Step(net.steps.len() - 1)
}

fn fnv(floats: &[f32]) -> u64 {
    let bytes = floats.iter().flat_map(|v| v.to_bits().to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[test]
fn the_same_bits_on_every_cpu_and_for_any_number_of_threads() {
    let mut rule = Rule(2);
    let image = rule.floats(3 * SIDE * SIDE, 2.0);
    let (hyper, query) = (rule.floats(16, 1.0), rule.floats(24, 1.0));
    let mut expected: Option<Vec<(String, u64)>> = None;
    let mut found = 0;
    for cpu in Cpu::all() {
        let program = network(cpu);
        for threads in [1, 2, 3] {
            let mut context = Context::new(cpu, threads).unwrap();
            let (mut output, mut logit) = (vec![0.0; 44 * 44], vec![0.0]);
            let mut scores = vec![0.0; 7];
            let mut seen = Vec::new();
            let values = [
                Value::F32(&image),
                Value::F32(&hyper),
                Value::F32(&query),
                Value::I64(&[4]),
            ];
            program.run_observed(
                &mut context,
                &values,
                &mut [&mut output, &mut logit, &mut scores],
                &mut |step, value| {
                    let hash = match value {
                        Value::F32(floats) => fnv(floats),
                        Value::U8(bytes) => {
                            fnv(&bytes.iter().map(|b| f32::from(*b)).collect::<Vec<_>>())
                        }
                        Value::I64(_) => 0,
                    };
                    seen.push((step.name.clone(), hash));
                },
            );
            assert!(output.iter().all(|v| v.is_finite()));
            let spread = output.iter().fold(0.0_f32, |a, v| a.max(v.abs()));
            assert!(spread > 0.1, "the map is flat: {spread}");
            assert!(
                (scores.iter().sum::<f32>() - 1.0).abs() < 1e-6,
                "{scores:?}"
            );
            found = fnv(&scores);
            match &expected {
                None => expected = Some(seen),
                Some(expected) => {
                    assert_eq!(&seen, expected, "{} with {threads} threads", cpu.name())
                }
            }
            assert_eq!(
                fnv(&[output, logit].concat()),
                GOLDEN,
                "{} with {threads} threads",
                cpu.name()
            );
        }
    }
    assert_eq!(found, GOLDEN_SCORES);
}
