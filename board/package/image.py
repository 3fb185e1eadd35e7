"""The image for containers: an OCI layout (image-spec 1.1), put together without a daemon, a network or root.

In it are the program, its models, the libraries that the program asks for, and the licence of each; no shell, no package
manager, nothing that could be called. Who runs it is 65532, and nothing of it has to be written to. The same program,
libraries and commit give the same bytes: layers are plain tar, as what a compressor makes depends on its version;
registries compress them themselves.
"""

import hashlib
import io
import json
import re
import shutil
import tarfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import bill
import deb
import licences
from common import NOTICE, ROOT, run, source_date, version
from program import UnfitError

# What it is called once a cluster's machine has it: of no registry.
NAME = "localhost/espmedsam"
USER = 65532
# Where an architecture's libraries lie: on a machine of its own, and where Debian puts them for cross-compilers.
LIBRARIES = {
    "amd64": ("lib/x86_64-linux-gnu", "usr/x86_64-linux-gnu/lib"),
    "arm64": ("lib/aarch64-linux-gnu", "usr/aarch64-linux-gnu/lib"),
}
# The program and its crates; the weights, by the manifest's terms; glibc; libgcc.
LICENCES = "Apache-2.0 AND LicenseRef-research-only AND LGPL-2.1-or-later AND GPL-3.0-or-later WITH GCC-exception-3.1"
LAYER = "application/vnd.oci.image.layer.v1.tar"
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


@dataclass(frozen=True)
class Entry:
    """A file or folder of the image: what is not said is root's, to be read by all."""

    content: bytes | None
    mode: int = 0o644
    owner: int = 0


Files = dict[str, Entry]


@dataclass
class Layout:
    """A folder that is an OCI layout."""

    folder: Path
    manifests: list[dict] = field(default_factory=list)

    def blob(self, content: bytes, kind: str) -> dict:
        """Writes it under its own hash; its descriptor."""
        digest = hashlib.sha256(content).hexdigest()
        path = self.folder / "blobs/sha256" / digest
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(content)}

    def add(self, architecture: str, program: Path) -> None:
        """The image of an architecture."""
        needed = libraries(architecture, program)
        layers = [self.blob(archive(files), LAYER) for files in (system(needed), models(), own(program))]
        diff_ids = [layer["digest"] for layer in layers]  # of what is not compressed they are the same
        config = self.blob(text(configuration(architecture, diff_ids)), CONFIG)
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config,
            "layers": layers,
            "annotations": labels() | {"org.espmedsam.libraries": " ".join(sorted({each.package for each in needed}))},
        }
        platform = {"os": "linux", "architecture": architecture}
        self.manifests.append(self.blob(text(manifest), MANIFEST) | {"platform": platform})

    def seal(self) -> None:
        """What readers begin with: by the version's name, one image, or an index of one for each architecture."""
        [top, *more] = self.manifests
        if more:
            top = self.blob(text({"schemaVersion": 2, "mediaType": INDEX, "manifests": self.manifests}), INDEX)
        names = {"org.opencontainers.image.ref.name": version(), "io.containerd.image.name": f"{NAME}:{version()}"}
        named = top | {"annotations": names}
        (self.folder / "index.json").write_bytes(text({"schemaVersion": 2, "mediaType": INDEX, "manifests": [named]}))
        (self.folder / "oci-layout").write_bytes(text({"imageLayoutVersion": "1.0.0"}))


@dataclass(frozen=True)
class Library:
    """A shared library that the program is linked to, and the package that it is of."""

    place: str  # in the image
    path: Path  # here
    package: str  # name=version
    terms: Path  # its copyright file


def make(folder: Path, programs: dict[str, Path]) -> Path:
    """The layout, and beside it one file of it for `ctr`, `podman load` and `skopeo`."""
    shutil.rmtree(folder, ignore_errors=True)
    layout = Layout(folder)
    for architecture, program in sorted(programs.items()):
        layout.add(architecture, program)
    layout.seal()
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    whole = {str(path.relative_to(folder)): Entry(path.read_bytes()) for path in paths}
    bundle = folder.with_name(f"{folder.name}.oci.tar")
    bundle.write_bytes(archive(whole))
    return bundle


def system(needed: list[Library]) -> Files:
    """What the program stands on: libraries, their terms, a user with a name."""
    found = {each.place: Entry(each.path.read_bytes(), 0o755) for each in needed}
    for each in needed:
        found[f"usr/share/doc/{each.package.split('=')[0]}/copyright"] = Entry(each.terms.read_bytes())
    name = f"espmedsam:x:{USER}:"
    found["etc/passwd"] = Entry(f"{name}{USER}::/var/lib/espmedsam:/nonexistent\n".encode())
    found["etc/group"] = Entry(f"{name}\n".encode())
    # Where a runtime puts what is the machine's, and whoever wants something kept mounts it: clips, models that were added,
    # what a DICOM network sent.
    return (
        found
        | {place: Entry(None, 0o755) for place in ("proc", "sys", "dev")}
        | {"var/lib/espmedsam": Entry(None, 0o750, USER)}
    )


