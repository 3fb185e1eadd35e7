"""The bill of materials is CycloneDX, up to date, and every licence in it has its text."""

import importlib
import json
import sys
import tomllib
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def package():
    sys.path.insert(0, str(ROOT / "board" / "package"))
    yield importlib.import_module
    sys.path.pop(0)


@pytest.fixture(scope="module")
def bill():
    return (ROOT / "docs" / "sbom.cdx.json").read_text()


def test_it_is_cyclonedx(bill):
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None
    broken = json.loads(bill)
    broken["components"][0]["hashes"][0]["alg"] = "SHA-7"
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(broken)) is not None


def test_it_is_not_stale(package, bill):
    assert package("bill").text() == bill, "run make sbom"


def test_it_has_what_is_in_the_program_and_nothing_of_tests(bill):
    entries = json.loads(bill)["components"]
    crates = {entry["name"] for entry in entries if entry["type"] == "library"}
    assert {"tract-core", "axum", "clap"} <= crates
    assert not {"divan", "serde_derive", "proptest"} & crates
    manifest = tomllib.loads((ROOT / "models" / "manifest.toml").read_text())
    models = {entry["name"]: entry for entry in entries if entry["type"] == "machine-learning-model"}
    for model in manifest["model"]:
        files = {(file["name"], file["hashes"][0]["content"]) for file in models[model["name"]]["components"]}
        assert files == {(file["path"], file["sha256"]) for file in model["file"]}


def test_every_crate_has_the_text_of_its_licence(package):
    text = package("licences").third_party()
    crates = package("crates").outside()
    assert len(crates) > 100
    for key, crate in crates.items():
        assert not key or f"{crate.name} {crate.version} ({crate.licence})" in text


def test_copyright_has_a_stanza_for_each_part(package):
    stanzas = package("licences").copyright_file().split("\n\n")
    assert stanzas[0].startswith("Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/")
    assert all(stanza.split(":")[0] in ("Format", "Files", "License") for stanza in stanzas)


def test_the_package_s_watchdog_is_more_patient_than_a_request(package):
    ours = tomllib.loads(package("deb").settings().decode())
    # The engine's check, which a board would refuse to start by.
    assert ours["engine"]["watchdog_s"] > ours["server"]["request_timeout_s"]


def test_a_program_that_would_not_run_there_is_refused(package, tmp_path):
    program = package("program")
    boards = package("common").boards()
    with pytest.raises(program.UnfitError, match="needs glibc"):
        # Python itself: linked against this machine's glibc.
        old = package("common").Board("old", "an old board", "amd64", "2.0")
        program.check_glibc(Path(sys.executable).resolve(), old)
    telltale = tmp_path / "program"
    telltale.write_bytes(b"\x7fELF" + f"{ROOT}/src/main.rs".encode())
    with pytest.raises(program.UnfitError, match="holds a path"):
        program.check_paths(telltale, [ROOT])
    program.check_paths(telltale, [Path("/nowhere")])
    assert set(boards) == {"rpi4", "rpi5", "jetson-orin", "generic-arm64", "amd64"}
