"""Training goes on from released weights: what was folded away is there again, and the network is the same."""

import numpy as np
import pytest
import torch
from espmedsam.export import int8, model_dir, slim
from espmedsam.export.mlp import Mlp
from espmedsam.network import ESPMedSAM
from espmedsam.network.encoder import ConvNorm
from espmedsam.train import from_release
from espmedsam.weights import checkpoint
from espmedsam.weights import reference as reference_weights


def reference() -> dict[str, np.ndarray]:
    """The official network's keys, by a rule."""
    return checkpoint.strict(reference_weights.weights(1001, 1, -0.75))


def released() -> ESPMedSAM:
    """As 8-bit weights give the network back: BatchNorms that do nothing."""
    net = ESPMedSAM()
    own = {k: v.numpy() for k, v in net.state_dict().items()}
    return net.load_arrays(own | int8.restored(int8.stored(reference(), False)))


def test_weights_with_smaller_mlps_are_not_trained_on_but_the_whole_ones_beside_them(tmp_path):
    """The network would keep its own MLPs, at random, in their place."""
    state, block = reference(), "SemiTViT.layers.1.blocks.0"
    small = state | Mlp.of(state, [f"{block}.mlp", f"{block}.med_dah"]).tensors(f"{block}.med_mlp")
    small = {k: v for k, v in small.items() if not k.startswith(f"{block}.med_dah.")}
    spec = model_dir.Spec("m", 64, "imagenet", "int8-weights", "")
    model_dir.write_modality(tmp_path, spec, model_dir.ModalitySpec("x-ray", 1, "x", True), small)
    with pytest.raises(from_release.ReleaseError, match="whole has no whole ones"):
        from_release.released(tmp_path / "m", "x-ray")
    assert isinstance(from_release.released(tmp_path / "m", ""), ESPMedSAM)
    slim.keep_whole(tmp_path, "x-ray", state, "int8-weights")
    got, want = from_release.whole(tmp_path / "m", "x-ray"), int8.restored(int8.stored(state, True))
    key = f"{block}.med_dah.fc2.weight"
    assert np.array_equal(got[key], want[key]) and not slim.is_slim(got)
    assert isinstance(from_release.released(tmp_path / "m", "x-ray"), ESPMedSAM)


def test_unfolding_keeps_the_network_and_gives_training_its_statistics():
    net = released().eval()
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((8, 3, 64, 64)).astype(np.float32))
    with torch.no_grad():
        before = net.encode(x, False)
        trained_before = released().train().encode(x, False)
        from_release.unfold(net, x)
        after = net.encode(x, False)
        in_training = net.train().encode(x, False)
    scale = before.abs().max()
    assert (after - before).abs().max() < 1e-4 * scale
    # The statistics are of these very pictures: batch statistics say the same. Of a folded BatchNorm they do not.
    assert (in_training - before).abs().max() < 1e-2 * scale
    assert (trained_before - before).abs().max() > 0.1 * scale
    norms = [m.bn for m in net.modules() if isinstance(m, ConvNorm)]
    assert len(norms) == 2 + 2 * 3 + 3 * 3 + 10 and all((n.running_var > 0).all() for n in norms)


def test_a_release_becomes_checkpoints(monkeypatch, pool, tmp_path):
    folder = tmp_path / "release"
    folder.mkdir()
    state = int8.stored(reference(), True)
    own = {k for k in state if checkpoint.is_modality_key(k)}
    checkpoint.write_safetensors(folder / "base-1.safetensors", {k: v for k, v in state.items() if k not in own})
    checkpoint.write_safetensors(folder / "x-ray-1.safetensors", {k: state[k] for k in own})
    monkeypatch.setattr(
        "sys.argv",
        [
            "from_release",
            "--from",
            str(folder),
            "--data",
            str(pool),
            "--split",
            str(pool / "split.csv"),
            "--side",
            "64",
            "--each",
            "3",
            "--out",
            str(tmp_path),
        ],
    )
    from_release.main()
    base, x_ray = (checkpoint.load(tmp_path / f"{name}.safetensors") for name in ("base", "x-ray"))
    differing = {k for k in base if not np.array_equal(base[k], x_ray[k])}
    assert differing and all(map(checkpoint.is_modality_key, differing))
    assert not list(tmp_path.glob("ultrasound*"))
