//! Layers that several graphs have in common are packed once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use sha2::{Digest, Sha256};

use super::build::build;
use super::fact::{Constant, Data, NodeInput, NodeInputs};
use super::layer::Layer;
use super::node::Node;
use crate::kernels::Cpu;

/// Packed layers in use, by what they were made from. Modalities on one base share its layers in memory as they share
/// its weights on disk.
#[derive(Debug, Default)]
pub struct LayerCache(Mutex<HashMap<[u8; 32], Weak<dyn Layer>>>);

impl LayerCache {
    /// The layer of a node for a CPU: one already packed if node, weights and shapes are equal, else a new one.
    ///
    /// # Errors
    /// As [`build`].
    pub fn layer(
        &self,
        cpu: Cpu,
        node: &Node,
        inputs: &NodeInputs<'_>,
    ) -> Result<Arc<dyn Layer>, String> {
        let key = digest(cpu, node, inputs);
        let known = self.lock().get(&key).and_then(Weak::upgrade);
        if let Some(layer) = known {
            return Ok(layer);
        }
        let layer = build(cpu, node, inputs)?;
        let mut layers = self.lock();
        layers.retain(|_, layer| layer.strong_count() > 0);
        layers.insert(key, Arc::downgrade(&layer));
        Ok(layer)
    }

    /// Only whole entries are ever inserted: a poisoned lock stays usable.
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], Weak<dyn Layer>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// SHA-256 of everything a layer is made from.
fn digest(cpu: Cpu, node: &Node, inputs: &NodeInputs<'_>) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(format!("{cpu:?} {node:?}"));
    for input in inputs.iter() {
        match input {
            NodeInput::Absent => hash.update("absent"),
            NodeInput::Dynamic(fact) => hash.update(format!("{fact:?}")),
            NodeInput::Constant(constant) => {
                hash.update(format!("{:?}", constant.fact()));
                update(&mut hash, constant);
            }
        }
    }
    hash.finalize().into()
}

fn update(hash: &mut Sha256, constant: &Constant<'_>) {
    // In pieces, so that the bytes of large weights are never all copied at once.
    match constant.data {
        Data::F32(data) => pieces(hash, data, |v| v.to_le_bytes()),
        Data::I64(data) => pieces(hash, data, |v| v.to_le_bytes()),
        Data::I8(data) => pieces(hash, data, |v| v.to_le_bytes()),
        Data::U8(data) => hash.update(data),
    }
}

fn pieces<T: Copy, const N: usize>(hash: &mut Sha256, data: &[T], bytes: impl Fn(T) -> [u8; N]) {
    let mut buffer = Vec::with_capacity(4096 * N);
    for piece in data.chunks(4096) {
        buffer.clear();
        buffer.extend(piece.iter().flat_map(|v| bytes(*v)));
        hash.update(&buffer);
    }
}
