"""Checkpoint files as plain numpy arrays: official `.pth` and `.safetensors`, read without executing pickled code
and checked key by key against the official network's `state_dict`."""

from __future__ import annotations

import collections
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..facts.architecture import EMBED, PRESENCE_HIDDEN, QUERIES

KEYS = Path(__file__).with_name("official_keys.json")
UNUSED = ("SemiTViT.head.", "SemiTViT.norm_head.")
SLIM = "med_mlp"  # in an export's controller, in place of `med_dah`: one MLP for the block's own and the controller's
# What official checkpoints lack and ours may have: all of it or none.
PRESENCE = {
    "presence_head.hidden.weight": (PRESENCE_HIDDEN, 3 * EMBED),
    "presence_head.hidden.bias": (PRESENCE_HIDDEN,),
    "presence_head.score.weight": (QUERIES, PRESENCE_HIDDEN),
    "presence_head.score.bias": (QUERIES,),
}

_DTYPES = {
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "DoubleStorage": "<f8",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}
_SAFE_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I8": "i1",
    "U8": "u1",
    "BOOL": "?",
}


class CheckpointError(ValueError):
    """A checkpoint that is not the official network's, with the reason."""


def official_keys() -> dict[str, tuple[int, ...]]:
    """Key -> shape of the official `ESPMedSAM().state_dict()`, in its order (504 entries)."""
    return {k: tuple(s) for k, s in json.loads(KEYS.read_text()).items()}


def mlps(has: Callable[[str], bool], block: str, controller: bool) -> list[str]:
    """The parallel MLPs of a transformer block: its own and the controller's, or the one that `export.slim` made of both."""
    if not controller:
        return [f"{block}.mlp"]
    return [f"{block}.{SLIM}"] if has(f"{block}.{SLIM}.fc1.weight") else [f"{block}.mlp", f"{block}.med_dah"]


def is_modality_key(key: str) -> bool:
    """Whether the key belongs to the modality controller (80 keys), else it is shared."""
    return "med_" in key or key.endswith("_med")


class _Storage:
    def __init__(self, kind: str):
        self.kind = kind


class _Unpickler(pickle.Unpickler):
    """Knows tensors and ordered dictionaries, by inert stand-ins; any other name in the pickle is refused."""

    def __init__(self, file: IO[bytes], load_storage: Callable[[str, str], np.ndarray]):
        super().__init__(file)
        self.load_storage = load_storage

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in of a name. Raises CheckpointError if there is none."""
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return lambda tensor, *_: tensor
        if module in ("torch", "torch.storage") and name in _DTYPES:
            return _Storage(name)
        raise CheckpointError(
            f"the file asks to run '{module}.{name}', which a checkpoint of plain tensors never does: refused"
        )

    def persistent_load(self, pid: Any) -> np.ndarray:
        """A tensor's storage. Raises CheckpointError if the pickle means anything else."""
        kind, storage, key = pid[0], pid[1], pid[2]
        if kind != "storage" or not isinstance(storage, _Storage):
            raise CheckpointError(f"unknown storage {kind!r} in the checkpoint")
        return self.load_storage(storage.kind, str(key))


def _rebuild(
    storage: np.ndarray, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object
) -> np.ndarray:
    if any(extent < 0 for extent in (*size, *stride)) or offset < 0:
        raise CheckpointError("a tensor with negative extents")
    last = offset + sum((extent - 1) * step for extent, step in zip(size, stride, strict=True))
    if 0 not in size and last >= storage.size:
        raise CheckpointError(f"a tensor reaches element {last} of a storage of {storage.size}")
    strides = [step * storage.itemsize for step in stride]
    return np.array(np.lib.stride_tricks.as_strided(storage[offset:], size, strides))


def _read_pth(path: Path) -> dict[str, Any]:
    if not zipfile.is_zipfile(path):
        raise CheckpointError(f"{path} is not a zip-format .pth: save it again with PyTorch 1.6 or later")
    with zipfile.ZipFile(path) as archive:
        pickles = [name for name in archive.namelist() if name.endswith("/data.pkl") or name == "data.pkl"]
        if len(pickles) != 1:
            raise CheckpointError(f"{path} holds {len(pickles)} data.pkl entries, expected 1")
        root = pickles[0].removesuffix("data.pkl")

        def load_storage(kind: str, key: str) -> np.ndarray:
            return np.frombuffer(archive.read(f"{root}data/{key}"), _DTYPES[kind])

        with archive.open(pickles[0]) as file:
            try:
                state = _Unpickler(file, load_storage).load()
            except (pickle.UnpicklingError, EOFError, KeyError, IndexError, AttributeError, TypeError) as error:
                raise CheckpointError(f"{path} is damaged: {error}") from error
    for wrapper in ("state_dict", "model", "net"):
        if isinstance(state, dict) and isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    if not isinstance(state, dict):
        raise CheckpointError(f"{path} holds a {type(state).__name__}, expected a dictionary of tensors")
    return state


