"""The PyTorch network against the light exporter, the reference rule and its own claims."""

import numpy as np
import onnxruntime
import pytest
import torch
from espmedsam.export import model_dir
from espmedsam.network import ESPMedSAM
from espmedsam.pictures.pool import square, triangle_weights
from espmedsam.weights import checkpoint
from espmedsam.weights import reference as reference_weights


@pytest.fixture(scope="module")
def net():
    return ESPMedSAM().eval().load_arrays(checkpoint.strict(reference_weights.weights(1001, 2, -0.75)))


def test_the_state_dict_is_the_official_one_in_order_and_shape_and_a_presence_head(net):
    wanted = checkpoint.official_keys() | checkpoint.PRESENCE
    assert {k: tuple(v.shape) for k, v in net.state_dict().items()} == wanted
    assert list(net.state_dict()) == list(wanted)


@pytest.mark.parametrize("side,controller", [(224, True), (224, False), (160, True)])
def test_the_exported_graphs_equal_the_network(tmp_path, net, side, controller):
    state = checkpoint.strict(reference_weights.weights(1001, 2, -0.75))
    spec = model_dir.Spec("m", side, "imagenet", "float32", "")
    entry = model_dir.write_modality(tmp_path, spec, model_dir.ModalitySpec("ultrasound", 2, "", controller), state)
    x = np.random.default_rng(1).standard_normal((1, 3, side, side)).astype(np.float32)
    with torch.no_grad():
        want, patch = net(torch.from_numpy(x), torch.tensor([2]), controller)

    def run(key, **feed):
        return onnxruntime.InferenceSession(str(tmp_path / entry[key])).run(None, feed)

    got_patch, prompted = run("self_prompt", embedding=run("encoder", image=x)[0])
    got = run("decoder", prompted=prompted, modality=np.array([2]))[0]
    assert np.abs(got_patch[:, 0] - patch.numpy()).max() < 1e-4
    assert np.abs(got[:, 0] - want.numpy()).max() < 1e-3


def test_the_exported_presence_equals_the_networks(tmp_path):
    torch.manual_seed(3)
    official = checkpoint.strict(reference_weights.weights(1001, 2, -0.75))
    net = ESPMedSAM().eval().load_arrays(official)
    state = official | {k: v.numpy() for k, v in net.state_dict().items() if k in checkpoint.PRESENCE}
    prompted, found = torch.randn(1, 256, 14, 14), {}
    for storage in ("float32", "int8-weights"):
        spec = model_dir.Spec(storage, 224, "imagenet", storage, "")
        entry = model_dir.write_modality(tmp_path, spec, model_dir.ModalitySpec("ultrasound", 2, "", True), state)
        found[storage] = onnxruntime.InferenceSession(str(tmp_path / entry["decoder"]))
    for index in range(6):
        with torch.no_grad():
            mask, presence = net.decode_all(prompted, torch.tensor([index]))
        # What is stored as float16 has 2^-11 of each weight as its error, in some hundred products of about 0.1.
        for storage, bound in (("float32", 1e-4), ("int8-weights", 0.01)):
            got = found[storage].run(None, {"prompted": prompted.numpy(), "modality": np.array([index])})
            assert got[1].shape == (1, 1) and abs(got[1].item() - presence.item()) < bound
            assert np.abs(got[0][:, 0] - mask.numpy()).max() < 100 * bound


def test_the_controller_changes_the_result_and_an_inert_one_does_not(net):
    x = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        base, active = net.encode(x, False), net.encode(x, True)
        assert (base - active).abs().max() > 0.1
        inert = {k: v.clone() for k, v in net.state_dict().items()}
        for k in inert:
            if "med_dah.fc2" in k:
                inert[k].zero_()
            elif k.endswith("med_attention_biases"):
                inert[k].fill_(-200)
        other = ESPMedSAM().eval()
        other.load_state_dict(inert)
        assert (other.encode(x, True) - base).abs().max() < 1e-5


def test_gradients_pass_the_hard_threshold_of_the_prompt(net):
    net.zero_grad()
    logits, _ = net(torch.randn(1, 3, 96, 96, generator=torch.Generator().manual_seed(0)), torch.tensor([2]))
    logits.sum().backward()
    assert net.patch_decoder[0].weight.grad.abs().sum() > 0


def test_triangle_filter_equals_pytorch_antialias():
    rng = np.random.default_rng(0)
    for h, w, side in ((300, 411, 224), (1000, 90, 224), (31, 64, 96)):
        image = rng.integers(0, 256, (h, w, 3)).astype(np.uint8)
        want = torch.nn.functional.interpolate(
            torch.from_numpy(image).permute(2, 0, 1)[None].double(),
            (side, side),
            mode="bilinear",
            antialias=True,
            align_corners=False,
        )[0]
        assert np.abs(square(image, side).transpose(2, 0, 1) - want.numpy()).max() < 1e-2
        assert np.allclose(triangle_weights(h, side).sum(1), 1, atol=1e-5)


def test_a_checkpoint_saved_by_pytorch_loads_without_it(tmp_path, net):
    torch.save({f"module.{k}": v for k, v in net.state_dict().items()}, tmp_path / "c.pth")
    back = checkpoint.load(tmp_path / "c.pth")
    assert all(np.array_equal(back[k], net.state_dict()[k].numpy()) for k in back)
