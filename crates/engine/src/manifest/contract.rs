//! What each graph takes and gives: names, element types and shapes, as functions of the input side.
//!
//! The exporter writes graphs to this contract and the runtime refuses any other.

/// Channels of the image embedding (ESP-MedSAM's neck, like SAM's).
pub const EMBEDDING_CHANNELS: usize = 256;
/// Input pixels per cell of the embedding, per side.
pub const EMBEDDING_STRIDE: usize = 16;
/// Input pixels per cell of the patch map, per side: every input side is a multiple of this.
pub const PATCH_STRIDE: usize = 32;
/// Input pixels per cell of the low-resolution logits, per side.
pub const LOW_RES_STRIDE: usize = 4;

/// Type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortType {
    /// 32-bit float.
    F32,
    /// 64-bit signed integer.
    I64,
}

/// One input or output of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name in the ONNX file.
    pub name: &'static str,
    /// Type of its elements.
    pub element: PortType,
    /// Its shape, fixed.
    pub shape: Vec<usize>,
}

impl Port {
    /// Number of elements.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "no port is empty")]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Every input and output of a graph, in the order they are passed and returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// Inputs.
    pub inputs: Vec<Port>,
    /// Outputs, all float32.
    pub outputs: Vec<Port>,
    /// One more output that a graph may have, after the others; `None` of a graph that is loaded: what it has, it gives.
    pub optional: Option<Port>,
}

impl Contract {
    /// The contract of a graph that has outputs of these names: with the optional one, or without.
    #[must_use]
    pub fn of_outputs(mut self, names: &[impl AsRef<str>]) -> Self {
        let has = |port: &Port| names.iter().any(|name| name.as_ref() == port.name);
        self.outputs.extend(self.optional.take().filter(has));
        self
    }

    /// Whether an output of this name is given.
    #[must_use]
    pub fn gives(&self, name: &str) -> bool {
        self.outputs.iter().any(|port| port.name == name)
    }
}

/// The decoder's optional output.
pub const PRESENCE: &str = "presence";

/// Classes of the modality guard: the six modalities and "other".
pub const GUARD_CLASSES: usize = 7;

/// Which graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// `image [1,3,S,S]` → `embedding [1,256,S/16,S/16]`.
    Encoder,
    /// `embedding` → `patch_logits [1,1,S/32,S/32]`, `prompted` (shaped as the embedding).
    SelfPrompt,
    /// `prompted`, `modality int64 [1]` → `low_res_logits [1,1,S/4,S/4]`, and of some `presence [1,1]`: the logit of anything
    /// being there at all.
    Decoder,
    /// `image [1,3,S,S]` → `scores [1,7]`: which modality a picture looks like.
    Guard,
}

impl Role {
    /// The contract of this graph for a square input of `side` pixels.
    #[must_use]
    pub fn contract(self, side: usize) -> Contract {
        let embedding = |name| port(name, EMBEDDING_CHANNELS, side / EMBEDDING_STRIDE);
        match self {
            Role::Encoder => Contract {
                inputs: vec![port("image", 3, side)],
                outputs: vec![embedding("embedding")],
                optional: None,
            },
            Role::SelfPrompt => Contract {
                inputs: vec![embedding("embedding")],
                outputs: vec![
                    port("patch_logits", 1, side / PATCH_STRIDE),
                    embedding("prompted"),
                ],
                optional: None,
            },
            Role::Decoder => Contract {
                inputs: vec![
                    embedding("prompted"),
                    Port {
                        name: "modality",
                        element: PortType::I64,
                        shape: vec![1],
                    },
                ],
                outputs: vec![port("low_res_logits", 1, side / LOW_RES_STRIDE)],
                optional: Some(Port {
                    name: PRESENCE,
                    element: PortType::F32,
                    shape: vec![1, 1],
                }),
            },
            Role::Guard => Contract {
                inputs: vec![port("image", 3, side)],
                outputs: vec![Port {
                    name: "scores",
                    element: PortType::F32,
                    shape: vec![1, GUARD_CLASSES],
                }],
                optional: None,
            },
        }
    }
}

fn port(name: &'static str, channels: usize, side: usize) -> Port {
    Port {
        name,
        element: PortType::F32,
        shape: vec![1, channels, side, side],
    }
}
