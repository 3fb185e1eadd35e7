"""Writes a model folder and keeps `manifest.toml` beside it: graphs, shared base, one small file per controller."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..facts.colour import IMAGENET_MEAN, IMAGENET_STD
from ..facts.notice import METADATA, NOTICE
from ..weights.checkpoint import UNUSED, is_modality_key, read_safetensors, write_safetensors
from . import int8, nodes, plain
from .graph import OPSET, Graph, WeightFile
from .int8 import Int8Layers, Ranges
from .layers import FloatLayers

PROFILES = {
    # (x - mean) / std on 0..255 RGB, after squashing to the square.
    "imagenet": {"resize": "bilinear-squash", "mean": list(IMAGENET_MEAN), "std": list(IMAGENET_STD)},
    # What the official loader really feeds: its std is set to its mean.
    "official": {"resize": "bilinear-squash", "mean": list(IMAGENET_MEAN), "std": list(IMAGENET_MEAN)},
    # Our own weights: as "imagenet", but shrunk with an antialiasing (triangle) filter, so that a large frame of
    # another device gives what a small one gives.
    "imagenet-antialias": {"resize": "triangle-squash", "mean": list(IMAGENET_MEAN), "std": list(IMAGENET_STD)},
}
DTYPES = {"float32": np.float32, "float16": np.float16}
# int8: as `int8.stored` says, float16 where it says nothing; int8-weights: the same files, computed with in float32.
EIGHT = ("int8", "int8-weights")
STORAGES = (*DTYPES, *EIGHT)
# Prompt encoder without its position matrix, and TinyViT's classifier: in the checkpoint, never in the network.
_INERT = (*UNUSED, "prompt_encoder.point", "prompt_encoder.not_a", "prompt_encoder.mask_down", "prompt_encoder.no_")


@dataclass
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
    folder: str = ""  # of its files, if not named like it: models in one folder share weights
    preferred_for: tuple[str, ...] = ()  # modalities it is meant for, rather than the default model
    confidence: dict = field(default_factory=dict)  # of espmedsam.confidence, by modality
    views: dict = field(default_factory=dict)  # tiles and mirror images (the manifest's `views`), by modality
    white_balance: dict = field(default_factory=dict)  # the usual light (the manifest's `white_balance`), by modality

    @property
    def place(self) -> str:
        """The folder of its files."""
        return self.folder or self.name


@dataclass
class ModalitySpec:
    """One modality's weights and what is known of them."""

    name: str
    index: int
    label: str
    controller: bool
    trained_on: list[str] = field(default_factory=list)
    licences: list[str] = field(default_factory=list)
    validation: list[dict] = field(default_factory=list)


def digest(path: Path) -> str:
    """SHA-256 of a file, hex."""
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def read_weights(folder: Path, modality: str = "") -> dict[str, np.ndarray]:
    """The tensors of an exported model folder: the base, and the modality's controller if it is named. Floats are float32;
    8-bit layers are as they are stored (`int8.restored` makes a checkpoint of them)."""
    state = {}
    for stem in filter(None, ("base", modality)):
        found = sorted(folder.glob(f"{stem}-*.safetensors"))
        if len(found) != 1:
            raise FileNotFoundError(f"{folder} holds {len(found)} files {stem}-*.safetensors, expected 1")
        state.update(read_safetensors(found[0]))
    return {k: v if v.dtype == np.int8 else v.astype(np.float32) for k, v in state.items()}


def weight_names(folder: Path) -> list[str]:
    """An exported folder's weight files, named by content."""
    return sorted(f.stem for f in folder.glob("*.safetensors"))


def write_weights(folder: Path, stem: str, tensors: dict[str, np.ndarray], storage: str) -> Path:
    """A `.safetensors` named by its content, so that equal weights are one file."""
    part = folder / f"{stem}.tmp.safetensors"
    arrays = {k: v.astype(DTYPES.get(storage, v.dtype)) for k, v in tensors.items()}
    bad = [k for k, v in arrays.items() if not np.all(np.isfinite(v))]
    if bad:
        raise ValueError(f"{bad[0]} does not fit {storage}")
    write_safetensors(part, arrays, METADATA)
    path = folder / f"{stem}-{digest(part)[:8]}.safetensors"
    part.replace(path)
    return path


def write_modality(root: Path, spec: Spec, modality: ModalitySpec, state: dict[str, np.ndarray]) -> dict:
    """Writes weights and graphs of one modality into the model's folder; returns its manifest entry.

    `state` is a checkpoint, or for 8-bit weights what an earlier export stored. Graphs are named by side, base (and
    modality, if it has a controller), so modalities on one base share them.
    """
    folder = root / spec.place
    folder.mkdir(parents=True, exist_ok=True)
    if spec.storage in EIGHT:
        state = int8.kept(state) if int8.is_stored(state) else int8.stored(state, modality.controller)
    shared = {k: v for k, v in state.items() if not is_modality_key(k) and not k.startswith(_INERT)}
    base = write_weights(folder, "base", shared, spec.storage)
    files = [WeightFile(base)]
    own = None
    if modality.controller:
        own = write_weights(folder, modality.name, {k: v for k, v in state.items() if is_modality_key(k)},
                             spec.storage)
        files.append(WeightFile(own))
    tag = f"{'int8' if spec.storage == 'int8' else 'float'}-{spec.side}-{base.stem.removeprefix('base-')}"
    encoder = folder / (f"encoder-{tag}-{own.stem}.onnx" if own else f"encoder-{tag}.onnx")
    tag = tag.removeprefix("int8-").removeprefix("float-")  # what follows is float in every form
    self_prompt, decoder = folder / f"self_prompt-{tag}.onnx", folder / f"decoder-{tag}.onnx"
    graphs = plain if spec.form == "plain" else nodes
    if spec.form == "plain":
        plain.encoder(spec.side, files, modality.controller).save(encoder)
    else:
        nodes.encoder(_layers(spec, modality, files), spec.side, modality.controller).save(encoder)
    graphs.self_prompt(spec.side, files[:1]).save(self_prompt)
    graphs.decoder(spec.side, files[:1]).save(decoder)

    def rel(p: Path) -> str:
        return p.relative_to(root).as_posix()

    by_name = {"views": spec.views, "white_balance": spec.white_balance, "confidence": spec.confidence}
    tables = {key: of[modality.name] for key, of in by_name.items() if modality.name in of}
    return {
        "name": modality.name, "index": modality.index, "label": modality.label, "controller": modality.controller,
        "encoder": rel(encoder), "self_prompt": rel(self_prompt), "decoder": rel(decoder),
        "weights": [rel(f.path) for f in files], "trained_on": modality.trained_on, "licences": modality.licences,
        **tables, "validation": modality.validation,
    }