def models() -> Files:
    """The manifest and what it names."""
    return {
        f"usr/share/espmedsam/models/{path}": Entry((ROOT / "models" / path).read_bytes()) for path in deb.model_files()
    }


def own(program: Path) -> Files:
    """The program and its papers."""
    found = {f"usr/share/doc/espmedsam/{name}": Entry(content) for name, content in papers().items()}
    return found | {"usr/bin/espmedsam": Entry(program.read_bytes(), 0o755)}


@cache
def papers() -> dict[str, bytes]:
    """What goes with the program, whatever the architecture. Cargo is asked for it, which takes a while."""
    return {
        "copyright": licences.copyright_file().encode(),
        "third-party-licences.txt": licences.third_party().encode(),
        "sbom.cdx.json": bill.PATH.read_bytes(),
        "espmedsam.toml": deb.DOCUMENTED.read_bytes(),
    }


def libraries(architecture: str, program: Path) -> list[Library]:
    """All that it is linked to, and they to each other; the loader, too."""
    loader = re.search(r"program interpreter: (\S+)\]", run("readelf", "-lW", program))
    if not loader:
        raise UnfitError(f"{program} asks for no loader: is it linked statically?")
    own_folder, cross_folder = LIBRARIES[architecture]
    waiting, found = [Path(loader[1]).name], {}
    waiting += names(program)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        here = (Path("/") / folder / name for folder in (own_folder, cross_folder))
        path = next((each for each in here if each.exists()), None)
        if path is None:
            raise UnfitError(f"{name} of {architecture} is not here: apt-get install libc6-{architecture}-cross")
        place = loader[1].lstrip("/") if name == Path(loader[1]).name else f"{own_folder}/{name}"
        found[name] = Library(place, path, *owner(path))
        waiting += names(path)
    return [found[name] for name in sorted(found)]


def names(path: Path) -> list[str]:
    """What a program or library asks for by itself."""
    return re.findall(r"\(NEEDED\)\s+Shared library: \[(\S+)\]", run("readelf", "-dW", path))


def owner(path: Path) -> tuple[str, Path]:
    """The package that a library is of, with its version, and its terms. Nothing is given out without them."""
    package = run("dpkg-query", "--search", path).split(": ")[0]
    known = run("dpkg-query", "--show", "--showformat", "${Package}=${Version}", package)
    terms = Path("/usr/share/doc") / known.split("=")[0] / "copyright"
    if not terms.exists():
        raise UnfitError(f"{known} has no copyright file here, so {path} cannot be given out")
    return known, terms


def archive(files: Files) -> bytes:
    """As tar, folders first; nothing of it is of this machine or this day."""
    folders = {str(parent): Entry(None, 0o755) for path in files for parent in Path(path).parents if str(parent) != "."}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, entry in sorted((folders | files).items()):
            told = tarfile.TarInfo(path)
            told.mode, told.uid, told.gid, told.mtime = entry.mode, entry.owner, entry.owner, source_date()
            told.type = tarfile.DIRTYPE if entry.content is None else tarfile.REGTYPE
            told.size = len(entry.content or b"")
            tar.addfile(told, io.BytesIO(entry.content or b""))
    return out.getvalue()


def configuration(architecture: str, diff_ids: list[str]) -> dict:
    """How it is run, if nothing else is said: on loopback, as everywhere."""
    created = datetime.fromtimestamp(source_date(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "created": created,
        "architecture": architecture,
        "os": "linux",
        "config": {
            "User": f"{USER}:{USER}",
            "Entrypoint": ["/usr/bin/espmedsam"],
            "Cmd": ["serve"],
            "WorkingDir": "/var/lib/espmedsam",
            "StopSignal": "SIGTERM",
            "Labels": labels(),
        },
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [
            {"created": created, "created_by": f"board/package image: {what}"}
            for what in ("libraries", "models", "program")
        ],
    }


def labels() -> dict[str, str]:
    """What it is."""
    return {
        "org.opencontainers.image.title": "espmedsam",
        "org.opencontainers.image.description": NOTICE,
        "org.opencontainers.image.version": version(),
        "org.opencontainers.image.licenses": LICENCES,
    }


def text(value: dict) -> bytes:
    """JSON in one way only."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
