"""The container image: by its own digests, the same bytes twice, nothing in it that is not needed, and it runs."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
import time
import urllib.request
from pathlib import Path

import pytest
from container import ARCHITECTURE, OCI_TOOLS, PROGRAM, ROOT, VERSION, image_maker

SAMPLE = ROOT / "tests/samples/kvasir_cju84hibuktj80871u519o71q.jpg"


@pytest.fixture(scope="module")
def image():
    with image_maker() as module:
        yield module


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The program as it is given out, without symbols."""
    path = tmp_path_factory.mktemp("program") / "espmedsam"
    subprocess.run(["strip", "-o", path, PROGRAM], check=True)
    return path


@pytest.fixture(scope="module")
def layout(image, program, tmp_path_factory):
    """An OCI layout, and one file of it beside it."""
    folder = tmp_path_factory.mktemp("image") / "espmedsam"
    image.make(folder, {ARCHITECTURE: program})
    return folder


def blob(layout, descriptor):
    return (layout / "blobs" / descriptor["digest"].replace(":", "/")).read_bytes()


@pytest.fixture(scope="module")
def manifest(layout):
    [top] = json.loads((layout / "index.json").read_text())["manifests"]
    return json.loads(blob(layout, top))


@pytest.fixture(scope="module")
def tree(layout, manifest, tmp_path_factory):
    """All layers, unpacked: a root folder."""
    folder = tmp_path_factory.mktemp("tree")
    for layer in manifest["layers"]:
        with tarfile.open(layout / "blobs" / layer["digest"].replace(":", "/")) as tar:
            tar.extractall(folder, filter="fully_trusted")
    folder.chmod(0o755)
    return folder