def _layers(spec: Spec, modality: ModalitySpec, files: list[WeightFile]) -> FloatLayers:
    """The encoder's layers, as the storage asks."""
    g = Graph("encoder", files)
    if spec.storage == "int8":
        return Int8Layers(g, spec.ranges.get(modality.name if modality.controller else "base"))
    return int8.WideLayers(g) if spec.storage in EIGHT else FloatLayers(g)


def read_manifest(root: Path) -> list[dict]:
    """The models of `root/manifest.toml`, or none."""
    path = root / "manifest.toml"
    return tomllib.loads(path.read_text())["model"] if path.exists() else []


def write_manifest(root: Path, models: list[dict]) -> None:
    """Writes `root/manifest.toml` with the size and SHA-256 of every file the models use; replaced when whole. The
    modality guard is listed if `root/guard/guard.json` describes one."""
    out = ["# Written by the export; edit nothing by hand.", "format = 1", f'notice = "{NOTICE}"']
    for m in models:
        out += ["", "[[model]]"]
        out += [f"{k} = {_toml(m[k])}" for k in ("name", "default", "preferred_for", "side", "storage", "opset",
                                                   "description") if k in m]
        out += ["", "[model.preprocess]"] + [f"{k} = {_toml(v)}" for k, v in m["preprocess"].items()]
        for path in sorted({p for y in m["modality"] for p in _paths(y)}):
            out += ["", "[[model.file]]", *_file(root, path)]
        for y in sorted(m["modality"], key=lambda y: y["index"]):
            tables = ("views", "white_balance", "confidence")
            out += ["", "[[model.modality]]"] + [f"{k} = {_toml(v)}" for k, v in y.items() if k not in (*tables, "validation")]
            for table in tables:
                if table in y:
                    out += ["", f"[model.modality.{table}]"] + [f"{k} = {_toml(v)}" for k, v in y[table].items()]
            for v in y.get("validation", []):
                out += ["", "[[model.modality.validation]]"] + [f"{k} = {_toml(x)}" for k, x in v.items()]
    part = root / "manifest.toml.part"
    part.write_text("\n".join(out + _guard(root)) + "\n")
    part.replace(root / "manifest.toml")


def _guard(root: Path) -> list[str]:
    """The manifest's lines about the modality guard."""
    path = root / "guard/guard.json"
    if not path.exists():
        return []
    known = json.loads(path.read_text())
    out = ["", "[guard]", f"side = {known['side']}", f"inverted = {known['inverted']}"]
    out += ["", "[guard.preprocess]", 'profile = "imagenet-antialias"']
    out += [f"{k} = {_toml(v)}" for k, v in PROFILES["imagenet-antialias"].items()]
    out += ["", "[guard.file]", *_file(root, f"guard/{known['file']}")]
    for name in known["classes"]:
        out += ["", "[[guard.class]]", f"name = {_toml(name)}"]
        out += [f"threshold = {known['threshold'][name]}"] if name in known["threshold"] else []
    return out


def _file(root: Path, path: str) -> list[str]:
    f = root / path
    return [f"path = {_toml(path)}", f'sha256 = "{digest(f)}"', f"bytes = {f.stat().st_size}"]


def _paths(modality: dict) -> tuple[str, ...]:
    """Every file a modality uses."""
    return (modality["encoder"], modality["self_prompt"], modality["decoder"], *modality["weights"])


def _toml(v) -> str:
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, (int, float)):
        return repr(v)
    if isinstance(v, str):
        return json.dumps(v, ensure_ascii=False)
    return "[" + ", ".join(_toml(x) for x in v) + "]"


def prune(root: Path, models: list[dict]) -> None:
    """Deletes what earlier exports left in the models' folders and no modality uses any more."""
    used = {root / p for m in models for y in m["modality"] for p in _paths(y)}
    for folder in {f.parent for f in used}:
        for f in folder.iterdir():
            if f not in used and f.suffix in (".onnx", ".safetensors"):
                f.unlink()


def model_entry(spec: Spec, modalities: list[dict]) -> dict:
    """The manifest entry of a model."""
    preferred = {"preferred_for": list(spec.preferred_for)} if spec.preferred_for else {}
    return {"name": spec.name, "default": spec.default, **preferred, "side": spec.side, "storage": spec.storage,
            "opset": OPSET, "description": spec.description,
            "preprocess": {"profile": spec.profile, **PROFILES[spec.profile]}, "modality": modalities}