def _safetensors(path: Path) -> tuple[dict[str, Any], bytes]:
    """(header, tensors' bytes) of a `.safetensors` file: 8-byte length, JSON header, raw little-endian data."""
    data = Path(path).read_bytes()
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > len(data) - 8:
        raise CheckpointError(f"{path} is not a safetensors file (header of {length} bytes in a file of {len(data)})")
    try:
        return json.loads(data[8 : 8 + length]), data[8 + length :]
    except ValueError as error:
        raise CheckpointError(f"{path} has a damaged safetensors header: {error}") from error


def metadata(path: Path) -> dict[str, str]:
    """What a `.safetensors` file says of itself."""
    return _safetensors(path)[0].get("__metadata__", {})


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """Tensors of a `.safetensors` file."""
    header, data = _safetensors(path)
    out = {}
    for key, entry in header.items():
        if key == "__metadata__":
            continue
        if entry["dtype"] not in _SAFE_DTYPES:
            raise CheckpointError(f"{path}: {key} has dtype {entry['dtype']}, which is not read here")
        start, end = entry["data_offsets"]
        out[key] = np.frombuffer(data[start:end], _SAFE_DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return out


def write_safetensors(path: Path, tensors: dict[str, np.ndarray], metadata: dict[str, str] | None = None) -> None:
    """Writes float16/float32/int64/int8/uint8 arrays; the file replaces an old one only when whole."""
    names = {"<f4": "F32", "<f2": "F16", "<i8": "I64", "|i1": "I8", "|u1": "U8"}
    header: dict[str, Any] = {}
    chunks, at = [], 0
    if metadata:
        header["__metadata__"] = metadata
    for key, value in tensors.items():
        raw = np.ascontiguousarray(value).tobytes()
        header[key] = {
            "dtype": names[value.dtype.newbyteorder("<").str],
            "shape": list(value.shape),
            "data_offsets": [at, at + len(raw)],
        }
        chunks.append(raw)
        at += len(raw)
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    part = Path(f"{path}.part")
    part.write_bytes(len(head).to_bytes(8, "little") + head + b"".join(chunks))
    part.replace(path)


def strict(state: dict[str, np.ndarray], source: str = "checkpoint") -> dict[str, np.ndarray]:
    """The official keys as float32 arrays (`num_batches_tracked` dropped), and those of a presence head if there is one; or
    an error naming every key at fault.

    A `module.` prefix (DataParallel) is taken off; an `image_encoder.*` teacher beside the model is left out.
    """
    state = {k.removeprefix("module."): v for k, v in state.items()}
    state = {k: v for k, v in state.items() if not k.startswith("image_encoder.")}
    want = official_keys() | (PRESENCE if state.keys() & PRESENCE.keys() else {})
    fit(state, want, f"{source} does not fit the official network")
    return {k: np.asarray(state[k], np.float32) for k in want if not k.endswith("num_batches_tracked")}


def fit(state: dict[str, np.ndarray], want: dict[str, tuple[int, ...]], refusal: str) -> None:
    """Raises CheckpointError, which begins with `refusal` and names the keys at fault, unless the state has just the
    keys and shapes that are wanted, and finite values."""
    problems = [f"missing key {key}" for key in want if key not in state]
    problems += [f"extra key {key}" for key in state if key not in want]
    problems += [
        f"{key} has shape {tuple(np.shape(state[key]))}, expected {shape}"
        for key, shape in want.items()
        if key in state and tuple(np.shape(state[key])) != shape
    ]
    if not problems:
        problems = [
            f"{key} holds values that are not finite"
            for key in want
            if not np.all(np.isfinite(np.asarray(state[key], np.float64)))
        ]
    if problems:
        more = f" (and {len(problems) - 8} more)" if len(problems) > 8 else ""
        raise CheckpointError(f"{refusal}: " + "; ".join(problems[:8]) + more)


def read(path: str | Path) -> dict[str, np.ndarray]:
    """Tensors of a `.pth`/`.pt` or `.safetensors` file, whatever they are called. Raises CheckpointError."""
    path = Path(path)
    if not path.exists():
        raise CheckpointError(f"{path} does not exist")
    return (read_safetensors if path.suffix == ".safetensors" else _read_pth)(path)


def load(path: str | Path) -> dict[str, np.ndarray]:
    """Reads `.pth`/`.pt` or `.safetensors` strictly. Raises CheckpointError."""
    return strict(read(path), str(path))
