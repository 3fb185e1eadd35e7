//! What a node computes, before its weights are packed.

use super::fact::{Element, Fact, Inputs};
use super::kind::Kind;
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
    pub kind: Kind,
    /// Its numbers.
    pub attributes: Attributes,
}

impl Node {
    /// Type and shape of the output, every input's shape checked.
    ///
    /// # Errors
    /// What does not fit.
    pub fn output(&self, inputs: &Inputs<'_>) -> Result<Fact, String> {
        let quantized = inputs.has("y_scale");
        if quantized != inputs.has("y_zero") {
            return Err("'y_scale' and 'y_zero' go together".into());
        }
        let element = if quantized { Element::U8 } else { Element::F32 };
        let a = &self.attributes;
        Ok(match self.kind {
            Kind::Linear | Kind::QLinear => {
                let [rows, k] = inputs.matrix("x")?;
                let [n, _] = inputs.matrix("weight")?;
                self.weights(inputs, &[n, k], n)?;
                let residual = match self.kind {
                    Kind::QLinear if inputs.has("residual_scale") => Element::U8,
                    _ => Element::F32,
                };
                inputs.check("residual", residual, &[rows, n])?;
                Fact::new(element, &[rows, n])
            }
            Kind::Conv | Kind::QConv => {
                let n = first(inputs, "weight")?;
                let channels = if a.planar {
                    let shape = inputs.fact("x")?.shape;
                    let c = shape.get(1).copied().unwrap_or_default();
                    inputs.check("x", Element::F32, &[1, c, a.height, a.width])?;
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
            Kind::Depthwise | Kind::QDepthwise => {
                let c = self.map(inputs, "x")?;
                self.weights(inputs, &[c, 1, 3, 3], c)?;
                let (h, w) = (self.out(a.height, 3, 1)?, self.out(a.width, 3, 1)?);
                Fact::new(element, &[h * w, c])
            }
            Kind::LayerNorm => {
                let [rows, c] = inputs.matrix("x")?;
                inputs.check("weight", Element::F32, &[c])?;
                inputs.check("bias", Element::F32, &[c])?;
                Fact::new(element, &[rows, c])
            }
            Kind::WindowAttention => {
                let c = self.map(inputs, "qkv")? / 3;
                if a.window == 0 || a.heads == 0 || c != 32 * a.heads {
                    return Err(format!("{} heads of 32 do not make {c} channels", a.heads));
                }
                let rows = a.height * a.width;
                inputs.check("qkv", Element::F32, &[rows, 3 * c])?;
                inputs.check("biases", Element::F32, &[a.heads, a.window * a.window])?;
                inputs.check("token", Element::F32, &[a.heads, 1, 32])?;
                inputs.check("token_bias", Element::F32, &[1])?;
                inputs.check("outside", Element::F32, &[3 * c])?;
                Fact::new(element, &[rows, c])
            }
            Kind::Quantize => Fact::new(Element::U8, &inputs.fact("x")?.shape),
            Kind::ToRows => match inputs.fact("x")?.shape[..] {
                [1, c, h, w] => Fact::new(Element::F32, &[h * w, c]),
                ref other => return Err(format!("'x': expected [1, c, h, w], found {other:?}")),
            },
            Kind::ToMap => {
                let c = self.map(inputs, "x")?;
                Fact::new(Element::F32, &[1, c, a.height, a.width])
            }
            Kind::DensePrompt => {
                let c = self.map(inputs, "embedding")?;
                let cells = a.height * a.width;
                if !a.height.is_multiple_of(2) || !a.width.is_multiple_of(2) {
                    return Err("the embedding's sides must be even".into());
                }
                inputs.check("logits", Element::F32, &[cells / 4, 1])?;
                inputs.check("table", Element::F32, &[2, c])?;
                Fact::new(Element::F32, &[cells, c])
            }
            Kind::Add => {
                let fact = inputs.fact("a")?;
                inputs.check("b", Element::F32, &fact.shape)?;
                Fact::new(Element::F32, &fact.shape)
            }
            Kind::Row => {
                let [_, c] = inputs.matrix("x")?;
                inputs.check("index", Element::I64, &[1])?;
                Fact::new(Element::F32, &[1, c])
            }
            Kind::SelfAttention | Kind::TokenToImage | Kind::ImageToToken => {
                self.two_way(inputs)?
            }
            Kind::UpConv | Kind::MaskHead => {
                let k = self.map(inputs, "x")?;
                let n = *inputs.fact("weight")?.shape.get(1).unwrap_or(&0);
                self.weights(inputs, &[k, n, 2, 2], n)?;
                inputs.check("hyper", Element::F32, &[1, n])?;
                let cells = 4 * a.height * a.width;
                Fact::new(
                    Element::F32,
                    &[cells, if self.kind == Kind::UpConv { n } else { 1 }],
                )
            }
        })
    }

    /// Multiplications of one run, for profiles; `inputs` must have passed [`Node::output`].
    ///
    /// # Errors
    /// An input is missing.
    pub fn multiplications(&self, inputs: &Inputs<'_>) -> Result<u64, String> {
        let a = &self.attributes;
        let output = self.output(inputs)?;
        let each = match self.kind {
            Kind::Linear | Kind::QLinear => inputs.matrix("weight")?[1],
            Kind::Conv | Kind::QConv => inputs.fact("weight")?.shape[1] * a.kernel * a.kernel,
            Kind::Depthwise | Kind::QDepthwise => 9,
            Kind::WindowAttention => 2 * a.window * a.window,
            Kind::UpConv => inputs.matrix("x")?[1],
            Kind::MaskHead => {
                let [_, k] = inputs.matrix("x")?;
                (k + 1) * inputs.fact("weight")?.shape[1]
            }
            // Per token and head, one vector of the image's width against each cell, and one back.
            Kind::TokenToImage => 2 * a.heads * inputs.matrix("image")?[0],
            Kind::ImageToToken => 2 * a.heads * inputs.matrix("k")?[0],
            _ => 0,
        };
        Ok((output.len() * each) as u64)
    }

    /// Channels of a map input that must have `height * width` rows.
    fn map(&self, inputs: &Inputs<'_>, name: &str) -> Result<usize, String> {
        let [rows, channels] = inputs.matrix(name)?;
        let cells = self.attributes.height * self.attributes.width;
        if rows != cells || cells == 0 {
            return Err(format!("'{name}' has {rows} rows, the map {cells} cells"));
        }
        Ok(channels)
    }

    fn weights(&self, inputs: &Inputs<'_>, shape: &[usize], outputs: usize) -> Result<(), String> {
        let quantized = matches!(self.kind, Kind::QLinear | Kind::QConv | Kind::QDepthwise);
        let (x, weight) = if quantized {
            (Element::U8, Element::I8)
        } else {
            (Element::F32, Element::F32)
        };
        let found = inputs.fact("x")?.element;
        if found != x {
            return Err(format!("'x': expected {x:?}, found {found:?}"));
        }
        inputs.check("weight", weight, shape)?;
        inputs.check("weight_scale", Element::F32, &[outputs])?;
        inputs.check("bias", Element::F32, &[outputs])
    }

    fn out(&self, side: usize, kernel: usize, pad: usize) -> Result<usize, String> {
        match (side + 2 * pad).checked_sub(kernel) {
            Some(span) if self.attributes.stride > 0 => Ok(span / self.attributes.stride + 1),
            _ => Err("the kernel is larger than the map, or the stride is 0".into()),
        }
    }

    fn two_way(&self, inputs: &Inputs<'_>) -> Result<Fact, String> {
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
            inputs.check(weight, Element::F32, &[inner, c])?;
            inputs.check(bias, Element::F32, &[inner])?;
        }
        inputs.check("wo", Element::F32, &[c, inner])?;
        inputs.check("bo", Element::F32, &[c])?;
        inputs.check("residual", Element::F32, &[rows, c])?;
        match self.kind {
            Kind::TokenToImage => {
                let [cells, _] = inputs.matrix("image")?;
                inputs.check("image", Element::F32, &[cells, c])?;
                inputs.check("position", Element::F32, &[cells, c])?;
            }
            Kind::ImageToToken => {
                let [tokens, _] = inputs.matrix("k")?;
                inputs.check("position", Element::F32, &[rows, c])?;
                inputs.check("k", Element::F32, &[tokens, c])?;
                inputs.check("v", Element::F32, &[tokens, c])?;
            }
            _ => inputs.check("v", Element::F32, &[rows, c])?,
        }
        Ok(Fact::new(Element::F32, &[rows, c]))
    }
}

fn first(inputs: &Inputs<'_>, name: &str) -> Result<usize, String> {
    let fact = inputs.fact(name)?;
    fact.shape
        .first()
        .copied()
        .ok_or_else(|| format!("'{name}' is a scalar"))
}
