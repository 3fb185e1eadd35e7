"""The API as its OpenAPI document promises it: the document is valid, and a client that a tool made from it works."""

import json
from io import BytesIO

import pytest
from conftest import DOCUMENT, ROOT
from openapi_spec_validator import validate

SPEC = json.loads(DOCUMENT.read_text())
OPERATIONS = {operation["operationId"]: (operation["tags"][0], path)
              for path, methods in SPEC["paths"].items() for operation in methods.values()}
SEGMENT = SPEC["paths"]["/v1/segment"]["post"]
SAMPLE = "hc18_230_HC.jpg"


def in_px(quantity) -> float:
    """A quantity in pixels: with `pixel_mm` it is told in millimetres."""
    return quantity.value / {"px": 1, "px2": 1, "mm": 0.138, "mm2": 0.138**2}[quantity.unit.value]


# A value of every wish, and what the reply then says.
WISHES = {
    "modality": ("ultrasound", lambda reply: reply.modality.name == "ultrasound"),
    "model": ("live-224", lambda reply: reply.model.name == "live-224"),
    "on_mismatch": ("keep", lambda reply: reply.modality_check.state.value == "match"),
    "format": ("polygons", lambda reply: reply.polygons and not reply.rle),
    "patch": (True, lambda reply: len(reply.patch.logits) == reply.patch.side**2),
    "pixel_mm": ("0.138", lambda reply: 100 < reply.ellipse.circumference_mm < 400),
    "sizes": (True, lambda reply: in_px(reply.sizes.whole.figures.area) == pytest.approx(reply.area.px)),
    "caliper": ("0,0,30,40", lambda reply: in_px(reply.sizes.caliper.length) == pytest.approx(50)),
    "page": (1, lambda reply: reply.area.px > 0),
    "region": ("0,0,390,260", lambda reply: reply.image.region.width == 390 < reply.image.width),
    "identity": ("removed", lambda reply: reply.area.px > 0),
}
# Of DICOM alone.
OF_DICOM = {"frames": "0", "window": "2048,4096"}
DICOM = ROOT / "crates/dicom/tests/reference/made/grey12_linear.dcm"


@pytest.fixture
def segment(generated, client):
    """segment(query, form, sample): what the sample with these wishes here and there is answered; without `form`, the
    bare file."""
    types, models = generated("types"), generated("models")
    enums = {"format": models.Format, "on_mismatch": models.OnMismatch, "identity": models.Identity}
    operation = generated("api.segment.segment_picture")

    def named(wishes: dict) -> dict:
        # `format` is a builtin's name: the generator appends an underscore.
        return {name + "_" * (name == "format"): enums.get(name, lambda value: value)(value)
                for name, value in wishes.items()}

    def segment(query: dict, form: dict | None = None, sample: str = SAMPLE):
        file = types.File(payload=BytesIO((ROOT / "tests/samples" / sample).read_bytes()), file_name=str(sample))
        body = file if form is None else models.SegmentForm(image=file, **named(form))
        return operation.sync(client=client, body=body, **named(query))
    return segment


def test_the_document_is_valid():
    validate(SPEC)


def test_every_documented_wish_is_tried_here():
    query = {parameter["name"] for parameter in SEGMENT["parameters"]}
    form = set(SPEC["components"]["schemas"]["SegmentForm"]["properties"]) - {"image"}
    assert query == form == {*WISHES, *OF_DICOM}


@pytest.mark.parametrize("name", WISHES)
def test_a_wish_is_met_in_the_query_and_in_the_form(segment, name):
    value, met = WISHES[name]
    rest = {} if name == "modality" else {"modality": "ultrasound"}
    for reply in (segment({**rest, name: value}), segment(rest, {name: value}), segment({}, {**rest, name: value})):
        assert met(reply), reply


def test_all_wishes_at_once(segment):
    every = {name: value for name, (value, _) in WISHES.items()}
    for reply in (segment(every), segment(every, {}), segment({}, every), segment(every, every)):
        assert all(met(reply) for _, met in WISHES.values()), reply


def test_a_dicom_file_is_answered_as_it_was_wished(segment):
    wishes = {"modality": "ultrasound", "on_mismatch": "keep", **OF_DICOM}
    reply = segment(wishes, sample=DICOM)
    assert (reply.image.format_, reply.image.dicom.shown_as) == ("DICOM", "asked-window")
    several = segment({**wishes, "frames": "0,0"}, sample=DICOM)
    assert [each.image.dicom.frame for each in several.frames] == [0, 0]


def test_a_mismatch_is_refused_and_kept_if_asked(generated, segment):
    skin = {"sample": "ISIC_0000390.jpg"}
    ask, keep, refuse = {"modality": "x-ray"}, {"on_mismatch": "keep"}, {"on_mismatch": "refuse"}
    for refused in (segment(ask, **skin), segment(ask, refuse, **skin), segment({**ask, **refuse}, **skin)):
        assert (refused.status, refused.type_) == (422, "/problems/modality-mismatch")
    for kept in (segment({**ask, **keep}, **skin), segment(ask, keep, **skin)):
        assert kept.modality_check.state == generated("models").CheckState.MODALITY_MISMATCH


@pytest.mark.parametrize("name", sorted(name for name, (tag, _) in OPERATIONS.items() if tag not in ("live", "panel", "kserve") and name != "segment_picture"))
def test_every_operation_is_answered(generated, client, name):
    tag, path = OPERATIONS[name]
    parameters = {"get_sample": {"name": SAMPLE}, "explain_problem": {"name": "queue-full"}}.get(name, {})
    assert ("{" in path) == bool(parameters)
    reply = generated(f"api.{tag}.{name}").sync_detailed(client=client, **parameters)
    assert reply.status_code == 200
    if name == "get_sample":
        assert reply.parsed.payload.read() == (ROOT / "tests/samples" / SAMPLE).read_bytes()
    elif name == "get_metrics":
        assert reply.parsed.encode() == reply.content
        assert reply.parsed.startswith("# Research use only")
    else:
        # What was read is all that was sent: nothing is answered that is not documented.
        read = [entry.to_dict() for entry in reply.parsed] if isinstance(reply.parsed, list) else reply.parsed.to_dict()
        assert read == json.loads(reply.content)
        assert b"Research use only" in reply.content or name in ("list_problems", "explain_problem")


def test_a_failure_is_a_problem(generated, client):
    reply = generated("api.samples.get_sample").sync_detailed(client=client, name="none.jpg")
    assert (reply.status_code, reply.parsed.type_, reply.parsed.status) == (404, "/problems/not-found", 404)


def test_pictures_come_as_the_types_documented(client):
    """The generator reads JSON alone: its HTTP client, by itself."""
    picture = (ROOT / "tests/samples" / SAMPLE).read_bytes()
    documented = SEGMENT["responses"]["200"]
    for form, kind in (("png", "image/png"), ("overlay", "image/png"), ("overlay-jpeg", "image/jpeg")):
        reply = client.get_httpx_client().post("/v1/segment", params={"modality": "ultrasound", "format": form},
                                               content=picture)
        assert (reply.status_code, reply.headers["content-type"]) == (200, kind)
        assert kind in documented["content"]
        headers = {name.lower(): header["description"] for name, header in documented["headers"].items()
                   if name.startswith("X-Espmedsam-")}
        found = {name for name in reply.headers if name.startswith("x-espmedsam-")}
        always = {name for name, description in headers.items() if "absent" not in description}
        assert always <= found <= set(headers)
