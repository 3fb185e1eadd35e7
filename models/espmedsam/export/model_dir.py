"""Writes a model folder and keeps `manifest.toml` beside it: graphs, shared base, one small file per controller."""

from __future__ import annotations

import hashlib
import json
import shutil
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..facts.colour import IMAGENET_MEAN, IMAGENET_STD
from ..facts.notice import METADATA, NOTICE
from ..weights.checkpoint import PRESENCE, UNUSED, is_modality_key, read_safetensors, write_safetensors
from . import int8, nodes, plain
from .attention import Steps
from .decoder import DecoderLayers, Int8DecoderLayers
from .graph import OPSET, Graph, WeightFile
from .int8 import Int8Layers, Ranges
from .layers import FloatLayers

Entry = dict[str, Any]  # a table of the manifest


@dataclass(frozen=True)
class Profile:
    """How pixels are prepared: squashed to the square, then (x - mean) / std on 0..255 RGB."""

    resize: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def entry(self) -> dict[str, Any]:
        """For the manifest."""
        return {"resize": self.resize, "mean": list(self.mean), "std": list(self.std)}


PROFILES = {
    "imagenet": Profile("bilinear-squash", IMAGENET_MEAN, IMAGENET_STD),
    # What the official loader really feeds: its std is set to its mean.
    "official": Profile("bilinear-squash", IMAGENET_MEAN, IMAGENET_MEAN),
    # Our own weights: as "imagenet", but shrunk with an antialiasing (triangle) filter, so that a large frame of
    # another device gives what a small one gives.
    "imagenet-antialias": Profile("triangle-squash", IMAGENET_MEAN, IMAGENET_STD),
}
MODEL_KEYS = ("name", "default", "preferred_for", "side", "storage", "opset", "description")
MODALITY_TABLES = ("codes", "views", "white_balance", "confidence", "presence")
DTYPES = {"float32": np.float32, "float16": np.float16}
# int8: as `int8.stored` says, float16 where it says nothing; int8-weights: the same files, computed with in float32.
EIGHT = ("int8", "int8-weights")
STORAGES = (*DTYPES, *EIGHT)
GUARD = "guard/guard.json"  # of the modality guard, in the models' folder
# Prompt encoder without its position matrix, and TinyViT's classifier: in the checkpoint, never in the network.
_INERT = (*UNUSED, "prompt_encoder.point", "prompt_encoder.not_a", "prompt_encoder.mask_down", "prompt_encoder.no_")


@dataclass(frozen=True)
class Spec:
    """What a model folder is made from."""

    name: str
    side: int
    profile: str
    storage: str
    description: str
    default: bool = False
    form: str = "nodes"  # or "plain": standard operators only, for other runtimes
    ranges: dict[str, Ranges] = field(default_factory=dict)  # storage "int8": by encoder, "base" or the modality's
    attention: dict[str, Steps] = field(default_factory=dict)  # storage "int8": of those in 8 bits, by encoder
    decoder: Ranges = field(default_factory=dict)  # storage "int8": of its large layers, if those are in 8 bits
    folder: str = ""  # of its files, if not named like it: models in one folder share weights
    preferred_for: tuple[str, ...] = ()  # modalities it is meant for, rather than the default model
    confidence: dict[str, Any] = field(default_factory=dict)  # of espmedsam.measure.confidence, by modality
    presence: dict[str, Any] = field(default_factory=dict)  # of espmedsam.measure.presence, by modality
    views: dict[str, Any] = field(default_factory=dict)  # tiles and mirror images (the manifest's `views`), by modality
    white_balance: dict[str, Any] = field(
        default_factory=dict
    )  # the usual light (the manifest's `white_balance`), by modality
    codes: dict[str, Any] = field(default_factory=dict)  # what is marked (the manifest's `codes`), by modality

    @property
    def place(self) -> str:
        """The folder of its files."""
        return self.folder or self.name


@dataclass(frozen=True)
class ModalitySpec:
    """One modality's weights and what is known of them."""

    name: str
    index: int
    label: str
    controller: bool
    trained_on: list[str] = field(default_factory=list)
    licences: list[str] = field(default_factory=list)
    validation: list[Entry] = field(default_factory=list)


def digest(path: Path) -> str:
    """SHA-256 of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_weights(folder: Path, modality: str = "") -> dict[str, np.ndarray]:
    """The tensors of an exported model folder: the base, and the modality's controller if it is named. Floats are float32;
    8-bit layers are as they are stored (`int8.restored` makes a checkpoint of them)."""
    return read_part(folder, "base") | (read_part(folder, modality) if modality else {})


def read_part(folder: Path, stem: str) -> dict[str, np.ndarray]:
    """The base or a controller alone, as `read_weights` gives them. Raises FileNotFoundError unless there is just one."""
    found = sorted(folder.glob(f"{stem}-*.safetensors"))
    if len(found) != 1:
        raise FileNotFoundError(f"{folder} holds {len(found)} files {stem}-*.safetensors, expected 1")
    state = read_safetensors(found[0])
    return {k: v if v.dtype == np.int8 else v.astype(np.float32) for k, v in state.items()}


def weight_names(folder: Path) -> list[str]:
    """An exported folder's weight files, named by content."""
    return sorted(file.stem for file in folder.glob("*.safetensors"))


