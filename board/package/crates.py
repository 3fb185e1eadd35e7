"""The crates from outside that are in the program, on any board: what the compiler alone uses is left out."""

import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from common import ROOT, TARGETS, run


@dataclass
class OutsideCrate:
    """One that is in the program."""

    name: str
    version: str
    licence: str
    authors: list[str]
    folder: Path
    sha256: str
    needs: set[str] = field(default_factory=set)

    @property
    def purl(self) -> str:
        """Its name among all packages of the world."""
        return f"pkg:cargo/{self.name}@{self.version}"


def outside() -> dict[str, OutsideCrate]:
    """All of them, by purl, and what each needs of the others. The program itself stands under ``""``."""
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    sums = {(entry["name"], entry["version"]): entry.get("checksum") for entry in lock}
    found: dict[str, OutsideCrate] = {"": OutsideCrate("espmedsam", "", "Apache-2.0", [], ROOT, "")}
    for target in TARGETS.values():
        gather(target, sums, found)
    return dict(sorted(found.items()))


def gather(target: str, sums: dict[tuple[str, str], str | None], found: dict[str, OutsideCrate]) -> None:
    """Walks from the program over what is compiled into it for a target."""
    asked = ("cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target)
    metadata = json.loads(run(*asked))
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    waiting = [(metadata["resolve"]["root"], "")]
    done = set()
    while waiting:
        step = waiting.pop()
        if step in done:
            continue
        done.add(step)
        package_id, owner = step
        package = packages[package_id]
        # What belongs to the program is the program.
        key = owner
        if package["source"]:
            crate = described(package, sums)
            key = crate.purl
            found.setdefault(key, crate)
            if key != owner:
                found[owner].needs.add(key)
        for need in nodes[package_id]["deps"]:
            compiled_in = any(kind["kind"] is None for kind in need["dep_kinds"])
            if compiled_in and not is_macro(packages[need["pkg"]]):
                waiting.append((need["pkg"], key))


def is_macro(package: dict) -> bool:
    """Whether it runs in the compiler alone."""
    return any("proc-macro" in target["kind"] for target in package["targets"])


def described(package: dict, sums: dict[tuple[str, str], str | None]) -> OutsideCrate:
    """As cargo knows it."""
    name, version = package["name"], package["version"]
    sha256 = sums.get((name, version))
    if not package["license"] or not sha256:
        raise ValueError(f"{name} {version} has no licence or no checksum")
    licence = package["license"].replace("/", " OR ")
    return OutsideCrate(name, version, licence, package["authors"], Path(package["manifest_path"]).parent, sha256)
