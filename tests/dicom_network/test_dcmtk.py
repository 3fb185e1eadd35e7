"""dcmtk's programs as who sends, and as who takes."""

import subprocess

import pytest
from conftest import instance, run_node, same
from peers import ENVIRONMENT, PATIENCE, free_port, listens, program, wait_for
from pydicom import dcmread


def run(name, *arguments):
    command = [program(name), *map(str, arguments)]
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE)


# What each program has to be told to propose, beside the uncompressed ones.
PROPOSED = {
    "1.2.840.10008.1.2.1": [],
    "1.2.840.10008.1.2.4.50": ["-xy"],
    "1.2.840.10008.1.2.4.80": ["-xt"],
    "1.2.840.10008.1.2.4.81": ["-xu"],
    "1.2.840.10008.1.2.4.90": ["-xv"],
    "1.2.840.10008.1.2.4.91": ["-xw"],
    "1.2.840.10008.1.2.5": ["-xr"],
}


def by_syntax(objects):
    found = {}
    for path in objects:
        found.setdefault(dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID, []).append(path)
    return found


def test_echoscu_is_answered(provider):
    done = run("echoscu", "-aec", provider.title, "127.0.0.1", provider.port)
    assert done.returncode == 0, done.stderr
    done = run("echoscu", "-aec", "OTHER", "127.0.0.1", provider.port)
    assert done.returncode != 0
    assert "Called AE Title Not Recognized" in done.stderr


def test_storescu_sends_in_every_transfer_syntax(provider, objects):
    for syntax, files in by_syntax(objects).items():
        done = run("storescu", *PROPOSED[syntax], "-aec", provider.title, "127.0.0.1", provider.port, *files)
        assert done.returncode == 0, done.stderr
    stored = provider.stored()
    assert len(stored) == len(objects)
    for path in objects:
        # It writes data sets anew, in its own way.
        ours, sent = dcmread(stored[instance(path)]), dcmread(path)
        assert ours.file_meta.TransferSyntaxUID == sent.file_meta.TransferSyntaxUID
        assert ours.PixelData == sent.PixelData


@pytest.mark.parametrize("length", [4096, 131072])
def test_storescp_takes_what_is_sent(tmp_path, objects, length):
    port = free_port()
    command = [program("storescp"), "-od", str(tmp_path), "+xa", "-pdu", str(length), "+B", str(port)]
    with subprocess.Popen(command, env=ENVIRONMENT) as process:
        try:
            wait_for(lambda: listens(port))
            assert run_node("echo", "127.0.0.1", port, "ANY") == (True, [])
            assert run_node("store", "127.0.0.1", port, "ANY", *objects) == (True, ["Stored"] * len(objects))
        finally:
            process.kill()
    took = {instance(path): path for path in tmp_path.iterdir()}
    for path in objects:
        assert same(path, took[instance(path)])
