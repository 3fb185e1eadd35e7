//! What a node computes, before its weights are packed.

use super::fact::{ElementType, Fact, NodeInputs};
use super::kind::NodeKind;
use crate::kernels::Activation;

/// A node's numbers; those its kind does not have are 0.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "docs/nodes.md")]
pub struct Attributes {
    pub height: usize,
    pub width: usize,
    pub kernel: usize,
    pub stride: usize,
    pub pad: usize,
    pub planar: bool,
    pub window: usize,
    pub heads: usize,
    pub epsilon: f32,
    pub activation: Activation,
}

impl Default for Attributes {
    fn default() -> Self {
        Self {
            height: 0,
            width: 0,
            kernel: 0,
            stride: 0,
            pad: 0,
            planar: false,
            window: 0,
            heads: 0,
            epsilon: 0.0,
            activation: Activation::None,
        }
    }
}

/// A node: its kind and its numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it computes.
    pub kind: NodeKind,
    /// Its numbers.
    pub attributes: Attributes,
}

impl Node {
    /// Type and shape of the output, every input's shape checked.
    ///
    /// # Errors
    /// What does not fit.
    pub fn output(&self, inputs: &NodeInputs<'_>) -> Result<Fact, String> {
        let quantized = inputs.has("y_scale");
        if quantized != inputs.has("y_zero") {
            return Err("'y_scale' and 'y_zero' go together".into());
        }
        let element = if quantized {
            ElementType::U8
        } else {
            ElementType::F32
        };
        let a = &self.attributes;
        Ok(match self.kind {
            NodeKind::Linear | NodeKind::QLinear => {
                let [rows, k] = inputs.matrix("x")?;
                let [n, _] = inputs.matrix("weight")?;
                self.weights(inputs, &[n, k], n)?;
                let residual = match self.kind {
                    NodeKind::QLinear if inputs.has("residual_scale") => ElementType::U8,
                    _ => ElementType::F32,
                };
                inputs.check("residual", residual, &[rows, n])?;
                Fact::new(element, &[rows, n])
            }
            NodeKind::Conv | NodeKind::QConv => {
                let n = first(inputs, "weight")?;
                let channels = if a.planar {
                    let shape = inputs.fact("x")?.shape;
                    let c = shape.get(1).copied().unwrap_or_default();
                    let x = self.element_types().0;
                    inputs.check("x", x, &[1, c, a.height, a.width])?;
                    c
                } else {
                    self.map(inputs, "x")?
                };
                self.weights(inputs, &[n, channels, a.kernel, a.kernel], n)?;
                let (h, w) = (
                    self.out(a.height, a.kernel, a.pad)?,
                    self.out(a.width, a.kernel, a.pad)?,
                );
                Fact::new(element, &[h * w, n])
            }
            NodeKind::Depthwise | NodeKind::QDepthwise => {
                let c = self.map(inputs, "x")?;
                self.weights(inputs, &[c, 1, 3, 3], c)?;
                let (h, w) = (self.out(a.height, 3, 1)?, self.out(a.width, 3, 1)?);
                Fact::new(element, &[h * w, c])
            }
            NodeKind::LayerNorm => {
                let [rows, c] = inputs.matrix("x")?;
                inputs.check("weight", ElementType::F32, &[c])?;
                inputs.check("bias", ElementType::F32, &[c])?;
                Fact::new(element, &[rows, c])
            }
            NodeKind::WindowAttention => self.windows(inputs, ElementType::F32, element)?,
            NodeKind::QWindowAttention => self.windows(inputs, ElementType::U8, element)?,
            NodeKind::Quantize => Fact::new(ElementType::U8, &inputs.fact("x")?.shape),
            NodeKind::ToRows => match inputs.fact("x")?.shape[..] {
                [1, c, h, w] => Fact::new(ElementType::F32, &[h * w, c]),
                ref other => return Err(format!("'x': expected [1, c, h, w], found {other:?}")),
            },
            NodeKind::ToMap => {
                let c = self.map(inputs, "x")?;
                Fact::new(ElementType::F32, &[1, c, a.height, a.width])
            }
            NodeKind::DensePrompt => {
                let c = self.map(inputs, "embedding")?;
                let cells = a.height * a.width;
                if !a.height.is_multiple_of(2) || !a.width.is_multiple_of(2) {
                    return Err("the embedding's sides must be even".into());
                }
                inputs.check("logits", ElementType::F32, &[cells / 4, 1])?;
                inputs.check("table", ElementType::F32, &[2, c])?;
                Fact::new(ElementType::F32, &[cells, c])
            }
            NodeKind::Add => {
                let fact = inputs.fact("a")?;
                inputs.check("b", ElementType::F32, &fact.shape)?;
                Fact::new(ElementType::F32, &fact.shape)
            }
            NodeKind::Row => {
                let [_, c] = inputs.matrix("x")?;
                inputs.check("index", ElementType::I64, &[1])?;
                Fact::new(ElementType::F32, &[1, c])
            }
            NodeKind::SelfAttention | NodeKind::TokenToImage | NodeKind::ImageToToken => {
                self.two_way(inputs)?
            }
            NodeKind::UpConv | NodeKind::QUpConv | NodeKind::MaskHead => {
                let k = self.map(inputs, "x")?;
                let n = *inputs.fact("weight")?.shape.get(1).unwrap_or(&0);
                self.weights(inputs, &[k, n, 2, 2], n)?;
                inputs.check("hyper", ElementType::F32, &[1, n])?;
                let cells = 4 * a.height * a.width;
                let channels = if self.kind == NodeKind::MaskHead {
                    1
                } else {
                    n
                };
                Fact::new(ElementType::F32, &[cells, channels])
            }
            NodeKind::Presence => {
                let [rows, c] = inputs.matrix("x")?;
                let ([h, _], [n, _]) = (inputs.matrix("weight")?, inputs.matrix("score_weight")?);
                if [rows, c, h].contains(&0) {
                    return Err(format!("{rows} rows of {c} channels, {h} hidden ones"));
                }
                for (name, element, shape) in [
                    ("query", ElementType::F32, &[1, c][..]),
                    ("index", ElementType::I64, &[1]),
                ] {
                    inputs.fact(name)?;
                    inputs.check(name, element, shape)?;
                }
                self.weights(inputs, &[h, 3 * c], h)?;
                inputs.check("score_weight", ElementType::F32, &[n, h])?;
                inputs.check("score_bias", ElementType::F32, &[n])?;
                Fact::new(ElementType::F32, &[1, 1])
            }
            NodeKind::Roots => match inputs.fact("x")?.shape[..] {
                [1, c, h, w] if ![c, h, w].contains(&0) => {
                    inputs.check("x", ElementType::F32, &[1, c, h, w])?;
                    inputs.check("scale", ElementType::F32, &[c])?;
                    inputs.check("shift", ElementType::F32, &[c])?;
                    Fact::new(ElementType::F32, &[1, 2 * c, h, w])
                }
                ref other => return Err(format!("'x': expected [1, c, h, w], found {other:?}")),
            },
            NodeKind::Classify => {
                let ([rows, c], [n, _]) = (inputs.matrix("x")?, inputs.matrix("weight")?);
                if [rows, c, n].contains(&0) {
                    return Err(format!("{n} classes of {rows} rows of {c} channels"));
                }
                self.weights(inputs, &[n, 2 * c], n)?;
                Fact::new(ElementType::F32, &[1, n])
            }
        })
    }

