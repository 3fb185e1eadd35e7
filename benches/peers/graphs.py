"""The shipped weights as each runtime likes them best, written once and kept under `out/peers`.

Peers get one graph of standard nodes in float32, BatchNorms folded, GELU one node; in 8 bits what their own tool
makes of it with the bundled pictures. The program gets model folders: its own nodes, and the plain form, in which it
knows no node of its own and so is tract as it comes.
"""

import contextlib
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pictures
from onnx import compose
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from pictures import INDEX, MODALITY, ROOT

MODELS, NAME = ROOT / "models", pictures.MODEL
# Exported folders by name: options of the exporter.
FOLDERS = {
    "plain": ["--form", "plain", "--storage", "float32"],
    "nodes": ["--form", "nodes", "--storage", "float32"],
    "nodes-int8": ["--storage", "int8", "--ranges", MODELS / "configs/ranges-224.json"],
}


def folder(name: str, side: int) -> Path:
    """A model folder for the program with the one modality measured, exported from the shipped weights."""
    out = ROOT / f"out/peers/{side}/{name}"
    if not newest((out / "manifest.toml",), [*(MODELS / "release").glob("*.safetensors"),
                                             *(MODELS / "espmedsam/export").glob("*.py")]):
        print(f"writing {out.relative_to(ROOT)}", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", "espmedsam.export", MODELS / "configs/release.toml", "--from", MODELS / "release",
                   "--modality", MODALITY, "--side", str(side), "--name", name, "--out", out, *FOLDERS[name]]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return out


def newest(files: tuple, sources: list) -> bool:
    """Whether all files exist and none is older than a source."""
    return all(f.exists() and all(f.stat().st_mtime >= s.stat().st_mtime for s in sources) for f in files)


def graph(kind: str, side: int) -> Path:
    """A peer's graph: "float32", "onnxruntime-int8" or "openvino-int8"."""
    out = ROOT / f"out/peers/{side}" / f"{kind}.{'xml' if kind == 'openvino-int8' else 'onnx'}"
    plain = folder("plain", side)
    base = [plain / "manifest.toml", Path(__file__)]
    if newest((out,), base):
        return out
    print(f"writing {out.relative_to(ROOT)}", file=sys.stderr, flush=True)
    if kind == "float32":
        whole(plain, out)
        return out
    float32 = graph("float32", side)
    feed = [{"image": x, "modality": np.array([INDEX])} for x in pictures.calibration(side)]
    (onnxruntime_int8 if kind == "onnxruntime-int8" else openvino_int8)(float32, out, feed)
    return out


def whole(plain: Path, to: Path) -> None:
    """Encoder, self-prompt and decoder as one graph, its constant arithmetic done, weights in a file beside it."""
    entry = tomllib.loads((plain / "manifest.toml").read_text())["model"][0]["modality"][0]
    encoder, self_prompt, decoder = (
        compose.add_prefix(onnx.load(plain / entry[k]), f"{k}.", rename_inputs=False, rename_outputs=False)
        for k in ("encoder", "self_prompt", "decoder"))
    model = compose.merge_models(encoder, self_prompt, io_map=[("embedding", "embedding")])
    model = compose.merge_models(model, decoder, io_map=[("prompted", "prompted")])
    with tempfile.TemporaryDirectory() as tmp:
        onnx.save(model, f"{tmp}/model.onnx")
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = f"{tmp}/folded.onnx"
        ort.InferenceSession(f"{tmp}/model.onnx", options, providers=["CPUExecutionProvider"])
        model = onnx.load(f"{tmp}/folded.onnx")
    # onnxruntime names every domain it knows.
    opset = max(o.version for o in model.opset_import if not o.domain)
    del model.opset_import[:]
    model.opset_import.append(onnx.helper.make_opsetid("", opset))
    save(model, to)


def save(model: onnx.ModelProto, to: Path) -> None:
    """Writes a model with its weights in a file beside it, which costs onnxruntime the least memory."""
    data = to.with_suffix(".data")
    data.unlink(missing_ok=True)
    onnx.save(model, to, save_as_external_data=True, location=data.name, size_threshold=1024)


class Reader(CalibrationDataReader):
    """Calibration pictures, one after another."""

    def __init__(self, feed: list[dict]):
        self.feed = iter(feed)

    def get_next(self) -> dict | None:
        return next(self.feed, None)


def onnxruntime_int8(float32: Path, to: Path, feed: list[dict]) -> None:
    """QDQ, u8 activations and s8 weights per channel: nothing else that was tried was clearly faster.

    Ratios to its median at 224², one thread, AVX-512 VNNI, one interleaved run on a busy machine: s8s8 1.1, u8u8 1.4,
    convolutions alone 1.5, products left in float32 1.2, every operator 1.0 (twice the error), reduced range 1.0, per
    tensor 0.9 (more error; least times equal).
    """
    with tempfile.TemporaryDirectory() as tmp:
        quantize_static(float32, f"{tmp}/int8.onnx", Reader(feed), quant_format=QuantFormat.QDQ, per_channel=True,
                        op_types_to_quantize=["MatMul", "Gemm", "Conv"], activation_type=QuantType.QUInt8,
                        weight_type=QuantType.QInt8)
        save(onnx.load(f"{tmp}/int8.onnx"), to)


def openvino_int8(float32: Path, to: Path, feed: list[dict]) -> None:
    """NNCF's post-training quantisation, transformer scheme: as fast as without, with half the error."""
    import nncf
    import openvino
    with contextlib.redirect_stdout(sys.stderr):  # It draws progress bars.
        model = nncf.quantize(openvino.Core().read_model(float32), nncf.Dataset(feed), subset_size=len(feed),
                              preset=nncf.QuantizationPreset.PERFORMANCE, model_type=nncf.ModelType.TRANSFORMER)
    openvino.save_model(model, to, compress_to_fp16=False)
