"""The six modalities: row of `mask_query` for each. A default for our own weights; the manifest is what counts."""

# Row 6 of `mask_query` takes part in the attention but is no output.
MODALITIES = ("dermoscopy", "x-ray", "ultrasound", "fundus", "microscopy", "colonoscopy")

# How the pool's index names a modality -> the name used everywhere else.
_OF_INDEX = {"xray": "x-ray", "endoscopy": "colonoscopy"}


def of_index(name: str) -> str:
    """The modality that the pool's index means."""
    return _OF_INDEX.get(name, name)
