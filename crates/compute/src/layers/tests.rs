use std::sync::Arc;

use proptest::prelude::*;

use super::values::{floats, floats_mut};
use super::*;
use crate::kernels::{Context, Cpu, Exec, Value, ValueMut};

/// Adds one to each number of its inputs, in shared working memory first.
#[derive(Debug)]
struct Sum {
    len: usize,
}

impl Layer for Sum {
    fn work(&self) -> usize {
        self.len
    }

    fn run(&self, _: Exec<'_>, inputs: &[Value<'_>], work: &mut [f32], output: ValueMut<'_>) {
        work.fill(1.0);
        for input in inputs {
            for (w, v) in work.iter_mut().zip(floats(input)) {
                *w += v;
            }
        }
        floats_mut(output).copy_from_slice(work);
    }
}

fn step(inputs: Vec<Origin>, len: usize) -> Step {
    Step {
        name: "sum".into(),
        layer: Arc::new(Sum { len }),
        inputs,
        output: Fact::new(ElementType::F32, &[1, len]),
        kind: NodeKind::Add.name(),
        multiplications: 0,
    }
}

proptest! {
    /// Whatever reads whatever: no value is overwritten while someone still needs it.
    #[test]
    fn values_live_as_long_as_they_are_read(
        reads in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..=3), 1..20),
        len in 1_usize..70,
    ) {
        let source = |at: usize, index: &prop::sample::Index| match index.index(at + 2) {
            0 => Origin::Input(0),
            1 => Origin::Constant(Arc::new(vec![0.5; len])),
            step => Origin::Step(step - 2),
        };
        let steps: Vec<Step> = reads
            .iter()
            .enumerate()
            .map(|(at, reads)| step(reads.iter().map(|r| source(at, r)).collect(), len))
            .collect();
        let mut expected: Vec<f32> = Vec::new();
        for step in &steps {
            let value = |source: &Origin| match source {
                Origin::Input(_) => 2.0,
                Origin::Constant(_) => 0.5,
                Origin::Step(from) => expected[*from],
            };
            let sum = step.inputs.iter().map(value).fold(1.0, |a, b| a + b);
            expected.push(sum);
        }
        let last = steps.len() - 1;
        let program = Program::new(steps, vec![Origin::Step(last), Origin::Step(0)]).unwrap();
        let mut context = Context::new(Cpu::best(), 1).unwrap();
        let (mut a, mut b) = (vec![0.0; len], vec![0.0; len]);
        program.run(&mut context, &[Value::F32(&vec![2.0; len])], &mut [&mut a, &mut b]);
        prop_assert_eq!(a, vec![expected[last]; len]);
        prop_assert_eq!(b, vec![expected[0]; len]);
    }
}

proptest! {
    /// Programs that begin alike and end each in its own way, together and one by one.
    #[test]
    fn common_steps_run_once_and_change_nothing(
        reads in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 1..=3), 1..12),
        tails in prop::collection::vec(
            prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 1..=3), 0..8), 1..4),
        len in 1_usize..70,
    ) {
        let make = |reads: &[Vec<prop::sample::Index>], start: usize| -> Vec<Step> {
            let source = |at: usize, index: &prop::sample::Index| match index.index(at + 1) {
                0 => Origin::Input(0),
                step => Origin::Step(step - 1),
            };
            let inputs = |(at, reads): (usize, &Vec<prop::sample::Index>)| {
                step(reads.iter().map(|index| source(start + at, index)).collect(), len)
            };
            reads.iter().enumerate().map(inputs).collect()
        };
        let head = make(&reads, 0);
        let programs: Vec<Program> = tails
            .iter()
            .map(|tail| {
                let mut steps = head.clone();
                steps.extend(make(tail, head.len()));
                let outputs = vec![Origin::Step(steps.len() - 1), Origin::Step(0)];
                Program::new(steps, outputs).unwrap()
            })
            .collect();
        let x = vec![2.0; len];
        let mut context = Context::new(Cpu::best(), 1).unwrap();
        let mut expected = Vec::new();
        for program in &programs {
            let (mut a, mut b) = (vec![0.0; len], vec![0.0; len]);
            program.run(&mut context, &[Value::F32(&x)], &mut [&mut a, &mut b]);
            expected.extend([a, b]);
        }
        let (mut found, mut ran) = (vec![Vec::new(); expected.len()], 0);
        let write = &mut |at: usize, floats: &[f32]| found[at] = floats.to_vec();
        let x = [Value::F32(&x)];
        Program::run_each(programs.iter(), &mut context, &x, write, &mut |_, _| ran += 1);
        prop_assert_eq!(found, expected);
        // Places may differ before the steps do, where one of the tails reads a value that another does not.
        let common = programs[1..].iter().map(|other| programs[0].common(other)).min();
        let all: usize = programs.iter().map(|program| program.steps().len()).sum();
        prop_assert_eq!(ran, all - common.unwrap_or(0) * (programs.len() - 1));
        prop_assert!(common != Some(0), "at least the first step has nothing before it that differs");
    }
}

