"""The texts under which all that is in the package is given, and Debian's machine-readable `copyright`."""

import re
from collections import defaultdict

from common import NOTICE, ROOT

from crates import OutsideCrate, outside

NAMES = re.compile(r"(licen[cs]e|copying|copyright|notice|unlicense)", re.IGNORECASE)
# For a crate that says MIT and brings no text; the licence is the same for all, but for the names.
MIT = """MIT License

Copyright (c) {authors}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE."""


def texts(crate: OutsideCrate) -> list[str]:
    """The licence texts that a crate brings; else the one that it names."""
    files = [path for path in sorted(crate.folder.rglob("*")) if path.is_file() and NAMES.match(path.name)]
    found = [path.read_text(errors="replace").strip() for path in files if path.suffix not in (".rs", ".toml", ".py")]
    if found:
        return found
    if "Apache-2.0" in crate.licence:
        return [(ROOT / "LICENSE").read_text().strip()]
    if "MIT" in crate.licence:
        return [MIT.format(authors=authors(crate))]
    raise ValueError(f"{crate.name} {crate.version} ({crate.licence}) brings no text of its licence")


def authors(crate: OutsideCrate) -> str:
    """Who wrote it."""
    return ", ".join(crate.authors) or f"the authors of {crate.name}"


def third_party() -> str:
    """Each text once, over it whose it is."""
    owners: dict[str, list[str]] = defaultdict(list)
    spelled: dict[str, str] = {}
    for key, crate in outside().items():
        for text in texts(crate) if key else []:
            same = " ".join(text.split())
            spelled.setdefault(same, text)
            name = f"{crate.name} {crate.version} ({crate.licence})"
            if name not in owners[same]:
                owners[same].append(name)
    parts = ["What others wrote and is in espmedsam, with the licence of each.\n"]
    for same, names in owners.items():
        parts.append("=" * 100 + "\n" + "\n".join(names) + "\n\n" + spelled[same] + "\n")
    return "\n".join(parts)


def copyright_file() -> str:
    """`copyright`, format 1.0 (https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/)."""
    stanzas = [
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
        "Upstream-Name: espmedsam\n"
        f"Comment: {NOTICE} The full text of every licence of others' crates is in\n"
        " third-party-licences.txt.gz beside this file, the list of all crates and models with their hashes in\n"
        " sbom.cdx.json.gz.\n",
        "Files: *\nCopyright: 2026 the authors of espmedsam\nLicense: Apache-2.0\n",
        "Files: models/*\nCopyright: 2026 the authors of espmedsam\nLicense: research-only\n",
    ]
    for key, crate in outside().items():
        if key:
            stanzas.append(
                f"Files: crates/{crate.name}-{crate.version}/*\nCopyright: {authors(crate)}\nLicense: {crate.licence}\n"
            )
    stanzas += [
        "License: Apache-2.0\n On Debian systems the full text is in /usr/share/common-licenses/Apache-2.0.\n",
        "License: research-only\n The weights are for research only, under the terms of their training data, which\n"
        " /usr/share/espmedsam/models/manifest.toml lists for each modality. Not for clinical use.\n",
    ]
    return "\n".join(stanzas)
