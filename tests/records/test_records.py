"""The records say what is so: every named test and file is there and run, no page is stale; and what is planted is found."""

import importlib.util
import json
import re
import shutil
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def records():
    sys.path.insert(0, str(ROOT / "docs/records"))
    found = importlib.util.spec_from_file_location("records", ROOT / "docs/records/__main__.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    yield module
    sys.path.pop(0)


@pytest.fixture
def planted(records, tmp_path):
    """planted(file, old, new): what `check` says of a copy of all that is named, in which a fault was planted."""
    entries = records.read("requirements")["requirement"]
    named = {path for entry in entries for path in [*entry["code"], *entry["tests"]]}
    others = ["Makefile", "SECURITY.md", "docs/threat-model.md", "docs/architecture.md", "docs/sbom.cdx.json"]
    for path in [*named, *others, *(f"docs/records/{name}.toml" for name in records.PAGES)]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)

    def plant(file, old, new):
        path = tmp_path / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1)) if new is not None else path.unlink()
        return records.check(tmp_path)

    assert records.check(tmp_path) == []
    return plant


def test_every_named_test_and_file_is_there_and_run(records):
    assert records.check() == []


def test_no_page_is_stale(records):
    for path, text in records.pages().items():
        assert path.read_text() == text, "run make records"


def test_the_hazards_that_were_asked_for_are_listed(records):
    names = " ".join(entry["name"].lower() for entry in records.read("hazards")["hazard"])
    asked = ["stale mask", "wrong modality", "flipped", "unit error", "overload", "wrong model", "wrong patient",
             "nothing there", "corrupt model", "power cut"]  # fmt: skip
    assert all(one in names for one in asked)


PROMISE = "crates/live/tests/live/promise.rs"
PROVES = "no_mask_is_shown_that_is_too_old_or_of_another_picture_or_question"


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (PROMISE, f"fn {PROVES}(", "fn renamed(", f"LIVE-1: {PROMISE} has no test {PROVES}"),
        ("crates/live/tests/live/region.rs", "#[test]\nfn no_answer", "fn no_answer", "has no test no_answer"),
        ("crates/live/tests/live/region.rs", "#[test]\n", "#[test]\n#[ignore]\n", "is not run"),
        ("tests/parity/test_sizes.py", "def test_sizes", "@pytest.mark.skip\ndef test_sizes", "is not run"),
        ("crates/live/src/view.rs", "", None, "LIVE-1: crates/live/src/view.rs is not there"),
        ("Makefile", "tests/light tests/parity", "tests/light", "no command of the Makefile runs tests/parity"),
        ("docs/records/requirements.toml", 'id = "MASK-2"', 'id = "MASK-1"', "MASK-1: used twice"),
        ("docs/records/hazards.toml", '"LIVE-1"', '"LIVE-99"', "H-1: there is no LIVE-99"),
        ("docs/records/soup.toml", "weezl =", "weasel =", "soup: weezl is in the program and not in the table"),
        ("docs/architecture.md", "11. **What", "12. **What", "invariant 12: no requirement has it"),
        ("SECURITY.md", "DOOR-1", "DOOR-77", "SECURITY.md: there is no DOOR-77"),
    ],
)
def test_what_is_not_so_is_found(planted, file, old, new, said):
    assert any(said in line for line in planted(file, old, new)), said


def test_the_soup_list_repeats_nothing_of_the_bill(records):
    """Versions and licences come from the bill alone: a crate's name is all that the table has of it."""
    table = (ROOT / "docs/records/soup.toml").read_text().split("[crates]")[1]
    for entry in json.loads((ROOT / "docs/sbom.cdx.json").read_text())["components"]:
        if entry["type"] == "library":
            assert not re.search(rf"\b{re.escape(entry['version'])}\b", table)


def test_links_of_the_pages_lead_somewhere():
    pages = [*(ROOT / "docs/records").glob("*.md"), ROOT / "SECURITY.md", ROOT / "docs/threat-model.md"]
    assert len(pages) == 5
    for page in pages:
        links = re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", page.read_text())
        assert links
        for link, anchor in links:
            target = (page.parent / link) if link else page
            assert link.startswith("https:") or target.exists(), f"{page.name}: {link}"
            if anchor and target.suffix == ".md":
                heads = re.findall(r"^#+ (.*)$", target.read_text(), re.M)
                assert anchor in {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}, anchor


def test_what_cargo_deny_says_is_put_into_the_table(records):
    """As 0.20.2 says it of a database with one advisory, of which there was none in fact."""
    lines = [
        {"type": "diagnostic", "fields": {"advisory": {"id": "RUSTSEC-2026-9999"}, "code": "vulnerability",
         "labels": [{"span": "weezl 0.1.12 registry+https://github.com/rust-lang/crates.io-index"}]}},
        {"type": "diagnostic", "fields": {"advisory": None, "code": "yanked",
         "labels": [{"span": "gif 0.14.2 registry+https://github.com/rust-lang/crates.io-index"}]}},
        {"type": "summary", "fields": {}},
    ]  # fmt: skip
    advisories = records.advisories
    table = (ROOT / "docs/records/soup.toml").read_text()
    made = tomllib.loads(advisories.SECTION.sub(lambda _: advisories.section(lines, "0" * 40), table, count=1))
    before = tomllib.loads(table)
    assert made.pop("advisories")["found"] == ["RUSTSEC-2026-9999 weezl 0.1.12", "yanked gif 0.14.2"]
    before.pop("advisories")
    assert made == before


def test_every_row_about_access_has_a_test_that_is_there():
    page = (ROOT / "docs/access.md").read_text()
    rows = [line.split("|")[1:-1] for line in page.split("## OWASP ASVS")[1].splitlines() if line.startswith("| ")][2:]
    sources = "".join(path.read_text() for path in (ROOT / "crates").rglob("*.rs"))
    assert len(rows) > 15
    for number, *_, test in rows:
        (name,) = re.findall(r"`(\w+)`", test)
        assert f"fn {name}(" in sources, f"ASVS {number.strip()}: there is no test {name}"
