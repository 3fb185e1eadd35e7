"""The package: files laid out as they will lie on the board, and dpkg-deb around them.

dpkg-deb alone, without cargo-deb or debhelper: every Debian has it, it takes its times from the commit, and what it does not
do for us (scripts of a service) is a page of shell in `scripts/`.
"""

import gzip
import os
import shutil
import tempfile
import tomllib
from email.utils import formatdate
from pathlib import Path

import bill
import licences
from common import HERE, NOTICE, ROOT, Board, build_folder, run, source_date, version
from program import Program

NAME = "espmedsam"
MAINTAINER = "espmedsam <espmedsam@users.noreply.github.com>"
SYMBOLS = f"{NAME}-dbgsym"
# What lies where it lies in every package.
FILES = {
    "avahi.service": "usr/share/doc/espmedsam/examples/avahi.service",
    "espmedsam.service": "usr/lib/systemd/system/espmedsam.service",
    "espmedsam.socket": "usr/lib/systemd/system/espmedsam.socket",
    "espmedsam.sysusers": "usr/lib/sysusers.d/espmedsam.conf",
    "espmedsam.tmpfiles": "usr/lib/tmpfiles.d/espmedsam.conf",
    "espmedsam.udev": "usr/lib/udev/rules.d/60-espmedsam.rules",
    "journald.conf": "usr/lib/systemd/journald@espmedsam.conf.d/espmedsam.conf",
}
# Every key and its default.
DOCUMENTED = ROOT / "docs/espmedsam.toml"
DESCRIPTION = f"""masks of medical pictures on the device, for research only
 Segments ultrasound, endoscopy and other medical pictures and live video
 without prompts, clicks or network, and serves the masks over a small local
 HTTP API and a page. {NOTICE}
"""


def package(board: Board, program: Program) -> Path:
    """Makes the package for a board, and one with its program's symbols beside it."""
    folder = build_folder() / "deb" / board.key
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as temporary:
        tree = Path(temporary) / NAME
        lay_out(tree, board, program)
        control(tree, board, program)
        made = seal(tree, folder / f"{NAME}_{version()}_{board.architecture}.deb")
        symbols = Path(temporary) / SYMBOLS
        lay_out_symbols(symbols, board, program)
        seal(symbols, folder / f"{SYMBOLS}_{version()}_{board.architecture}.deb")
    return made


def lay_out(tree: Path, board: Board, program: Program) -> None:
    """All files but the control's."""
    put(tree / "usr/bin/espmedsam", program.path.read_bytes(), 0o755)
    for name, place in FILES.items():
        put(tree / place, (HERE / "files" / name).read_bytes())
    put(tree / "etc/espmedsam/config.toml", settings())
    for path in model_files():
        put(tree / "usr/share/espmedsam/models" / path, (ROOT / "models" / path).read_bytes())
    put(tree / "usr/share/espmedsam/board.toml", f'board = "{board.key}"\nname = "{board.name}"\n'.encode())
    put(tree / "usr/share/man/man1/espmedsam.1.gz", packed((HERE / "files/espmedsam.1").read_bytes()))
    documents = tree / "usr/share/doc" / NAME
    put(documents / "copyright", licences.copyright_file().encode())
    put(documents / "espmedsam.toml", DOCUMENTED.read_bytes())
    put(documents / "changelog.gz", packed(changelog().encode()))
    put(documents / "third-party-licences.txt.gz", packed(licences.third_party().encode()))
    put(documents / "sbom.cdx.json.gz", packed(bill.PATH.read_bytes()))


def lay_out_symbols(tree: Path, board: Board, program: Program) -> None:
    """For whoever has a crash to read: the symbols, where debuggers look for them."""
    build_id = program.build_id
    place = f"usr/lib/debug/.build-id/{build_id[:2]}/{build_id[2:]}.debug"
    put(tree / place, program.symbols.read_bytes())
    documents = tree / "usr/share/doc"
    documents.mkdir(parents=True)
    (documents / SYMBOLS).symlink_to(NAME)
    fields = {
        "Package": SYMBOLS,
        "Version": version(),
        "Architecture": board.architecture,
        "Maintainer": MAINTAINER,
        "Section": "debug",
        "Priority": "optional",
        "Auto-Built-Package": "debug-symbols",
        "Build-Ids": build_id,
        "Depends": f"{NAME} (= {version()})",
        "Installed-Size": installed_kib(tree),
        "Description": "debug symbols for espmedsam",
    }
    put(tree / "DEBIAN/control", written(fields))