def write_weights(folder: Path, stem: str, tensors: dict[str, np.ndarray], storage: str) -> Path:
    """A `.safetensors` named by its content, so that equal weights are one file."""
    part = folder / f"{stem}.tmp.safetensors"
    arrays = {k: v.astype(DTYPES.get(storage, v.dtype)) for k, v in tensors.items()}
    bad = [k for k, v in arrays.items() if not np.all(np.isfinite(v))]
    if bad:
        raise ValueError(f"{bad[0]} does not fit {storage}")
    write_safetensors(part, arrays, METADATA)
    made = digest(part)
    path = folder / f"{stem}-{made[:8]}.safetensors"
    if path.exists() and digest(path) == made:
        part.unlink()
    else:
        part.replace(path)
    return path


def as_stored(state: dict[str, np.ndarray], storage: str, controller: bool) -> dict[str, np.ndarray]:
    """A checkpoint, or for 8-bit weights what an earlier export stored, as files of that storage hold it."""
    if storage not in EIGHT:
        return state
    return int8.kept(state) if int8.is_stored(state) else int8.stored(state, controller)


def write_controller(folder: Path, modality: str, state: dict[str, np.ndarray], storage: str) -> Path:
    """The controller's tensors alone, of what `as_stored` gives."""
    return write_weights(folder, modality, {k: v for k, v in state.items() if is_modality_key(k)}, storage)


def write_modality(root: Path, spec: Spec, modality: ModalitySpec, state: dict[str, np.ndarray]) -> Entry:
    """Writes weights and graphs of one modality into the model's folder; returns its manifest entry.

    `state` is a checkpoint, or for 8-bit weights what an earlier export stored. Graphs are named by side, base (and
    modality, if it has a controller), so modalities on one base share them.
    """
    folder = root / spec.place
    folder.mkdir(parents=True, exist_ok=True)
    state = as_stored(state, spec.storage, modality.controller)
    if modality.name in spec.presence and not state.keys() & PRESENCE.keys():
        raise ValueError(f"{modality.name} has bounds of presence, and weights without a presence head")
    shared = {k: v for k, v in state.items() if not is_modality_key(k) and not k.startswith(_INERT)}
    base = write_weights(folder, "base", shared, spec.storage)
    files = [WeightFile(base)]
    own = None
    if modality.controller:
        own = write_controller(folder, modality.name, state, spec.storage)
        files.append(WeightFile(own))
    tag = f"{spec.side}-{base.stem.removeprefix('base-')}"
    encoder = "-".join(["encoder", "int8" if spec.storage == "int8" else "float", tag, *([own.stem] if own else [])])
    graphs = {
        "encoder": _encoder(spec, modality, files),
        "self_prompt": (plain if spec.form == "plain" else nodes).self_prompt(spec.side, files[:1]),
        "decoder": _decoder(spec, files[:1]),
    }
    decoder = f"decoder-int8-{tag}" if spec.decoder else f"decoder-{tag}"
    names = {"encoder": encoder, "self_prompt": f"self_prompt-{tag}", "decoder": decoder}
    paths = {kind: folder / f"{name}.onnx" for kind, name in names.items()}
    for kind, graph in graphs.items():
        graph.save(paths[kind])
    by_name = {key: getattr(spec, key) for key in MODALITY_TABLES}
    tables = {key: table[modality.name] for key, table in by_name.items() if modality.name in table}
    return {
        "name": modality.name,
        "index": modality.index,
        "label": modality.label,
        "controller": modality.controller,
        **{kind: path.relative_to(root).as_posix() for kind, path in paths.items()},
        "weights": [file.path.relative_to(root).as_posix() for file in files],
        "trained_on": modality.trained_on,
        "licences": modality.licences,
        **tables,
        "validation": modality.validation,
    }


def _encoder(spec: Spec, modality: ModalitySpec, files: list[WeightFile]) -> Graph:
    if spec.form == "plain":
        return plain.encoder(spec.side, files, modality.controller)
    return nodes.encoder(_layers(spec, modality, files), spec.side, modality.controller)


def _decoder(spec: Spec, files: list[WeightFile]) -> Graph:
    if spec.form == "plain":
        return plain.decoder(spec.side, files)
    graph = Graph("decoder", files)
    return nodes.decoder(Int8DecoderLayers(graph, spec.decoder) if spec.decoder else DecoderLayers(graph), spec.side)


def _layers(spec: Spec, modality: ModalitySpec, files: list[WeightFile]) -> FloatLayers:
    """The encoder's layers, as the storage asks."""
    graph = Graph("encoder", files)
    if spec.storage == "int8":
        encoder = modality.name if modality.controller else "base"
        return Int8Layers(graph, spec.ranges.get(encoder, {}), spec.attention.get(encoder))
    return int8.WideLayers(graph) if spec.storage in EIGHT else FloatLayers(graph)


