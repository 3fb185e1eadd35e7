"""A chest film in reversed grey, through the program. The picture is not part of the repository."""

import json
import subprocess

import pytest
from places import INVERTED_FILM, PROGRAM, ROOT

ASK = ["segment", INVERTED_FILM, "--models", ROOT / "models", "-o", "-", "--format", "json"]


@pytest.mark.parametrize("modality", ["x-ray", "auto"])
def test_it_is_refused_with_that_reason(modality):
    done = subprocess.run([PROGRAM, *ASK, "--modality", modality], capture_output=True, text=True)
    assert done.returncode != 0 and "inverted 'x-ray'" in done.stderr, done


def test_a_mask_that_is_kept_is_marked(espmedsam):
    reply = json.loads(espmedsam(*ASK, "--modality", "x-ray", "--on-mismatch", "keep"))
    assert reply["modality_check"]["state"] == "modality-mismatch" and reply["modality_check"]["inverted"]