    /// Multiplications of one run, for profiles; `inputs` must have passed [`Node::output`].
    ///
    /// # Errors
    /// An input is missing.
    pub fn multiplications(&self, inputs: &NodeInputs<'_>) -> Result<u64, String> {
        let a = &self.attributes;
        let output = self.output(inputs)?;
        let each = match self.kind {
            NodeKind::Linear | NodeKind::QLinear => inputs.matrix("weight")?[1],
            NodeKind::Conv | NodeKind::QConv => {
                inputs.fact("weight")?.shape[1] * a.kernel * a.kernel
            }
            NodeKind::Depthwise | NodeKind::QDepthwise => 9,
            NodeKind::WindowAttention | NodeKind::QWindowAttention => 2 * a.window * a.window,
            NodeKind::UpConv | NodeKind::QUpConv => inputs.matrix("x")?[1],
            NodeKind::MaskHead => {
                let [_, k] = inputs.matrix("x")?;
                (k + 1) * inputs.fact("weight")?.shape[1]
            }
            NodeKind::Presence => inputs.fact("weight")?.len(),
            NodeKind::Classify => inputs.matrix("weight")?[1],
            // Per token and head, one vector of the image's width against each cell, and one back.
            NodeKind::TokenToImage => 2 * a.heads * inputs.matrix("image")?[0],
            NodeKind::ImageToToken => 2 * a.heads * inputs.matrix("k")?[0],
            _ => 0,
        };
        Ok((output.len() * each) as u64)
    }

