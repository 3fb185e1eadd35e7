//! The few messages of onnx.proto (ONNX 1.20) that the toy model needs, by their field numbers.

pub(crate) const FLOAT: u64 = 1;
pub(crate) const INT64: u64 = 7;

pub(crate) struct Value {
    pub name: &'static str,
    pub element: u64,
    pub dims: Vec<usize>,
}

#[derive(Clone, Copy)]
pub(crate) struct Tensor<'a> {
    pub name: &'a str,
    pub dims: &'a [usize],
    pub data: Data<'a>,
}

#[derive(Clone, Copy)]
pub(crate) enum Data<'a> {
    F32(&'a [f32]),
    /// The whole of this file.
    External(&'a str),
}

pub(crate) fn floats(name: &'static str, channels: usize, side: usize) -> Value {
    Value {
        name,
        element: FLOAT,
        dims: vec![1, channels, side, side],
    }
}

pub(crate) fn graph(
    nodes: &[Vec<u8>],
    tensors: &[Tensor<'_>],
    inputs: &[Value],
    outputs: &[Value],
) -> Vec<u8> {
    let mut graph = Vec::new();
    nodes.iter().for_each(|node| message(&mut graph, 1, node));
    message(&mut graph, 2, b"toy");
    tensors
        .iter()
        .for_each(|tensor| message(&mut graph, 5, &tensor_proto(tensor)));
    inputs
        .iter()
        .for_each(|value| message(&mut graph, 11, &value_info(value)));
    outputs
        .iter()
        .for_each(|value| message(&mut graph, 12, &value_info(value)));
    let mut opset = Vec::new();
    number(&mut opset, 2, 17);
    let mut model = Vec::new();
    number(&mut model, 1, 8);
    message(&mut model, 7, &graph);
    message(&mut model, 8, &opset);
    model
}

pub(crate) fn node(op: &str, inputs: &[&str], output: &str, ints: &[(&str, &[u64])]) -> Vec<u8> {
    let mut node = Vec::new();
    inputs
        .iter()
        .for_each(|input| message(&mut node, 1, input.as_bytes()));
    message(&mut node, 2, output.as_bytes());
    message(&mut node, 3, format!("make_{output}").as_bytes());
    message(&mut node, 4, op.as_bytes());
    for (name, values) in ints {
        let mut attribute = Vec::new();
        message(&mut attribute, 1, name.as_bytes());
        values
            .iter()
            .for_each(|value| number(&mut attribute, 8, *value));
        number(&mut attribute, 20, 7);
        message(&mut node, 5, &attribute);
    }
    node
}

pub(crate) fn tensor_proto(tensor: &Tensor<'_>) -> Vec<u8> {
    let mut proto = Vec::new();
    tensor
        .dims
        .iter()
        .for_each(|dim| number(&mut proto, 1, *dim as u64));
    number(&mut proto, 2, FLOAT);
    message(&mut proto, 8, tensor.name.as_bytes());
    match tensor.data {
        Data::F32(values) => {
            message(
                &mut proto,
                9,
                &values
                    .iter()
                    .flat_map(|value| value.to_le_bytes())
                    .collect::<Vec<_>>(),
            );
        }
        Data::External(file) => {
            let mut entry = Vec::new();
            message(&mut entry, 1, b"location");
            message(&mut entry, 2, file.as_bytes());
            message(&mut proto, 13, &entry);
            number(&mut proto, 14, 1);
        }
    }
    proto
}

pub(crate) fn value_info(value: &Value) -> Vec<u8> {
    let mut shape = Vec::new();
    for dim in &value.dims {
        let mut dimension = Vec::new();
        number(&mut dimension, 1, *dim as u64);
        message(&mut shape, 1, &dimension);
    }
    let mut tensor = Vec::new();
    number(&mut tensor, 1, value.element);
    message(&mut tensor, 2, &shape);
    let mut kind = Vec::new();
    message(&mut kind, 1, &tensor);
    let mut info = Vec::new();
    message(&mut info, 1, value.name.as_bytes());
    message(&mut info, 2, &kind);
    info
}

/// A varint field.
pub(crate) fn number(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3);
    varint(out, value);
}

/// A length-delimited field.
pub(crate) fn message(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(crate) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
