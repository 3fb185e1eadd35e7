//! Nodes of the domain `espmedsam` inside tract: read from ONNX, typed, folded where constant, lowered to a [`Program`].
//!
//! tract looks a node up by `op_type` alone and knows no model-local functions; their bodies are for other runtimes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use tract_onnx::Onnx;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::{ModelProto, NodeProto};
use tract_onnx::tract_hir::infer::InferenceOp;
use tract_onnx::tract_hir::internal::*;
use tract_onnx::tract_hir::ops::expandable::{Expansion, expand};

use compute::kernels::{Activation, Context, Cpu, Value};
use compute::layers::{
    Attributes, Constant, Data, ElementType, Fact as LayerFact, LayerCache, Node, NodeInput,
    NodeInputs, NodeKind, Origin, Program, Step, build,
};

use super::folding;

const DOMAIN: &str = "espmedsam";

/// Registers every function of ours that the graph calls, and, if it calls any, how its constants are folded.
///
/// # Errors
/// A kind that this program does not know.
pub(super) fn register(onnx: &mut Onnx, proto: &ModelProto) -> TractResult<()> {
    let nodes = proto.graph.iter().flat_map(|graph| &graph.node);
    let mut ours = false;
    for node in nodes.filter(|node| node.domain == DOMAIN) {
        if NodeKind::of_function(&node.op_type).is_none() {
            bail!(
                "'{}' is a kind of node this program does not know",
                node.op_type
            );
        }
        onnx.op_register.0.insert(node.op_type.clone(), parse);
        ours = true;
    }
    if ours {
        folding::register(onnx);
    }
    Ok(())
}

fn parse(
    _: &ParsingContext,
    proto: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    ensure!(
        proto.domain == DOMAIN,
        "'{}' is no operator of ONNX",
        proto.op_type
    );
    let kind = NodeKind::of_function(&proto.op_type).context("unknown kind")?;
    let number = |name: &str| -> TractResult<usize> {
        let value = proto.get_attr_opt::<i64>(name)?.unwrap_or(0);
        // Sides of a map: far above any real one, far below any overflow.
        ensure!((0..1 << 16).contains(&value), "attribute '{name}': {value}");
        Ok(value as usize)
    };
    let activation = match proto.get_attr_opt::<&str>("activation")? {
        None | Some("none") => Activation::None,
        Some("relu") => Activation::Relu,
        Some("gelu") => Activation::Gelu,
        Some(other) => bail!("activation '{other}'"),
    };
    let attributes = Attributes {
        height: number("height")?,
        width: number("width")?,
        kernel: number("kernel")?,
        stride: number("stride")?,
        pad: number("pad")?,
        planar: number("planar")? == 1,
        window: number("window")?,
        heads: number("heads")?,
        epsilon: proto.get_attr_opt::<f32>("epsilon")?.unwrap_or(1e-5),
        activation,
    };
    let given = proto.input.iter().map(|name| !name.is_empty()).collect();
    let op = NodeOp {
        node: Node { kind, attributes },
        given,
    };
    Ok((expand(op), vec![]))
}

/// A node in tract's graph.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NodeOp {
    node: Node,
    /// Which of the kind's inputs are connected, in order.
    given: Vec<bool>,
}

// `f32` attributes are compared as numbers; none is ever NaN in a graph that loads.
impl Eq for NodeOp {}

impl NodeOp {
    /// The kind's inputs, from those that are connected.
    fn inputs<'a>(
        &self,
        connected: impl IntoIterator<Item = NodeInput<'a>>,
    ) -> TractResult<NodeInputs<'a>> {
        let mut connected = connected.into_iter();
        let values = self.given.iter().map(|given| {
            if *given {
                connected.next().context("an input is not connected")
            } else {
                Ok(NodeInput::Absent)
            }
        });
        let inputs = NodeInputs::new(self.node.kind.inputs(), values.collect::<TractResult<_>>()?);
        inputs.map_err(|error| format_err!("{error}"))
    }
}

impl Expansion for NodeOp {
    fn name(&self) -> StaticName {
        self.node.kind.name().into()
    }

