//! Values as the numbers that facts say they are.

use crate::kernels::gemm::Residual;
use crate::kernels::{Out, Quant, Value, ValueMut};

/// A value that facts say is floats.
pub(super) fn floats<'a>(value: &Value<'a>) -> &'a [f32] {
    match *value {
        Value::F32(floats) => floats,
        _ => unreachable!("facts were checked when the layer was built"),
    }
}

/// A value that facts say is bytes.
pub(super) fn bytes<'a>(value: &Value<'a>) -> &'a [u8] {
    match *value {
        Value::U8(bytes) => bytes,
        _ => unreachable!("facts were checked when the layer was built"),
    }
}

/// A value that facts say is one number, of one among `count`.
///
/// # Panics
/// If there is no such one: the runtime turns that into an error.
pub(super) fn index(value: &Value<'_>, count: usize) -> usize {
    let index = match value {
        Value::I64([index]) => usize::try_from(*index).unwrap_or(usize::MAX),
        _ => usize::MAX,
    };
    assert!(index < count, "row {index} of {count}");
    index
}

/// An output that facts say is floats.
pub(super) fn floats_mut(output: ValueMut<'_>) -> &mut [f32] {
    match output {
        ValueMut::F32(floats) => floats,
        ValueMut::U8(_) => unreachable!("facts were checked when the layer was built"),
    }
}

/// Where a float operator's result goes: quantized if the output is bytes.
pub(super) fn out(output: ValueMut<'_>, quant: Option<Quant>) -> Out<'_> {
    match (output, quant) {
        (ValueMut::F32(floats), None) => Out::F32(floats),
        (ValueMut::U8(bytes), Some(quant)) => Out::U8(quant, bytes),
        _ => unreachable!("facts were checked when the layer was built"),
    }
}

/// A residual of floats, or of bytes that stand for real numbers as `quant` says.
pub(super) fn residual<'a>(value: Option<&Value<'a>>, quant: Option<Quant>) -> Residual<'a> {
    match (value, quant) {
        (None, _) => Residual::None,
        (Some(value), None) => Residual::F32(floats(value)),
        (Some(value), Some(quant)) => Residual::U8(quant, bytes(value)),
    }
}