def control(tree: Path, board: Board, program: Program) -> None:
    """What dpkg reads first."""
    fields = {
        "Package": NAME,
        "Version": version(),
        "Architecture": board.architecture,
        "Maintainer": MAINTAINER,
        "Section": "science",
        "Priority": "optional",
        "Homepage": "https://arxiv.org/abs/2407.14153",
        "Depends": f"libc6 (>= {program.glibc}), systemd (>= 245), init-system-helpers (>= 1.54~)",
        "Installed-Size": installed_kib(tree),
        "Description": f"{DESCRIPTION} .\n For: {board.name}.",
    }
    put(tree / "DEBIAN/control", written(fields))
    put(tree / "DEBIAN/conffiles", b"/etc/espmedsam/config.toml\n")
    for script in sorted((HERE / "scripts").iterdir()):
        put(tree / "DEBIAN" / script.name, script.read_bytes(), 0o755)
    files = [path for path in sorted(tree.rglob("*")) if path.is_file() and "DEBIAN" not in path.parts]
    sums = run("md5sum", *(path.relative_to(tree) for path in files), cwd=tree)
    put(tree / "DEBIAN/md5sums", sums.encode())


def seal(tree: Path, path: Path) -> Path:
    """One file of it; the same tree and commit give the same bytes."""
    # By one thread: by several, xz cuts its blocks as many.
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(source_date()), "DPKG_DEB_THREADS_MAX": "1"}
    for made in [tree, *tree.rglob("*")]:
        if made.is_dir():
            made.chmod(0o755)
    run("dpkg-deb", "--root-owner-group", "-Zxz", "-z6", "--build", tree, path, env=environment)
    return path


def put(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Writes a file, its folders with it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)


def packed(content: bytes) -> bytes:
    """By gzip, without a time."""
    return gzip.compress(content, 9, mtime=0)


def written(fields: dict[str, str]) -> bytes:
    """A control file."""
    return "".join(f"{key}: {value}\n" for key, value in fields.items()).encode()


def installed_kib(tree: Path) -> str:
    """As dpkg counts it (deb-substvars(5)): 1 KiB for a folder or a link, files rounded up."""
    sizes = (-(-path.lstat().st_size // 1024) if path.is_file() else 1 for path in tree.rglob("*"))
    return str(sum(sizes))


def settings() -> bytes:
    """Every key, at its default but where the unit asks for another value."""
    text = DOCUMENTED.read_text()
    for default, here in {
        "# Every key and its default: `espmedsam serve --config FILE`. Unknown": (
            f"# Every key. At their defaults ({DOCUMENTED.name} in /usr/share/doc/{NAME}) all but request_timeout_s and\n"
            "# watchdog_s, which suit the service's watchdog, and access.folder, where callers' changes\n"
            "# are written down. Unknown"
        ),
        '# folder = "/var/lib/espmedsam/access"    #': 'folder = "/var/lib/espmedsam/access"      #',
        # The watchdog of the unit counts from when this is noticed.
        "request_timeout_s = 60": "request_timeout_s = 20",
        "watchdog_s = 120 ": "watchdog_s = 25  ",
    }.items():
        if text.count(default) != 1:
            raise ValueError(f"docs/espmedsam.toml has no '{default}'")
        text = text.replace(default, here)
    return text.encode()


def model_files() -> list[str]:
    """The manifest and what it names."""
    manifest = tomllib.loads((ROOT / "models/manifest.toml").read_text())
    files = {entry["path"] for model in manifest["model"] for entry in model["file"]}
    guard = {manifest["guard"]["file"]["path"]} if "guard" in manifest else set()
    return ["manifest.toml", *sorted(files | guard)]


def changelog() -> str:
    """Debian's form of it: what changed stands in CHANGELOG.md."""
    date = formatdate(source_date())
    head = f"{NAME} ({version()}) stable; urgency=medium"
    return f"{head}\n\n  * {NOTICE}\n  * Changes: CHANGELOG.md of the sources.\n\n -- {MAINTAINER}  {date}\n"
