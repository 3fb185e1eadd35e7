"""Ranges of convolutions, chosen by what the encoder loses."""

import numpy as np
from espmedsam.export import calibrate, refine
from test_int8 import reference

KEY = "SemiTViT.layers.0.blocks.0.conv1"


def test_a_channel_that_reaches_far_and_matters_to_nothing_is_clipped():
    """One channel a hundred times as large, whose depthwise convolution gives nothing of it."""
    state = {name: value.copy() for name, value in reference().items()}
    state[f"{KEY}.bn.weight"][7] *= 100
    state["SemiTViT.layers.0.blocks.0.conv2.c.weight"][7] = 0
    rng = np.random.default_rng(3)
    pictures = [rng.standard_normal((1, 3, 64, 64)).astype(np.float32) for _ in range(2)]
    encoder = refine.Encoder(state, 64, False)
    found = calibrate.ranges(encoder, pictures, grid=9, only=(KEY,))
    own = calibrate.ranges(refine.Encoder(reference(), 64, False), pictures, grid=9, only=(KEY,))
    assert found.keys() == {f"{KEY}.{name}" for name in ("x", "mid", "y")} & found.keys() and f"{KEY}.y" in found
    high = {name: (255 - zero) * scale for name, (scale, zero) in found.items()}
    usual = {name: (255 - zero) * scale for name, (scale, zero) in own.items()}
    assert high[f"{KEY}.y"] < 20 * usual[f"{KEY}.y"], "not a hundred times as wide"


def test_a_range_keeps_its_lower_end_and_what_is_given_is_left_alone():
    scale, zero = refine._scaled((0.04, 55), 0.5)
    assert abs(-zero * scale + 2.2) < scale and abs((255 - zero) * scale - 4.0) < scale
    rng = np.random.default_rng(3)
    picture = rng.standard_normal((1, 3, 64, 64)).astype(np.float32)
    given = {f"{KEY}.mid": (1.0, 3), f"{KEY}.y": (2.0, 1)}
    found = calibrate.ranges(refine.Encoder(reference(), 64, False), [picture], grid=9, only=(KEY,), given=given)
    assert {name: found[name] for name in given} == given
