"""What the package brings beside the program: a configuration that is what its texts say."""

import importlib
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def deb():
    sys.path.insert(0, str(ROOT / "board" / "package"))
    yield importlib.import_module("deb")
    sys.path.pop(0)


def flat(table, prefix=""):
    """Keys and values, sections in front."""
    for key, value in table.items():
        yield from flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(f"{prefix}{key}", value)]


def test_the_configuration_names_the_keys_in_which_it_differs_from_the_defaults(deb):
    text = deb.settings().decode()
    here, documented = (dict(flat(tomllib.loads(each))) for each in (text, deb.DOCUMENTED.read_text()))
    # Without it nothing is written down, so it has no default.
    assert here.keys() == documented.keys() | {"access.folder"}
    differ = {key for key in here if here[key] != documented.get(key)}
    assert differ == {"server.request_timeout_s", "engine.watchdog_s", "access.folder"}
    head = text.split("\n[", 1)[0]
    assert all(key.removeprefix("server.").removeprefix("engine.") in head for key in differ)
    assert "every key and its default" not in text.lower()


def test_a_board_gets_every_key_and_its_default_to_read(deb, tmp_path):
    program = tmp_path / "espmedsam"
    program.write_bytes(b"")
    board = deb.Board("made-up", "Made Up", "arm64", "2.31")
    deb.lay_out(tmp_path / "tree", board, deb.Program(program, program, "", "2.31"))
    place = tmp_path / "tree/usr/share/doc/espmedsam/espmedsam.toml"
    assert place.read_text() == deb.DOCUMENTED.read_text()


def test_the_unit_waits_for_the_device_classes_that_it_allows():
    unit = (ROOT / "board/package/files/espmedsam.service").read_text().splitlines()
    for module in ("videodev", "mc"):
        for key in ("Wants", "After"):
            assert any(line.startswith(f"{key}=") and f"modprobe@{module}.service" in line for line in unit)
    assert not any(line.startswith(("Requires=", "BindsTo=")) for line in unit)


def test_what_is_told_to_the_network_is_where_the_page_says_the_door_is(deb):
    group = ElementTree.parse(ROOT / "board/package/files/avahi.service").getroot()
    service = group.find("service")
    assert service.findtext("type") == "_espmedsam._tcp"
    page = (ROOT / "docs/access.md").read_text()
    assert f':{service.findtext("port")}"' in page
    assert f"/{deb.FILES['avahi.service']} " in page
    records = {record.text for record in service.findall("txt-record")}
    assert {"scheme=https", "notice=Research use only. Not for clinical use."} <= records
    # RFC 6763 §6.1: a record of so many bytes at most.
    assert all(len(record.encode()) <= 255 for record in records)