    /// Shapes are worked out when the graph is typed, where all weights are known.
    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        _: &mut Solver<'r>,
        _: &'p [TensorProxy],
        _: &'p [TensorProxy],
    ) -> InferenceResult {
        Ok(())
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        model.wire_node(prefix, self.clone(), inputs)
    }
}

impl Op for NodeOp {
    fn name(&self) -> StaticName {
        self.node.kind.name().into()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        Ok(vec![format!("{:?}", self.node.attributes)])
    }

    op_as_typed_op!();
}

thread_local! {
    /// What a node computes on when tract runs it alone, as it does to fold constants: one thread.
    static ALONE: RefCell<Option<Context>> = const { RefCell::new(None) };
}

impl EvalOp for NodeOp {
    /// Packs the weights and runs, each time: only for constants, and for graphs that are not ours altogether.
    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let all = inputs
            .iter()
            .map(|tensor| constant(tensor).map(NodeInput::Constant));
        let all = self.inputs(all.collect::<TractResult<Vec<_>>>()?)?;
        let said = |error: String| format_err!("{error}");
        let fact = self.node.output(&all).map_err(said)?;
        ensure!(
            fact.element == ElementType::F32,
            "constants are never quantized here"
        );
        let mut result = Tensor::zero::<f32>(&fact.shape)?;
        let step = Step {
            name: self.node.kind.name().into(),
            layer: build(Cpu::best(), &self.node, &all).map_err(said)?,
            inputs: (0..self.node.kind.values(&all).len())
                .map(Origin::Input)
                .collect(),
            output: fact,
            kind: self.node.kind.name(),
            multiplications: 0,
        };
        let values = self.node.kind.values(&all);
        let values = values.into_iter().map(|input| match input {
            NodeInput::Constant(Constant {
                data: Data::F32(data),
                ..
            }) => Ok(Value::F32(data)),
            NodeInput::Constant(Constant {
                data: Data::U8(data),
                ..
            }) => Ok(Value::U8(data)),
            NodeInput::Constant(Constant {
                data: Data::I64(data),
                ..
            }) => Ok(Value::I64(data)),
            _ => bail!("no value"),
        });
        let values = values.collect::<TractResult<Vec<_>>>()?;
        let program = Program::new(vec![step], vec![Origin::Step(0)]).map_err(said)?;
        ALONE.with_borrow_mut(|context| {
            let context = match context {
                Some(context) => context,
                None => context.insert(Context::new(Cpu::best(), 1)?),
            };
            let mut plain = result.try_as_plain_ram_mut()?;
            program.run(context, &values, &mut [plain.as_slice_mut::<f32>()?]);
            Ok::<_, TractError>(())
        })?;
        Ok(tvec![result.into_tvalue()])
    }

    op_out_of_plan!();
}

impl TypedOp for NodeOp {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let facts = inputs
            .iter()
            .map(|fact| layer_fact(fact).map(NodeInput::Dynamic));
        let inputs = self.inputs(facts.collect::<TractResult<Vec<_>>>()?)?;
        let fact = self.node.output(&inputs);
        let fact = fact.map_err(|error| format_err!("{}: {error}", self.node.kind.name()))?;
        let element = match fact.element {
            ElementType::F32 => f32::datum_type(),
            ElementType::U8 => u8::datum_type(),
            ElementType::I8 => i8::datum_type(),
            ElementType::I64 => i64::datum_type(),
        };
        Ok(tvec![element.fact(&fact.shape)])
    }

    as_op!();
}

fn layer_fact(fact: &TypedFact) -> TractResult<LayerFact> {
    let shape = fact.shape.as_concrete().context("a shape is not fixed")?;
    Ok(LayerFact::new(element(fact.datum_type)?, shape))
}

fn element(datum: DatumType) -> TractResult<ElementType> {
    Ok(match datum {
        DatumType::F32 => ElementType::F32,
        DatumType::U8 => ElementType::U8,
        DatumType::I8 => ElementType::I8,
        DatumType::I64 => ElementType::I64,
        other => bail!("elements of type {other:?}"),
    })
}

