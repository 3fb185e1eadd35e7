"""MMDKD end to end with a tiny SAM-shaped teacher: every stage's loss falls, and only what it trains moves."""

import numpy as np
import pytest
import torch
from espmedsam.facts.modalities import MODALITIES
from espmedsam.network import ESPMedSAM, SamTeacher
from espmedsam.network.unet import UNet
from espmedsam.network.vit import VitShape
from espmedsam.teachers import segmenter
from espmedsam.teachers.encoder import EspTeacher, TinyTeacher, load_teacher
from espmedsam.train import config
from espmedsam.train.batch import Batch
from espmedsam.train.build import build
from espmedsam.train.config import Config
from espmedsam.weights import checkpoint
from espmedsam.weights.checkpoint import CheckpointError

TINY = VitShape(width=32, depth=3, heads=2, window=3, grid=4, everywhere=(1,))
SMALL = "side = [64]\nlr = 1e-3\n"
MASKS = SMALL + "aux = 0.0\n"  # of a stage that learns from masks


def weights(path):
    return checkpoint.read(path / "ema.safetensors")


def moved(before, after):
    """Keys whose values differ."""
    return {k for k in before if not np.array_equal(before[k], after[k])}


def inside(keys, *prefixes):
    return bool(keys) and all(k.startswith(prefixes) for k in keys)


def test_mmdkd(run, tmp_path):
    shape = "vit = { width = 32, depth = 3, heads = 2, window = 3, grid = 4, everywhere = [1] }\n"
    losses = run("pretrained", 'stage = "masked"\nside = [64]\nlr = 2e-3\n' + shape, 0.1)
    assert losses[-1] < losses[0]
    losses = run("teacher", 'stage = "teacher"\ninit = "pretrained/ema.safetensors"\n' + MASKS + shape, 0.25)
    assert losses[-1] < losses[0]

    # MMDKD 1: the shared encoder, all pictures, no masks. No controller and nothing of SPPG and QDMD may move.
    start = {k: v.numpy() for k, v in ESPMedSAM().state_dict().items()}
    checkpoint.write_safetensors(tmp_path / "start.safetensors", start)
    losses = run(
        "common",
        'stage = "common"\ninit = "start.safetensors"\nteacher = "teacher/ema.safetensors"\n'
        "teacher_side = 128\n" + SMALL,
        0.4,
    )
    assert losses[-1] < 0.95 * losses[0]
    common = weights(tmp_path / "common")
    changed = moved(start, common)
    assert inside(changed, "SemiTViT.") and not any(map(checkpoint.is_modality_key, changed))

    # The teacher adapted to one modality: its adapters, and SPPG and QDMD behind it.
    run(
        "adapted",
        'stage = "adapt"\nmodality = "ultrasound"\nteacher = "teacher/ema.safetensors"\n'
        + MASKS.replace("1e-3", "1e-2"),
        0.15,
    )
    teacher, adapted = weights(tmp_path / "teacher"), weights(tmp_path / "adapted")
    assert not any(k.startswith("image_encoder.") for k in moved(teacher, adapted))
    assert any(k.endswith("adapter.lin2.weight") and v.any() for k, v in adapted.items())

    # MMDKD 2: that modality's controller alone.
    losses = run(
        "controller",
        'stage = "modality"\nmodality = "ultrasound"\ninit = "common/ema.safetensors"\n'
        'teacher = "adapted/ema.safetensors"\n' + SMALL,
        0.4,
    )
    assert losses[-1] < losses[0]
    controller = weights(tmp_path / "controller")
    changed = moved(common, controller)
    assert changed and all(map(checkpoint.is_modality_key, changed))

    # MMDKD 3: SPPG and QDMD, every picture seen with its own modality's controller.
    losses = run(
        "joint",
        'stage = "joint"\ninit = "common/ema.safetensors"\n'
        'controllers = { ultrasound = "controller/ema.safetensors" }\n' + MASKS,
        0.25,
    )
    assert losses[-1] < losses[0]
    assert inside(
        moved(common, weights(tmp_path / "joint")), "mask_decoder.", "patch_decoder.", "dense_prompter.", "mask_query."
    )


def test_teachers_adapted_to_each_modality(run, tmp_path):
    """The base learns from masks and from two teachers; neither a teacher nor a controller moves."""
    start = {k: v.numpy() for k, v in ESPMedSAM().state_dict().items()}
    teacher = {k: v + 0.02 if checkpoint.is_modality_key(k) else v for k, v in start.items()}
    for name, state in (("start", start), ("sound", teacher), ("colon", teacher)):
        checkpoint.write_safetensors(tmp_path / f"{name}.safetensors", state)
    losses = run(
        "distilled",
        'stage = "distil"\ninit = "start.safetensors"\nexchange = 0.5\npaste = { discs = 0.5 }\n'
        'teachers = { ultrasound = "sound.safetensors", colonoscopy = "colon.safetensors" }\n' + MASKS,
        0.4,
    )
    assert losses[-1] < losses[0]
    after = weights(tmp_path / "distilled")
    assert set(after) == set(start)
    changed = moved(start, after)
    assert any(k.startswith("SemiTViT.") for k in changed) and any(k.startswith("mask_decoder.") for k in changed)
    assert not any(map(checkpoint.is_modality_key, changed))
    assert not moved(teacher, checkpoint.read(tmp_path / "colon.safetensors"))


