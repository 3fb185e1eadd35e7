"""The container image as others' programs read it: skopeo, which moves images, and umoci, which unpacks them."""

import json
import os
import subprocess

import pytest
from conftest import ARCHITECTURE, OCI_TOOLS

VERSION = "0.1.0"


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
