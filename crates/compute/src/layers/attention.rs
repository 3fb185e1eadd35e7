//! Attention layers: windows of the encoder, tokens and image of the decoder.

use super::fact::NodeInputs;
use super::layer::Layer;
use super::node::Attributes;
use super::values::{bytes, floats, floats_mut, out};
use crate::kernels::attention::{
    FINEST, MOST_WINDOW, Token, TokenI8, WindowAttention, WindowAttentionI8, WindowShape,
    WindowWeightsI8, is_fineness,
};
use crate::kernels::two_way::{
    Affine, AttentionWeights, HEADS, ImageToToken, SelfAttention, TokenToImage,
};
use crate::kernels::{Cpu, Exec, Quant, Value, ValueMut};

#[derive(Debug)]
pub(super) struct WindowLayer {
    attention: WindowAttention,
    quant: Option<Quant>,
}

impl WindowLayer {
    pub(super) fn new(a: &Attributes, inputs: &NodeInputs<'_>) -> Result<Self, String> {
        let (shape, outside) = windows(a, inputs)?;
        let token = match inputs.floats_if_any("token")? {
            None => None,
            Some(vectors) => Some(Token {
                vectors,
                bias: inputs.float("token_bias")?,
            }),
        };
        Ok(Self {
            attention: WindowAttention::new(shape, inputs.floats("biases")?, token, outside),
            quant: inputs.quant("y")?,
        })
    }
}

impl Layer for WindowLayer {
    fn scratch(&self) -> usize {
        self.attention.scratch()
    }

    fn run(&self, exec: Exec<'_>, inputs: &[Value<'_>], _: &mut [f32], output: ValueMut<'_>) {
        let out = out(output, self.quant);
        self.attention.run(exec, floats(&inputs[0]), out);
    }
}

/// Geometry, and what cells outside the map have, which are refused to be without.
fn windows<'a>(
    a: &Attributes,
    inputs: &NodeInputs<'a>,
) -> Result<(WindowShape, Option<&'a [f32]>), String> {
    let tiles = a.height.is_multiple_of(a.window) && a.width.is_multiple_of(a.window);
    let outside = inputs.floats_if_any("outside")?;
    if !tiles && outside.is_none() {
        return Err("windows reach outside the map, but 'outside' is not given".into());
    }
    let shape = WindowShape {
        height: a.height,
        width: a.width,
        window: a.window,
        heads: a.heads,
    };
    Ok((shape, outside))
}

#[derive(Debug)]
pub(super) struct QWindowLayer {
    attention: WindowAttentionI8,
    quant: Option<Quant>,
}

impl QWindowLayer {
    pub(super) fn new(cpu: Cpu, a: &Attributes, inputs: &NodeInputs<'_>) -> Result<Self, String> {
        let (shape, outside) = windows(a, inputs)?;
        if a.window > MOST_WINDOW {
            return Err(format!("windows of {}: at most {MOST_WINDOW}", a.window));
        }
        let token = match inputs.floats_if_any("token_key")? {
            None => None,
            Some(keys) => Some(TokenI8 {
                keys,
                values: inputs.floats("token_value")?,
                bias: inputs.float("token_bias")?,
            }),
        };
        let fineness = inputs.floats("fineness")?;
        if let Some(bad) = fineness.iter().find(|number| !is_fineness(**number)) {
            return Err(format!(
                "'fineness' is {bad}, not a power of two from 1 to {FINEST}"
            ));
        }
        let weights = WindowWeightsI8 {
            biases: inputs.floats("biases")?,
            fineness,
            value_scale: inputs.floats("value_scale")?,
            token,
            outside,
        };
        Ok(Self {
            attention: WindowAttentionI8::new(cpu, shape, &weights),
            quant: inputs.quant("y")?,
        })
    }
}

impl Layer for QWindowLayer {
    fn scratch(&self) -> usize {
        self.attention.scratch()
    }

    fn run(&self, exec: Exec<'_>, inputs: &[Value<'_>], _: &mut [f32], output: ValueMut<'_>) {
        let out = out(output, self.quant);
        self.attention.run(exec, bytes(&inputs[0]), out);
    }
}