#[test]
fn other_weights_or_inputs_are_not_in_common() {
    let from = |inputs: [Origin; 2], len| {
        let steps = vec![step(inputs.to_vec(), len)];
        Program::new(steps, vec![Origin::Step(0)]).unwrap()
    };
    let constant = |value: f32| Origin::Constant(Arc::new(vec![value; 4]));
    let program = from([Origin::Input(0), constant(0.0)], 4);
    let same = |inputs: [Origin; 2]| {
        let mut other = from(inputs, 4);
        other.steps[0].layer = program.steps[0].layer.clone();
        program.common(&other)
    };
    assert_eq!(same([Origin::Input(0), constant(0.0)]), 1);
    assert_eq!(same([Origin::Input(0), constant(-0.0)]), 0);
    assert_eq!(same([Origin::Input(1), constant(0.0)]), 0);
    assert_eq!(same([constant(0.0), Origin::Input(0)]), 0);
    // A layer of the same kind that was packed apart may hold other weights.
    assert_eq!(
        program.common(&from([Origin::Input(0), constant(0.0)], 4)),
        0
    );
}

#[test]
fn a_chain_needs_memory_for_two_values_only() {
    let chain = |n: usize| {
        let from = |at: usize| match at {
            0 => Origin::Input(0),
            at => Origin::Step(at - 1),
        };
        let steps = (0..n).map(|at| step(vec![from(at)], 1000)).collect();
        Program::new(steps, vec![Origin::Step(n - 1)])
            .unwrap()
            .arena_bytes()
    };
    assert_eq!(chain(30), chain(3));
    assert!(chain(30) <= 3 * 4032, "input, output and working memory");
}

#[test]
fn a_step_that_reads_a_later_one_is_refused() {
    let steps = vec![step(vec![Origin::Step(0)], 1)];
    assert!(Program::new(steps, vec![Origin::Step(0)]).is_err());
}

fn linear(x: &[usize], weight: &[usize], values: &[f32]) -> Result<Fact, String> {
    let constant = Constant {
        shape: weight,
        data: Data::F32(values),
    };
    let inputs = vec![
        NodeInput::Dynamic(Fact::new(ElementType::F32, x)),
        NodeInput::Constant(constant),
    ];
    let inputs = NodeInputs::new(NodeKind::Linear.inputs(), inputs)?;
    let node = Node {
        kind: NodeKind::Linear,
        attributes: Attributes::default(),
    };
    build(Cpu::best(), &node, &inputs)?;
    node.output(&inputs)
}

#[test]
fn shapes_are_checked_before_anything_is_packed() {
    let weights = vec![0.0; 32];
    assert_eq!(linear(&[5, 16], &[2, 16], &weights).unwrap().shape, [5, 2]);
    for (x, weight) in [
        (&[5, 8][..], &[2, 16][..]),
        (&[80], &[2, 16]),
        (&[5, 16], &[32]),
    ] {
        let message = linear(x, weight, &weights).unwrap_err();
        assert!(message.contains("expected"), "{message}");
    }
    let message = linear(&[5, 16], &[2, 16], &[f32::NAN; 32]).unwrap_err();
    assert!(message.contains("not finite"), "{message}");
}

/// A presence head of 4 cells, 3 channels, 5 hidden ones and 2 scores, with `shape` in place of one input's.
fn presence_with(name: &str, shape: &[usize]) -> Result<Fact, String> {
    let zeros = [0.0; 64];
    let names = NodeKind::Presence.inputs();
    let shapes: [&[usize]; 7] = [&[4, 3], &[1, 3], &[1], &[5, 9], &[5], &[2, 5], &[2]];
    let inputs = names.iter().zip(shapes).map(|(each, right)| {
        let shape = if *each == name { shape } else { right };
        match *each {
            "x" | "query" => NodeInput::Dynamic(Fact::new(ElementType::F32, shape)),
            "index" => NodeInput::Dynamic(Fact::new(ElementType::I64, shape)),
            _ => NodeInput::Constant(Constant {
                shape,
                data: Data::F32(&zeros[..shape.iter().product()]),
            }),
        }
    });
    let inputs = NodeInputs::new(names, inputs.collect())?;
    let node = Node {
        kind: NodeKind::Presence,
        attributes: Attributes::default(),
    };
    let output = node.output(&inputs)?;
    build(Cpu::best(), &node, &inputs)?;
    Ok(output)
}

#[test]
fn a_presence_head_of_shapes_that_do_not_fit_is_refused() {
    assert_eq!(presence_with("", &[]).unwrap().shape, [1, 1]);
    assert_eq!(presence_with("x", &[9, 3]).unwrap().shape, [1, 1]);
    for (name, shape) in [
        ("x", &[4, 2][..]),
        ("x", &[0, 3]),
        ("x", &[12]),
        ("query", &[1, 4]),
        ("query", &[2, 3]),
        ("index", &[2]),
        ("weight", &[5, 6]),
        ("bias", &[4]),
        ("score_weight", &[2, 4]),
        ("score_bias", &[3]),
    ] {
        assert!(presence_with(name, shape).is_err(), "{name} {shape:?}");
    }
}

