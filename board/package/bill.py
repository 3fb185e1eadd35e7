"""The bill of materials, CycloneDX 1.6: crates with checksums and licences, models with files, hashes and terms.

It is checked in, as it is compiled into the program (`GET /v1/sbom`); nothing of it depends on the machine or the day.
"""

import json
import tomllib
import uuid
from typing import Any

from common import NOTICE, ROOT, version

from crates import OutsideCrate, outside

PATH = ROOT / "docs" / "sbom.cdx.json"
PROGRAM = "espmedsam"
URL = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")  # RFC 9562, appendix: names that are URLs


def text() -> str:
    """What is to be checked in."""
    crates = outside()
    program = crates.pop("")
    manifest = tomllib.loads((ROOT / "models" / "manifest.toml").read_text())
    models = [model(entry) for entry in manifest["model"]]
    depend = [{"ref": crate.purl, "dependsOn": sorted(crate.needs)} for crate in crates.values()]
    own = {"ref": PROGRAM, "dependsOn": sorted(program.needs) + [model["bom-ref"] for model in models]}
    body: dict[str, Any] = {
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": PROGRAM,
                "name": PROGRAM,
                "version": version(),
                "description": NOTICE,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": [*map(component, crates.values()), *models, *guard(manifest)],
        "dependencies": [own, *depend],
    }
    content = json.dumps(body, sort_keys=True)
    head = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(URL, content)}",
        "version": 1,
    }
    return json.dumps(head | body, indent=1, ensure_ascii=False) + "\n"


def component(crate: OutsideCrate) -> dict[str, Any]:
    """A crate's entry."""
    return {
        "type": "library",
        "bom-ref": crate.purl,
        "name": crate.name,
        "version": crate.version,
        "purl": crate.purl,
        "hashes": [{"alg": "SHA-256", "content": crate.sha256}],
        "licenses": [{"expression": crate.licence}],
    }


def model(entry: dict[str, Any]) -> dict[str, Any]:
    """A model's entry, its files in it."""
    modalities = entry["modality"]
    terms = sorted({licence for modality in modalities for licence in modality.get("licences", [])})
    trained = sorted({data for modality in modalities for data in modality.get("trained_on", [])})
    return {
        "type": "machine-learning-model",
        "bom-ref": f"model/{entry['name']}",
        "name": entry["name"],
        "description": f"{entry['description']} {NOTICE}",
        "licenses": [{"license": {"name": f"research only; training data: {term}"}} for term in terms],
        "properties": [{"name": "espmedsam:trained-on", "value": data} for data in trained],
        # Models share files; an entry's name must be its own.
        "components": [file(f"model/{entry['name']}", one) for one in entry["file"]],
    }


def guard(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """The entry of what tells modalities apart."""
    found = manifest.get("guard")
    if not found:
        return []
    return [
        {
            "type": "machine-learning-model",
            "bom-ref": "model/guard",
            "name": "modality guard",
            "description": NOTICE,
            "components": [file("model/guard", found["file"])],
        }
    ]


def file(owner: str, entry: dict[str, Any]) -> dict[str, Any]:
    """A model file's entry."""
    return {
        "type": "file",
        "bom-ref": f"{owner}/{entry['path']}",
        "name": entry["path"],
        "hashes": [{"alg": "SHA-256", "content": entry["sha256"]}],
    }


def write() -> None:
    """Checks nothing, writes it."""
    PATH.write_text(text())


def is_stale() -> bool:
    """Whether crates or models have changed since it was written."""
    return not PATH.exists() or PATH.read_text() != text()