fn weights<'a>(a: &Attributes, inputs: &NodeInputs<'a>) -> Result<AttentionWeights<'a>, String> {
    if a.heads != HEADS {
        return Err(format!("expected {HEADS} heads, found {}", a.heads));
    }
    let affine = |weight, bias| {
        Ok::<_, String>(Affine {
            weight: inputs.floats(weight)?,
            bias: inputs.floats(bias)?,
        })
    };
    Ok(AttentionWeights {
        q: affine("wq", "bq")?,
        k: affine("wk", "bk")?,
        v: affine("wv", "bv")?,
        out: affine("wo", "bo")?,
    })
}

#[derive(Debug)]
pub(super) struct SelfLayer {
    attention: SelfAttention,
    tokens: usize,
}

impl SelfLayer {
    pub(super) fn new(a: &Attributes, inputs: &NodeInputs<'_>) -> Result<Self, String> {
        let [tokens, _] = inputs.matrix("qk")?;
        Ok(Self {
            attention: SelfAttention::new(&weights(a, inputs)?),
            tokens,
        })
    }
}

impl Layer for SelfLayer {
    fn scratch(&self) -> usize {
        self.attention.scratch(self.tokens)
    }

    fn work(&self) -> usize {
        self.attention.work(self.tokens)
    }

    fn run(&self, exec: Exec<'_>, inputs: &[Value<'_>], work: &mut [f32], output: ValueMut<'_>) {
        let (qk, v) = (floats(&inputs[0]), floats(&inputs[1]));
        let residual = inputs.get(2).map(floats);
        self.attention
            .run(exec, (qk, v), residual, work, floats_mut(output));
    }
}

#[derive(Debug)]
pub(super) struct TokenToImageLayer {
    attention: TokenToImage,
    position: Vec<f32>,
    tokens: usize,
    rows: usize,
}

impl TokenToImageLayer {
    pub(super) fn new(a: &Attributes, inputs: &NodeInputs<'_>) -> Result<Self, String> {
        let ([tokens, _], [rows, _]) = (inputs.matrix("q")?, inputs.matrix("image")?);
        if !inputs.has("residual") {
            return Err("'residual' is missing".into());
        }
        Ok(Self {
            attention: TokenToImage::new(&weights(a, inputs)?),
            position: inputs.floats("position")?.to_vec(),
            tokens,
            rows,
        })
    }
}

impl Layer for TokenToImageLayer {
    fn scratch(&self) -> usize {
        self.attention.scratch(self.tokens, self.rows)
    }

    fn work(&self) -> usize {
        self.attention.work(self.tokens, self.rows)
    }

    fn run(&self, exec: Exec<'_>, inputs: &[Value<'_>], work: &mut [f32], output: ValueMut<'_>) {
        let [q, image, residual] = [0, 1, 2].map(|at: usize| floats(&inputs[at]));
        let image = (image, self.position.as_slice());
        self.attention
            .run(exec, q, image, residual, work, floats_mut(output));
    }
}

#[derive(Debug)]
pub(super) struct ImageToTokenLayer {
    attention: ImageToToken,
    position: Vec<f32>,
    tokens: usize,
}

impl ImageToTokenLayer {
    pub(super) fn new(a: &Attributes, inputs: &NodeInputs<'_>) -> Result<Self, String> {
        let [tokens, _] = inputs.matrix("k")?;
        Ok(Self {
            attention: ImageToToken::new(&weights(a, inputs)?),
            position: inputs.floats("position")?.to_vec(),
            tokens,
        })
    }
}

impl Layer for ImageToTokenLayer {
    fn scratch(&self) -> usize {
        self.attention.scratch(self.tokens)
    }

    fn work(&self) -> usize {
        self.attention.work(self.tokens)
    }

    fn run(&self, exec: Exec<'_>, inputs: &[Value<'_>], work: &mut [f32], output: ValueMut<'_>) {
        let [image, k, v] = [0, 1, 2].map(|at: usize| floats(&inputs[at]));
        let image = (image, self.position.as_slice());
        self.attention
            .run(exec, image, (k, v), work, floats_mut(output));
    }
}