def test_a_controller_learns_from_an_ensemble(run, tmp_path):
    """One modality's controller against the mean of a U-Net and the base: it alone moves."""
    torch.manual_seed(0)
    start = {k: v.numpy() for k, v in ESPMedSAM().state_dict().items()}
    checkpoint.write_safetensors(tmp_path / "start.safetensors", start)
    run("unet", 'stage = "unet"\nwidth = 4\n' + SMALL, 0.1)
    common = (
        'stage = "distil"\nmodality = "ultrasound"\ninit = "start.safetensors"\nmirrored = false\n'
        'teachers = { ultrasound = ["unet/ema.safetensors", "start.safetensors:base"] }\n' + MASKS
    )
    with pytest.raises(SystemExit, match="has no embedding to imitate"):
        run("refused", common, 0.1)
    with pytest.raises(SystemExit, match="needs teachers of x-ray"):
        run("refused", common.replace('modality = "ultrasound"', 'modality = "x-ray"'), 0.1)
    run("controller", "imitate = 0.0\n" + common, 0.1)
    changed = moved(start, weights(tmp_path / "controller"))
    assert changed and all(map(checkpoint.is_modality_key, changed))

    # Over an untrained base a few dozen steps on ever new pictures tell nothing: the loss falls on one batch, step by step.
    stage = build(config.read(tmp_path / "controller.toml"), tmp_path)
    x, mask = torch.randn(2, 3, 64, 64), torch.zeros(2, 64, 64)
    mask[:, 16:40, 20:50] = 1
    optimiser = torch.optim.Adam([p for p in stage.parameters() if p.requires_grad], 1e-3)
    losses = []
    for _ in range(12):
        loss = stage.train().loss(Batch(x, mask, torch.tensor([2, 2]), x))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.98 * losses[0]


def saved(net, path):
    checkpoint.write_safetensors(path, {k: v.numpy() for k, v in net.state_dict().items()})
    return net.eval()


@torch.no_grad()
def test_a_teacher_sees_the_picture_and_its_mirror_image(tmp_path):
    """Pictures of two modalities in one batch, each against its own teachers' answer."""
    torch.manual_seed(0)
    nets = {m: saved(ESPMedSAM(), tmp_path / f"{m}.safetensors") for m in ("ultrasound", "colonoscopy")}
    unet = saved(UNet(4), tmp_path / "unet.safetensors")
    stage = build(
        Config.of(
            "distil",
            side=[64],
            phase=[1.0],
            batch=2,
            lr=1e-3,
            budget=1,
            teachers={
                "ultrasound": ["ultrasound.safetensors", "unet.safetensors"],
                "colonoscopy": "colonoscopy.safetensors",
            },
        ),
        tmp_path,
    )
    x = torch.randn(2, 3, 64, 64)
    x[0] = 0.5 * (x[0] + x[0].flip(-1))  # its own mirror image, so that the teacher's answer is symmetric
    modality = torch.tensor([MODALITIES.index(m) for m in ("colonoscopy", "ultrasound")])
    mask, want = stage.taught(x, modality)
    assert torch.allclose(want[0], want[0].flip(-1), atol=1e-5) and torch.allclose(mask[0], mask[0].flip(-1), atol=1e-5)

    net, index = nets["ultrasound"], modality[1:]
    straight, mirrored = net.encode(x[1:], True), net.encode(x[1:].flip(-1), True)
    assert torch.allclose(want[1], (0.5 * (straight + mirrored.flip(-1)))[0], atol=1e-4)
    parts = []
    for picture, embedding in ((x[1:], straight), (x[1:].flip(-1), mirrored)):
        logits = net.decode(net.self_prompt(embedding)[1], index)
        logits = torch.nn.functional.interpolate(logits[:, None], (64, 64), mode="bilinear")[:, 0]
        parts.append(0.5 * (logits.sigmoid() + unet(picture, index).sigmoid()))
    assert torch.allclose(mask[1], (0.5 * (parts[0] + parts[1].flip(-1)))[0], atol=1e-4)


