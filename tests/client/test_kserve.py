"""The Open Inference Protocol, through tritonclient as it is published and through the generated client."""

import io
import json
from http import HTTPStatus

import numpy as np
import pytest
import tritonclient.http as triton
from conftest import ROOT
from PIL import Image
from test_client import OPERATIONS
from tritonclient.utils import InferenceServerException

NOTICE = "Research use only. Not for clinical use."
SAMPLES = {"hc18_230_HC.jpg": "ultrasound", "kvasir_cju84hibuktj80871u519o71q.jpg": "colonoscopy"}
FETUS = "hc18_230_HC.jpg"


@pytest.fixture
def server(address, client):
    with triton.InferenceServerClient(address.removeprefix("http://"), network_timeout=120) as server:
        yield server


def file_of(sample: str) -> bytes:
    return (ROOT / "tests/samples" / sample).read_bytes()


def image_input(pixels: np.ndarray, binary: bool) -> triton.InferInput:
    one = triton.InferInput("image", list(pixels.shape), "UINT8")
    one.set_data_from_numpy(pixels, binary_data=binary)
    return one


def file_input(file: bytes) -> triton.InferInput:
    one = triton.InferInput("file", [1], "BYTES")
    one.set_data_from_numpy(np.array([file], dtype=np.object_), binary_data=True)
    return one


@pytest.fixture
def mask_of(client):
    """mask_of(file, modality): the mask that /v1/segment gives as PNG, and what it says of it."""
    def mask_of(file: bytes, modality: str) -> tuple[np.ndarray, dict]:
        http = client.get_httpx_client()
        ask = {"content": file, "headers": {"Content-Type": "application/octet-stream"}}
        png = http.post("/v1/segment", params={"modality": modality, "format": "png"}, **ask)
        told = http.post("/v1/segment", params={"modality": modality, "format": "rle"}, **ask)
        assert (png.status_code, told.status_code) == (200, 200)
        return np.array(Image.open(io.BytesIO(png.content))), told.json()
    return mask_of


@pytest.mark.parametrize(("sample", "modality"), SAMPLES.items())
def test_a_file_has_the_mask_that_v1_gives_bit_for_bit(server, mask_of, sample, modality):
    mask, told = mask_of(file_of(sample), modality)
    assert mask.any()
    for binary in (True, False):
        wanted = [triton.InferRequestedOutput(name, binary_data=binary)
                  for name in ("mask", "confidence", "presence", "area_px", "logits")]
        result = server.infer(modality, [file_input(file_of(sample))], outputs=wanted, request_id="17")
        assert np.array_equal(result.as_numpy("mask"), mask)
        assert result.as_numpy("area_px").tolist() == [told["area"]["px"]]
        assert result.as_numpy("confidence").tolist() == [pytest.approx(told["confidence"])]
        assert result.as_numpy("presence").tolist() == [pytest.approx(told["presence"]["score"])]
        logits = result.as_numpy("logits")
        assert logits.ndim == 2 and logits.shape[0] == logits.shape[1] and (logits > 0).any()
        reply = result.get_response()
        assert (reply["id"], reply["model_name"], reply["parameters"]["notice"]) == ("17", modality, NOTICE)
        assert reply["parameters"]["model_sha256"] == told["model"]["sha256"]


@pytest.mark.parametrize(("sample", "modality"), SAMPLES.items())
@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_pixels_have_the_mask_that_v1_gives_of_their_png(server, mask_of, sample, modality, binary):
    # As small as JSON of its pixels is to be.
    rgb = Image.open(io.BytesIO(file_of(sample))).convert("RGB").resize((320, 240))
    kinds = {"RGB": rgb, "L": rgb.convert("L")} if modality == "ultrasound" else {"RGB": rgb}
    for picture in kinds.values():
        png = io.BytesIO()
        picture.save(png, "PNG")
        mask, _ = mask_of(png.getvalue(), modality)
        # No outputs named: all come, as binary data.
        result = server.infer(modality, [image_input(np.array(picture), binary)])
        assert np.array_equal(result.as_numpy("mask"), mask) and mask.any()
        assert {output["name"] for output in result.get_response()["outputs"]} == {
            "mask", "logits", "confidence", "presence", "area_px"}


def test_what_there_is(server):
    assert server.is_server_live() and server.is_server_ready()
    told = server.get_server_metadata()
    assert told["extensions"] == ["binary_tensor_data"] and told["parameters"]["notice"] == NOTICE
    index = server.get_model_repository_index()
    names = [entry["name"] for entry in index]
    assert {"ultrasound", "colonoscopy", "live-224.ultrasound"} <= set(names)
    for name in names:
        assert server.is_model_ready(name) and server.is_model_ready(name, "1")
        model = server.get_model_metadata(name, "1")
        assert (model["name"], model["parameters"]["max_batch_size"], model["parameters"]["notice"]) == (name, 1, NOTICE)
    assert not server.is_model_ready("none") and not server.is_model_ready("ultrasound", "2")


