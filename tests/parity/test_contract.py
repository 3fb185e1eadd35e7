"""The 8-bit encoder of the program against `contract.py`, end to end: the same bits after every node, so that errors that
add up have nowhere to hide. Against onnxruntime that cannot be asked: it divides where the program multiplies by the
reciprocal, so a number in the middle between two steps goes the other way now and then, and fifty layers spread it."""

from collections import Counter

import contract
import numpy as np
import onnxruntime
import pytest
from independent import iou, mask
from places import CASES


@pytest.mark.parametrize("model", ["live-224-int8", "live-224-attention"])
@pytest.mark.parametrize("stem, modality", CASES)
def test_the_8_bit_encoder_keeps_the_contract_to_the_bit(dumped, model, stem, modality):
    graphs = dumped(model, stem, modality)
    path, values = graphs["encoder"]
    nodes = contract.run(path, values["image"])
    assert nodes.keys() == values.keys() - {"image"}
    same, differing = Counter(), []
    for name, (kind, want) in nodes.items():
        assert values[name].dtype == want.dtype and values[name].shape == want.shape, name
        same[kind] += want.size
        count = np.count_nonzero(values[name].view(np.uint8) != want.view(np.uint8))
        if count:
            differing.append(f"{name}: {count} bytes of {want.nbytes}")
    assert ("QWindowAttention" in same) is (model == "live-224-attention")
    print(f"\n{model}, {modality} ({stem}): values compared by kind: {dict(same)}")
    assert not differing, "\n".join(differing)

    # The rest of the network is float: by onnxruntime, from the reference's embedding.
    embedding = nodes[list(nodes)[-1]][1]
    run = {g: onnxruntime.InferenceSession(str(graphs[g][0])).run for g in ("self_prompt", "decoder")}
    prompted = run["self_prompt"](["prompted"], {"embedding": embedding})[0]
    modality = graphs["decoder"][1]["modality"]
    want = run["decoder"](None, {"prompted": prompted, "modality": modality})[0][0, 0]
    got = next(v for v in graphs["decoder"][1].values() if v.shape == (1, 1, *want.shape))[0, 0]
    found = iou(mask(got, 448, 448), mask(want, 448, 448))
    print(f"masks: IoU {found:.5f}, largest logit difference {np.abs(got - want).max():.1e}")
    assert found >= 0.999
