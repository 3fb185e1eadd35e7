"""Checkpoints to train on from, made of exported 8-bit weights.

    python -m espmedsam.train.from_release --from models/release --data DIR --split FILE --out runs/released

Writes `base.safetensors` and `<modality>.safetensors` (the base with that modality's controller). Export folds
BatchNorms into their convolutions; one that does nothing would begin to normalise as soon as training goes on. So each
gets the statistics of training pictures, and weights and biases that undo them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ..export import int8, slim
from ..facts.modalities import MODALITIES
from ..facts.notice import METADATA
from ..network import ESPMedSAM
from ..network.encoder import ConvNorm
from ..pictures.pool import load_split, normalise, read_pair, square
from ..weights.checkpoint import UNUSED, is_modality_key, official_keys, write_safetensors


class ReleaseError(ValueError):
    """An exported folder that training cannot begin from."""


@torch.no_grad()
def unfold(net: ESPMedSAM, pictures: torch.Tensor) -> None:
    """Gives every BatchNorm of the encoder the statistics of `pictures` (B x 3 x S x S, normalised), and weights and
    biases by which the network computes what it did."""
    moments: dict[ConvNorm, list[torch.Tensor]] = {m: [] for m in net.modules() if isinstance(m, ConvNorm)}

    def noting(own: list[torch.Tensor]) -> Callable[..., None]:
        """A hook that notes the mean, and the mean of squares, of a convolution's output."""
        return lambda _conv, _given, made: own.append(torch.stack([made.mean((0, 2, 3)), (made**2).mean((0, 2, 3))]))

    hooks = [layer.c.register_forward_hook(noting(own)) for layer, own in moments.items()]
    net.eval()
    for some in pictures.split(8):
        net.encode(some, False)
    for hook in hooks:
        hook.remove()
    for layer, own in moments.items():
        mean, of_squares = torch.stack(own).mean(0)
        _take(layer.bn, mean, (of_squares - mean**2).clamp(min=1e-6))


def _take(norm: nn.BatchNorm2d, mean: torch.Tensor, variance: torch.Tensor) -> None:
    assert norm.running_mean is not None and norm.running_var is not None, "these keep statistics"
    gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    norm.bias.add_(gain * (mean - norm.running_mean))
    norm.weight.copy_(gain * torch.sqrt(variance + norm.eps))
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)


def whole(folder: Path, modality: str) -> dict[str, np.ndarray]:
    """An exported folder's 8-bit weights as a float checkpoint to train on from: the base, with the modality's controller
    if it is named, as it was before its MLPs were made smaller. Raises ReleaseError where a part of it is not there."""
    try:
        stored = slim.whole(folder, modality)
    except FileNotFoundError as error:
        raise ReleaseError(str(error)) from error
    if slim.is_slim(stored):
        beside = folder.parent / slim.WHOLE
        raise ReleaseError(
            f"{folder}: {modality} has smaller MLPs, which are not trained on, and {beside} has no whole ones"
        )
    state = int8.restored(stored) if int8.is_stored(stored) else stored
    lacking = [k for k in official_keys() if k not in state and not _spared(k) and (modality or not is_modality_key(k))]
    if lacking:
        raise ReleaseError(f"{folder} lacks {lacking[0]}" + (f" of {modality}" if modality else ""))
    return state


def _spared(key: str) -> bool:
    """Whether an export leaves it out as no network uses it."""
    return key.startswith((*UNUSED, "prompt_encoder.")) or key.endswith("num_batches_tracked")


def released(folder: Path, modality: str) -> ESPMedSAM:
    """The network of an exported folder's 8-bit weights (`whole`)."""
    net = ESPMedSAM()
    own = {k: v.numpy() for k, v in net.state_dict().items()}
    return net.load_arrays(own | whole(folder, modality))


def sample(data: Path, split: Path, side: int, each: int) -> torch.Tensor:
    """Up to `each` training pictures of every data set, B x 3 x side x side, normalised."""
    chosen: dict[str, list[np.ndarray]] = {}
    for item in load_split(data, split, "train"):
        own = chosen.setdefault(item.dataset, [])
        if len(own) < each:
            own.append(normalise(square(read_pair(item)[0], side)))
    return torch.from_numpy(np.stack([picture for own in chosen.values() for picture in own]))


def main() -> None:
    """Writes the checkpoints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", type=Path, dest="exported", required=True, help="an exported folder of 8-bit weights")
    parser.add_argument("--data", type=Path, required=True, help="folder with index.csv and the pictures it lists")
    parser.add_argument("--split", type=Path, required=True, help="CSV: dataset, stem, split (train or val)")
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--each", type=int, default=32, help="pictures of each data set that statistics are taken from")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    try:
        write(args)
    except ReleaseError as error:
        raise SystemExit(str(error)) from error


def write(args: argparse.Namespace) -> None:
    """The base and, of each modality that has one, the base with its controller. Raises ReleaseError."""
    args.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)  # of what a release does not hold: a base's controller, the classifier that nothing uses
    base = released(args.exported, "")
    unfold(base, sample(args.data, args.split, args.side, args.each))
    shared = {k: v.numpy() for k, v in base.state_dict().items() if not is_modality_key(k)}
    for modality in ["", *(m for m in MODALITIES if list(args.exported.glob(f"{m}-*.safetensors")))]:
        state = {k: v.numpy() for k, v in released(args.exported, modality).state_dict().items()}
        write_safetensors(args.out / f"{modality or 'base'}.safetensors", state | shared, METADATA)


if __name__ == "__main__":
    main()