#[test]
fn wide_weights_and_senseless_scales_are_refused() {
    let fact = Fact::new(ElementType::U8, &[4, 16]);
    let (scale, scales, zero) = ([0.1], [0.1; 2], [3]);
    let node = Node {
        kind: NodeKind::QLinear,
        attributes: Attributes::default(),
    };
    let try_with = |weight: i8, scale: &[f32]| {
        let weights = [weight; 32];
        let constant = |shape, data| NodeInput::Constant(Constant { shape, data });
        let inputs = vec![
            NodeInput::Dynamic(fact.clone()),
            constant(&[], Data::F32(scale)),
            constant(&[], Data::U8(&zero)),
            constant(&[2, 16], Data::I8(&weights)),
            constant(&[2], Data::F32(&scales)),
        ];
        let inputs = NodeInputs::new(NodeKind::QLinear.inputs(), inputs)?;
        build(Cpu::best(), &node, &inputs).map(|_| ())
    };
    assert_eq!(try_with(64, &scale), Ok(()));
    assert!(try_with(65, &scale).unwrap_err().contains("-64..=64"));
    for bad in [0.0, -1.0, 1e-45, f32::INFINITY] {
        assert!(
            try_with(1, &[bad]).unwrap_err().contains("x_scale"),
            "{bad}"
        );
    }
}

/// A node of floats from a step's output and constants by rule.
fn float_step(
    kind: NodeKind,
    attributes: Attributes,
    x: (Origin, &Fact),
    shapes: &[&[usize]],
) -> Step {
    let weights: Vec<Vec<f32>> = shapes
        .iter()
        .map(|shape| {
            let numbers = 0..shape.iter().product();
            numbers
                .map(|i| ((i * 7 + 3) % 19) as f32 * 0.02 - 0.17)
                .collect()
        })
        .collect();
    let mut inputs = vec![NodeInput::Dynamic(x.1.clone())];
    inputs.extend(shapes.iter().zip(&weights).map(|(shape, data)| {
        NodeInput::Constant(Constant {
            shape,
            data: Data::F32(data),
        })
    }));
    let inputs = NodeInputs::new(kind.inputs(), inputs).unwrap();
    let node = Node { kind, attributes };
    Step {
        name: kind.name().into(),
        layer: build(Cpu::best(), &node, &inputs).unwrap(),
        inputs: vec![x.0],
        output: node.output(&inputs).unwrap(),
        kind: kind.name(),
        multiplications: 1,
    }
}

#[test]
fn chains_are_fused_where_nothing_else_reads_what_lies_between() {
    let side = 64;
    let x = Fact::new(ElementType::F32, &[side * side, 16]);
    let map = Attributes {
        height: side,
        width: side,
        stride: 1,
        ..Attributes::default()
    };
    let linear = Attributes::default();
    let wide = float_step(
        NodeKind::Linear,
        linear.clone(),
        (Origin::Input(0), &x),
        &[&[48, 16]],
    );
    let from = (Origin::Step(0), &wide.output);
    let convolved = float_step(NodeKind::Depthwise, map, from, &[&[48, 1, 3, 3], &[48]]);
    let from = (Origin::Step(1), &convolved.output);
    let mut narrow = float_step(NodeKind::Linear, linear.clone(), from, &[&[16, 48]]);
    narrow.inputs.push(Origin::Input(0));
    let from = (Origin::Step(2), &narrow.output);
    let after = float_step(NodeKind::Linear, linear, from, &[&[8, 16]]);
    let steps = vec![wide, convolved, narrow, after];

    let image: Vec<f32> = (0..x.len()).map(|i| (i % 23) as f32 * 0.1 - 1.0).collect();
    let run = |outputs: &[usize]| {
        let sources = outputs.iter().map(|at| Origin::Step(*at)).collect();
        let program = Program::new(steps.clone(), sources).unwrap();
        let mut maps: Vec<Vec<f32>> = outputs
            .iter()
            .map(|at| vec![0.0; steps[*at].output.len()])
            .collect();
        let mut slices: Vec<&mut [f32]> = maps.iter_mut().map(Vec::as_mut_slice).collect();
        let mut context = Context::new(Cpu::best(), 2).unwrap();
        program.run(&mut context, &[Value::F32(&image)], &mut slices);
        (program, maps.swap_remove(0))
    };
    let ((fused, expected), (apart, found)) = (run(&[3]), run(&[3, 1]));
    assert_eq!(expected, found);
    assert_eq!((fused.steps().len(), apart.steps().len()), (2, 4));
    assert_eq!(fused.steps()[0].multiplications, 3);
    assert!(fused.arena_bytes() < apart.arena_bytes() / 3);
    // Chains of the same layers are the same, whatever joined them.
    assert_eq!(fused.common(&run(&[3]).0), 2);
    assert_eq!(fused.common(&apart), 0);
}