@torch.no_grad()
def test_segmenters_are_known_by_their_keys(tmp_path):
    torch.manual_seed(0)
    net, unet = saved(ESPMedSAM(), tmp_path / "esp.safetensors"), saved(UNet(4), tmp_path / "unet.safetensors")
    sam = saved(SamTeacher(TINY), tmp_path / "sam.safetensors")
    x, modality = torch.randn(1, 3, 64, 64), torch.tensor([2])
    for name, controller in (("esp.safetensors", True), ("esp.safetensors:base", False)):
        embedding = segmenter.load(name, tmp_path)(x, modality).embedding
        assert torch.equal(embedding, net.encode(x, controller))
    assert torch.equal(
        segmenter.load("unet.safetensors", tmp_path)(x, modality).probability, unet(x, modality).sigmoid()
    )
    assert torch.equal(segmenter.load("sam.safetensors", tmp_path)(x, modality).embedding, sam.encode(x))
    with pytest.raises(CheckpointError, match="no base without controller"):
        segmenter.load("unet.safetensors:base", tmp_path)
    state = checkpoint.read(tmp_path / "unet.safetensors")
    checkpoint.write_safetensors(tmp_path / "odd.safetensors", state | {"extra.weight": np.zeros(1, np.float32)})
    with pytest.raises(CheckpointError, match="does not fit"):
        segmenter.load("odd.safetensors", tmp_path)
    del state["head.weight"]
    checkpoint.write_safetensors(tmp_path / "odd.safetensors", state)
    with pytest.raises(CheckpointError, match="marks no masks"):
        segmenter.load("odd.safetensors", tmp_path)


@pytest.fixture
def vit(tmp_path):
    """(checkpoint laid out as SAM's, its network)."""
    torch.manual_seed(0)
    net = SamTeacher(TINY).eval()
    state = {f"module.{k}": v.numpy() for k, v in net.state_dict().items() if not k.startswith("patch_decoder")}
    checkpoint.write_safetensors(tmp_path / "sam.safetensors", state)
    torch.save(net.state_dict(), tmp_path / "sam.pth")
    return tmp_path, net


@torch.no_grad()
def test_sam_checkpoints_load_strictly(vit):
    path, net = vit
    x = torch.randn(1, 3, 96, 96)
    for name in ("sam.safetensors", "sam.pth"):
        teacher = load_teacher(path / name)
        assert teacher.shape == TINY
        assert torch.equal(teacher(x), net.image_encoder(x))
        assert not any(p.requires_grad for p in teacher.parameters())
    state = checkpoint.read(path / "sam.safetensors")
    for change, message in (
        ({"module.image_encoder.neck.9.weight": np.zeros(1, np.float32)}, "extra key"),
        ({"module.image_encoder.neck.0.weight": np.zeros(1, np.float32)}, "has shape"),
        ({"backbone.weight": np.zeros(1, np.float32)}, "unknown key"),
    ):
        checkpoint.write_safetensors(path / "wrong.safetensors", state | change)
        with pytest.raises(CheckpointError, match=message):
            load_teacher(path / "wrong.safetensors")
    del state["module.image_encoder.blocks.1.mlp.lin1.bias"]
    checkpoint.write_safetensors(path / "wrong.safetensors", state)
    with pytest.raises(CheckpointError, match="missing key image_encoder.blocks.1.mlp.lin1.bias"):
        load_teacher(path / "wrong.safetensors")


@pytest.mark.parametrize(
    ("name", "width", "depth", "heads", "everywhere", "parameters"),
    [
        ("b", 768, 12, 12, (2, 5, 8, 11), 89_670_912),
        ("l", 1024, 24, 16, (5, 11, 17, 23), 308_278_272),
        ("h", 1280, 32, 16, (7, 15, 23, 31), 637_026_048),
    ],
)
def test_sams_own_sizes(name, width, depth, heads, everywhere, parameters):
    """The number of parameters of SAM's published image encoders (89.7 M, 308.3 M, 637.0 M)."""
    with torch.device("meta"):
        net = SamTeacher(VitShape(width, depth, heads, everywhere=everywhere)).image_encoder
    assert sum(p.numel() for p in net.parameters()) == parameters


@torch.no_grad()
def test_mobile_sam_and_esp_medsam_teach_too(tmp_path):
    net = ESPMedSAM().eval()
    state = {k: v.numpy() for k, v in net.state_dict().items()}
    mobile = {
        k.replace("SemiTViT.", "image_encoder."): v
        for k, v in state.items()
        if k.startswith("SemiTViT.") and not checkpoint.is_modality_key(k)
    }
    checkpoint.write_safetensors(tmp_path / "mobile.safetensors", mobile)
    checkpoint.write_safetensors(tmp_path / "esp.safetensors", state)
    x = torch.randn(1, 3, 64, 64)
    want = net.encode(x, controller=False)
    for name, kind in (("mobile", TinyTeacher), ("esp", EspTeacher)):
        teacher = load_teacher(tmp_path / f"{name}.safetensors")
        assert isinstance(teacher, kind)
        assert torch.equal(teacher(x), want)
    with_controller = load_teacher(tmp_path / "esp.safetensors", controller=True)
    assert torch.equal(with_controller(x), net.encode(x, controller=True))
