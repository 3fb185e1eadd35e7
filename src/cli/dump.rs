//! What every layer gives for one frame, as arrays for other programs to check.

use std::path::Path;
use std::sync::Arc;

use super::failure::Failure;
use super::files::write;
use super::layers::through;
use compute::kernels::Value;
use engine::flow::Pipeline;
use engine::model::runtime::{Graph, Input, Tensor32, Threads};
use picture::frame::Frame;
use picture::render::npy;
use picture::segmenter::Ask;

/// Writes `DIR/GRAPH/NAME.npy` for each graph: its inputs, and the output of each of its nodes, of the first view.
pub(super) fn dump(
    pipeline: &Pipeline,
    ask: &Ask,
    frame: &Arc<Frame>,
    dir: &Path,
) -> Result<(), Failure> {
    through(pipeline, ask, frame, |name, graph, threads, inputs| {
        one(graph, threads, inputs, &dir.join(name))
    })
}

fn one(graph: &Graph, threads: &Threads, inputs: &[Input<'_>], dir: &Path) -> Result<(), String> {
    let graph = &graph
        .unfused()
        .ok_or("--dump: the model's graphs are not of our own nodes")?;
    std::fs::create_dir_all(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    for (port, input) in graph.contract().inputs.iter().zip(inputs) {
        let value = match *input {
            Input::F32(values) => Value::F32(values),
            Input::I64(values) => Value::I64(values),
        };
        put(dir, port.name, &port.shape, value)?;
    }
    let mut outputs: Vec<Tensor32> = graph
        .contract()
        .outputs
        .iter()
        .map(Tensor32::zeros)
        .collect();
    let mut written = Ok(());
    graph.run_observed(threads, inputs, &mut outputs, &mut |step, value| {
        if written.is_ok() {
            written = put(dir, &step.name, &step.output.shape, value);
        }
    })?;
    written
}

fn put(dir: &Path, name: &str, shape: &[usize], value: Value<'_>) -> Result<(), String> {
    let path = dir.join(file_name(name));
    let file = match value {
        Value::F32(values) => npy::write(shape, values),
        Value::U8(values) => npy::write(shape, values),
        Value::I64(values) => npy::write(shape, values),
    };
    let file = file.map_err(|error| error.to_string())?;
    write(&path, &file).map_err(|failure| failure.to_string())
}

/// A node's name as a file's: percent-encoded (RFC 3986, section 2.1), so that no two names share a file.
fn file_name(name: &str) -> String {
    let mut file = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                file.push(byte.into());
            }
            _ => file += &format!("%{byte:02X}"),
        }
    }
    file + ".npy"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_files_of_their_own() {
        for (name, file) in [
            ("stage0.block1.QLinear.2", "stage0.block1.QLinear.2.npy"),
            ("a/b", "a%2Fb.npy"),
            ("a%2Fb", "a%252Fb.npy"),
            ("../é", "..%2F%C3%A9.npy"),
            ("", ".npy"),
        ] {
            assert_eq!(file_name(name), file);
        }
    }
}
