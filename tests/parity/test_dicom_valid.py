"""DICOM objects by dciodvfy and dcentvfy (dicom3tools): no errors, and no warnings but those that are explained here."""

import subprocess

import pytest
from dicom_objects import WISHES, write
from places import CHECKERS

# Said of what is not known, and not made up.
KNOWN = [
    # A name, a number or a date is of type 2: nobody's has none, and some sources have none either.
    "Missing attribute or value that would be needed to build DICOMDIR",
    # Which side of the body a picture shows is nowhere said; a capture has to leave it empty.
    "</Laterality(0020,0060)> - is only permitted to be empty when actually unknown",
    # A source's own name, as it was.
    "</PatientName(0010,0010)[1]> - Value dubious for this VR [PN] = <PLA> - Retired Person Name form",
]

# By its tables the number is a study's in a segmentation and a report, and a series' in a capture.
KNOWN_TOGETHER = "Different information entities for attribute - Element=<AccessionNumber>"


@pytest.mark.parametrize("wish", WISHES, ids=["-".join(filter(None, wish)) for wish in WISHES])
def test_objects_are_valid(tmp_path, wish):
    files = write(tmp_path, *wish).files
    kinds = {"binary": "Segmentation", "fractional": "Segmentation", "report": "ComprehensiveSR"}
    for name, path in files.items():
        done = subprocess.run([CHECKERS / "dciodvfy", "-new", path], capture_output=True, text=True)
        lines = done.stderr.splitlines()
        # It says what it takes an object for; nothing of that would be a file that it does not know.
        assert kinds.get(name, "SCImage") in lines, lines
        lines.remove(kinds.get(name, "SCImage"))
        assert [line for line in lines if not any(known in line for known in KNOWN)] == [], name

    together = subprocess.run([CHECKERS / "dcentvfy", *files.values()], capture_output=True, text=True)
    lines = (together.stdout + together.stderr).splitlines()
    assert [line for line in lines if KNOWN_TOGETHER not in line] == []


def test_a_wrong_object_is_found(tmp_path):
    """The checker does look: a segmentation that says no type."""
    path = write(tmp_path, "picture", "").files["binary"]
    path.write_bytes(path.read_bytes().replace(b"BINARY", b"BINERY"))
    done = subprocess.run([CHECKERS / "dciodvfy", "-new", path], capture_output=True, text=True)
    assert "Error" in done.stderr
