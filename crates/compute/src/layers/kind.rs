//! Kinds of nodes: their names in files and their inputs.

use super::fact::{NodeInput, NodeInputs};

/// Kinds of nodes; `docs/nodes.md` says what each computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "docs/nodes.md")]
pub enum NodeKind {
    Linear,
    Conv,
    Depthwise,
    LayerNorm,
    WindowAttention,
    Quantize,
    ToRows,
    ToMap,
    DensePrompt,
    Add,
    Row,
    SelfAttention,
    TokenToImage,
    ImageToToken,
    UpConv,
    MaskHead,
    Presence,
    Roots,
    Classify,
    QLinear,
    QConv,
    QDepthwise,
    QUpConv,
    QWindowAttention,
}

const ALL: [(NodeKind, &str, &[&str]); 24] = [
    (
        NodeKind::Linear,
        "Linear",
        &["x", "weight", "bias", "residual", "y_scale", "y_zero"],
    ),
    (
        NodeKind::Conv,
        "Conv",
        &["x", "weight", "bias", "y_scale", "y_zero"],
    ),
    (NodeKind::Depthwise, "Depthwise", &["x", "weight", "bias"]),
    (
        NodeKind::LayerNorm,
        "LayerNorm",
        &["x", "weight", "bias", "y_scale", "y_zero"],
    ),
    (
        NodeKind::WindowAttention,
        "WindowAttention",
        &[
            "qkv",
            "biases",
            "token",
            "token_bias",
            "outside",
            "y_scale",
            "y_zero",
        ],
    ),
    (NodeKind::Quantize, "Quantize", &["x", "y_scale", "y_zero"]),
    (NodeKind::ToRows, "ToRows", &["x"]),
    (NodeKind::ToMap, "ToMap", &["x"]),
    (
        NodeKind::DensePrompt,
        "DensePrompt",
        &["embedding", "logits", "table"],
    ),
    (NodeKind::Add, "Add", &["a", "b"]),
    (NodeKind::Row, "Row", &["x", "index"]),
    (
        NodeKind::SelfAttention,
        "SelfAttention",
        &[
            "qk", "v", "wq", "bq", "wk", "bk", "wv", "bv", "wo", "bo", "residual",
        ],
    ),
    (
        NodeKind::TokenToImage,
        "TokenToImage",
        &[
            "q", "image", "position", "wq", "bq", "wk", "bk", "wv", "bv", "wo", "bo", "residual",
        ],
    ),
    (
        NodeKind::ImageToToken,
        "ImageToToken",
        &[
            "image", "position", "k", "v", "wq", "bq", "wk", "bk", "wv", "bv", "wo", "bo",
        ],
    ),
    (NodeKind::UpConv, "UpConv", &["x", "weight", "bias"]),
    (
        NodeKind::MaskHead,
        "MaskHead",
        &["x", "weight", "bias", "hyper"],
    ),
    (
        NodeKind::Presence,
        "Presence",
        &[
            "x",
            "query",
            "index",
            "weight",
            "bias",
            "score_weight",
            "score_bias",
        ],
    ),
    (NodeKind::Roots, "Roots", &["x", "scale", "shift"]),
    (NodeKind::Classify, "Classify", &["x", "weight", "bias"]),
    (
        NodeKind::QLinear,
        "QLinear",
        &[
            "x",
            "x_scale",
            "x_zero",
            "weight",
            "weight_scale",
            "bias",
            "residual",
            "residual_scale",
            "residual_zero",
            "mid_scale",
            "mid_zero",
            "y_scale",
            "y_zero",
        ],
    ),
    (
        NodeKind::QConv,
        "QConv",
        &[
            "x",
            "x_scale",
            "x_zero",
            "weight",
            "weight_scale",
            "bias",
            "mid_scale",
            "mid_zero",
            "y_scale",
            "y_zero",
        ],
    ),
    (
        NodeKind::QDepthwise,
        "QDepthwise",
        &[
            "x",
            "x_scale",
            "x_zero",
            "weight",
            "weight_scale",
            "bias",
            "mid_scale",
            "mid_zero",
            "y_scale",
            "y_zero",
        ],
    ),
    (
        NodeKind::QUpConv,
        "QUpConv",
        &["x", "x_scale", "x_zero", "weight", "weight_scale", "bias"],
    ),
    (
        NodeKind::QWindowAttention,
        "QWindowAttention",
        &[
            "qkv",
            "biases",
            "fineness",
            "value_scale",
            "token_key",
            "token_value",
            "token_bias",
            "outside",
            "y_scale",
            "y_zero",
        ],
    ),
];

impl NodeKind {
    /// The kind of a function called `<NodeKind>_<number>`.
    #[must_use]
    pub fn of_function(function: &str) -> Option<Self> {
        let name = function.split_once('_').map_or(function, |(name, _)| name);
        ALL.iter()
            .find(|(_, known, _)| *known == name)
            .map(|(kind, ..)| *kind)
    }

    /// Names of its inputs, in order.
    #[must_use]
    pub fn inputs(self) -> &'static [&'static str] {
        ALL.iter()
            .find(|(kind, ..)| *kind == self)
            .map_or(&[], |(.., inputs)| inputs)
    }

    /// Whether the input of this name is a value that layers take at each run, not a weight that is packed.
    #[must_use]
    pub fn is_value(self, name: &str) -> bool {
        const VALUES: [&str; 14] = [
            "x",
            "residual",
            "qkv",
            "embedding",
            "logits",
            "a",
            "b",
            "index",
            "query",
            "qk",
            "v",
            "q",
            "image",
            "hyper",
        ];
        VALUES.contains(&name) || (name == "k" && self == NodeKind::ImageToToken)
    }

    /// The inputs that are values, of those given, in order.
    #[must_use]
    pub fn values<'a, 'b>(self, inputs: &'b NodeInputs<'a>) -> Vec<&'b NodeInput<'a>> {
        let names = self.inputs().iter().filter(|name| self.is_value(name));
        names
            .map(|name| inputs.get(name))
            .filter(|input| **input != NodeInput::Absent)
            .collect()
    }

    /// Its name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        ALL.iter()
            .find(|(kind, ..)| *kind == self)
            .map_or("", |(_, name, _)| name)
    }
}