fn constant(tensor: &Tensor) -> TractResult<Constant<'_>> {
    let plain = tensor.try_as_plain_ram()?;
    let data = match element(tensor.datum_type())? {
        ElementType::F32 => Data::F32(plain.as_slice()?),
        ElementType::U8 => Data::U8(plain.as_slice()?),
        ElementType::I8 => Data::I8(plain.as_slice()?),
        ElementType::I64 => Data::I64(plain.as_slice()?),
    };
    Ok(Constant {
        shape: tensor.shape(),
        data,
    })
}

/// Whether a graph has nodes of ours.
pub(super) fn any(model: &TypedModel) -> bool {
    model.nodes().iter().any(|node| node.op_is::<NodeOp>())
}

/// Turns a graph whose every computing node is one of ours into a program; weights are packed for `cpu`, or found
/// packed in `cache`.
///
/// # Errors
/// A node of another kind between ours, or one whose inputs do not fit.
pub(super) fn lower(model: &TypedModel, cpu: Cpu, cache: &LayerCache) -> TractResult<Program> {
    let mut lowering = Lowering {
        cpu,
        cache,
        steps: Vec::new(),
        sources: HashMap::new(),
    };
    for (at, outlet) in model.input_outlets()?.iter().enumerate() {
        lowering.sources.insert(*outlet, Origin::Input(at));
    }
    for id in model.eval_order()? {
        let node = model.node(id);
        let known = lowering.sources.contains_key(&OutletId::new(id, 0));
        // Constants are taken where they are used.
        if known || node.op_is::<tract_onnx::tract_hir::tract_core::ops::konst::Const>() {
            continue;
        }
        let Some(op) = node.op_as::<NodeOp>() else {
            bail!("'{node}' stands between nodes of the domain {DOMAIN}");
        };
        lowering
            .node(model, node, op)
            .with_context(|| format!("'{}' ({})", node.name, op.node.kind.name()))?;
    }
    let outputs = model
        .output_outlets()?
        .iter()
        .map(|outlet| lowering.source(model, *outlet));
    let outputs = outputs.collect::<TractResult<Vec<_>>>()?;
    Program::new(lowering.steps, outputs).map_err(|error| format_err!("{error}"))
}

struct Lowering<'a> {
    cpu: Cpu,
    cache: &'a LayerCache,
    steps: Vec<Step>,
    sources: HashMap<OutletId, Origin>,
}

impl Lowering<'_> {
    fn node(&mut self, model: &TypedModel, node: &TypedNode, op: &NodeOp) -> TractResult<()> {
        let said = |error: String| format_err!("{error}");
        let facts = node.inputs.iter().map(|outlet| model.outlet_fact(*outlet));
        let facts = facts.collect::<TractResult<Vec<_>>>()?;
        let connected = facts.iter().map(|fact| match &fact.konst {
            Some(tensor) => constant(tensor).map(NodeInput::Constant),
            None => layer_fact(fact).map(NodeInput::Dynamic),
        });
        let inputs = op.inputs(connected.collect::<TractResult<Vec<_>>>()?)?;
        let mut outlets = node.inputs.iter();
        let mut sources = Vec::new();
        for (name, given) in op.node.kind.inputs().iter().zip(&op.given) {
            let outlet = given.then(|| outlets.next()).flatten();
            if let (Some(outlet), true) = (outlet, op.node.kind.is_value(name)) {
                sources.push(self.source(model, *outlet)?);
            }
        }
        self.sources
            .insert(OutletId::new(node.id, 0), Origin::Step(self.steps.len()));
        self.steps.push(Step {
            name: node.name.clone(),
            output: op.node.output(&inputs).map_err(said)?,
            layer: self
                .cache
                .layer(self.cpu, &op.node, &inputs)
                .map_err(said)?,
            inputs: sources,
            kind: op.node.kind.name(),
            multiplications: op.node.multiplications(&inputs).map_err(said)?,
        });
        Ok(())
    }

    fn source(&self, model: &TypedModel, outlet: OutletId) -> TractResult<Origin> {
        if let Some(source) = self.sources.get(&outlet) {
            return Ok(source.clone());
        }
        let fact = model.outlet_fact(outlet)?;
        let tensor = fact.konst.as_ref().context("a value of unknown origin")?;
        match constant(tensor)?.data {
            Data::F32(floats) => Ok(Origin::Constant(Arc::new(floats.to_vec()))),
            other => bail!("a constant of another type than float: {other:?}"),
        }
    }
}
