//! Layers in a row, run part by part: what lies between them stays in a thread's scratch, in cache, and never becomes a
//! map in memory. Results are those of the layers one after the other, bit for bit.

mod bands;
mod bottleneck;
mod mlp;
mod parts;
#[cfg(test)]
mod tests;

pub use bottleneck::{BottleneckF32, BottleneckI8};
pub use mlp::{MlpF32, MlpI8};