def test_every_blob_is_named_by_its_hash_and_every_descriptor_is_of_one(layout, manifest):
    assert json.loads((layout / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    [top] = json.loads((layout / "index.json").read_text())["manifests"]
    named = [top, manifest["config"], *manifest["layers"]]
    for descriptor in named:
        content = blob(layout, descriptor)
        assert len(content) == descriptor["size"]
        assert f"sha256:{hashlib.sha256(content).hexdigest()}" == descriptor["digest"]
    # And nothing else lies there.
    found = {path.name for path in (layout / "blobs/sha256").iterdir()}
    assert found == {descriptor["digest"].split(":")[1] for descriptor in named}
    configuration = json.loads(blob(layout, manifest["config"]))
    assert configuration["rootfs"]["diff_ids"] == [layer["digest"] for layer in manifest["layers"]]
    assert configuration["architecture"] == ARCHITECTURE


def test_the_same_program_gives_the_same_bytes(image, layout, program, tmp_path):
    """Whatever the day and the rights of files here."""
    elsewhere = tmp_path / "elsewhere"
    shutil.copyfile(program, elsewhere)
    elsewhere.chmod(0o600)
    os.utime(elsewhere, (0, 0))
    bundle = image.make(tmp_path / "espmedsam", {ARCHITECTURE: elsewhere})
    assert bundle.read_bytes() == layout.with_name("espmedsam.oci.tar").read_bytes()
    # What was there before is no part of it.
    (tmp_path / "espmedsam/blobs/sha256/left").write_text("over")
    assert image.make(tmp_path / "espmedsam", {ARCHITECTURE: elsewhere}).stat().st_size == bundle.stat().st_size
    assert not (tmp_path / "espmedsam/blobs/sha256/left").exists()


def test_it_runs_as_nobody_in_particular_and_on_loopback(layout, manifest):
    run = json.loads(blob(layout, manifest["config"]))["config"]
    assert (run["User"], run["Entrypoint"], run["Cmd"]) == ("65532:65532", ["/usr/bin/espmedsam"], ["serve"])
    assert run["Labels"]["org.opencontainers.image.description"] == "Research use only. Not for clinical use."


def test_there_is_nothing_in_it_but_what_is_needed(tree, manifest):
    entries = {str(path.relative_to(tree)): path.lstat() for path in tree.rglob("*")}
    assert not [path for path, stat in entries.items() if stat.st_mode & 0o7002], "set-user-id, or for all to write"
    programs = {path for path, stat in entries.items() if (tree / path).is_file() and stat.st_mode & 0o111}
    libraries = {path for path in programs if ".so" in path}
    assert programs - libraries == {"usr/bin/espmedsam"}
    assert {Path(path).name.split(".so")[0] for path in libraries} <= {
        "ld-linux-x86-64",
        "ld-linux-aarch64",
        "libc",
        "libgcc_s",
        "libm",
    }
    others = {path for path in entries if (tree / path).is_file()} - programs
    assert all(path.startswith(("usr/share/", "etc/passwd", "etc/group")) for path in others)
    assert (tree / "usr/share/doc/espmedsam/sbom.cdx.json").read_bytes() == (ROOT / "docs/sbom.cdx.json").read_bytes()


def test_what_others_wrote_has_its_terms_beside_it(tree, manifest):
    packages = dict(each.split("=") for each in manifest["annotations"]["org.espmedsam.libraries"].split())
    assert "libc6" in packages and all(packages.values())
    for name in packages:
        assert "GNU" in (tree / "usr/share/doc" / name / "copyright").read_text()
    assert "LGPL-2.1" in manifest["annotations"]["org.opencontainers.image.licenses"]


def test_a_library_without_terms_is_not_given_out(image, monkeypatch):
    monkeypatch.setattr(image, "run", lambda *words: "nobody=1" if "--show" in words else "nobody: /lib/libnone.so")
    with pytest.raises(image.UnfitError, match="has no copyright file"):
        image.owner(Path("/lib/libnone.so"))


def test_two_architectures_are_an_index_of_one_image_each(image, layout, program, tmp_path, monkeypatch):
    """The other's program is made up: it asks for the libraries of this one."""
    other = {"amd64": "arm64", "arm64": "amd64"}[ARCHITECTURE]
    monkeypatch.setitem(image.LIBRARIES, other, image.LIBRARIES[ARCHITECTURE])
    image.make(tmp_path / "both", {other: program, ARCHITECTURE: program})
    [top] = json.loads((tmp_path / "both/index.json").read_text())["manifests"]
    assert top["mediaType"] == "application/vnd.oci.image.index.v1+json"
    images = json.loads(blob(tmp_path / "both", top))["manifests"]
    assert [each["platform"]["architecture"] for each in images] == ["amd64", "arm64"]
    [alone] = json.loads((layout / "index.json").read_text())["manifests"]
    assert alone["digest"] in [each["digest"] for each in images]


def ready(address):
    try:
        return urllib.request.urlopen(f"{address}/health/ready", timeout=10).status == 200
    except OSError:
        return False


def test_it_serves_from_a_root_that_it_cannot_write_to(tree, tmp_path):
    """As 65532, with nothing but what is in the image: the mask that the program makes outside."""
    nobody = "--userspec=65532:65532" if os.geteuid() == 0 else ""
    script = f"""mount --bind {tree} {tree}; mount -o remount,bind,ro {tree}; mount --rbind /proc {tree}/proc
! touch {tree}/etc/written 2>/dev/null
exec chroot {nobody} {tree} /usr/bin/espmedsam serve --listen 127.0.0.1:0"""
    inside = ["unshare", "--mount", *([] if nobody else ["--map-root-user"]), "sh", "-euc", script]
    log = tmp_path / "log"
    with log.open("w") as stderr:
        server = subprocess.Popen(inside, stderr=stderr)
        try:
            while not (found := re.search(r"http://[\d.]+:\d+(?= )", log.read_text())):
                assert server.poll() is None, log.read_text()
                time.sleep(0.05)
            patience = time.monotonic() + 120
            while not ready(found[0]):
                assert time.monotonic() < patience, log.read_text()
                time.sleep(0.2)
            address = f"{found[0]}/v1/segment?modality=colonoscopy&format=png"
            request = urllib.request.Request(address, SAMPLE.read_bytes(), {"Content-Type": "image/jpeg"})
            with urllib.request.urlopen(request, timeout=120) as reply:
                mask = reply.read()
        finally:
            server.terminate()
            assert server.wait(20) == 0
    out = tmp_path / "mask.png"
    command = [PROGRAM, "segment", SAMPLE, "--modality", "colonoscopy", "--format", "png", "-o", out]
    subprocess.run(command, check=True, cwd=ROOT)
    assert mask == out.read_bytes()


# skopeo moves images, umoci unpacks them; without them this is not run, and `make test` says so.
if (OCI_TOOLS / "ready").exists():

    def tool(name, *words):
        libraries = ":".join(str(path) for path in (OCI_TOOLS / "usr/lib").glob("*-linux-gnu"))
        environment = os.environ | {"LD_LIBRARY_PATH": libraries}
        command = [OCI_TOOLS / "usr/bin" / name, *words]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    def test_skopeo_reads_and_copies_it(layout, tmp_path):
        found = tool("skopeo", "--insecure-policy", "inspect", f"oci:{layout}:{VERSION}")
        assert found.returncode == 0, found.stderr
        told = json.loads(found.stdout)
        assert told["Architecture"] == ARCHITECTURE and len(told["Layers"]) == 3
        assert told["Labels"]["org.opencontainers.image.description"] == "Research use only. Not for clinical use."
        bundle = layout.with_name("espmedsam.oci.tar")
        copied = tool("skopeo", "--insecure-policy", "copy", f"oci-archive:{bundle}:{VERSION}", f"dir:{tmp_path}/copy")
        assert copied.returncode == 0, copied.stderr
        assert (tmp_path / "copy/manifest.json").exists()

    def test_umoci_unpacks_it_and_makes_what_a_runtime_runs(layout, tmp_path):
        done = tool("umoci", "unpack", "--rootless", "--image", f"{layout}:{VERSION}", tmp_path / "bundle")
        assert done.returncode == 0, done.stderr
        process = json.loads((tmp_path / "bundle/config.json").read_text())["process"]
        assert process["args"] == ["/usr/bin/espmedsam", "serve"]
        assert (tmp_path / "bundle/rootfs/usr/share/espmedsam/models/manifest.toml").exists()

    @pytest.mark.parametrize("which", ["layers", "config"])
    def test_both_see_a_byte_that_was_changed(layout, tmp_path, which):
        """So that what passes above was looked at."""
        subprocess.run(["cp", "-r", layout, tmp_path / "broken"], check=True)
        [top] = json.loads((layout / "index.json").read_text())["manifests"]
        manifest = json.loads((layout / "blobs" / top["digest"].replace(":", "/")).read_text())
        descriptor = manifest[which][0] if which == "layers" else manifest[which]
        path = tmp_path / "broken/blobs" / descriptor["digest"].replace(":", "/")
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        copied = tool("skopeo", "--insecure-policy", "copy", f"oci:{tmp_path}/broken:{VERSION}", f"dir:{tmp_path}/copy")
        assert copied.returncode != 0
        done = tool("umoci", "unpack", "--rootless", "--image", f"{tmp_path}/broken:{VERSION}", tmp_path / "bundle")
        assert done.returncode != 0