    /// Channels of a map input that must have `height * width` rows.
    fn map(&self, inputs: &NodeInputs<'_>, name: &str) -> Result<usize, String> {
        let [rows, channels] = inputs.matrix(name)?;
        let cells = self.attributes.height * self.attributes.width;
        if rows != cells || cells == 0 {
            return Err(format!("'{name}' has {rows} rows, the map {cells} cells"));
        }
        Ok(channels)
    }

    /// Types of the values that a layer with weights reads, and of the weights.
    fn element_types(&self) -> (ElementType, ElementType) {
        match self.kind {
            NodeKind::QLinear | NodeKind::QConv | NodeKind::QDepthwise | NodeKind::QUpConv => {
                (ElementType::U8, ElementType::I8)
            }
            _ => (ElementType::F32, ElementType::F32),
        }
    }

    fn weights(
        &self,
        inputs: &NodeInputs<'_>,
        shape: &[usize],
        outputs: usize,
    ) -> Result<(), String> {
        let (x, weight) = self.element_types();
        let found = inputs.fact("x")?.element;
        if found != x {
            return Err(format!("'x': expected {x:?}, found {found:?}"));
        }
        inputs.check("weight", weight, shape)?;
        inputs.check("weight_scale", ElementType::F32, &[outputs])?;
        inputs.check("bias", ElementType::F32, &[outputs])
    }

    fn out(&self, side: usize, kernel: usize, pad: usize) -> Result<usize, String> {
        match (side + 2 * pad).checked_sub(kernel) {
            Some(span) if self.attributes.stride > 0 => Ok(span / self.attributes.stride + 1),
            _ => Err("the kernel is larger than the map, or the stride is 0".into()),
        }
    }

    /// Window attention of a map of `qkv` elements, with all that either kind may be given.
    fn windows(
        &self,
        inputs: &NodeInputs<'_>,
        qkv: ElementType,
        element: ElementType,
    ) -> Result<Fact, String> {
        let a = &self.attributes;
        let c = self.map(inputs, "qkv")? / 3;
        if a.window == 0 || a.heads == 0 || c != 32 * a.heads {
            return Err(format!("{} heads of 32 do not make {c} channels", a.heads));
        }
        let rows = a.height * a.width;
        inputs.check("qkv", qkv, &[rows, 3 * c])?;
        inputs.check("biases", ElementType::F32, &[a.heads, a.window * a.window])?;
        for name in ["fineness", "value_scale"] {
            inputs.check(name, ElementType::F32, &[a.heads])?;
        }
        for name in ["token", "token_key", "token_value"] {
            inputs.check(name, ElementType::F32, &[a.heads, 1, 32])?;
        }
        inputs.check("token_bias", ElementType::F32, &[1])?;
        inputs.check("outside", ElementType::F32, &[3 * c])?;
        Ok(Fact::new(element, &[rows, c]))
    }

    fn two_way(&self, inputs: &NodeInputs<'_>) -> Result<Fact, String> {
        let first = self.kind.inputs()[0];
        let [rows, c] = inputs.matrix(first)?;
        let [inner, _] = inputs.matrix("wq")?;
        if self.attributes.heads == 0 || !inner.is_multiple_of(self.attributes.heads) {
            return Err(format!(
                "{inner} channels in {} heads",
                self.attributes.heads
            ));
        }
        for (weight, bias) in [("wq", "bq"), ("wk", "bk"), ("wv", "bv")] {
            inputs.check(weight, ElementType::F32, &[inner, c])?;
            inputs.check(bias, ElementType::F32, &[inner])?;
        }
        inputs.check("wo", ElementType::F32, &[c, inner])?;
        inputs.check("bo", ElementType::F32, &[c])?;
        inputs.check("residual", ElementType::F32, &[rows, c])?;
        match self.kind {
            NodeKind::TokenToImage => {
                let [cells, _] = inputs.matrix("image")?;
                inputs.check("image", ElementType::F32, &[cells, c])?;
                inputs.check("position", ElementType::F32, &[cells, c])?;
            }
            NodeKind::ImageToToken => {
                let [tokens, _] = inputs.matrix("k")?;
                inputs.check("position", ElementType::F32, &[rows, c])?;
                inputs.check("k", ElementType::F32, &[tokens, c])?;
                inputs.check("v", ElementType::F32, &[tokens, c])?;
            }
            _ => inputs.check("v", ElementType::F32, &[rows, c])?,
        }
        Ok(Fact::new(ElementType::F32, &[rows, c]))
    }
}

fn first(inputs: &NodeInputs<'_>, name: &str) -> Result<usize, String> {
    let fact = inputs.fact(name)?;
    fact.shape
        .first()
        .copied()
        .ok_or_else(|| format!("'{name}' is a scalar"))
}