def read_manifest(root: Path) -> list[Entry]:
    """The models of `root/manifest.toml`, or none."""
    path = root / "manifest.toml"
    return tomllib.loads(path.read_text())["model"] if path.exists() else []


def write_manifest(root: Path, models: list[Entry]) -> None:
    """Writes `root/manifest.toml` with the size and SHA-256 of every file the models use; replaced when whole. The
    modality guard is listed if `root/guard/guard.json` describes one."""
    lines = ["# Written by the export; edit nothing by hand.", "format = 1", f'notice = "{NOTICE}"']
    for model in models:
        lines += ["", "[[model]]", *_lines({key: model[key] for key in MODEL_KEYS if key in model})]
        lines += ["", "[model.preprocess]", *_lines(model["preprocess"])]
        for path in sorted({path for modality in model["modality"] for path in _paths(modality)}):
            lines += ["", "[[model.file]]", *_file(root, path)]
        for modality in sorted(model["modality"], key=lambda modality: modality["index"]):
            lines += _modality(modality)
    part = root / "manifest.toml.part"
    part.write_text("\n".join(lines + _guard(root)) + "\n")
    part.replace(root / "manifest.toml")


def _modality(modality: Entry) -> list[str]:
    """Its lines: what is plain, then its tables."""
    lines = ["", "[[model.modality]]"]
    lines += _lines({key: value for key, value in modality.items() if key not in (*MODALITY_TABLES, "validation")})
    for table in MODALITY_TABLES:
        if table in modality:
            lines += ["", f"[model.modality.{table}]", *_lines(modality[table])]
    for found in modality.get("validation", []):
        lines += ["", "[[model.modality.validation]]", *_lines(found)]
    return lines


def _lines(table: Entry) -> list[str]:
    return [f"{key} = {_toml(value)}" for key, value in table.items()]


def _guard(root: Path) -> list[str]:
    """The manifest's lines about the modality guard."""
    path = root / GUARD
    if not path.exists():
        return []
    known = json.loads(path.read_text())
    lines = ["", "[guard]", f"side = {known['side']}", f"inverted = {known['inverted']}"]
    lines += [
        "",
        "[guard.preprocess]",
        'profile = "imagenet-antialias"',
        *_lines(PROFILES["imagenet-antialias"].entry()),
    ]
    lines += ["", "[guard.file]", *_file(root, f"guard/{known['file']}")]
    for name in known["classes"]:
        lines += ["", "[[guard.class]]", f"name = {_toml(name)}"]
        lines += [f"threshold = {known['threshold'][name]}"] if name in known["threshold"] else []
    return lines


def measured(report: dict[str, Any]) -> dict[str, list[Entry]]:
    """By modality, for the manifest: the figures of each data set, from what `espmedsam eval --json` wrote. A set without a
    target has none."""
    found: dict[str, list[Entry]] = {}
    for of in report["datasets"]:
        if of["dice_mean"] is not None:
            figures = {"dice": round(of["dice_mean"], 4), "iou": round(of["iou_mean"], 4)}
            found.setdefault(of["modality"], []).append({"dataset": of["dataset"], "images": of["images"], **figures})
    return found


def mirror(root: Path, out: Path) -> None:
    """Copies every file that the models of `root` and its guard use, and no other, to `out`. No links: ONNX refuses weights
    that have several names."""
    used = {path for model in read_manifest(root) for modality in model["modality"] for path in _paths(modality)}
    for path in [*sorted(used), *_guard_files(root)]:
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / path, out / path)


def _guard_files(root: Path) -> list[str]:
    path = root / GUARD
    return [GUARD, f"guard/{json.loads(path.read_text())['file']}"] if path.exists() else []


def _file(root: Path, path: str) -> list[str]:
    file = root / path
    return [f"path = {_toml(path)}", f'sha256 = "{digest(file)}"', f"bytes = {file.stat().st_size}"]


def _paths(modality: Entry) -> tuple[str, ...]:
    """Every file a modality uses."""
    return (modality["encoder"], modality["self_prompt"], modality["decoder"], *modality["weights"])


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + " }"
    return "[" + ", ".join(_toml(each) for each in value) + "]"


def prune(root: Path, models: list[Entry]) -> None:
    """Deletes what earlier exports left in the models' folders and no modality uses any more."""
    used = {root / path for model in models for modality in model["modality"] for path in _paths(modality)}
    for folder in {file.parent for file in used}:
        for file in folder.iterdir():
            if file not in used and file.suffix in (".onnx", ".safetensors"):
                file.unlink()


def model_entry(spec: Spec, modalities: list[Entry]) -> Entry:
    """The manifest entry of a model."""
    preferred = {"preferred_for": list(spec.preferred_for)} if spec.preferred_for else {}
    return {
        "name": spec.name,
        "default": spec.default,
        **preferred,
        "side": spec.side,
        "storage": spec.storage,
        "opset": OPSET,
        "description": spec.description,
        "preprocess": {"profile": spec.profile, **PROFILES[spec.profile].entry()},
        "modality": modalities,
    }