def test_a_model_that_is_named_is_the_one_that_is_asked(server):
    for name in ("live-224.ultrasound", "live-224.colonoscopy"):
        wishes = {"on_mismatch": "keep"}
        result = server.infer(name, [file_input(file_of(FETUS))], model_version="1", parameters=wishes)
        said = result.get_response()["parameters"]
        assert f"{said['model']}.{said['modality']}" == name
        # A mask that is kept all the same says what it is.
        assert said["modality_check"] == ("match" if "ultrasound" in name else "modality-mismatch")


def test_models_are_loaded_when_asked_and_never_unloaded(server):
    server.load_model("ultrasound")
    for refused in (lambda: server.unload_model("ultrasound"), lambda: server.load_model("ultrasound", config="{}")):
        with pytest.raises(InferenceServerException, match=r"/problems/models-fixed") as error:
            refused()
        assert error.value.status() == "403"
    assert server.is_model_ready("ultrasound")


def test_what_is_wrong_is_said_as_the_client_reads_it(server):
    fetus = np.array(Image.open(io.BytesIO(file_of(FETUS))).convert("RGB"))
    reshaped = image_input(fetus, True)
    reshaped.set_shape([fetus.shape[0], fetus.shape[1] + 1, 3])
    batch = image_input(fetus, True)
    batch.set_shape([1, *fetus.shape])
    whole = {"inputs": [image_input(fetus, True)]}
    for status, word, model, ask in [
        (404, "no-such-model", "none", whole),
        (404, "no-such-model", "ultrasound", {**whole, "model_version": "2"}),
        (400, "bad-inference", "ultrasound", {"inputs": [reshaped]}),
        (400, "without a batch", "ultrasound", {"inputs": [batch]}),
        (400, "sequence_", "ultrasound", {**whole, "sequence_id": 3, "sequence_start": True}),
        (400, "'volume'", "ultrasound", {**whole, "outputs": [triton.InferRequestedOutput("volume")]}),
        (400, "classification", "ultrasound", {**whole, "outputs": [triton.InferRequestedOutput("mask", class_count=3)]}),
        (400, "one input", "ultrasound", {"inputs": [image_input(fetus, True), file_input(file_of(FETUS))]}),
        (415, "compressed-body", "ultrasound", {**whole, "request_compression_algorithm": "gzip"}),
        (415, "not-a-picture", "ultrasound", {"inputs": [file_input(b"Dear sirs")]}),
        (422, "damaged-picture", "ultrasound", {"inputs": [file_input(file_of(FETUS)[:5000])]}),
        (422, "picture-too-small", "ultrasound", {"inputs": [image_input(fetus[:4], True)]}),
        (422, "modality-mismatch", "x-ray", {"inputs": [file_input(file_of("ISIC_0000390.jpg"))]}),
    ]:
        with pytest.raises(InferenceServerException, match=word) as error:
            server.infer(model, **ask)
        assert error.value.status() == str(status), error.value
        assert "/problems/" in error.value.message()
    assert server.infer("ultrasound", **whole).as_numpy("mask").any()


# What each operation of the document is asked with, through the generated client, and its status.
ASKED = {
    "get_inference_server": ({}, HTTPStatus.OK),
    "check_inference_live": ({}, HTTPStatus.OK),
    "check_inference_ready": ({}, HTTPStatus.OK),
    "get_inference_model": ({"name": "ultrasound"}, HTTPStatus.OK),
    "get_inference_version": ({"name": "ultrasound", "version": "1"}, HTTPStatus.OK),
    "check_model_ready": ({"name": "ultrasound"}, HTTPStatus.OK),
    "check_version_ready": ({"name": "ultrasound", "version": "1"}, HTTPStatus.OK),
    "list_repository": ({}, HTTPStatus.OK),
    "load_model": ({"name": "ultrasound"}, HTTPStatus.OK),
    "unload_model": ({"name": "ultrasound"}, HTTPStatus.FORBIDDEN),
    "infer": ({"name": "ultrasound"}, HTTPStatus.OK),
    "infer_version": ({"name": "ultrasound", "version": "1"}, HTTPStatus.OK),
}


def test_every_operation_is_tried_here():
    assert ASKED.keys() == {name for name, (tag, _) in OPERATIONS.items() if tag == "kserve"}


@pytest.mark.parametrize("name", ASKED)
def test_every_operation_is_answered_as_documented(generated, client, name):
    parameters, status = ASKED[name]
    if name.startswith("infer"):
        pixels = np.array(Image.open(io.BytesIO(file_of(FETUS))).convert("L").resize((160, 120)))
        values = {"name": "image", "shape": list(pixels.shape), "datatype": "UINT8", "data": pixels.tolist()}
        parameters = {**parameters, "body": generated("models").InferRequest.from_dict({"inputs": [values]})}
    reply = generated(f"api.kserve.{name}").sync_detailed(client=client, **parameters)
    assert reply.status_code == status, reply.content
    # What was read is all that was sent: nothing is answered that is not documented.
    read = [entry.to_dict() for entry in reply.parsed] if isinstance(reply.parsed, list) else reply.parsed.to_dict()
    assert read == json.loads(reply.content)
    assert NOTICE.encode() in reply.content
